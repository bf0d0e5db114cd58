"""sensor-fault: a sensor that cannot be believed, said for those who mend it."""

import pytest
from msgspec.structs import replace

from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "sensor-fault"


def health(**changed: str) -> dict[str, object]:
    """A truck's sensors, some of them at fault."""
    return {"sensor_health": replace(town.HEALTHY, **changed)}


@pytest.mark.parametrize("kind", ["open", "short", "suspect"])
@pytest.mark.parametrize("sensor", ["cover", "bed", "load"])
def test_a_sensor_that_says_so_itself(sensor: str, kind: str) -> None:
    """Told after ten minutes, over five minutes after it is well."""
    drive = town.Drive().fix().go(7_000, **health(**{sensor: kind})).go(0, **health())  # type: ignore[arg-type]
    found = alerts(drive, RULE)
    assert states(found) == ["raised", "ended"]
    assert (found[0].because[0].condition, found[0].because[0].measured) == (f"{sensor} sensor", kind)
    assert (found[0].severity, found[0].certainty) == ("low", "observed")


@pytest.mark.parametrize(("driven_m", "expected"), [(6_000, []), (6_300, ["raised"])])
def test_ten_minutes_are_needed(driven_m: float, expected: list[str]) -> None:
    """`Thresholds.fault_s`."""
    assert states(alerts(town.Drive().fix().go(driven_m, **health(bed="open")), RULE)) == expected  # type: ignore[arg-type]


def test_a_second_sensor_is_a_revision() -> None:
    """Of the same alert: somebody has to go there once."""
    drive = town.Drive().fix().go(7_000, **health(bed="open")).go(0, **health(bed="open", cover="short"))  # type: ignore[arg-type]
    found = alerts(drive, RULE)
    assert states(found) == ["raised", "updated"]
    assert [c.condition for c in found[1].because if c.condition.endswith("sensor")] == ["bed sensor", "cover sensor"]


def test_a_load_sensor_that_says_nothing_or_always_the_same() -> None:
    """Though it is said to be well: likely."""
    silent = town.Drive().fix().go(7_900)
    silent.fixes = [replace(fix, load_kg=None) for fix in silent.fixes]
    for drive in (silent, town.loaded(noise_kg=0).go(7_900).go(0)):
        (found,) = alerts(drive, RULE)
        assert found.certainty == "likely"


def test_flickering_is_no_fault() -> None:
    """Each time it is well it begins anew."""
    drive = town.Drive().fix()
    for n in range(1, 8):
        drive.go(n * 1_000, **health(cover="open")).wait(10, **health())  # type: ignore[arg-type]
    assert alerts(drive, RULE) == []


def test_a_truck_without_sensors_has_no_fault() -> None:
    """Missing is not broken."""
    bare = health(cover="missing", bed="missing", load="missing")
    assert alerts(town.Drive().fix().go(7_900, **bare), RULE) == []  # type: ignore[arg-type]
    assert alerts(town.loaded().go(town.STREET_M), RULE) == []
