"""Which facility takes which stop's load, where their tonnage for the day hardly suffices: a packing problem, for CP-SAT.

A search moves some stops at a time and may never find the one way in which the loads fit all sites; the constraint solver,
begun with what the search found, may. Distances are only those from stop to site: trips are the search's business.
"""

from collections.abc import Mapping
from typing import Final

from ortools.sat.python import cp_model

from optimizer.engines.beginning import begin
from optimizer.engines.instance import NO_LIMIT
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge, Sites
from optimizer.engines.solution import Solution

SHARE: Final = 0.3
"""Of the time that is left, for packing and for coming nearer, each, at most."""
EFFORT: Final = 2.0
"""The same where steps are counted, in the solver's deterministic seconds."""


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
    packing.come_nearer(sum(required[stop] for stop in packed))
    return packing.solved(packed, budget, seed) or packed


class _Packing:
    """The model: a facility for each free stop, within what the facilities can take; at first as many stops as possible."""

    def __init__(self, judge: Judge) -> None:
        self.instance = instance = judge.instance
        room_kg = _room_kg(judge)
        self.model = cp_model.CpModel()
        self.chosen = {
            (stop, facility): self.model.new_bool_var("")
            for stop in instance.free
            for facility in range(instance.facilities)
            if instance.tippable[stop] >> facility & 1 and instance.kg[stop] <= room_kg[facility]
        }
        for stop in instance.free:
            self.model.add_at_most_one(var for (one, _), var in self.chosen.items() if one == stop)
        for facility in range(instance.facilities):
            if instance.remaining_kg[facility] < NO_LIMIT:
                loads = [instance.kg[stop] * var for (stop, one), var in self.chosen.items() if one == facility]
                self.model.add(sum(loads) <= room_kg[facility])
        self.served = sum(var for (stop, _), var in self.chosen.items() if instance.required[stop])
        self.model.maximize(self.served)

    def come_nearer(self, served: int) -> None:
        """Want the facilities near from now on, with at least so many required stops served."""
        instance = self.instance
        self.model.add(self.served >= served)
        legs = {
            (s, f): instance.distance_m[0][instance.location[s]][instance.location[instance.stops + f]]
            for s, f in self.chosen
        }
        farthest_m = max(legs.values())
        self.model.maximize(sum((farthest_m + 1 - legs[key]) * var for key, var in self.chosen.items()))

    def solved(self, begun: Mapping[int, int], budget: Budget, seed: int) -> Mapping[int, int] | None:
        """Return the best allotment that is found from ``begun`` on."""
        self.model.clear_hints()
        for (stop, facility), var in self.chosen.items():
            self.model.add_hint(var, begun.get(stop) == facility)
        solver = cp_model.CpSolver()
        solver.parameters.num_workers = 1
        solver.parameters.random_seed = seed
        if budget.deadline is None:
            solver.parameters.max_deterministic_time = EFFORT
        else:
            solver.parameters.max_time_in_seconds = SHARE * budget.left_s()
        if solver.solve(self.model) not in {cp_model.OPTIMAL, cp_model.FEASIBLE}:
            return None
        return {stop: facility for (stop, facility), var in self.chosen.items() if solver.value(var)}


def _room_kg(judge: Judge) -> list[int]:
    """Return what each facility can take beside what trucks have to tip there anyway."""
    sites = Sites(judge.instance)
    for route in begin(judge).routes:
        for one in () if route is None else route.unloadings:
            sites.unloadings.setdefault(one.facility, []).append(one)
    return [max(0, sites.free_kg(facility)) for facility in range(judge.instance.facilities)]


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
