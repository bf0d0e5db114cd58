"""What it comes to to give stops to other trucks: the plan with them there, and the first rule in the way where there is one.

The running plan is taken as far as it holds, as a search would go on from it. Moves that are decided already are made in
it, one after the other; then every truck is asked for the best places it has for the stops that are asked about. Nobody's
order of stops changes but by what goes and what comes, so the figures of a search that may rearrange can only be better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from optimizer.engines.baseline import insert, remove
from optimizer.engines.beginning import begin, resume
from optimizer.engines.instance import Instance, Truck, compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.engines.written import cost_of, routes_of
from optimizer.explain import Inquiry, stranded_reasons
from optimizer.plan import Code, Cost, Plan, StrandedCode, Unassigned
from optimizer.problem import Problem

STAYS: Final = "The route it is in does not hold without it."
"""Why a stop cannot leave its truck: a way that only it makes possible, or a truck that is committed to it."""


@dataclass(frozen=True)
class Outlook:
    """A whole plan: what it costs, and when each stop that is served begins."""

    solution: Solution

    @property
    def cost(self) -> Cost:
        """What it costs; that of a plan in which a rule is broken is what it would cost without the rule."""
        return cost_of(self.solution)

    @property
    def begin_s(self) -> dict[str, int]:
        """When each stop that is served begins, seconds of the problem."""
        stops = self.solution.instance.problem.stops
        return {
            stops[code].id: begin_s
            for route in self.solution.routes
            if route is not None
            for code, begin_s in zip(route.all_visits, route.begins, strict=True)
            if 0 <= code < len(stops)
        }

    @property
    def holders(self) -> dict[str, str]:
        """Which truck serves which stop."""
        instance = self.solution.instance
        return {
            instance.problem.stops[code].id: instance.trucks[route.truck].id
            for route in self.solution.routes
            if route is not None
            for code in route.visits
            if 0 <= code < instance.stops
        }

    def written(self) -> Plan:
        """Return it as a plan that `optimizer.check` can judge. Who is left out has no reason: nobody asked for one."""
        stops = self.solution.instance.problem.stops
        return Plan(
            cost=self.cost,
            routes=routes_of(self.solution),
            unassigned=[
                Unassigned(stop=stops[number].id, code="no_time_to_search", reason="It was not asked about.")
                for number in sorted(self.solution.left_out)
            ],
            stranded=stranded_reasons(Judge(self.solution.instance), self.solution),
        )


@dataclass(frozen=True)
class Hindrance:
    """The first rule in the way of a stop with one truck, and a sentence with the numbers that decided."""

    stop: str
    code: Code | StrandedCode
    reason: str


@dataclass(frozen=True)
class Offer:
    """A truck that takes all the stops asked about.

    With a ``hindrance`` it cannot. ``outlook`` is then what would be without that rule; None where no figures make sense.
    """

    vehicle: str
    outlook: Outlook | None
    hindrance: Hindrance | None = None


@dataclass(frozen=True)
class Quote:
    """Answers about one problem.

    ``drafted`` is ``before`` with the decided moves, those in ``refused`` left where they were. ``spread``: the stops asked
    about shared out among all trucks that may take them; those that fit nowhere are left out in it.
    """

    before: Outlook
    drafted: Outlook
    refused: Mapping[str, Hindrance]
    offers: Sequence[Offer]
    spread: Outlook | None


def quote(
    problem: Problem,
    decided: Mapping[str, str],
    asked: Sequence[str],
    *,
    keep_off: frozenset[str] = frozenset(),
    spread: bool = False,
) -> Quote:
    """Return what it comes to to give the stops ``asked`` about to each truck.

    Parameters
    ----------
    problem
        Valid, with the running plan in ``previous``. No truck is committed to a stop that is moved.
    decided
        Stop -> truck: moves that are made first. Those that a rule forbids are refused, each with the rule.
    asked
        Stops; all of them go to one truck in each offer.
    keep_off
        Trucks that are not asked, and get nothing where stops are shared out.
    spread
        Share the stops out among all trucks, instead of asking each truck for all of them.
    """
    judge = Judge(compile_problem(problem))
    instance = judge.instance
    numbers = {stop.id: number for number, stop in enumerate(problem.stops)}
    trucks = {truck.id: truck for truck in instance.trucks}
    before = resume(judge, begin(judge))
    drafted = before
    refused: dict[str, Hindrance] = {}
    for stop, vehicle in decided.items():
        given = _given(judge, drafted, trucks[vehicle], [numbers[stop]])
        if given.hindrance is not None:
            refused[stop] = given.hindrance
        elif given.outlook is not None:
            drafted = given.outlook.solution
    wanted = [numbers[stop] for stop in asked]
    offers: list[Offer] = []
    if wanted and not spread:
        offers = [_given(judge, drafted, truck, wanted) for truck in instance.trucks if truck.id not in keep_off]
    shared = _shared(judge, drafted, wanted, keep_off) if wanted and spread else None
    return Quote(Outlook(before), Outlook(drafted), refused, offers, shared)


def _given(judge: Judge, solution: Solution, truck: Truck, stops: Sequence[int]) -> Offer:
    """Return the plan with ``stops`` at ``truck``, each at its best place beside those before it."""
    solution = remove(judge, solution, stops)
    first: Hindrance | None = None
    for number in stops:
        name = judge.instance.problem.stops[number].id
        if number not in solution.left_out:
            return Offer(truck.id, None, Hindrance(name, "unreachable", STAYS))
        stuck = next((one for one in stranded_reasons(judge, solution) if one.vehicle == truck.id), None)
        if stuck is not None:
            return Offer(truck.id, None, Hindrance(name, stuck.code, stuck.reason))
        inquiry = Inquiry(judge, solution, [truck])
        at_once = inquiry.at_once(number)
        if at_once is not None:
            return Offer(truck.id, None, Hindrance(name, *at_once))
        fit = inquiry.fit(number, frozenset())
        if fit is None:
            code, reason, fit = inquiry.hindrance(number)
            first = Hindrance(name, code, reason)
            if fit is None or len(stops) > 1:  # what comes behind a broken rule says nothing
                return Offer(truck.id, None, first)
        solution = solution.with_route(truck.number, fit.route)
    return Offer(truck.id, Outlook(solution), first)


def _shared(judge: Judge, solution: Solution, stops: Sequence[int], keep_off: frozenset[str]) -> Outlook:
    """Return the plan with ``stops`` shared out among all trucks but those kept off."""
    instance = _sharing(judge.instance, stops, keep_off)
    without = replace(remove(judge, solution, stops), instance=instance)
    todo = [number for number in stops if number in without.left_out]
    found = insert(Judge(instance), without, todo, budget=Budget())
    return Outlook(replace(found, instance=judge.instance))


def _sharing(instance: Instance, stops: Sequence[int], keep_off: frozenset[str]) -> Instance:
    """Return ``instance`` in which ``stops`` must be served, but not by the trucks that are kept off."""
    chosen = list(stops)
    may_serve = []
    for truck, allowed in zip(instance.trucks, instance.may_serve, strict=True):
        mine = allowed.copy()
        if truck.id in keep_off:
            mine[chosen] = False
        may_serve.append(mine)
    required = [must or number in set(chosen) for number, must in enumerate(instance.required)]
    return replace(instance, may_serve=may_serve, required=required)
