"""Where a tenant works, as what it has registered says, and what lies elsewhere."""

import random

import pytest
from msgspec.structs import replace

from streams import events, geo
from streams.assets import BadReference, Reference
from tests.unit.streams import town

LON, LAT = -8.62, 41.16


def asset(kind: str, asset_id: str, lon: float = LON, lat: float = LAT, **more: object) -> events.Asset:
    """A place of porto."""
    given = {"tenant_id": "porto", "valid_from_ms": 0} | more
    return events.Asset(id=asset_id, kind=kind, lon=lon, lat=lat, **given)  # type: ignore[arg-type]


def district(zone_id: str, lon: float = LON, lat: float = LAT, tenant_id: str = "porto") -> events.Zone:
    """A square of some kilometres."""
    corners = [[lon + x, lat + y] for x, y in ((0, 0), (0.05, 0), (0.05, 0.05), (0, 0.05), (0, 0))]
    area = {"type": "Polygon", "coordinates": [corners]}
    return events.Zone(zone_id=zone_id, kind="district", area=area, tenant_id=tenant_id, valid_from_ms=0)


def city() -> list[events.Versioned]:
    """A district, a depot, a yard, two sites and three bins."""
    return [
        district("z1"),
        asset("depot", "d1"),
        asset("facility", "f1"),
        asset("source", "s1"),
        asset("source", "s2", LON + 0.1),
        *(asset("bin", f"b{n}", LON + n / 1000) for n in range(3)),
    ]


def why_not(known: Reference, lon: float, lat: float, tenant_id: str = "porto") -> str | None:
    """Of a truck that no register knows."""
    return known.why_not_there("t1", 1, tenant_id, lon, lat)


def test_swapped_lon_and_lat_are_named_with_both_values_and_what_was_expected() -> None:
    """The sentence says where that is, and what happened."""
    assert why_not(Reference(city()), LAT, LON) == (
        "lon 41.16, lat -8.62 lies 7,503 km outside the service area of porto, expected at most 100 km: "
        "are lon and lat swapped?"
    )


def test_a_place_that_is_wrong_otherwise_is_not_called_swapped() -> None:
    """0, 0 is a receiver without a fix."""
    reason = why_not(Reference(city()), 0.0, 0.0)
    assert reason is not None
    assert "outside the service area of porto" in reason
    assert "swapped" not in reason


@pytest.mark.parametrize(("km", "is_refused"), [(99.0, False), (101.0, True)])
@pytest.mark.parametrize("north", [True, False])
def test_a_hundred_kilometres_outside_are_believed(km: float, *, is_refused: bool, north: bool) -> None:
    """To the north of the district, to the west of everything."""
    m = km * 1000
    lon, lat = geo.shifted(LON, LAT + 0.05, 0, m) if north else geo.shifted(LON, LAT + 0.05, -m, 0)
    assert (why_not(Reference(city()), lon, lat) is not None) == is_refused


@pytest.mark.parametrize(
    "registered",
    [
        pytest.param([], id="nothing"),
        pytest.param([asset("depot", "d1"), asset("bin", "b1")], id="two places: neither is known to be right"),
        pytest.param([asset("depot", "d1", version=n) for n in range(1, 5)], id="four versions of one"),
        pytest.param([district("z1", tenant_id="default"), *city()[:2]], id="a map that names no tenant"),
        pytest.param(
            [*(asset("source", f"s{n}") for n in range(9)), *(asset("bin", f"b{n}", LAT, LON) for n in range(9))],
            id="sites and bins are at odds",
        ),
        pytest.param([asset("source", f"s{n}", 179.9, -17.8) for n in range(9)], id="over the 180th meridian"),
    ],
)
def test_what_is_not_known_refuses_nothing(registered: list[events.Versioned]) -> None:
    """Neither here nor there, nor on the other side."""
    known = Reference(registered)
    assert [why_not(known, *place) for place in ((LON, LAT), (LAT, LON), (0.0, 0.0), (-179.9, -17.8))] == [None] * 4


def test_another_tenants_places_say_nothing_of_this_one() -> None:
    """Two cities in one system."""
    shanghai = [replace(one, tenant_id="shanghai") for one in city()]
    known = Reference([*shanghai, *(asset("bin", f"x{n}", 121.4, 31.2) for n in range(3))])
    assert why_not(known, 121.4, 31.2) is None
    assert why_not(known, LON, LAT) is not None
    assert why_not(known, LON, LAT, "shanghai") is None


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param([asset("facility", "f9", LAT, LON)], id="one asset"),
        pytest.param([district("z9", LAT, LON)], id="one district"),
        pytest.param([asset("bin", f"c{n}", LAT, LON) for n in range(2_000)], id="a whole file of bins"),
    ],
)
def test_what_is_registered_swapped_is_refused_and_widens_nothing(wrong: list[events.Versioned]) -> None:
    """Whatever comes first: first all of it is learnt, then each is held against it."""
    for first, then in ((wrong, city()), (city(), wrong)):
        given = [*first, *then]
        known = Reference()
        known.learn(given)
        refused = []
        for one in given:
            try:
                known.apply(one)
            except BadReference as error:
                assert "swapped" in str(error)  # noqa: PT017  # which of them are refused is what is asked
                refused.append(one)
        assert refused == [one for one in given if one in wrong]
        assert why_not(known, LAT, LON) is not None


def test_a_refusal_names_what_and_which_member() -> None:
    """Of assets the place or the area, of zones the area, of permits the corridor."""
    known = Reference(city())
    area = {"type": "Polygon", "coordinates": [[[LAT, LON], [LAT + 0.01, LON], [LAT, LON + 0.01], [LAT, LON]]]}
    corridor = {"type": "LineString", "coordinates": [[LON, LAT], [LON + 0.1, LAT + 2.0]]}
    permit = events.Permit(permit_id="p1", corridor=corridor, tenant_id="porto", valid_from_ms=0)
    for record, said in (
        (asset("facility", "f2", LAT, LON), "facility f2: place lon 41.16, lat -8.62"),
        (asset("facility", "f2", area=area), "facility f2: area lon 41.16, lat -8.62"),
        (district("z2", LAT, LON), "zone z2: area lon 41.16, lat -8.62"),
        (permit, "permit p1: corridor lon -8.52, lat 43.16"),
    ):
        with pytest.raises(BadReference, match=f"^{said}"):
            known.apply(record)


def test_what_is_wrong_can_be_taken_back() -> None:
    """A retired version may lie anywhere: it is how the place goes away."""
    Reference(city()).apply(asset("facility", "f2", LAT, LON, version=2, retired=True))


def test_a_map_may_reach_far_but_not_where_it_would_be_ours_if_swapped() -> None:
    """Zones that name no tenant are everybody's: a tunnel of the next country is none of our business."""
    known = Reference(city())
    known.apply(replace(district("far", 2.35, 48.85, tenant_id="default"), kind="dead_zone"))
    with pytest.raises(BadReference, match="swapped"):
        known.apply(replace(district("swapped", LAT, LON, tenant_id="default"), kind="dead_zone"))


def test_a_city_that_goes_on_for_hundreds_of_kilometres_is_one() -> None:
    """What lies within 100 km of what is known is taken in, again and again; the order in which it is read does not matter."""
    chain = [asset("bin", f"c{n}", LON, LAT - n * 0.8) for n in range(8)]
    for seed in range(5):
        random.Random(seed).shuffle(chain)
        known = Reference([*city(), *chain])
        assert why_not(known, LON, LAT - 7 * 0.8) is None
        assert why_not(known, LON, LAT - 9 * 0.8) is not None


def test_the_tenant_of_a_truck_is_the_registers() -> None:
    """A report need not say whose truck it is."""
    known = Reference([*city(), town.truck(tenant_id="porto")])
    assert known.why_not_there("t1", 1, "default", LAT, LON) is not None
    assert known.why_not_there("t2", 1, "default", LAT, LON) is None
