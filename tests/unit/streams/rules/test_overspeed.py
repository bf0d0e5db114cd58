"""overspeed: above a zone's limit, for some time, and truly driven."""

import pytest

from streams import events
from streams.assets import BadReference
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "overspeed"


def zone(limit_mps: float | None = 10.0, half_m: float = 1_000, **changed: object) -> events.Zone:
    """A square round the middle of the street."""
    area = town.square(3_000, 0, half_m)
    return events.Zone(zone_id="v", kind="speed_limit", area=area, limit_mps=limit_mps, valid_from_ms=0, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("speed_mps", "expected"), [(10.9, []), (11.1, ["raised", "ended"]), (20, ["raised", "ended"])]
)
def test_ten_per_cent_are_granted(speed_mps: float, expected: list[str]) -> None:
    """`Thresholds.overspeed_share`; it ends a minute after it left the zone, with the time it left."""
    found = alerts(town.Drive().fix().go(7_900, speed_mps=speed_mps), RULE, town.reference(zone()))
    assert states(found) == expected
    for alert in found:
        assert all(condition.met for condition in alert.because)
        assert alert.used == {"zones": ["v@1"]}


@pytest.mark.parametrize(("half_m", "expected"), [(160, []), (240, ["raised", "ended"])])
def test_three_fixes_are_needed(half_m: float, expected: list[str]) -> None:
    """`Thresholds.overspeed_fixes`, at 15 m/s and one in ten seconds."""
    drive = town.Drive().fix().go(7_900, speed_mps=15)
    assert states(alerts(drive, RULE, town.reference(zone(half_m=half_m)))) == expected


def test_where_no_limit_is_known_none_is_exceeded() -> None:
    """Outside the zone, and with none at all."""
    fast = town.Drive().fix().go(1_900, speed_mps=25)
    assert alerts(fast, RULE, town.reference(zone())) == []
    assert alerts(town.Drive().fix().go(7_900, speed_mps=25), RULE) == []


def test_the_lowest_limit_counts() -> None:
    """Of zones that overlap."""
    slow = events.Zone(zone_id="u", kind="speed_limit", area=town.square(3_000, 0, 400), limit_mps=8.0, valid_from_ms=0)
    (found, *_) = alerts(town.Drive().fix().go(7_900, speed_mps=10), RULE, town.reference(zone(), slow))
    assert found.used == {"zones": ["u@1"]}


def test_wild_speeds_that_were_not_driven_are_bad_fixes() -> None:
    """The way between the fixes is too short for them."""
    drive = town.Drive().fix().go(2_500)
    for n in range(6):
        drive.time_ms += 10_000
        drive.x_m += 80
        drive.fix(40.0 + n)
    assert alerts(drive.go(7_000), RULE, town.reference(zone())) == []


@pytest.mark.parametrize("limit_mps", [None, 0.0, -5.0])
def test_a_limit_that_is_none_is_refused_by_name(limit_mps: float | None) -> None:
    """And the rest goes on."""
    with pytest.raises(BadReference, match="limit_mps of zone v is"):
        town.reference().apply(zone(limit_mps))


@pytest.mark.parametrize(("edge_m", "expected"), [(12, []), (18, ["raised", "ended"])])
def test_a_road_along_the_edge_is_not_in_the_zone(edge_m: float, expected: list[str]) -> None:
    """Inside by more than a fix may be wrong by."""
    beside = events.Zone(
        zone_id="v", kind="speed_limit", area=town.square(3_000, 1_000 - edge_m, 1_000), limit_mps=8.0, valid_from_ms=0
    )
    drive = town.Drive().fix().go(7_900, speed_mps=20, accuracy_m=15.0)
    assert states(alerts(drive, RULE, town.reference(beside))) == expected
