"""Greedy insertion: always the stop that would suffer most from waiting, where it costs least.

It keeps every rule, because every route is judged before it is taken, and it is quick. It gives the plan that the
other engines begin with, takes new stops into a running plan, and fills up what they have left out.
"""

import random
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

import numpy as np

from optimizer.engines.insertion import Gaps, Way
from optimizer.engines.instance import NO_WAY, Instance
from optimizer.engines.interface import Budget, Report
from optimizer.engines.route import Judge, TimedRoute
from optimizer.engines.solution import Solution

TRIES: Final = 12
"""Ways into one truck that are judged before it is given up for a stop."""

OVERLOOKED: Final = 0.02
"""Of the ways in, so many are overlooked where chance is wanted."""

Memory = dict[int, Gaps]
"""Of a truck: the gaps of its route as last looked at."""


def baseline(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:  # noqa: ARG001  # greedy needs no chance
    """Insert what is left out, and leave the rest as it is."""
    better = insert(judge, solution, sorted(solution.left_out), budget=budget)
    report(better)
    return better


def fill(judge: Judge, solution: Solution, budget: Budget) -> Solution:
    """Insert what is left out; where required stops find no place, optional ones that are served make room for them."""
    if budget.is_late():
        return solution
    better = insert(judge, solution, sorted(solution.left_out), budget=budget)
    required, may_serve = judge.instance.required, judge.instance.may_serve
    if any(required[stop] and any(may[stop] for may in may_serve) for stop in better.left_out):
        optional = [stop for stop in judge.instance.free if not required[stop] and stop not in better.left_out]
        if optional:
            roomy = remove(judge, better, optional)
            roomy = insert(judge, roomy, sorted(roomy.left_out), budget=budget)
            better = min(better, roomy, key=lambda one: one.rank)
    return better


def insert(
    judge: Judge,
    solution: Solution,
    stops: Sequence[int],
    *,
    budget: Budget,
    in_order: bool = False,
    memory: Memory | None = None,
    chance: random.Random | None = None,
) -> Solution:
    """Return ``solution`` with as many of ``stops`` as fit, required ones first.

    Parameters
    ----------
    stops
        Left out in ``solution``.
    budget
        Watched between insertions, so that even a large problem ends in time.
    in_order
        Take them as they come; otherwise the one first whose second best truck is so much worse than its best.
    memory
        Keeps what was worked out about routes from one call to the next.
    chance
        Overlooks a way in now and then, so that not always the same ones are taken.
    """
    required = [stop for stop in stops if judge.instance.required[stop]]
    optional = [stop for stop in stops if not judge.instance.required[stop]]
    for todo in (required, optional):
        if todo:
            solution = _Inserting(judge, solution, todo, {} if memory is None else memory, chance).run(
                budget, in_order=in_order
            )
    return solution


class _Inserting:
    """Stops on their way into a solution: for each truck and stop the cheapest way in that is known."""

    def __init__(
        self, judge: Judge, solution: Solution, todo: Sequence[int], memory: Memory, chance: random.Random | None
    ) -> None:
        self.memory = memory
        self.chance = chance
        self.judge = judge
        self.solution = solution
        self.todo = list(todo)
        self.open = list(range(len(self.todo)))  # columns of the stops still to come
        self.instance: Instance = judge.instance
        trucks = [t.number for t in self.instance.trucks if not _is_stranded(solution, t.number)]
        self.trucks = [truck for truck in trucks if self.instance.may_serve[truck][self.todo].any()]
        self.costs = np.full((len(self.trucks), len(self.todo)), float(NO_WAY))
        self.ways: list[list[Way | None]] = [[] for _ in self.trucks]
        self.gaps: list[Gaps] = []
        self.unused: dict[int, int] = {}  # of trucks that are alike and not used: the line of the first
        for line in range(len(self.trucks)):
            self.gaps.append(self._look(line))
        self.unused = {}

    def _look(self, line: int) -> Gaps:
        gaps = self._gaps_of(self.trucks[line])
        if gaps.route is None:
            twin = self.instance.alike[self.trucks[line]]
            if twin in self.unused:
                self.ways[line] = self.ways[self.unused[twin]]
                self.costs[line] = self.costs[self.unused[twin]]
                return gaps
            self.unused[twin] = line
        ways: list[Way | None] = [None] * len(self.todo)
        for column, way in zip(self.open, gaps.best_ways([self.todo[c] for c in self.open]), strict=True):
            if way is not None and not (self.chance is not None and self.chance.random() < OVERLOOKED):
                ways[column] = way
        self.ways[line] = ways
        self.costs[line] = [NO_WAY if way is None else way.cost for way in ways]
        return gaps

    def _gaps_of(self, truck: int) -> Gaps:
        """Return the gaps of a route, remembered as long as neither it nor what others do at limited sites changes."""
        route = self.solution.routes[truck]
        known = self.memory.get(truck)
        if known is not None and known.route is route:
            sites = self.solution.sites(truck)
            if sites is None or sites.same_as(known.sites):
                return known
        gaps = self.memory[truck] = Gaps(self.judge, self.solution, self.instance.trucks[truck])
        return gaps

    def run(self, budget: Budget, *, in_order: bool) -> Solution:
        while self.trucks and self.open and not budget.is_late():
            column = self._next(in_order=in_order)
            placed = self._place(column, self.todo[column])
            self.open.remove(column)
            if placed is None:
                continue
            line, route = placed
            self.solution = self.solution.with_route(self.trucks[line], route)
            if self.open:
                self.gaps[line] = self._look(line)
        return self.solution

    def _next(self, *, in_order: bool) -> int:
        if in_order:
            return self.open[0]
        costs = self.costs[:, self.open]
        if len(self.trucks) == 1:
            return self.open[int(costs[0].argmin())]
        two = np.partition(costs, 1, axis=0)[:2]
        return self.open[int((two[1] - two[0] * (1 + 1e-6)).argmax())]

    def _place(self, column: int, stop: int) -> tuple[int, TimedRoute] | None:
        """Return the truck's line and its judged route with ``stop``, the cheapest one that holds."""
        best: tuple[int, TimedRoute] | None = None
        best_cost = float(NO_WAY) if self.instance.required[stop] else float(self.instance.prize[stop])
        for line in np.argsort(self.costs[:, column], kind="stable").tolist():
            if self.costs[line, column] >= best_cost:
                break
            route = self._into(line, column, stop, best_cost)
            if route is None:
                continue
            cost = self._added(line, route)
            if cost < best_cost:
                best, best_cost = (line, route), cost
        return best

    def _into(self, line: int, column: int, stop: int, below: float) -> TimedRoute | None:
        way = self.ways[line][column]
        if way is None:
            return None
        route = self._judged(line, way, stop)
        if route is not None:
            return route
        self.gaps[line] = self._gaps_of(self.trucks[line])  # others may unload at its sites by now
        for other in islice(self.gaps[line].ranked_ways(stop), TRIES):
            if other.cost >= below:
                break
            route = self._judged(line, other, stop)
            if route is not None:
                return route
        return None

    def _judged(self, line: int, way: Way, stop: int) -> TimedRoute | None:
        truck = self.trucks[line]
        visits = way.into(self.gaps[line].visits, stop, self.instance.stops)
        return self.judge.judge(truck, visits, self.solution.sites(truck))

    def _added(self, line: int, route: TimedRoute) -> int:
        before = self.gaps[line].route
        return route.cost - (0 if before is None else before.cost)


def _is_stranded(solution: Solution, truck: int) -> bool:
    route = solution.routes[truck]
    return route is not None and bool(route.stranded)


def remove(judge: Judge, solution: Solution, stops: Iterable[int]) -> Solution:
    """Return ``solution`` without ``stops``; tips that would empty nothing go with them.

    A route that no longer holds without them (a way that only they made possible) keeps them.
    """
    gone = set(stops)
    for route in solution.routes:
        if route is None or gone.isdisjoint(route.visits):
            continue
        truck = judge.instance.trucks[route.truck]
        visits = tidy(judge.instance, truck.number, [code for code in route.visits if code not in gone])
        shorter: TimedRoute | None = None
        if visits or truck.needs_route:
            shorter = judge.judge(truck.number, visits, solution.sites(truck.number))
            if shorter is None:
                continue
        solution = solution.with_route(truck.number, shorter)
    return solution


def tidy(instance: Instance, truck: int, visits: Sequence[int]) -> tuple[int, ...]:
    """Return ``visits`` without tips, behind the head, that empty nothing."""
    carrier = instance.trucks[truck]
    kept: list[int] = list(visits[: len(carrier.head)])
    on_board = _masks_after(instance, truck, kept)
    for code in visits[len(carrier.head) :]:
        if 0 <= code < instance.stops:
            on_board.append(instance.tippable[code])
        elif not any(mask >> (code - instance.stops) & 1 for mask in on_board):
            continue
        else:
            on_board = [mask for mask in on_board if not mask >> (code - instance.stops) & 1]
        kept.append(code)
    return tuple(kept)


def _masks_after(instance: Instance, truck: int, visits: Sequence[int]) -> list[int]:
    on_board = [hold[3] for hold in instance.trucks[truck].cargo if hold[0] >= 0]
    for code in visits:
        if 0 <= code < instance.stops:
            on_board.append(instance.tippable[code])
        elif code >= instance.stops:
            on_board = [mask for mask in on_board if not mask >> (code - instance.stops) & 1]
    return on_board
