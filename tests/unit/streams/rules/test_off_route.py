"""Loaded, and off every permitted corridor."""

from typing import Any

import pytest

from streams import events
from streams.alerts import REPEAT_MS
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "off-route"


def detour(y_m: float, length_m: float = 2_000) -> town.Drive:
    """Leave the street at 3 km by ``y_m``, come back after ``length_m``."""
    return town.loaded().go(3_000).go(3_000, y_m).go(3_000 + length_m, y_m).go(3_000 + length_m, 0).go(town.STREET_M)


def plan(version: int, made_ms: int, path: list[tuple[float, float]] | None) -> events.TruckPlan:
    """A plan along these places."""
    line: dict[str, Any] | None = path and {"type": "LineString", "coordinates": [list(town.at(*p)) for p in path]}
    return events.TruckPlan(truck_id="t1", plan_version=version, made_ms=made_ms, reason="dispatcher", path=line)


def test_leaving_the_corridor_is_alerted_with_permit_and_stretch_and_ends_back_on_it() -> None:
    """One violation, one alert; the permit's version and the driven stretch are in it."""
    found = alerts(detour(300), RULE)
    assert states(found) == ["raised", "ended"]
    assert found[0].used == {"permit": "p1@1"}
    assert found[1].where is not None
    assert found[1].where["type"] == "LineString"
    assert len(found[1].where["coordinates"]) > 10


@pytest.mark.parametrize(("y_m", "fires"), [(45, False), (65, True)])
def test_the_corridor_is_fifty_metres_wide_to_either_side(y_m: float, fires: bool) -> None:
    """Both sides of the limit."""
    assert bool(alerts(detour(y_m), RULE)) is fires


def test_a_fix_is_granted_its_accuracy() -> None:
    """65 m off with an accuracy of 20 m may be on the corridor."""
    drive = detour(65)
    drive.fixes = [events.TruckState(**{**_fields(fix), "accuracy_m": 20.0}) for fix in drive.fixes]
    assert alerts(drive, RULE) == []


def _fields(fix: events.TruckState) -> dict[str, Any]:
    return {name: getattr(fix, name) for name in fix.__struct_fields__}


@pytest.mark.parametrize(("length_m", "fires"), [(200, False), (900, True)])
def test_it_takes_a_minute(length_m: float, fires: bool) -> None:
    """Round a parked car is no detour."""
    drive = town.loaded().go(3_000).go(3_100, 80).go(3_100 + length_m, 80).go(3_200 + length_m, 0).go(6_000)
    assert bool(alerts(drive, RULE)) is fires


def test_an_empty_truck_may_drive_anywhere() -> None:
    """The permit binds loads."""
    assert alerts(town.Drive().fix().wait(60).go(3_000).go(3_000, 500).go(6_000, 500), RULE) == []


def test_a_plan_made_before_exempts_its_path() -> None:
    """The dispatcher's detour is lawful."""
    detoured = plan(2, town.START_MS, [(2_900, 0), (3_000, 300), (5_000, 300), (5_000, 0)])
    assert alerts(detour(300), RULE, None, detoured) == []


def test_a_plan_without_a_path_exempts_nothing() -> None:
    """No path, no exemption."""
    assert alerts(detour(300), RULE, None, plan(2, town.START_MS, None)) != []


def test_a_plan_exempts_only_from_the_moment_it_was_made() -> None:
    """Made an hour later, it does not excuse what was."""
    later = plan(2, town.START_MS + 3_600_000, [(2_900, 0), (3_000, 300), (5_000, 300), (5_000, 0)])
    assert alerts(detour(300), RULE, None, later) != []


@pytest.mark.parametrize(("after_fork_s", "fires"), [(60, False), (-150, True)])
def test_the_plan_before_holds_while_its_driver_learns_of_the_new_one(after_fork_s: int, fires: bool) -> None:
    """Three minutes on the road of the plan before are lawful; going on there is not."""
    drive = detour(300)
    fork_ms = next(fix.event_time_ms for fix in drive.fixes if (fix.lat or 0) > town.at(0, 1)[1])
    old = plan(1, town.START_MS, [(2_900, 0), (3_000, 300), (5_000, 300), (5_000, 0)])
    new = plan(2, fork_ms + after_fork_s * 1_000, [(0, 0), (6_000, 0)])
    assert bool(alerts(drive, RULE, None, old, new)) is fires


def test_the_permit_in_force_at_the_events_time_judges() -> None:
    """A second version with a wider corridor counts from its own time, not before."""
    wide = events.Permit(
        permit_id="p1",
        version=2,
        truck_ids=("t1",),
        source_id="s1",
        material="construction",
        valid_from_ms=town.START_MS,
        corridor={"type": "LineString", "coordinates": [list(town.at(0)), list(town.at(town.STREET_M))]},
        corridor_m=400.0,
    )
    assert alerts(detour(300), RULE, town.reference(wide)) == []
    assert alerts(detour(300), RULE, town.reference(_later(wide))) != []


def _later(permit: events.Permit) -> events.Permit:
    fields = {name: getattr(permit, name) for name in permit.__struct_fields__}
    return events.Permit(**(fields | {"valid_from_ms": town.START_MS + 7_200_000}))


def test_a_permit_for_another_source_does_not_cover_the_load() -> None:
    """Loaded at s1; a permit for s2 along the detour changes nothing."""
    other = events.Permit(permit_id="p2", truck_ids=("t1",), source_id="s2", valid_from_ms=0, corridor=None)
    assert alerts(detour(300), RULE, town.reference(other)) != []


def test_without_a_good_fix_nothing_is_off_route() -> None:
    """A tunnel: fix lost, place unknown."""
    drive = town.loaded().go(3_000)
    for _ in range(20):
        drive.time_ms += 10_000
        drive.fix(10.0, fix=False, lat=town.LAT + 0.01)
    assert alerts(drive.go(5_000), RULE) == []


def test_a_jump_no_truck_can_drive_is_not_a_place() -> None:
    """500 m north within ten seconds and back a minute later: the datum, not the truck."""
    drive = town.loaded().go(3_000)
    for _ in range(7):
        drive.time_ms += 10_000
        drive.x_m += 100
        lon, lat = town.at(drive.x_m, 500)
        drive.fix(10.0, lon=lon, lat=lat)
    assert alerts(drive.go(6_000), RULE) == []


def test_leaving_again_soon_continues_the_same_alert() -> None:
    """Back for a minute and off again is one violation, not two."""
    drive = town.loaded().go(2_000).go(2_000, 200).go(3_000, 200).go(3_000, 0).go(3_600, 0)
    drive.go(3_600, 200).go(5_000, 200).go(5_000, 0).go(6_500)
    found = alerts(drive, RULE)
    assert len({alert.alert_id for alert in found}) == 1
    assert [alert.revision for alert in found] == list(range(1, len(found) + 1))
    assert REPEAT_MS == 180_000


def test_refuelling_beside_the_corridor_is_no_violation() -> None:
    """Some seconds off it in, ten minutes where it does not bind, some seconds off it out."""
    fuel = events.Zone(zone_id="g", kind="fuel", area=town.square(3_000, 250, 40), valid_from_ms=0)
    drive = town.loaded().go(3_000).go(3_000, 250).wait(600).go(3_000, 0).go(6_000)
    assert alerts(drive, RULE, town.reference(fuel)) == []
