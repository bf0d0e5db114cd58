"""The engine on OR-Tools."""

import gc
import weakref

from optimizer.engines.baseline import insert
from optimizer.engines.beginning import begin
from optimizer.engines.instance import compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.engines.routing import Model
from tests.unit.optimizer import kitchen


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
