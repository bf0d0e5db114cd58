"""Geometry of a city: metres between places, areas, roads. WGS-84 degrees in, metres out, ``lon`` before ``lat``.

Within a city the earth is flat: a degree of latitude is 111,195 m (mean earth radius 6,371,008.8 m, IUGG), a degree of
longitude that times the cosine of the latitude. The error against the ellipsoid is below 0.6 % up to 100 km.
Areas over the 180th meridian are refused by name, not guessed; so is what lies at a pole, or covers more than a city could:
whoever reads what exists must come to its end, whatever is in it.
"""

import math
import reprlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import product
from typing import Any, Final

import shapely

LonLat = tuple[float, float]
Segment = tuple[float, float, float, float]
"""``lon, lat`` of both ends."""

EARTH_RADIUS_M: Final = 6_371_008.8
M_PER_DEGREE: Final = EARTH_RADIUS_M * math.pi / 180.0
CELL_DEG: Final = 0.002
"""Side of a grid cell, about 220 m north–south: a few places a cell in a dense town."""
WIDE_CELL_DEG: Final = 0.05
"""Side of a cell for what covers much of a city, about 5.6 km."""
MOST_CELLS: Final = 200_000
"""A box over more cells is refused: it is larger than 0.8 square degrees (a large city), 500 of `WIDE_CELL_DEG` (the
largest province)."""
MOST_LAT: Final = 85.0
"""Nearer to a pole a degree of longitude is too short to reckon with, and nobody collects."""
LONGEST_LINE_DEG: Final = 50.0
"""Of a path or a corridor; with one place swapped or left at 0, 0 it is longer."""


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
    """All places within ``radius_m`` of a centre: what has no drawn area.

    Raises
    ------
    BadGeometry
        If the centre is no place.
    """

    def __init__(self, lon: float, lat: float, radius_m: float) -> None:
        if not _is_place((lon, lat)):
            raise BadGeometry(f"the place is lon {lon}, lat {lat}, expected {_PLACE}")
        self.lon, self.lat, self.radius_m = lon, lat, radius_m
        self._per_lon = metres_per_degree_lon(lat)

    def holds(self, lon: float, lat: float) -> bool:
        """True for a place inside."""
        return self.distance_m(lon, lat) == 0.0

    def distance_m(self, lon: float, lat: float) -> float:
        """0 inside, else metres to the edge."""
        away = math.hypot((lon - self.lon) * self._per_lon, (lat - self.lat) * M_PER_DEGREE)
        return max(0.0, away - self.radius_m)

    def depth_m(self, lon: float, lat: float) -> float:
        """Metres from a place inside to the edge, 0 outside."""
        away = math.hypot((lon - self.lon) * self._per_lon, (lat - self.lat) * M_PER_DEGREE)
        return max(0.0, self.radius_m - away)

    def length_inside_m(self, begin: LonLat, end: LonLat) -> float:
        """Metres of the straight way between two places that lie inside."""
        return _length_inside_m(self, begin, end)

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        dx, dy = self.radius_m / self._per_lon, self.radius_m / M_PER_DEGREE
        return self.lon - dx, self.lat - dy, self.lon + dx, self.lat + dy


_ROW_SEGMENTS: Final = 8
_MOST_ROWS: Final = 64
_LOWEST_DEG: Final = 1e-9
"""A polygon that is lower has one row all the same."""


class Polygon:
    """A polygon or several, with holes. Whether it holds a place is asked at each fix: edges are listed by rows of latitude."""

    def __init__(self, shape: Any) -> None:
        self._bounds: tuple[float, float, float, float] = shape.bounds
        self._per_lon = metres_per_degree_lon((shape.bounds[1] + shape.bounds[3]) / 2)
        parts = shape.geoms if shape.geom_type == "MultiPolygon" else [shape]
        rings = [ring for part in parts for ring in (part.exterior, *part.interiors)]
        self._segments = [segment for ring in rings for segment in segments_of([ring.coords])]
        rows = max(1, min(_MOST_ROWS, len(self._segments) // _ROW_SEGMENTS))
        self._rows_per_deg = rows / max(_LOWEST_DEG, shape.bounds[3] - shape.bounds[1])
        self._rows: list[list[Segment]] = [[] for _ in range(rows)]
        for segment in self._segments:
            low, high = sorted((self._row_of(segment[1]), self._row_of(segment[3])))
            for row in range(low, high + 1):
                self._rows[row].append(segment)

    def _row_of(self, lat: float) -> int:
        return min(len(self._rows) - 1, int((lat - self._bounds[1]) * self._rows_per_deg))

    def distance_m(self, lon: float, lat: float) -> float:
        """0 inside, else metres to the edge."""
        if self.holds(lon, lat):
            return 0.0
        return self._to_edge_m(lon, lat)

    def depth_m(self, lon: float, lat: float) -> float:
        """Metres from a place inside to the edge, 0 outside."""
        return self._to_edge_m(lon, lat) if self.holds(lon, lat) else 0.0

    def _to_edge_m(self, lon: float, lat: float) -> float:
        per_lon = self._per_lon
        return min(_metres_to_segment(lon, lat, segment, per_lon) for segment in self._segments)

    def holds(self, lon: float, lat: float) -> bool:
        """True for a place inside."""
        west, south, east, north = self._bounds
        if not (west <= lon <= east and south <= lat <= north):
            return False
        inside = False
        for ax, ay, bx, by in self._rows[self._row_of(lat)]:  # even–odd rule: count the edges east of the place
            if (ay > lat) != (by > lat) and lon < ax + (lat - ay) * (bx - ax) / (by - ay):
                inside = not inside
        return inside

    def length_inside_m(self, begin: LonLat, end: LonLat) -> float:
        """Metres of the straight way between two places that lie inside."""
        return _length_inside_m(self, begin, end)

    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north."""
        return self._bounds


_STEP_M: Final = 10.0


def _length_inside_m(area: "Circle | Polygon", begin: LonLat, end: LonLat) -> float:
    long_m = metres_between(*begin, *end)
    pieces = max(1, min(1_000, math.ceil(long_m / _STEP_M)))
    inside = 0
    for n in range(pieces):
        share = (n + 0.5) / pieces
        place = begin[0] + (end[0] - begin[0]) * share, begin[1] + (end[1] - begin[1]) * share
        inside += area.distance_m(*place) == 0.0
    return long_m * inside / pieces


Area = Circle | Polygon


def area_of(geometry: Any) -> Polygon:
    """Read a GeoJSON Polygon or MultiPolygon.

    Raises
    ------
    BadGeometry
        If it is none, crosses itself, leaves the earth or spans more than half of it.
    """
    shape = _shape("area", geometry, {"Polygon": 2, "MultiPolygon": 3})
    if not shape.is_valid:
        raise BadGeometry(f"area is not valid: {shapely.is_valid_reason(shape)}, expected rings that do not cross")
    return Polygon(shape)


def lines_of(geometry: Any) -> list[list[LonLat]]:
    """Read a GeoJSON LineString or MultiLineString as lists of places.

    Raises
    ------
    BadGeometry
        If it is none, leaves the earth, or is longer than any road of a city.
    """
    shape = _shape("line", geometry, {"LineString": 1, "MultiLineString": 2})
    lines = [list(line.coords) for line in (shape.geoms if shape.geom_type == "MultiLineString" else [shape])]
    long_deg = sum(_long_deg(segment) for segment in segments_of(lines))
    if long_deg > LONGEST_LINE_DEG:
        raise BadGeometry(f"line is {long_deg:.1f}° long, expected at most {LONGEST_LINE_DEG:g}°: is a place swapped?")
    return lines


def _shape(what: str, geometry: Any, kinds: Mapping[str, int]) -> Any:
    """Return the shape if it is of one of these kinds; each with how deep its places are nested."""
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if not isinstance(kind, str):
        raise BadGeometry(f"not a GeoJSON geometry: {_shown(geometry)}")
    nested = {name.lower(): deep for name, deep in kinds.items()}.get(kind.lower())
    if nested is None:
        raise BadGeometry(f"{what} is of type {_shown(kind)}, expected {' or '.join(kinds)}")
    places = _places(geometry.get("coordinates"), nested, "coordinates")
    try:
        shape = shapely.geometry.shape({"type": kind, "coordinates": places})
    except (ValueError, TypeError, LookupError, shapely.errors.ShapelyError) as error:
        raise BadGeometry(f"not a GeoJSON geometry: {error}") from error
    if shape.is_empty:
        raise BadGeometry("geometry is empty")
    west, _, east, _ = shape.bounds
    if east - west > 180:
        raise BadGeometry("geometry crosses the 180th meridian: cut it there into two parts")
    return shape


def _places(found: Any, nested: int, at: str) -> list[Any]:
    """Return lists, so deep, of ``[lon, lat]``; a third member (altitude) is left out."""
    if not isinstance(found, list | tuple):
        raise BadGeometry(f"not a GeoJSON geometry: {at} is {_shown(found)}, expected a list")
    if nested > 1:
        return [_places(part, nested - 1, f"{at}[{n}]") for n, part in enumerate(found)]
    for n, place in enumerate(found):
        if not _is_place(place):
            raise BadGeometry(_no_place(place, f"{at}[{n}]"))
    return [place[:2] for place in found]


_PLACE: Final = f"lon from -180 to 180 and lat from -{MOST_LAT:g} to {MOST_LAT:g}"


def _is_place(found: Any) -> bool:
    """True for two or three numbers that are a place; neither text nor true and false are numbers."""
    return (
        isinstance(found, list | tuple)
        and 2 <= len(found) <= 3
        and all(isinstance(one, int | float) and not isinstance(one, bool) for one in found)
        and -180 <= found[0] <= 180
        and -MOST_LAT <= found[1] <= MOST_LAT
    )


def _no_place(found: Any, at: str) -> str:
    numbers = isinstance(found, list | tuple) and all(type(one) in {int, float} for one in found)
    if numbers and 2 <= len(found) <= 3:
        return f"geometry leaves the earth: {at} is {_shown(found)}, expected {_PLACE}"
    return f"not a GeoJSON geometry: {at} is {_shown(found)}, expected [lon, lat] in degrees"


_LONGEST_SHOWN: Final = 100


def _shown(value: Any) -> str:
    """Return a value as a sentence can hold it: short, whatever it is."""
    try:
        text = reprlib.repr(value)
    except ValueError:  # Python does not write out whole numbers of more than 4,300 digits
        return "a number of thousands of digits"
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def segments_of(lines: Iterable[Sequence[Sequence[float]]]) -> Iterator[Segment]:
    """Each piece of each line."""
    for line in lines:
        for a, b in zip(line, line[1:] if len(line) > 1 else line, strict=False):
            yield a[0], a[1], b[0], b[1]


class Road:
    """Lines to stay near: answers how far away they are, up to ``reach_m``, in a few microseconds."""

    def __init__(self, lines: Iterable[Sequence[Sequence[float]]], reach_m: float) -> None:
        self.reach_m = reach_m
        self._side_deg = max(CELL_DEG, reach_m / M_PER_DEGREE)
        """No smaller than the reach: a segment is in few cells, however far it is asked for."""
        self._cells: dict[tuple[int, int], list[Segment]] = {}
        for segment in segments_of(lines):
            for cell in _cells_near(segment, reach_m, self._side_deg):
                self._cells.setdefault(cell, []).append(segment)

    def distance_m(self, lon: float, lat: float) -> float | None:
        """Metres to the nearest line, or None if farther than ``reach_m``."""
        near = self._cells.get(cell_of(lon, lat, self._side_deg))
        if near is None:
            return None
        per_lon = metres_per_degree_lon(lat)
        distance_m = min([_metres_to_segment(lon, lat, segment, per_lon) for segment in near])
        return distance_m if distance_m <= self.reach_m else None


def _cells_near(segment: Segment, reach_m: float, side_deg: float) -> Iterable[tuple[int, int]]:
    """Cells with a place within ``reach_m`` of the segment; long segments are cut, so few cells are named in vain."""
    ax, ay, bx, by = segment
    pieces = max(1, math.ceil(_long_deg(segment) / side_deg))
    seen: set[tuple[int, int]] = set()
    for n in range(pieces):
        x0, y0 = ax + (bx - ax) * n / pieces, ay + (by - ay) * n / pieces
        x1, y1 = ax + (bx - ax) * (n + 1) / pieces, ay + (by - ay) * (n + 1) / pieces
        box = min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
        seen.update(product(*_columns_and_rows(widened(box, reach_m), side_deg)))
    return seen


def _long_deg(segment: Segment) -> float:
    return max(abs(segment[2] - segment[0]), abs(segment[3] - segment[1]))


def widened(bounds: tuple[float, float, float, float], margin_m: float) -> tuple[float, float, float, float]:
    """West, south, east, north of a box with so much around it."""
    west, south, east, north = bounds
    dy = margin_m / M_PER_DEGREE
    dx = margin_m / metres_per_degree_lon(min(89.0, max(abs(south), abs(north))))
    return west - dx, south - dy, east + dx, north + dy


class Cells:
    """The cells of a grid that a box, widened by ``margin_m``, touches.

    Raises
    ------
    BadGeometry
        If they are more than `MOST_CELLS`.
    """

    __slots__ = ("_columns", "_rows")

    def __init__(self, bounds: tuple[float, float, float, float], margin_m: float, side_deg: float = CELL_DEG) -> None:
        self._columns, self._rows = _columns_and_rows(widened(bounds, margin_m), side_deg)
        if len(self) > MOST_CELLS:
            west, south, east, north = bounds
            raise BadGeometry(
                f"area is {east - west:.2f}° wide and {north - south:.2f}° high, expected at most "
                f"{MOST_CELLS * side_deg**2:g} square degrees: is a place swapped?"
            )

    def __len__(self) -> int:
        return len(self._columns) * len(self._rows)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return product(self._columns, self._rows)


def _columns_and_rows(box: tuple[float, float, float, float], side_deg: float) -> tuple[range, range]:
    west, south, east, north = (math.floor(edge / side_deg) for edge in box)
    return range(west, east + 1), range(south, north + 1)


def cell_of(lon: float, lat: float, side_deg: float = CELL_DEG) -> tuple[int, int]:
    """Return the cell of a grid that holds the place."""
    return math.floor(lon / side_deg), math.floor(lat / side_deg)


def simplified(line: Sequence[tuple[float, float]], tolerance: float) -> list[tuple[float, float]]:
    """Return the points of a line from which no other is farther than ``tolerance``, in its own units."""
    if len(line) < 3:
        return list(line)
    return [(x, y) for x, y in shapely.simplify(shapely.LineString(line), tolerance, preserve_topology=False).coords]


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
