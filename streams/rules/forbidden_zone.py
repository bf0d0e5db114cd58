"""forbidden-zone: a truck drives through an area where trucks, or loaded trucks, may not be at that hour.

A fix is inside only by more than its own accuracy: a road along the edge is no trespass, and jitter across it is none.
Where it is not seen for a while inside, the straight way to where it is seen again tells how far it went through.
"""

from typing import Final

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.assets import Place
from streams.events import RuleName
from streams.moment import RESTING_MPS, Moment
from streams.rules import explain
from streams.rules.gates import NO_PLACE, NOT_LOADED, STANDING, Gate, place_here
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "forbidden-zone"
VERSION: Final = "1"
_LONGEST_TRACK: Final = 60
_LONGEST_UNSEEN_MS: Final = 600_000
"""Of a way that is not seen for longer the straight line says nothing."""


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    zone: tuple[str, int] | None = None
    """The zone it is in and the time its version is of."""
    start_ms: int = 0
    last_ms: int = 0
    """Last fix inside."""
    fixes: int = 0
    track: list[geo.LonLat] = field(default_factory=list)
    alerted: bool = False


_OUTSIDE: Final = Gate[Moment]("inside a forbidden zone", lambda _, moment, __: place_here(moment))
_AT_THE_EDGE: Final = Gate[Moment](
    "inside a forbidden zone by more than its accuracy", lambda _, moment, __: place_here(moment)
)
_OTHER_HOURS: Final = Gate[Moment]("in the zone's hours", lambda _, moment, __: place_here(moment))


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    if moment.place is None:
        return NO_PLACE
    zone = _zone(moment)
    if isinstance(zone, Gate):
        return (_left(memory, moment, limits) if memory.zone else None) or zone
    if memory.zone is None:
        if moment.speed_mps < RESTING_MPS:
            return STANDING  # a truck gets in by driving; what a standing one shows may be jitter
        memory.zone, memory.start_ms = (zone.place_id, moment.time_ms), moment.time_ms
    memory.last_ms = moment.time_ms
    memory.fixes += 1
    if len(memory.track) < _LONGEST_TRACK:
        memory.track.append(moment.place)
    if memory.alerted or not explain.all_met(thoughts(memory, moment, limits)):
        return None
    memory.alerted = True
    return _begin(memory, moment, limits, zone)


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by a truck that is inside."""
    lasted_s = (moment.time_ms - memory.start_ms) / 1000
    return (
        explain.at_least("fixes inside, by more than their accuracy", memory.fixes, limits.forbidden_fixes, "fixes"),
        explain.at_least(f"inside for at least {limits.forbidden_s:g} s", lasted_s, limits.forbidden_s, "s"),
    )


def _zone(moment: Moment) -> Place | Gate[Moment]:
    """Return the forbidden zone that the truck is in, for certain; or why it is in none."""
    stopped_at = _OUTSIDE
    for distance_m, place in moment.near:
        if distance_m > 0.0:
            return stopped_at
        record = place.record
        if place.kind != "forbidden" or not isinstance(record, events.Zone):
            continue
        if record.applies_to == "loaded" and moment.cargo.state != "loaded":
            stopped_at = NOT_LOADED
            continue
        if moment.place is None or place.area.depth_m(*moment.place) < moment.accuracy_m:
            stopped_at = _AT_THE_EDGE
            continue
        if moment.reference.is_forbidden(place, moment.time_ms, moment.tenant_id):
            return place
        stopped_at = _OTHER_HOURS
    return stopped_at


def _left(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    if memory.alerted and moment.time_ms - memory.last_ms < limits.forbidden_left_s * 1000:
        return None
    finding = None
    if memory.alerted:
        finding = Finding(
            kind="end",
            start_ms=memory.start_ms,
            at_ms=moment.time_ms,
            end_ms=memory.last_ms,
            where=geo.line(memory.track),
        )
    elif memory.zone is not None and moment.place is not None:
        zone = moment.reference.place("forbidden", memory.zone[0], memory.zone[1])
        if zone is not None and memory.fixes == 1 and _is_beyond(memory, moment, zone):
            unseen_m = zone.area.length_inside_m(memory.track[-1], moment.place)
            if unseen_m >= limits.forbidden_unseen_m:
                finding = _crossed(memory, moment, limits, zone, unseen_m)
    memory.zone, memory.track, memory.alerted = None, [], False
    memory.start_ms = memory.last_ms = memory.fixes = 0
    return finding


def _is_beyond(memory: Memory, moment: Moment, zone: Place) -> bool:
    """True if the truck, still forbidden to be there, is seen outside the zone soon after it was seen inside."""
    for_all = isinstance(zone.record, events.Zone) and zone.record.applies_to == "all"
    return (
        moment.place is not None
        and zone.area.distance_m(*moment.place) > 0.0
        and moment.time_ms - memory.last_ms <= _LONGEST_UNSEEN_MS
        and (for_all or moment.cargo.state == "loaded")
        and moment.reference.is_forbidden(zone, moment.time_ms, moment.tenant_id) is True
    )


def _crossed(memory: Memory, moment: Moment, limits: Thresholds, zone: Place, unseen_m: float) -> Finding:
    """Return what is to be said of a truck seen inside once, and then beyond the zone."""
    finding = _begin(memory, moment, limits, zone)
    finding.certainty = "possible"
    finding.end_ms, finding.at_once = moment.time_ms, True
    finding.where = geo.line([*memory.track, moment.place] if moment.place else memory.track)
    finding.because = (
        *finding.because[:3],
        explain.known("seen inside, by more than its accuracy", "once"),
        explain.at_least(
            "straight through the zone to where it was seen next", unseen_m, limits.forbidden_unseen_m, "m"
        ),
    )
    finding.gaps = (*finding.gaps, "its way through the zone was not seen")
    return finding


def _begin(memory: Memory, moment: Moment, limits: Thresholds, zone: Place) -> Finding:
    for_all = isinstance(zone.record, events.Zone) and zone.record.applies_to == "all"
    return Finding(
        kind="begin",
        start_ms=memory.start_ms,
        at_ms=moment.time_ms,
        severity="medium",
        certainty="observed" if for_all or moment.cargo.source_id else "likely",
        where=geo.line(memory.track),
        because=(
            explain.known("forbidden zone", zone.name),
            explain.known("forbidden for", "every truck" if for_all else "loaded trucks"),
            explain.known("load", moment.cargo.state),
            *thoughts(memory, moment, limits),
        ),
        unless=("outside the zone's hours", "the truck empty"),
        gaps=explain.gaps(moment),
        used={"zones": [zone.versioned_id]},
    )
