"""An engine for days whose sites have hardly room enough: where a search leaves stops out, each load gets its site first.

Within its own site every stop finds room (`allotment`), so a search cannot fill one with what belongs into another. From the plan
it finds the search goes on with all sites for everybody.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from optimizer.engines.baseline import insert
from optimizer.engines.beginning import begin
from optimizer.engines.instance import Instance
from optimizer.engines.interface import Budget, Engine, Report
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution

BEFORE: Final = 0.3
"""Of the budget, for the search that may do without."""
WITHIN: Final = 0.3
"""Of what is left then, for the search in which each stop has one site."""


def allotted(
    judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report, search: Engine
) -> Solution:
    """Improve ``solution`` with ``search``; where that leaves required stops out, from a plan in which they have a site."""
    best = _searched(search, judge, solution, budget, share=BEFORE, seed=seed, report=report)
    if best.rank[0] and not budget.is_late() and (sites := _packed(judge, best, budget, seed)) is not None:
        narrow = Judge(_narrowed(judge.instance, sites))
        within = _searched(
            search, narrow, _judged(narrow, best), budget, share=WITHIN, seed=seed, report=lambda _: None
        )
        widened = _judged(judge, within)
        widened = insert(judge, widened, sorted(widened.left_out), budget=budget)
        best = min(best, widened, key=lambda one: one.rank)
        report(best)
    return search(judge, best, budget, seed=seed, report=report)


def _searched(
    search: Engine, judge: Judge, solution: Solution, budget: Budget, *, share: float, seed: int, report: Report
) -> Solution:
    """Search for a share of what is left of the budget."""
    part = budget.part(share)
    found = search(judge, solution, part, seed=seed, report=report)
    budget.done += part.done
    return found


def _packed(judge: Judge, best: Solution, budget: Budget, seed: int) -> Mapping[int, int] | None:
    """CP-SAT takes nearly half a second to import: only who packs waits for it."""
    from optimizer.engines.allotment import allot  # noqa: PLC0415

    return allot(judge, best, budget, seed)


def _narrowed(instance: Instance, sites: Mapping[int, int]) -> Instance:
    """Return the problem in which a free stop may go to its own facility, or nowhere where it has none."""
    tippable = list(instance.tippable)
    for stop in instance.free:
        tippable[stop] = 1 << sites[stop] if stop in sites else 0
    return replace(instance, tippable=tippable, permits=True)


def _judged(judge: Judge, found: Solution) -> Solution:
    """Return the same routes by this judge's rules; what does not hold is left out."""
    solution = begin(judge)
    for route in found.routes:
        if route is None or route.stranded:
            continue
        same = judge.judge(route.truck, route.visits, solution.sites(route.truck))
        if same is not None:
            solution = solution.with_route(route.truck, same)
    return solution
