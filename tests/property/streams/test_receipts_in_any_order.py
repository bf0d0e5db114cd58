"""Loads and receipts in whatever order they are heard of, and time for whom it may change something: the same end."""

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from streams import events, replay, state, truck
from streams.assets import Reference
from streams.rules.thresholds import DEFAULT
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS
from tests.unit.streams import town

LOADS = 3
LIMIT_MS = round(DEFAULT.balance_receipt_h * HOUR_MS)


def reference() -> Reference:
    yard = next(one for one in town.records() if isinstance(one, events.Asset) and one.id == "f1")
    return town.reference(replace(yard, version=2, weighbridge=True))


def _day() -> tuple[list[events.TruckState], list[events.Weighing]]:
    """Three loads tipped at the yard, and the receipt of each."""
    drive = town.Drive(every_s=15)
    drive.fix().wait(30)
    receipts = []
    for number in range(LOADS):
        drive.load().go(town.STREET_M).wait(60).wait(60, falling_kg=14_000, bed="raised").wait(60, bed="level")
        receipts.append(
            events.Weighing(
                weighing_id=f"g{number}", facility_id="f1", truck_id="t1", event_time_ms=drive.time_ms, net_kg=14_000.0
            )
        )
        drive.go(0).wait(30)
    return drive.fixes, receipts


FIXES, RECEIPTS = _day()
LAST_MS = FIXES[-1].event_time_ms


def _without_receipt(outputs: list[events.Event]) -> dict[str, tuple[str, str]]:
    """Of each alert of loads that were not weighed, its last state and its tickets; revisions only grow."""
    last: dict[str, events.Alert] = {}
    for one in outputs:
        if isinstance(one, events.Alert) and one.rule == "mass-balance" and "tickets" in one.used:
            assert one.revision == (last[one.alert_id].revision + 1 if one.alert_id in last else 1)
            last[one.alert_id] = one
    return {alert_id: (one.state, one.used["tickets"]) for alert_id, one in last.items()}


def _fold(records: list[truck.TruckRecord], until_ms: int) -> dict[str, tuple[str, str]]:
    one, known, outputs = state.Truck(truck_id="t1"), reference(), []
    for record in records:
        one, told = truck.step(one, record, known)
        outputs += told
    for at_ms in range(LAST_MS, until_ms, 10 * MINUTE_MS):
        one, told = truck.step(one, events.Tick(at_ms=at_ms), known)
        outputs += told
    return _without_receipt(outputs)


@settings(max_examples=60)
@given(
    came=st.sets(st.integers(0, LOADS - 1)),
    at=st.lists(st.integers(0, len(FIXES)), min_size=LOADS, max_size=LOADS),
)
def test_a_receipt_may_come_before_its_load_is_heard_of_or_after(came: set[int], at: list[int]) -> None:
    """Wherever receipts are read among the reports: what is told is which loads have none, once."""
    records: list[tuple[int, truck.TruckRecord]] = [(n, fix) for n, fix in enumerate(FIXES)]
    records += [(at[number], RECEIPTS[number]) for number in sorted(came)]
    records.sort(key=lambda one: one[0])
    found = _fold([record for _, record in records], LAST_MS + LIMIT_MS + HOUR_MS)
    in_order = _fold([*FIXES, *(RECEIPTS[number] for number in sorted(came))], LAST_MS + LIMIT_MS + HOUR_MS)
    assert found == in_order
    assert [len(tickets.split(", ")) for _, tickets in found.values()] == (
        [LOADS - len(came)] if len(came) < LOADS else []
    )


@settings(max_examples=40)
@given(
    came_h=st.lists(st.none() | st.integers(0, 40), min_size=LOADS, max_size=LOADS),
)
def test_what_is_open_in_the_end_are_the_loads_without_a_receipt(came_h: list[int | None]) -> None:
    """However late receipts come: an alert that is left names just these; with all there, none is left."""
    one, known = state.Truck(truck_id="t1"), reference()
    outputs: list[events.Event] = []
    for fix in FIXES:
        one, told = truck.step(one, fix, known)
        outputs += told
    for hour in range(50):
        one, told = truck.step(one, events.Tick(at_ms=LAST_MS + hour * HOUR_MS), known)
        outputs += told
        for number in range(LOADS):
            if came_h[number] == hour:
                late = replace(RECEIPTS[number], received_time_ms=LAST_MS + hour * HOUR_MS + 1)
                one, told = truck.step(one, late, known)
                outputs += told
    left = [tickets for last, tickets in _without_receipt(outputs).values() if last != "cancelled"]
    never = sum(hour is None for hour in came_h)
    assert [len(tickets.split(", ")) for tickets in left] == ([never] if never else [])


class _Others:
    """Other trucks, heard all the while."""

    def heard(self, _: int) -> "_Others":
        """Nothing new."""
        return self

    def at(self, _: int) -> int:
        """Since the day began."""
        return town.START_MS


@settings(max_examples=15)
@given(
    came=st.lists(st.none() | st.integers(0, 9 * 360), min_size=LOADS, max_size=LOADS),
    others_heard=st.booleans(),
    days=st.sampled_from([0.4, 1.5]),
)
def test_time_passes_only_for_whom_it_may_change_something(
    *, came: list[int | None], others_heard: bool, days: float
) -> None:
    """A replay, whose ticks skip trucks and hours, says what ticks to everybody say."""
    day, one, known = replay.Day(reference(), truck.DEFAULT_SETTINGS), state.Truck(truck_id="t1"), reference()
    if others_heard:
        day.hearing = _Others()  # type: ignore[assignment]  # who is heard is all that is asked of it
    records: list[tuple[int, truck.TruckRecord]] = [(fix.received_time_ms or 0, fix) for fix in FIXES]
    records += [
        (LAST_MS + tens * 10_000, replace(receipt, received_time_ms=LAST_MS + tens * 10_000))
        for receipt, tens in zip(RECEIPTS, came, strict=True)
        if tens is not None
    ]
    mine, theirs, tick_ms = [], [], 0
    for at_ms, record in [*sorted(records, key=lambda one: one[0]), (LAST_MS + round(days * DAY_MS), None)]:
        mine += day.pass_time(at_ms)
        tick_ms = tick_ms or at_ms // replay.TICK_MS * replay.TICK_MS + replay.TICK_MS
        while tick_ms <= at_ms:
            one, told = truck.step(one, events.Tick(at_ms=tick_ms, hearing_ms=day.hearing.at(tick_ms)), known)
            theirs += told
            tick_ms += replay.TICK_MS
        if record is not None:
            mine += day.fold(record)
            one, told = truck.step(one, record, known)
            theirs += told
    assert mine == theirs
    if not others_heard or None in came:
        assert bool(_without_receipt(mine)) == others_heard
