"""A call for help, as `sos` and `breakdown` share it: somebody calls, one alert begins; when nobody calls it ends.

A terminal calls for as long as its alarm bit is set, a driver from pressing until the correction of that very action.
While a call lasts no other begins: who else calls only keeps it going. Nothing is waited for: a call is told at once.
"""

from collections.abc import Callable
from typing import Final

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.moment import Moment
from streams.rules import explain
from streams.rules.gates import Gate
from streams.units import MINUTE_MS

_MOST_PRESSES: Final = 20
"""Presses remembered of one call; of more, the oldest count as taken back."""
_MOST_PAST: Final = 10
_JOINS_MS: Final = 30 * MINUTE_MS
"""Calls on late reports this near to a known one are of that one: longer than a blind area as a rule."""
_CAME_LATE: Final = "this report came late; later ones, heard before, say nothing of it"


class Memory(Struct, array_like=True):
    """The call of one truck that lasts."""

    start_ms: int = 0
    """When it began; 0 = nobody calls."""
    action_id: str | None = None
    """The driver's oldest action that still calls; None = the driver does not call."""
    terminal: bool = False
    """The terminal calls: its alarm bit is set, as far as it has said."""
    more: list[str] = field(default_factory=list)
    """Further actions of the driver that still call."""
    past: list[tuple[int, int]] = field(default_factory=list)
    """From when to when the last calls lasted, those that came late among them."""

    @property
    def presses(self) -> list[str]:
        """The driver's actions that still call."""
        return [*([self.action_id] if self.action_id else []), *self.more]


_NOBODY_CALLS: Final = Gate[Moment](
    "an alarm of the terminal, or of the driver", lambda _, moment, __: ", ".join(moment.fix.alarms) or "none"
)


def by_terminal(
    memory: Memory, moment: Moment, calls: Callable[[events.TruckState], events.Condition | None]
) -> Finding | Gate[Moment] | None:
    """Judge one fix. ``calls``: says what calls on it; None = no alarm that calls is set. A phone cannot tell."""
    if not (moment.fix.alarms or memory.terminal or memory.start_ms):
        return _NOBODY_CALLS  # as at almost every fix
    because = calls(moment.fix)
    if (because is None and not memory.terminal and memory.start_ms == 0) or moment.fix.by_phone:
        return _NOBODY_CALLS  # the alarm is another one, or nobody can call
    called, memory.terminal = memory.terminal, because is not None
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
    if because is not None:
        _keep(memory, [*memory.presses, action.action_id])
        if memory.start_ms == 0:
            memory.start_ms = action.event_time_ms
            return _begin(action.event_time_ms, place, because, ())
    elif action.kind == "corrected" and action.corrects in memory.presses:
        _keep(memory, [one for one in memory.presses if one != action.corrects])
        if not memory.presses and not memory.terminal:
            return _end(memory, action.event_time_ms)
    return None


def came_late(memory: Memory, fix: events.TruckState, time_ms: int, because: events.Condition) -> list[Finding]:
    """Judge a call on a fix that came when later ones were judged already.

    It is said as begun and, for the later ones say nothing of it, as ended; unless it belongs to a call that is known: one
    that lasts, and began not long after, or one of the past. Reports of a blind area come one by one, and make one call.
    """
    if memory.start_ms and memory.start_ms - _JOINS_MS <= time_ms:
        return []
    if any(start_ms - _JOINS_MS <= time_ms <= end_ms + _JOINS_MS for start_ms, end_ms in memory.past):
        return []
    _note_past(memory, time_ms, time_ms)
    place = (fix.lon, fix.lat) if fix.fix and fix.lon is not None and fix.lat is not None else None
    return [
        _begin(time_ms, place, because, (_CAME_LATE,)),
        Finding(kind="end", start_ms=time_ms, at_ms=time_ms, end_ms=time_ms),
    ]


def _note_past(memory: Memory, start_ms: int, end_ms: int) -> None:
    memory.past = [*memory.past[1 - _MOST_PAST :], (start_ms, end_ms)]


def _keep(memory: Memory, presses: list[str]) -> None:
    kept = presses[-_MOST_PRESSES:]
    memory.action_id, memory.more = (kept[0] if kept else None), kept[1:]


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
    _note_past(memory, start_ms, at_ms)
    return Finding(kind="end", start_ms=start_ms, at_ms=at_ms, end_ms=at_ms)
