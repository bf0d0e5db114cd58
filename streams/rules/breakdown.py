"""breakdown: the truck cannot go on, says the driver, or the terminal after a collision or a roll-over."""

from typing import Final

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import call, explain
from streams.rules.gates import Gate
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "breakdown"
VERSION: Final = "1"
Memory = call.Memory
_CRASH_ALARMS: Final = frozenset({"collision", "rollover"})


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:  # noqa: ARG001  # no threshold
    """Judge one fix: a collision or roll-over, as the terminal reports it."""
    return call.by_terminal(memory, moment, calls)


def calls(fix: events.TruckState) -> events.Condition | None:
    """Return what calls on a fix."""
    alarms = fix.alarms and _CRASH_ALARMS.intersection(fix.alarms)
    return _because(", ".join(sorted(alarms))) if alarms else None


def hear(memory: Memory, action: events.DriverAction, place: geo.LonLat | None) -> Finding | None:
    """Judge what the driver said; ``place``: the truck's last known place."""
    said = _because(action.note or "the driver's app") if action.kind == "breakdown" else None
    return call.by_driver(memory, action, place, said)


def _because(said: str) -> events.Condition:
    return explain.known("the truck cannot go on", said)
