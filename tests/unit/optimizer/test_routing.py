"""The engine on OR-Tools."""

import gc
import weakref

import pytest
from ortools.constraint_solver import pywrapcp

from optimizer.engines.baseline import insert
from optimizer.engines.beginning import begin
from optimizer.engines.instance import compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.engines.routing import Model
from optimizer.problem import parse
from optimizer.solve import solve
from tests.unit.optimizer import kitchen


def test_a_process_that_is_kept_waiting_finds_the_same_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's limits on the wall clock decide nothing where steps are counted."""
    problem = parse(kitchen.B2.read_bytes())
    plan = solve(problem, iterations=20, engine="relay", seed=3)
    defaults = pywrapcp.DefaultRoutingSearchParameters

    def always_late() -> object:
        parameters = defaults()
        parameters.lns_time_limit.FromMicroseconds(0)
        return parameters

    monkeypatch.setattr(pywrapcp, "DefaultRoutingSearchParameters", always_late)
    assert solve(problem, iterations=20, engine="relay", seed=3).routes == plan.routes


def test_a_search_leaves_nothing_behind() -> None:
    """When a search is over, its model is freed: a process that plans all day does not grow."""
    judge = Judge(compile_problem(kitchen.day()))
    first = begin(judge)
    budget = Budget(iterations=20)
    model = Model(judge, insert(judge, first, sorted(first.left_out), budget=budget))
    assert model.search(budget, 1.0, lambda _: None).left_out == frozenset()
    freed = weakref.ref(model)
    del model
    gc.collect()
    assert freed() is None
