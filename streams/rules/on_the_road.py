"""What the rules of permits share: how long a truck drives on the road where it may not, and that it is over."""

from typing import Any, Final

from msgspec import Struct, field

from streams import events, geo, permits
from streams.alerts import Finding
from streams.moment import Moment
from streams.rules import explain
from streams.rules.gates import Gate, kmh, place_here
from streams.rules.thresholds import Thresholds

_DRIVING_MPS: Final = 2.78
"""10 km/h: faster is driving [P]."""
_LONGEST_STEP_MS: Final = 60_000
"""Of a longer silence between two fixes no more is counted as driving."""


class Driving(Struct, array_like=True):
    """How long, and at how many fixes, a truck has driven on the road."""

    start_ms: int = 0
    """First fix; 0 = none."""
    place: geo.LonLat | None = None
    driven_ms: int = 0
    fixes: int = 0
    on_the_road: bool = False
    """At the fix before."""


class Memory(Struct, array_like=True):
    """What such a rule remembers of one truck."""

    driving: Driving = field(default_factory=Driving)
    """Where it may not."""
    alerted: bool = False


def _where_not(_memory: Any, moment: Moment, _limits: Thresholds) -> str:
    if moment.place is None:
        return "place not known"
    speed = kmh(moment)
    said = speed if isinstance(speed, str) else f"{speed:.0f} km/h"
    return f"{said}, {place_here(moment)}" if moment.near or moment.bins() else said


NOT_ON_THE_ROAD: Final = Gate[Moment]("driving on the road, away from registered places", _where_not)


def drive(driving: Driving, moment: Moment, free_m: float) -> float:
    """Take one fix in; return the seconds driven so far, 0 if it does not drive on the road now.

    Only the steps between two fixes on the road are driving, not the hours in a depot between.
    """
    if (
        moment.place is None
        or moment.speed_mps <= _DRIVING_MPS
        or moment.within(permits.FREE_PLACES, free_m) is not None
    ):
        driving.on_the_road = False
        return 0.0
    if driving.on_the_road:
        driving.driven_ms += min(moment.time_ms - moment.since_ms, _LONGEST_STEP_MS)
    if not driving.start_ms:
        driving.start_ms, driving.place = moment.time_ms, moment.place
    driving.fixes += 1
    driving.on_the_road = True
    return driving.driven_ms / 1000


def end(memory: Memory, moment: Moment) -> Finding | None:
    """Begin anew; return the end of what was told."""
    start_ms, alerted = memory.driving.start_ms, memory.alerted
    memory.driving, memory.alerted = Driving(), False
    return explain.over(start_ms, moment.time_ms) if alerted else None


def where(driving: Driving) -> events.Geometry | None:
    """Where it was seen on the road first."""
    return None if driving.place is None else geo.point(*driving.place)
