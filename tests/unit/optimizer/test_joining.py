"""New stops join a running plan."""

import time

import pytest
from msgspec.structs import replace

from optimizer.check import check
from optimizer.engines.baseline import insert
from optimizer.engines.beginning import begin, resume
from optimizer.engines.instance import compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.joining import join
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.problem import Compartment, PreviousRoute, Problem, Profile, parse
from optimizer.solve import solve
from tests.unit.optimizer import kitchen

NEW = 8


def running() -> Problem:
    """Return a day whose running plan has all stops but the last few."""
    day = parse(kitchen.B2.read_bytes())
    plan = solve(replace(day, stops=day.stops[:-NEW]), iterations=2_000)
    previous = [
        PreviousRoute(vehicle=route.vehicle, stops=[visit.stop for visit in route.visits if visit.stop])
        for route in plan.routes
    ]
    return replace(day, previous=previous)


def resumed(problem: Problem) -> tuple[Judge, Solution]:
    """Return the running plan as a solution."""
    judge = Judge(compile_problem(problem))
    return judge, resume(judge, begin(judge))


def whole(judge: Judge, solution: Solution) -> Solution:
    """Return ``solution`` with greedy insertion of what it leaves out."""
    return insert(judge, solution, sorted(solution.left_out), budget=Budget())


def test_new_stops_join_at_less_than_greedy_insertion_takes() -> None:
    """Most fit beside a neighbour, at less than where tips stay where they are; nobody else changes trucks or turns."""
    judge, plan = resumed(running())
    assert len(plan.left_out) == NEW
    joined = join(judge, plan, Budget())
    assert len(joined.left_out) < NEW / 2
    assert whole(judge, joined).rank < whole(judge, plan).rank
    for truck in range(len(plan.routes)):
        old = [code for code in plan.visits(truck) if code < judge.instance.stops]
        assert [code for code in joined.visits(truck) if code in set(old)] == old


def test_many_new_stops_are_left_to_greedy_insertion() -> None:
    """Where there is no running plan to speak of, nothing joins."""
    judge = Judge(compile_problem(parse(kitchen.B2.read_bytes())))
    nobody = begin(judge)
    assert join(judge, nobody, Budget()) is nobody


def test_a_stop_that_costs_more_than_its_prize_does_not_join() -> None:
    """An optional stop joins only if it is worth the way."""
    day = running()
    optional = replace(day, stops=[*day.stops[:-NEW], *(replace(s, required=False, prize=1) for s in day.stops[-NEW:])])
    judge, plan = resumed(optional)
    assert join(judge, plan, Budget()).left_out == plan.left_out


@pytest.mark.parametrize("engine", ["baseline", "routing", "ruin_recreate"])
@pytest.mark.parametrize("start_s", [0, 30, 60, 90])
def test_new_stops_join_beside_the_docks_others_take(engine: str, start_s: int) -> None:
    """Two trucks go two ways and tip at one dock in between: who joins second is judged beside who joined first."""
    west, east = [-100 - 10 * n for n in range(6)], [100 + 10 * n for n in range(6)]
    at = [0, *west, *east, -105, 105]
    metres: list[list[int | None]] = [[abs(a - b) for b in at] for a in at]
    stops = [kitchen.stop(f"s{n}", n) for n in range(1, 15)]
    stops = [*stops[:12], *(replace(one, service_s=50) for one in stops[12:])]
    day = Problem(
        profiles={"truck": Profile(duration_s=metres, distance_m=metres)},
        facilities=[kitchen.site(location=0, docks=1, unload_s=60)],
        vehicles=[
            kitchen.truck(
                "west", shift=(0, 9_000), compartments=[Compartment(materials=["kitchen"], kg=1_000, l=9_000)]
            ),
            kitchen.truck(
                "east", shift=(start_s, 9_000), compartments=[Compartment(materials=["kitchen"], kg=1_000, l=9_000)]
            ),
        ],
        stops=stops,
        previous=[
            PreviousRoute(vehicle="west", stops=[f"s{n}" for n in range(1, 7)]),
            PreviousRoute(vehicle="east", stops=[f"s{n}" for n in range(7, 13)]),
        ],
    )
    plan = solve(day, iterations=5, engine=engine)
    assert check(day, plan).lawful
    assert plan.cost.required_left_out == 0


def test_joining_leaves_time_for_the_rest() -> None:
    """Whoever has not joined in its share of the time is inserted: a short budget leaves nobody out."""
    day = running()
    judge, plan = resumed(day)
    late = Budget(deadline=time.monotonic() - 1)
    assert join(judge, plan, late) == plan
    assert solve(day, seconds=0.5, engine="baseline").cost.required_left_out == 0
