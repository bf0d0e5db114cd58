"""What exists, by version."""

import pytest

from streams import events
from streams.assets import BadReference, Reference
from tests.unit.streams import town


def yard(version: int, valid_from_ms: int, x_m: float, **more: object) -> events.Asset:
    """A version of one facility."""
    return events.Asset(
        id="f9",
        kind="facility",
        version=version,
        valid_from_ms=valid_from_ms,
        area=town.square(x_m, 0),
        **more,  # type: ignore[arg-type]
    )


def test_an_event_is_judged_by_the_version_valid_at_its_own_time() -> None:
    """A yard that moved; the order in which its versions were learnt does not matter."""
    for versions in ([yard(1, 0, 0), yard(2, 1_000, 3_000)], [yard(2, 1_000, 3_000), yard(1, 0, 0)]):
        known = Reference(versions)
        assert [place.place_id for _, place in known.near(*town.at(0), 999, "default")] == ["f9"]
        assert known.near(*town.at(0), 1_000, "default") == []
        assert [place.versioned_id for _, place in known.near(*town.at(3_000), 1_000, "default")] == ["f9@2"]


def test_a_retired_place_is_gone_from_then_on() -> None:
    """Before, it was one."""
    known = Reference([yard(1, 0, 0), yard(2, 1_000, 0, retired=True)])
    assert len(known.near(*town.at(0), 999, "default")) == 1
    assert known.near(*town.at(0), 1_000, "default") == []
    assert known.place("facility", "f9", 1_000) is None


def test_places_of_another_tenant_are_not_ours() -> None:
    """Two cities may share streets."""
    known = Reference([yard(1, 0, 0, tenant_id="other")])
    assert known.near(*town.at(0), 1, "default") == []


def test_near_is_sorted_and_ends_at_its_reach() -> None:
    """Nearest first, 60 m."""
    known = Reference([yard(1, 0, 0), events.Asset(id="s9", kind="source", area=town.square(150, 0), valid_from_ms=0)])
    assert [place.place_id for _, place in known.near(*town.at(60), 1, "default")] == ["f9", "s9"]
    assert known.near(*town.at(-115), 1, "default") == []


def test_the_same_record_twice_changes_nothing() -> None:
    """Topics are read again after a restart."""
    known = Reference([yard(1, 0, 0), yard(1, 0, 0)])
    assert len(known.near(*town.at(0), 1, "default")) == 1


def test_a_permit_is_in_force_up_to_its_end() -> None:
    """``valid_to_ms`` is exclusive; a version without the truck takes it away."""
    permit = events.Permit(permit_id="p9", truck_ids=("t1",), valid_from_ms=100, valid_to_ms=200)
    without = events.Permit(permit_id="p9", version=2, truck_ids=("t2",), valid_from_ms=150)
    known = Reference([permit])
    assert [len(known.permissions("t1", at_ms)) for at_ms in (99, 100, 199, 200)] == [0, 1, 1, 0]
    known.apply(without)
    assert [len(known.permissions("t1", at_ms)) for at_ms in (149, 150)] == [1, 0]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (events.Asset(id="f1", kind="facility", valid_from_ms=0), "neither area nor lon, lat"),
        (events.Zone(zone_id="z", kind="parking", valid_from_ms=0), "has no area"),
        (town.truck(payload_kg=0.0), "payload_kg of truck t1 is 0.0"),
        (events.Permit(permit_id="p", valid_from_ms=0, corridor_m=-5.0), "corridor_m is -5.0"),
        (
            events.Permit(permit_id="p", valid_from_ms=0, corridor={"type": "Point", "coordinates": [0, 0]}),
            "expected LineString",
        ),
    ],
)
def test_a_record_that_cannot_be_used_is_named_and_the_rest_stays(record: events.Event, says: str) -> None:
    """Refused with field, value and what was expected."""
    known = town.reference()
    with pytest.raises(BadReference, match=says):
        known.apply(record)
    assert known.truck("t1", 1) is not None


def test_who_drives_follows_from_the_shift() -> None:
    """Start inclusive, end exclusive."""
    shift = events.Shift(shift_id="h1", truck_id="t1", driver_id="dr1", start_ms=100, end_ms=200, valid_from_ms=0)
    known = Reference([shift])
    assert [known.driver("t1", at_ms) for at_ms in (99, 100, 199, 200)] == [None, "dr1", "dr1", None]
