"""The engines by name, and which one a problem gets."""

from typing import Final

from optimizer.engines.baseline import baseline
from optimizer.engines.interface import Budget, Engine, Report
from optimizer.engines.route import Judge
from optimizer.engines.ruin_recreate import ruin_recreate
from optimizer.engines.solution import Solution
from optimizer.problem import Problem


def _routing(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """OR-Tools takes a fifth of a second to import: only who uses it waits for it."""
    from optimizer.engines.routing import routing  # noqa: PLC0415

    return routing(judge, solution, budget, seed=seed, report=report)


ENGINES: Final[dict[str, Engine]] = {"baseline": baseline, "ruin_recreate": ruin_recreate, "routing": _routing}


def choose(problem: Problem) -> str:  # noqa: ARG001
    """Return the name of the engine that ``auto`` stands for."""
    return "routing"
