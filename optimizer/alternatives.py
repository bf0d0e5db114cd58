"""Why a stop of a plan is where it is: what it adds there, and what it would add with each other truck, or why it cannot.

The plan stays as it is but for this one stop: it is taken out, and every truck is asked for the best place it has for it.
"""

from dataclasses import dataclass

from optimizer.engines.baseline import remove
from optimizer.engines.beginning import begin
from optimizer.engines.instance import Instance, compile_problem
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.explain import Inquiry
from optimizer.plan import Plan, Route
from optimizer.problem import Problem, ProblemError


@dataclass(frozen=True)
class Alternative:
    """A truck and a stop. ``adds``: cost of the plan with it less that without it; None: it cannot, for this reason."""

    vehicle: str
    adds: int | None
    reason: str = ""
    chosen: bool = False


def alternatives(problem: Problem, plan: Plan, stop: str) -> list[Alternative]:
    """Return one line for each truck: the plan's own choice first, then the others, the cheapest first.

    Raises
    ------
    ProblemError
        The stop is not served by the plan, or the plan is not one of this problem.
    """
    instance = compile_problem(problem)
    judge = Judge(instance)
    number = next((number for number, one in enumerate(problem.stops) if one.id == stop), None)
    serving = next((r.vehicle for r in plan.routes for v in r.visits if v.kind == "collect" and v.stop == stop), None)
    if number is None:
        raise ProblemError("/stops", f"there is no stop {stop!r}")
    if serving is None:
        why = next((one.reason for one in plan.unassigned if one.stop == stop), "the plan does not say why")
        raise ProblemError("/routes", f"no truck serves {stop!r}: {why}")
    if number not in instance.free:
        return [Alternative(serving, None, "It is committed to it.", chosen=True)]
    whole = _solution(judge, plan)
    without = remove(judge, whole, [number])
    found = []
    for truck in instance.trucks:
        if truck.id == serving:
            found.append(Alternative(truck.id, whole.rank[1] - without.rank[1], chosen=True))
            continue
        inquiry = Inquiry(judge, without, [truck])
        fit = inquiry.fit(number, frozenset())
        if fit is not None:
            found.append(Alternative(truck.id, fit.cost))
        else:
            _, reason = inquiry.at_once(number) or inquiry.by_trying(number)
            found.append(Alternative(truck.id, None, reason))
    return sorted(found, key=lambda one: (not one.chosen, one.adds is None, one.adds or 0))


def _solution(judge: Judge, plan: Plan) -> Solution:
    """Return the plan as the engines see it."""
    instance = judge.instance
    solution = begin(judge)
    numbers = {truck.id: truck.number for truck in instance.trucks}
    codes = _codes(instance)
    for number, route in enumerate(plan.routes):
        at = f"/routes/{number}"
        if route.vehicle not in numbers:
            raise ProblemError(f"{at}/vehicle", f"the problem has no vehicle {route.vehicle!r}")
        truck = instance.trucks[numbers[route.vehicle]]
        own = solution.routes[truck.number]
        if own is not None and own.stranded:
            continue
        tail = _visits(route, codes, at)[sum(code >= 0 for code in truck.head) :]
        judged = judge.judge(truck.number, (*truck.head, *tail), solution.sites(truck.number))
        if judged is None:
            raise ProblemError(at, "does not hold for this problem: run check on the two")
        solution = solution.with_route(truck.number, judged)
    return solution


def _codes(instance: Instance) -> dict[tuple[str, str], int]:
    codes = {("collect", stop.id): number for number, stop in enumerate(instance.problem.stops)}
    sites = enumerate(instance.problem.facilities)
    return codes | {("tip", site.id): instance.stops + number for number, site in sites}


def _visits(route: Route, codes: dict[tuple[str, str], int], at: str) -> list[int]:
    visits = []
    for place, visit in enumerate(route.visits):
        if visit.kind in {"collect", "tip"}:
            name = visit.stop or visit.facility or ""
            if (visit.kind, name) not in codes:
                raise ProblemError(f"{at}/visits/{place}", f"the problem has no {visit.kind} {name!r}")
            visits.append(codes[visit.kind, name])
    return visits
