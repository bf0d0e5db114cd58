"""overspeed: faster than a zone's limit allows, for longer than it takes to look at the speedometer.

Where the map names no limit there is none to exceed. A single fix with a wild speed is a bad fix; the way between fixes must
have been driven as fast.
"""

from typing import Final

from msgspec import Struct

from streams import geo
from streams.alerts import Finding
from streams.assets import Place
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "overspeed"
VERSION: Final = "1"
_LONGEST_STEP_S: Final = 60.0
"""Between fixes farther apart nothing is known of the speed."""
_DRIVEN_SHARE: Final = 0.7
"""Of the reported speed, at least that of the straight way from the fix before: roads bend."""


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    start_ms: int = 0
    fixes: int = 0
    fastest_mps: float = 0.0
    place: geo.LonLat | None = None
    """Of the fix before."""
    place_ms: int = 0
    below_ms: int = 0
    """Since when it drives slower again."""
    alerted: bool = False


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Judge one fix."""
    if moment.place is None:
        return None
    before, before_ms = memory.place, memory.place_ms
    memory.place, memory.place_ms = moment.place, moment.time_ms
    lowest_mps = moment.reference.lowest_limit_mps
    if lowest_mps is None or moment.speed_mps <= lowest_mps * (1 + limits.overspeed_share):
        return _slower(memory, moment, limits) if memory.start_ms else None
    found = moment.reference.speed_limit(*moment.place, moment.time_ms, moment.tenant_id, moment.accuracy_m)
    if found is None or moment.speed_mps <= found[0] * (1 + limits.overspeed_share):
        return _slower(memory, moment, limits) if memory.start_ms else None
    if moment.time_ms - before_ms > _LONGEST_STEP_S * 1000 and memory.start_ms and not memory.alerted:
        memory.start_ms = memory.fixes = 0
    if not _was_driven(moment, before, before_ms):
        return None
    memory.below_ms = 0
    if memory.start_ms == 0:
        memory.start_ms = moment.time_ms
    memory.fixes += 1
    memory.fastest_mps = max(memory.fastest_mps, moment.speed_mps)
    lasted_s = (moment.time_ms - memory.start_ms) / 1000
    if memory.alerted or lasted_s < limits.overspeed_s or memory.fixes < limits.overspeed_fixes:
        return None
    memory.alerted = True
    return _begin(memory, moment, limits, found, lasted_s)


def _was_driven(moment: Moment, before: geo.LonLat | None, before_ms: int) -> bool:
    passed_s = (moment.time_ms - before_ms) / 1000
    if before is None or moment.place is None or not 0 < passed_s <= _LONGEST_STEP_S:
        return False
    return geo.metres_between(*before, *moment.place) >= _DRIVEN_SHARE * moment.speed_mps * passed_s


def _slower(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    memory.below_ms = memory.below_ms or moment.time_ms
    if memory.alerted and moment.time_ms - memory.below_ms < limits.overspeed_over_s * 1000:
        return None
    start_ms, end_ms, alerted = memory.start_ms, memory.below_ms, memory.alerted
    memory.start_ms = memory.fixes = memory.below_ms = 0
    memory.fastest_mps, memory.alerted = 0.0, False
    return Finding(kind="end", start_ms=start_ms, at_ms=moment.time_ms, end_ms=end_ms) if alerted else None


def _begin(memory: Memory, moment: Moment, limits: Thresholds, found: tuple[float, Place], lasted_s: float) -> Finding:
    limit_mps, zone = found
    return Finding(
        kind="begin",
        start_ms=memory.start_ms,
        at_ms=moment.time_ms,
        severity="medium",
        certainty="likely",
        where=None if moment.place is None else geo.point(*moment.place),
        because=(
            explain.known("zone with a speed limit", zone.name),
            explain.known("its limit", f"{limit_mps * 3.6:.0f} km/h"),
            explain.at_least(
                "fastest", memory.fastest_mps * 3.6, limit_mps * (1 + limits.overspeed_share) * 3.6, "km/h"
            ),
            explain.at_least("fixes above the limit", memory.fixes, limits.overspeed_fixes, "fixes"),
            explain.at_least(f"above it for at least {limits.overspeed_s:g} s", lasted_s, limits.overspeed_s, "s"),
        ),
        unless=("a higher limit on this road",),
        gaps=explain.gaps(moment),
        used={"zones": [zone.versioned_id]},
    )
