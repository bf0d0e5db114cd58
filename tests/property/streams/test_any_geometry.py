"""Whatever is written where a geometry should be: it is one, or it is said why not, and nobody is held up."""

import math
import random
from collections.abc import Callable
from typing import Any

import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from streams import events, geo, plans
from streams.assets import BadReference, Reference

digits = st.integers(-(10**400), 10**400)
scalars = st.none() | st.booleans() | digits | st.floats() | st.text(max_size=5) | st.sampled_from(["nan", "1", "inf"])
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
)

degrees = st.floats(-200, 200) | st.floats(-9, -8) | st.integers(-90, 90) | scalars
places = (
    st.lists(degrees, min_size=2, max_size=2) | st.lists(degrees, max_size=4) | st.tuples(degrees, degrees) | anything
)


def nested(deep: int) -> SearchStrategy[Any]:
    """Lists of places as GeoJSON nests them, sometimes not so deep or deeper."""
    return st.lists(nested(deep - 1), max_size=6) if deep else places


kinds = st.sampled_from(["Polygon", "MultiPolygon", "LineString", "MultiLineString", "Point", "GeometryCollection", ""])
near_geometries = st.fixed_dictionaries(
    {"type": kinds | anything}, optional={"coordinates": st.integers(0, 4).flatmap(nested), "geometries": anything}
)
geometries = near_geometries | anything


def _outcome(work: Callable[[], Any]) -> tuple[Any, str]:
    """Return what comes of it, or the sentence why nothing does."""
    try:
        return work(), ""
    except (geo.BadGeometry, BadReference) as error:
        return None, str(error)


@settings(max_examples=200)
@given(geometries, st.sampled_from([geo.area_of, geo.lines_of]))
def test_any_json_is_a_geometry_or_a_sentence(geometry: Any, read: Callable[[Any], Any]) -> None:
    """Never another exception; the sentence is short, whatever came."""
    found, said = _outcome(lambda: read(geometry))
    assert len(said.encode()) < 1_000
    assert said or isinstance(found, geo.Polygon) or geo.unpack_lines(geo.pack_lines(found))


@settings(max_examples=200)
@given(
    geometries,
    st.sampled_from(["forbidden", "district"]),
    st.none() | st.floats(allow_nan=False) | st.floats(0, 10_000),
    st.floats(-90, 90),
)
def test_any_json_in_what_exists_is_taken_or_refused(
    geometry: Any, kind: Any, corridor_m: float | None, lat: float
) -> None:
    """As a zone, a corridor, a yard, a plan's path: taken within bounds, or refused with the rest as it was."""
    known = Reference()
    for record in (
        events.Zone(zone_id="z", kind=kind, area=geometry, valid_from_ms=0),
        events.Permit(permit_id="p", truck_ids=("t",), corridor=geometry, corridor_m=corridor_m, valid_from_ms=0),
        events.Asset(id="b", kind="bin", area=geometry, lon=-8.6, lat=lat, valid_from_ms=0),
    ):
        _, said = _outcome(lambda record=record: known.apply(record))
        assert len(said) < 400
    assert sum(map(len, (known._grid, known._wide, known._bin_grid))) <= 2 * geo.MOST_CELLS
    assert (known.bin("b", 1) is None) == (known.place("bin", "b", 1) is None)
    kept: list[plans.KeptPlan] = []
    plan = events.TruckPlan(truck_id="t", plan_version=1, made_ms=1, reason="shift", path=geometry)
    _, said = _outcome(lambda: plans.keep(kept, plan))
    assert bool(said) == (not kept)
    plans.exempts(kept, 2, (-8.6, 41.1), 0)


@settings(max_examples=50)
@given(st.integers(3, 700), st.lists(st.floats(0.2, 1.0), min_size=1, max_size=9), st.integers(0, 10**6))
def test_an_area_holds_what_it_holds_however_many_corners_it_has(corners: int, radii: list[float], seed: int) -> None:
    """Edges are listed by rows of latitude: a star with a hole, against the geometry library."""
    chance = random.Random(seed)
    rings = [
        [
            [size * radii[n % len(radii)] * turn(2 * math.pi * n / corners) for turn in (math.cos, math.sin)]
            for n in range(corners)
        ]
        for size in (0.01, 0.001)
    ]
    coordinates = [[*ring, ring[0]] for ring in rings]
    shape = shapely.Polygon(*coordinates[:1], holes=coordinates[1:])
    assume(shape.is_valid)
    area = geo.area_of({"type": "Polygon", "coordinates": coordinates})
    for _ in range(50):
        lon, lat = chance.uniform(-0.011, 0.011), chance.uniform(-0.011, 0.011)
        assert area.holds(lon, lat) == shape.contains(shapely.Point(lon, lat))


@pytest.mark.timeout(120)
def test_the_longest_line_that_is_taken_is_indexed_in_bounds() -> None:
    """A zigzag over all that is allowed, at the widest and the farthest north: some millions of cells, no more."""
    line = [[n % 2 * 0.004, geo.MOST_LAT - 0.002 - n % 3 * 0.0004] for n in range(10_000)]
    path = {"type": "LineString", "coordinates": line}
    for corridor_m in (50, 10_000):
        permit = events.Permit(permit_id="p", truck_ids=("t",), corridor=path, corridor_m=corridor_m, valid_from_ms=0)
        (found,) = Reference([permit]).permissions("t", 1)
        assert found.corridor is not None
        assert sum(map(len, found.corridor._cells.values())) < 2_000_000
