"""The engine on OR-Tools, and what was learnt about the library."""

import gc
import threading
import weakref

import pytest
from msgspec.structs import replace
from ortools.constraint_solver import pywrapcp

from optimizer.check import check
from optimizer.engines.baseline import insert
from optimizer.engines.beginning import begin
from optimizer.engines.instance import compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.engines.routing import routing
from optimizer.engines.routing_model import Model
from optimizer.engines.solution import Solution
from optimizer.problem import Problem, parse
from optimizer.solve import solve
from tests.unit.optimizer import kitchen


def greedy(problem: Problem) -> Solution:
    """Return the plan of greedy insertion."""
    judge = Judge(compile_problem(problem))
    first = begin(judge)
    return insert(judge, first, sorted(first.left_out), budget=Budget())


def model_of(solution: Solution) -> Model:
    """Return a model of all trucks."""
    return Model(Judge(solution.instance), solution, range(len(solution.instance.trucks)))


def test_a_process_that_is_kept_waiting_finds_the_same_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    """The library's limits on the wall clock decide nothing where steps are counted."""
    problem = parse(kitchen.B2.read_bytes())
    plan = solve(problem, iterations=20, engine="routing", seed=3)
    defaults = pywrapcp.DefaultRoutingSearchParameters

    def always_late() -> object:
        parameters = defaults()
        parameters.lns_time_limit.FromMicroseconds(0)
        return parameters

    monkeypatch.setattr(pywrapcp, "DefaultRoutingSearchParameters", always_late)
    assert solve(problem, iterations=20, engine="routing", seed=3).routes == plan.routes


def test_a_search_leaves_nothing_behind() -> None:
    """When a search is over, its model is freed: a process that plans all day does not grow."""
    solution = greedy(kitchen.day())
    model = model_of(solution)
    assert model.descend(solution, Budget()) is not None
    freed = weakref.ref(model)
    del model
    gc.collect()
    assert freed() is None


def test_a_descent_begins_with_the_plan_it_is_given() -> None:
    """A plan is read into the model as it is: with nothing to gain it comes back, else a better one does."""
    solution = greedy(parse(kitchen.B2.read_bytes()))
    model = model_of(solution)
    ranks = [solution.rank]
    for _ in range(20):
        better = model.descend(solution, Budget())
        assert better is not None
        ranks.append(better.rank)
        if better == solution:
            break
        solution = better
    assert ranks[1] < ranks[0]
    assert ranks == sorted(ranks, reverse=True)
    assert ranks[-1] == ranks[-2]


def test_a_model_has_one_more_copy_of_a_facility_than_its_plan_uses() -> None:
    """Each copy widens every neighbourhood; a plan that uses more of them than there are is another model's."""
    problem = parse(kitchen.B2.read_bytes())
    solution = greedy(problem)
    stops = solution.instance.stops
    used = {
        code: sum(solution.visits(truck).count(code) for truck in range(len(solution.routes)))
        for code in range(stops, stops + solution.instance.facilities)
    }
    model = model_of(solution)
    assert {code: len(nodes) - 1 for code, nodes in model.copies.items()} == used
    nobody = begin(Judge(solution.instance))
    assert model_of(nobody).descend(solution, Budget()) is None


def test_a_search_hears_that_it_is_to_stop() -> None:
    """Between two steps somebody may say stop: the plan until then is kept."""
    said = threading.Event()
    plan = solve(
        parse(kitchen.B2.read_bytes()),
        seconds=600,
        engine="routing",
        on_progress=lambda progress: said.set() if progress.iterations >= 3 else None,
        stopped=said.is_set,
    )
    assert plan.cost.required_left_out == 0
    assert plan.search.seconds < 300


def test_few_trucks_of_many_are_searched_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a day of many stops the model of a step is of the trucks that changed; the plan is lawful and better than greedy's."""
    monkeypatch.setattr("optimizer.engines.routing.WHOLE", 0)
    problem = parse(kitchen.B2.read_bytes())
    plan = solve(problem, iterations=10, engine="routing")
    assert plan.cost.required_left_out == 0
    assert plan.cost.total < solve(problem, engine="baseline").cost.total


def test_a_day_without_anything_to_move_comes_back_as_it_was() -> None:
    """No stop that is free, or no truck that may go: the engine gives back what it got."""
    for problem in (kitchen.day(stops=[]), replace(kitchen.day(), vehicles=[])):
        solution = greedy(problem)
        judge = Judge(solution.instance)
        assert routing(judge, solution, Budget(iterations=5), seed=1, report=lambda _: None) == solution


def test_a_place_that_is_never_open_is_no_place_to_go() -> None:
    """A stop or a site whose list of windows is empty: who needs it is left out, with a reason."""
    day = kitchen.day()
    for problem in (
        replace(day, stops=[replace(day.stops[0], windows=[]), *day.stops[1:]]),
        replace(day, facilities=[replace(day.facilities[0], windows=[])]),
    ):
        plan = solve(problem, iterations=5, engine="routing")
        assert check(problem, plan).lawful
