"""overspeed: faster than a zone's limit allows, for longer than it takes to look at the speedometer.

Where the map names no limit there is none to exceed. A single fix with a wild speed is a bad fix; the way between fixes must
have been driven as fast.
"""

from typing import Final

from msgspec import Struct

from streams import events, geo
from streams.alerts import Finding
from streams.assets import Place
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
from streams.rules.gates import NO_PLACE, Gate, kmh
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


_NO_LIMIT: Final = Gate[Moment]("a speed limit that holds here", lambda *_: "none on the map")
_SLOWER: Final = Gate[Moment]("faster than the limit allows", lambda _, moment, __: kmh(moment), unit="km/h")
_NOT_DRIVEN: Final = Gate[Moment](
    "the way since the fix before driven as fast",
    lambda _, moment, __: f"{moment.speed_mps * 3.6:.0f} km/h by the device",
)


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    if moment.place is None:
        return NO_PLACE
    before, before_ms = memory.place, memory.place_ms
    memory.place, memory.place_ms = moment.place, moment.time_ms
    lowest_mps = moment.reference.lowest_limit_mps
    if lowest_mps is None or moment.speed_mps <= lowest_mps * (1 + limits.overspeed_share):
        stopped_at = _NO_LIMIT if lowest_mps is None else _SLOWER
        return (_slower(memory, moment, limits) if memory.start_ms else None) or stopped_at
    found = moment.reference.speed_limit(*moment.place, moment.time_ms, moment.tenant_id, moment.accuracy_m)
    if found is None or moment.speed_mps <= found[0] * (1 + limits.overspeed_share):
        stopped_at = _NO_LIMIT if found is None else _SLOWER
        return (_slower(memory, moment, limits) if memory.start_ms else None) or stopped_at
    if moment.time_ms - before_ms > _LONGEST_STEP_S * 1000 and memory.start_ms and not memory.alerted:
        memory.start_ms = memory.fixes = 0
    if not _was_driven(moment, before, before_ms):
        return _NOT_DRIVEN
    memory.below_ms = 0
    if memory.start_ms == 0:
        memory.start_ms = moment.time_ms
    memory.fixes += 1
    memory.fastest_mps = max(memory.fastest_mps, moment.speed_mps)
    if memory.alerted or not explain.all_met(conditions := _conditions(memory, moment, limits, found[0])):
        return None
    memory.alerted = True
    return _begin(memory, moment, found, conditions)


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by a truck above the limit of where it is."""
    if moment.place is None:
        return ()
    found = moment.reference.speed_limit(*moment.place, moment.time_ms, moment.tenant_id, moment.accuracy_m)
    return () if found is None else _conditions(memory, moment, limits, found[0])


def _conditions(memory: Memory, moment: Moment, limits: Thresholds, limit_mps: float) -> tuple[events.Condition, ...]:
    lasted_s = (moment.time_ms - memory.start_ms) / 1000
    return (
        explain.at_least("fastest", memory.fastest_mps * 3.6, limit_mps * (1 + limits.overspeed_share) * 3.6, "km/h"),
        explain.at_least("fixes above the limit", memory.fixes, limits.overspeed_fixes, "fixes"),
        explain.at_least(f"above it for at least {limits.overspeed_s:g} s", lasted_s, limits.overspeed_s, "s"),
    )


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


def _begin(
    memory: Memory, moment: Moment, found: tuple[float, Place], conditions: tuple[events.Condition, ...]
) -> Finding:
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
            *conditions,
        ),
        unless=("a higher limit on this road",),
        gaps=explain.gaps(moment),
        used={"zones": [zone.versioned_id]},
    )
