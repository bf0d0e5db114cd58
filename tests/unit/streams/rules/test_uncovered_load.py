"""Loaded, cover open, driving."""

import pytest

from streams import events
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "uncovered-load"


@pytest.mark.parametrize("cover", ["open", "half"])
def test_driving_with_the_load_in_sight_is_alerted_and_ends_when_covered(cover: str) -> None:
    """Open and half open alike; closing for long enough ends it."""
    drive = town.loaded().go(600).go(3_000, cover=cover).go(5_000, cover="closed")
    found = alerts(drive, RULE)
    assert states(found) == ["raised", "ended"]
    assert found[0].because[1].measured == cover
    assert found[1].end_ms is not None
    assert found[1].end_ms > found[1].start_ms


@pytest.mark.parametrize(("metres", "fires"), [(500, False), (800, True)])
def test_it_takes_a_minute_of_driving(metres: float, fires: bool) -> None:
    """Both sides of 60 s at 10 m/s."""
    drive = town.loaded().go(1_000).go(1_000 + metres, cover="open").go(3_000, cover="closed")
    assert bool(alerts(drive, RULE)) is fires


def test_standing_uncovered_is_lawful() -> None:
    """A check at the roadside is not a journey."""
    drive = town.loaded().go(1_000).wait(600, cover="open").go(3_000, cover="closed")
    assert alerts(drive, RULE) == []


def test_within_the_grace_of_the_source_it_does_not_start() -> None:
    """The first 300 m behind the gate may be driven uncovered."""
    drive = town.loaded().go(290, cover="open", speed_mps=4).go(3_000, cover="closed")
    assert alerts(drive, RULE) == []


def test_an_empty_truck_may_drive_open() -> None:
    """Nothing can fall off."""
    assert alerts(town.Drive().fix().wait(60).go(5_000, cover="open"), RULE) == []


@pytest.mark.parametrize("health", ["short", "open", "suspect", "missing"])
def test_a_cover_sensor_that_cannot_be_believed_says_nothing(health: str) -> None:
    """Sensor health comes before the rule."""
    sick = events.SensorHealth(cover=health, bed="ok", load="ok")  # type: ignore[arg-type]
    assert alerts(town.loaded().go(600).go(4_000, cover="open", sensor_health=sick), RULE) == []


def test_a_cover_that_flaps_in_the_wind_is_not_open() -> None:
    """Half the fixes open, half closed: below the share that counts."""
    drive = town.loaded().go(600)
    for n in range(40):
        drive.go(drive.x_m + 100, cover="half" if n % 2 else "closed")
    assert alerts(drive, RULE) == []


def test_a_cover_that_was_closed_while_tipping_is_not_believed() -> None:
    """A sensor of wrong polarity contradicts the bed; from then on it is suspect."""
    drive = (
        town.loaded().go(town.STREET_M).wait(60, falling_kg=14_000, bed="raised", cover="closed").wait(60, bed="level")
    )
    drive.go(0, cover="open").load().go(4_000, cover="open")
    late = [alert for alert in alerts(drive, RULE) if alert.start_ms > town.START_MS + 1_500_000]
    assert late == []
