"""no-permit: loaded and driving without a permit for the load."""

import pytest
from msgspec.structs import replace

from streams import events, truck
from streams.rules import no_permit
from streams.rules.scoped import CityThresholds
from streams.rules.thresholds import Thresholds
from streams.state import Truck
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "no-permit"


def permit(**changed: object) -> events.Event:
    """The town's permit, changed from the day's beginning on."""
    (given,) = (one for one in town.records() if isinstance(one, events.Permit))
    return replace(given, **({"version": 2, "valid_from_ms": town.START_MS - 1} | changed))  # type: ignore[arg-type]


ENDED = permit(valid_to_ms=town.START_MS)


def test_a_load_without_a_permit_is_told_while_it_drives() -> None:
    """Its permit has ended: raised once, with the permit that would have covered it; over when the truck is empty."""
    drive = town.loaded().go(town.STREET_M).wait(60, falling_kg=14_000, bed="raised").wait(60, bed="level")
    found = alerts(drive, RULE, town.reference(ENDED))
    assert states(found) == ["raised", "ended"]
    assert found[0].used == {"permit": "p1@2"}
    assert (found[0].certainty, found[0].source_id) == ("observed", "s1")
    assert all(condition.met for condition in found[0].because)


@pytest.mark.parametrize(
    "lawful",
    [
        pytest.param(permit(), id="a permit in force"),
        pytest.param(permit(source_id=None), id="of any source"),
        pytest.param(permit(material=None), id="of any material"),
        pytest.param(permit(hours=(), days=()), id="its hours are another rule's matter"),
        pytest.param(permit(valid_to_ms=town.START_MS + 86_400_000), id="that ends later"),
    ],
)
def test_a_permit_that_covers_the_load(lawful: events.Event) -> None:
    """In force at the event's own time, for its source and material."""
    assert alerts(town.loaded().go(6_000), RULE, town.reference(lawful)) == []


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(permit(source_id="s2"), id="of another source"),
        pytest.param(permit(material="kitchen"), id="of another material"),
        pytest.param(permit(truck_ids=("t2",)), id="of another truck"),
        pytest.param(permit(retired=True), id="taken back"),
    ],
)
def test_a_permit_that_does_not(wrong: events.Event) -> None:
    """The truck's other permits do not cover it (contract)."""
    assert states(alerts(town.loaded().go(6_000), RULE, town.reference(wrong))) == ["raised"]


def test_a_renewed_permit_ends_it() -> None:
    """From its own moment on."""
    renewed = permit(version=3, valid_from_ms=town.START_MS + 700_000)
    found = alerts(town.loaded().go(town.STREET_M - 500), RULE, town.reference(ENDED, renewed))
    assert states(found) == ["raised", "ended"]
    assert town.START_MS + 700_000 <= (found[1].end_ms or 0) <= town.START_MS + 711_000


@pytest.mark.parametrize(("driven_m", "expected"), [(600, []), (800, ["raised"])])
def test_a_minute_of_driving_is_needed(driven_m: float, expected: list[str]) -> None:
    """`Thresholds.no_permit_s`: from 100 m on it is on the road."""
    assert states(alerts(town.loaded().go(driven_m), RULE, town.reference(ENDED))) == expected


def test_a_load_of_unknown_origin_is_granted_every_permit_of_its_truck() -> None:
    """Loaded where no source is registered: any permit may be the one; without any it is likely."""
    unknown = town.Drive()
    unknown.x_m = 3_000
    unknown.fix().wait(30).load().go(7_000)
    assert alerts(unknown, RULE, town.reference(permit(source_id="s2", material="kitchen"))) == []
    (found,) = alerts(unknown, RULE, town.reference(ENDED))
    assert (found.certainty, found.gaps) == ("likely", ("where it was loaded is not known",))


def test_where_no_permit_was_ever_on_record_none_is_needed() -> None:
    """Nothing says that loads need one."""
    known = town.Reference(one for one in town.records() if not isinstance(one, events.Permit))
    assert alerts(town.loaded().go(6_000), RULE, known) == []


def test_a_material_that_needs_none() -> None:
    """A city's setting."""
    limits = CityThresholds(Thresholds(no_permit_needed=("construction",)))
    one, known, settings = Truck(truck_id="t1"), town.reference(ENDED), truck.Settings(thresholds=limits)
    outputs = [out for fix in town.loaded().go(6_000).fixes for out in truck.step(one, fix, known, settings)[1]]
    assert [out for out in outputs if isinstance(out, events.Alert) and out.rule == no_permit.NAME] == []


def test_an_empty_truck_needs_none() -> None:
    """And neither does one that stands."""
    assert alerts(town.Drive().fix().go(6_000), RULE, town.reference(ENDED)) == []
    assert alerts(town.loaded().wait(900), RULE, town.reference(ENDED)) == []


def test_a_stop_at_a_strangers_gate_is_not_where_it_was_loaded() -> None:
    """A jam beside a kitchen: the load is still construction waste from the site."""
    kitchen = events.Asset(id="k1", kind="source", material="kitchen", area=town.square(3_000, 0), valid_from_ms=0)
    drive = town.loaded().go(3_000).wait(300).go(7_000)
    assert alerts(drive, RULE, town.reference(kitchen)) == []
