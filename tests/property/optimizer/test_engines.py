"""Whatever the problem, what leaves the package is lawful."""

import pytest
from hypothesis import HealthCheck, given, settings
from random_problems import problems

from optimizer.check import check
from optimizer.engines.registry import ENGINES
from optimizer.plan import encode, parse
from optimizer.problem import Problem
from optimizer.solve import solve

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=80, suppress_health_check=SLOW)
@given(problem=problems())
def test_plans_are_lawful(engine: str, problem: Problem) -> None:
    """Every engine's plan for any problem passes check, also after having been written and read."""
    plan = solve(problem, iterations=8, engine=engine)
    verdict = check(problem, parse(encode(plan)))
    assert verdict.broken == []


@settings(max_examples=40, suppress_health_check=SLOW)
@given(problem=problems())
def test_plans_of_several_threads_are_lawful(problem: Problem) -> None:
    """Searches side by side, which go on from each other's plans, end with a lawful one too."""
    plan = solve(problem, iterations=60, engine="compiled", threads=3)
    assert check(problem, plan).broken == []
