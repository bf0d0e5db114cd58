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
from streams.rules.gates import LOAD_UNREADABLE, MAINTENANCE, NO_PAYLOAD, NOT_LOADED, Gate, kg, kmh
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


_ON_THE_ROAD: Final = Gate[Moment](
    "readings of a truck on the road",
    lambda _, moment, __: kmh(moment),
    lambda _: MOVING_MPS * 3.6,
    "km/h",
)
_WITHIN: Final = Gate[Moment](
    "above the permitted load",
    lambda _, moment, __: kg(moment),
    unit="kg",
)
_NOT_WEIGHED: Final = Gate[Receipt](
    "a weighing on the way in, of a truck on record",
    lambda _, receipt, __: "the truck is not on record" if receipt.truck is None else "outbound",
)
_TOLD: Final = Gate[Receipt]("a load of which nothing was said on the road", lambda *_: "it was")
_NOT_HEAVY: Final = Gate[Receipt](
    "net or gross weight on the weighbridge above its limit",
    lambda _, receipt, __: f"net {receipt.weighing.net_kg}, gross {receipt.weighing.gross_kg} kg",
)


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    payload_kg = moment.payload_kg
    if moment.cargo.state != "loaded" or payload_kg is None or moment.fix.maintenance:
        return (_end(memory, moment) if memory.readings else None) or _why_not(moment)
    if moment.load.kg is None or moment.load.stuck or moment.fix.load_kg is None:
        return LOAD_UNREADABLE
    if moment.speed_mps <= MOVING_MPS:
        return _ON_THE_ROAD
    if not memory.alerted and moment.load.kg < payload_kg:
        memory.readings = []  # as almost always: nowhere near
        return _WITHIN
    readings = memory.readings
    readings.append((moment.time_ms, moment.fix.load_kg))
    if len(readings) > _KEPT:
        del readings[0]
    if memory.alerted:
        return _end(memory, moment) if _middle_kg(memory) < payload_kg else None
    if not explain.all_met(conditions := thoughts(memory, moment, limits)):
        return None
    memory.alerted, memory.start_ms, memory.told_ms = True, readings[0][0], readings[0][0]
    return _begin(moment, conditions, memory.start_ms)


def _why_not(moment: Moment) -> Gate[Moment]:
    if moment.cargo.state != "loaded":
        return NOT_LOADED
    return NO_PAYLOAD if moment.payload_kg is None else MAINTENANCE


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by readings that may be too much."""
    readings = memory.readings
    limit_kg = (moment.payload_kg or 0.0) * (1 + limits.overload_share)
    lasted_s = (moment.time_ms - readings[0][0]) / 1000
    return (
        explain.at_least("middle of the readings while driving", _middle_kg(memory), limit_kg, "kg"),
        explain.at_least(f"above it for at least {limits.overload_s:g} s", lasted_s, limits.overload_s, "s"),
        explain.at_least("readings above it", len(readings), _FEWEST, "readings"),
    )


def _middle_kg(memory: Memory) -> float:
    return median([kg for _, kg in memory.readings])


def weigh(memory: Memory, receipt: Receipt, limits: Thresholds) -> Finding | Gate[Receipt]:
    """Judge a weighing of a load of which the truck's own sensor said nothing."""
    weighing, truck = receipt.weighing, receipt.truck
    loaded_ms = receipt.ticket.times.get("loaded", weighing.event_time_ms)
    if truck is None or not weighing.inbound:
        return _NOT_WEIGHED
    if memory.told_ms >= loaded_ms:
        return _TOLD
    said = _too_heavy(weighing, truck, limits)
    if said is None:
        return _NOT_HEAVY
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


def _begin(moment: Moment, conditions: tuple[events.Condition, ...], start_ms: int) -> Finding:
    return Finding(
        kind="begin",
        start_ms=start_ms,
        at_ms=moment.time_ms,
        severity="medium",
        certainty="likely",
        where=None if moment.place is None else geo.point(*moment.place),
        because=(
            explain.known("permitted load", f"{moment.payload_kg or 0.0:.0f} kg"),
            *conditions[:2],
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
