"""uncovered-load: loaded, cover open or half open, driving.

Guards: a cover sensor that cannot be believed says nothing; at the source and its gate the cover may still be open; a
cover that flaps in the wind is open only if it is open most of the time.
"""

from typing import Final

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
from streams.rules.gates import NO_PLACE, NOT_LOADED, Gate, kmh, place_here
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "uncovered-load"
VERSION: Final = "1"
_LONGEST_STEP_MS: Final = 60_000
"""A longer silence between two fixes is not counted as driving."""

_FLAPS: Final = 5
"""Openings and closings within `_FLAPPING_MS` after which a cover is said to flap."""
_FLAPPING_MS: Final = 600_000
_FLAPPING_FACTOR: Final = 3


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    start_ms: int = 0
    place: geo.LonLat | None = None
    open_ms: int = 0
    """Driving time with the cover open, since the start."""
    closed_ms: int = 0
    """Driving time with the cover closed, since the start."""
    shut_since_ms: int = 0
    changes_ms: list[int] = field(default_factory=list)
    """When the cover last opened or closed on the road."""
    was_open: bool = False
    alerted: bool = False


def _why_unknown(_memory: Memory, moment: Moment, _limits: Thresholds) -> str:
    if moment.fix.sensor_health.cover != "ok":
        return moment.fix.sensor_health.cover
    return "contradicts the bed" if moment.cargo.cover_suspect else "not known"


_UNKNOWN: Final = Gate[Moment]("a cover sensor that can be believed", _why_unknown)
_COVERED: Final = Gate[Moment]("cover open or half open", lambda _, moment, __: str(moment.fix.cover))
_SLOW: Final = Gate[Moment](
    "driving, with the cover open",
    lambda _, moment, __: kmh(moment),
    lambda limits: limits.uncovered_speed_mps * 3.6,
    "km/h",
)
_AT_THE_GATE: Final = Gate[Moment](
    "away from the source and from facilities",
    lambda _, moment, __: _metres_from_source(moment),
    lambda limits: limits.uncovered_source_m,
    "m",
)


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    is_open = moment.cover_open
    if is_open is None:
        return _UNKNOWN
    _watch_flapping(memory, moment, is_open=is_open)
    if moment.cargo.state != "loaded":
        return (_end(memory, moment) if moment.cargo.state == "empty" else None) or NOT_LOADED
    if memory.start_ms == 0:
        if not is_open:
            return _COVERED
        if not _driving(moment, limits):
            return _SLOW
        if moment.place is None:
            return NO_PLACE
        if _near_source(moment, limits):
            return _AT_THE_GATE
        memory.start_ms, memory.place = moment.time_ms, moment.place
    return _count(memory, moment, limits, is_open=is_open)


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by a loaded truck that was seen driving with its cover open."""
    enough_s = _enough_ms(memory, limits) / 1000
    share = memory.open_ms / max(1, memory.open_ms + memory.closed_ms)
    return (
        explain.at_least(f"driving uncovered for at least {enough_s:g} s", memory.open_ms / 1000, enough_s, "s"),
        explain.at_least(
            "share of the driving time with the cover open", share * 100, limits.uncovered_share * 100, "%"
        ),
        explain.met("cover open or half open", moment.fix.cover, met=moment.cover_open is True),
    )


def _count(memory: Memory, moment: Moment, limits: Thresholds, *, is_open: bool) -> Finding | Gate[Moment] | None:
    step_ms = min(moment.time_ms - moment.since_ms, _LONGEST_STEP_MS) if _driving(moment, limits) else 0
    if is_open:
        memory.open_ms += step_ms
        memory.shut_since_ms = 0
    else:
        memory.closed_ms += step_ms
        memory.shut_since_ms = memory.shut_since_ms or moment.time_ms
        if moment.time_ms - memory.shut_since_ms >= limits.covered_again_s * 1000:
            return _end(memory, moment) or _COVERED
    if memory.alerted or not explain.all_met(conditions := thoughts(memory, moment, limits)):
        return None
    memory.alerted = True
    return _begin(memory, moment, limits, conditions)


def _watch_flapping(memory: Memory, moment: Moment, *, is_open: bool) -> None:
    if is_open != memory.was_open:
        memory.was_open = is_open
        memory.changes_ms = [at_ms for at_ms in memory.changes_ms if moment.time_ms - at_ms < _FLAPPING_MS]
        memory.changes_ms.append(moment.time_ms)


def _enough_ms(memory: Memory, limits: Thresholds) -> float:
    """Return how long it must be open: longer for a cover that flaps."""
    flaps = len(memory.changes_ms) >= _FLAPS
    return limits.uncovered_s * 1000 * (_FLAPPING_FACTOR if flaps else 1)


def _begin(memory: Memory, moment: Moment, limits: Thresholds, conditions: tuple[events.Condition, ...]) -> Finding:
    place = memory.place or moment.place
    return Finding(
        kind="begin",
        start_ms=memory.start_ms,
        at_ms=moment.time_ms,
        severity="medium",
        certainty="likely",
        where=None if place is None else geo.point(*place),
        because=(
            explain.known("loaded", moment.cargo.state),
            conditions[2],
            conditions[0],
        ),
        unless=(
            "the cover closed",
            "the truck empty",
            f"within {limits.uncovered_source_m:g} m of the source",
        ),
        gaps=explain.gaps(moment),
    )


def _end(memory: Memory, moment: Moment) -> Finding | None:
    end_ms = memory.shut_since_ms or moment.time_ms
    start_ms, alerted = memory.start_ms, memory.alerted
    memory.start_ms = memory.open_ms = memory.closed_ms = memory.shut_since_ms = 0
    memory.alerted, memory.place = False, None
    if not alerted:
        return None
    return Finding(kind="end", start_ms=start_ms, at_ms=moment.time_ms, end_ms=end_ms)


def _driving(moment: Moment, limits: Thresholds) -> bool:
    return moment.speed_mps > limits.uncovered_speed_mps


def _near_source(moment: Moment, limits: Thresholds) -> bool:
    if moment.place is None:
        return False
    if any(place.kind in ("source", "facility") for _, place in moment.near):
        return True
    away_m = _metres_from_source(moment)
    return not isinstance(away_m, str) and away_m < limits.uncovered_source_m


def _metres_from_source(moment: Moment) -> float | str:
    source_id = moment.cargo.source_id or moment.cargo.stood_at
    source = moment.reference.place("source", source_id, moment.time_ms) if source_id else None
    return place_here(moment) if source is None or moment.place is None else source.area.distance_m(*moment.place)
