"""Whether a place is on a facility's ground: enough to count the trucks there.

The rules' own geometry (`streams.geo`) judges violations; the gateway needs this one question, without its libraries.
It asks it for every fix and every facility: a box says no before any edge is looked at.
"""

import math
from collections.abc import Sequence
from typing import Any, Final

from streams.events import Asset

_M_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of 6,371,008.8 m (mean radius, IUGG)."""

Ring = Sequence[Sequence[float]]


class Ground:
    """A place's area, or all within ``radius_m`` of it if it has none. A place nobody placed has no ground."""

    def __init__(self, place: Asset, radius_m: float) -> None:
        self._place, self._radius_m = place, radius_m
        self._polygons = [] if place.area is None else _polygons(place.area)
        points = [point for rings in self._polygons for point in rings[0]]
        lons, lats = [point[0] for point in points], [point[1] for point in points]
        self._box = (min(lons), min(lats), max(lons), max(lats)) if points else None

    def holds(self, lon: float, lat: float) -> bool:
        """Whether a point is on it."""
        if self._place.area is None:
            return self._is_near(lon, lat)
        if self._box is None or not (self._box[0] <= lon <= self._box[2] and self._box[1] <= lat <= self._box[3]):
            return False
        return any(
            _in_ring(lon, lat, rings[0]) and not any(_in_ring(lon, lat, hole) for hole in rings[1:])
            for rings in self._polygons
        )

    def _is_near(self, lon: float, lat: float) -> bool:
        if self._place.lon is None or self._place.lat is None:
            return False
        north_m = (lat - self._place.lat) * _M_PER_DEGREE
        if abs(north_m) > self._radius_m:
            return False
        east_m = (lon - self._place.lon) * _M_PER_DEGREE * math.cos(math.radians(lat))
        return math.hypot(east_m, north_m) <= self._radius_m


def _polygons(area: dict[str, Any]) -> list[Sequence[Ring]]:
    """Return the polygons of a GeoJSON area, each as its outer ring and its holes."""
    coordinates = area.get("coordinates")
    if not isinstance(coordinates, list | tuple):
        return []
    polygons = coordinates if area.get("type") == "MultiPolygon" else [coordinates]
    return [rings for rings in polygons if rings]


def _in_ring(lon: float, lat: float, ring: Ring) -> bool:
    """Even-odd rule: how often a ray to the east crosses the ring."""
    crossings = 0
    for (lon_a, lat_a, *_), (lon_b, lat_b, *_) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (lat_a > lat) != (lat_b > lat) and lon < lon_a + (lat - lat_a) * (lon_b - lon_a) / (lat_b - lat_a):
            crossings += 1
    return crossings % 2 == 1
