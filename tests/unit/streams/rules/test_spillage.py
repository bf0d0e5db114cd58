"""The load falls while the truck drives."""

import pytest

from streams import events
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "spillage"


def journey(lost_kg: float, *, cover: str = "open", seed: int = 1, noise_kg: float = 350.0) -> town.Drive:
    """Eight minutes calm, six losing, ten calm, at 8 m/s on a long street."""
    drive = town.loaded(seed=seed, noise_kg=noise_kg)
    drive.go(3_800, speed_mps=8, cover="closed").go(6_700, speed_mps=8, falling_kg=lost_kg, cover=cover)
    return drive.go(14_000, speed_mps=8)


def test_a_spill_is_found_with_its_stretch_and_kilograms() -> None:
    """Stretch of the road, kilograms with a range that holds the truth, cover open: two signals."""
    found = alerts(journey(2_000), RULE)
    assert states(found)[0] == "raised"
    assert states(found)[-1] == "ended"
    last = found[-1]
    assert last.certainty == "observed"
    assert last.lost_kg == pytest.approx(2_000, rel=0.3)
    assert last.lost_kg_low is not None
    assert last.lost_kg_high is not None
    assert last.lost_kg_low <= 2_000 <= last.lost_kg_high
    assert last.where is not None
    assert last.where["type"] == "LineString"
    along_m = [(lon - town.LON) * 83_700 for lon, _ in last.where["coordinates"]]
    assert 3_000 <= min(along_m) <= max(along_m) <= 8_000


def test_with_the_cover_closed_it_is_likely() -> None:
    """One signal."""
    assert alerts(journey(2_500, cover="closed"), RULE)[0].certainty == "likely"


@pytest.mark.parametrize("seed", range(8))
def test_noise_alone_is_no_spill(seed: int) -> None:
    """Nothing lost, readings swing: silence."""
    assert alerts(journey(0, seed=seed), RULE) == []


def test_rough_road_passes() -> None:
    """Readings low for two minutes and back are no loss."""
    drive = town.loaded(noise_kg=350).go(6_000, speed_mps=8)
    drive.kg -= 1_600
    drive.go(7_000, speed_mps=8)
    drive.kg += 1_600
    assert alerts(drive.go(13_000, speed_mps=8), RULE) == []


def test_a_reading_of_zero_from_a_missing_sensor_is_not_a_loss() -> None:
    """Missing is not zero."""
    drive = town.loaded(noise_kg=350).go(6_000, speed_mps=8)
    none = events.SensorHealth(cover="ok", bed="ok", load="missing")
    for _ in range(15):
        drive.time_ms += 10_000
        drive.x_m += 80
        drive.fix(8.0, load_kg=0.0, sensor_health=none)
    assert alerts(drive.go(13_000, speed_mps=8), RULE) == []


def test_readings_of_nothing_are_no_level() -> None:
    """A truck that nobody knows, loaded by the course of work, whose sensor says 0 kg."""
    drive = town.Drive(noise_kg=0).fix().wait(330).go(8_000).go(0)
    assert alerts(drive, RULE, town.reference(town.truck(payload_kg=None, version=2))) == []


@pytest.mark.parametrize("unseen_s", [200, 480])
def test_a_load_that_left_at_a_stop_nobody_saw_is_not_spilt(unseen_s: float) -> None:
    """The terminal slept while it stood: what is gone is gone at a stop, and the next comparison begins anew."""
    drive = town.loaded().go(6_000).wait(10).silence(unseen_s)
    drive.kg = 10_000
    assert (alerts(drive.go(0), RULE) == []) == (unseen_s > 240)


def test_a_spill_of_seldom_reports_ends() -> None:
    """One in ninety seconds."""
    drive = town.loaded(noise_kg=60)
    drive.every_s = 90
    drive.go(20_000).go(8_000, falling_kg=4_000).go(-40_000)
    assert states(alerts(drive, RULE))[-1] == "ended"
