"""Folding a drive through the core, for tests."""

from collections.abc import Iterable

from streams import events, state, truck
from streams.assets import Reference
from streams.rules.scoped import CITY, CityThresholds
from tests.unit.streams import town


def fold(
    records: Iterable[truck.TruckRecord],
    reference: Reference | None = None,
    one: state.Truck | None = None,
    thresholds: CityThresholds = CITY,
) -> list[events.Event]:
    """Return everything that follows from the records of one truck, time passing at the end."""
    known, settings = reference or town.reference(), truck.Settings(thresholds=thresholds)
    one = one or state.Truck(truck_id="t1")
    outputs: list[events.Event] = []
    last_ms = 0
    for record in records:
        one, told = truck.step(one, record, known, settings)
        outputs += told
        last_ms = max(last_ms, one.newest_arrival_ms)
    _, told = truck.step(one, events.Tick(at_ms=last_ms + 60_000), known, settings)
    return outputs + told


def alerts(
    drive: town.Drive,
    rule: str,
    reference: Reference | None = None,
    *more: truck.TruckRecord,
    thresholds: CityThresholds = CITY,
) -> list[events.Alert]:
    """Revisions of a rule's alerts on a drive."""
    told = fold([*more, *drive.fixes], reference, thresholds=thresholds)
    return [alert for alert in told if isinstance(alert, events.Alert) and alert.rule == rule]


def states(found: list[events.Alert]) -> list[str]:
    """States of the revisions, in order."""
    return [alert.state for alert in found]
