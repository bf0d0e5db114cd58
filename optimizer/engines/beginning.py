"""The first solution: committed heads, trucks that must tip what they carry, and the running plan as far as it holds."""

from collections.abc import Iterator
from itertools import permutations
from typing import Final

from optimizer.engines.instance import Instance, Truck
from optimizer.engines.route import NOTHING, Judge, Sites, TimedRoute
from optimizer.engines.solution import Solution
from optimizer.engines.tips import with_tips

NOBODY: Final = -1
"""No truck's number: beside it all others are."""
RULES: Final = ("cannot_tip", "break_impossible", "committed_impossible")
"""What a stranded truck may be forgiven, in this order; more than one only where one is not enough."""


def begin(judge: Judge) -> Solution:
    """Return the solution in which every truck does what it must and nothing else."""
    instance = judge.instance
    served = {code for truck in instance.trucks for code in _reached(judge, truck) if 0 <= code < instance.stops}
    solution = Solution(
        instance, tuple(None for _ in instance.trucks), frozenset(range(instance.stops)) - frozenset(served)
    )
    for truck in sorted(instance.trucks, key=lambda truck: not truck.head):
        if truck.needs_route:
            route = obliged_route(judge, truck, solution.sites(truck.number))
            solution = solution.with_route(truck.number, route)
    return solution


def _reached(judge: Judge, truck: Truck) -> tuple[int, ...]:
    return truck.head[: judge.heads[truck.number].reachable]


def obliged_route(judge: Judge, truck: Truck, sites: Sites | None) -> TimedRoute:
    """Return the cheapest lawful route that does only what ``truck`` must; if there is none, a stranded one."""
    cut = judge.heads[truck.number].reachable < len(truck.head)
    for forgiven in _forgiven():
        if cut and "committed_impossible" not in forgiven:
            continue
        routes = [
            route
            for visits in _obliged_visits(judge, truck)
            if (route := judge.judge(truck.number, visits, sites, forgiven)) is not None
        ]
        if routes:
            return min(routes, key=lambda route: (route.cost, route.end_s))
    raise AssertionError(f"{truck.id}: nothing is left to forgive")  # with all three, no rule can fail


def _forgiven() -> Iterator[frozenset[str]]:
    yield NOTHING
    for rule in RULES:
        yield frozenset({rule})
    for first, second in ((0, 1), (0, 2), (1, 2)):
        yield frozenset({RULES[first], RULES[second]})
    yield frozenset(RULES)


def _obliged_visits(judge: Judge, truck: Truck) -> Iterator[tuple[int, ...]]:
    """Yield the head, then the head with one tip, two tips, … as many as compartments are full."""
    instance = judge.instance
    head = judge.heads[truck.number]
    done = _reached(judge, truck)
    yield done
    if len(done) < len(truck.head):
        return
    for loading in head.loadings[:1]:
        full = [hold for hold in loading.cargo if hold[0] >= 0]
        useful = [f for f in range(instance.facilities) if any(hold[3] >> f & 1 for hold in full)]
        for count in range(1, len(full) + 1):
            for tips in permutations(useful, count):
                yield (*done, *(instance.stops + f for f in tips))


def free_kg(judge: Judge) -> list[int]:
    """Return what each facility can take beside what trucks have to tip there anyway."""
    sites = begin(judge).sites(NOBODY) or Sites(judge.instance)
    return [max(0, sites.free_kg(facility)) for facility in range(judge.instance.facilities)]


def running_plan(instance: Instance, truck: Truck) -> list[int]:
    """Return the stops that ``truck`` still has from the running plan, behind its head, in its order."""
    numbers = {stop.id: number for number, stop in enumerate(instance.problem.stops)}
    free = set(instance.free)
    return [
        numbers[stop]
        for route in instance.problem.previous or ()
        if route.vehicle == truck.id
        for stop in route.stops
        if numbers.get(stop) in free
    ]


def resume(judge: Judge, solution: Solution) -> Solution:
    """Return ``solution`` with the running plan in it, as far as it still holds: each route cut where it does not."""
    for truck in judge.instance.trucks:
        stops = [stop for stop in running_plan(judge.instance, truck) if judge.instance.may_serve[truck.number][stop]]
        route = solution.routes[truck.number]
        if route is not None and route.stranded:
            continue
        stops = [stop for stop in dict.fromkeys(stops) if stop in solution.left_out]
        while stops:
            visits = with_tips(judge, truck, stops)
            longer = None if visits is None else judge.judge(truck.number, visits, solution.sites(truck.number))
            if longer is not None:
                solution = solution.with_route(truck.number, longer)
                break
            stops.pop()
    return solution
