"""uncovered-load: loaded, cover open or half open, driving.

Guards: a cover sensor that cannot be believed says nothing; at the source and its gate the cover may still be open; a
cover that flaps in the wind is open only if it is open most of the time.
"""

from typing import Final

from msgspec import Struct, field

from streams import geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
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


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Judge one fix."""
    is_open = moment.cover_open()
    if is_open is None:
        return None
    _watch_flapping(memory, moment, is_open=is_open)
    if moment.cargo.state != "loaded":
        return _end(memory, moment) if moment.cargo.state == "empty" else None
    if memory.start_ms == 0 and not (is_open and _driving(moment, limits)):
        return None
    if memory.start_ms == 0:
        if moment.place is None or _near_source(moment, limits):
            return None
        memory.start_ms, memory.place = moment.time_ms, moment.place
    return _count(memory, moment, limits, is_open=is_open)


def _count(memory: Memory, moment: Moment, limits: Thresholds, *, is_open: bool) -> Finding | None:
    step_ms = min(moment.time_ms - moment.since_ms, _LONGEST_STEP_MS) if _driving(moment, limits) else 0
    if is_open:
        memory.open_ms += step_ms
        memory.shut_since_ms = 0
    else:
        memory.closed_ms += step_ms
        memory.shut_since_ms = memory.shut_since_ms or moment.time_ms
        if moment.time_ms - memory.shut_since_ms >= limits.covered_again_s * 1000:
            return _end(memory, moment)
    share = memory.open_ms / max(1, memory.open_ms + memory.closed_ms)
    if memory.alerted or not is_open or memory.open_ms < _enough_ms(memory, limits) or share < limits.uncovered_share:
        return None
    memory.alerted = True
    return _begin(memory, moment, limits)


def _watch_flapping(memory: Memory, moment: Moment, *, is_open: bool) -> None:
    if is_open != memory.was_open:
        memory.was_open = is_open
        memory.changes_ms = [at_ms for at_ms in memory.changes_ms if moment.time_ms - at_ms < _FLAPPING_MS]
        memory.changes_ms.append(moment.time_ms)


def _enough_ms(memory: Memory, limits: Thresholds) -> float:
    """Return how long it must be open: longer for a cover that flaps."""
    flaps = len(memory.changes_ms) >= _FLAPS
    return limits.uncovered_s * 1000 * (_FLAPPING_FACTOR if flaps else 1)


def _begin(memory: Memory, moment: Moment, limits: Thresholds) -> Finding:
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
            explain.known("cover open or half open", moment.fix.cover),
            explain.at_least(
                f"driving uncovered for at least {limits.uncovered_s:g} s",
                memory.open_ms / 1000,
                limits.uncovered_s,
                "s",
            ),
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
    source_id = moment.cargo.source_id or moment.cargo.stood_at
    source = moment.reference.place("source", source_id, moment.time_ms) if source_id else None
    return source is not None and source.area.distance_m(*moment.place) < limits.uncovered_source_m
