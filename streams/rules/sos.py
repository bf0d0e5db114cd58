"""sos: the driver calls for help, by the truck's button (alarm ``sos``) or in the app. Nothing is waited for."""

from typing import Final

from msgspec import Struct

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import explain
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "sos"
VERSION: Final = "1"


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    start_ms: int = 0
    action_id: str | None = None
    """The driver's action that called; None = the truck's button."""


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:  # noqa: ARG001  # no threshold
    """Judge one fix: the alarm bit stays until it is answered."""
    calling = "sos" in moment.fix.alarms
    if calling and memory.start_ms == 0:
        memory.start_ms, memory.action_id = moment.time_ms, None
        return _begin(moment.time_ms, moment.place, "alarm bit of the terminal", explain.gaps(moment))
    if not calling and memory.start_ms and memory.action_id is None:
        start_ms, memory.start_ms = memory.start_ms, 0
        return Finding(kind="end", start_ms=start_ms, at_ms=moment.time_ms, end_ms=moment.time_ms)
    return None


def hear(memory: Memory, action: events.DriverAction, place: geo.LonLat | None) -> Finding | None:
    """Judge what the driver said; ``place``: the truck's last known place."""
    if action.kind == "sos" and memory.start_ms == 0:
        memory.start_ms, memory.action_id = action.event_time_ms, action.action_id
        return _begin(action.event_time_ms, place, "the driver's app", ())
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
        because=(explain.known("the driver called for help", by),),
        gaps=gaps,
    )
