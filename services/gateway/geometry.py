"""Whether a place is inside an area: enough to count the trucks at a facility.

The rules' own geometry (`streams.geo`) judges violations; the gateway needs this one question, without its libraries.
"""

import math
from collections.abc import Sequence
from typing import Final

from streams.events import Asset

_M_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of 6,371,008.8 m (mean radius, IUGG)."""

Ring = Sequence[Sequence[float]]


def inside(lon: float, lat: float, place: Asset, radius_m: float) -> bool:
    """Whether a point is in the place's area, or within ``radius_m`` of it if it has none."""
    if place.area is not None:
        return _in_area(lon, lat, place.area)
    if place.lon is None or place.lat is None:
        return False
    east_m = (lon - place.lon) * _M_PER_DEGREE * math.cos(math.radians(lat))
    return math.hypot(east_m, (lat - place.lat) * _M_PER_DEGREE) <= radius_m


def _in_area(lon: float, lat: float, area: dict[str, object]) -> bool:
    coordinates = area.get("coordinates")
    if not isinstance(coordinates, list | tuple):
        return False
    polygons = coordinates if area.get("type") == "MultiPolygon" else [coordinates]
    return any(
        rings and _in_ring(lon, lat, rings[0]) and not any(_in_ring(lon, lat, r) for r in rings[1:])
        for rings in polygons
    )


def _in_ring(lon: float, lat: float, ring: Ring) -> bool:
    """Even-odd rule: how often a ray to the east crosses the ring."""
    crossings = 0
    for (lon_a, lat_a, *_), (lon_b, lat_b, *_) in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (lat_a > lat) != (lat_b > lat) and lon < lon_a + (lat - lat_a) * (lon_b - lon_a) / (lat_b - lat_a):
            crossings += 1
    return crossings % 2 == 1
