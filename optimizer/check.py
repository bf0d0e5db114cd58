"""The judge: recomputes a plan from the problem alone and names every rule it breaks.

It shares no code with the engines, on purpose: what both got wrong the same way would never be seen. A plan that
`check` does not pass must not be driven.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, get_args

from msgspec import UnsetType

from optimizer.plan import Code, Cost, Plan, Route, Stranded, Visit, hhmm
from optimizer.problem import Break, Committed, Facility, Problem, Stop, Vehicle, Window


@dataclass(frozen=True)
class Verdict:
    """What is wrong with a plan, a sentence each (none: it may be driven), and what it really costs."""

    broken: list[str]
    cost: Cost

    @property
    def lawful(self) -> bool:
        """True when no rule is broken."""
        return not self.broken


def check(problem: Problem, plan: Plan) -> Verdict:
    """Judge ``plan``. Every figure is recomputed; nothing the plan says about itself is believed."""
    facts = _Facts.of(problem)
    stranded = _stranded_codes(plan.stranded)
    broken: list[str] = []
    walks: dict[str, _Walk] = {}
    for route in plan.routes:
        vehicle = facts.vehicles.get(route.vehicle)
        if vehicle is None:
            broken.append(f"There is no truck {route.vehicle}.")
        elif route.vehicle in walks:
            broken.append(f"Truck {route.vehicle} has more than one route.")
        else:
            walks[route.vehicle] = _Walk.along(facts, vehicle, route, stranded.get(vehicle.id, frozenset()))
    for walk in walks.values():
        broken += walk.broken
    broken += _missing_routes(problem, walks)
    broken += _served_once(facts, plan, walks)
    broken += _sites_overrun(facts, walks)
    for one in plan.stranded:
        broken += _stranded_unproven(facts, walks, one, stranded.get(one.vehicle, frozenset()))
    cost = _cost(facts, walks)
    broken += [
        f"The plan says cost.{name} is {said}, it is {true}."
        for name in Cost.__struct_fields__
        if (said := getattr(plan.cost, name)) != (true := getattr(cost, name))
    ]
    return Verdict(broken=broken, cost=cost)


@dataclass(frozen=True)
class _Facts:
    """The problem by id."""

    problem: Problem
    stops: dict[str, Stop]
    facilities: dict[str, Facility]
    vehicles: dict[str, Vehicle]

    @classmethod
    def of(cls, problem: Problem) -> "_Facts":
        return cls(
            problem,
            {stop.id: stop for stop in problem.stops},
            {facility.id: facility for facility in problem.facilities},
            {vehicle.id: vehicle for vehicle in problem.vehicles},
        )

    def places(self, material: str, named: Sequence[str] | None) -> frozenset[str]:
        """Return the facilities that may take a load of ``material``, if ``named`` says so among those."""
        return frozenset(
            facility.id
            for facility in self.problem.facilities
            if material in facility.accepts and (named is None or facility.id in named)
        )

    def leg(self, vehicle: Vehicle, origin: int, destination: int) -> tuple[int, int] | None:
        """Return seconds and metres; None when there is no way, which one null is enough to say."""
        profile = self.problem.profiles[vehicle.profile]
        leg_s, leg_m = profile.duration_s[origin][destination], profile.distance_m[origin][destination]
        return None if leg_s is None or leg_m is None else (leg_s, leg_m)

    def leg_s(self, vehicle: Vehicle, origin: int, destination: int) -> int | None:
        leg = self.leg(vehicle, origin, destination)
        return None if leg is None else leg[0]

    def has_way(self, vehicle: Vehicle, origin: int, destination: int) -> bool:
        return self.leg(vehicle, origin, destination) is not None


# --- one route -------------------------------------------------------------------------------------------------------


@dataclass
class _Hold:
    """What is in one compartment; ``places``: for each load in it, the facilities that may take it."""

    material: str | None = None
    kg: int = 0
    l: int = 0  # noqa: E741
    places: list[frozenset[str]] = field(default_factory=list)
    obliged_kg: int = 0  # what was on board or committed from the beginning

    def may_tip_at(self, facility: Facility) -> bool:
        return all(facility.id in places for places in self.places)


def _holds_at_start(facts: _Facts, vehicle: Vehicle) -> list[_Hold]:
    holds = [_Hold() for _ in vehicle.compartments]
    for load in vehicle.load:
        hold = holds[load.compartment]
        hold.material = load.material
        hold.kg += load.kg
        hold.l += load.l
        hold.obliged_kg += load.kg
        hold.places.append(facts.places(load.material, load.facilities))
    return holds


@dataclass(frozen=True)
class _Tip:
    facility: str
    vehicle: str
    begin_s: int
    leave_s: int
    kg: int
    obliged_kg: int
    committed: bool


@dataclass
class _Walk:
    """One route, walked visit by visit; sentences about what is wrong gather in ``broken``."""

    facts: _Facts
    vehicle: Vehicle
    forgiven: frozenset[str]
    broken: list[str] = field(default_factory=list)
    collected: list[str] = field(default_factory=list)
    tips: list[_Tip] = field(default_factory=list)
    breaks: list[str] = field(default_factory=list)
    distance_m: int = 0
    begin_s: int = 0
    end_s: int = 0
    overtime_s: int = 0
    free_visits: int = 0  # collects that are not committed
    holds: list[_Hold] = field(default_factory=list)

    @classmethod
    def along(cls, facts: _Facts, vehicle: Vehicle, route: Route, forgiven: frozenset[str]) -> "_Walk":
        walk = cls(facts, vehicle, forgiven)
        walk.holds = _holds_at_start(facts, vehicle)
        if not route.visits:
            walk.say("has a route without visits")
            return walk
        head = walk.find_head(route.visits)
        alone = _head_alone(facts, vehicle)
        walk.at_start(route.visits[0])
        for number in range(1, len(route.visits)):
            walk.step(route.visits[number - 1], route.visits[number], head.get(number), alone)
        walk.at_end(route.visits, head)
        walk.day_caps(head)
        walk.owed_breaks()
        return walk

    def say(self, what: str) -> None:
        self.broken.append(f"Truck {self.vehicle.id} {what}.")

    def find_head(self, visits: Sequence[Visit]) -> dict[int, int]:
        """Return visit number -> committed number; breaks may stand between committed visits."""
        head: dict[int, int] = {}
        number = 1
        for place, wanted in enumerate(self.vehicle.committed or ()):
            while number < len(visits) and visits[number].kind == "break" and visits[number].break_ != wanted.break_:
                number += 1
            if number == len(visits) or not _is_visit(visits[number], wanted):
                cut = "committed_impossible" in self.forgiven and not self.way_to_committed(place)
                if not cut:
                    self.say(f"does not go to its committed visit {place + 1}, {_name_of(wanted)}, in its order")
                break
            head[number] = place
            number += 1
        return head

    def way_to_committed(self, place: int) -> bool:
        """Whether there is a way to every committed visit up to ``place``."""
        location = self.vehicle.start
        for visit in (self.vehicle.committed or [])[: place + 1]:
            after = _location_of(self.facts, visit, location)
            if after != location or visit.break_ is None:
                if not self.facts.has_way(self.vehicle, location, after) and visit.break_ is None:
                    return False
                location = after
        return True

    def at_start(self, visit: Visit) -> None:
        if visit.kind != "start" or visit.location != self.vehicle.start:
            self.say(f"must begin with kind start at location {self.vehicle.start}")
        if not visit.arrive_s == visit.begin_s == visit.leave_s:
            self.say("must arrive, begin and leave at the start at one time")
        self.begin_s = visit.leave_s
        if self.begin_s < self.vehicle.shift[0]:
            self.say(f"leaves at {hhmm(self.begin_s)}, before its shift begins at {hhmm(self.vehicle.shift[0])}")
        self.loads_are(visit)

    def step(self, before: Visit, visit: Visit, committed: int | None, alone: "_HeadAlone") -> None:
        service_s = self.do(visit, before.location, committed, alone)
        if service_s is None:
            return
        leg = (0, 0) if visit.kind == "break" else self.facts.leg(self.vehicle, before.location, visit.location)
        if leg is None:
            self.say(f"has no way from location {before.location} to {visit.location}")
            return
        leg_s, leg_m = leg
        self.distance_m += leg_m
        if visit.arrive_s != before.leave_s + leg_s:
            self.say(f"arrives at {_title(visit)} at {visit.arrive_s}, expected {before.leave_s + leg_s}")
        if visit.begin_s < visit.arrive_s:
            self.say(f"begins {_title(visit)} at {visit.begin_s}, before it arrives at {visit.arrive_s}")
        if visit.leave_s != visit.begin_s + service_s:
            self.say(f"leaves {_title(visit)} at {visit.leave_s}, expected {visit.begin_s + service_s}")
        self.loads_are(visit)

    def do(self, visit: Visit, here: int, committed: int | None, alone: "_HeadAlone") -> int | None:
        """Do what the visit says and return how long that takes, None when it makes no sense."""
        late = committed is not None and alone.late[committed]
        if visit.kind == "collect":
            return self.collect(visit, committed, alone, late=late)
        if visit.kind == "tip":
            return self.tip(visit, committed, late=late)
        if visit.kind == "break":
            return self.take_break(visit, here, late=late)
        if visit.kind == "end":
            return 0
        self.say("has a start in the middle of its route")
        return None

    def collect(self, visit: Visit, committed: int | None, alone: "_HeadAlone", *, late: bool) -> int | None:
        stop = self.facts.stops.get(visit.stop or "")
        if stop is None:
            self.say(f"collects a stop {visit.stop} that does not exist")
            return None
        self.collected.append(stop.id)
        if visit.location != stop.location:
            self.say(f"collects {stop.id} at location {visit.location}, it is at {stop.location}")
        if not late:
            self.in_window(visit, stop.windows)
        if committed is None:
            self.free_visits += 1
            self.may_serve(stop)
        self.load(visit, stop, committed, alone)
        return stop.service_s

    def may_serve(self, stop: Stop) -> None:
        missing = set(stop.skills or ()) - set(self.vehicle.skills or ())
        if missing:
            self.say(f"collects {stop.id} without the skill {', '.join(sorted(missing))}")
        if stop.vehicles is not None and self.vehicle.id not in stop.vehicles:
            self.say(f"collects {stop.id}, which is locked to {', '.join(stop.vehicles) or 'no truck'}")

    def load(self, visit: Visit, stop: Stop, committed: int | None, alone: "_HeadAlone") -> None:
        number = visit.compartment
        if number is None or not 0 <= number < len(self.holds):
            self.say(f"collects {stop.id} into compartment {number}, it has {len(self.holds)}")
            return
        hold, compartment = self.holds[number], self.vehicle.compartments[number]
        forgiven = committed is not None and not alone.fits
        if not forgiven:
            if stop.material not in compartment.materials:
                self.say(f"collects {stop.id}, {stop.material}, into compartment {number}, which does not take it")
            elif hold.material not in {None, stop.material}:
                self.say(f"mixes {stop.material} of {stop.id} with {hold.material} in compartment {number}")
            if compartment.kg is not None and hold.kg + stop.kg > compartment.kg:
                self.say(
                    f"has {hold.kg + stop.kg} kg in compartment {number} after {stop.id}, at most {compartment.kg}"
                )
            if compartment.l is not None and hold.l + stop.l > compartment.l:
                self.say(f"has {hold.l + stop.l} l in compartment {number} after {stop.id}, at most {compartment.l}")
        hold.material = stop.material
        hold.kg += stop.kg
        hold.l += stop.l
        hold.obliged_kg += stop.kg if committed is not None else 0
        hold.places.append(self.facts.places(stop.material, stop.facilities))

    def tip(self, visit: Visit, committed: int | None, *, late: bool) -> int | None:
        facility = self.facts.facilities.get(visit.facility or "")
        if facility is None:
            self.say(f"tips at a facility {visit.facility} that does not exist")
            return None
        if visit.location != facility.location:
            self.say(f"tips at {facility.id} at location {visit.location}, it is at {facility.location}")
        if not late:
            self.in_window(visit, None if isinstance(facility.windows, UnsetType) else facility.windows)
        kg = obliged_kg = 0
        for number, hold in enumerate(self.holds):
            if hold.places and hold.may_tip_at(facility):
                kg += hold.kg
                obliged_kg += hold.obliged_kg
                self.holds[number] = _Hold()
        self.tips.append(
            _Tip(facility.id, self.vehicle.id, visit.begin_s, visit.leave_s, kg, obliged_kg, committed is not None)
        )
        return facility.unload_s

    def take_break(self, visit: Visit, here: int, *, late: bool) -> int | None:
        pause = next((one for one in self.vehicle.breaks or () if one.id == visit.break_), None)
        if pause is None:
            self.say(f"takes a break {visit.break_} that it does not have")
            return None
        if pause.id in self.breaks:
            self.say(f"takes break {pause.id} twice")
        self.breaks.append(pause.id)
        if visit.location != here:
            self.say(f"takes break {pause.id} at location {visit.location}, it stands at {here}")
        if not late:
            self.in_window(visit, pause.windows)
        return pause.duration_s

    def in_window(self, visit: Visit, windows: Sequence[Window] | None) -> None:
        if windows is not None and not any(early <= visit.begin_s <= latest for early, latest in windows):
            allowed = ", ".join(f"{hhmm(early)}-{hhmm(latest)}" for early, latest in windows) or "never"
            self.say(f"begins {_title(visit)} at {hhmm(visit.begin_s)}, allowed: {allowed}")

    def loads_are(self, visit: Visit) -> None:
        kg, litres = sum(hold.kg for hold in self.holds), sum(hold.l for hold in self.holds)
        if (visit.load_kg, visit.load_l) != (kg, litres):
            self.say(
                f"leaves {_title(visit)} with {kg} kg and {litres} l, the plan says {visit.load_kg} and {visit.load_l}"
            )

    def at_end(self, visits: Sequence[Visit], head: dict[int, int]) -> None:
        last = visits[-1]
        self.end_s = last.leave_s
        if any(visit.kind == "end" for visit in visits[:-1]):
            self.say("goes on after its end")
        home = self.vehicle.end_location
        if last.kind == "break" and len(visits) - 1 not in head:
            self.say("ends with a break; breaks lie between two visits")
        if home is None and last.kind == "end":
            self.say("has an end visit, its route is over with the last visit")
        elif home is not None and (last.kind != "end" or last.location != home):
            lost = "committed_impossible" in self.forgiven and not self.facts.has_way(self.vehicle, last.location, home)
            if not lost:
                self.say(f"must end with kind end at location {home}")
        duration_s = self.end_s - self.begin_s
        limit_s = self.vehicle.max_duration_s
        self.overtime_s = max(
            0,
            self.end_s - self.vehicle.shift[1],
            0 if limit_s is None else self.vehicle.used_s + duration_s - limit_s,
        )
        if self.overtime_s > self.vehicle.overtime_s and "committed_impossible" not in self.forgiven:
            self.say(f"needs {self.overtime_s} s of overtime, at most {self.vehicle.overtime_s}")
        full = [number for number, hold in enumerate(self.holds) if hold.places]
        if full and self.vehicle.tip_before_end and "cannot_tip" not in self.forgiven:
            self.say(f"is not empty when its route is over: compartment {', '.join(map(str, full))}")

    def day_caps(self, head: dict[int, int]) -> None:
        vehicle = self.vehicle
        stops = [self.facts.stops[stop] for stop in self.collected]
        kg = vehicle.used_kg + sum(stop.kg for stop in stops)
        count = vehicle.used_stops + len(stops)
        if not self.free_visits and head:
            return
        if vehicle.day_kg is not None and kg > vehicle.day_kg and stops:
            self.say(f"collects {kg} kg in the day, at most {vehicle.day_kg}")
        if vehicle.day_stops is not None and count > vehicle.day_stops and stops:
            self.say(f"collects {count} stops in the day, at most {vehicle.day_stops}")

    def owed_breaks(self) -> None:
        if "break_impossible" in self.forgiven:
            return
        for pause in self.vehicle.breaks or ():
            if pause.id not in self.breaks and _is_owed(pause, self.begin_s, self.end_s):
                self.say(f"owes break {pause.id}")


def _is_owed(pause: Break, begin_s: int, end_s: int) -> bool:
    if not pause.windows:
        return False
    last_s = max(latest for _, latest in pause.windows)
    return begin_s <= last_s < end_s


def _is_visit(visit: Visit, wanted: Committed) -> bool:
    if wanted.stop is not None:
        return visit.kind == "collect" and visit.stop == wanted.stop
    if wanted.facility is not None:
        return visit.kind == "tip" and visit.facility == wanted.facility
    return visit.kind == "break" and visit.break_ == wanted.break_


def _name_of(wanted: Committed) -> str:
    return wanted.stop or wanted.facility or wanted.break_ or ""


def _title(visit: Visit) -> str:
    return f"{visit.kind} {visit.stop or visit.facility or visit.break_ or ''}".strip()


def _location_of(facts: _Facts, wanted: Committed, here: int) -> int:
    if wanted.stop is not None:
        return facts.stops[wanted.stop].location
    if wanted.facility is not None:
        return facts.facilities[wanted.facility].location
    return here


# --- across routes ---------------------------------------------------------------------------------------------------


def _missing_routes(problem: Problem, walks: dict[str, _Walk]) -> Iterator[str]:
    for vehicle in problem.vehicles:
        if vehicle.id in walks:
            continue
        if vehicle.committed:
            yield f"Truck {vehicle.id} has committed visits but no route."
        elif vehicle.load and vehicle.tip_before_end:
            yield f"Truck {vehicle.id} has a load to tip but no route."


def _served_once(facts: _Facts, plan: Plan, walks: dict[str, _Walk]) -> Iterator[str]:
    served = Counter(stop for walk in walks.values() for stop in walk.collected)
    left_out = Counter(one.stop for one in plan.unassigned)
    for stop in facts.problem.stops:
        times = served[stop.id] + left_out[stop.id]
        if times != 1:
            yield (
                f"Stop {stop.id} is served {served[stop.id]} times and unassigned {left_out[stop.id]} times, "
                "expected once in all."
            )
    for one in plan.unassigned:
        if one.stop not in facts.stops:
            yield f"Unassigned stop {one.stop} does not exist."
            continue
        if one.code not in get_args(Code):
            yield f"Unassigned stop {one.stop} has the unknown code {one.code}."
        if one.code == "not_worth_it" and facts.stops[one.stop].required:
            yield f"Stop {one.stop} is required, so it cannot be left out as not worth it."
        if not one.reason.strip():
            yield f"Unassigned stop {one.stop} has no reason."


def _sites_overrun(facts: _Facts, walks: dict[str, _Walk]) -> Iterator[str]:
    tips = [tip for walk in walks.values() for tip in walk.tips]
    for facility in facts.problem.facilities:
        here = [tip for tip in tips if tip.facility == facility.id]
        kg = sum(tip.kg for tip in here)
        unforced = any(tip.kg for tip in here if not tip.committed)
        if facility.remaining_kg is not None and kg > facility.remaining_kg and unforced:
            yield f"Facility {facility.id} gets {kg} kg, it can take {facility.remaining_kg}."
        if facility.docks is None:
            continue
        for one in here:
            if one.begin_s == one.leave_s:
                continue
            at_once = [tip for tip in here if tip.begin_s <= one.begin_s < tip.leave_s]
            if len(at_once) > facility.docks and not all(tip.committed for tip in at_once):
                yield (
                    f"Facility {facility.id} has {len(at_once)} trucks unloading at {hhmm(one.begin_s)}, "
                    f"it has {facility.docks} docks."
                )


def _cost(facts: _Facts, walks: dict[str, _Walk]) -> Cost:
    problem = facts.problem
    served_by = {stop: walk.vehicle.id for walk in walks.values() for stop in walk.collected}
    left_out = [stop for stop in problem.stops if stop.id not in served_by]
    prizes = sum(stop.prize for stop in left_out if not stop.required)
    used_to_serve: dict[str, set[str]] = {}
    for route in problem.previous or ():
        if route.vehicle in facts.vehicles:
            for stop_id in route.stops:
                used_to_serve.setdefault(stop_id, set()).add(route.vehicle)
    moved = sum(stop in used_to_serve and truck not in used_to_serve[stop] for stop, truck in served_by.items())
    fixed = sum(walk.vehicle.cost_fixed for walk in walks.values())
    running = sum(
        walk.distance_m * walk.vehicle.cost_per_m
        + (walk.end_s - walk.begin_s) * walk.vehicle.cost_per_s
        + walk.overtime_s * walk.vehicle.cost_per_overtime_s
        for walk in walks.values()
    )
    return Cost(
        total=fixed + running + prizes + moved * problem.cost_per_moved_stop,
        required_left_out=sum(stop.required for stop in left_out),
        distance_m=sum(walk.distance_m for walk in walks.values()),
        duration_s=sum(walk.end_s - walk.begin_s for walk in walks.values()),
        overtime_s=sum(walk.overtime_s for walk in walks.values()),
        fixed=fixed,
        prizes=prizes,
        moved=moved,
    )


# --- what a committed head breaks by itself --------------------------------------------------------------------------


@dataclass(frozen=True)
class _HeadAlone:
    """``late``: which committed visits miss their windows however early the truck goes; ``fits``: the loads fit."""

    late: list[bool]
    fits: bool


def _head_alone(facts: _Facts, vehicle: Vehicle) -> _HeadAlone:
    late: list[bool] = []
    now_s, here = vehicle.shift[0], vehicle.start
    lost = False
    for wanted in vehicle.committed or ():
        there = _location_of(facts, wanted, here)
        leg_s = 0 if wanted.break_ is not None else facts.leg_s(vehicle, here, there)
        lost = lost or leg_s is None
        windows, service_s = _hours_and_service(facts, vehicle, wanted)
        arrive_s = now_s + (leg_s or 0)
        begin_s = _next_in(windows, arrive_s)
        late.append(lost or begin_s is None)
        now_s = (arrive_s if begin_s is None else begin_s) + service_s
        here = there
    return _HeadAlone(late, _head_fits(facts, vehicle))


def _hours_and_service(facts: _Facts, vehicle: Vehicle, wanted: Committed) -> tuple[Sequence[Window] | None, int]:
    if wanted.stop is not None:
        stop = facts.stops[wanted.stop]
        return stop.windows, stop.service_s
    if wanted.facility is not None:
        facility = facts.facilities[wanted.facility]
        return (None if isinstance(facility.windows, UnsetType) else facility.windows), facility.unload_s
    pause = next(one for one in vehicle.breaks or () if one.id == wanted.break_)
    return pause.windows, pause.duration_s


def _next_in(windows: Sequence[Window] | None, time_s: int) -> int | None:
    """Return the first moment at or after ``time_s`` that lies in a window."""
    if windows is None:
        return time_s
    return min((max(time_s, earliest) for earliest, latest in windows if latest >= time_s), default=None)


_Cargo = tuple[tuple[str | None, int, int, frozenset[str]], ...]
"""Per compartment: material, kg, l, where all of it may be tipped."""


def _head_fits(facts: _Facts, vehicle: Vehicle) -> bool:
    """Whether some choice of compartments carries the committed stops without breaking a rule."""
    return any(True for _ in _cargoes_after_head(facts, vehicle))


def _cargo_at_start(facts: _Facts, vehicle: Vehicle) -> _Cargo:
    return tuple((hold.material, hold.kg, hold.l, _common(hold.places)) for hold in _holds_at_start(facts, vehicle))


def _common(places: Sequence[frozenset[str]]) -> frozenset[str]:
    return frozenset.intersection(*places) if places else frozenset()


def _cargoes_after_head(facts: _Facts, vehicle: Vehicle) -> set[_Cargo]:
    """Return every lawful way to be loaded after the committed visits."""
    cargoes = {_cargo_at_start(facts, vehicle)}
    for wanted in vehicle.committed or ():
        if wanted.stop is not None:
            stop = facts.stops[wanted.stop]
            cargoes = {after for cargo in cargoes for after in _ways_to_load(facts, vehicle, cargo, stop)}
        elif wanted.facility is not None:
            cargoes = {_tipped(cargo, facts.facilities[wanted.facility]) for cargo in cargoes}
    return cargoes


def _ways_to_load(facts: _Facts, vehicle: Vehicle, cargo: _Cargo, stop: Stop) -> Iterator[_Cargo]:
    its = facts.places(stop.material, stop.facilities)
    for number, (material, kg, litres, places) in enumerate(cargo):
        compartment = vehicle.compartments[number]
        if stop.material not in compartment.materials or material not in {None, stop.material}:
            continue
        if compartment.kg is not None and kg + stop.kg > compartment.kg:
            continue
        if compartment.l is not None and litres + stop.l > compartment.l:
            continue
        both = its if material is None else places & its
        yield (*cargo[:number], (stop.material, kg + stop.kg, litres + stop.l, both), *cargo[number + 1 :])


def _tipped(cargo: _Cargo, facility: Facility) -> _Cargo:
    return tuple((None, 0, 0, frozenset()) if one[0] is not None and facility.id in one[3] else one for one in cargo)


# --- stranded trucks -------------------------------------------------------------------------------------------------


def _stranded_codes(stranded: Sequence[Stranded]) -> dict[str, frozenset[str]]:
    codes: dict[str, set[str]] = {}
    for one in stranded:
        codes.setdefault(one.vehicle, set()).add(one.code)
    return {vehicle: frozenset(of_it) for vehicle, of_it in codes.items()}


def _stranded_unproven(facts: _Facts, walks: dict[str, _Walk], one: Stranded, codes: frozenset[str]) -> Iterator[str]:
    vehicle, walk = facts.vehicles.get(one.vehicle), walks.get(one.vehicle)
    if vehicle is None or walk is None:
        yield f"Stranded truck {one.vehicle} has no route."
        return
    if not one.reason.strip():
        yield f"Stranded truck {vehicle.id} has no reason."
    if walk.free_visits:
        yield f"Stranded truck {vehicle.id} collects more than what it has committed itself to."
    others = [tip for name, other in walks.items() if name != vehicle.id for tip in other.tips if tip.obliged_kg]
    if _Way(facts, vehicle, codes - {one.code}, others).exists():
        yield f"Truck {vehicle.id} is called stranded ({one.code}), but there is a lawful way for it."


_Step = tuple[int | None, int, Sequence[Window] | None]
"""Seconds to get there (None: it stands there already), seconds of service, windows of the begin."""


@dataclass(frozen=True)
class _Partial:
    """A route on its way: steps so far, where it stands, committed visits done, what is on board, breaks taken."""

    steps: list[_Step]
    here: int
    done: int
    cargo: _Cargo
    breaks: frozenset[str]
    rests: bool = False  # whether the last step is a break that is not committed


MAX_WAYS: Final = 200_000
"""Ways tried before a truck's being stranded counts as unproven."""


@dataclass
class _Way:
    """Looks for a route of one truck: its committed visits, then tips, breaks anywhere, then home."""

    facts: _Facts
    vehicle: Vehicle
    forgiven: frozenset[str]
    others: list[_Tip]
    tried: int = 0

    def exists(self) -> bool:
        if not self.vehicle.committed and not (self.vehicle.load and self.vehicle.tip_before_end):
            return True  # it may stay where it is
        alone = _head_alone(self.facts, self.vehicle)
        cargoes = _cargoes_after_head(self.facts, self.vehicle) if alone.fits else {self._overfull()}
        return any(self._extend(_Partial([], self.vehicle.start, 0, cargo, frozenset()), alone) for cargo in cargoes)

    def _overfull(self) -> _Cargo:
        """Return what is on board after a head that cannot be loaded lawfully: everything in the first place."""
        holds = _holds_at_start(self.facts, self.vehicle)
        for wanted in self.vehicle.committed or ():
            if wanted.stop is not None:
                stop = self.facts.stops[wanted.stop]
                hold = next(
                    (hold for hold in holds if hold.material == stop.material),
                    next((hold for hold in holds if hold.material is None), holds[0]),
                )
                hold.material, hold.kg, hold.l = stop.material, hold.kg + stop.kg, hold.l + stop.l
                hold.places.append(self.facts.places(stop.material, stop.facilities))
            elif wanted.facility is not None:
                facility = self.facts.facilities[wanted.facility]
                holds = [_Hold() if hold.places and hold.may_tip_at(facility) else hold for hold in holds]
        return tuple((hold.material, hold.kg, hold.l, _common(hold.places)) for hold in holds)

    def _extend(self, way: "_Partial", alone: "_HeadAlone") -> bool:
        """Try every continuation of ``way``."""
        self.tried += 1
        if self.tried > MAX_WAYS:
            return True
        if _forward(way.steps, self.vehicle.shift[0]) is None:
            return False
        if way.done == len(self.vehicle.committed or ()) and self._finishes(way):
            return True
        return any(self._extend(longer, alone) for longer in self._longer(way, alone))

    def _longer(self, way: "_Partial", alone: "_HeadAlone") -> Iterator["_Partial"]:
        """Yield ``way`` with one visit more: a break, the next committed visit, or, after those, a tip."""
        head = self.vehicle.committed or []
        ahead = {wanted.break_ for wanted in head[way.done :]}
        for pause in self.vehicle.breaks or ():
            if pause.id not in way.breaks | ahead:
                step: _Step = (None, pause.duration_s, pause.windows)
                yield replace(way, steps=[*way.steps, step], breaks=way.breaks | {pause.id}, rests=True)
        if way.done == len(head):
            for facility, step, cargo in self._tips(way.here, way.cargo):
                yield replace(way, steps=[*way.steps, step], here=facility.location, cargo=cargo, rests=False)
            return
        wanted = head[way.done]
        windows, service_s = _hours_and_service(self.facts, self.vehicle, wanted)
        there = _location_of(self.facts, wanted, way.here)
        leg_s = None if wanted.break_ is not None else self.facts.leg_s(self.vehicle, way.here, there)
        if wanted.break_ is not None or leg_s is not None:
            yield _Partial(
                [*way.steps, (leg_s, service_s, None if alone.late[way.done] else windows)],
                there,
                way.done + 1,
                way.cargo,
                way.breaks if wanted.break_ is None else way.breaks | {wanted.break_},
            )

    def _tips(self, here: int, cargo: _Cargo) -> Iterator[tuple[Facility, _Step, _Cargo]]:
        for facility in self.facts.problem.facilities:
            after = _tipped(cargo, facility)
            kg = sum(one[1] for one in cargo) - sum(one[1] for one in after)
            there = [tip for tip in self.others if tip.facility == facility.id]
            free_kg = (
                None if facility.remaining_kg is None else facility.remaining_kg - sum(t.obliged_kg for t in there)
            )
            leg_s = self.facts.leg_s(self.vehicle, here, facility.location)
            if after == cargo or leg_s is None or (free_kg is not None and kg > free_kg and kg):
                continue
            windows = None if isinstance(facility.windows, UnsetType) else facility.windows
            if facility.docks is not None and facility.unload_s:
                windows = _beside(windows, facility, there)
            yield facility, (leg_s, facility.unload_s, windows), after

    def _finishes(self, way: "_Partial") -> bool:
        """Whether the truck may end its route now."""
        loaded = any(one[0] is not None for one in way.cargo)
        if loaded and self.vehicle.tip_before_end and "cannot_tip" not in self.forgiven:
            return False
        steps, home = way.steps, self.vehicle.end_location
        if home is not None:
            leg_s = self.facts.leg_s(self.vehicle, way.here, home)
            if leg_s is not None:
                steps = [*steps, (leg_s, 0, None)]
            elif "committed_impossible" not in self.forgiven:
                return False
        elif way.rests:
            return False  # a break lies between two visits
        return any(self._lawful(begin_s, end_s, way.breaks) for begin_s, end_s in self._spans(steps))

    def _lawful(self, begin_s: int, end_s: int, breaks: frozenset[str]) -> bool:
        vehicle = self.vehicle
        over_s = [end_s - vehicle.shift[1]]
        if vehicle.max_duration_s is not None:
            over_s.append(vehicle.used_s + end_s - begin_s - vehicle.max_duration_s)
        if max(over_s) > vehicle.overtime_s and "committed_impossible" not in self.forgiven:
            return False
        return "break_impossible" in self.forgiven or not any(
            _is_owed(pause, begin_s, end_s) for pause in vehicle.breaks or () if pause.id not in breaks
        )

    def _spans(self, steps: list[_Step]) -> Iterator[tuple[int, int]]:
        """Yield begin and end of every schedule that could be the best: earliest end, then latest begin for it."""
        starts = [self.vehicle.shift[0]]
        starts += [max(b for _, b in pause.windows) + 1 for pause in self.vehicle.breaks or () if pause.windows]
        latest_end_s = self.vehicle.shift[1] + self.vehicle.overtime_s
        if "committed_impossible" in self.forgiven:
            latest_end_s = 2**60
        for first_s in starts:
            begin_s: int | None = max(first_s, self.vehicle.shift[0])
            while begin_s is not None:
                end_s = _forward(steps, begin_s)
                if end_s is None or end_s > latest_end_s:
                    break
                last_begin_s = _latest_begin(steps, begin_s, end_s)
                yield last_begin_s, end_s
                begin_s = _next_begin(steps, last_begin_s)


def _beside(windows: Sequence[Window] | None, facility: Facility, there: list[_Tip]) -> list[Window]:
    """Return the begins at which a dock is free beside the other trucks' unloadings."""
    horizon_s = 2**53
    cuts = sorted({tip.begin_s - facility.unload_s + 1 for tip in there} | {tip.leave_s for tip in there} | {0})
    free: list[Window] = []
    for begin_s, after_s in zip(cuts, [*cuts[1:], horizon_s], strict=True):
        if after_s <= max(begin_s, 0):
            continue
        moment_s = max(begin_s, 0)
        points = [moment_s, *(t.begin_s for t in there if moment_s < t.begin_s < moment_s + facility.unload_s)]
        busiest = max(sum(t.begin_s <= p < t.leave_s for t in there) for p in points)
        if facility.docks is not None and busiest < facility.docks:
            free += [
                (max(moment_s, a), min(after_s - 1, b))
                for a, b in (windows if windows is not None else [(0, horizon_s)])
                if max(moment_s, a) <= min(after_s - 1, b)
            ]
    return free


def _forward(steps: Sequence[_Step], begin_s: int) -> int | None:
    """Return when the last step is left, each begun as early as it may be; None when a window is missed."""
    now_s = begin_s
    for leg_s, service_s, windows in steps:
        at_s = _next_in(windows, now_s + (leg_s or 0))
        if at_s is None:
            return None
        now_s = at_s + service_s
    return now_s


def _latest_begin(steps: Sequence[_Step], begin_s: int, end_s: int) -> int:
    """Return the latest begin, at least ``begin_s``, with which the last step is still left at ``end_s``."""
    low_s, high_s = begin_s, end_s
    while low_s < high_s:
        middle_s = (low_s + high_s + 1) // 2
        reached_s = _forward(steps, middle_s)
        if reached_s is not None and reached_s <= end_s:
            low_s = middle_s
        else:
            high_s = middle_s - 1
    return low_s


def _next_begin(steps: Sequence[_Step], begin_s: int) -> int | None:
    """Return the first begin after ``begin_s`` at which some step falls out of its window; None: there is none."""
    now_s = begin_s
    room_s: list[int] = []
    for leg_s, service_s, windows in steps:
        arrive_s = now_s + (leg_s or 0)
        at_s = _next_in(windows, arrive_s)
        if at_s is None:
            return None
        if windows is not None:
            room_s.append(max(latest for earliest, latest in windows if earliest <= at_s <= latest) - at_s)
        if at_s > arrive_s:
            break
        now_s = at_s + service_s
    return begin_s + min(room_s) + 1 if room_s else None
