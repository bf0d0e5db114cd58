"""forbidden-zone: driving through an area where loaded trucks, or all, may not be."""

import pytest

from streams import events
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "forbidden-zone"


def zone(x_m: float = 3_000, half_m: float = 300, y_m: float = 0, **changed: object) -> events.Zone:
    """A square on the street, beside it with ``y_m``."""
    return events.Zone(zone_id="z", kind="forbidden", area=town.square(x_m, y_m, half_m), valid_from_ms=0, **changed)  # type: ignore[arg-type]


def test_a_loaded_truck_that_drives_through_is_told_inside() -> None:
    """Raised after 20 s and three fixes, ended a minute after it left; it names the version of the zone."""
    found = alerts(town.loaded().go(6_000), RULE, town.reference(zone(version=7)))
    assert states(found) == ["raised", "ended"]
    assert found[0].used == {"zones": ["z@7"]}
    assert found[0].zone_ids == ("z",)
    assert found[1].end_ms is not None
    assert found[1].end_ms - found[1].start_ms < 60_000


@pytest.mark.parametrize(("half_m", "expected"), [(110, []), (160, ["raised", "ended"])])
def test_three_fixes_are_needed(half_m: float, expected: list[str]) -> None:
    """`Thresholds.forbidden_fixes`: at 10 m/s and one in ten seconds."""
    assert states(alerts(town.loaded().go(6_000), RULE, town.reference(zone(half_m=half_m)))) == expected


@pytest.mark.parametrize(("edge_m", "expected"), [(8, []), (12, ["raised", "ended"])])
def test_a_road_along_the_edge_is_no_trespass(edge_m: float, expected: list[str]) -> None:
    """Inside by more than the accuracy that a fix has, or 10 m."""
    beside = zone(half_m=300, y_m=300 - edge_m)
    assert states(alerts(town.loaded().go(6_000), RULE, town.reference(beside))) == expected


def test_an_empty_truck_may_pass_unless_the_zone_is_for_all() -> None:
    """``applies_to``."""
    empty = town.Drive().fix().go(6_000)
    assert alerts(empty, RULE, town.reference(zone())) == []
    assert states(alerts(empty, RULE, town.reference(zone(applies_to="all")))) == ["raised", "ended"]


@pytest.mark.parametrize(
    ("hours", "expected"), [((("06:00", "07:00"),), ["raised", "ended"]), ((("07:00", "06:00"),), []), ((), [])]
)
def test_outside_its_hours_it_is_none(hours: tuple[tuple[str, str], ...], expected: list[str]) -> None:
    """Local, over midnight, never."""
    timed = zone(hours=hours, time_zone="Europe/Lisbon")
    assert states(alerts(town.loaded().go(6_000), RULE, town.reference(timed))) == expected


def test_jitter_of_a_standing_truck_is_no_trespass() -> None:
    """It gets in by driving."""
    drive = town.loaded().go(3_000)
    edge = zone(x_m=3_330)
    for n in range(20):
        drive.x_m = 3_000 + (60 if n % 2 else 0)
        drive.wait(10)
    assert alerts(drive, RULE, town.reference(edge)) == []


def test_a_tunnel_beneath_it_hides_the_way_and_the_straight_line_tells() -> None:
    """Seen inside once, then on the other side: possible, with what was not seen."""
    drive = town.loaded().go(2_750).go(3_500, fix=False).go(6_000, fix=True)
    found = alerts(drive, RULE, town.reference(zone()))
    assert states(found) == ["raised", "ended"]
    assert (found[0].certainty, found[0].gaps) == ("possible", ("its way through the zone was not seen",))


@pytest.mark.parametrize(("half_m", "expected"), [(90, []), (130, ["raised", "ended"])])
def test_the_straight_way_must_be_long_enough(half_m: float, expected: list[str]) -> None:
    """`Thresholds.forbidden_unseen_m` from the fix inside to where it is seen again."""
    drive = town.loaded().go(3_000 - half_m + 20).go(3_500, fix=False).go(6_000, fix=True)
    assert states(alerts(drive, RULE, town.reference(zone(half_m=half_m)))) == expected


def test_a_way_that_was_no_longer_forbidden_is_none() -> None:
    """The hours end between the fix inside and the next: it may have waited."""
    timed = zone(hours=(("06:00", "06:13"),), time_zone="Europe/Lisbon")
    drive = town.loaded().go(2_750)
    assert 6 * 60 + 10 < (drive.time_ms - town.START_MS) / 60_000 + 6 * 60 < 6 * 60 + 13
    assert alerts(drive.silence(300).go(6_000), RULE, town.reference(timed)) == []
