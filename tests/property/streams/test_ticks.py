"""Time passes only for whom it may change something; what follows is what follows when it passes for all."""

from hypothesis import given, settings
from hypothesis import strategies as st

from streams import bins, events, replay, state, truck
from streams.assets import Reference
from streams.hearing import Hearing
from tests.unit.streams import town

TRUCKS, BINS = ("t1", "t2"), ("b1", "b2", "stray")


def reference() -> Reference:
    bins = [
        events.Asset(id=name, kind="bin", material="residual", volume_l=1_000, valid_from_ms=0, lon=-8.6, lat=41.2)
        for name in BINS[:2]
    ]
    return town.reference(*bins, truck_ids=TRUCKS)


def fix(step_s: int, truck_id: str, seq: int, speed_mps: float, *, sos: bool) -> tuple[int, events.Event]:
    lon, lat = town.at(step_s * 3.0)
    alarms = ("sos",) if sos else ()
    return step_s, events.TruckState(
        truck_id=truck_id, terminal_id=truck_id, source="jt808", event_time_ms=town.START_MS + step_s * 1_000,
        received_time_ms=town.START_MS + step_s * 1_000, seq=seq, lon=lon, lat=lat, speed_mps=speed_mps, alarms=alarms,
    )  # fmt: skip


def reading(step_s: int, bin_id: str, fill: float) -> tuple[int, events.Event]:
    return step_s, events.BinReading(bin_id=bin_id, event_time_ms=town.START_MS + step_s * 1_000, fill=fill)


def registered(step_s: int, from_s: int, version: int, *, retired: bool) -> tuple[int, events.Event]:
    return step_s, events.Asset(
        id="stray", kind="bin", material="residual" if version % 3 else None, lon=-8.6, lat=41.2, version=version,
        valid_from_ms=town.START_MS + from_s * 1_000, received_time_ms=town.START_MS + step_s * 1_000, retired=retired,
    )  # fmt: skip


seconds = st.integers(0, 40_000)
some_records = st.lists(
    st.builds(fix, seconds, st.sampled_from(TRUCKS), st.integers(0, 20), st.sampled_from([0.0, 9.0]), sos=st.booleans())
    | st.builds(reading, seconds, st.sampled_from(BINS), st.sampled_from([0.1, 0.3, 0.45, 0.6, 0.75, 0.9]))
    | st.builds(registered, seconds, st.integers(-100_000, 100_000), st.integers(1, 9), retired=st.booleans()),
    max_size=40,
).map(lambda found: [record for _, record in sorted(found, key=lambda one: one[0])])


class Everybody:
    """What `replay.Day` must equal: each tick comes to each truck and bin."""

    def __init__(self, known: Reference) -> None:
        self.known = known
        self.trucks: dict[str, state.Truck] = {}
        self.bins: dict[str, bins.Bin] = {}
        self.tick_ms: int | None = None
        self.hearing = Hearing()

    def fold(self, record: events.Event) -> list[events.Event]:
        """Fold one record in."""
        if isinstance(record, events.Asset):
            self.known.apply(record)
            return []
        if isinstance(record, events.BinReading):
            a_bin = self.bins.setdefault(record.bin_id, bins.new(record.bin_id))
            return bins.step(a_bin, record, self.known)[1]
        assert isinstance(record, events.TruckState)
        self.hearing = self.hearing.heard(replay.recorded.merge_ms(record))
        one = self.trucks.setdefault(record.truck_id, state.Truck(truck_id=record.truck_id))
        return truck.step(one, record, self.known)[1]

    def pass_time(self, until_ms: int) -> list[events.Event]:
        """Let every tick up to then come to everybody."""
        told: list[events.Event] = []
        self.tick_ms = self.tick_ms or until_ms // replay.TICK_MS * replay.TICK_MS + replay.TICK_MS
        while self.tick_ms <= until_ms:
            tick = events.Tick(at_ms=self.tick_ms, hearing_ms=self.hearing.at(self.tick_ms))
            for one in self.trucks.values():
                told += truck.step(one, tick, self.known)[1]
            for a_bin in self.bins.values():
                told += bins.step(a_bin, tick, self.known)[1]
            self.tick_ms += replay.TICK_MS
        return told


@settings(max_examples=60)
@given(some_records)
def test_skipped_ticks_change_nothing(day: list[events.Event]) -> None:
    """Same outputs at the same moments, whatever gaps, forecasts and bins without a register there are."""
    quick = replay.Day(reference(), truck.DEFAULT_SETTINGS)
    slow = Everybody(reference())
    for record in [*day, None]:
        until_ms = town.START_MS + 41_000_000 if record is None else replay.recorded.merge_ms(record)
        mine, theirs = quick.pass_time(until_ms), slow.pass_time(until_ms)
        assert sorted(map(repr, mine)) == sorted(map(repr, theirs))
        if record is not None:
            assert quick.fold(record) == slow.fold(record)
