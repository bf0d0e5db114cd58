"""An engine for days whose sites have hardly room enough: where a search leaves stops out, each load gets its site first.

Within its own site every stop finds room (`allotment`), so a search cannot fill one with what belongs into another. From the plan
it finds the search goes on with all sites for everybody.
"""

import time
from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from optimizer.engines.beginning import begin, resume
from optimizer.engines.instance import compile_problem
from optimizer.engines.interface import Budget, Engine, Report
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.problem import Problem

BEFORE: Final = 0.3
"""Of the budget, for the search that may do without."""
WITHIN: Final = 0.3
"""Of what is left, for the search in which each stop has one site."""


def allotted(
    judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report, search: Engine
) -> Solution:
    """Improve ``solution`` with ``search``; where that leaves required stops out, from a plan in which they have a site."""
    best = search(judge, solution, _part(budget, BEFORE), seed=seed, report=report)
    if best.rank[0] and (sites := _packed(judge, best, budget, seed)) is not None:
        narrow = Judge(compile_problem(_narrowed(judge, sites)))
        first = resume(narrow, begin(narrow))
        within = search(narrow, first, _part(budget, WITHIN), seed=seed, report=lambda _: None)
        best = min(best, _widened(judge, within), key=lambda one: one.rank)
        report(best)
    return search(judge, best, budget, seed=seed, report=report)


def _packed(judge: Judge, best: Solution, budget: Budget, seed: int) -> Mapping[int, int] | None:
    """CP-SAT takes nearly half a second to import: only who packs waits for it."""
    from optimizer.engines.allotment import allot  # noqa: PLC0415

    return allot(judge, best, budget, seed)


def _part(budget: Budget, share: float) -> Budget:
    """Return the budget of a search before the last; its steps are not counted among those of that."""
    return Budget(
        deadline=None if budget.deadline is None else time.monotonic() + share * budget.left_s(),
        iterations=None if budget.iterations is None else int(share * budget.iterations),
        threads=budget.threads,
        stopped=budget.stopped,
    )


def _narrowed(judge: Judge, sites: Mapping[int, int]) -> Problem:
    """Return the problem in which a free stop may go to its own facility, or nowhere where it has none."""
    problem = judge.instance.problem
    stops = list(problem.stops)
    for stop in judge.instance.free:
        own = [problem.facilities[sites[stop]].id] if stop in sites else []
        stops[stop] = replace(stops[stop], facilities=own)
    return replace(problem, stops=stops)


def _widened(judge: Judge, found: Solution) -> Solution:
    """Return the same routes judged by the whole problem's rules; what does not hold is left out."""
    solution = begin(judge)
    for route in found.routes:
        if route is None or route.stranded:
            continue
        same = judge.judge(route.truck, route.visits, solution.sites(route.truck))
        if same is not None:
            solution = solution.with_route(route.truck, same)
    return solution
