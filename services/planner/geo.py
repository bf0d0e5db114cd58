"""Distances on the ground, good enough to compare places of one city; roads are `services.planner.roads`'s business."""

import math
from collections.abc import Sequence
from typing import Final

from shapely.geometry import LineString

from services.planner.roads import LonLat

EARTH_M: Final = 6_371_008.8
"""Mean radius of the earth (IUGG)."""
_METRES_A_DEGREE: Final = EARTH_M * math.pi / 180


def distance_m(a: LonLat, b: LonLat) -> float:
    """Straight-line metres, by the equirectangular approximation (error below 0.1 % within 50 km)."""
    east = (b[0] - a[0]) * math.cos(math.radians((a[1] + b[1]) / 2))
    return math.hypot(east, b[1] - a[1]) * _METRES_A_DEGREE


def thinned(path: Sequence[LonLat], tolerance_m: float) -> list[LonLat]:
    """Return the path without the points that stray less than the tolerance from the line through their neighbours.

    Coordinates are rounded to about a metre.
    """
    if len(path) < 3:
        return list(path)
    # In degrees; a degree of longitude is shorter than one of latitude, so the tolerance is kept on the safe side.
    line = LineString(path).simplify(tolerance_m / _METRES_A_DEGREE, preserve_topology=False)
    return [(round(lon, 5), round(lat, 5)) for lon, lat in line.coords]
