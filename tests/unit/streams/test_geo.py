"""Metres between places, areas, roads."""

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
    ],
)
def test_an_area_that_cannot_be_used_is_named(geometry: dict[str, object], says: str) -> None:
    """Crossing itself, over the date line, off the earth, of another kind, incomplete."""
    with pytest.raises(geo.BadGeometry, match=says):
        geo.area_of(geometry)


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
