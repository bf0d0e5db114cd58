"""What exists, by version."""

import pytest
from msgspec import structs

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


def test_a_zone_that_names_no_tenant_is_everybodys() -> None:
    """A tunnel is one for all fleets; a tenant's own zone is its own."""
    tunnel = events.Zone(zone_id="z", kind="dead_zone", area=town.square(0, 0), valid_from_ms=0)
    own = events.Zone(zone_id="y", kind="parking", area=town.square(0, 0), valid_from_ms=0, tenant_id="other")
    known = Reference([tunnel, own])
    assert [place.place_id for _, place in known.near(*town.at(0), 1, "porto")] == ["z"]
    assert known.zones_at(*town.at(0), 1, "other") == ("y", "z")


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


def test_a_corridor_as_wide_as_a_city_is_none() -> None:
    """Any road is allowed then; its cells would be without number."""
    path = {"type": "LineString", "coordinates": [list(town.at(0)), list(town.at(8_000))]}
    permit = events.Permit(permit_id="p", truck_ids=("t1",), corridor=path, corridor_m=1e9, valid_from_ms=0)
    assert Reference([permit]).permissions("t1", 1)[0].corridor is None


def test_a_permit_is_in_force_up_to_its_end() -> None:
    """``valid_to_ms`` is exclusive; a version without the truck takes it away."""
    permit = events.Permit(permit_id="p9", truck_ids=("t1",), valid_from_ms=100, valid_to_ms=200)
    without = events.Permit(permit_id="p9", version=2, truck_ids=("t2",), valid_from_ms=150)
    known = Reference([permit])
    assert [len(known.permissions("t1", at_ms)) for at_ms in (99, 100, 199, 200)] == [0, 1, 1, 0]
    known.apply(without)
    assert [len(known.permissions("t1", at_ms)) for at_ms in (149, 150)] == [1, 0]


def box(west: float, south: float, east: float, north: float) -> dict[str, object]:
    """GeoJSON rectangle in degrees."""
    corners = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [corners]}


def test_a_province_is_a_district() -> None:
    """8° by 5° is listed in wide cells, and found by whoever is in it; districts beside it are not."""
    province = events.Zone(zone_id="p", kind="district", area=box(-9, 38, -1, 43), valid_from_ms=0)
    beside = events.Zone(zone_id="q", kind="grid", area=box(-1, 38, -0.99, 38.01), valid_from_ms=0)
    known = Reference([province, beside])
    assert known.zones_at(-8.6, 41.1, 1, "default") == ("p",)
    assert known.zones_at(-0.995, 38.005, 1, "default") == ("q",)
    assert known.zones_at(-0.995, 38.02, 1, "default") == ()
    known.apply(events.Zone(zone_id="p", kind="district", area=box(-9, 38, -8.99, 38.01), version=2, valid_from_ms=0))
    assert known.zones_at(-8.6, 41.1, 1, "default") == ()


@pytest.mark.timeout(60)
def test_a_refused_version_leaves_the_one_before() -> None:
    """A swapped vertex, a pole: the zone, the yard, the bin and the permit stay as they were, on the map and by id."""
    lon, lat = town.at(0)
    here = {"lon": lon, "lat": lat, "valid_from_ms": 0}
    good = [
        events.Zone(zone_id="z", kind="forbidden", area=town.square(0, 0), valid_from_ms=0),
        yard(1, 0, 0),
        events.Asset(id="b", kind="bin", material="residual", **here),
        events.Permit(permit_id="p", truck_ids=("t1",), corridor_m=70.0, valid_from_ms=0),
    ]
    bad = [
        events.Zone(zone_id="z", kind="forbidden", version=2, area=box(-8.6, -8.6, 41.1, 41.1), valid_from_ms=0),
        yard(2, 0, 0, retired=True),
        events.Asset(id="b", kind="bin", material="kitchen", version=2, **here | {"lat": 90.0}),
        events.Permit(permit_id="p", truck_ids=("t1",), version=2, corridor_m=-1.0, valid_from_ms=0),
    ]
    bad[1] = structs.replace(bad[1], area=box(0, 0, 1, 1))
    known = Reference(good)
    for record in bad:
        with pytest.raises(BadReference):
            known.apply(record)
    assert {place.versioned_id for _, place in known.near(lon, lat, 1, "default")} == {"z@1", "f9@1"}
    assert {place.versioned_id for _, place in known.bins_near(lon, lat, 1, "default")} == {"b@1"}
    found = known.bin("b", 1)
    assert found is not None
    assert found.material == "residual"
    assert known.permissions("t1", 1)[0].corridor_m == 70.0


def test_a_bin_can_be_collected_from_when_the_register_says() -> None:
    """Known, with a material, not retired: each version from its own time on."""
    at = {"id": "b", "kind": "bin", "lon": town.LON, "lat": town.LAT}
    known = Reference()
    assert known.bin_from("b", 0) is None
    known.apply(events.Asset(**at, valid_from_ms=100))
    assert known.bin_from("b", 0) is None
    known.apply(events.Asset(**at, valid_from_ms=200, version=2, material="residual"))
    known.apply(events.Asset(**at, valid_from_ms=300, version=3, material="residual", retired=True))
    assert [known.bin_from("b", from_ms) for from_ms in (0, 150, 250, 300)] == [200, 200, 250, None]


@pytest.mark.parametrize(
    ("record", "says"),
    [
        (events.Asset(id="f1", kind="facility", valid_from_ms=0), "neither area nor lon, lat"),
        (events.Zone(zone_id="z", kind="parking", valid_from_ms=0), "has no area"),
        (town.truck(payload_kg=0.0), "payload_kg of truck t1 is 0.0"),
        (town.truck(gross_limit_kg=0.0), "gross_limit_kg of truck t1 is 0.0"),
        (events.Permit(permit_id="p", valid_from_ms=0, corridor_m=-5.0), "corridor_m of permit p is -5.0"),
        (events.Asset(id="s", kind="source", lon=0.0, lat=-90.0, valid_from_ms=0), "lat from -85 to 85"),
        (events.Zone(zone_id="z", kind="parking", area=box(-9, 41, -8, 42), valid_from_ms=0), "at most 0.8 square"),
        (events.Zone(zone_id="z", kind="district", area=box(-8, -8, 41, 41), valid_from_ms=0), "at most 500 square"),
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
