"""Which facility takes which stop's load, where their tonnage for the day hardly suffices: a packing problem, for CP-SAT.

A search moves some stops at a time and may never find the one way in which the loads fit all sites; the constraint solver,
begun with what the search found, may. Distances are only those from stop to site: trips are the search's business.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any, Final

from ortools.sat.python import cp_model

from optimizer.engines.beginning import free_kg
from optimizer.engines.instance import NO_LIMIT, NO_WAY, Instance
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution

SHARE: Final = 0.3
"""Of the time that is left, for packing and for coming nearer, each, at most."""
EFFORT: Final = 2.0
"""The same where steps are counted, in the solver's deterministic seconds."""
LOOK_EVERY_S: Final = 0.05
"""Between two looks at whether somebody said stop."""
MOST_SEEDS: Final = 1 << 31


def allot(judge: Judge, solution: Solution, budget: Budget, seed: int) -> Mapping[int, int] | None:
    """Return a facility for more required stops than ``solution`` serves, near each stop as far as time allows; else None.

    What trucks carry and are committed to is tipped first. Blocks for twice `SHARE` of what is left of the budget at most.
    """
    packing = _Packing(judge)
    begun = _allotted(solution)
    packed = packing.solved(begun, budget, seed)
    required = judge.instance.required
    if packed is None or sum(required[stop] for stop in packed) <= sum(required[stop] for stop in begun):
        return None
    if budget.is_late():
        return packed
    packing.come_nearer(sum(required[stop] for stop in packed))
    return packing.solved(packed, budget, seed) or packed


class _Packing:
    """The model: a facility for each free stop, within what the facilities can take; at first as many stops as possible."""

    def __init__(self, judge: Judge) -> None:
        self.instance = instance = judge.instance
        self.model = cp_model.CpModel()
        room_kg = free_kg(judge)
        self.legs_m: dict[tuple[int, int], int] = {}
        self.chosen: dict[tuple[int, int], Any] = {}
        loads: list[list[Any]] = [[] for _ in range(instance.facilities)]
        for stop in instance.servable():
            of_stop = []
            for facility, leg_m in _within_reach(instance, stop):
                if instance.kg[stop] <= room_kg[facility]:
                    var = self.chosen[stop, facility] = self.model.new_bool_var("")
                    self.legs_m[stop, facility] = leg_m
                    of_stop.append(var)
                    loads[facility].append(instance.kg[stop] * var)
            self.model.add_at_most_one(of_stop)
        for facility, most_kg in enumerate(instance.remaining_kg):
            if most_kg < NO_LIMIT and loads[facility]:
                self.model.add(sum(loads[facility]) <= room_kg[facility])
        self.served = sum(var for (stop, _), var in self.chosen.items() if instance.required[stop])
        self.model.maximize(self.served)

    def come_nearer(self, served: int) -> None:
        """Want the facilities near from now on, with at least so many required stops served."""
        self.model.add(self.served >= served)
        farthest_m = max(self.legs_m.values())
        self.model.maximize(sum((farthest_m + 1 - self.legs_m[key]) * var for key, var in self.chosen.items()))

    def solved(self, begun: Mapping[int, int], budget: Budget, seed: int) -> Mapping[int, int] | None:
        """Return the best allotment that is found from ``begun`` on."""
        self.model.clear_hints()
        for (stop, facility), var in self.chosen.items():
            self.model.add_hint(var, begun.get(stop) == facility)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = seed % MOST_SEEDS
        if budget.deadline is None:
            solver.parameters.max_deterministic_time = EFFORT
        else:
            solver.parameters.max_time_in_seconds = SHARE * budget.left_s()
        with ThreadPoolExecutor(1) as pool:  # it looks at nothing but its own clock
            solving = pool.submit(solver.solve, self.model)
            while not wait([solving], LOOK_EVERY_S).done:
                if budget.stopped():
                    solver.stop_search()
        if solving.result() not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
            return None
        return {stop: facility for (stop, facility), var in self.chosen.items() if solver.value(var)}


def _within_reach(instance: Instance, stop: int) -> Iterator[tuple[int, int]]:
    """Yield each facility that may take the stop's load and can be reached from it, with the metres to it."""
    for facility in range(instance.facilities):
        if instance.tippable[stop] >> facility & 1:
            here, there = instance.location[stop], instance.location[instance.stops + facility]
            leg_m = min(legs[here][there] for legs in instance.distance_m)
            if leg_m < NO_WAY:
                yield facility, leg_m


def _allotted(solution: Solution) -> dict[int, int]:
    """Return where each free stop's load is tipped in ``solution``."""
    instance = solution.instance
    free = set(instance.free)
    found: dict[int, int] = {}
    for route in solution.routes:
        on_board: list[int] = []
        for code in () if route is None else route.visits:
            if code in free:
                on_board.append(code)
            elif code >= instance.stops:
                facility = code - instance.stops
                found |= {stop: facility for stop in on_board if instance.tippable[stop] >> facility & 1}
                on_board = [stop for stop in on_board if not instance.tippable[stop] >> facility & 1]
    return found
