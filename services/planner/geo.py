"""Distances on the ground, good enough to compare places of one city; roads are `services.planner.roads`'s business."""

from collections.abc import Sequence

from shapely.geometry import LineString

from services.planner.ways import LonLat
from streams import geo


def distance_m(a: LonLat, b: LonLat) -> float:
    """Straight-line metres between two places of one city (`streams.geo` says how well)."""
    return geo.metres_between(*a, *b)


def thinned(path: Sequence[LonLat], tolerance_m: float) -> list[LonLat]:
    """Return the path without the points that stray less than the tolerance from the line through their neighbours.

    Coordinates are rounded to about a metre.
    """
    # In degrees; a degree of longitude is shorter than one of latitude, so the tolerance is kept on the safe side.
    tolerance = tolerance_m / geo.M_PER_DEGREE
    kept = LineString(path).simplify(tolerance, preserve_topology=False).coords if len(path) > 2 else path
    return [(round(lon, 5), round(lat, 5)) for lon, lat in kept]
