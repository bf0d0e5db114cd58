"""Why a stop was left out, why a truck is stranded: a code, and one sentence with the numbers that decided.

A code is not guessed. A limit is lifted, that one alone, and if the stop then fits into the plan beside everything that
is in it, that limit is the reason. Where no limit alone is enough, they are lifted one after the other, and the one that
let it in at last is named. The numbers are those of the truck that came closest.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from optimizer.engines.insertion import Gaps
from optimizer.engines.instance import NO_LIMIT, NO_WAY, Instance, Truck, padded, serves
from optimizer.engines.route import Judge, TimedRoute
from optimizer.engines.solution import Solution
from optimizer.plan import Code, Stranded, Unassigned, hhmm
from optimizer.problem import Stop

LIFTS: Final[tuple[Code, ...]] = (
    "shift",
    "capacity",
    "window",
    "facility_closed",
    "facility_full",
    "daily_cap",
    "skill",
    "locked_vehicle",
)
"""Limits in the order in which they are lifted: the likely ones first."""
TRIES: Final = 6
"""Ways into one truck that are judged."""


def left_out_reasons(judge: Judge, solution: Solution, *, until: float = float("inf")) -> list[Unassigned]:
    """Return a reason for each stop left out; after ``until`` (`time.monotonic`) only what needs no trying."""
    inquiry = Inquiry(judge, solution)
    reasons = []
    for number in sorted(solution.left_out):
        code, reason = inquiry.at_once(number) or (
            inquiry.by_trying(number)
            if time.monotonic() < until
            else ("no_time_to_search", "The time was over before a place for it, or the reason against one, was found.")
        )
        reasons.append(Unassigned(stop=judge.instance.problem.stops[number].id, code=code, reason=reason))
    return reasons


Reason = tuple[Code, str]


@dataclass(frozen=True)
class Fit:
    """A place that a stop would have, were it not for the lifted limits."""

    truck: Truck
    route: TimedRoute
    cost: int

    def begin_s(self, code: int) -> int:
        """Return when a visit begins."""
        return next(
            begin_s for one, begin_s in zip(self.route.all_visits, self.route.begins, strict=True) if one == code
        )

    @property
    def over_s(self) -> int:
        """How far the route goes beyond shift or longest duration."""
        span_s = self.route.end_s - self.route.begin_s
        truck = self.truck
        return max(self.route.end_s - truck.latest_s, truck.used_s + span_s - truck.max_duration_s)

    def tip_behind(self, stop: int, stops: int) -> tuple[int, int] | None:
        """Return facility and begin of the first tip behind ``stop``."""
        place = self.route.all_visits.index(stop)
        for code, begin_s in list(zip(self.route.all_visits, self.route.begins, strict=True))[place:]:
            if code >= stops:
                return code - stops, begin_s
        return None


class Inquiry:
    """Everything asked about one solution; what is worked out for one stop helps the next."""

    def __init__(self, judge: Judge, solution: Solution, trucks: Sequence[Truck] | None = None) -> None:
        """``trucks``: the only ones asked about; those that are stranded are left out."""
        self.judge = judge
        self.instance = judge.instance
        self.problem = judge.instance.problem
        self.solution = solution
        self.trucks = [
            truck
            for truck in (self.instance.trucks if trucks is None else trucks)
            if (route := solution.routes[truck.number]) is None or not route.stranded
        ]
        self._scenes: dict[frozenset[Code], _Scene] = {}

    # --- what a look at the problem tells ---

    def at_once(self, number: int) -> Reason | None:
        """Return the reason that a look at the problem tells; None if only trying tells."""
        stop = self.problem.stops[number]
        for truck in self.instance.trucks:
            if number in truck.head:
                return "unreachable", f"{truck.id} is committed to it, but there is no way for it to get there."
        if not self.trucks:
            return "no_vehicle", "No truck is free: " + (
                "every one is stranded." if self.instance.trucks else "there is none in the problem."
            )
        carriers = [t for t in self.trucks if any(self.instance.material[number] in box[0] for box in t.boxes)]
        if not carriers:
            return "material", f"No truck has a compartment for {stop.material} (trucks: {len(self.trucks)})."
        return (
            self._no_site(number, stop, carriers)
            or self._not_allowed(number, stop, carriers)
            or self._too_big(number, stop, carriers)
            or self._no_way(number, stop, carriers)
        )

    def _no_site(self, number: int, stop: Stop, carriers: list[Truck]) -> Reason | None:
        if self.instance.tippable[number] or not all(truck.tip_before_end for truck in carriers):
            return None
        accepting = [f.id for f in self.problem.facilities if stop.material in f.accepts]
        if not accepting:
            return "material", f"No facility accepts {stop.material}."
        named = ", ".join(stop.facilities or ()) or "none"
        return (
            "facility_closed",
            f"Its load may be tipped only at {named}; {stop.material} is accepted by {', '.join(accepting)}.",
        )

    def _not_allowed(self, number: int, stop: Stop, carriers: list[Truck]) -> Reason | None:
        if any(self._serves(t, number, frozenset({"capacity"})) for t in carriers):
            return None
        if any(self._serves(t, number, frozenset({"capacity", "skill"})) for t in carriers):
            needed = set(stop.skills or ())
            closest = max(carriers, key=lambda t: len(needed & set(self.problem.vehicles[t.number].skills or ())))
            missing = needed - set(self.problem.vehicles[closest.number].skills or ())
            return "skill", (
                f"It needs {', '.join(sorted(needed))}; of the {len(carriers)} trucks for {stop.material}, "
                f"{closest.id} comes closest and lacks {', '.join(sorted(missing))}."
            )
        named = ", ".join(stop.vehicles or ()) or "no truck at all"
        able = ", ".join(truck.id for truck in carriers[:3])
        return "locked_vehicle", f"It is locked to {named}; {able} could serve it."

    def _too_big(self, number: int, stop: Stop, carriers: list[Truck]) -> Reason | None:
        able = [t for t in carriers if self._serves(t, number, frozenset({"capacity"}))]
        if any(self._serves(t, number, frozenset()) for t in able):
            return None
        material = self.instance.material[number]
        boxes = [(t, kg, litres) for t in able for materials, kg, litres in t.boxes if material in materials]
        truck, kg, litres = max(boxes, key=lambda box: min(box[1] / max(1, stop.kg), box[2] / max(1, stop.l)))
        room = " and ".join(f"{limit} {unit}" for limit, unit in ((kg, "kg"), (litres, "l")) if limit < NO_LIMIT)
        return (
            "capacity",
            f"It is {stop.kg} kg and {stop.l} l; the largest compartment for it, of {truck.id}, holds {room}.",
        )

    def _no_way(self, number: int, stop: Stop, carriers: list[Truck]) -> Reason | None:
        for truck in carriers:
            if not self._serves(truck, number, frozenset()):
                continue
            metres = self.instance.distance_m[truck.profile]
            to_it = any(row[stop.location] < NO_WAY for place, row in enumerate(metres) if place != stop.location)
            away = any(leg < NO_WAY for place, leg in enumerate(metres[stop.location]) if place != stop.location)
            if (to_it and away) or len(metres) == 1 or truck.start == stop.location:
                return None
        return "unreachable", f"No truck for {stop.material} has a way to location {stop.location} and away again."

    def _serves(self, truck: Truck, number: int, lifted: frozenset[Code]) -> bool:
        return serves(self.problem.vehicles[truck.number], self.problem.stops[number], lifted)

    # --- what only trying tells ---

    def by_trying(self, number: int) -> Reason:
        """Return the reason found by lifting limits until the stop fits."""
        stop = self.problem.stops[number]
        fit = self.fit(number, frozenset())
        if fit is not None:
            if not stop.required:
                return "not_worth_it", (
                    f"Serving it costs at least {fit.cost} with {fit.truck.id}, leaving it out {stop.prize}."
                )
            return (
                "no_time_to_search",
                f"The time was over before it was tried with {fit.truck.id}, where it would fit.",
            )
        code, reason, _ = self.hindrance(number)
        return code, reason

    def hindrance(self, number: int) -> tuple[Code, str, Fit | None]:
        """Return the limit in the way of a stop that fits nowhere, its sentence, and the place it would have without."""
        for code in LIFTS:
            fit = self.fit(number, frozenset({code}))
            if fit is not None:
                return code, self._sentence(code, number, fit), fit
        lifted: frozenset[Code] = frozenset()
        for code in LIFTS:
            lifted |= {code}
            fit = self.fit(number, lifted)
            if fit is not None:
                return code, self._sentence(code, number, fit), fit
        material = self.problem.stops[number].material
        return "unreachable", f"No truck for {material} has a way to it, to a facility and on from there.", None

    def fit(self, number: int, lifted: frozenset[Code]) -> Fit | None:
        """Return the best place for the stop with ``lifted`` limits away: the one that breaks them least."""
        scene = self._scene(lifted)
        instance = _lifted_for(scene.instance, number, lifted)
        judge = Judge(instance)
        fits: list[Fit] = []
        seen: set[int] = set()  # trucks that are alike and not used need one look
        for truck in self.trucks:
            twin = self.instance.alike[truck.number]
            unused = self.solution.routes[truck.number] is None
            if not instance.may_serve[truck.number][number] or (unused and twin in seen):
                continue
            if unused:
                seen.add(twin)
            gaps = copy(scene.gaps(truck.number))
            gaps.instance = instance
            for way in gaps.ranked_ways(number)[:TRIES]:
                visits = way.into(gaps.visits, number, instance.stops)
                route = judge.judge(truck.number, visits, gaps.sites)
                if route is not None:
                    before = self.solution.routes[truck.number]
                    fits.append(Fit(truck, route, route.cost - (before.cost if before else 0)))
        return min(fits, key=lambda fit: self._excess(number, fit, lifted), default=None)

    def _excess(self, number: int, fit: Fit, lifted: frozenset[Code]) -> tuple[int, int]:
        if "shift" in lifted:
            return fit.over_s, fit.cost
        if "window" in lifted:
            return fit.begin_s(number), fit.cost
        return 0, fit.cost

    def _scene(self, lifted: frozenset[Code]) -> "_Scene":
        shared = lifted - {"window", "skill", "locked_vehicle"}
        if shared not in self._scenes:
            instance = _lifted_for_all(self.instance, shared)
            self._scenes[shared] = _Scene(instance, replace(self.solution, instance=instance))
        return self._scenes[shared]

    def _sentence(self, code: Code, number: int, fit: Fit) -> str:
        return _SENTENCES[code](self, number, fit)

    def say_shift(self, number: int, fit: Fit) -> str:  # noqa: ARG002
        """The shift, or the longest day."""
        truck, route = fit.truck, fit.route
        out_s = truck.used_s + route.end_s - route.begin_s
        extra = f" and {truck.overtime_s // 60} min of overtime are allowed" if truck.overtime_s else ""
        if out_s - truck.max_duration_s > route.end_s - truck.latest_s:
            return (
                f"With it, {truck.id} would be out for {hhmm(out_s)} h; at most {hhmm(truck.max_duration_s)} h{extra}."
            )
        return f"With it, {truck.id} would be back at {hhmm(route.end_s)}; its shift ends at {hhmm(truck.latest_s)}{extra}."

    def say_window(self, number: int, fit: Fit) -> str:
        """The stop's own windows."""
        windows = self.problem.stops[number].windows or []
        if not windows:
            return "It has an empty list of windows: there is no time at which it may be collected."
        first_s, last_s = min(a for a, _ in windows), max(b for _, b in windows)
        at_s = fit.begin_s(number)
        if at_s > last_s:
            stop = self.problem.stops[number]
            return (
                f"It must begin by {hhmm(last_s)}; the first truck for {stop.material}, {fit.truck.id}, "
                f"can be there at {hhmm(at_s)} with what it has to do."
            )
        if at_s < first_s:
            return f"It may begin at {hhmm(first_s)}; {fit.truck.id} would have to be there by {hhmm(at_s)}."
        spans = ", ".join(f"{hhmm(a)}-{hhmm(b)}" for a, b in windows)
        return f"It may begin only at {spans}; {fit.truck.id} could be there at {hhmm(at_s)}."

    def say_capacity(self, number: int, fit: Fit) -> str:
        """Room on board."""
        stop, instance = self.problem.stops[number], self.instance
        gaps = Gaps(self.judge, self.solution, fit.truck)
        room = gaps.room(instance.material[number], instance.tippable[number])
        kg, litres = max(0, int(room[0].max())), max(0, int(room[1].max()))
        left = " and ".join(f"{most} {unit}" for most, unit in ((kg, "kg"), (litres, "l")) if most < NO_LIMIT // 2)
        return (
            f"It is {stop.kg} kg and {stop.l} l; {fit.truck.id}, which comes closest, has room for {left or 'nothing'} "
            "on one of its trips and no time for another."
        )

    def say_facility_closed(self, number: int, fit: Fit) -> str:
        """Site hours."""
        tip = fit.tip_behind(number, self.instance.stops)
        if tip is None:
            return f"The facilities close before {fit.truck.id} could tip it."
        facility, at_s = self.problem.facilities[tip[0]], tip[1]
        hours = self.instance.hours[self.instance.stops + tip[0]] or ()
        spans = ", ".join(f"{hhmm(a)}-{hhmm(b)}" for a, b in hours) or "never"
        return f"{facility.id}, where it would be tipped, lets trucks in {spans}; {fit.truck.id} would need it at {hhmm(at_s)}."

    def say_facility_full(self, number: int, fit: Fit) -> str:
        """Tonnage or docks of a site."""
        stop = self.problem.stops[number]
        tip = fit.tip_behind(number, self.instance.stops)
        facility = self.problem.facilities[tip[0] if tip else 0]
        sites = self.solution.sites(fit.truck.number)
        if facility.remaining_kg is None or sites is None:
            return f"All {facility.docks} docks of {facility.id} are taken whenever {fit.truck.id} could unload."
        own = self.solution.routes[fit.truck.number]
        tipped = sum(u.kg for u in own.unloadings if u.facility == (tip or (0,))[0]) if own else 0
        free = max(0, sites.free_kg((tip or (0,))[0]) - tipped)
        return (
            f"{facility.id} can take {free} kg more beside the others' loads; this is {stop.kg} kg for {fit.truck.id}."
        )

    def say_daily_cap(self, number: int, fit: Fit) -> str:
        """The truck's kilograms or stops of the day."""
        stop, vehicle = self.problem.stops[number], self.problem.vehicles[fit.truck.number]
        visits = self.solution.visits(fit.truck.number)
        codes = [code for code in visits if 0 <= code < self.instance.stops]
        kg = vehicle.used_kg + sum(self.instance.kg[code] for code in codes)
        if vehicle.day_kg is not None and kg + stop.kg > vehicle.day_kg:
            return (
                f"{vehicle.id} collects {kg} kg of at most {vehicle.day_kg} kg in the day; this is {stop.kg} kg more."
            )
        return (
            f"{vehicle.id} collects {vehicle.used_stops + len(codes)} stops of at most {vehicle.day_stops} in the day."
        )

    def say_skill(self, number: int, fit: Fit) -> str:
        """What the truck lacks."""
        missing = set(self.problem.stops[number].skills or ()) - set(
            self.problem.vehicles[fit.truck.number].skills or ()
        )
        return f"{fit.truck.id} has the room and the time, but lacks {', '.join(sorted(missing)) or 'nothing'}."

    def say_lock(self, number: int, fit: Fit) -> str:
        """The lock."""
        named = ", ".join(self.problem.stops[number].vehicles or ()) or "no truck at all"
        return f"It is locked to {named}, without room or time for it; {fit.truck.id} could serve it."


_SENTENCES: Final[dict[Code, Callable[[Inquiry, int, Fit], str]]] = {
    "shift": Inquiry.say_shift,
    "window": Inquiry.say_window,
    "capacity": Inquiry.say_capacity,
    "facility_closed": Inquiry.say_facility_closed,
    "facility_full": Inquiry.say_facility_full,
    "daily_cap": Inquiry.say_daily_cap,
    "skill": Inquiry.say_skill,
    "locked_vehicle": Inquiry.say_lock,
}


class _Scene:
    """The solution with some limits lifted for all; the gaps of its trucks, made when asked for."""

    def __init__(self, instance: Instance, solution: Solution) -> None:
        self.instance = instance
        self.judge = Judge(instance)
        self.solution = solution
        self._gaps: dict[int, Gaps] = {}

    def gaps(self, truck: int) -> Gaps:
        if truck not in self._gaps:
            self._gaps[truck] = Gaps(self.judge, self.solution, self.instance.trucks[truck])
        return self._gaps[truck]


def _lifted_for_all(instance: Instance, lifted: frozenset[Code]) -> Instance:
    """Return ``instance`` without these limits of trucks and facilities."""
    trucks = instance.trucks
    if "shift" in lifted:
        forever_s = 1 << 50
        trucks = tuple(replace(t, latest_s=forever_s, max_duration_s=NO_LIMIT, overtime_s=0) for t in trucks)
    if "capacity" in lifted:
        trucks = tuple(
            replace(t, boxes=tuple((materials, NO_LIMIT, NO_LIMIT) for materials, _, _ in t.boxes)) for t in trucks
        )
    if "daily_cap" in lifted:
        trucks = tuple(replace(t, room_kg=NO_LIMIT, room_stops=NO_LIMIT) for t in trucks)
    hours = instance.hours
    if "facility_closed" in lifted:
        hours = [*hours[: instance.stops], *(None for _ in range(instance.facilities))]
    full = "facility_full" in lifted
    return replace(
        instance,
        trucks=trucks,
        hours=hours,
        remaining_kg=[NO_LIMIT] * instance.facilities if full else instance.remaining_kg,
        docks=[None] * instance.facilities if full else instance.docks,
        limited=frozenset() if full else instance.limited,
    )


def _lifted_for(instance: Instance, number: int, lifted: frozenset[Code]) -> Instance:
    """Return ``instance`` without these limits of the one stop."""
    problem = instance.problem
    may_serve = []
    for vehicle, before in zip(problem.vehicles, instance.may_serve, strict=True):
        allowed = np.array(before)
        allowed[number] = serves(vehicle, problem.stops[number], lifted)
        may_serve.append(allowed)
    hours, windows = instance.hours, instance.windows
    if "window" in lifted:
        hours = [*hours[:number], None, *hours[number + 1 :]]
        windows = padded(hours[: instance.stops])
    return replace(instance, may_serve=may_serve, hours=hours, windows=windows)


# --- stranded trucks -------------------------------------------------------------------------------------------------


def stranded_reasons(judge: Judge, solution: Solution) -> list[Stranded]:
    """Return a reason for each rule that a stranded truck is forgiven."""
    return [
        reason
        for route in solution.routes
        if route is not None and route.stranded
        for reason in _why_stranded(judge, route)
    ]


def _why_stranded(judge: Judge, route: TimedRoute) -> Iterator[Stranded]:
    instance = judge.instance
    truck = instance.trucks[route.truck]
    if "cannot_tip" in route.stranded:
        holds = [hold for hold in judge.heads[truck.number].loadings[0].cargo if hold[0] >= 0]
        kg = sum(hold[1] for hold in holds)
        sites = [
            f.id for number, f in enumerate(instance.problem.facilities) if all(hold[3] >> number & 1 for hold in holds)
        ]
        where = f"at {', '.join(sites)}" if sites else "anywhere: no facility may take all of it"
        reason = (
            f"It has {kg} kg on board from {hhmm(truck.earliest_s)} on and cannot tip them {where} "
            f"within site hours, what the site still takes, and its shift until {hhmm(truck.latest_s)}."
        )
        yield Stranded(vehicle=truck.id, code="cannot_tip", reason=reason)
    if "break_impossible" in route.stranded:
        reason = (
            f"Its visits from {hhmm(route.begin_s)} to {hhmm(route.end_s)} leave no moment at which "
            "an owed break may begin."
        )
        yield Stranded(vehicle=truck.id, code="break_impossible", reason=reason)
    if "committed_impossible" in route.stranded:
        reached = judge.heads[truck.number].reachable
        if reached < len(truck.head):
            reason = f"There is no way to its committed visit {reached + 1} of {len(truck.head)}."
        elif truck.end is not None and not route.home:
            reason = f"There is no way from its last visit to its end at location {truck.end}."
        else:
            reason = (
                f"What it must do keeps it until {hhmm(route.end_s)}, {route.overtime_s // 60} min over; "
                f"its shift ends at {hhmm(truck.latest_s)} and {truck.overtime_s // 60} min of overtime are allowed."
            )
        yield Stranded(vehicle=truck.id, code="committed_impossible", reason=reason)
