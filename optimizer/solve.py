"""From a problem to a plan that may be driven.

The story: begin with what must be (committed heads, loads on board, the running plan), insert what is left, let an
engine improve it as long as there is time, write it down with a reason for everybody left out, and let `check` judge
it. The best solution is kept here, outside the engines; a plan that breaks a rule does not leave.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from msgspec.structs import replace

from optimizer.check import Verdict, check
from optimizer.engines.baseline import fill, insert
from optimizer.engines.beginning import begin, resume
from optimizer.engines.instance import Instance, compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.joining import join
from optimizer.engines.registry import BEGIN_THEMSELVES, ENGINES, choose
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.engines.written import cost_of, routes_of
from optimizer.explain import left_out_reasons, stranded_reasons
from optimizer.plan import Cost, Plan, Search
from optimizer.problem import Problem, validate

DEFAULT_SECONDS: Final = 10.0
REASON_S: Final = 0.01
"""What finding the reason for one stop may take."""


class UnlawfulPlanError(RuntimeError):
    """No engine made a plan that `check` passes: a defect of this package. The message names the broken rules."""


@dataclass(frozen=True)
class Progress:
    """The best solution so far."""

    seconds: float
    iterations: int
    engine: str
    cost: Cost


OnProgress = Callable[[Progress], None]


def solve(
    problem: Problem,
    *,
    seconds: float | None = None,
    iterations: int | None = None,
    seed: int = 1,
    threads: int = 1,
    engine: str = "auto",
    on_progress: OnProgress | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Plan:
    """Return the best plan found for ``problem``; it has passed `check`.

    Parameters
    ----------
    problem
        As from `optimizer.problem.parse`, or built; validated here.
    seconds
        Wall time for everything, building and judging included. Default 10, or no limit when ``iterations`` is given.
    iterations
        Steps of the engine. Same problem, seed and iterations: same plan.
    seed
        Of the engine's chance.
    threads
        At most so many. ``compiled`` uses them all, also under ``allotted``, and with more than one no two runs need be the
        same; the others use one.
    engine
        A name of `optimizer.engines.registry`, or ``auto``.
    on_progress
        Called with every better solution; blocks the search.
    stopped
        Asked often; true ends the search with the best plan so far.

    Raises
    ------
    ProblemError
        The problem is bad input.
    ValueError
        No such engine, or a number out of range.
    UnlawfulPlanError
        See there.
    """
    started = time.monotonic()
    if threads < 1:
        raise ValueError(f"threads is {threads}, expected at least 1")
    if seconds is None and iterations is None:
        seconds = DEFAULT_SECONDS
    validate(problem)
    if engine != "auto" and engine not in ENGINES:
        raise ValueError(f"engine is {engine!r}, expected auto, {', '.join(ENGINES)}")
    instance = compile_problem(problem)
    judge = Judge(instance)
    name = choose(engine, judge)
    budget = Budget(iterations=iterations, threads=threads, stopped=stopped)
    best = _Best(started, budget, name, on_progress)

    def offer(solution: Solution) -> None:
        """Keep a better solution, and the time for a reason for each stop it leaves out."""
        best.offer(solution)
        if seconds is not None:
            reasons_s = min(0.2 * seconds, REASON_S * len(best.solution.left_out))
            budget.deadline = started + max(0.0, seconds - _ending_s(instance, seconds) - reasons_s)

    first = resume(judge, begin(judge))
    offer(first)
    if name not in BEGIN_THEMSELVES:
        offer(join(judge, first, budget))
        offer(insert(judge, best.solution, sorted(best.solution.left_out), budget=budget))
    if name != "baseline" and not budget.is_over() and not is_finished(best.solution):
        ENGINES[name](judge, best.solution, budget, seed=seed, report=offer)
        offer(fill(judge, best.solution, budget))
    search = Search(engine=name, seconds=0.0, iterations=budget.done, seed=seed)
    until = float("inf") if seconds is None else max(started + seconds, time.monotonic() + 0.05)
    for solution in best.lately():
        plan, verdict = _written(judge, solution, search, until)
        if verdict.lawful:
            return replace(plan, search=replace(search, seconds=round(time.monotonic() - started, 3)))
    raise UnlawfulPlanError(" ".join(verdict.broken))


def is_finished(solution: Solution) -> bool:
    """Whether nothing can improve: nobody to serve, or nothing left out and nothing spent."""
    return not solution.instance.free or solution.rank == (0, 0)


def _ending_s(instance: Instance, seconds: float) -> float:
    """Return how long writing, explaining and judging may take, from measurement: about 0.1 ms a stop."""
    return min(0.3 * seconds, 0.02 + 0.0002 * instance.stops)


class _Best:
    """Keeps the best solution and the first complete one."""

    def __init__(self, started: float, budget: Budget, engine: str, on_progress: OnProgress | None) -> None:
        self._started = started
        self._budget = budget
        self._engine = engine
        self._on_progress = on_progress
        self._kept: list[Solution] = []

    @property
    def solution(self) -> Solution:
        return self._kept[-1]

    def offer(self, solution: Solution) -> None:
        if self._kept and solution.rank >= self.solution.rank:
            return
        self._kept = [*self._kept[:2], solution]
        if self._on_progress is not None:
            seconds = time.monotonic() - self._started
            self._on_progress(Progress(seconds, self._budget.done, self._engine, cost_of(solution)))

    def lately(self) -> list[Solution]:
        """Return the best one, then what to fall back to."""
        return self._kept[::-1]


def _written(judge: Judge, solution: Solution, search: Search, until: float) -> tuple[Plan, Verdict]:
    plan = Plan(
        cost=cost_of(solution),
        routes=routes_of(solution),
        unassigned=left_out_reasons(judge, solution, until=until),
        stranded=stranded_reasons(judge, solution),
        search=search,
    )
    return plan, check(judge.instance.problem, plan)
