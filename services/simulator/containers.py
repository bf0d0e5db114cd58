"""How containers fill: litres by kind of place, hour and weekday. Pure; a level is a function of time since emptying.

The weekly rhythms are assumptions of the usual shape (households in the morning and evening, restaurants after lunch
and at night); no fill series of these kinds is openly available.
"""

from collections.abc import Mapping
from itertools import accumulate
from typing import Final

import msgspec

from services.simulator import noise
from streams.units import DAY_MS, HOUR_MS

_HOURS: Final[Mapping[str, tuple[float, ...]]] = {
    "household": (1, 0.5, 0.2, 0.2, 0.3, 1, 3, 5, 5, 4, 3, 3, 4, 5, 4, 3, 3, 4, 6, 8, 9, 7, 5, 2.5),
    "restaurants": (5, 2, 0.5, 0.2, 0.2, 0.3, 0.8, 1.5, 2, 2, 2, 3, 4, 8, 10, 7, 3, 2, 2, 3, 6, 8, 10, 9),
    "canteen": (0.1, 0.1, 0.1, 0.1, 0.2, 0.5, 2, 3, 3, 4, 5, 7, 12, 15, 10, 4, 2, 1, 0.5, 0.3, 0.2, 0.1, 0.1, 0.1),
    "shops": (0.2, 0.1, 0.1, 0.1, 0.2, 0.5, 1, 2, 4, 6, 7, 7, 6, 6, 7, 7, 8, 9, 9, 6, 3, 1, 0.5, 0.3),
    "mixed": (0.7, 0.3, 0.2, 0.2, 0.3, 0.8, 2, 4, 5, 5, 5, 5, 5, 5.5, 5, 5, 5, 6, 7, 7, 6, 4, 3, 1.5),
}
_WEEKDAYS: Final[Mapping[str, tuple[float, ...]]] = {
    "household": (1.0, 0.95, 0.95, 0.95, 1.0, 1.1, 1.2),
    "restaurants": (0.75, 0.85, 0.9, 1.0, 1.25, 1.4, 1.05),
    "canteen": (1.3, 1.35, 1.35, 1.35, 1.25, 0.2, 0.1),
    "shops": (1.0, 1.0, 1.0, 1.05, 1.2, 1.35, 0.4),
    "mixed": (1.0, 1.0, 1.0, 1.0, 1.05, 1.05, 0.9),
}
"""Weight of each local hour, and of each day from Monday; scaled so that a week holds seven average days."""
DAILY_SPREAD: Final = 0.25
"""Deviation of the logarithm of one container's day."""
HEAPED: Final = 1.15
"""More than this share of its volume does not stay on a container: people go elsewhere."""
RESIDUE: Final = 0.02
"""Share of the volume that sticks when it is emptied."""

# 1970-01-01 was a Thursday; Monday the 5th is the begin of week 0 here.
_FIRST_MONDAY_MS: Final = 4 * DAY_MS
_WEEK_MS: Final = 7 * DAY_MS


def _cumulated(rhythm: str) -> tuple[float, ...]:
    """Share of seven average days that has come by the begin of each hour of the week (169 numbers, 0 to 7)."""
    hours = [day * hour for day in _WEEKDAYS[rhythm] for hour in _HOURS[rhythm]]
    whole = sum(hours)
    return (0.0, *(7.0 * part / whole for part in accumulate(hours)))


_CUMULATED: Final = {rhythm: _cumulated(rhythm) for rhythm in _HOURS}


class Container(msgspec.Struct):
    """Litres in a container at a moment, of which all later levels follow; uplinks sent; when the next is due."""

    litres: float
    at_ms: int
    uplinks: int = 0
    next_uplink_ms: int = 0


def days_between(rhythm: str, from_ms: int, to_ms: int, offset_ms: int) -> float:
    """Average days' worth of waste between two moments; ``offset_ms`` is local time less UTC."""
    return _days_since_monday(rhythm, to_ms + offset_ms) - _days_since_monday(rhythm, from_ms + offset_ms)


def _days_since_monday(rhythm: str, local_ms: int) -> float:
    weeks, in_week = divmod(local_ms - _FIRST_MONDAY_MS, _WEEK_MS)
    hour, in_hour = divmod(in_week, HOUR_MS)
    table = _CUMULATED[rhythm]
    return 7.0 * weeks + table[hour] + (table[hour + 1] - table[hour]) * in_hour / HOUR_MS


def level_l(
    container: Container,
    at_ms: int,
    *,
    litres_per_day: float,
    rhythm: str,
    volume_l: float,
    seed: int,
    bin_key: int,
    offset_ms: int,
) -> float:
    """Litres in a container at a moment not before its last change; never more than `HEAPED` of its volume.

    Each local day of each container has a factor of its own, so that no two fill alike.
    """
    litres, begin_ms = container.litres, container.at_ms
    while begin_ms < at_ms and litres < HEAPED * volume_l:
        day = (begin_ms + offset_ms) // DAY_MS
        end_ms = min(at_ms, (day + 1) * DAY_MS - offset_ms)
        factor = pow(2.718281828, DAILY_SPREAD * noise.gauss(seed, bin_key, day))
        litres += litres_per_day * factor * days_between(rhythm, begin_ms, end_ms, offset_ms)
        begin_ms = end_ms
    return min(litres, max(container.litres, HEAPED * volume_l))
