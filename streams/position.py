"""Which fixes are a place. GPS that cannot be right (no fix, mocked, jumps no truck can drive) is not.

After a jump the old place is believed first; if the new ones go on for long and agree, they are. A truck that stands
keeps its place: what moves faster than a queue then is the jitter of the fixes.
"""

from typing import Final

from msgspec import Struct

from streams import events, geo
from streams.units import SECOND_MS

_FASTEST_MPS: Final = 40.0
"""Faster than any truck drives (144 km/h)."""
_SLACK_M: Final = 150.0
"""Error of two fixes in a street canyon, granted on top of what speed explains."""
_SPEED_SLACK: Final = 2.0
"""A truck may have been this much faster between two fixes than both of them say."""
_BELIEVE_AFTER_MS: Final = 180 * SECOND_MS
"""New places that go on this long are believed …"""
_STANDING_MPS: Final = 0.5
_QUEUE_M: Final = 40.0
_QUEUE_MPS: Final = 2.5
"""A truck in a queue moves up between two reports that both say it stands: this far, and this fast, it may."""
_SURELY_QUEUE_M: Final = 0.99 * _QUEUE_M
_SURELY_SLACK_M: Final = 0.99 * _SLACK_M
"""Below these the way since the last place need not be measured, whatever rounding does."""
_FARTHEST_M: Final = 200_000.0
"""… unless they are this far away: swapped or broken coordinates."""


class Position(Struct, array_like=True):
    """The truck's last believed place."""

    lon: float | None = None
    lat: float | None = None
    time_ms: int = 0
    speed_mps: float = 0.0
    doubted_ms: int = 0
    """Since when places are not believed; 0 = they are."""
    doubted: int = 0
    """Fixes not believed so far."""


def locate(position: Position, fix: events.TruckState, time_ms: int) -> geo.LonLat | None:
    """Return the fix's place if it can be believed, and remember it."""
    if not fix.fix or fix.mocked or fix.lon is None or fix.lat is None:
        return None
    lon, lat = position.lon, position.lat
    if lon is not None and lat is not None:
        stands = fix.speed_mps is not None and fix.speed_mps < _STANDING_MPS and position.speed_mps < _STANDING_MPS
        # as at nearly every fix: north and east together, a degree east as long as on the equator, are already too near
        most_m = (abs(fix.lon - lon) + abs(fix.lat - lat)) * geo.M_PER_DEGREE
        if most_m > (_SURELY_QUEUE_M if stands else _SURELY_SLACK_M):
            away_m = geo.metres_between(lon, lat, fix.lon, fix.lat)
            if stands and away_m > _QUEUE_M + _QUEUE_MPS * (time_ms - position.time_ms) / 1000:
                return lon, lat  # farther than a queue moves between two fixes
            if away_m > _SLACK_M and not _can_be(position, fix.speed_mps, away_m, time_ms):
                position.doubted += 1
                position.doubted_ms = position.doubted_ms or time_ms
                return None
    position.lon, position.lat, position.time_ms = fix.lon, fix.lat, time_ms
    position.speed_mps = fix.speed_mps or 0.0
    if position.doubted_ms:
        position.doubted_ms = 0
    return fix.lon, fix.lat


def _can_be(position: Position, speed_mps: float | None, away_m: float, time_ms: int) -> bool:
    passed_s = max(0.0, (time_ms - position.time_ms) / 1000)
    if position.doubted_ms and time_ms - position.doubted_ms >= _BELIEVE_AFTER_MS:
        return away_m <= _FARTHEST_M
    if passed_s > _BELIEVE_AFTER_MS / 1000 or speed_mps is None:
        return away_m <= _SLACK_M + _FASTEST_MPS * passed_s
    fastest_mps = min(_FASTEST_MPS, 5.0 + _SPEED_SLACK * max(speed_mps, position.speed_mps))
    return away_m <= _SLACK_M + fastest_mps * passed_s
