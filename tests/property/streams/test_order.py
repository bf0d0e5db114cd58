"""Whatever order reports arrive in, within the bound, and however often: the same end state, the same outputs."""

from collections.abc import Sequence

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from streams import events, state, truck
from streams.assets import Reference
from streams.watermark import Bounds
from tests.unit.streams import town

BOUNDS = Bounds()
KNOWN = town.reference()


def _journey(seed: int) -> list[events.TruckState]:
    drive = town.loaded(seed=seed).go(1_500).go(1_500, 250).go(2_600, 250, cover="open")
    return drive.wait(60, falling_kg=14_000, bed="raised").wait(70, bed="level").go(3_500, cover="closed").fixes


JOURNEYS = {seed: _journey(seed) for seed in range(3)}


def _arrivals(fixes: list[events.TruckState], delays_s: Sequence[float], repeats: list[int]) -> list[events.TruckState]:
    """The fixes as they arrive: each delayed, some twice. The first comes first: before it nothing can be missed."""
    first, *rest = fixes
    arrivals = [(first.event_time_ms, 0, first)]
    for n, fix in enumerate(rest, start=1):
        delay_ms = round(delays_s[n % len(delays_s)] * 1000)
        arrivals.append((fix.event_time_ms + delay_ms, n, fix))
        if n in repeats:
            arrivals.append((fix.event_time_ms + delay_ms + 7_000, n, fix))
    arrivals.sort(key=lambda one: one[:2])
    return [msgspec.structs.replace(fix, received_time_ms=max(at_ms, fix.event_time_ms)) for at_ms, _, fix in arrivals]


def _fold(
    records: Sequence[events.TruckState | events.Tick], known: Reference = KNOWN
) -> tuple[state.Truck, list[events.Event]]:
    one, outputs = state.Truck(truck_id="t1"), []
    for record in records:
        one, told = truck.step(one, record, known)
        outputs += told
    last_ms = max(record.received_time_ms or 0 for record in records if isinstance(record, events.TruckState))
    one, told = truck.step(one, events.Tick(at_ms=last_ms + BOUNDS.gap_ms), known)
    return one, outputs + told


def _said(outputs: list[events.Event]) -> list[object]:
    """Outputs without the time they left at."""
    said = [msgspec.to_builtins(output) for output in outputs]
    return [{name: value for name, value in one.items() if name != "emitted_ms"} for one in said]


def _judged(one: state.Truck) -> object:
    """What was concluded of the truck: its state without the bookkeeping of arrival."""
    kept = msgspec.to_builtins(one)
    for arrival in ("order", "newest_arrival_ms"):
        del kept[arrival]
    for alert in one.ledger.last:
        del kept["ledger"][0][alert]["emitted_ms"]
    return kept


@settings(max_examples=60)
@given(
    seed=st.sampled_from(sorted(JOURNEYS)),
    delays_s=st.lists(st.integers(0, BOUNDS.gap_ms // 1000 - 1), min_size=1, max_size=40),
    repeats=st.lists(st.integers(1, 60), max_size=15),
)
def test_any_arrival_within_the_bound_gives_the_same_judgement(
    seed: int, delays_s: list[int], repeats: list[int]
) -> None:
    """Delayed by less than the bound, swapped, doubled: nothing that is concluded changes."""
    in_order, told = _fold(JOURNEYS[seed])
    shuffled, told_again = _fold(_arrivals(JOURNEYS[seed], delays_s, repeats))
    assert _said(told_again) == _said(told)
    assert _judged(shuffled) == _judged(in_order)
    assert shuffled.order.late == 0


def _numbered(fixes: list[events.TruckState], how: str, at: int) -> list[events.TruckState]:
    """The fixes of a terminal whose counter wraps or restarts after report ``at``, or that does not count."""
    at = at % len(fixes)
    given = {
        "wraps": lambda n: (65_536 - at + n) % 65_536,
        "restarts": lambda n: 900 + n if n < at else n - at,
        "does not count": lambda _: None,
    }[how]
    return [msgspec.structs.replace(fix, seq=given(n)) for n, fix in enumerate(fixes)]


def _with_ticks(records: list[events.TruckState], shift_ms: int) -> list[events.TruckState | events.Tick]:
    """A tick each ten seconds of arrival time between the records, as the metronome sends them."""
    mixed: list[events.TruckState | events.Tick] = []
    tick_ms = (records[0].received_time_ms or 0) + shift_ms
    for record in records:
        while tick_ms <= (record.received_time_ms or 0):
            mixed.append(events.Tick(at_ms=tick_ms))
            tick_ms += 10_000
        mixed.append(record)
    return mixed


@settings(max_examples=40)
@given(
    seed=st.sampled_from(sorted(JOURNEYS)),
    how=st.sampled_from(["wraps", "restarts", "does not count"]),
    at=st.integers(1, 150),
    delays_ms=st.lists(st.integers(0, BOUNDS.unnumbered_ms - 1), min_size=1, max_size=40),
    repeats=st.lists(st.integers(1, 60), max_size=15),
    tick_shift_ms=st.integers(0, 9_999),
)
def test_however_a_terminal_counts_and_whenever_ticks_come_the_judgement_is_the_same(
    *, seed: int, how: str, at: int, delays_ms: list[int], repeats: list[int], tick_shift_ms: int
) -> None:
    """Its number wraps, restarts or is not there: within the smaller bound nothing that is concluded changes."""
    _, told = _fold(JOURNEYS[seed])
    arrivals = _arrivals(_numbered(JOURNEYS[seed], how, at), [ms / 1000 for ms in delays_ms], repeats)
    shuffled, told_again = _fold(_with_ticks(arrivals, tick_shift_ms))
    assert _said(told_again) == _said(told)
    assert shuffled.order.late == 0


@settings(max_examples=25)
@given(
    seed=st.sampled_from(sorted(JOURNEYS)),
    delays_s=st.lists(st.integers(0, BOUNDS.gap_ms // 1000 - 1), min_size=1, max_size=40),
    tick_shift_ms=st.integers(0, 9_999),
)
def test_ticks_between_delayed_reports_change_nothing(seed: int, delays_s: list[int], tick_shift_ms: int) -> None:
    """Time passing where no report comes releases what waited long enough, and nothing sooner."""
    _, told = _fold(JOURNEYS[seed])
    shuffled, told_again = _fold(_with_ticks(_arrivals(JOURNEYS[seed], delays_s, []), tick_shift_ms))
    assert _said(told_again) == _said(told)
    assert shuffled.order.late == 0


@settings(max_examples=20)
@given(
    seed=st.sampled_from(sorted(JOURNEYS)),
    ahead_h=st.integers(1, 40_000),
    delays_s=st.lists(st.integers(0, 600), min_size=1, max_size=40),
)
def test_resends_do_not_teach_the_clock(seed: int, ahead_h: int, delays_s: list[int]) -> None:
    """A clock known to be ahead: blind areas, reported in order but late, are judged by the same corrected times."""
    ahead_ms = ahead_h * 3_600_000
    arrivals, now_ms = [], 0
    for n, fix in enumerate(JOURNEYS[seed]):
        resent = n > 3 and delays_s[n % len(delays_s)] > 60
        now_ms = max(now_ms, fix.event_time_ms + (delays_s[n % len(delays_s)] * 1000 if resent else 300))
        resent = resent or now_ms > fix.event_time_ms + 60_000
        given = {"event_time_ms": fix.event_time_ms + ahead_ms, "received_time_ms": now_ms, "resent": resent}
        arrivals.append(msgspec.structs.replace(fix, **given))
    one, told = _fold(arrivals)
    assert one.order.late == 0
    assert _rules(told) == _rules(_fold(JOURNEYS[seed])[1])


def _rules(outputs: list[events.Event]) -> list[tuple[str, int]]:
    return [(output.rule, output.revision) for output in outputs if isinstance(output, events.Alert)]


@settings(max_examples=60)
@given(seed=st.sampled_from(sorted(JOURNEYS)), at=st.integers(0, 150))
def test_going_on_from_the_bytes_of_a_state_is_going_on(seed: int, at: int) -> None:
    """Encoded and decoded at any point, a state leads to the same end: nothing is kept outside of it."""
    whole, told = _fold(JOURNEYS[seed])
    fixes = JOURNEYS[seed]
    stamped = state.new_truck("t1")
    outputs: list[events.Event] = []
    for fix in fixes[:at]:
        stamped.state, said = truck.step(stamped.state, fix, KNOWN)
        outputs += said
    again = state.decode("truck", state.encode(stamped)).state
    for fix in fixes[at:]:
        again, said = truck.step(again, fix, KNOWN)
        outputs += said
    last_ms = max(fix.received_time_ms or 0 for fix in fixes)
    again, said = truck.step(again, events.Tick(at_ms=last_ms + BOUNDS.gap_ms), KNOWN)
    assert _said(outputs + said) == _said(told)
    assert msgspec.to_builtins(again) == msgspec.to_builtins(whole)


@settings(max_examples=30)
@given(seed=st.sampled_from(sorted(JOURNEYS)), weeks=st.integers(-8, 8))
def test_moving_a_day_by_whole_weeks_moves_nothing_but_time(seed: int, weeks: int) -> None:
    """Rules do not know the date: only times and the ids made of them differ."""
    shift_ms = weeks * 7 * 86_400_000
    moved = [
        msgspec.structs.replace(
            fix,
            event_time_ms=fix.event_time_ms + shift_ms,
            received_time_ms=(fix.received_time_ms or 0) + shift_ms,
        )
        for fix in JOURNEYS[seed]
    ]
    _, told = _fold(JOURNEYS[seed])
    _, told_moved = _fold(moved)
    assert [_untimed(one) for one in _said(told_moved)] == [_untimed(one) for one in _said(told)]


def _untimed(said: object) -> object:
    assert isinstance(said, dict)
    timeless = {name: value for name, value in said.items() if not name.endswith("_ms") and not name.endswith("_id")}
    times = timeless.pop("times", {})  # of a ticket
    return timeless | {"times": sorted(times, key=times.__getitem__)}
