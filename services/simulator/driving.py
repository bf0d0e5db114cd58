"""A truck on the road: along a route's path, at the segments' speeds, with a truck's acceleration and brakes. Pure."""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Final, Protocol

import msgspec

from streams import geo

LonLat = tuple[float, float]

ACCELERATION_MPS2: Final = 0.9
BRAKING_MPS2: Final = 1.1
"""Comfortable values of a loaded three- or four-axle truck."""
YARD_MPS: Final = 3.0
"""In yards and on sites: walking pace and a bit."""
SLOWEST_MPS: Final = 1.0


class Ways(Protocol):
    """What the town needs of the road engine; a deterministic function of its graph (`services.planner.roads.Roads`)."""

    def route(self, points: Sequence[LonLat]) -> Any:
        """Return a route with ``legs`` of ``path`` and ``durations_s``."""


class Drive(msgspec.Struct):
    """A way in metres: ``ends_m[i]`` is how far point ``i`` is from the first; ``speeds_mps[i]`` holds from ``i`` on."""

    path: list[LonLat]
    ends_m: list[float]
    speeds_mps: list[float]
    at_m: float = 0.0
    segment: int = 0

    @property
    def left_m(self) -> float:
        """Metres still to go."""
        return self.ends_m[-1] - self.at_m

    def left_s(self) -> float:
        """Seconds still to go at the segments' speeds."""
        first = (self.ends_m[self.segment + 1] - self.at_m) / self.speeds_mps[self.segment]
        return first + sum(
            (self.ends_m[i + 1] - self.ends_m[i]) / self.speeds_mps[i]
            for i in range(self.segment + 1, len(self.speeds_mps))
        )

    def place(self) -> tuple[float, float, float]:
        """Return lon, lat and heading (degrees from north, clockwise)."""
        (lon1, lat1), (lon2, lat2) = self.path[self.segment], self.path[self.segment + 1]
        length = self.ends_m[self.segment + 1] - self.ends_m[self.segment]
        share = min(1.0, (self.at_m - self.ends_m[self.segment]) / length) if length else 1.0
        heading = math.degrees(math.atan2((lon2 - lon1) * math.cos(math.radians(lat1)), lat2 - lat1)) % 360.0
        return lon1 + (lon2 - lon1) * share, lat1 + (lat2 - lat1) * share, heading


def metres(one: Sequence[float], two: Sequence[float]) -> float:
    """Distance of two places (lon, lat first) of one city."""
    return geo.metres_between(one[0], one[1], two[0], two[1])


def along(path: Sequence[LonLat], durations_s: Sequence[float], pace: float = 1.0) -> Drive:
    """Return a drive along a path; ``pace`` scales the speeds. Points on top of each other are dropped."""
    points, ends_m, speeds_mps = [path[0]], [0.0], []
    for (before, after), duration_s in zip(pairwise(path), durations_s, strict=True):
        length = metres(points[-1], after)
        if length < 0.05:
            continue
        points.append(after)
        ends_m.append(ends_m[-1] + length)
        speeds_mps.append(
            max(SLOWEST_MPS, pace * metres(before, after) / duration_s if duration_s > 0 else SLOWEST_MPS)
        )
    if len(points) == 1:  # already there
        points.append(path[-1])
        ends_m.append(0.0)
        speeds_mps.append(SLOWEST_MPS)
    return Drive(points, ends_m, speeds_mps)


def drive(
    ways: Ways,
    points: Sequence[LonLat],
    *,
    pace: float = 1.0,
    out_of: LonLat | None = None,
    into: LonLat | None = None,
) -> Drive:
    """Return the drive through places on the road, out of a yard at its begin and into one at its end."""
    legs = ways.route(points).legs
    path = [place for leg in legs for place in leg.path]
    durations_s = [0.0] * (len(path) - 1)
    at = 0
    for leg in legs:
        durations_s[at : at + len(leg.durations_s)] = [duration / pace for duration in leg.durations_s]
        at += len(leg.path)
    if out_of is not None:
        durations_s.insert(0, metres(out_of, path[0]) / YARD_MPS)
        path.insert(0, out_of)
    if into is not None:
        durations_s.append(metres(path[-1], into) / YARD_MPS)
        path.append(into)
    return along(path, durations_s)


def advance(way: Drive, speed_mps: float) -> float:
    """Drive one second and return the new speed; at the end the truck stands."""
    left_m = way.left_m
    limit = min(way.speeds_mps[way.segment], math.sqrt(2 * BRAKING_MPS2 * left_m) + 0.5)
    new = min(speed_mps + ACCELERATION_MPS2, max(limit, speed_mps - 2 * BRAKING_MPS2))
    way.at_m = min(way.ends_m[-1], way.at_m + new)
    last = len(way.speeds_mps) - 1
    while way.segment < last and way.ends_m[way.segment + 1] <= way.at_m:
        way.segment += 1
    return new if way.left_m > 0.5 else 0.0
