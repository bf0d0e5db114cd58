"""Metres between places, areas, roads."""

from typing import Any

import pytest

from streams import geo
from tests.unit.streams import town


def test_a_degree_of_latitude_is_111_kilometres() -> None:
    """Mean earth radius: 111.195 km."""
    assert geo.metres_between(0, 41, 0, 42) == pytest.approx(111_195, rel=1e-4)
    assert geo.metres_between(0, 60, 1, 60) == pytest.approx(111_195 / 2, rel=1e-3)


@pytest.mark.parametrize(("x_m", "y_m", "metres"), [(0, 0, 0), (49, 49, 0), (80, 0, 30), (0, -150, 100), (80, 90, 50)])
def test_the_distance_to_an_area_is_zero_inside(x_m: float, y_m: float, metres: float) -> None:
    """Inside, beside an edge, off a corner."""
    area = geo.area_of(town.square(0, 0))
    assert area.distance_m(*town.at(x_m, y_m)) == pytest.approx(metres, abs=0.6)


def test_a_hole_is_outside() -> None:
    """A yard with a public square in its middle."""
    outer, inner = town.square(0, 0, 100)["coordinates"][0], town.square(0, 0, 20)["coordinates"][0]
    area = geo.area_of({"type": "Polygon", "coordinates": [outer, inner]})
    assert area.distance_m(*town.at(0, 0)) == pytest.approx(20, abs=0.5)
    assert area.distance_m(*town.at(50, 0)) == 0.0


@pytest.mark.parametrize(
    ("geometry", "says"),
    [
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]]}, "not valid"),
        ({"type": "Polygon", "coordinates": [[[-179, 0], [179, 0], [179, 1], [-179, 1], [-179, 0]]]}, "180th meridian"),
        ({"type": "Polygon", "coordinates": [[[0, 95], [1, 95], [1, 96], [0, 95]]]}, "leaves the earth"),
        ({"type": "Point", "coordinates": [0, 0]}, "expected Polygon"),
        ({"type": "Polygon"}, "not a GeoJSON geometry"),
        ({}, "not a GeoJSON geometry"),
        ({"type": "MultiPolygon", "coordinates": [[]]}, "geometry is empty"),
        ({"type": "MultiPolygon", "coordinates": [[[]], [[[0, 0], [1, 1]]]]}, "not a GeoJSON geometry"),
        (
            {"type": "Polygon", "coordinates": [[[10**400, 0], [1, 1], [0, 1], [0, 0]]]},
            r"coordinates\[0\]\[0\] is \[1000",
        ),
        ({"type": "Polygon", "coordinates": [[[0, 89], [1, 89], [1, 90], [0, 89]]]}, "lat from -85 to 85"),
        ("Polygon", "not a GeoJSON geometry"),
        (None, "not a GeoJSON geometry"),
    ],
)
def test_an_area_that_cannot_be_used_is_named(geometry: Any, says: str) -> None:
    """Crossing itself, over the date line, off the earth, at a pole, of another kind, incomplete, no geometry at all."""
    with pytest.raises(geo.BadGeometry, match=says):
        geo.area_of(geometry)


@pytest.mark.parametrize(
    "place",
    [
        ["nan", "nan"], ["-8.6", "41.1"], [True, False], [None, 41.1], [float("nan"), 41.1], [float("inf"), 41.1],
        [10**400, 41.1], [-8.6, 10**5000], [[-8.6], [41.1]], [-8.6], [-8.6, 41.1, 0, 0], [-8.6, 41.1, "0"], {}, "ab", 7, None,
        [181, 41.1], [-8.6, -85.1],
    ],
)  # fmt: skip
def test_what_is_no_place_is_named_where_it_stands(place: Any) -> None:
    """Text, though it spells a number, true and false, nothing, no number, endless digits, lists too deep or too long, off the earth."""
    good = [[-8.6, 41.1], [-8.5, 41.1], [-8.5, 41.2]]
    with pytest.raises(geo.BadGeometry, match=r"coordinates\[1\] is ") as line:
        geo.lines_of({"type": "LineString", "coordinates": [good[0], place]})
    with pytest.raises(geo.BadGeometry, match=r"coordinates\[0\]\[3\] is ") as area:
        geo.area_of({"type": "Polygon", "coordinates": [[*good, place, good[0]]]})
    assert max(len(str(error.value)) for error in (line, area)) < 250


def test_an_altitude_is_left_out() -> None:
    """GeoJSON allows it; nothing here looks at it."""
    assert geo.lines_of({"type": "LineString", "coordinates": [[-8, 41, 120], [-8.5, 41]]}) == [[(-8, 41), (-8.5, 41)]]


def test_a_line_longer_than_any_road_is_refused() -> None:
    """One place left at 0, 0: the way there and back would be in the index of each truck that has the plan."""
    there_and_back = {"type": "LineString", "coordinates": [[-8.6, 41.1], [0, 0], [-8.6, 41.2]]}
    with pytest.raises(geo.BadGeometry, match=r"line is 82\.3° long, expected at most 50°"):
        geo.lines_of(there_and_back)


def test_a_box_over_more_cells_than_a_city_has_is_refused() -> None:
    """100 by 75 km is a city; 1° by 1°, or a box at a pole, is none; of the wide cells a province has few enough."""
    assert len(geo.Cells((-8.9, 40.9, -8.0, 41.7), 60)) <= geo.MOST_CELLS
    with pytest.raises(geo.BadGeometry, match=r"1\.00° wide and 1\.00° high, expected at most 0\.8 square degrees"):
        geo.Cells((-9, 41, -8, 42), 60)
    assert len(geo.Cells((109.6, 20.2, 117.3, 25.5), 60, geo.WIDE_CELL_DEG)) < geo.MOST_CELLS
    with pytest.raises(geo.BadGeometry, match="expected at most 500 square degrees"):
        geo.Cells((0, 0, 50, 50), 60, geo.WIDE_CELL_DEG)
    with pytest.raises(geo.BadGeometry, match=r"lon 0\.0, lat 90\.0, expected"):
        geo.Circle(0.0, 90.0, 40)


def test_a_wide_reach_costs_no_more_cells() -> None:
    """The cells grow with the reach; the distance is the same."""
    line = [town.at(x, 30 * (x % 200 == 0)) for x in range(0, 3_000, 10)]
    narrow, wide = geo.Road([line], reach_m=200), geo.Road([line], reach_m=10_000)
    assert sum(map(len, wide._cells.values())) < 30 * len(line)
    for place in (town.at(500, 40), town.at(-30), town.at(1_200, -190)):
        assert wide.distance_m(*place) == narrow.distance_m(*place) is not None
    assert wide.distance_m(*town.at(500, 9_900)) == pytest.approx(9_900, rel=0.01)
    assert wide.distance_m(*town.at(500, 10_200)) is None


@pytest.mark.parametrize(
    ("x_m", "y_m", "metres"), [(500, 40, 40), (-30, 0, 30), (500, 99, 99), (500, 101, None), (5_000, 0, None)]
)
def test_a_road_says_how_far_it_is_up_to_its_reach(x_m: float, y_m: float, metres: float | None) -> None:
    """Beside it, before its beginning, at the edge of the reach, beyond."""
    road = geo.Road([[town.at(0), town.at(2_000)]], reach_m=100)
    found = road.distance_m(*town.at(x_m, y_m))
    assert found == (None if metres is None else pytest.approx(metres, abs=0.6))


def test_kept_lines_are_small_and_within_three_metres() -> None:
    """Thinned by 2 m, rounded by 1 m: far below the 50 m they are used for."""
    line = [town.at(x, 30 * (x % 200 == 0)) for x in range(0, 3_000, 10)]
    packed = geo.pack_lines([line])
    road = geo.Road(geo.unpack_lines(packed), reach_m=50)
    assert max(road.distance_m(*place) or 0.0 for place in line) < 3.0
    assert sum(map(len, packed)) < len(line)
