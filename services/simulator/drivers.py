"""What a driver does next, by the running plan and by sense: the plan's next visit, home at the end. Pure.

A driver keeps to the newest plan, but not blindly: what was served just now is not served again, an empty truck does
not go to tip, and a full one without a plan goes to the nearest facility that takes its load.
"""

from collections.abc import Iterator, Mapping
from typing import Final

import shapely
from shapely.geometry import shape

from services.city.folder import City, LonLat
from services.simulator.driving import metres
from services.simulator.state import Target, Truck
from streams import events
from streams.units import HOUR_MS, MINUTE_MS

JUST_NOW_MS: Final = 2 * HOUR_MS
"""A stop served within this time is done, whatever a plan made meanwhile says."""
EMPTY_SHARE: Final = 0.02
FULL_SHARE: Final = 0.88
PATIENCE_MS: Final = 12 * MINUTE_MS
"""How long a driver with a full truck waits for a plan before going to tip."""
LOADING_S: Final = 600
"""How long an excavator needs to fill a truck, where the plan does not say."""


class Places:
    """Yards of the city: where trucks stand inside them."""

    def __init__(self, city: City) -> None:
        self._yards: dict[LonLat, LonLat] = {}
        self.facilities = {place.id: place for place in city.of_kind("facility")}
        self.depots = {place.id: place for place in city.of_kind("depot")}
        for kind in ("facility", "depot", "source"):
            for place in city.of_kind(kind):
                if place.area is not None:
                    middle: shapely.Point = shape(place.area).representative_point()
                    self._yards[gate_of(place)] = (middle.x, middle.y)

    def yard_at(self, lonlat: LonLat) -> LonLat | None:
        """Return where to stand in the yard whose gate is there (within 25 m), or None."""
        near = min(self._yards, key=lambda gate: metres(gate, lonlat), default=None)
        return self._yards[near] if near is not None and metres(near, lonlat) < 25 else None

    def nearest_for(self, material: str | None, lonlat: LonLat) -> events.Asset | None:
        """Return the nearest facility that takes a material."""
        taking = [place for place in self.facilities.values() if material in place.accepts]
        return min(taking, key=lambda place: metres(gate_of(place), lonlat), default=None)

    def tip_at(self, facility_id: str) -> Target | None:
        """Return the way to tip at a facility; None = there is no such facility."""
        place = self.facilities.get(facility_id)
        if place is None:
            return None
        gate = gate_of(place)
        return Target(kind="tip", lonlat=gate, yard=self.yard_at(gate), facility_id=facility_id)

    def home(self, depot_id: str) -> Target:
        """Return the way home."""
        gate = gate_of(self.depots[depot_id])
        return Target(kind="depot", lonlat=gate, yard=self.yard_at(gate))


def gate_of(place: events.Asset) -> LonLat:
    """Return a place's gate; `services.city.folder` has made sure that it has one."""
    return (place.lon or 0.0, place.lat or 0.0)


def take_up(truck: Truck, plan: events.TruckPlan, now_ms: int) -> bool:
    """Give a driver a newer plan; return whether what the truck is driving to is no longer wanted."""
    if truck.plan is not None and plan.plan_version <= truck.plan.plan_version:
        return False
    truck.plan, truck.next_visit = plan, 0
    truck.served = {stop: at_ms for stop, at_ms in truck.served.items() if now_ms - at_ms < JUST_NOW_MS}
    if truck.drive is None or truck.target is None or truck.target.kind == "dump":
        return False
    upcoming = next((visit for _, visit in remaining(truck, now_ms) if visit.kind != "break"), None)
    return upcoming is None or not _same(upcoming, truck.target)


def _same(visit: events.PlanVisit, target: Target) -> bool:
    match visit.kind:
        case "collect":
            return target.kind == "collect" and visit.stop_id == target.stop_id
        case "tip":
            return target.kind == "tip" and visit.facility_id == target.facility_id
        case _:
            return target.kind == "depot"


def remaining(truck: Truck, now_ms: int) -> Iterator[tuple[int, events.PlanVisit]]:
    """Yield the plan's visits that are still to be made, with their index."""
    visits = truck.plan.visits if truck.plan is not None else ()
    for index in range(truck.next_visit, len(visits)):
        visit = visits[index]
        if visit.kind == "start" or (visit.kind == "break" and visit.break_id in truck.breaks_taken):
            continue
        if visit.kind == "collect" and now_ms - truck.served.get(visit.stop_id or "", -JUST_NOW_MS) < JUST_NOW_MS:
            continue
        yield index, visit


def target_of(visit: events.PlanVisit, before: events.PlanVisit | None, places: Places) -> Target | None:
    """Return where a visit leads; None = nowhere (a facility that does not exist)."""
    lonlat = (visit.lon, visit.lat)
    if visit.kind == "tip":
        return places.tip_at(visit.facility_id or "")
    planned_kg = None
    if visit.load_kg is not None and before is not None and before.load_kg is not None:
        planned_kg = max(0.0, visit.load_kg - before.load_kg)
    return Target(
        kind="collect",
        lonlat=lonlat,
        yard=places.yard_at(lonlat) if visit.order_id is not None else None,
        stop_id=visit.stop_id,
        order_id=visit.order_id,
        bin_ids=visit.bin_ids,
        kg=planned_kg,
        service_s=(visit.leave_ms - (visit.begin_ms or visit.arrive_ms)) / 1000,
        not_before_ms=visit.begin_ms if visit.begin_ms is not None and visit.begin_ms > visit.arrive_ms else None,
    )


def shift_at(shifts: Mapping[str, events.Shift], truck_id: str, now_ms: int) -> events.Shift | None:
    """Return the shift a truck is on, or None."""
    shift = shifts.get(truck_id)
    return shift if shift is not None and shift.start_ms <= now_ms < shift.end_ms + shift.overtime_s * 1000 else None
