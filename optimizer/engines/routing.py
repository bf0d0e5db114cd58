"""The engine on OR-Tools' routing library: iterated local search.

A step takes strings of stops out of a plan and puts them back (`strings`); the library's local search descends from there;
a worse plan is gone on with now and then (`annealing`). On days of many stops each step's descent is among the trucks it
changed, as the library looks at every route of its model again before it is content.
"""

import random
from typing import Final, NamedTuple

from optimizer.engines.annealing import anneal
from optimizer.engines.interface import Budget, Report
from optimizer.engines.route import Judge
from optimizer.engines.routing_model import Model
from optimizer.engines.solution import Solution
from optimizer.engines.strings import Strings

WHOLE: Final = 400
"""Stops up to which one model is of all trucks."""


class Style(NamedTuple):
    """Of the steps: stops taken out on average, in a string at most; first and last temperature (`annealing`)."""

    removed: float
    longest: int
    warm: float
    cold: float


FAR: Final = Style(15.0, 20, 0.5, 0.05)
"""More stops a step than where ruin and recreate is alone: steps are few, as each ends with a descent."""
NEAR: Final = Style(5.0, 10, 0.1, 0.02)
"""Where a running plan is gone on with: it knows most of the stops."""


def routing(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """Improve ``solution`` until the budget is over."""
    return _Iterated(judge, solution, budget, seed).run(report)


class _Iterated:
    def __init__(self, judge: Judge, solution: Solution, budget: Budget, seed: int) -> None:
        self.judge = judge
        self.first = solution
        self.budget = budget
        self.chance = random.Random(seed)  # noqa: S311  # repeatable, not secret
        known = sum(bool(judge.instance.ran_before[stop]) for stop in judge.instance.free)
        self.style = NEAR if 2 * known > len(judge.instance.free) else FAR
        self.strings = Strings(judge, self.chance, removed=self.style.removed, longest=self.style.longest)
        self.usable = [
            truck.number
            for truck in judge.instance.trucks
            if (route := solution.routes[truck.number]) is None or not route.stranded
        ]
        self.is_whole = len(self.strings.free) <= WHOLE
        self._model: Model | None = None

    def run(self, report: Report) -> Solution:
        if not self.strings.free or not self.usable:
            return self.first
        best = self.first
        if self.is_whole:
            best = self._descended(best, self.usable)
            report(best)
        style = self.style
        return anneal(
            best, self.budget, self._step, warm=style.warm, cold=style.cold, chance=self.chance, report=report
        )

    def _step(self, current: Solution) -> Solution:
        shaken = self.strings.shaken(current, self.budget)
        if self.budget.is_late():
            return shaken
        if self.is_whole:
            return self._descended(shaken, self.usable)
        changed = [n for n in self.usable if shaken.routes[n] is not current.routes[n]]
        self._model = None  # a model of other trucks
        return self._descended(shaken, changed) if changed else shaken

    def _descended(self, solution: Solution, trucks: list[int]) -> Solution:
        """Descend in the model that is there, or in a new one where a facility is used more often than that has copies."""
        better = None if self._model is None else self._model.descend(solution, self.budget)
        if better is None:
            self._model = Model(self.judge, solution, trucks)
            better = self._model.descend(solution, self.budget)
        return solution if better is None else better
