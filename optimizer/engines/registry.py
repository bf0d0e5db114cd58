"""The engines by name, and which one a problem gets."""

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
"""Stops up to which `routing` tries out about everything there is."""


def _routing(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """OR-Tools takes a fifth of a second to import: only who uses it waits for it."""
    from optimizer.engines.routing import routing  # noqa: PLC0415

    return routing(judge, solution, budget, seed=seed, report=report)


ENGINES: Final[dict[str, Engine]] = {
    "baseline": baseline,
    "ruin_recreate": ruin_recreate,
    "routing": _routing,
    "compiled": compiled_search,
}

BEGIN_THEMSELVES: Final = frozenset({"compiled"})
"""Engines that put in what is left out faster than the baseline would."""


def choose(wanted: str, judge: Judge) -> str:
    """Return the name of the engine that searches.

    ``auto`` is the compiled search for all but the tiny; where it is not built, or does not know a rule of the problem,
    OR-Tools stands in for it.
    """
    if wanted == "auto":
        wanted = "routing" if len(judge.instance.free) <= TINY else "compiled"
    if wanted == "compiled" and not (built.is_built() and is_told(judge)):
        return "routing"
    return wanted
