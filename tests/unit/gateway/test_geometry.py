"""Inside or outside an area."""

import pytest

from services.gateway.geometry import Ground
from streams.events import Asset

SQUARE = [[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]
HOLE = [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]


def place(area: object) -> Asset:
    return Asset(id="f", kind="facility", valid_from_ms=1, lon=0.0, lat=0.0, area=area)


@pytest.mark.parametrize(
    ("lon", "lat", "expected"),
    [(1, 1, True), (11, 1, False), (-1, 5, False), (5, 5, False), (5, 3, True), (5, 11, False)],
)
def test_a_polygon_with_a_hole(lon: float, lat: float, *, expected: bool) -> None:
    """In the square but not in its hole; the same as a multipolygon of one."""
    for area in (
        {"type": "Polygon", "coordinates": [SQUARE, HOLE]},
        {"type": "MultiPolygon", "coordinates": [[SQUARE, HOLE]]},
    ):
        assert Ground(place(area), 40).holds(lon, lat) is expected


@pytest.mark.parametrize(("east_m", "expected"), [(39.0, True), (41.0, False)])
def test_a_place_without_an_area_is_a_circle(east_m: float, *, expected: bool) -> None:
    """40 m at the latitude of Porto: a degree of longitude is shorter there."""
    porto = Asset(id="f", kind="facility", valid_from_ms=1, lon=-8.6, lat=41.15)
    metre = 1 / (111_195 * 0.75299)  # cos 41.15°
    assert Ground(porto, 40).holds(-8.6 + east_m * metre, 41.15) is expected


def test_a_place_nobody_placed_contains_nothing() -> None:
    """Unknown is not "everywhere"."""
    assert not Ground(Asset(id="f", kind="facility", valid_from_ms=1), 40).holds(0, 0)
