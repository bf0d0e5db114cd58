"""A call for help, as `sos` and `breakdown` share it: somebody calls, one alert begins; whoever called ends it.

A terminal calls for as long as its alarm bit is set, a driver until the correction of that very action. While a call
lasts no other begins. Nothing is waited for: a call is told at once.
"""

from msgspec import Struct

from streams import events, geo
from streams.alerts import Finding
from streams.moment import Moment
from streams.rules import explain


class Memory(Struct, array_like=True):
    """The call of one truck that lasts."""

    start_ms: int = 0
    """When it began; 0 = nobody calls."""
    action_id: str | None = None
    """The driver's action that called; None = the terminal called."""


def by_terminal(memory: Memory, moment: Moment, because: events.Condition | None) -> Finding | None:
    """Judge one fix. ``because``: what calls on it; None = no alarm that calls is set."""
    if because is not None and memory.start_ms == 0:
        memory.start_ms, memory.action_id = moment.time_ms, None
        return _begin(moment.time_ms, moment.place, because, explain.gaps(moment))
    if because is None and memory.start_ms and memory.action_id is None:
        return _end(memory, moment.time_ms)
    return None


def by_driver(
    memory: Memory, action: events.DriverAction, place: geo.LonLat | None, because: events.Condition | None
) -> Finding | None:
    """Judge what the driver said. ``because``: it calls; None = it does not. ``place``: where the truck was last seen."""
    if because is not None and memory.start_ms == 0:
        memory.start_ms, memory.action_id = action.event_time_ms, action.action_id
        return _begin(action.event_time_ms, place, because, ())
    if action.kind == "corrected" and memory.start_ms and action.corrects == memory.action_id:
        return _end(memory, action.event_time_ms)
    return None


def _begin(at_ms: int, place: geo.LonLat | None, because: events.Condition, gaps: tuple[str, ...]) -> Finding:
    return Finding(
        kind="begin",
        start_ms=at_ms,
        at_ms=at_ms,
        severity="critical",
        certainty="observed",
        where=None if place is None else geo.point(*place),
        because=(because,),
        gaps=gaps,
    )


def _end(memory: Memory, at_ms: int) -> Finding:
    start_ms, memory.start_ms = memory.start_ms, 0
    return Finding(kind="end", start_ms=start_ms, at_ms=at_ms, end_ms=at_ms)
