"""Simulated annealing over whole solutions: a worse one is gone on with at first more often, later less.

The engines that search with it differ only in their step.
"""

import math
import random
from collections.abc import Callable

from optimizer.engines.interface import Budget, Report
from optimizer.engines.solution import Solution

Step = Callable[[Solution], Solution]
"""From the solution the search stands at to one beside it; what it returns is judged, and may be worse."""


def anneal(
    solution: Solution, budget: Budget, step: Step, *, warm: float, cold: float, chance: random.Random, report: Report
) -> Solution:
    """Return the best solution found on the way from ``solution`` until the budget is over.

    ``warm`` and ``cold``, the first and the last temperature, are in mean legs: the cost of the solution to begin with by
    the stops that may be served. In between it falls by the same factor in each part of the budget.
    """
    current = best = solution
    mean_leg = max(1.0, solution.rank[1] / max(1, len(solution.instance.free)))
    whole_s, begun = budget.left_s(), budget.done

    def energy(one: Solution) -> float:
        required_left_out, cost = one.rank
        return float(required_left_out * 10 * (solution.rank[1] + 1) + cost)

    while not budget.is_over():
        budget.done += 1
        candidate = step(current)
        temperature = mean_leg * warm * (cold / warm) ** _passed(budget, whole_s, begun)
        if energy(candidate) - energy(current) < temperature * -math.log(1.0 - chance.random()):
            current = candidate
        if candidate.rank < best.rank:
            best = candidate
            report(candidate)
    return best


def _passed(budget: Budget, whole_s: float, begun: int) -> float:
    """Return which part of the budget is over: of its time or of its steps, whichever ends first."""
    passed = 0.0
    if math.isfinite(whole_s):
        passed = 1.0 - budget.left_s() / max(whole_s, 1e-9)
    if budget.iterations is not None:
        passed = max(passed, (budget.done - begun) / max(1, budget.iterations - begun))
    return min(1.0, passed)
