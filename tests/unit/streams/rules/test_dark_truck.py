"""dark-truck: a loaded truck that is not heard of, or not seen, and what explains it."""

import pytest
from msgspec.structs import replace

from streams import events, truck
from streams.state import Truck
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "dark-truck"


def driving() -> town.Drive:
    """A loaded truck on the street, far from every place."""
    return town.loaded().go(3_000)


@pytest.mark.parametrize(("silent_s", "expected"), [(285, []), (290, ["raised", "ended"])])
def test_five_minutes_without_a_report_are_told_when_it_reports_again(silent_s: float, expected: list[str]) -> None:
    """No number is missing: the terminal was off. The alert spans the silence and the stretch."""
    found = alerts(driving().silence(silent_s).go(5_000), RULE)
    assert states(found) == expected
    for alert in found:
        assert alert.where is not None
        assert alert.where["type"] == "LineString"
        assert alert.start_ms == _last_ms(driving())


def test_reports_that_are_missing_by_their_numbers_are_no_silence() -> None:
    """It did report; the network lost it: no guilt."""
    assert alerts(driving().silence(600, reports_lost=60).go(5_000), RULE) == []


@pytest.mark.parametrize(
    "lawful",
    [
        pytest.param(town.Drive().fix().go(3_000).silence(900).go(5_000), id="empty"),
        pytest.param(town.loaded().go(2_000).go(2_000, 500).silence(900).go(2_000, 0), id="in a depot"),
        pytest.param(town.loaded().go(town.STREET_M).silence(900).wait(60), id="at a facility"),
        pytest.param(driving().wait(30, maintenance=True).silence(900).go(5_000), id="being worked on"),
        pytest.param(driving().wait(60, ignition=False).silence(900).go(5_000), id="engine off"),
    ],
)
def test_what_explains_a_silence(lawful: town.Drive) -> None:
    """No load, the place, work on the truck, its engine off."""
    assert alerts(lawful, RULE) == []


def test_a_dead_zone_ahead_explains_it() -> None:
    """Its last report came from before the tunnel, as far as it drives until the next is due."""
    zone = events.Zone(zone_id="z", kind="dead_zone", area=town.square(3_200, 0, 100), valid_from_ms=0)
    drive = driving().silence(900).go(5_000)
    assert alerts(drive, RULE, town.reference(zone)) == []
    farther = events.Zone(zone_id="z", kind="dead_zone", area=town.square(3_600, 0, 100), valid_from_ms=0)
    found = alerts(drive, RULE, town.reference(farther))
    assert states(found) == ["raised", "ended"]
    assert [alert.used for alert in found] == [{"zones": ["z@1"]}] * 2  # what it was compared with, and was too far


@pytest.mark.parametrize(("unseen_m", "expected"), [(2_900, []), (3_300, ["raised", "ended"])])
def test_driving_for_five_minutes_without_a_place_is_told_at_once(unseen_m: float, expected: list[str]) -> None:
    """The antenna is cut: its states go on."""
    drive = driving().go(3_000 + unseen_m, fix=False).go(7_500, fix=True)
    assert states(alerts(drive, RULE)) == expected


def test_a_mocked_place_is_another_matter() -> None:
    """It is not believed, and it is no cut antenna."""
    assert alerts(driving().go(7_000, mocked=True), RULE) == []


def _last_ms(drive: town.Drive) -> int:
    return drive.fixes[-1].event_time_ms


class City:
    """One truck, and time passing with others heard or not."""

    def __init__(self, drive: town.Drive) -> None:
        self.one, self.known = Truck(truck_id="t1"), town.reference()
        self.said: list[events.Alert] = []
        self.hear(drive.fixes)

    def hear(self, fixes: list[events.TruckState]) -> "City":
        """Reports of the truck come."""
        for fix in fixes:
            self._step(fix)
        return self

    def tick(self, at_ms: int, *, hearing_ms: int | None = None) -> "City":
        """Time passes."""
        return self._step(events.Tick(at_ms=at_ms, hearing_ms=hearing_ms))

    def _step(self, record: truck.TruckRecord) -> "City":
        _, told = truck.step(self.one, record, self.known)
        self.said += [one for one in told if isinstance(one, events.Alert) and one.rule == RULE]
        return self


def test_time_alone_tells_of_twenty_minutes_of_silence() -> None:
    """Once; the report that ends it, its terminal having been off, ends the alert."""
    drive = driving()
    heard_ms = _last_ms(drive) + 300
    city = City(drive).tick(heard_ms + 1_199_999)
    assert city.said == []
    city.tick(heard_ms + 1_200_000).tick(heard_ms + 1_210_000)
    assert states(city.said) == ["raised"]
    assert city.said[0].certainty == "possible"
    assert not truck.heeds(city.one, events.Tick(at_ms=heard_ms + 1_220_000))
    back = driving().silence(1_500).go(5_000)
    city.hear(back.fixes[len(drive.fixes) :])
    assert states(city.said) == ["raised", "ended"]


def test_it_is_cancelled_when_reports_of_meanwhile_come_late() -> None:
    """In their order, or after newer ones: either way the terminal had reported, and the reason names the report."""
    drive, gone = driving(), driving().silence(10).go(5_000)
    missed = gone.fixes[len(drive.fixes) :]
    heard_ms = _last_ms(drive) + 300
    in_order = City(drive).tick(heard_ms + 1_200_000).hear([_arriving(fix, heard_ms + 1_300_000) for fix in missed])
    assert states(in_order.said) == ["raised", "cancelled"]
    newest, late = missed[-1], missed[3]
    at_last = City(drive).tick(heard_ms + 1_200_000).hear([_arriving(newest, heard_ms + 1_300_000)])
    at_last.tick(heard_ms + 1_340_000).hear([_arriving(late, heard_ms + 1_350_000)])
    assert states(at_last.said) == ["raised", "cancelled"]
    for city, named in ((in_order, missed[0]), (at_last, newest)):
        assert str(named.event_time_ms) in (city.said[1].reason or "")


def test_nobody_is_dark_when_nobody_is_heard() -> None:
    """It is our side that hears nothing, or the recording ends; when others are heard again, the time begins anew."""
    drive = driving()
    heard_ms = _last_ms(drive) + 300
    city = City(drive)
    for minutes in range(20, 40):
        city.tick(heard_ms + minutes * 60_000, hearing_ms=heard_ms + minutes * 60_000)
    back_ms = heard_ms + 39 * 60_000
    for minutes in range(40, 59):
        city.tick(heard_ms + minutes * 60_000, hearing_ms=back_ms)
    assert city.said == []
    city.tick(back_ms + 20 * 60_000, hearing_ms=back_ms)
    assert states(city.said) == ["raised"]


def _arriving(fix: events.TruckState, at_ms: int) -> events.TruckState:
    return replace(fix, received_time_ms=at_ms, resent=True)


@pytest.mark.parametrize("behind_h", [8, 24 * 8_333])
def test_a_clock_whose_error_is_learnt_late_is_no_silence(behind_h: int) -> None:
    """Its reports come irregularly at first, so nothing is corrected; then they are, and hours seem to have passed."""
    drive = driving().go(6_000)
    learnt = len(driving().fixes)
    one, known, said = Truck(truck_id="t1"), town.reference(), []
    for n, fix in enumerate(drive.fixes):
        delay_ms = n * 37 % 90 * 1_000 if n < learnt else 0
        late = replace(
            fix,
            event_time_ms=fix.event_time_ms - behind_h * 3_600_000,
            received_time_ms=(fix.received_time_ms or 0) + delay_ms,
        )
        said += [out for out in truck.step(one, late, known)[1] if isinstance(out, events.Alert)]
    assert [alert for alert in said if alert.rule == RULE] == []
    assert one.last_ms == drive.fixes[-1].event_time_ms + 300
