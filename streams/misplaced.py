"""Places of measurements that lie where their tenant does not work, before they are folded: live and in a replay alike.

A report of a truck is more than its place: with a place that cannot be it is folded as one without (`TruckState.fix` false), so
its load, its cover and its number in the terminal's count are not lost, and its bytes are set aside with the reason besides. A
plan is its places: it is refused whole.
"""

from typing import Any, Final

from msgspec.structs import replace

from streams import events, geo
from streams.assets import Reference

STAGE: Final = "place"
"""Of the letters of reports that were folded without their place. They count for no limit: nothing but the place is lost."""


def set_right(record: Any, reference: Reference) -> tuple[Any, str | None]:
    """Return a measurement as it can be folded, and why its place is left out; None = nothing is.

    Raises
    ------
    streams.geo.BadGeometry
        For a plan that leads where its truck's tenant does not work.
    """
    if isinstance(record, events.TruckState):
        if record.lon is None or record.lat is None or not record.fix or record.mocked:
            return record, None  # it says itself that this is no place
        reason = reference.why_not_there(
            record.truck_id, record.event_time_ms, record.tenant_id, record.lon, record.lat
        )  # fmt: skip
        if reason is None:
            return record, None
        return replace(record, fix=False), f"{reason}; the rest of the report counts"
    if isinstance(record, events.TruckPlan):
        _check_plan(record, reference)
    return record, None


def _check_plan(plan: events.TruckPlan, reference: Reference) -> None:
    places = [(f"visits[{n}]", visit.lon, visit.lat) for n, visit in enumerate(plan.visits)]
    if plan.path is not None:
        places += [("path", lon, lat) for line in geo.lines_of(plan.path) for lon, lat in line]
    for member, lon, lat in places:
        reason = reference.why_not_there(plan.truck_id, plan.made_ms, plan.tenant_id, lon, lat)
        if reason is not None:
            raise geo.BadGeometry(f"plan {plan.plan_version}: {member} {reason}")
