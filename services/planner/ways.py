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
