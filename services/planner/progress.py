"""How far a truck is in its plan, what it does next, how late it is."""

from collections import Counter
from collections.abc import Collection
from typing import Final

from services.planner.fleet import Truck
from services.planner.geo import distance_m
from services.planner.ways import LonLat
from streams import events
from streams.events import PlanVisit

AT_PLACE_M: Final = 80.0
"""Nearer than this to a visit's place the truck counts as there: GPS noise, the width of a street, a gate."""


def remaining(plan: events.TruckPlan, truck: Truck, open_stops: Collection[str]) -> tuple[PlanVisit, ...]:
    """Return the visits still to be made, in order, without ``start``.

    A collect is over when its stop is not open any more; the n-th tip at a facility and the n-th break of a plan are
    over when so many happened since the plan was made.
    """
    tipped = Counter(tip.facility_id for tip in truck.tips_since(plan.made_ms))
    rested = truck.breaks_begun(plan.made_ms, 1 << 62)
    left: list[PlanVisit] = []
    for visit in plan.visits:
        if (visit.kind == "collect" and visit.stop_id in open_stops) or (
            visit.kind == "tip" and not _counted(tipped, visit.facility_id)
        ):
            left.append(visit)
        elif visit.kind == "break":
            if rested == 0:
                left.append(visit)
            rested = max(0, rested - 1)
        elif visit.kind == "end":
            left.append(visit)
    return tuple(left)


def _counted(tipped: "Counter[str | None]", facility_id: str | None) -> bool:
    """Use up one tip at the facility, or one whose facility nobody named."""
    for key in (facility_id, None):
        if tipped[key] > 0:
            tipped[key] -= 1
            return True
    return False


def place_of(visit: PlanVisit) -> LonLat:
    """Where a visit is."""
    return (visit.lon, visit.lat)


def lateness_ms(visit: PlanVisit, place: LonLat | None, travel_s: float | None, now_ms: int) -> int:
    """How much later than planned the visit will be over, at best; negative = early.

    ``travel_s``: the drive from ``place`` to the visit; None = not known. A truck whose place is not known is
    at best arriving now.
    """
    if place is not None and distance_m(place, place_of(visit)) <= AT_PLACE_M:
        return now_ms - visit.leave_ms
    return now_ms + round((travel_s or 0.0) * 1000) - visit.arrive_ms
