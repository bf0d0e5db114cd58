"""From the optimiser's plan to one plan a truck, with what changed and why; and to the record of the run.

Codes, not sentences, stand in ``why``, so a page can say them in its reader's language: `Stop.why` at a visit, a reason
of `PLAN_REASONS` at a change.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

import msgspec

from optimizer.plan import Plan, Route, Visit
from services.planner.build import Case
from services.planner.demand import Stop
from services.planner.horizon import LATE_MS, UNFINISHED
from services.planner.rounds import Round
from services.planner.situation import Crew, Situation, left_out
from services.planner.turns import Driven
from services.planner.ways import LonLat
from streams import events
from streams.events import LeftOut, PlanChange, PlanVisit, StrandedTruck, TruckPlan

Way = Callable[[Sequence[LonLat]], Driven | None]
"""Gives the road through some places and its turns, or None."""

FIRST: Final = "first_plan"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run says: plans of the trucks whose plan changed, and the record of the run."""

    plans: tuple[TruckPlan, ...]
    run: events.PlanningRun
    unchanged: int


def outcome(chosen: Case, done: Round, plan: Plan, fresh: Situation, way: Way) -> Outcome:
    """Translate an optimiser's plan that `optimizer.check` has passed.

    ``fresh`` is the situation after the search: what was collected, tipped or paused meanwhile is not planned again.
    """
    routes = {route.vehicle: route for route in plan.routes}
    new = {crew.truck_id: _visits(chosen, crew, routes.get(crew.truck_id), fresh) for crew in chosen.crews}
    for crew in chosen.now.crews_of(chosen.material):
        if not crew.works and crew.left:
            new[crew.truck_id] = ()  # its stops are for others now
    round_ = _Made(chosen=chosen, done=done, new=new, way=way, run_id=_run_id(chosen))
    plans = tuple(
        round_.plan(fresh.crews[truck_id], visits)
        for truck_id, visits in sorted(new.items())
        if truck_id in fresh.crews and _differs(fresh.crews[truck_id], visits, done)
    )
    run = _run(chosen, done, plan=plan, changed=[one.truck_id for one in plans])
    return Outcome(plans=plans, run=run, unchanged=len(new) - len(plans))


def too_late(chosen: Case, plan: Plan) -> frozenset[str]:
    """Return the bins that were left out though they have a deadline: without it they may find a truck."""
    return frozenset(one.stop for one in plan.unassigned if one.stop in chosen.deadlines_ms and one.code != UNFINISHED)


def forgotten(chosen: Case, plan: Plan) -> bool:
    """Whether time was too short to plan again what the running plans have already."""
    return any(one.code == UNFINISHED and one.stop in chosen.now.planned for one in plan.unassigned)


def rejected(chosen: Case, done: Round, rules: Sequence[str]) -> events.PlanningRun:
    """Return the record of a run whose plan broke rules, or that found none: nothing is sent to any truck."""
    return _run(chosen, done, broken=rules)


def _run_id(chosen: Case) -> str:
    return events.derived_id("planning-run", chosen.now.state.tenant_id, chosen.material, chosen.now.now_ms)


# --------------------------------------------------------------------------------------------- visits


def _visits(chosen: Case, crew: Crew, route: Route | None, fresh: Situation) -> tuple[PlanVisit, ...]:
    if route is None:
        return ()
    stops = {stop.stop_id: stop for stop in chosen.stops}
    over = _over_meanwhile(crew, fresh.crews.get(crew.truck_id))
    planned = [_visit(chosen, crew, visit, stops) for visit in route.visits]
    return tuple(
        visit
        for visit in planned
        if (visit.stop_id in fresh.stops if visit.kind == "collect" else not _struck_off(over, visit))
    )


def _over_meanwhile(crew: Crew, fresh: Crew | None) -> "Counter[tuple[str, str | None]]":
    """Count the tips and breaks of the running plan that were still ahead when the search began, and are over now."""
    if fresh is None or fresh.plan is not crew.plan:
        return Counter()
    over = Counter(_sequence(crew.left))
    over.subtract(_sequence(fresh.left))
    return over


def _struck_off(over: "Counter[tuple[str, str | None]]", visit: PlanVisit) -> bool:
    """Whether this visit is one of those that are over; each counts once."""
    name = _named(visit)
    if over[name] <= 0:
        return False
    over[name] -= 1
    return True


def _visit(chosen: Case, crew: Crew, visit: Visit, stops: Mapping[str, Stop]) -> PlanVisit:
    lon, lat = chosen.places[visit.location]
    stop = stops.get(visit.stop or "")
    return PlanVisit(
        kind=visit.kind,
        arrive_ms=chosen.moment_ms(visit.arrive_s),
        begin_ms=chosen.moment_ms(visit.begin_s),
        leave_ms=chosen.moment_ms(visit.leave_s),
        lon=lon,
        lat=lat,
        stop_id=visit.stop,
        bin_ids=(stop.place_id,) if stop and stop.place_kind == "bin" else (),
        order_id=stop.place_id if stop and stop.place_kind == "order" else None,
        facility_id=visit.facility,
        break_id=visit.break_,
        name=stop.name if stop else _site_name(chosen, visit.facility),
        material=crew.material if visit.kind in ("collect", "tip") else None,
        load_kg=float(visit.load_kg),
        load_l=float(visit.load_l),
        why=stop.why if stop else None,
    )


def _site_name(chosen: Case, facility_id: str | None) -> str | None:
    return next((site.name for site in chosen.sites if site.id == facility_id), None)


# --------------------------------------------------------------------------------------------- plans


def _differs(crew: Crew, visits: Sequence[PlanVisit], done: Round) -> bool:
    """Whether a truck has to be told: other stops or tips, no plan yet, a break it did not know of, or other times.

    A break that is between other stops than before, at nearly the time it was, is no news.
    """
    if crew.plan is None or _errands(crew.left) != _errands(visits) or _breaks(visits) - _breaks(crew.left):
        return True
    trigger = done.reason_for(crew.truck_id)
    moved = bool(_shifted(crew.left, visits, LATE_MS))
    return moved or (trigger is not None and trigger.reason == "truck_late")


def _sequence(visits: Sequence[PlanVisit]) -> list[tuple[str, str | None]]:
    return [_named(visit) for visit in visits if visit.kind not in ("start", "end")]


def _errands(visits: Sequence[PlanVisit]) -> list[tuple[str, str | None]]:
    return [_named(visit) for visit in visits if visit.kind in ("collect", "tip")]


def _breaks(visits: Sequence[PlanVisit]) -> set[str | None]:
    return {visit.break_id for visit in visits if visit.kind == "break"}


def _named(visit: PlanVisit) -> tuple[str, str | None]:
    return (visit.kind, visit.stop_id or visit.facility_id or visit.break_id)


@dataclass(frozen=True, kw_only=True)
class _Made:
    """What all plans of a round share. ``new``: the visits of every truck in it."""

    chosen: Case
    done: Round
    new: Mapping[str, tuple[PlanVisit, ...]]
    way: Way
    run_id: str

    def plan(self, crew: Crew, visits: tuple[PlanVisit, ...]) -> TruckPlan:
        now = self.chosen.now
        reason, params = _reason(crew, visits, self.done)
        before = now.state.plans.get(crew.truck_id)
        road = self.way([(visit.lon, visit.lat) for visit in visits]) if len(visits) > 1 else None
        return TruckPlan(
            tenant_id=now.state.tenant_id,
            truck_id=crew.truck_id,
            plan_version=before.plan_version + 1 if before else 1,
            made_ms=max(now.now_ms, before.made_ms + 1) if before else now.now_ms,
            reason=reason,
            reason_params=params,
            material=crew.material,
            visits=visits,
            path=road.path if road else None,
            guide=road.guide if road else None,
            changed=tuple(self.changes(crew, visits, reason)) if crew.plan else (),
            run_id=self.run_id,
        )

    @cached_property
    def holder(self) -> dict[str, str]:
        """Which truck has which stop in this round."""
        return {visit.stop_id: truck_id for truck_id, visits in self.new.items() for visit in visits if visit.stop_id}

    @cached_property
    def giver(self) -> dict[str, str]:
        """Which truck had which stop until now; also one that is down and gives it away."""
        crews = self.chosen.now.crews.values()
        return {visit.stop_id: crew.truck_id for crew in crews for visit in crew.left if visit.stop_id}

    def changes(self, crew: Crew, visits: Sequence[PlanVisit], reason: str) -> Iterator[PlanChange]:
        """Yield what differs between what was left of the running plan and the new visits."""
        old, new = _collects(crew.left), _collects(visits)
        for stop_id, visit in old.items():
            if stop_id not in new:
                taker = self.holder.get(stop_id)
                yield PlanChange(what="removed", stop_id=stop_id, name=visit.name, to_truck_id=taker, why=reason)
        kept = _kept_order([stop_id for stop_id in new if stop_id in old], list(old))
        for position, (stop_id, visit) in enumerate(new.items(), start=1):
            change = PlanChange(what="moved", stop_id=stop_id, name=visit.name, position=position, why=reason)
            if stop_id not in old:
                yield msgspec.structs.replace(change, what="added", from_truck_id=self.giver.get(stop_id))
            elif stop_id not in kept:
                yield change
        yield from _other_tips(crew.left, visits, reason)
        for visit, by_ms in _shifted(crew.left, visits, LATE_MS)[:1]:
            what: Literal["later", "earlier"] = "later" if by_ms > 0 else "earlier"
            yield PlanChange(what=what, stop_id=visit.stop_id, name=visit.name, why=reason)


def _collects(visits: Sequence[PlanVisit]) -> dict[str, PlanVisit]:
    return {visit.stop_id: visit for visit in visits if visit.kind == "collect" and visit.stop_id is not None}


def _reason(crew: Crew, visits: Sequence[PlanVisit], done: Round) -> tuple[str, dict[str, str | int | float]]:
    """Why this truck has a new plan."""
    if crew.plan is None:
        return FIRST, {}
    reason, params = done.reason_why(crew.truck_id, _collects(visits).keys() - _collects(crew.left).keys())
    return reason, dict(params)


def _kept_order(new: Sequence[str], old: Sequence[str]) -> set[str]:
    """Which of the stops both have kept their order: a longest increasing run of their old places."""
    place = {stop_id: number for number, stop_id in enumerate(old)}
    tails: list[int] = []
    before: dict[int, int | None] = {}
    ends: list[int] = []
    places = [place[stop_id] for stop_id in new]
    for number, value in enumerate(places):
        at = bisect_left(tails, value)
        before[number] = ends[at - 1] if at else None
        tails[at : at + 1] = [value]
        ends[at : at + 1] = [number]
    kept: set[str] = set()
    step = ends[-1] if ends else None
    while step is not None:
        kept.add(new[step])
        step = before[step]
    return kept


def _other_tips(old: Sequence[PlanVisit], new: Sequence[PlanVisit], reason: str) -> Iterator[PlanChange]:
    """Yield the tips that are new or somewhere else, between other stops than before, or not needed any more."""
    both = _collects(old).keys() & _collects(new).keys()
    were, are = _tips(old, both), _tips(new, both)
    gone, come = list((Counter(were) - Counter(are)).elements()), list((Counter(are) - Counter(were)).elements())
    names = {visit.facility_id: visit.name for visit in (*old, *new) if visit.kind == "tip"}
    for facility_id, before in come:
        known = next((one for one in gone if one[0] == facility_id), None)
        instead = known or next((one for one in gone if one[1] == before), None)
        if instead is not None:
            gone.remove(instead)
        what: Literal["moved", "facility"] = "moved" if known else "facility"
        yield PlanChange(what=what, facility_id=facility_id, name=names[facility_id], why=reason)
    for facility_id, _ in gone if new else ():  # who is to do nothing is told only that
        yield PlanChange(what="removed", facility_id=facility_id, name=names[facility_id], why=reason)


def _tips(visits: Sequence[PlanVisit], stops: Collection[str]) -> list[tuple[str | None, frozenset[str]]]:
    """Return where is tipped, and which of the stops come before it."""
    found: list[tuple[str | None, frozenset[str]]] = []
    before: set[str] = set()
    for visit in visits:
        if visit.stop_id is not None and visit.stop_id in stops:
            before.add(visit.stop_id)
        elif visit.kind == "tip":
            found.append((visit.facility_id, frozenset(before)))
    return found


def _shifted(old: Sequence[PlanVisit], new: Sequence[PlanVisit], by_ms: int) -> list[tuple[PlanVisit, int]]:
    """Return the stops, then the breaks, of both that move by more than ``by_ms``, with by how much."""
    arrivals = {_named(visit): visit.arrive_ms for visit in old}
    found = []
    for visit in sorted(new, key=lambda visit: visit.kind == "break"):
        before_ms = arrivals.get(_named(visit)) if visit.kind in ("collect", "break") else None
        if before_ms is not None and abs(visit.arrive_ms - before_ms) > by_ms:
            found.append((visit, visit.arrive_ms - before_ms))
    return found


# --------------------------------------------------------------------------------------------- the run


def _run(
    chosen: Case,
    done: Round,
    *,
    plan: Plan | None = None,
    changed: Sequence[str] = (),
    broken: Sequence[str] = (),
) -> events.PlanningRun:
    run = events.PlanningRun(
        tenant_id=chosen.now.state.tenant_id,
        run_id=_run_id(chosen),
        material=chosen.material,
        made_ms=chosen.now.now_ms,
        reason=done.reason,
        reason_params=dict(done.params),
        stops=len(chosen.stops),
        trucks=len(chosen.crews),
        changed_truck_ids=tuple(changed),
        left_out=(*_left_out(chosen, plan), *_left_out_before(chosen, plan)),
        stranded=_stranded(chosen, plan),
        rejected=tuple(broken),
    )
    if plan is None:
        return run
    return msgspec.structs.replace(
        run,
        engine=plan.search.engine if plan.search else None,
        search_s=plan.search.seconds if plan.search else None,
        distance_m=plan.cost.distance_m,
        duration_s=plan.cost.duration_s,
    )


def _left_out(chosen: Case, plan: Plan | None) -> list[LeftOut]:
    """Return the stops of this problem that are left out, and those that were not offered at all."""
    resting = [one for one in chosen.now.resting.values() if one.material == chosen.material]
    stops = {stop.stop_id: stop for stop in chosen.stops}
    return resting + [
        left_out(stops[one.stop], one.code, one.reason)
        for one in (plan.unassigned if plan else ())
        if one.stop in stops
    ]


def _left_out_before(chosen: Case, plan: Plan | None) -> list[LeftOut]:
    """Return what the last run left out and this one did not ask about again."""
    last = chosen.now.state.runs.get(chosen.material)
    asked = {stop.stop_id for stop in chosen.stops} if plan is not None else set[str]()
    return [
        one
        for one in (last.left_out if last else ())
        if one.stop_id in chosen.now.stops
        and one.stop_id not in asked
        and one.stop_id not in chosen.now.resting
        and one.stop_id not in chosen.now.planned
    ]


def _stranded(chosen: Case, plan: Plan | None) -> tuple[StrandedTruck, ...]:
    own = {crew.truck_id for crew in chosen.crews} if plan is not None else set[str]()
    last = chosen.now.state.runs.get(chosen.material)
    before = [one for one in (last.stranded if last else ()) if one.truck_id not in own]
    now = [
        StrandedTruck(truck_id=one.vehicle, code=one.code, reason=one.reason)
        for one in ((plan.stranded or ()) if plan else ())
    ]
    return (*now, *before)
