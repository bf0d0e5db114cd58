"""Folding a drive through the core, for tests."""

from collections.abc import Iterable

from streams import events, state, truck
from streams.assets import Reference
from tests.unit.streams import town


def fold(
    records: Iterable[truck.TruckRecord], reference: Reference | None = None, one: state.Truck | None = None
) -> list[events.Event]:
    """Return everything that follows from the records of one truck, time passing at the end."""
    known = reference or town.reference()
    one = one or state.Truck(truck_id="t1")
    outputs: list[events.Event] = []
    last_ms = 0
    for record in records:
        one, told = truck.step(one, record, known)
        outputs += told
        last_ms = max(last_ms, one.newest_arrival_ms)
    _, told = truck.step(one, events.Tick(at_ms=last_ms + 60_000), known)
    return outputs + told


def alerts(
    drive: town.Drive, rule: str, reference: Reference | None = None, *more: truck.TruckRecord
) -> list[events.Alert]:
    """Revisions of a rule's alerts on a drive."""
    told = fold([*more, *drive.fixes], reference)
    return [alert for alert in told if isinstance(alert, events.Alert) and alert.rule == rule]


def states(found: list[events.Alert]) -> list[str]:
    """States of the revisions, in order."""
    return [alert.state for alert in found]
