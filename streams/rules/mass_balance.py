"""mass-balance: what the weighbridge took is not what was on board when the truck came.

The load on board is the middle of the last minutes of driving. What was lost on the way, and seen, is another rule's: it is
gone from these readings too. Two receipts for one load are as wrong as a short one.

A balance that cannot be closed is told too, by time alone: a load that went empty at a facility that weighs, and no receipt
hours later (one alert a facility, however many loads it is); a load that is on its way for days. The receipt that comes after
all, made in time, takes the ground away.
"""

from typing import Final, Literal

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.events import Condition, RuleName
from streams.overdue import Look, Tipped
from streams.receipts import Receipt
from streams.rules import explain
from streams.rules.gates import NOT_TAKEN, Gate
from streams.rules.thresholds import Thresholds
from streams.units import HOUR_MS

NAME: Final[RuleName] = "mass-balance"
VERSION: Final = "2"


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck: what it has told of open loads. Each receipt is judged for itself."""

    without_receipt: dict[str, list[str]] = field(default_factory=dict)
    """By facility, the tickets that an open alert tells of."""
    late: str = ""
    """The ticket on its way that an open alert tells of; empty = none does."""
    late_raised_ms: int = 0


def _why_unknown(_memory: Memory, receipt: Receipt, _limits: Thresholds) -> str:
    if receipt.weighing.net_kg is None:
        return "no net weight"
    if receipt.ticket.stuck:
        return "the load sensor was stuck"
    return "too few readings on the road"


_UNKNOWN: Final = Gate[Receipt]("known what came and what was weighed", _why_unknown)
_BALANCED: Final = Gate[Receipt](
    "missing on the weighbridge",
    lambda _, receipt, limits: _missing(receipt, limits).measured or 0.0,
    unit="kg",
)


def weigh(memory: Memory, receipt: Receipt, limits: Thresholds) -> Finding | Gate[Receipt]:  # noqa: ARG001  # a rule's shape
    """Judge one receipt."""
    weighing, ticket = receipt.weighing, receipt.ticket
    if not (weighing.inbound and weighing.accepted):
        return NOT_TAKEN
    if receipt.earlier is not None:
        return _finding(
            receipt,
            receipt.weighing.net_kg,
            explain.known("receipt for the same load before", receipt.earlier),
            unless="a second load between the two, unseen",
        )
    net_kg, on_board_kg = weighing.net_kg, ticket.transit_kg
    if net_kg is None or on_board_kg is None or not ticket.is_known:
        return _UNKNOWN
    said = _missing(receipt, limits)
    if not said.met:
        return _BALANCED
    return _finding(
        receipt,
        on_board_kg - net_kg,
        explain.known("on board before the weighbridge", f"{on_board_kg:.0f} kg"),
        explain.known("net weight on the weighbridge", f"{net_kg:.0f} kg"),
        said,
        unless="unloaded between, where nobody saw it",
    )


def _missing(receipt: Receipt, limits: Thresholds) -> Condition:
    on_board_kg = receipt.ticket.transit_kg or 0.0
    least_kg = max(limits.balance_kg, limits.balance_share * on_board_kg)
    return explain.at_least(
        "missing on the weighbridge", on_board_kg - (receipt.weighing.net_kg or 0.0), least_kg, "kg"
    )


def look(memory: Memory, seen: Look, limits: Thresholds) -> list[Finding]:
    """Judge what is open: when time has passed, when a receipt came, when a load's way is over."""
    due: dict[str, list[Tipped]] = {}
    for one in seen.due:
        if _weighs(one, seen):
            due.setdefault(one.facility_id, []).append(one)
    facilities = sorted({*due, *memory.without_receipt})
    findings = [
        _without_receipt(memory, facility_id, due.get(facility_id, []), seen, limits) for facility_id in facilities
    ]
    findings.append(_late(memory, seen, limits))
    return [finding for finding in findings if finding is not None]


def _weighs(one: Tipped, seen: Look) -> bool:
    """True if the register says that the facility weighs, or does not say and it has weighed this truck lately."""
    place = seen.reference.place("facility", one.facility_id, one.tipped_ms)
    says = place.record.weighbridge if place is not None and isinstance(place.record, events.Asset) else None
    return any(facility_id == one.facility_id for _, facility_id in seen.weighed) if says is None else says


def _without_receipt(
    memory: Memory, facility_id: str, due: list[Tipped], seen: Look, limits: Thresholds
) -> Finding | None:
    before = memory.without_receipt.pop(facility_id, [])
    left = [ticket_id for ticket_id in before if ticket_id in seen.missing]
    tickets = [*left, *(one.ticket_id for one in due)]
    if tickets:
        memory.without_receipt[facility_id] = tickets
    if tickets == before:
        return None
    if not tickets:
        return _no_more(facility_id, seen, came=not seen.closed.isdisjoint(before))
    last = due[-1] if due else None
    said = [explain.known("loads tipped there and not weighed", str(len(tickets)))]
    if last is not None:
        waited_h = limits.balance_receipt_h
        said.insert(0, explain.at_least("no receipt since the load was tipped", waited_h, waited_h, "h"))
        if last.kg is not None:
            said.append(explain.known("on board before it was tipped", f"{last.kg:.0f} kg"))
    at_ms = seen.by_ms if last is None else last.tipped_ms + round(limits.balance_receipt_h * HOUR_MS)
    return Finding(
        kind="change" if before else "begin",
        of=facility_id,
        # a millisecond on: ids follow from starts, and a short receipt of this load may begin with the very fix that saw it tip
        start_ms=at_ms if last is None else last.tipped_ms + 1,
        at_ms=at_ms,
        severity="medium",
        certainty=_how_certain(facility_id, last, seen),
        where=_where(facility_id, at_ms, seen),
        facility_id=facility_id,
        because=tuple(said),
        unless=("a receipt that is on its way", "a weighbridge that was out of order"),
        gaps=("whether the weighbridge was at work is not known",),
        used={"tickets": ", ".join(tickets)},
    )


def _how_certain(facility_id: str, last: Tipped | None, seen: Look) -> Literal["likely", "possible"] | None:
    """Likely where the weighbridge did report later loads of the truck; else it may be out of order."""
    if last is None:
        return None
    later = any(time_ms > last.tipped_ms for time_ms, weighed_at in seen.weighed if weighed_at == facility_id)
    return "likely" if later else "possible"


def _no_more(facility_id: str, seen: Look, *, came: bool) -> Finding:
    """Take the alert back: the receipt came after all; or end it: nobody waits for that any longer."""
    over = Finding(
        kind="end",
        of=facility_id,
        start_ms=seen.by_ms,
        at_ms=seen.by_ms,
        end_ms=seen.by_ms,
        reason="no receipt came in days",
    )
    if came:
        over.kind, over.end_ms = "withdraw", None
        over.reason = f"weighings {seen.truck_id} {seen.by_ms}: the receipt came late"
    return over


_LATE: Final = "on the way"


def _late(memory: Memory, seen: Look, limits: Thresholds) -> Finding | None:
    """Judge a load that is on its way for days: it began, or is over."""
    load = seen.late
    if load is not None:
        loaded_ms, open_h = load.times["loaded"], limits.balance_open_h
        memory.late, memory.late_raised_ms = load.ticket_id, loaded_ms + round(open_h * HOUR_MS)
        return Finding(
            kind="begin",
            of=_LATE,
            start_ms=loaded_ms,
            at_ms=memory.late_raised_ms,
            severity="medium",
            certainty="possible",
            where=None if seen.place is None else geo.point(*seen.place),
            because=(explain.at_least("loaded, and neither at a facility nor empty", open_h, open_h, "h"),),
            unless=("a truck that is laid up with its load", "reports that come late"),
            used={"ticket": load.ticket_id},
        )
    if not memory.late or memory.late == seen.on_the_way:
        return None
    raised_ms, memory.late = memory.late_raised_ms, ""
    over = Finding(kind="end", of=_LATE, start_ms=seen.by_ms, at_ms=seen.by_ms, end_ms=seen.by_ms)
    if seen.by_ms < raised_ms:
        topic = "weighings" if isinstance(seen.by, events.Weighing) else "truck-states"
        over.kind, over.end_ms = "withdraw", None
        over.reason = f"{topic} {seen.truck_id} {seen.by_ms}: its way was over, the report came late"
    return over


def _where(facility_id: str, at_ms: int, seen: Look) -> events.Geometry | None:
    place = seen.reference.place("facility", facility_id, at_ms)
    record = None if place is None else place.record
    if not isinstance(record, events.Asset) or record.lon is None or record.lat is None:
        return None
    return geo.point(record.lon, record.lat)


def _finding(receipt: Receipt, kg: float | None, *said: Condition, unless: str) -> Finding:
    spread_kg = 0.06 * (receipt.ticket.transit_kg or 0.0)
    return explain.of_receipt(
        receipt,
        receipt.arrived_ms,
        severity="medium",
        certainty="likely",
        lost_kg=None if kg is None else round(kg, 0),
        lost_low_kg=None if kg is None else round(max(0.0, kg - spread_kg), 0),
        lost_high_kg=None if kg is None else round(kg + spread_kg, 0),
        because=said,
        unless=(unless, "a receipt of another truck"),
        used={"ticket": receipt.ticket.ticket_id},
    )
