"""The engines by name, and which one a problem gets."""

import time
from typing import Final

from optimizer.engines.baseline import baseline
from optimizer.engines.compiled import built
from optimizer.engines.compiled.engine import compiled_search
from optimizer.engines.compiled.tables import is_told
from optimizer.engines.interface import Budget, Engine, Report
from optimizer.engines.route import Judge
from optimizer.engines.ruin_recreate import ruin_recreate
from optimizer.engines.solution import Solution

TINY: Final = 12
"""Stops up to which the relay tries out about everything there is."""


def _routing(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """OR-Tools takes a fifth of a second to import: only who uses it waits for it."""
    from optimizer.engines.routing import routing  # noqa: PLC0415

    return routing(judge, solution, budget, seed=seed, report=report)


def _relay(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """Ruin and recreate for half of the budget, OR-Tools from its best plan for the other half.

    They get stuck in different places: measured, the two together are better than either alone (README).
    """
    half = Budget(
        deadline=None if budget.deadline is None else time.monotonic() + 0.5 * budget.left_s(),
        iterations=None if budget.iterations is None else budget.done + (budget.iterations - budget.done + 1) // 2,
        done=budget.done,
        stopped=budget.stopped,
    )
    best = ruin_recreate(judge, solution, half, seed=seed, report=report)
    budget.done = half.done
    return best if budget.is_over() else _routing(judge, best, budget, seed=seed, report=report)


ENGINES: Final[dict[str, Engine]] = {
    "baseline": baseline,
    "ruin_recreate": ruin_recreate,
    "routing": _routing,
    "relay": _relay,
    "compiled": compiled_search,
}

BEGIN_THEMSELVES: Final = frozenset({"compiled"})
"""Engines that put in what is left out faster than the baseline would."""


def choose(wanted: str, judge: Judge) -> str:
    """Return the name of the engine that searches.

    ``auto`` is the compiled search for all but the tiny; where it is not built, or does not know a rule of the problem, the
    relay stands in for it.
    """
    if wanted == "auto":
        wanted = "relay" if len(judge.instance.free) <= TINY else "compiled"
    if wanted == "compiled" and not (built.is_built() and is_told(judge)):
        return "relay"
    return wanted
