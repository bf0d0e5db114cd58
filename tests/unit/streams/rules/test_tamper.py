"""tamper: signs that somebody keeps the truck from telling the truth."""

import pytest
from msgspec.structs import replace

from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "tamper"


def unloading(drive: town.Drive, **changed: object) -> town.Drive:
    """Drive to the yard, tip there and drive back to the site."""
    kg = drive.kg
    drive.go(town.STREET_M).wait(30, **changed).wait(60, falling_kg=kg, bed="raised").wait(60, bed="level")  # type: ignore[arg-type]
    return drive.go(0, cover="closed").wait(30)


@pytest.mark.parametrize(("mocked_m", "expected"), [(500, []), (700, ["raised", "ended"])])
def test_places_that_the_device_itself_calls_made_up(mocked_m: float, expected: list[str]) -> None:
    """`Thresholds.tamper_mocked_s`; one of a phone that starts says nothing."""
    drive = town.loaded().go(2_000).go(2_000 + mocked_m, mocked=True).go(6_000, mocked=False)
    assert states(alerts(drive, RULE)) == expected


def stuck(cycles: int) -> town.Drive:
    """A truck that is loaded and emptied so many times while its sensor says 14 t."""
    drive = town.Drive(noise_kg=0)
    drive.fix().wait(30).load()
    for _ in range(cycles):
        drive.go(town.STREET_M, cover="closed").wait(30).wait(60, bed="raised", cover="open").wait(60, bed="level")
        drive.go(0).wait(300)
    return drive.go(3_000)


@pytest.mark.parametrize(("cycles", "expected"), [(1, []), (2, ["raised"]), (4, ["raised"])])
def test_a_reading_that_is_the_same_through_whole_cycles(cycles: int, expected: list[str]) -> None:
    """Twice emptied, and not a gram less; told once."""
    found = alerts(stuck(cycles), RULE)
    assert states(found) == expected
    for alert in found:
        assert alert.certainty == "likely"
        assert all(condition.met for condition in alert.because)


def test_it_is_over_when_the_reading_moves() -> None:
    """By whatever."""
    drive = stuck(2)
    drive.kg = 9_000
    assert states(alerts(drive.go(6_000), RULE)) == ["raised", "ended"]


def test_a_sensor_that_works_or_says_that_it_does_not() -> None:
    """Noise is life; zero is what a missing sensor says."""
    working = town.Drive()
    working.fix().wait(30)
    for _ in range(3):
        unloading(working.load(), cover="open")
    assert alerts(working, RULE) == []
    zero = town.Drive(noise_kg=0)
    zero.fix()
    for _ in range(3):
        zero.go(town.STREET_M).wait(60, bed="raised", cover="open").wait(60, bed="level").go(0).wait(300)
    assert alerts(zero, RULE) == []
    broken = stuck(3)
    broken.fixes = [replace(fix, sensor_health=replace(town.HEALTHY, load="short")) for fix in broken.fixes]
    assert alerts(broken, RULE) == []


@pytest.mark.parametrize(
    ("drive", "expected"),
    [
        pytest.param(
            town.loaded().go(2_000).wait(30, power="cut").go(4_000, power="main"), ["raised", "ended"], id="loaded"
        ),
        pytest.param(town.Drive().fix().go(2_000).wait(30, power="cut"), [], id="empty"),
        pytest.param(town.loaded().go(2_000).go(2_000, 500).wait(30, power="cut"), [], id="in a depot"),
        pytest.param(town.loaded().go(2_000).wait(30, power="cut", maintenance=True), [], id="being worked on"),
        pytest.param(town.loaded().go(4_000, power="unknown"), [], id="not known"),
    ],
)
def test_a_power_cut_with_a_load_on_board(drive: town.Drive, expected: list[str]) -> None:
    """Away from depots and workshops."""
    assert states(alerts(drive, RULE)) == expected


@pytest.mark.parametrize(("to_m", "expected"), [(6_000, ["raised", "ended"]), (town.STREET_M, [])])
def test_where_no_sensor_weighs_a_load_may_have_been_tipped_unseen(to_m: float, expected: list[str]) -> None:
    """At a facility, with a bed that is raised between two reports: what is not known is no guilt."""
    drive = town.loaded().go(to_m).wait(60).go(4_000).wait(60, power="cut").wait(20, power="main")
    bare = replace(town.HEALTHY, load="missing")
    drive.fixes = [replace(fix, load_kg=None, sensor_health=bare) for fix in drive.fixes]
    assert states(alerts(drive, RULE)) == expected


@pytest.mark.parametrize(("times", "expected"), [(2, []), (3, ["raised"])])
def test_a_cover_said_to_be_closed_over_a_raised_bed(times: int, expected: list[str]) -> None:
    """Three unloadings in a row: possible only, a sensor may be mounted wrongly."""
    drive = town.Drive()
    drive.fix().wait(30)
    for _ in range(times):
        unloading(drive.load(), cover="closed")
    found = alerts(drive, RULE)
    assert states(found) == expected
    assert [alert.certainty for alert in found] == ["possible"] * len(expected)


def test_a_cover_that_opens_once_is_believed_again() -> None:
    """It begins anew."""
    drive = town.Drive()
    drive.fix().wait(30)
    for n in range(4):
        unloading(drive.load(), cover="open" if n == 2 else "closed")
    assert alerts(drive, RULE) == []


@pytest.mark.parametrize(
    "drive",
    [
        pytest.param(town.loaded().go(2_000).fix(power="cut").go(4_000, power="main"), id="one report"),
        pytest.param(
            town.loaded().go(2_000).wait(15, every_s=5, power="cut").wait(10, power="main"), id="a starter turns"
        ),
        pytest.param(town.loaded().go(2_000).wait(60, power="cut", fix=False), id="where is not known"),
        pytest.param(town.loaded().go(2_000).wait(60, power="cut", ignition=False), id="engine off"),
    ],
)
def test_a_power_cut_that_is_no_sign(drive: town.Drive) -> None:
    """What is not known is no guilt."""
    assert alerts(drive, RULE) == []


def test_the_tailgate_of_a_tanker_says_nothing_of_its_cover() -> None:
    """It opens at every unloading."""
    drive = town.Drive()
    drive.fix().wait(30)
    for _ in range(4):
        unloading(drive.load(), cover="closed")
    assert alerts(drive, RULE, town.reference(town.truck(truck_class="tanker", version=2))) == []


def test_a_worse_sign_is_told_though_another_stands() -> None:
    """A cover that is mounted wrongly does not hide places that are made up."""
    drive = town.Drive()
    drive.fix().wait(30)
    for _ in range(3):
        unloading(drive.load(), cover="closed")
    found = alerts(drive.load().go(1_000).go(6_000, mocked=True), RULE)
    assert [(one.state, one.because[0].measured) for one in found if one.state != "ended"][-1] == ("updated", "mocked")
