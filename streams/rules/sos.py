"""sos: the driver calls for help, by the truck's button (alarm ``sos``) or in the app."""

from typing import Final

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.moment import Moment
from streams.rules import call, explain
from streams.rules.gates import Gate
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "sos"
VERSION: Final = "1"
Memory = call.Memory
_BY_BUTTON: Final = explain.known("the driver called for help", "alarm bit of the terminal")
_BY_APP: Final = explain.known("the driver called for help", "the driver's app")


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:  # noqa: ARG001  # no threshold
    """Judge one fix: the alarm bit stays until it is answered."""
    return call.by_terminal(memory, moment, calls)


def calls(fix: events.TruckState) -> events.Condition | None:
    """Return what calls on a fix."""
    return _BY_BUTTON if "sos" in fix.alarms else None


def hear(memory: Memory, action: events.DriverAction, place: geo.LonLat | None) -> Finding | None:
    """Judge what the driver said; ``place``: the truck's last known place."""
    return call.by_driver(memory, action, place, _BY_APP if action.kind == "sos" else None)
