"""A slice offered again after a crash changes nothing, and says again what it said, with the same ids."""

from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams import codec, events, state, topics, truck
from streams.worker.folding import Partition, partition_of
from tests.unit.streams import town

KNOWN = town.reference()
NUMBER = partition_of("t1")


class Record(NamedTuple):
    """A record as it stands on a partition."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def _records() -> list[Record]:
    drive = town.loaded().go(2_000).go(2_000, 200).wait(60, falling_kg=14_000, bed="raised")
    fixes = drive.wait(70, bed="level").go(4_000, cover="open").fixes
    return [Record(n, b"t1", codec.encode(fix)) for n, fix in enumerate(fixes)]


RECORDS = _records()
TOPIC = topics.TRUCK_STATES.name


def _alerts(outputs: list[object]) -> list[tuple[str, int, str]]:
    decoded = [codec.decode(topics.ALERTS, o.value) for o in outputs if o.topic == "alerts"]  # type: ignore[attr-defined]
    return [(alert.alert_id, alert.revision, alert.state) for alert in decoded]


@settings(max_examples=60)
@given(
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    crash_after=st.integers(0, 12),
    committed=st.integers(0, 12),
)
def test_a_crash_between_any_state_and_any_commit_changes_nothing(
    sizes: list[int], crash_after: int, committed: int
) -> None:
    """States written up to one slice, offsets committed up to an earlier one: the end is that of an undisturbed run."""
    slices, start = [], 0
    while start < len(RECORDS):
        size = sizes[len(slices) % len(sizes)]
        slices.append(RECORDS[start : start + size])
        start += size
    crash_after, committed = min(crash_after, len(slices)), min(committed, crash_after, len(slices))
    undisturbed = Partition(NUMBER, {})
    said = [o for one in slices for o in undisturbed.fold(TOPIC, one, KNOWN, truck.DEFAULT_SETTINGS).outputs]

    before, first = Partition(NUMBER, {}), []
    offset = sum(map(len, slices[:committed]))
    for n, one in enumerate(slices[:crash_after]):
        first.append(before.fold(TOPIC, one, KNOWN, truck.DEFAULT_SETTINGS, offset if n >= committed else 0).outputs)
    stored = {f"truck:{name}": state.encode(stamped) for name, stamped in before.trucks.items()}
    after = Partition(NUMBER, stored)
    again = [o for one in slices[committed:] for o in after.fold(TOPIC, one, KNOWN, truck.DEFAULT_SETTINGS).outputs]

    kept = [o for outputs in first[:committed] for o in outputs]
    assert _alerts(kept + again) == _alerts(said)  # type: ignore[arg-type]
    assert after.trucks["t1"].state == undisturbed.trucks["t1"].state


def test_the_same_slice_twice_is_answered_twice_alike() -> None:
    """Twice the same bytes out; the second time nothing is folded."""
    partition = Partition(NUMBER, {})
    first = partition.fold(TOPIC, RECORDS, KNOWN, truck.DEFAULT_SETTINGS)
    before = state.encode(partition.trucks["t1"])
    second = partition.fold(TOPIC, RECORDS, KNOWN, truck.DEFAULT_SETTINGS)
    assert first.outputs == second.outputs
    assert second.repeated == len(RECORDS)
    assert state.encode(partition.trucks["t1"]) == before


def test_what_is_committed_is_forgotten() -> None:
    """The outbox in a state does not grow: answers to committed inputs are dropped."""
    partition = Partition(NUMBER, {})
    partition.fold(TOPIC, RECORDS[:-1], KNOWN, truck.DEFAULT_SETTINGS)
    assert partition.trucks["t1"].said
    partition.fold(TOPIC, RECORDS[-1:], KNOWN, truck.DEFAULT_SETTINGS, committed=len(RECORDS) - 1)
    assert partition.trucks["t1"].said == []


def test_a_tick_leaves_alone_a_truck_that_waits_for_nothing() -> None:
    """Not even what it said and is not committed is a reason: the fold does not depend on when the broker confirms."""
    partition = Partition(NUMBER, {})
    partition.fold(TOPIC, RECORDS, KNOWN, truck.DEFAULT_SETTINGS)
    assert partition.trucks["t1"].said
    before = state.encode(partition.trucks["t1"])
    tick = Record(0, b"0", codec.encode(events.Tick(at_ms=town.START_MS + 10**8)))
    assert partition.fold("ticks", [tick], KNOWN, truck.DEFAULT_SETTINGS).changed == {}
    assert state.encode(partition.trucks["t1"]) == before


@settings(max_examples=40)
@given(
    delays_s=st.lists(st.integers(0, 29), min_size=1, max_size=30),
    sizes=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    crashes=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=4),
)
def test_permuted_within_the_bound_and_crashed_at_any_point_the_judgement_is_that_of_the_day(
    delays_s: list[int], sizes: list[int], crashes: list[tuple[int, int]]
) -> None:
    """Several crashes, each after a slice whose states are kept and before a commit: same alerts, same conclusions."""
    fixes = [codec.decode(topics.TRUCK_STATES, record.value) for record in RECORDS]
    first, *rest = fixes
    arrivals = [(first.event_time_ms, first)]
    arrivals += [(fix.event_time_ms + delays_s[n % len(delays_s)] * 1_000, fix) for n, fix in enumerate(rest)]
    arrivals.sort(key=lambda one: one[0])
    records = [
        Record(n, b"t1", codec.encode(replace(fix, received_time_ms=at_ms))) for n, (at_ms, fix) in enumerate(arrivals)
    ]
    in_order = Partition(NUMBER, {})
    said = list(in_order.fold(TOPIC, RECORDS, KNOWN, truck.DEFAULT_SETTINGS).outputs)
    said += in_order.fold("ticks", [_END], KNOWN, truck.DEFAULT_SETTINGS).outputs

    stored: dict[str, bytes] = {}
    again: list[object] = []
    committed = offset = 0
    for after, back in [*crashes, (len(records), 0)]:
        life = Partition(NUMBER, stored)
        for n in range(after):
            one = records[offset : offset + sizes[n % len(sizes)]]
            if not one:
                break
            again += life.fold(TOPIC, one, KNOWN, truck.DEFAULT_SETTINGS, committed).outputs
            offset += len(one)
        stored = {f"truck:{name}": state.encode(stamped) for name, stamped in life.trucks.items()}
        committed = offset = max(committed, offset - back)
    last = Partition(NUMBER, stored)
    again += last.fold("ticks", [_END], KNOWN, truck.DEFAULT_SETTINGS).outputs
    assert dict.fromkeys(_alerts(again)) == dict.fromkeys(_alerts(said))  # type: ignore[arg-type]
    assert _judged(last.trucks["t1"].state) == _judged(in_order.trucks["t1"].state)


_END = Record(0, b"0", codec.encode(events.Tick(at_ms=town.START_MS + 10**8)))


def _judged(one: state.Truck) -> list[object]:
    """What was concluded, without when it arrived."""
    last = {rule: replace(alert, emitted_ms=0) for rule, alert in one.ledger.last.items()}
    return [one.position, one.load, one.cargo, one.visits, one.memories, last]


def test_a_tick_says_again_what_it_led_to() -> None:
    """Ticks are inputs like any other."""
    partition = Partition(partition_of("b1"), {})
    asset = events.Asset(
        id="b1",
        kind="bin",
        material="residual",
        volume_l=1000,
        density_kg_per_l=0.1,
        lon=town.LON,
        lat=town.LAT,
        valid_from_ms=0,
    )
    known = town.reference(asset)
    hour_ms = 3_600_000
    readings = [
        Record(
            n, b"b1", codec.encode(events.BinReading(bin_id="b1", event_time_ms=n * hour_ms + 1, fill=0.1 + 0.02 * n))
        )
        for n in range(8)
    ]
    partition.fold("bin-readings", readings, known, truck.DEFAULT_SETTINGS)
    tick = Record(0, b"0", codec.encode(events.Tick(at_ms=60 * hour_ms)))
    first = partition.fold("ticks", [tick], known, truck.DEFAULT_SETTINGS)
    assert [o.topic for o in first.outputs] == ["collections-due"]
    assert partition.fold("ticks", [tick], known, truck.DEFAULT_SETTINGS).outputs == first.outputs
