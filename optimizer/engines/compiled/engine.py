"""The compiled loops as an engine: the problem told in arrays, its best plans judged before they are offered."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from threading import Lock
from typing import Final, NamedTuple

import numpy as np

from optimizer.engines.baseline import insert
from optimizer.engines.beginning import obliged_route
from optimizer.engines.compiled.native import Manner, Search
from optimizer.engines.compiled.tables import NEVER, Numbers, Tables, tables
from optimizer.engines.interface import Budget, Report
from optimizer.engines.route import Judge, Sites, TimedRoute, Unloading
from optimizer.engines.solution import Solution

CHUNK_S: Final = 0.02
"""Between two looks at the clock."""
FIRST_CHUNK: Final = 50
STAGES: Final = 200
"""Temperatures, where the budget is a number of steps."""
OFFER_S: Final = 0.3
"""Between two offers at least: judging a plan of 300 stops takes milliseconds."""
COLD: Final = 0.02
"""Last temperature, in mean legs of the plan to begin with."""
SLOWLY: Final = 50.0
"""Steps for each stop. With fewer the search begins colder by as much, or it would end before it has settled."""
COLDEST: Final = 0.1
"""First temperature with next to no time."""
COOLING: Final = 10.0
"""Least ratio of the first to the last temperature."""
LONG_ROUTE: Final = 20.0
"""Mean stops of a route from which on more and longer strings are taken out."""
SHARED: Final = (0.3, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Parts of the budget after which searches side by side go on from the best plan of all."""
MORE: Final = 7_919
"""Between the seeds of searches side by side."""


class Style(NamedTuple):
    """First temperature, in mean legs; and the manners of its steps, in turn."""

    warm: float
    manners: tuple[Manner, ...]


SHORT: Final = Style(0.5, (Manner(10.0, 10.0, 12),))
LONG: Final = Style(1.0, (Manner(15.0, 20.0, 20),))
"""From nothing, for routes of fewer stops than `LONG_ROUTE`, and of more. Measured: README."""
NEAR: Final = Style(0.8, (Manner(5.0, 15.0, 20),))
FREE: Final = Style(1.2, (Manner(6.0, 20.0, 20), Manner(10.0, 60.0, 20)))
"""From a running plan, where stops that move have a price, and where they have none."""


def compiled_search(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """Improve ``solution`` until the budget is over; `tables.is_told` must be true of the problem.

    ``solution`` need not be complete: what it leaves out is put in within milliseconds. With several threads each searches
    from a seed of its own and goes on from the best plan of all now and then.
    """
    told = tables(judge, solution)
    crew = Crew(report)
    searches = [CompiledSearch(judge, solution, seed + MORE * number, told, crew) for number in range(budget.threads)]
    if budget.threads == 1:
        return searches[0].run(budget)
    with ThreadPoolExecutor(budget.threads) as pool:
        found: list[Solution] = list(pool.map(CompiledSearch.run, searches, repeat(budget)))
    return min(found, key=lambda one: one.rank)


class Crew:
    """What searches side by side share: the best plan of all, and one at a time who speaks of it."""

    def __init__(self, report: Report) -> None:
        self._lock = Lock()
        self._report = report
        self._energy = float("inf")
        self._rows: Numbers | None = None

    def report(self, solution: Solution) -> None:
        """Tell of a better plan."""
        with self._lock:
            self._report(solution)

    def count(self, budget: Budget, steps: int) -> None:
        """Note steps that were gone."""
        with self._lock:
            budget.done += steps

    def better(self, native: Search) -> Numbers | None:
        """Return the rows of the best plan, if some other search has a better one than this; else take this one's."""
        with self._lock:
            if native.energy <= self._energy:
                self._energy, self._rows = native.energy, native.best.copy()
                return None
            return self._rows


class CompiledSearch:
    """One search: its arrays, and the best plan the judge has seen."""

    def __init__(self, judge: Judge, solution: Solution, seed: int, told: Tables, crew: Crew) -> None:
        self.judge = judge
        self.instance = judge.instance
        self.first = self.best = solution
        self.tables = told
        self.crew = crew
        self.native = Search(told, seed)
        self._judged: dict[tuple[int, ...], TimedRoute] = {}
        self._offered = -1  # improvements when a plan was last offered
        self._offer_took_s = 0.0
        self._shared = 0  # times it was looked for a better plan of others
        self.went_on = self._start()

    def _start(self) -> bool:
        """Put the solution into the arrays. Returns whether most of it was there already."""
        n = self.instance.stops
        rows = np.zeros((len(self.instance.trucks), n + 2), dtype=np.int64)
        lengths = np.zeros(len(self.instance.trucks), dtype=np.int64)
        for route in self.first.routes:
            if route is not None and not route.stranded:
                stops = [code for code in route.visits[self._head(route.truck) :] if 0 <= code < n]
                rows[route.truck, : len(stops)] = stops
                lengths[route.truck] = len(stops)
        may = (self.tables.serve < NEVER) & (self.tables.truck["usable"][:, None] != 0)
        self.idle = not may.any()
        self._elsewhere = ~may.any(axis=0)
        self.native.start(self._elsewhere, rows, lengths)
        return bool(lengths.sum() > 0.5 * len(self.instance.free))

    def _head(self, truck: int) -> int:
        return len(self.instance.trucks[truck].head)

    def run(self, budget: Budget) -> Solution:
        """Search, and offer what is better."""
        self._offer()
        if self.idle:
            return self.best
        begun, whole_s, done = time.monotonic(), budget.left_s(), budget.done
        mean, style = self._mean_leg(), self._style()
        steps, offered_s, chunk = FIRST_CHUNK, begun, 0
        expected = float(steps)
        while not budget.is_over() and budget.left_s() > 2.0 * self._offer_took_s:
            before = time.monotonic()
            if budget.iterations is not None:
                expected = float(max(1, budget.iterations - done))
                passed = (budget.done - done) / expected
                steps = min(budget.iterations - budget.done, max(1, int(expected) // STAGES))
            else:
                passed = min(1.0, (before - begun) / max(whole_s, 1e-9))
            temperature = mean * self._warmth(style.warm, expected, passed)
            self.native.search(steps, temperature, style.manners[chunk % len(style.manners)])
            chunk += 1
            self.crew.count(budget, steps)
            self._share(passed, budget.threads)
            now = time.monotonic()
            if budget.iterations is None:
                steps = max(1, int(steps * min(2.0, CHUNK_S / max(now - before, 1e-6))))
                expected = (budget.done - done) / max(now - begun, 1e-6) * whole_s
            if now - offered_s > max(OFFER_S, 10 * self._offer_took_s):
                self._offer()
                offered_s = time.monotonic()
        self._offer()
        return self.best

    def _share(self, passed: float, threads: int) -> None:
        """Go on from the plan of another search, at each of `SHARED`, if it is better."""
        if threads == 1 or self._shared == len(SHARED) or passed < SHARED[self._shared]:
            return
        self._shared += 1
        rows = self.crew.better(self.native)
        if rows is not None:
            lengths, stops = np.ascontiguousarray(rows[:, 0]), np.zeros_like(rows)
            stops[:, :-1] = rows[:, 1:]
            self.native.start(self._elsewhere, stops, lengths)

    def _warmth(self, warm: float, expected: float, passed: float) -> float:
        """Return the temperature in mean legs when so much of the budget has passed, which is good for so many steps."""
        if not self.went_on:
            warm = min(warm, max(COLDEST, warm * expected / SLOWLY / max(1, len(self.instance.free))))
        cold = min(COLD, warm / COOLING)
        return float(warm * (cold / warm) ** passed)

    def _style(self) -> Style:
        """Return how to search, by what the plan to begin with is like."""
        if self.went_on:
            return NEAR if self.instance.moved_cost else FREE
        used = [int(row[0]) for row in self.native.best if row[0]]
        return LONG if used and sum(used) / len(used) > LONG_ROUTE else SHORT

    def _mean_leg(self) -> float:
        return max(1.0, self.native.cost / max(1, self.native.assigned))

    def _offer(self) -> None:
        """Have the best plan judged, if it is a new one, and offer it if it is better."""
        improved = self.native.improved
        if improved == self._offered:
            return
        self._offered = improved
        begun = time.monotonic()
        solution = self.solution()
        self._offer_took_s = max(self._offer_took_s, time.monotonic() - begun)
        if solution.rank < self.best.rank:
            self.best = solution
            self.crew.report(solution)

    def solution(self) -> Solution:
        """Return the best plan, judged. A route that the judge refuses is made anew from its stops."""
        routes = tuple(route if route is not None and route.stranded else None for route in self.first.routes)
        there = {code for route in routes if route for code in route.visits if 0 <= code < self.instance.stops}
        solution = Solution(self.instance, routes, frozenset(range(self.instance.stops)) - there)
        planned = {truck.number: self.native.tips(truck.number) for truck in self.instance.trucks}
        refused = []
        for truck in self.instance.trucks:
            del planned[truck.number]
            if routes[truck.number] is not None:
                continue
            visits = self._visits_of(truck.number)
            if visits is None:
                continue
            route = self._judge(truck.number, visits, _beside(solution, truck.number, planned))
            if route is None:
                refused.append(truck)
            else:
                solution = solution.with_route(truck.number, route)
        for truck in refused:
            if truck.needs_route:
                route = obliged_route(self.judge, truck, solution.sites(truck.number))
                solution = solution.with_route(truck.number, route)
        if refused:
            todo = sorted(solution.left_out & frozenset(self.instance.free))
            solution = insert(self.judge, solution, todo, budget=Budget(deadline=time.monotonic() + OFFER_S))
        return solution

    def _visits_of(self, truck: int) -> tuple[int, ...] | None:
        """Return where a truck goes in the best plan; None: it has no route."""
        head = self.instance.trucks[truck].head
        if not self.native.best[truck, 0] and not self.instance.trucks[truck].needs_route:
            return None
        visits = self.native.visits(truck)
        return head if visits is None else (*head, *visits)

    def _judge(self, truck: int, visits: tuple[int, ...], sites: Sites | None) -> TimedRoute | None:
        if sites is not None:
            return self.judge.judge(truck, visits, sites)
        known = self._judged.get((truck, *visits))
        route = known if known is not None else self.judge.judge(truck, visits)
        if route is not None:
            self._judged[truck, *visits] = route
        return route


def _beside(solution: Solution, truck: int, planned: dict[int, list[tuple[int, int, int]]]) -> Sites | None:
    """Return what the other trucks do at limited sites, and when those that are yet to be judged mean to be there."""
    sites = solution.sites(truck)
    if sites is not None:
        for tips in planned.values():
            for facility, begin_s, leave_s in tips:
                sites.unloadings.setdefault(facility, []).append(
                    Unloading(facility, begin_s, leave_s, 0, committed=False)
                )
    return sites
