"""Ruin and recreate in Python alone: a step takes some strings of stops out and puts them back where they cost least."""

import random
from functools import partial
from typing import Final

from optimizer.engines.annealing import anneal
from optimizer.engines.interface import Budget, Report
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.engines.strings import Strings

REMOVED: Final = 8.0
LONGEST: Final = 10
"""Of the strings of a step, see `Strings`."""
WARM: Final = 0.15
COLD: Final = 0.01
"""First and last temperature, in mean legs of the plan to begin with."""


def ruin_recreate(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """Improve ``solution`` until the budget is over."""
    chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
    strings = Strings(judge, chance, removed=REMOVED, longest=LONGEST)
    if not strings.free:
        return solution
    step = partial(strings.shaken, budget=budget)
    return anneal(solution, budget, step, warm=WARM, cold=COLD, chance=chance, report=report)
