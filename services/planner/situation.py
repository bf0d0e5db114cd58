"""What holds at one moment, drawn from the fold: who can work, what is wanted, who is to do it by the running plans."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from services.planner import costs, progress
from services.planner.demand import Stop
from services.planner.fleet import Truck
from services.planner.geo import distance_m
from services.planner.reference import compartments_of, place_of
from services.planner.state import PlannerState
from services.planner.ways import LonLat
from streams import events
from streams.events import LeftOut, PlanVisit
from streams.units import HOUR_MS, MINUTE_MS

AHEAD_MS: Final = 2 * HOUR_MS
"""A truck is planned from this long before its shift begins."""
AT_STOP_M: Final = 60.0
"""A truck this near to a stop stands at it: a building site is larger than a bin, a fix is good to some metres."""


AT_SITE_M: Final = 150.0
"""A truck this near to a facility's place is there: a weighbridge and the bunker stand some way apart."""


@dataclass(frozen=True, kw_only=True)
class Crew:
    """A truck in its shift. ``plan`` None = no plan was made for this shift yet; ``out`` = why it cannot work."""

    truck_id: str
    asset: events.Asset
    truck: Truck
    shift: events.Shift
    material: str
    load_kg: float
    plan: events.TruckPlan | None
    left: tuple[PlanVisit, ...]
    out: str | None

    @property
    def kg(self) -> float:
        """Payload for its material; a truck without a figure has no limit."""
        return sum((part.kg or 1e9) for part in compartments_of(self.asset) if self.material in part.materials)

    @property
    def works(self) -> bool:
        """Whether it can be sent anywhere."""
        return self.out is None

    @property
    def next(self) -> PlanVisit | None:
        """The visit in hand: the first that is left, other than going home."""
        return next((visit for visit in self.left if visit.kind != "end"), None)

    def place(self, state: PlannerState, now_ms: int) -> LonLat | None:
        """Where it is: its last fix since the shift began, else its depot."""
        fix = self.truck.fix
        if fix is not None and now_ms >= self.shift.start_ms:
            return fix.place
        return place_of(state.reference.depots.get(self.asset.depot_id, now_ms))


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What holds at ``now_ms``.

    ``stops`` are all that are wanted; those in ``resting`` may not be visited now, each with its reason.
    """

    now_ms: int
    state: PlannerState
    stops: Mapping[str, Stop]
    resting: Mapping[str, LeftOut]
    crews: Mapping[str, Crew]

    @cached_property
    def planned(self) -> Mapping[str, str]:
        """Which truck is to visit which wanted stop, by the running plans of the trucks that work."""
        return {
            visit.stop_id: crew.truck_id
            for crew in self.crews.values()
            if crew.works
            for visit in crew.left
            if visit.kind == "collect" and visit.stop_id is not None
        }

    @cached_property
    def visits(self) -> Mapping[str, PlanVisit]:
        """How the running plans are to visit each stop."""
        return {
            visit.stop_id: visit
            for crew in self.crews.values()
            if crew.works
            for visit in crew.left
            if visit.stop_id is not None
        }

    def crews_of(self, material: str) -> list[Crew]:
        """Return the crews that carry a material, by truck."""
        return [crew for _, crew in sorted(self.crews.items()) if crew.material == material]

    def open_stops(self, material: str) -> list[Stop]:
        """Return the stops of a material that may be visited now."""
        return [
            stop for stop_id, stop in self.stops.items() if stop.material == material and stop_id not in self.resting
        ]

    def fair_stops(self, material: str) -> int:
        """Return how many stops one truck may have in its plan, so that all of a material's trucks share the work."""
        working = sum(crew.works for crew in self.crews_of(material))
        share = len(self.open_stops(material)) / max(1, working)
        return max(costs.LEAST_STOPS, math.ceil(costs.FAIR_SHARE * share))

    def materials(self) -> list[str]:
        """Return all materials that somebody carries or that wait somewhere."""
        found = {stop.material for stop in self.stops.values()} | {crew.material for crew in self.crews.values()}
        return sorted(found)


def situation(state: PlannerState, now_ms: int) -> Situation:
    """Draw the situation at a moment."""
    stops = state.wanted(now_ms)
    crews = {
        asset.id: crew
        for asset in state.reference.trucks.all(now_ms)
        if (crew := _crew(state, asset, stops, now_ms)) is not None
    }
    return Situation(
        now_ms=now_ms, state=state, stops=stops, resting=_resting(state, stops.values(), now_ms), crews=crews
    )


def _crew(state: PlannerState, asset: events.Asset, stops: Mapping[str, Stop], now_ms: int) -> Crew | None:
    shift = state.reference.shift(asset.id, now_ms, AHEAD_MS)
    if shift is None or not asset.materials:
        return None
    truck = state.truck(asset.id)
    plan = state.plans.get(asset.id)
    if plan is not None and plan.made_ms < shift.start_ms - AHEAD_MS:
        plan = None  # of another day
    down = truck.down(shift.start_ms - AHEAD_MS)
    out = down.kind if down else "off_duty" if truck.off_duty(shift.start_ms) else None
    return Crew(
        truck_id=asset.id,
        asset=asset,
        truck=truck,
        shift=shift,
        material=_material(asset, truck, plan),
        load_kg=truck.load_kg(asset.payload_kg or 0.0, now_ms),
        plan=plan,
        left=progress.remaining(plan, truck, stops) if plan else (),
        out=out,
    )


def _material(asset: events.Asset, truck: Truck, plan: events.TruckPlan | None) -> str:
    """A truck serves one material in a shift: that of its load, else of its plan, else the first it may carry."""
    for found in (truck.material(), plan.material if plan else None):
        if found in asset.materials:
            return str(found)
    return asset.materials[0]


def _resting(state: PlannerState, stops: Iterable[Stop], now_ms: int) -> dict[str, LeftOut]:
    found: dict[str, LeftOut] = {}
    for stop in stops:
        exclusion = state.demand.exclusion_of(stop, now_ms)
        closed = state.demand.closed.get(stop.stop_id)
        if exclusion is not None:
            found[stop.stop_id] = left_out(stop, "excluded", f"A dispatcher ({exclusion.actor}) left it out: {exclusion.reason or 'no reason given'}.")  # fmt: skip
        elif closed is not None and closed.kind == "skipped" and now_ms < closed.rests_until_ms():
            minutes = round((now_ms - closed.at_ms) / MINUTE_MS)
            found[stop.stop_id] = left_out(stop, "skipped", f"{closed.truck_id} had to skip it {minutes} min ago ({closed.exception or 'no reason given'}).")  # fmt: skip
    return found


def left_out(stop: Stop, code: str, reason: str) -> LeftOut:
    """Return the record of a stop nobody will visit."""
    return LeftOut(
        stop_id=stop.stop_id,
        place_kind=stop.place_kind,
        place_id=stop.place_id,
        code=code,
        reason=reason,
        material=stop.material,
        name=stop.name,
    )


def does_not_fit(crew: Crew, stop: Stop, now_ms: int) -> bool:
    """Whether a stop's load no longer fits on the truck as it is now.

    A truck that stands at the stop is taking it: a part of it is on board already and would count twice.
    """
    if _stands_at(crew, stop):
        return False
    return crew.load_kg + stop.kg > crew.kg or crew.truck.says_full(now_ms)


def _stands_at(crew: Crew, stop: Stop) -> bool:
    arrived = crew.truck.arrived
    return (arrived is not None and arrived.stop_id == stop.stop_id) or _is_near(crew, stop.place, AT_STOP_M)


def is_at_site(crew: Crew, site: events.Asset) -> bool:
    """Whether a truck is at a facility: while it tips, its load sensor says empty before anybody says that it tipped."""
    return _is_near(crew, place_of(site), AT_SITE_M)


def _is_near(crew: Crew, place: LonLat | None, within_m: float) -> bool:
    fix = crew.truck.fix
    return place is not None and fix is not None and distance_m(fix.place, place) <= within_m


def planned_tips_kg(crews: Iterable[Crew]) -> dict[str, dict[str, float]]:
    """What the running plans bring to each facility: facility → truck → kg."""
    coming: dict[str, dict[str, float]] = {}
    for crew in crews:
        load_kg = crew.load_kg
        for visit in crew.left if crew.works else ():
            if visit.kind == "collect":
                load_kg = visit.load_kg if visit.load_kg is not None else load_kg
            elif visit.kind == "tip" and visit.facility_id is not None:
                by_truck = coming.setdefault(visit.facility_id, {})
                by_truck[crew.truck_id] = by_truck.get(crew.truck_id, 0.0) + load_kg
                load_kg = 0.0
    return coming
