"""Why a stop was left out, why a truck is stranded: a code, and one sentence with the numbers that decided."""

from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.plan import Stranded, Unassigned


def left_out_reasons(judge: Judge, solution: Solution) -> list[Unassigned]:
    """Return a reason for each stop left out."""
    stops = judge.instance.problem.stops
    return [Unassigned(stop=stops[s].id, code="no_time_to_search", reason="x") for s in sorted(solution.left_out)]


def stranded_reasons(judge: Judge, solution: Solution) -> list[Stranded]:
    """Return a reason for each rule that a stranded truck is forgiven."""
    return [
        Stranded(vehicle=judge.instance.trucks[route.truck].id, code=code, reason="x")  # type: ignore[arg-type]
        for route in solution.routes
        if route is not None
        for code in sorted(route.stranded)
    ]
