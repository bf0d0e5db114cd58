"""wrong-facility: a facility took a load that it may not take, or that no permit of the load names.

The receipt says what was taken; where it does not, what was loaded at the source does.
"""

from typing import Final

from msgspec import Struct

from streams import events
from streams.alerts import Finding
from streams.events import Condition, RuleName
from streams.receipts import Receipt
from streams.rules import explain
from streams.rules.gates import NOT_TAKEN, Gate
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "wrong-facility"
VERSION: Final = "1"


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck: nothing, each receipt is judged for itself."""


_RIGHT: Final = Gate[Receipt](
    "a material it may not take, or a facility no permit names",
    lambda _, receipt, __: f"{receipt.material or 'material not known'}, {receipt.weighing.facility_id}",
)


def weigh(memory: Memory, receipt: Receipt, limits: Thresholds) -> Finding | Gate[Receipt]:  # noqa: ARG001  # a rule's shape
    """Judge one receipt."""
    weighing = receipt.weighing
    if not (weighing.inbound and weighing.accepted):
        return NOT_TAKEN
    said = _not_accepted(receipt) or _not_permitted(receipt)
    if said is None:
        return _RIGHT
    facility = receipt.facility
    return explain.of_receipt(
        receipt,
        receipt.arrived_ms,
        severity="high",
        certainty="observed" if weighing.material else "likely",
        because=said,
        unless=("the facility licensed for this material", "a permit in force that names this facility"),
        gaps=() if weighing.material else ("the receipt names no material",),
        used={
            **({} if facility is None else {"facility": facility.versioned_id}),
            **({"permit": receipt.permits()} if receipt.permissions else {}),
        },
    )


def _not_accepted(receipt: Receipt) -> tuple[Condition, ...] | None:
    facility, material = receipt.facility, receipt.material
    if facility is None or material is None or not isinstance(facility.record, events.Asset):
        return None
    accepts = facility.record.accepts
    if not accepts or material in accepts:
        return None
    return (
        explain.known("material on the receipt", material),
        explain.known("taken by", facility.name),
        explain.known("it may take", ", ".join(accepts)),
    )


def _not_permitted(receipt: Receipt) -> tuple[Condition, ...] | None:
    naming = [one for one in receipt.permissions if one.permit.facility_ids]
    if not naming or len(naming) < len(receipt.permissions):
        return None
    allowed = sorted({facility_id for one in naming for facility_id in one.permit.facility_ids})
    if receipt.weighing.facility_id in allowed:
        return None
    return (
        explain.known("taken by", receipt.weighing.facility_id),
        explain.known("facilities of the permits for this load", ", ".join(allowed)),
    )
