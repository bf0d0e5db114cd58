"""overload: more on board than the truck may carry, by its own sensor on the road, or by a weighbridge.

Readings of a truck on the road swing by some percent with slope and braking: the middle of some minutes of them counts. A
weighbridge needs no minutes, and less margin.
"""

from typing import Final

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.load import MOVING_MPS, median
from streams.moment import Moment
from streams.receipts import Receipt
from streams.rules import explain
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "overload"
VERSION: Final = "1"
_KEPT: Final = 48
_FEWEST: Final = 12
"""Readings whose middle counts."""


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    readings: list[tuple[int, float]] = field(default_factory=list)
    """Event time and kg of what it showed on the road, while it may be too much."""
    start_ms: int = 0
    alerted: bool = False
    told_ms: int = 0
    """When the alert of the last load began; a receipt for it says no more."""


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Judge one fix."""
    payload_kg = moment.payload_kg
    if moment.cargo.state != "loaded" or payload_kg is None or moment.fix.maintenance:
        return _end(memory, moment) if memory.readings else None
    if moment.load.kg is None or moment.load.stuck or moment.fix.load_kg is None or moment.speed_mps <= MOVING_MPS:
        return None
    limit_kg = payload_kg * (1 + limits.overload_share)
    if not memory.alerted and moment.load.kg < payload_kg:
        memory.readings = []  # as almost always: nowhere near
        return None
    readings = memory.readings
    readings.append((moment.time_ms, moment.fix.load_kg))
    if len(readings) > _KEPT:
        del readings[0]
    middle_kg = median([kg for _, kg in readings])
    if memory.alerted:
        return _end(memory, moment) if middle_kg < payload_kg else None
    lasted_s = (moment.time_ms - readings[0][0]) / 1000
    if middle_kg < limit_kg or lasted_s < limits.overload_s or len(readings) < _FEWEST:
        return None
    memory.alerted, memory.start_ms, memory.told_ms = True, readings[0][0], readings[0][0]
    return _begin(moment, limits, middle_kg, limit_kg, lasted_s, memory.start_ms)


def weigh(memory: Memory, receipt: Receipt, limits: Thresholds) -> Finding | None:
    """Judge a weighing of a load of which the truck's own sensor said nothing."""
    weighing, truck = receipt.weighing, receipt.truck
    loaded_ms = receipt.ticket.times.get("loaded", weighing.event_time_ms)
    if truck is None or not weighing.inbound or memory.told_ms >= loaded_ms:
        return None
    said = _too_heavy(weighing, truck, limits)
    if said is None:
        return None
    memory.told_ms = receipt.time_ms
    return explain.of_receipt(
        receipt,
        loaded_ms,
        severity="medium",
        certainty="observed",
        because=(said,),
        unless=("another truck on the weighbridge",),
        used=explain.used_truck(truck),
    )


def _too_heavy(weighing: events.Weighing, truck: events.Asset, limits: Thresholds) -> events.Condition | None:
    if weighing.net_kg is not None and truck.payload_kg is not None:
        limit_kg = truck.payload_kg * (1 + limits.overload_weighed_share)
        if weighing.net_kg >= limit_kg:
            return explain.at_least(
                "net weight on the weighbridge above the permitted load", weighing.net_kg, limit_kg, "kg"
            )
    if weighing.gross_kg is not None and truck.gross_limit_kg is not None:
        limit_kg = truck.gross_limit_kg * (1 + limits.overload_weighed_share)
        if weighing.gross_kg >= limit_kg:
            return explain.at_least(
                "gross weight on the weighbridge above its limit", weighing.gross_kg, limit_kg, "kg"
            )
    return None


def _begin(  # noqa: PLR0917  # private, called once
    moment: Moment, limits: Thresholds, middle_kg: float, limit_kg: float, lasted_s: float, start_ms: int
) -> Finding:
    return Finding(
        kind="begin",
        start_ms=start_ms,
        at_ms=moment.time_ms,
        severity="medium",
        certainty="likely",
        where=None if moment.place is None else geo.point(*moment.place),
        because=(
            explain.known("permitted load", f"{moment.payload_kg or 0.0:.0f} kg"),
            explain.at_least("middle of the readings while driving", middle_kg, limit_kg, "kg"),
            explain.at_least(f"above it for at least {limits.overload_s:g} s", lasted_s, limits.overload_s, "s"),
        ),
        unless=("the load sensor off by more than its margin: a weighbridge says",),
        gaps=explain.gaps(moment),
        used=explain.used_truck(moment.truck),
    )


def _end(memory: Memory, moment: Moment) -> Finding | None:
    start_ms, alerted, end_ms = memory.start_ms, memory.alerted, memory.readings[-1][0]
    memory.readings, memory.start_ms, memory.alerted = [], 0, False
    if not alerted:
        return None
    return Finding(kind="end", start_ms=start_ms, at_ms=moment.time_ms, end_ms=end_ms)
