"""Geometry of a city: metres between places, areas, roads. WGS-84 degrees in, metres out, ``lon`` before ``lat``.

Within a city the earth is flat: a degree of latitude is 111,195 m (mean earth radius 6,371,008.8 m, IUGG), a degree of
longitude that times the cosine of the latitude. The error against the ellipsoid is below 0.6 % up to 100 km.
Areas over the 180th meridian are refused by name, not guessed.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import shapely

LonLat = tuple[float, float]
Segment = tuple[float, float, float, float]
"""``lon, lat`` of both ends."""

EARTH_RADIUS_M: Final = 6_371_008.8
M_PER_DEGREE: Final = EARTH_RADIUS_M * math.pi / 180.0
_CELL_DEG: Final = 0.002
"""Side of a grid cell, about 220 m north–south: a few places a cell in a dense town."""


class BadGeometry(ValueError):  # noqa: N818  # a verdict on a record, not a failure of ours
    """A geometry that cannot be used; the message says why, for people."""


def metres_per_degree_lon(lat: float) -> float:
    """Length of a degree of longitude at ``lat``, m."""
    return M_PER_DEGREE * math.cos(math.radians(lat))


def metres_between(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    """Distance between two places of one city, m."""
    east = (to_lon - lon) * M_PER_DEGREE * math.cos(math.radians((lat + to_lat) / 2))
    return math.hypot(east, (to_lat - lat) * M_PER_DEGREE)


def shifted(lon: float, lat: float, east_m: float, north_m: float) -> LonLat:
    """Return the place so many metres to the east and to the north."""
    return lon + east_m / metres_per_degree_lon(lat), lat + north_m / M_PER_DEGREE


def _metres_to_segment(lon: float, lat: float, segment: Segment, per_lon: float) -> float:
    ax, ay = (segment[0] - lon) * per_lon, (segment[1] - lat) * M_PER_DEGREE
    bx, by = (segment[2] - lon) * per_lon, (segment[3] - lat) * M_PER_DEGREE
    dx, dy = bx - ax, by - ay
    length2 = dx * dx + dy * dy
    along = -(ax * dx + ay * dy) / length2 if length2 else 0.0
    if along <= 0.0:
        return math.hypot(ax, ay)
    if along >= 1.0:
        return math.hypot(bx, by)
    return math.hypot(ax + along * dx, ay + along * dy)


class Circle:
    """All places within ``radius_m`` of a centre: what has no drawn area."""

    def __init__(self, lon: float, lat: float, radius_m: float) -> None:
        self.lon, self.lat, self.radius_m = lon, lat, radius_m
        self._per_lon = metres_per_degree_lon(lat)

    def distance_m(self, lon: float, lat: float) -> float:
        """0 inside, else metres to the edge."""
        away = math.hypot((lon - self.lon) * self._per_lon, (lat - self.lat) * M_PER_DEGREE)
        return max(0.0, away - self.radius_m)

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        dx, dy = self.radius_m / self._per_lon, self.radius_m / M_PER_DEGREE
        return self.lon - dx, self.lat - dy, self.lon + dx, self.lat + dy


class Polygon:
    """A polygon or several, with holes."""

    def __init__(self, shape: Any) -> None:
        self._bounds: tuple[float, float, float, float] = shape.bounds
        self._per_lon = metres_per_degree_lon((shape.bounds[1] + shape.bounds[3]) / 2)
        parts = shape.geoms if shape.geom_type == "MultiPolygon" else [shape]
        rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
        self._segments = [segment for ring in rings for segment in segments_of([ring.coords])]

    def distance_m(self, lon: float, lat: float) -> float:
        """0 inside, else metres to the edge."""
        if self._contains(lon, lat):
            return 0.0
        per_lon = self._per_lon
        return min(_metres_to_segment(lon, lat, segment, per_lon) for segment in self._segments)

    def _contains(self, lon: float, lat: float) -> bool:
        west, south, east, north = self._bounds
        if not (west <= lon <= east and south <= lat <= north):
            return False
        inside = False
        for ax, ay, bx, by in self._segments:  # even–odd rule: count the edges east of the place
            if (ay > lat) != (by > lat) and lon < ax + (lat - ay) * (bx - ax) / (by - ay):
                inside = not inside
        return inside

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        return self._bounds


Area = Circle | Polygon


def area_of(geometry: dict[str, Any]) -> Polygon:
    """Read a GeoJSON Polygon or MultiPolygon.

    Raises
    ------
    BadGeometry
        If it is none, crosses itself, leaves the earth or spans more than half of it.
    """
    shape = _shape(geometry)
    if shape.geom_type not in ("Polygon", "MultiPolygon"):
        raise BadGeometry(f"area is a {shape.geom_type}, expected Polygon or MultiPolygon")
    if not shape.is_valid:
        raise BadGeometry(f"area is not valid: {shapely.is_valid_reason(shape)}")
    return Polygon(shape)


def lines_of(geometry: dict[str, Any]) -> list[list[LonLat]]:
    """Read a GeoJSON LineString or MultiLineString as lists of places.

    Raises
    ------
    BadGeometry
        If it is none, or leaves the earth.
    """
    shape = _shape(geometry)
    if shape.geom_type == "LineString":
        return [[(x, y) for x, y, *_ in shape.coords]]
    if shape.geom_type == "MultiLineString":
        return [[(x, y) for x, y, *_ in line.coords] for line in shape.geoms]
    raise BadGeometry(f"line is a {shape.geom_type}, expected LineString or MultiLineString")


def _shape(geometry: dict[str, Any]) -> Any:
    try:
        shape = shapely.geometry.shape(geometry)
    except (ValueError, TypeError, KeyError, AttributeError, shapely.errors.ShapelyError) as error:
        raise BadGeometry(f"not a GeoJSON geometry: {error}") from error
    if shape.is_empty:
        raise BadGeometry("geometry is empty")
    west, south, east, north = shape.bounds
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise BadGeometry(f"geometry leaves the earth: bounds {west}, {south}, {east}, {north}")
    if east - west > 180:
        raise BadGeometry("geometry crosses the 180th meridian: cut it there into two parts")
    return shape


def segments_of(lines: Iterable[Sequence[Sequence[float]]]) -> Iterator[Segment]:
    """Each piece of each line."""
    for line in lines:
        for a, b in zip(line, line[1:] if len(line) > 1 else line, strict=False):
            yield a[0], a[1], b[0], b[1]


class Road:
    """Lines to stay near: answers how far away they are, up to ``reach_m``, in a few microseconds."""

    def __init__(self, lines: Iterable[Sequence[Sequence[float]]], reach_m: float) -> None:
        self.reach_m = reach_m
        self._cells: dict[tuple[int, int], list[Segment]] = {}
        for segment in segments_of(lines):
            for cell in _cells_near(segment, reach_m):
                self._cells.setdefault(cell, []).append(segment)

    def distance_m(self, lon: float, lat: float) -> float | None:
        """Metres to the nearest line, or None if farther than ``reach_m``."""
        near = self._cells.get(_cell(lon, lat))
        if near is None:
            return None
        per_lon = metres_per_degree_lon(lat)
        distance_m = min([_metres_to_segment(lon, lat, segment, per_lon) for segment in near])
        return distance_m if distance_m <= self.reach_m else None


def _cell(lon: float, lat: float) -> tuple[int, int]:
    return math.floor(lon / _CELL_DEG), math.floor(lat / _CELL_DEG)


def _cells_near(segment: Segment, reach_m: float) -> Iterator[tuple[int, int]]:
    """Cells with a place within ``reach_m`` of the segment; long segments are cut, so few cells are named in vain."""
    ax, ay, bx, by = segment
    pieces = max(1, math.ceil(max(abs(bx - ax), abs(by - ay)) / _CELL_DEG))
    seen: set[tuple[int, int]] = set()
    for n in range(pieces):
        x0, y0 = ax + (bx - ax) * n / pieces, ay + (by - ay) * n / pieces
        x1, y1 = ax + (bx - ax) * (n + 1) / pieces, ay + (by - ay) * (n + 1) / pieces
        seen.update(cells_of((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), reach_m))
    return iter(seen)


def widened(bounds: tuple[float, float, float, float], margin_m: float) -> tuple[float, float, float, float]:
    """West, south, east, north of a box with so much around it."""
    west, south, east, north = bounds
    dy = margin_m / M_PER_DEGREE
    dx = margin_m / metres_per_degree_lon(min(89.0, max(abs(south), abs(north))))
    return west - dx, south - dy, east + dx, north + dy


def cells_of(bounds: tuple[float, float, float, float], margin_m: float) -> Iterator[tuple[int, int]]:
    """Grid cells that a box, widened by ``margin_m``, touches."""
    west, south, east, north = widened(bounds, margin_m)
    x0, y0 = _cell(west, south)
    x1, y1 = _cell(east, north)
    return ((x, y) for x in range(x0, x1 + 1) for y in range(y0, y1 + 1))


cell_of = _cell


# --------------------------------------------------------------------------------------------- lines kept in state

_TICKS_PER_DEGREE: Final = 100_000
"""Kept lines are rounded to 1e-5 degree, about 1 m."""
_KEPT_TOLERANCE_DEG: Final = 2.0 / M_PER_DEGREE
"""Points of a kept line that change it by less than 2 m are left out: the rule's limit is 50 m."""


def pack_lines(lines: Iterable[Sequence[LonLat]]) -> tuple[tuple[int, ...], ...]:
    """Make lines small for keeping in state: thinned, rounded, each place as the step from the one before."""
    packed = []
    for line in lines:
        kept = shapely.simplify(shapely.LineString(line), _KEPT_TOLERANCE_DEG).coords if len(line) > 1 else line
        steps: list[int] = []
        x, y = 0, 0
        for lon, lat in kept:
            to_x, to_y = round(lon * _TICKS_PER_DEGREE), round(lat * _TICKS_PER_DEGREE)
            steps += (to_x - x, to_y - y)
            x, y = to_x, to_y
        packed.append(tuple(steps))
    return tuple(packed)


def unpack_lines(packed: tuple[tuple[int, ...], ...]) -> list[list[LonLat]]:
    """Undo `pack_lines`, up to its tolerance."""
    lines = []
    for steps in packed:
        line, x, y = [], 0, 0
        for dx, dy in zip(steps[::2], steps[1::2], strict=True):
            x, y = x + dx, y + dy
            line.append((x / _TICKS_PER_DEGREE, y / _TICKS_PER_DEGREE))
        lines.append(line)
    return lines


@lru_cache(maxsize=4096)
def packed_road(packed: tuple[tuple[int, ...], ...], reach_m: float) -> Road:
    """Return the index of kept lines; kept for the trucks now on the road."""
    return Road(unpack_lines(packed), reach_m)


def point(lon: float, lat: float) -> dict[str, Any]:
    """GeoJSON Point, rounded to 1e-6 degree (0.1 m)."""
    return {"type": "Point", "coordinates": [round(lon, 6), round(lat, 6)]}


def line(places: Sequence[LonLat]) -> dict[str, Any]:
    """GeoJSON LineString of two or more places, else a Point."""
    if len(places) < 2:
        return point(*places[0])
    return {"type": "LineString", "coordinates": [[round(lon, 6), round(lat, 6)] for lon, lat in places]}
