"""mass-balance, by time alone: a load that was tipped and not weighed, and one that is on its way for days."""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from streams import events, state, truck
from streams.rules.thresholds import DEFAULT
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS
from tests.unit.streams import town
from tests.unit.streams.judging import states
from tests.unit.streams.rules.receipts import weighing

RULE = "mass-balance"
LIMIT_MS = round(DEFAULT.balance_receipt_h * HOUR_MS)
OPEN_MS = round(DEFAULT.balance_open_h * HOUR_MS)


class City:
    """One truck, its receipts, and time."""

    def __init__(self, *, weighbridge: bool | None = None) -> None:
        yard = next(one for one in town.records() if isinstance(one, events.Asset) and one.id == "f1")
        self.known = town.reference(replace(yard, version=2, weighbridge=weighbridge))
        self.one = state.Truck(truck_id="t1")
        self.said: list[events.Alert] = []

    def hear(self, *records: truck.TruckRecord) -> "City":
        """Records come. What is stored of the truck is read again between any two of them."""
        for record in records:
            stamped = state.decode("truck", state.encode(state.Stamped(state.VERSION, self.one)))
            self.one, told = truck.step(stamped.state, record, self.known)
            self.said += [one for one in told if isinstance(one, events.Alert) and one.rule == RULE]
        return self

    def tick(self, at_ms: int, hearing_ms: int | None = None) -> "City":
        """Time passes."""
        return self.hear(events.Tick(at_ms=at_ms, hearing_ms=hearing_ms))

    @property
    def states(self) -> list[str]:
        """States of the revisions, in order."""
        return states(self.said)


class Day:
    """Loads of one truck, one after the other: each tipped at the yard."""

    def __init__(self) -> None:
        self.drive = town.Drive()
        self.drive.fix().wait(30)
        self.tipped_ms: list[int] = []

    def load(self, kg: float = 14_000.0) -> list[events.TruckState]:
        """Load, drive, tip, come back; return the reports."""
        begun = len(self.drive.fixes)
        self.drive.load(kg).go(town.STREET_M).wait(60).wait(60, falling_kg=kg, bed="raised").wait(60, bed="level")
        self.tipped_ms.append(self.drive.time_ms)
        return self.drive.go(0).wait(30).fixes[begun:] if begun > 4 else self.drive.go(0).wait(30).fixes

    def receipt(self, number: int, **changed: Any) -> events.Weighing:
        """Of the load with this number."""
        return weighing(self.tipped_ms[number], 14_000.0, f"g{number}", **changed)


def due_ms(city: City) -> int:
    """When the truck is looked at next."""
    return city.one.loads.due_ms


def test_a_load_that_is_tipped_and_not_weighed_is_told_after_the_limit() -> None:
    """Not before, once; where the yard has weighed this truck before, but not since: perhaps its weighbridge is out of order."""
    day, city = Day(), City()
    city.hear(*day.load(), day.receipt(0), *day.load())
    assert day.tipped_ms[1] - 2 * MINUTE_MS < due_ms(city) - LIMIT_MS <= day.tipped_ms[1]
    city.tick(due_ms(city) - 1)
    assert city.said == []
    at_ms = due_ms(city)
    city.tick(at_ms).tick(at_ms + HOUR_MS)
    (alert,) = city.said
    assert (alert.state, alert.certainty, alert.facility_id, alert.raised_ms) == ("raised", "possible", "f1", at_ms)
    assert alert.because[0].limit == DEFAULT.balance_receipt_h
    assert alert.because[2].measured is not None
    assert 13_500 <= float(str(alert.because[2].measured).removesuffix(" kg")) <= 14_500
    assert not truck.heeds(city.one, events.Tick(at_ms=at_ms + 5 * DAY_MS))


@pytest.mark.parametrize(
    ("weighbridge", "expected"),
    [
        pytest.param(None, [], id="not known: it never weighed this truck"),
        pytest.param(False, [], id="the register says it has none"),
        pytest.param(True, ["raised"], id="the register says it has one"),
    ],
)
def test_only_where_it_is_known_that_loads_are_weighed(*, weighbridge: bool | None, expected: list[str]) -> None:
    """The first load of a truck, and no receipt."""
    day, city = Day(), City(weighbridge=weighbridge)
    city.hear(*day.load())
    assert city.tick(due_ms(city)).states == expected


def test_a_yard_that_begins_to_weigh_says_nothing_of_loads_before() -> None:
    """It was not known when they were due."""
    day, city = Day(), City()
    city.hear(*day.load())
    city.tick(due_ms(city)).hear(*day.load(), day.receipt(1))
    assert city.tick(day.tipped_ms[0] + 6 * DAY_MS).said == []


def test_it_is_likely_where_the_weighbridge_reported_the_next_load() -> None:
    """So it was at work, and this load passed it by."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.load(), *day.load(), day.receipt(1))
    (alert,) = city.tick(day.tipped_ms[0] + LIMIT_MS).said
    assert alert.certainty == "likely"


def test_a_receipt_that_comes_late_takes_the_alert_back_and_is_judged() -> None:
    """The reason names it; that it is short is another alert."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.load())
    raised_ms = due_ms(city)
    late = replace(day.receipt(0), net_kg=9_000.0, received_time_ms=raised_ms + HOUR_MS)
    city.tick(raised_ms).hear(late)
    assert city.states == ["raised", "raised", "ended", "cancelled"]
    missing, short, _, cancelled = city.said
    assert cancelled.alert_id == missing.alert_id != short.alert_id
    assert cancelled.reason == f"weighings t1 {day.tipped_ms[0]}: the receipt came late"
    assert short.lost_kg == pytest.approx(5_000, abs=200)
    assert due_ms(city) == 0


@pytest.mark.parametrize(("minutes", "is_of_it"), [(-60, False), (-9, True), (0, True), (118, True), (125, False)])
def test_which_receipt_is_of_the_load(minutes: int, *, is_of_it: bool) -> None:
    """One made while it was on board, or within two hours after it was tipped, if no other load was on board."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.load())
    receipt = weighing(day.tipped_ms[0] + minutes * MINUTE_MS, 14_000.0)
    city.hear(receipt)
    assert city.tick(day.tipped_ms[0] + LIMIT_MS).states == ([] if is_of_it else ["raised"])


@pytest.mark.parametrize("changed", [{"accepted": False}, {"inbound": False}])
def test_what_is_no_receipt_for_a_load_that_was_tipped(changed: dict[str, Any]) -> None:
    """It was turned away, and tipped all the same; or something went out."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.load(), day.receipt(0, **changed))
    assert city.tick(day.tipped_ms[0] + LIMIT_MS).states == ["raised"]


def test_the_loads_of_one_weighbridge_that_is_silent_are_one_alert() -> None:
    """Each is counted; each receipt takes one off; the last one takes the alert back."""
    day, city = Day(), City(weighbridge=True)
    for _ in range(3):
        city.hear(*day.load())
    for number in range(3):
        city.tick(day.tipped_ms[number] + LIMIT_MS)
    assert city.states == ["raised", "updated", "updated"]
    assert (city.said[-1].because[1].measured, len(city.said[-1].used["tickets"].split(", "))) == ("3", 3)
    for number in (1, 0, 2):
        city.hear(day.receipt(number, received_time_ms=day.tipped_ms[2] + 2 * LIMIT_MS))
    assert city.states[3:] == ["updated", "updated", "cancelled"]
    assert len({alert.alert_id for alert in city.said}) == 1
    assert [alert.revision for alert in city.said] == [1, 2, 3, 4, 5, 6]
    assert len(city.said[4].used["tickets"].split(", ")) == 1


def test_a_receipt_is_waited_for_a_week() -> None:
    """Then the alert ends; nothing of it is kept."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.load())
    city.tick(due_ms(city))
    city.tick(due_ms(city) - 1)
    assert city.states == ["raised"]
    assert city.tick(due_ms(city)).states == ["raised", "ended"]
    assert (due_ms(city), city.one.loads.tipped, city.one.memories.mass_balance.without_receipt) == (0, [], {})
    assert [name for name in city.one.ledger.last if name.startswith(RULE)] == []


def test_nothing_is_missed_while_nobody_is_heard() -> None:
    """Ours was away, and so are the receipts: reports must come for ten minutes before."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.load())
    at_ms = due_ms(city)
    assert city.tick(at_ms, hearing_ms=at_ms).said == []
    back_ms = at_ms + 3 * HOUR_MS
    assert city.tick(back_ms, hearing_ms=back_ms - 10 * MINUTE_MS + 1).said == []
    assert city.tick(back_ms + 10_000, hearing_ms=back_ms - 10 * MINUTE_MS + 1).states == ["raised"]


@pytest.mark.parametrize(
    "how",
    [
        pytest.param("beside the street", id="dumped elsewhere: another rule's"),
        pytest.param("without a sensor", id="nobody knows that there was a load"),
        pytest.param("stuck", id="its sensor sticks"),
    ],
)
def test_what_is_no_load_without_a_receipt(how: str) -> None:
    """Nothing is due."""
    bare = {"sensor_health": events.SensorHealth(bed="ok")}
    drive = town.loaded(noise_kg=0.0 if how == "stuck" else 150.0)
    if how == "without a sensor":
        drive.state |= bare
        drive.wait(300)
    drive.go(town.STREET_M)
    if how == "beside the street":
        drive.go(4_000, 300)
    drive.wait(60).wait(60, falling_kg=14_000, bed="raised").wait(60, bed="level").go(0)
    city = City(weighbridge=True).hear(*drive.fixes)
    assert city.tick(drive.time_ms + 2 * LIMIT_MS).said == []


# ------------------------------------------------------------------------------------------ on its way for days


def under_way() -> town.Drive:
    """Loaded, and on the street."""
    return town.loaded().go(3_000)


def loaded_ms(city: City) -> int:
    """When what is on board was loaded."""
    assert city.one.tickets.now is not None
    return city.one.tickets.now.times["loaded"]


def test_a_load_on_its_way_for_days_is_told_once() -> None:
    """After three days, not a second before; where it was seen last."""
    city = City().hear(*under_way().fixes)
    raised_ms = loaded_ms(city) + OPEN_MS
    city.tick(raised_ms - 1)
    assert city.said == []
    (alert,) = city.tick(raised_ms).tick(raised_ms + HOUR_MS).said
    assert (alert.state, alert.certainty, alert.start_ms, alert.raised_ms) == (
        "raised", "possible", raised_ms - OPEN_MS, raised_ms
    )  # fmt: skip
    assert alert.where is not None
    assert alert.used["ticket"] == city.one.loads.aboard


@pytest.mark.parametrize("tips_at_m", [None, 6_000])
def test_it_ends_when_the_load_arrives_or_is_gone(tips_at_m: float | None) -> None:
    """At the yard, or tipped anywhere: its way is over."""
    drive = under_way()
    begun = len(drive.fixes)
    city = City().hear(*drive.fixes)
    city.tick(loaded_ms(city) + OPEN_MS)
    drive.silence(OPEN_MS / 1000 + 600)
    if tips_at_m is None:
        drive.go(town.STREET_M).wait(60)
    else:
        drive.go(tips_at_m).wait(60, falling_kg=14_000, bed="raised").wait(60, bed="level")
    city.hear(*drive.fixes[begun:])
    assert city.states == ["raised", "ended"]
    assert city.said[-1].end_ms is not None
    assert city.said[-1].end_ms > city.said[0].raised_ms


def test_it_is_taken_back_by_reports_of_before_that_come_late() -> None:
    """It had arrived in time: the reason names the report."""
    there, gone = under_way(), under_way().go(town.STREET_M).wait(60)
    city = City().hear(*there.fixes)
    raised_ms = loaded_ms(city) + OPEN_MS
    city.tick(raised_ms)
    late = [replace(fix, received_time_ms=raised_ms + 60_000, resent=True) for fix in gone.fixes[len(there.fixes) :]]
    city.hear(*late)
    assert city.states == ["raised", "cancelled"]
    assert city.said[-1].reason is not None
    assert city.said[-1].reason.startswith("truck-states t1 ")


@pytest.mark.parametrize(
    "drive",
    [
        pytest.param(lambda: town.loaded().go(town.STREET_M).wait(60), id="arrived, and waits there"),
        pytest.param(lambda: town.loaded(noise_kg=0.0).go(town.STREET_M), id="a sensor that sticks"),
        pytest.param(town.loaded, id="no reading on the road yet"),
    ],
)
def test_what_is_not_on_its_way(drive: Callable[[], town.Drive]) -> None:
    """Nothing is due for days."""
    city = City().hear(*drive().fixes)
    assert city.tick(town.START_MS + 2 * OPEN_MS).said == []


def test_a_short_receipt_meanwhile_is_another_alert() -> None:
    """Of the next load: neither replaces, continues or ends the other."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.load())
    city.tick(due_ms(city))
    second = day.load()
    city.hear(*second, replace(day.receipt(1), net_kg=9_000.0))
    assert city.states == ["raised", "raised", "ended"]
    city.hear(day.receipt(0, received_time_ms=day.drive.time_ms))
    assert city.states == ["raised", "raised", "ended", "cancelled"]
    assert city.said[0].alert_id == city.said[3].alert_id
    assert city.said[3].revision == 2


def test_it_is_due_once_and_only_such_trucks_are_looked_at() -> None:
    """An empty truck whose loads were all weighed hears no tick, whatever time it is."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.load(), day.receipt(0))
    assert due_ms(city) == 0
    assert not truck.heeds(city.one, events.Tick(at_ms=day.drive.time_ms + 9 * DAY_MS))


def test_a_short_receipt_that_comes_late_is_not_taken_back_with_its_lateness() -> None:
    """Where one fix saw the truck arrive and stand empty (its terminal was off at the yard): two alerts of two ids."""
    day, city = Day(), City(weighbridge=True)
    fixes = day.load()
    moving = max(n for n, fix in enumerate(fixes) if (fix.load_kg or 0) > 10_000 and (fix.speed_mps or 0) > 1.4)
    empty = next(n for n in range(moving, len(fixes)) if (fixes[n].load_kg or 0) < 1_000)
    cold = [replace(fix, fix=False, lon=None, lat=None) for fix in fixes[empty : empty + 2]]
    city.hear(*fixes[: moving + 1], *cold, *fixes[empty + 2 :])
    at_ms = due_ms(city)
    (tipped,) = city.one.loads.tipped
    late = weighing(tipped.tipped_ms + MINUTE_MS, 9_000.0, "g0", received_time_ms=at_ms + HOUR_MS)
    city.tick(at_ms).hear(late)
    by_id: dict[str, list[str]] = {}
    for alert in city.said:
        by_id.setdefault(alert.alert_id, []).append(alert.state)
    assert sorted(by_id.values()) == [["raised", "cancelled"], ["raised", "ended"]]


def test_a_load_of_a_clock_that_is_years_behind_is_not_late_at_once() -> None:
    """Sent again, its reports teach nobody its error: nobody knows how long it is on its way."""
    day, city = Day(), City(weighbridge=True)
    day.drive.load(14_000.0).go(town.STREET_M)
    right = [replace(fix, received_time_ms=fix.event_time_ms + 300) for fix in day.drive.fixes]
    wrong = [replace(fix, event_time_ms=fix.event_time_ms - 20 * 365 * DAY_MS, resent=True) for fix in right]
    for number, (fix, late) in enumerate(zip(right, wrong, strict=True)):
        city.hear(late)
        city.tick(fix.received_time_ms + 1, hearing_ms=fix.received_time_ms - HOUR_MS)
        assert city.said == [], number
    day.drive.go(0).wait(30)
    after = [replace(fix, received_time_ms=fix.event_time_ms + 300) for fix in day.drive.fixes[len(right) :]]
    city.hear(*after).tick(after[-1].event_time_ms + HOUR_MS)
    assert city.said == []


def test_a_lateness_stays_while_reports_of_days_ago_come_in() -> None:
    """The truck was out of reach: what it had kept says nothing of the load being at its end."""
    day, city = Day(), City(weighbridge=True)
    city.hear(*day.drive.load(14_000.0).go(town.STREET_M).fixes)
    heard = len(day.drive.fixes)
    at_ms = due_ms(city)
    assert city.tick(at_ms, hearing_ms=at_ms - HOUR_MS).states == ["raised"]
    day.drive.go(2 * town.STREET_M)
    city.hear(*(replace(fix, received_time_ms=at_ms + HOUR_MS) for fix in day.drive.fixes[heard:]))
    assert city.states == ["raised"]
