"""The engine on OR-Tools' routing library: a local search over a model of the problem, begun from a whole plan.

The model says most rules exactly and leaves some wider than they are (materials that share a compartment, docks,
remaining tonnage, breaks among committed visits); every better solution it finds is judged, and what does not hold is
repaired by insertion. What the model cannot say is therefore never missing in a plan.

What was learnt about the library (9.15):

- The model is closed with the search's own parameters before the plan is read into it, otherwise the default ones
  hold (google/or-tools #1841, #4273).
- ``ls_operator_neighbors_ratio`` stays 1: below, the search spins in null moves.
- Each copy of a facility widens every neighbourhood, so there are as few as the plan uses and one more.
- The library keeps its callbacks in C++: one that holds the model keeps it for ever (16 MB a search of 100 stops).
- What a search may take inside one step (``lns_time_limit``, 0.1 s) is looked at on the wall clock: a process that is kept
  waiting in the middle of a step would lose a plan it had found, and be another one than the next time.
- A solution hint together with the iterated local search loses the hint: it is not used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from ortools.constraint_solver import pywrapcp, routing_enums_pb2

from optimizer.engines.baseline import insert, tidy
from optimizer.engines.beginning import begin
from optimizer.engines.instance import Cargo, Hours, Instance, Truck
from optimizer.engines.interface import Budget, Report
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution

MOST: Final = 1 << 40
"""Of anything in the model: sums of it stay far from 64 bits."""
SHARES: Final = (0.34, 0.5, 1.0)
"""Of what is left, the time of each model; between two, facilities the plan has used up get another copy."""

UNHURRIED_S: Final = 24 * 3600
"""For the library's own step at the end of each solution: no limit."""
FAILURES: Final = 50
"""Dead ends for each solution of an iteration limit, after which the search is over as well."""


def routing(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """Improve ``solution`` by guided local search. ``seed`` has no effect: this search has no chance in it."""
    del seed
    best = solution
    for share in SHARES:
        if budget.is_over():
            break
        model = Model(judge, best)
        if not model.stops:
            break
        best = model.search(budget, share, report)
    return best


@dataclass(frozen=True)
class Node:
    """A place in the model: a stop, a copy of a facility, or a truck's start or end."""

    code: int  # visit code; -1 for starts and ends
    location: int  # -1: nowhere, an end that is anywhere


class Model:
    """The routing model of one solution's problem; one method a rule."""

    def __init__(self, judge: Judge, solution: Solution) -> None:
        self.judge = judge
        self.instance: Instance = judge.instance
        self.solution = solution
        self.best = solution
        self.trucks = [t for t in self.instance.trucks if not _stranded(solution, t)]
        self.stops = [s for s in self.instance.free if any(self.instance.may_serve[t.number][s] for t in self.trucks)]
        if not self.stops:
            return
        self.tails = {t.number: solution.visits(t.number)[len(t.head) :] for t in self.trucks}
        self._make_nodes()
        count = len(self.trucks)
        first = len(self.nodes) - 2 * count
        starts, ends = list(range(first, first + count)), list(range(first + count, first + 2 * count))
        self.manager = pywrapcp.RoutingIndexManager(len(self.nodes), count, starts, ends)
        self.model = pywrapcp.RoutingModel(self.manager)
        self._index = {node: self.manager.NodeToIndex(node) for node in range(first)}
        self.ready_s = [_after_head(judge, solution, truck) for truck in self.trucks]
        self._costs()
        self._times()
        self._breaks()
        self._loads()
        self._day_caps()
        self._who_may_serve()
        self._left_out()

    # --- nodes ---

    def _make_nodes(self) -> None:
        instance = self.instance
        self.nodes = [Node(stop, instance.location[stop]) for stop in self.stops]
        self.node_of = {stop: number for number, stop in enumerate(self.stops)}
        self.copies: dict[int, list[int]] = {}
        for facility in range(instance.facilities):
            code = instance.stops + facility
            used = sum(tail.count(code) for tail in self.tails.values())
            wanted = any(instance.tippable[stop] >> facility & 1 for stop in self.stops)
            for _ in range(used + wanted):
                self.copies.setdefault(code, []).append(len(self.nodes))
                self.nodes.append(Node(code, instance.location[code]))
        for truck in self.trucks:
            codes = [code for code in truck.head if code >= 0]
            self.nodes.append(Node(-1, instance.location[codes[-1]] if codes else truck.start))
        for truck in self.trucks:
            self.nodes.append(Node(-1, -1 if truck.end is None else truck.end))

    def _matrix(self, legs: Sequence[Sequence[int]], extra: Callable[[Node, Node], int]) -> list[list[int]]:
        """Return ``legs`` between nodes plus ``extra``; a leg that does not exist becomes `MOST`."""
        return [
            [
                extra(origin, to)
                if origin.location < 0 or to.location < 0
                else min(MOST, legs[origin.location][to.location] + extra(origin, to))
                for to in self.nodes
            ]
            for origin in self.nodes
        ]

    # --- rules ---

    def _costs(self) -> None:
        """Metres and moved stops on the arcs, fixed cost on the truck."""
        known: dict[tuple[int, int, int], int] = {}
        for vehicle, truck in enumerate(self.trucks):
            moved_cost = self.instance.moved_cost
            key = (truck.profile, truck.cost_per_m, truck.number if moved_cost else -1)
            if key not in known:
                legs = self.instance.distance_m[truck.profile]
                per_m = truck.cost_per_m
                price = {
                    stop: moved_cost * self.instance.moved(truck.number, stop) if moved_cost else 0
                    for stop in self.stops
                }
                priced = [[min(MOST, leg * per_m) for leg in row] for row in legs] if per_m != 1 else legs
                known[key] = self.model.RegisterTransitMatrix(
                    self._matrix(priced, lambda _, to, price=price: price.get(to.code, 0))  # type: ignore[misc]
                )
            self.model.SetArcCostEvaluatorOfVehicle(known[key], vehicle)
            if truck.needs_route:
                self.model.SetVehicleUsedWhenEmpty(True, vehicle)
            elif truck.cost_fixed:
                self.model.SetFixedCostOfVehicle(min(MOST, truck.cost_fixed), vehicle)

    def _times(self) -> None:
        """Windows, shifts, overtime, the longest duration, the price of seconds."""
        known: dict[int, int] = {}
        for truck in self.trucks:
            if truck.profile not in known:
                known[truck.profile] = self.model.RegisterTransitMatrix(
                    self._matrix(
                        self.instance.duration_s[truck.profile],
                        lambda origin, _: 0 if origin.code < 0 else self.instance.service_s[origin.code],
                    )
                )
        horizon_s = max(min(MOST // 2, t.latest_s + t.overtime_s) for t in self.trucks)
        self.model.AddDimensionWithVehicleTransits(
            [known[truck.profile] for truck in self.trucks], horizon_s if self._waits() else 0, horizon_s, False, "time"
        )
        self.time = self.model.GetDimensionOrDie("time")
        for node, index in self._index.items():
            _allow(self.time.CumulVar(index), self.instance.hours[self.nodes[node].code], horizon_s)
        for vehicle, truck in enumerate(self.trucks):
            start, end = self.model.Start(vehicle), self.model.End(vehicle)
            self.time.CumulVar(start).SetMin(min(self.ready_s[vehicle], horizon_s))
            self.time.CumulVar(end).SetMax(min(horizon_s, truck.latest_s + truck.overtime_s))
            if truck.overtime_s and truck.cost_per_overtime_s:
                self.time.SetCumulVarSoftUpperBound(end, min(truck.latest_s, horizon_s), truck.cost_per_overtime_s)
            elapsed_s = self.ready_s[vehicle] - truck.earliest_s if truck.head else 0
            longest_s = truck.max_duration_s + truck.overtime_s - truck.used_s - elapsed_s
            if longest_s < truck.latest_s + truck.overtime_s - self.ready_s[vehicle]:
                self.time.SetSpanUpperBoundForVehicle(max(0, longest_s), vehicle)
            if truck.cost_per_s:
                self.time.SetSpanCostCoefficientForVehicle(truck.cost_per_s, vehicle)

    def _waits(self) -> bool:
        """Whether anybody may have to wait: without windows and breaks the model is quicker without it."""
        return any(truck.breaks for truck in self.trucks) or any(
            self.instance.hours[self.nodes[node].code] is not None for node in self._index
        )

    def _breaks(self) -> None:
        """Breaks still to come; the model may take them before the start or after the end, as the contract may."""
        service_s = [0] * self.model.Size()
        for node, index in self._index.items():
            service_s[index] = self.instance.service_s[self.nodes[node].code]
        for vehicle, truck in enumerate(self.trucks):
            pauses = [
                self.model.solver().FixedDurationIntervalVar(
                    max(hours[0][0], 0), hours[-1][1], duration_s, False, f"break {vehicle} {number}"
                )
                for number, (hours, duration_s) in enumerate(truck.breaks)
                if hours and -1 - number not in truck.head and hours[-1][1] >= self.ready_s[vehicle]
            ]
            if pauses:
                self.time.SetBreakIntervalsOfVehicle(pauses, vehicle, service_s)

    def _loads(self) -> None:
        """What is on board of each material, in kg and l, emptied by tips; empty at the end where it must be."""
        materials = {self.instance.material[stop] for stop in self.stops}
        materials |= {
            hold[0] for t in self.trucks for one in self.judge.heads[t.number].loadings[:1] for hold in one.cargo
        }
        for material in sorted(materials - {-1}):
            mine = [stop for stop in self.stops if self.instance.material[stop] == material]
            seen = not any(truck.tip_before_end for truck in self.trucks)  # whether the end can tell empty from not
            for number, amounts in enumerate((self.instance.kg, self.instance.litres)):
                caps = [_room(truck, material, number + 1) for truck in self.trucks]
                total = sum(amounts[stop] for stop in mine)
                if min(caps) < min(MOST, total + 1):
                    self._load(f"{material} {number}", {s: amounts[s] for s in mine}, caps, material, number + 1)
                    seen = seen or all(amounts[stop] for stop in mine)
            if not seen or any(hold[0] == material for t in self.trucks for hold in self._on_board(t)):
                self._load(f"{material} aboard", dict.fromkeys(mine, 1), [MOST] * len(self.trucks), material, 0)

    def _load(self, name: str, amounts: dict[int, int], caps: list[int], material: int, field: int) -> None:
        """Add a dimension for ``amounts``; ``field`` of a hold is what is on board already (0: one load)."""
        most = min(MOST, max(caps))
        instance = self.instance
        emptied = {
            node
            for code, nodes in self.copies.items()
            if material in instance.accepts[code - instance.stops]
            for node in nodes
        }
        change = [amounts.get(node.code, 0) for node in self.nodes]
        for node in emptied:
            change[node] = -most
        transit = self.model.RegisterUnaryTransitVector(change)
        self.model.AddDimensionWithVehicleCapacity(transit, most, [min(MOST, cap) for cap in caps], False, name)
        dimension = self.model.GetDimensionOrDie(name)
        for node, index in self._index.items():
            if node not in emptied:
                dimension.SlackVar(index).SetValue(0)
        for vehicle, truck in enumerate(self.trucks):
            start = self.model.Start(vehicle)
            dimension.SlackVar(start).SetValue(0)
            on_board = [hold for hold in self._on_board(truck) if hold[0] == material]
            loaded = len(on_board) if field == 0 else sum(hold[field] for hold in on_board)
            dimension.CumulVar(start).SetValue(min(loaded, caps[vehicle]))
            if truck.tip_before_end:
                dimension.CumulVar(self.model.End(vehicle)).SetMax(0)

    def _on_board(self, truck: Truck) -> Cargo:
        return self.judge.heads[truck.number].loadings[0].cargo

    def _day_caps(self) -> None:
        """Stops and kg of the day that are left to each truck."""
        stops = self.instance.stops
        for name, limits, amounts_of in (
            ("day stops", [t.room_stops for t in self.trucks], [1] * stops),
            ("day kg", [t.room_kg for t in self.trucks], self.instance.kg),
        ):
            if min(limits) >= MOST:
                continue
            taken = [sum(amounts_of[c] for c in t.head if 0 <= c < stops) for t in self.trucks]
            amounts = [amounts_of[n.code] if 0 <= n.code < stops else 0 for n in self.nodes]
            caps = [max(0, min(MOST, limit - used)) for limit, used in zip(limits, taken, strict=True)]
            self.model.AddDimensionWithVehicleCapacity(
                self.model.RegisterUnaryTransitVector(amounts), 0, caps, True, name
            )

    def _who_may_serve(self) -> None:
        """Materials, skills, locks, sizes."""
        for stop in self.stops:
            allowed = [v for v, t in enumerate(self.trucks) if self.instance.may_serve[t.number][stop]]
            if len(allowed) < len(self.trucks):
                self.model.VehicleVar(self._index[self.node_of[stop]]).SetValues([-1, *allowed])

    def _left_out(self) -> None:
        """A stop left out costs its prize; a required one more than all the rest together; a tip nothing."""
        spent = self.solution.rank[1]
        penalty = min(MOST, 2 * spent + 1_000_000)
        for stop in self.stops:
            price = penalty if self.instance.required[stop] else min(self.instance.prize[stop], penalty // 2)
            self.model.AddDisjunction([self._index[self.node_of[stop]]], price)
        for nodes in self.copies.values():
            for node in nodes:
                self.model.AddDisjunction([self._index[node]], 0)

    # --- search ---

    def search(self, budget: Budget, share: float, report: Report) -> Solution:
        """Search from the solution for ``share`` of the time that is left, and return the best judged one."""
        parameters = pywrapcp.DefaultRoutingSearchParameters()
        parameters.first_solution_strategy = (
            routing_enums_pb2.FirstSolutionStrategy.PARALLEL_CHEAPEST_INSERTION  # where the plan cannot be read
        )
        parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        parameters.ls_operator_neighbors_ratio = 1
        parameters.lns_time_limit.FromSeconds(UNHURRIED_S)
        if budget.deadline is not None:
            parameters.time_limit.FromMilliseconds(max(1, int(1000 * share * budget.left_s())))
        if budget.iterations is not None:
            parameters.solution_limit = max(1, int(share * (budget.iterations - budget.done)))
        self.model.CloseModelWithParameters(parameters)
        if budget.iterations is not None:  # where nothing can be found, solutions are never counted
            self.model.AddSearchMonitor(self.model.solver().FailuresLimit(FAILURES * parameters.solution_limit))
        watch = _Watch(self, budget, report)
        self.model.AddAtSolutionCallback(watch)
        plan = self.model.ReadAssignmentFromRoutes(self._as_indices(), True)
        try:
            if plan is None:
                self.model.SolveWithParameters(parameters)
            else:
                self.model.SolveFromAssignmentWithParameters(plan, parameters)
        finally:
            watch.let_go()
        return self.best

    def _as_indices(self) -> list[list[int]]:
        spare = {code: list(nodes) for code, nodes in self.copies.items()}
        return [
            [
                self._index[self.node_of[code] if code < self.instance.stops else spare[code].pop(0)]
                for code in self.tails[truck.number]
            ]
            for truck in self.trucks
        ]

    def tails_now(self) -> dict[int, tuple[int, ...]]:
        """Return where each truck goes in the solution the search stands at."""
        tails = {}
        for vehicle, truck in enumerate(self.trucks):
            index = self.model.NextVar(self.model.Start(vehicle)).Value()
            tail = []
            while not self.model.IsEnd(index):
                tail.append(self.nodes[self.manager.IndexToNode(index)].code)
                index = self.model.NextVar(index).Value()
            tails[truck.number] = tuple(tail)
        return tails

    def judged(self, tails: dict[int, tuple[int, ...]], budget: Budget) -> Solution:
        """Return ``tails`` as a lawful solution: routes that do not hold are emptied and their stops inserted."""
        solution = begin(self.judge)
        for number, tail in tails.items():
            truck = self.instance.trucks[number]
            visits = tidy(self.instance, number, (*truck.head, *tail))
            if len(visits) == len(truck.head) and not truck.needs_route:
                continue
            route = self.best.routes[number]
            if route is None or route.visits != visits or self.instance.limited:
                route = self.judge.judge(number, visits, solution.sites(number))
            if route is not None:
                solution = solution.with_route(number, route)
        return insert(self.judge, solution, sorted(solution.left_out), budget=budget)


class _Watch:
    """Called at every solution of the search: judges the better ones, stops it when the budget is over."""

    def __init__(self, model: Model, budget: Budget, report: Report) -> None:
        self._watched: Model | None = model
        self._budget = budget
        self._report = report
        self._cheapest: int | None = None

    def __call__(self) -> None:
        model = self._watched
        if model is None:
            return
        self._budget.done += 1
        if self._budget.stopped():
            model.model.CancelSearch()
        cost = model.model.CostVar().Value()
        if self._cheapest is not None and cost >= self._cheapest:
            return
        self._cheapest = cost
        solution = model.judged(model.tails_now(), self._budget)
        if solution.rank < model.best.rank:
            model.best = solution
            self._report(solution)

    def let_go(self) -> None:
        """Forget the model, which holds this in C++, where Python's collector sees no circle: it would never be freed."""
        self._watched = None


def _stranded(solution: Solution, truck: Truck) -> bool:
    route = solution.routes[truck.number]
    return route is not None and bool(route.stranded)


def _after_head(judge: Judge, solution: Solution, truck: Truck) -> int:
    """Return when ``truck`` can leave its last committed visit, breaks that fall among them included."""
    if not truck.head:
        return truck.earliest_s
    route = solution.routes[truck.number]
    if route is None:
        return truck.earliest_s
    head_visits = 0
    for code, begin_s in zip(route.all_visits, route.begins, strict=True):
        if head_visits < len(truck.head) and code == truck.head[head_visits]:
            head_visits += 1
            if head_visits == len(truck.head):
                service_s = truck.breaks[-1 - code][1] if code < 0 else judge.instance.service_s[code]
                return begin_s + service_s
    return truck.earliest_s


def _allow(variable: Any, hours: Hours, horizon_s: int) -> None:
    """Let ``variable`` be only in ``hours``."""
    if hours is None:
        return
    if not hours:
        variable.SetRange(horizon_s + 1, horizon_s + 1)
        return
    variable.SetMin(min(hours[0][0], horizon_s))
    variable.SetMax(min(hours[-1][1], horizon_s))
    for (_, latest), (earliest, _) in pairwise(hours):
        variable.RemoveInterval(latest + 1, earliest - 1)


def _room(truck: Truck, material: int, field: int) -> int:
    """Return what the truck's compartments can hold of ``material`` together: kg (1) or l (2)."""
    return min(
        MOST, sum(min(MOST, (kg, litres)[field - 1]) for materials, kg, litres in truck.boxes if material in materials)
    )
