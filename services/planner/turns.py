"""A way's turns, as codes beside its line: what a plan's `events.Guide` holds. Pure; the wording is the pages' business.

Codes, from OSRM's maneuvers and modifiers: ``depart`` · ``arrive``, ``arrive:left``, ``arrive:right`` (the side the
place is on) · ``turn:`` and ``keep:`` with a direction · ``merge:``, ``ramp:``, ``exit:`` with a direction (on to, off a
motorway) · ``circle:2`` = leave the roundabout by the second exit, ``circle:0`` = the exit is not known. A direction is
``left``, ``right``, ``slight_left``, ``sharp_right``, …, ``straight``, ``uturn``. What asks nothing of a driver (a road
that changes its name, a bend) is left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from services.planner.geo import thinned
from services.planner.ways import Leg, LonLat, Step
from streams import events

NO_NAME: Final = -1

_KINDS: Final = {
    "turn": "turn",
    "end of road": "turn",
    "continue": "turn",
    "roundabout turn": "turn",
    "fork": "keep",
    "merge": "merge",
    "on ramp": "ramp",
    "off ramp": "exit",
}
_CIRCLES: Final = ("roundabout", "rotary")
_LEAVING: Final = ("exit roundabout", "exit rotary")
_STRAIGHT_SAYS_NOTHING: Final = ("continue", "merge")


@dataclass(frozen=True, kw_only=True)
class Driven:
    """A way through the places of a plan: its line, and how to drive it."""

    path: events.Geometry
    guide: events.Guide


def driven(legs: Sequence[Leg], tolerance_m: float) -> Driven | None:
    """Return the line of the legs, none of its points farther than ``tolerance_m`` from the road, and its turns.

    Every turn is a point of the line; None if there is no line. The legs come with their steps.
    """
    line: list[LonLat] = []
    roads: dict[str, int] = {}
    turns: list[tuple[events.Turn, ...]] = []
    for leg in legs:
        found: list[events.Turn] = []
        for code, name, piece in _pieces(leg):
            line.extend(thinned(piece, tolerance_m)[1 if line else 0 :])
            road = roads.setdefault(name, len(roads)) if name else NO_NAME
            found.append((len(line) - 1, code, road))
        turns.append(tuple(found))
    if len(line) < 2:
        return None
    path = {"type": "LineString", "coordinates": line}
    return Driven(path=path, guide=events.Guide(roads=tuple(roads), legs=tuple(turns)))


def _pieces(leg: Leg) -> Iterator[tuple[str, str, list[LonLat]]]:
    """Yield each turn, with the piece of the leg's line that leads there from the turn before."""
    begin = 0
    for step, code, name in _said(leg.steps):
        at = _index(leg.path, (step.lon, step.lat), begin)
        if code.startswith("arrive"):
            at = len(leg.path) - 1
        yield code, name, leg.path[begin : at + 1]
        begin = at


def _index(path: Sequence[LonLat], place: LonLat, begin: int) -> int:
    """Return where a turn is on its leg: the first nearest point from ``begin`` on."""
    return min(range(begin, len(path)), key=lambda at: (path[at][0] - place[0]) ** 2 + (path[at][1] - place[1]) ** 2)


def _said(steps: Sequence[Step]) -> Iterator[tuple[Step, str, str]]:
    """Yield the steps a driver has to hear of, with code and road. A roundabout's road is the one its exit leads to."""
    for number, step in enumerate(steps):
        code = _code(step)
        if code is None:
            continue
        after = steps[number + 1] if number + 1 < len(steps) else None
        leads = after.name if code.startswith("circle") and after and after.maneuver in _LEAVING else step.name
        yield step, code, leads


def _code(step: Step) -> str | None:
    direction = (step.modifier or "").replace(" ", "_")
    if step.maneuver == "depart":
        return "depart"
    if step.maneuver == "arrive":
        return f"arrive:{direction}" if direction in ("left", "right") else "arrive"
    if step.maneuver in _CIRCLES:
        return f"circle:{step.exit or 0}"
    kind = _KINDS.get(step.maneuver)
    if kind is None or not direction or (direction == "straight" and step.maneuver in _STRAIGHT_SAYS_NOTHING):
        return None
    return f"{kind}:{direction}"
