"""A call for help, as `sos` and `breakdown` share it: somebody calls, one alert begins; when nobody calls it ends.

A terminal calls for as long as its alarm bit is set, a driver from pressing until the correction of that very action.
While a call lasts no other begins: who else calls only keeps it going. Nothing is waited for: a call is told at once.
"""

from typing import Final

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.moment import Moment
from streams.rules import explain

_MOST_PRESSES: Final = 20
"""Presses remembered of one call; of more, the oldest count as taken back."""


class Memory(Struct, array_like=True):
    """The call of one truck that lasts."""

    start_ms: int = 0
    """When it began; 0 = nobody calls."""
    action_id: str | None = None
    """The driver's oldest action that still calls; None = the driver does not call."""
    terminal: bool = False
    """The terminal calls. (States written before this member was say so by a call without an action.)"""
    more: list[str] = field(default_factory=list)
    """Further actions of the driver that still call."""

    @property
    def presses(self) -> list[str]:
        """The driver's actions that still call."""
        return [*([self.action_id] if self.action_id else []), *self.more]

    @property
    def terminal_calls(self) -> bool:
        """Whether the alarm bit is set, as far as the terminal has said."""
        return self.terminal or (self.start_ms != 0 and self.action_id is None)


def by_terminal(memory: Memory, moment: Moment, because: events.Condition | None) -> Finding | None:
    """Judge one fix. ``because``: what calls on it; None = no alarm that calls is set. A phone cannot tell."""
    if (because is None and not memory.terminal and memory.start_ms == 0) or moment.fix.by_phone:
        return None  # nobody calls, as at almost every fix; or nobody can
    called, memory.terminal = memory.terminal_calls, because is not None
    if because is not None and memory.start_ms == 0:
        memory.start_ms = moment.time_ms
        return _begin(moment.time_ms, moment.place, because, explain.gaps(moment))
    if because is None and called and not memory.presses:
        return _end(memory, moment.time_ms)
    return None


def by_driver(
    memory: Memory, action: events.DriverAction, place: geo.LonLat | None, because: events.Condition | None
) -> Finding | None:
    """Judge what the driver said. ``because``: it calls; None = it does not. ``place``: where the truck was last seen."""
    terminal_calls = memory.terminal_calls
    if because is not None:
        _keep(memory, [*memory.presses, action.action_id], terminal_calls)
        if memory.start_ms == 0:
            memory.start_ms = action.event_time_ms
            return _begin(action.event_time_ms, place, because, ())
    elif action.kind == "corrected" and action.corrects in memory.presses:
        _keep(memory, [one for one in memory.presses if one != action.corrects], terminal_calls)
        if not memory.presses and not terminal_calls:
            return _end(memory, action.event_time_ms)
    return None


def _keep(memory: Memory, presses: list[str], terminal_calls: bool) -> None:
    kept = presses[-_MOST_PRESSES:]
    memory.action_id, memory.more = (kept[0] if kept else None), kept[1:]
    memory.terminal = terminal_calls


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
