"""Places and the ways between them, as data: what the roads answer (`services.planner.roads`) and all others reckon with."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

LonLat = tuple[float, float]

NO_WAY: Final = -1
"""In a matrix: there is no way from here to there."""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """Seconds and metres from each place (row) to each (column); `NO_WAY` where there is none."""

    duration_s: NDArray[np.int64]
    distance_m: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Step:
    """One turn: OSRM's maneuver (``turn``, ``left``), the road after it, how far until the next.

    ``exit``: of a roundabout, which one to take, from 1 on.
    """

    maneuver: str
    modifier: str | None
    name: str
    lon: float
    lat: float
    duration_s: float
    distance_m: float
    exit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Leg:
    """From one place to the next. ``durations_s[i]`` is the time from ``path[i]`` to ``path[i + 1]``, turns included."""

    duration_s: float
    distance_m: float
    path: list[LonLat]
    durations_s: list[float]
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Route:
    """The quickest way through all places in their order. ``path`` begins and ends on the road, not at the door."""

    duration_s: float
    distance_m: float
    path: list[LonLat]
    legs: list[Leg]
