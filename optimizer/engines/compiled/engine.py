"""The compiled loops as an engine: the problem told in arrays, its best plans judged before they are offered."""

import os
import time
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final, NamedTuple

import numpy as np

from optimizer.engines.baseline import fill, insert
from optimizer.engines.beginning import obliged_route
from optimizer.engines.compiled.native import Manner, Search
from optimizer.engines.compiled.tables import NEVER, Numbers, Tables, tables
from optimizer.engines.instance import Truck
from optimizer.engines.interface import Budget, Report
from optimizer.engines.route import Judge, Sites, TimedRoute, Unloading
from optimizer.engines.solution import Solution

SLICE_S: Final = 0.02
"""Between two looks at the clock."""
FIRST_SLICE: Final = 50
STAGES: Final = 200
"""Temperatures, where the budget is a number of steps."""
OFFER_STAGES: Final = 20
"""Between two offers, there."""
FILL_SHARE: Final = 0.3
"""Of the time left, for required stops that found no place at the beginning."""
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
    threads = min(budget.threads, os.cpu_count() or 1)
    told, crew = tables(judge, solution), Crew(report, threads)
    if threads == 1:
        return CompiledSearch(judge, solution, seed, told, crew).run(budget)

    def one(number: int) -> Solution:
        return CompiledSearch(judge, solution, seed + MORE * number, told, crew).run(budget)

    with ThreadPoolExecutor(threads) as pool:
        return min(pool.map(one, range(threads)), key=_rank)


def _rank(solution: Solution) -> tuple[int, int]:
    return solution.rank


class Crew:
    """What searches side by side share: the steps, the best plan of all, and one at a time who speaks of it."""

    def __init__(self, report: Report, threads: int = 1) -> None:
        self.threads = threads
        self._lock = Lock()
        self._report = report
        self._energy = float("inf")
        self._rows: Numbers | None = None

    def report(self, solution: Solution) -> None:
        """Tell of a better plan."""
        with self._lock:
            self._report(solution)

    def take(self, budget: Budget, steps: int) -> int:
        """Return how many of so many steps are still to go, and count them as done."""
        with self._lock:
            if budget.iterations is not None:
                steps = max(0, min(steps, budget.iterations - budget.done))
            budget.done += steps
            return steps

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
        self.crew = crew
        self.native = Search(told, seed)
        self._judged: dict[tuple[int, ...], TimedRoute] = {}
        self._offered = -1  # improvements when a plan was last offered
        self._offer_took_s = 0.0
        self._shared = 0  # times it was looked for a better plan of others
        self._slice = FIRST_SLICE
        self._free = frozenset(self.instance.free)
        self._elsewhere = ~((told.serve < NEVER) & (told.truck["usable"][:, None] != 0)).any(axis=0)
        self.went_on = self._start(solution)

    def _start(self, solution: Solution) -> bool:
        """Put a solution into the arrays. Returns whether most of it was there already."""
        rows = np.zeros_like(self.native.best)
        for route in solution.routes:
            if route is not None and not route.stranded:
                stops = solution.row(route.truck)
                rows[route.truck, : len(stops) + 1] = [len(stops), *stops]
        self.native.start(self._elsewhere, rows)
        return bool(rows[:, 0].sum() > 0.5 * len(self.instance.free))

    def run(self, budget: Budget) -> Solution:
        """Search, and offer what is better."""
        self._offer(budget)
        if self._elsewhere.all():
            return self.best
        self._fill(budget)
        begun, whole_s, done = time.monotonic(), budget.left_s(), budget.done
        mean, style = self._mean_leg(), self._style()
        whole = None if budget.iterations is None else max(1, budget.iterations - done)
        offered_s, stage, own = begun, 0, 0
        while not budget.is_over() and budget.left_s() > 2.0 * self._offer_took_s:
            passed_s = time.monotonic() - begun
            if whole is None:
                steps, passed = self._slice, passed_s / max(whole_s, 1e-9)
                expected = own / max(passed_s, 1e-6) * whole_s if own else float(FIRST_SLICE)
            else:
                steps, expected = max(1, whole // STAGES), whole / self.crew.threads
                passed = max((budget.done - done) / whole, passed_s / max(whole_s, 1e-9))
            temperature = mean * self._warmth(style.warm, expected, min(1.0, passed))
            own += self._go(budget, steps, temperature, style.manners[stage % len(style.manners)])
            stage += 1
            self._share(budget, passed)
            due = time.monotonic() - offered_s > max(OFFER_S, 10 * self._offer_took_s)
            if due if whole is None else stage % OFFER_STAGES == 0:  # by the clock only where the clock decides anyway
                self._offer(budget)
                offered_s = time.monotonic()
        self._offer(budget)
        return self.best

    def _go(self, budget: Budget, steps: int, temperature: float, manner: Manner) -> int:
        """Go so many steps, looking at the clock now and then; return how many there were."""
        gone = 0
        while gone < steps and not budget.is_over():
            some = self.crew.take(budget, min(self._slice, steps - gone))
            before = time.monotonic()
            self.native.search(some, temperature, manner)
            gone += some
            if some == self._slice:
                self._slice = max(1, int(some * min(2.0, SLICE_S / max(time.monotonic() - before, 1e-6))))
        return gone

    def _fill(self, budget: Budget) -> None:
        """Have required stops that found no place put in by insertion, which looks at every place; go on from that."""
        left_out = self.best.left_out & frozenset(np.flatnonzero(~self._elsewhere).tolist())
        if not any(self.instance.required[stop] for stop in left_out):
            return
        filled = fill(self.judge, self.best, budget.part(FILL_SHARE))
        if filled.rank < self.best.rank:
            self.best = filled
            self.crew.report(filled)
            self._start(filled)

    def _share(self, budget: Budget, passed: float) -> None:
        """Go on from the plan of another search, at each of `SHARED`, if it is better."""
        if self.crew.threads == 1 or self._shared == len(SHARED) or passed < SHARED[self._shared]:
            return
        self._shared += 1
        rows = self.crew.better(self.native)
        if rows is not None:
            self._offer(budget)  # the own best is forgotten with the next line
            self.native.start(self._elsewhere, rows)

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
        return max(1.0, self.native.cost_of_ways / max(1, self.native.assigned))

    def _offer(self, budget: Budget) -> None:
        """Have the best plan judged, if it is a new one, and offer it if it is better."""
        improved = self.native.improved
        if improved == self._offered:
            return
        self._offered = improved
        begun = time.monotonic()
        solution, refused = self._judged_plan()
        self._offer_took_s = max(self._offer_took_s, time.monotonic() - begun)
        if refused:
            deadline = None if budget.iterations is not None else time.monotonic() + min(OFFER_S, 0.1 * budget.left_s())
            solution = self._mended(solution, refused, Budget(deadline=deadline, stopped=budget.stopped))
        if solution.rank < self.best.rank:
            self.best = solution
            self.crew.report(solution)

    def solution(self) -> Solution:
        """Return the best plan, judged. A route that the judge refuses is made anew from its stops."""
        return self._mended(*self._judged_plan(), Budget())

    def _judged_plan(self) -> tuple[Solution, list[Truck]]:
        """Return the best plan as the judge has it, and the trucks whose routes it refuses."""
        n = self.instance.stops
        routes = tuple(route if route is not None and route.stranded else None for route in self.first.routes)
        there = {code for route in routes if route for code in route.visits if 0 <= code < n}
        solution = Solution(self.instance, routes, frozenset(range(n)) - there)
        planned = {truck.number: self._planned(truck.number) for truck in self.instance.trucks}
        refused = []
        for truck in self.instance.trucks:
            del planned[truck.number]
            visits = None if routes[truck.number] is not None else self._visits_of(truck.number)
            if visits is None:
                continue
            route = self._judge(truck.number, visits, _beside(solution, truck.number, planned))
            if route is None:
                refused.append(truck)
            else:
                solution = solution.with_route(truck.number, route)
        return solution, refused

    def _mended(self, solution: Solution, refused: list[Truck], budget: Budget) -> Solution:
        for truck in refused:
            if truck.needs_route:
                route = obliged_route(self.judge, truck, solution.sites(truck.number))
                solution = solution.with_route(truck.number, route)
        if refused:
            solution = insert(self.judge, solution, sorted(solution.left_out & self._free), budget=budget)
        return solution

    def _planned(self, truck: int) -> list[Unloading]:
        """Return when a truck means to be at sites with docks, and what it is committed to tip anywhere."""
        tips = [Unloading(*tip, kg=0, committed=False) for tip in self.native.tips(truck)]
        route = self.first.routes[truck]
        return tips + [one for one in (route.unloadings if route is not None else ()) if one.committed]

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


def _beside(solution: Solution, truck: int, planned: dict[int, list[Unloading]]) -> Sites | None:
    """Return what the other trucks do at limited sites, and what those that are yet to be judged mean to do there."""
    sites = solution.sites(truck)
    if sites is not None:
        for one in (one for tips in planned.values() for one in tips):
            if one.facility in solution.instance.limited:
                sites.unloadings.setdefault(one.facility, []).append(one)
    return sites
