"""mass-balance: what the weighbridge took is not what was on board when the truck came.

The load on board is the middle of the last minutes of driving. What was lost on the way, and seen, is another rule's: it is
gone from these readings too. Two receipts for one load are as wrong as a short one.
"""

from typing import Final

from msgspec import Struct

from streams.alerts import Finding
from streams.events import Condition, RuleName
from streams.receipts import Receipt
from streams.rules import explain
from streams.rules.gates import NOT_TAKEN, Gate
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "mass-balance"
VERSION: Final = "1"


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck: nothing, each receipt is judged for itself."""


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
