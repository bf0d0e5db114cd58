"""The engines by name, and which one a problem gets."""

from collections import Counter
from typing import Final

from optimizer.engines.allotted import allotted
from optimizer.engines.baseline import baseline, insert
from optimizer.engines.beginning import free_kg
from optimizer.engines.compiled import built
from optimizer.engines.compiled.engine import compiled_search
from optimizer.engines.compiled.tables import is_told
from optimizer.engines.instance import NO_LIMIT
from optimizer.engines.interface import Budget, Engine, Report
from optimizer.engines.route import Judge
from optimizer.engines.ruin_recreate import ruin_recreate
from optimizer.engines.solution import Solution

TINY: Final = 12
"""Stops up to which `routing` tries out about everything there is."""

TIGHT: Final = 0.95
"""Of what facilities with a tonnage can take, the loads that may go nowhere else, from which on they are packed first."""


def _routing(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    """OR-Tools takes a fifth of a second to import: only who uses it waits for it."""
    from optimizer.engines.routing import routing  # noqa: PLC0415

    return routing(judge, solution, budget, seed=seed, report=report)


def _allotted(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    return allotted(judge, solution, budget, seed=seed, report=report, search=_best_there_is)


def _best_there_is(judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
    name = choose("compiled", judge)
    if name not in BEGIN_THEMSELVES:
        solution = insert(judge, solution, sorted(solution.left_out), budget=budget)
    return ENGINES[name](judge, solution, budget, seed=seed, report=report)


ENGINES: Final[dict[str, Engine]] = {
    "baseline": baseline,
    "ruin_recreate": ruin_recreate,
    "routing": _routing,
    "compiled": compiled_search,
    "allotted": _allotted,
}

BEGIN_THEMSELVES: Final = frozenset({"compiled", "allotted"})
"""Engines that put in what is left out faster than the baseline would."""


def choose(wanted: str, judge: Judge) -> str:
    """Return the name of the engine that searches.

    ``auto`` is the compiled search for all but the tiny; where sites have hardly room for the loads these are packed first.
    Where the compiled search is not built, or does not know a rule of the problem, OR-Tools stands in for it.
    """
    if wanted == "auto":
        if len(judge.instance.free) <= TINY:
            return "routing"
        wanted = "allotted" if _is_tight(judge) else "compiled"
    if wanted == "compiled" and not (built.is_built() and is_told(judge)):
        return "routing"
    return wanted


def _is_tight(judge: Judge) -> bool:
    """Whether loads that may go nowhere else hardly fit into some facilities with a tonnage."""
    instance = judge.instance
    capped = sum(1 << f for f, most_kg in enumerate(instance.remaining_kg) if most_kg < NO_LIMIT)
    kg_of = Counter[int]()
    for stop in instance.free:
        kg_of[instance.tippable[stop]] += instance.kg[stop]
    sets = [mask for mask in kg_of if mask and not mask & ~capped]
    if not sets:
        return False
    room_kg = free_kg(judge)
    return any(
        sum(kg for other, kg in kg_of.items() if other and not other & ~mask)
        > TIGHT * sum(kg for facility, kg in enumerate(room_kg) if mask >> facility & 1)
        for mask in sets
    )
