"""A problem as a model of OR-Tools' routing library, with a descent from one whole plan to a better one.

The model says most rules exactly and leaves some wider than they are (materials that share a compartment, docks,
remaining tonnage, breaks among committed visits): what it gives is judged, and what does not hold is repaired by insertion.
What the model cannot say is therefore never missing in a plan.

What was learnt about the library (9.15):

- The model is closed with the search's own parameters before a plan is read into it, otherwise the default ones
  hold (google/or-tools #1841, #4273).
- ``ls_operator_neighbors_ratio`` stays 1: below, the search spins in null moves.
- Each copy of a facility widens every neighbourhood, so there are as few as the plan uses and one more.
- What a search may take inside one step (``lns_time_limit``, 0.1 s) is looked at on the wall clock: a process that is kept
  waiting in the middle of a step would lose a plan it had found, and be another one than the next time.
- From a plan of its own, guided local search finds next to nothing after its first descent, and the library's own iterated
  local search can neither begin with a plan (a hint is lost) nor be stopped. A descent that is called again and again
  (``FastSolveFromAssignment``, which leaves out the check that the judge makes anyway) can do both.
- Five operators descend nearly as far as the twenty of the defaults, in a quarter of the time.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from ortools.constraint_solver import pywrapcp, routing_enums_pb2
from ortools.util import optional_boolean_pb2

from optimizer.engines.baseline import insert, tidy
from optimizer.engines.instance import Cargo, Hours, Instance, Truck
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution

MOST: Final = 1 << 40
"""Of anything in the model: sums of it stay far from 64 bits."""
OPERATORS: Final = frozenset({"use_make_active", "use_relocate", "use_exchange", "use_two_opt", "use_cross"})
"""Of the library's local search. Measured: README."""
UNHURRIED_S: Final = 24 * 3600
"""For the library's own step at the end of each solution: no limit."""


@dataclass(frozen=True)
class Node:
    """A place in the model: a stop, a copy of a facility, or a truck's start or end."""

    code: int  # visit code; -1 for starts and ends
    location: int  # -1: nowhere, an end that is anywhere


class Model:
    """The routing model of one solution's problem; one method a rule."""

    def __init__(self, judge: Judge, solution: Solution, trucks: Collection[int]) -> None:
        """Build and close the model of these ``trucks``, none stranded, what they serve in ``solution`` and what it leaves out."""
        self.judge = judge
        self.instance: Instance = judge.instance
        self.solution = solution
        self.trucks = [self.instance.trucks[number] for number in sorted(trucks)]
        self.tails = {t.number: solution.visits(t.number)[len(t.head) :] for t in self.trucks}
        at_hand = solution.left_out.union(*self.tails.values())
        self.stops = [
            stop
            for stop in self.instance.free
            if stop in at_hand and any(self.instance.may_serve[t.number][stop] for t in self.trucks)
        ]
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
        self._parameters = _parameters()
        self.model.CloseModelWithParameters(self._parameters)

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
            hours = self.instance.hours[self.nodes[node].code]
            if hours is not None and not hours:
                self.model.ActiveVar(index).SetValue(0)  # open at no time
            else:
                _allow(self.time.CumulVar(index), hours, horizon_s)
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

    def descend(self, solution: Solution, budget: Budget) -> Solution | None:
        """Return the end of a local search from ``solution``, judged, or ``solution`` where it is the better one.

        None where a facility is used more often than the model has copies of it. ``solution`` serves and leaves out the same
        stops as the model's own with other trucks than the model's. Ends soon after the budget's deadline.
        """
        if not self.stops:
            return solution
        rows = self._as_indices(solution)
        if rows is None:
            return None
        if budget.deadline is not None:
            self._parameters.time_limit.FromMilliseconds(max(1, int(1000 * budget.left_s())))
        plan = self.model.ReadAssignmentFromRoutes(rows, True)
        found = plan and self.model.FastSolveFromAssignmentWithParameters(plan, self._parameters, False)
        if not found:
            return solution
        return min(solution, self._judged(solution, self._tails(found), budget), key=lambda one: one.rank)

    def _as_indices(self, solution: Solution) -> list[list[int]] | None:
        spare = {code: list(nodes) for code, nodes in self.copies.items()}
        rows = []
        for truck in self.trucks:
            row = []
            for code in solution.visits(truck.number)[len(truck.head) :]:
                if code < self.instance.stops:
                    row.append(self._index[self.node_of[code]])
                elif spare.get(code):
                    row.append(self._index[spare[code].pop(0)])
                else:
                    return None
            rows.append(row)
        return rows

    def _tails(self, found: Any) -> dict[int, tuple[int, ...]]:
        """Return where each truck goes in what the library found."""
        tails = {}
        for vehicle, truck in enumerate(self.trucks):
            index = found.Value(self.model.NextVar(self.model.Start(vehicle)))
            tail = []
            while not self.model.IsEnd(index):
                tail.append(self.nodes[self.manager.IndexToNode(index)].code)
                index = found.Value(self.model.NextVar(index))
            tails[truck.number] = tuple(tail)
        return tails

    def _judged(self, solution: Solution, tails: dict[int, tuple[int, ...]], budget: Budget) -> Solution:
        """Return ``solution`` with ``tails``, lawful: routes that do not hold are emptied and their stops inserted.

        Where one of these has to be driven, by what is in hand, all stays as it was.
        """
        changed: dict[int, tuple[int, ...]] = {}
        for number, tail in tails.items():
            visits = tidy(self.instance, number, (*self.instance.trucks[number].head, *tail))
            if visits != solution.visits(number):
                changed[number] = visits
        before = solution
        for number in changed:
            solution = solution.with_route(number, None)
        for number, visits in changed.items():
            truck = self.instance.trucks[number]
            if len(visits) == len(truck.head) and not truck.needs_route:
                continue
            route = self.judge.judge(number, visits, solution.sites(number))
            if route is not None:
                solution = solution.with_route(number, route)
            elif truck.needs_route:
                return before
        gone = sorted(solution.left_out - before.left_out)
        return insert(self.judge, solution, gone, budget=budget) if gone else solution


def _parameters() -> Any:
    parameters = pywrapcp.DefaultRoutingSearchParameters()
    parameters.local_search_metaheuristic = routing_enums_pb2.LocalSearchMetaheuristic.GREEDY_DESCENT
    parameters.ls_operator_neighbors_ratio = 1
    parameters.lns_time_limit.FromSeconds(UNHURRIED_S)
    operators = parameters.local_search_operators
    for operator in operators.DESCRIPTOR.fields:
        wanted = operator.name in OPERATORS
        setattr(operators, operator.name, optional_boolean_pb2.BOOL_TRUE if wanted else optional_boolean_pb2.BOOL_FALSE)
    return parameters


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
    variable.SetMin(min(hours[0][0], horizon_s))
    variable.SetMax(min(hours[-1][1], horizon_s))
    for (_, latest), (earliest, _) in pairwise(hours):
        variable.RemoveInterval(latest + 1, earliest - 1)


def _room(truck: Truck, material: int, field: int) -> int:
    """Return what the truck's compartments can hold of ``material`` together: kg (1) or l (2)."""
    return min(
        MOST, sum(min(MOST, (kg, litres)[field - 1]) for materials, kg, litres in truck.boxes if material in materials)
    )
