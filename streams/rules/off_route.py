"""off-route: loaded, and off every permitted corridor for longer than a detour round a parked car.

Only permits for this load count: of the source it was loaded at, in force at the event's own time. Without such a
permit there is no corridor to leave (that is another rule's matter). A plan's path is allowed from the moment the plan
was made, and the path before it for the minutes in which a driver learns of the new one; near registered places the
corridor does not bind. A fix is granted its accuracy.
"""

from typing import Final

from msgspec import Struct, field

from streams import events, geo, permits, plans
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import RESTING_MPS, Moment
from streams.rules import explain
from streams.rules.gates import NO_PERMIT, NO_PLACE, NOT_LOADED, STANDING, Gate, place_here
from streams.rules.thresholds import Thresholds
from streams.units import SECOND_MS

NAME: Final[RuleName] = "off-route"
VERSION: Final = "3"
_LONGEST_TRACK: Final = 120
"""Places kept of the stretch; beyond it every second one is dropped."""


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    start_ms: int = 0
    fixes: int = 0
    back: int = 0
    back_ms: int = 0
    farthest_m: float = 0.0
    track: list[geo.LonLat] = field(default_factory=list)
    permits: tuple[str, ...] = ()
    alerted: bool = False


_ANY_ROAD: Final = Gate[Moment](
    "a corridor in each permit for this load", lambda _, moment, __: permits.named(moment.permissions)
)
_ON_CORRIDOR: Final = Gate[Moment](
    "off every permitted corridor, its width and the accuracy granted",
    lambda _, moment, __: _nearest_m(moment),
    unit="m",
)
_ON_PLAN: Final = Gate[Moment]("off the path of the plan", lambda *_: f"within {plans.EXEMPT_M:g} m")
_NOT_BOUND: Final = Gate[Moment](
    "away from registered places",
    lambda _, moment, __: place_here(moment),
    lambda limits: limits.off_route_place_m,
    "m",
)


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    if moment.cargo.state != "loaded":
        over = memory.start_ms and moment.cargo.state == "empty"
        return (_end(memory, moment, moment.time_ms) if over else None) or NOT_LOADED
    if moment.place is None:
        return NO_PLACE
    if moment.speed_mps < RESTING_MPS and not memory.alerted:
        return STANDING  # a truck leaves its corridor by driving; what a standing one shows is jitter
    away_m = _metres_off(memory, moment, limits)
    if away_m is _NOT_BOUND:
        # where nothing binds it, it is not off its corridor; nor is it back: what is told goes on behind a stranger's gate
        over = memory.start_ms and not memory.alerted
        return (_end(memory, moment, moment.time_ms) if over else None) or away_m
    if isinstance(away_m, Gate):
        return (_back(memory, moment, limits) if memory.start_ms else None) or away_m
    memory.back = 0
    if memory.start_ms == 0:
        memory.start_ms = moment.time_ms
    memory.fixes += 1
    memory.farthest_m = max(memory.farthest_m, away_m)
    _remember(memory.track, moment.place)
    if memory.alerted or not explain.all_met(conditions := thoughts(memory, moment, limits)):
        return None
    memory.alerted = True
    return _begin(memory, moment, limits, conditions)


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by a truck that is off its corridor."""
    lasted_s = (moment.time_ms - memory.start_ms) / 1000
    return (
        explain.at_least(
            "metres from the nearest permitted corridor (at least)", memory.farthest_m, _corridor_m(moment), "m"
        ),
        explain.at_least(f"off the corridor for at least {limits.off_route_s:g} s", lasted_s, limits.off_route_s, "s"),
        explain.at_least("fixes off the corridor", memory.fixes, limits.off_route_fixes, "fixes"),
    )


def _metres_off(memory: Memory, moment: Moment, limits: Thresholds) -> float | Gate[Moment]:
    """Metres the truck is at least away from what is allowed; or why it is allowed there, `_NOT_BOUND` = nothing binds it."""
    assert moment.place is not None  # noqa: S101  # the caller asked
    if not moment.permissions:
        return NO_PERMIT
    least = float("inf")
    for permission in moment.permissions:
        if permission.corridor is None:
            return _ANY_ROAD
        distance_m = permission.corridor.distance_m(*moment.place)
        if distance_m is not None:
            slack_m = min(30.0, moment.fix.accuracy_m or 0.0)
            if distance_m <= permission.corridor_m + slack_m:
                return _ON_CORRIDOR
            least = min(least, distance_m)
        else:
            least = min(least, permission.corridor.reach_m)
    if moment.within(permits.FREE_PLACES, limits.off_route_place_m) is not None:
        return _NOT_BOUND
    if plans.exempts(moment.plans, moment.time_ms, moment.place, round(limits.off_route_handover_s * SECOND_MS)):
        return _ON_PLAN
    memory.permits = tuple(permission.versioned_id for permission in moment.permissions)
    return least


def _remember(track: list[geo.LonLat], place: geo.LonLat) -> None:
    track.append(place)
    if len(track) > _LONGEST_TRACK:
        del track[1::2]


def _begin(memory: Memory, moment: Moment, limits: Thresholds, conditions: tuple[events.Condition, ...]) -> Finding:
    plan = plans.in_force(moment.plans, moment.time_ms)
    used: dict[str, str] = {"permit": ", ".join(memory.permits)}
    if plan is not None:
        used["plan"] = f"{moment.fix.truck_id}@{plan.version}"
    return Finding(
        kind="begin",
        start_ms=memory.start_ms,
        at_ms=moment.time_ms,
        severity="medium",
        certainty="observed" if moment.cargo.source_id else "likely",
        where=geo.line(memory.track),
        because=(
            explain.known("loaded", moment.cargo.state),
            *conditions,
        ),
        unless=(
            "a plan made before whose path leads there",
            f"within {limits.off_route_place_m:g} m of a registered place",
            "another permit in force for this load",
        ),
        gaps=(*explain.gaps(moment), *explain.origin(moment)),
        used=used,
    )


def _corridor_m(moment: Moment) -> float:
    return min((permission.corridor_m for permission in moment.permissions), default=0.0)


def _nearest_m(moment: Moment) -> float | str:
    """Metres from the nearest corridor, for people who look into a day."""
    if moment.place is None:
        return "not known"
    asked = [one.corridor.distance_m(*moment.place) for one in moment.permissions if one.corridor is not None]
    return min([one for one in asked if one is not None], default="not near")


def _back(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    memory.back += 1
    if memory.back == 1:
        memory.back_ms = moment.time_ms
    if memory.alerted and memory.back < limits.back_on_route_fixes:
        return None
    return _end(memory, moment, memory.back_ms)


def _end(memory: Memory, moment: Moment, end_ms: int) -> Finding | None:
    start_ms, alerted, track = memory.start_ms, memory.alerted, memory.track
    memory.start_ms = memory.fixes = memory.back = 0
    memory.farthest_m, memory.track, memory.alerted = 0.0, [], False
    if not alerted:
        return None
    return Finding(
        kind="end",
        start_ms=start_ms,
        at_ms=moment.time_ms,
        end_ms=end_ms,
        where=geo.line(track),
    )
