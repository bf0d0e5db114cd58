"""Loads that reach a weighbridge, for tests of the rules that judge receipts."""

from typing import Any

from streams import events
from streams.truck import TruckRecord
from tests.unit.streams import town


def weighing(at_ms: int, net_kg: float | None, weighing_id: str = "g1", **changed: Any) -> events.Weighing:
    """A receipt of the town's yard, told two seconds later."""
    given = {"facility_id": "f1", "material": "construction", "received_time_ms": at_ms + 2_000} | changed
    return events.Weighing(
        weighing_id=weighing_id,
        truck_id="t1",
        event_time_ms=at_ms,
        net_kg=net_kg,
        **given,
    )


def delivered(net_kg: float | None, kg: float = 14_000.0, **changed: Any) -> list[TruckRecord]:
    """A load driven to the yard, tipped there and weighed; then the truck leaves."""
    drive = town.loaded(kg=kg).go(town.STREET_M).wait(120).wait(60, falling_kg=kg, bed="raised").wait(60, bed="level")
    receipt = weighing(drive.time_ms, net_kg, **changed)
    before = list(drive.fixes)
    return [*before, receipt, *drive.go(6_000).fixes[len(before) :]]
