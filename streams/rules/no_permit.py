"""no-permit: loaded and driving, and no permit in force covers the load.

A permit covers a load by its source, its material and its days of validity; its hours are another rule's matter. Where the
tenant has no permits at all, or the material needs none, nothing is asked. A load whose origin is not known is granted every
permit of its truck.
"""

from typing import Final

from streams import events, permits
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain, on_the_road
from streams.rules.gates import NOT_LOADED, Gate
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "no-permit"
VERSION: Final = "1"

Memory = on_the_road.Memory


_PERMITTED: Final = Gate[Moment](
    "no permit in force for this load", lambda _, moment, __: permits.named(moment.permissions)
)
_NO_PERMITS: Final = Gate[Moment]("permits of this tenant on record", lambda *_: "none")
_NONE_NEEDED: Final = Gate[Moment](
    "a material that needs a permit", lambda _, moment, __: moment.cargo.material or "not known"
)


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    if moment.cargo.state != "loaded" or moment.permissions:
        stopped_at = _PERMITTED if moment.permissions else NOT_LOADED
        if memory.driving.start_ms and moment.cargo.state != "unknown":
            return on_the_road.end(memory, moment) or stopped_at
        return stopped_at
    if memory.alerted:
        return None
    if not moment.reference.knows_permits(moment.tenant_id):
        return _NO_PERMITS
    if moment.cargo.material in limits.no_permit_needed:
        return _NONE_NEEDED
    on_the_road.drive(memory.driving, moment, limits.off_route_place_m)
    if not memory.driving.on_the_road:
        return on_the_road.NOT_ON_THE_ROAD
    if not explain.all_met(conditions := thoughts(memory, moment, limits)):
        return None
    memory.alerted = True
    return _begin(memory, moment, limits, conditions)


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:  # noqa: ARG001  # a rule's shape
    """Return what must be met by a truck that drives on the road without a permit."""
    driving = memory.driving
    return (
        explain.at_least(
            f"driving without a permit for at least {limits.no_permit_s:g} s",
            driving.driven_ms / 1000,
            limits.no_permit_s,
            "s",
        ),
        explain.at_least("fixes on the road", driving.fixes, limits.no_permit_fixes, "fixes"),
    )


def _begin(memory: Memory, moment: Moment, limits: Thresholds, conditions: tuple[events.Condition, ...]) -> Finding:
    cargo = moment.cargo
    others = moment.reference.permissions(moment.fix.truck_id, moment.time_ms)
    ended = moment.reference.last_ended(moment.fix.truck_id, moment.time_ms)
    because = [
        explain.known("loaded", cargo.state),
        explain.known("loaded at", cargo.source_id or "not known"),
        explain.known("permits in force for this load", "none"),
        explain.known("permits of the truck for other loads", permits.named(others) or "none"),
        conditions[0],
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
