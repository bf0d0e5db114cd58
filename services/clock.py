"""The one city clock. Everything people and rules see is in city time; time-outs and back-off stay on wall time.

``city = clock_origin_ms + (wall - clock_wall_origin_ms) * clock_rate``. In a real city both origins are 0 and the rate
is 1: city time is wall time. The local start runs a day at 1× to 60×.
"""

import os
import time
from dataclasses import dataclass
from functools import cache

from services.settings import Settings


@dataclass(frozen=True, kw_only=True)
class CityClock:
    """Maps wall time to city time. Both UTC ms; ``rate`` city seconds a wall second, > 0."""

    origin_ms: int
    wall_origin_ms: int
    rate: float

    def at_wall(self, wall_ms: float) -> int:
        """City time at a moment of wall time."""
        return self.origin_ms + round((wall_ms - self.wall_origin_ms) * self.rate)

    def wall_seconds(self, city_ms: float) -> float:
        """How many wall seconds a span of city time lasts."""
        return city_ms / 1000 / self.rate


@cache
def city_clock() -> CityClock:
    """Return the clock this process was started with (from the environment, read once)."""
    settings = Settings.from_env(os.environ)
    return CityClock(
        origin_ms=settings.clock_origin_ms,
        wall_origin_ms=settings.clock_wall_origin_ms,
        rate=settings.clock_rate,
    )


def wall_now_ms() -> int:
    """UTC ms of wall time: for time-outs, back-off and session lifetimes only."""
    return time.time_ns() // 1_000_000


def city_now_ms() -> int:
    """UTC ms of city time: what devices, plans, shifts, ticks and pages say."""
    return city_clock().at_wall(wall_now_ms())
