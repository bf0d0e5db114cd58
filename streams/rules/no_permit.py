"""no-permit: loaded and driving, and no permit in force covers the load.

A permit covers a load by its source, its material and its days of validity; its hours are another rule's matter. Where the
tenant has no permits at all, or the material needs none, nothing is asked. A load whose origin is not known is granted every
permit of its truck.
"""

from typing import Final

from streams import permits
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain, on_the_road
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "no-permit"
VERSION: Final = "1"

Memory = on_the_road.Memory


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Judge one fix."""
    if moment.cargo.state != "loaded" or moment.permissions:
        return on_the_road.end(memory, moment) if memory.driving.start_ms and moment.cargo.state != "unknown" else None
    if (
        memory.alerted
        or not moment.reference.knows_permits(moment.tenant_id)
        or moment.cargo.material in limits.no_permit_needed
    ):
        return None
    lasted_s = on_the_road.drive(memory.driving, moment, limits.off_route_place_m)
    if lasted_s < limits.no_permit_s or memory.driving.fixes < limits.no_permit_fixes:
        return None
    memory.alerted = True
    return _begin(memory, moment, limits, lasted_s)


def _begin(memory: Memory, moment: Moment, limits: Thresholds, lasted_s: float) -> Finding:
    cargo = moment.cargo
    others = moment.reference.permissions(moment.fix.truck_id, moment.time_ms)
    ended = moment.reference.last_ended(moment.fix.truck_id, moment.time_ms)
    because = [
        explain.known("loaded", cargo.state),
        explain.known("loaded at", cargo.source_id or "not known"),
        explain.known("permits in force for this load", "none"),
        explain.known("permits of the truck for other loads", permits.named(others) or "none"),
        explain.at_least(
            f"driving without a permit for at least {limits.no_permit_s:g} s", lasted_s, limits.no_permit_s, "s"
        ),
    ]
    if ended is not None:
        because.append(explain.known("last permit that ended", ended.versioned_id))
    named = [*others, *(() if ended is None else (ended,))]
    return Finding(
        kind="begin",
        start_ms=memory.driving.start_ms,
        at_ms=moment.time_ms,
        severity="high",
        certainty="observed" if cargo.source_id else "likely",
        where=on_the_road.where(memory.driving),
        because=tuple(because),
        unless=(
            "a permit in force for this source and material",
            "a material that needs no permit",
            f"within {limits.off_route_place_m:g} m of a registered place",
        ),
        gaps=(*explain.gaps(moment), *explain.origin(moment)),
        used={"permit": permits.named(named)} if named else {},
    )
