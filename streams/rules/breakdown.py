"""breakdown: the driver says the truck cannot go on. A later correction of that action ends it."""

from typing import Final

from msgspec import Struct

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "breakdown"
VERSION: Final = "1"
_CRASH_ALARMS: Final = frozenset({"collision", "rollover"})


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    start_ms: int = 0
    action_id: str | None = None
    """The driver's action; None = an alarm of the terminal."""


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:  # noqa: ARG001  # no threshold
    """Judge one fix: a collision or roll-over, as the terminal reports it."""
    alarms = _CRASH_ALARMS.intersection(moment.fix.alarms)
    if alarms and memory.start_ms == 0:
        memory.start_ms, memory.action_id = moment.time_ms, None
        return _begin(moment.time_ms, moment.place, ", ".join(sorted(alarms)), explain.gaps(moment))
    if not alarms and memory.start_ms and memory.action_id is None:
        start_ms, memory.start_ms = memory.start_ms, 0
        return Finding(kind="end", start_ms=start_ms, at_ms=moment.time_ms, end_ms=moment.time_ms)
    return None


def hear(memory: Memory, action: events.DriverAction, place: geo.LonLat | None) -> Finding | None:
    """Judge what the driver said; ``place``: the truck's last known place."""
    if action.kind == "breakdown" and memory.start_ms == 0:
        memory.start_ms, memory.action_id = action.event_time_ms, action.action_id
        return _begin(action.event_time_ms, place, action.note or "the driver's app", ())
    if action.kind == "corrected" and memory.start_ms and action.corrects == memory.action_id:
        start_ms, memory.start_ms = memory.start_ms, 0
        return Finding(kind="end", start_ms=start_ms, at_ms=action.event_time_ms, end_ms=action.event_time_ms)
    return None


def _begin(at_ms: int, place: geo.LonLat | None, by: str, gaps: tuple[str, ...]) -> Finding:
    return Finding(
        kind="begin",
        start_ms=at_ms,
        at_ms=at_ms,
        severity="critical",
        certainty="observed",
        where=None if place is None else geo.point(*place),
        because=(explain.known("the truck cannot go on", by),),
        gaps=gaps,
    )
