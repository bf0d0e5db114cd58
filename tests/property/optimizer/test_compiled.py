"""The compiled loops: trips against trying everything, and plans against the judge."""

from ctypes import byref
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from random_problems import problems

from optimizer.engines.beginning import begin
from optimizer.engines.compiled import built
from optimizer.engines.compiled.tables import NEVER, Tables, is_told, tables
from optimizer.engines.instance import compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.problem import Compartment, Facility, Problem, Profile, Stop, Vehicle

if not built.is_built():
    pytest.fail(f"the compiled loops are not built: {built.HOW}", pytrace=False)

from optimizer.engines.compiled import native
from optimizer.engines.compiled.engine import CompiledSearch, Crew

QUICK = (Phase.explicit, Phase.generate)
"""Without shrinking: a failure of a compiled search is told from its first problem in a minute, not in ten."""
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def told(problem: Problem) -> tuple[Judge, Tables]:
    """Return the judge and the tables of a problem the loops can be told."""
    judge = Judge(compile_problem(problem))
    assume(is_told(judge))
    return judge, tables(judge, begin(judge))


def searched(judge: Judge, t: Tables, seed: int, steps: int) -> tuple[CompiledSearch, Solution, set[int]]:
    """Return a search after so many steps, what the judge makes of its best plan, and the stops that are in it."""
    search = CompiledSearch(judge, begin(judge), seed, t, Crew(lambda _: None))
    assert search.run(Budget(iterations=steps)).rank <= begin(judge).rank
    return search, search.solution(), {int(stop) for row in search.native.best for stop in row[1 : 1 + row[0]]}


class Row:
    """A truck's row of stops with its numbers."""

    def __init__(self, t: Tables, truck: int, stops: list[int]) -> None:
        self.t, self.number, self.truck, self.length = t, truck, t.truck[truck], len(stops)
        self._search = native.Search(t, 1)
        self.places = np.zeros(t.width, dtype=native.PLACE)
        self.places["node"][: len(stops) + 1] = [int(self.truck["head"]), *stops]
        self.row = self.places["node"]
        self._queue = np.zeros(t.width, dtype=np.int64)
        self.cost = self._search._native.forwards(*self._where(), self._queue.ctypes.data, 1)

    def _where(self) -> tuple[Any, ...]:
        return byref(self._search._t), self.number, self.places.ctypes.data, self.length

    def with_one_more(self, new: int) -> list[float]:
        """Return the cost with a stop behind each place."""
        self._search._native.backwards(*self._where(), self._queue.ctypes.data, self.length)
        return [self._search._native.with_one_more(*self._where(), place, new) for place in range(self.length + 1)]

    def cheapest(self) -> float:
        """Return the least cost by trying every set of places for tips and every facility."""
        return min(
            (self._cost(set(tips)) for n in range(self.length + 1) for tips in combinations(range(self.length), n)),
            default=NEVER,
        )

    def _cost(self, tips: set[int]) -> float:
        """Cost with tips behind these places; NEVER if a trip is too heavy or mixes what must not be mixed."""
        t, truck, kind = self.t, self.truck, int(self.truck["kind"])
        total, kg, litres, mask, load = 0.0, truck["loaded_kg"], truck["loaded_l"], -1, -1
        if truck["loaded"] >= 0:
            load, mask = int(truck["loaded"]), int(t.klass["mask"][int(truck["loaded"])])
        for place in range(1, self.length + 1):
            stop, before = int(self.row[place]), int(self.row[place - 1])
            klass = int(t.stop["class"][stop])
            if place - 1 in tips:
                total += min((self._over(kind, f, before, stop) for f in self._sites(mask, load)), default=NEVER)
                kg, litres, mask, load = 0.0, 0.0, -1, -1
            else:
                total += t.cost[kind, before, stop]
            mixes = place > 1 or load >= 0
            if mixes and load >= 0 and not self._may_join(place, load, klass):
                return NEVER
            kg, litres, load, mask = (
                kg + t.stop["kg"][stop],
                litres + t.stop["litres"][stop],
                klass,
                int(t.klass["mask"][klass]),
            )
            if kg > truck["most_kg"] or litres > truck["most_l"]:
                return NEVER
        here, tail = int(self.row[self.length]), int(truck["tail"])
        if load >= 0 and truck["empties"] != 0:
            ways = [self._over(kind, f, here, tail) for f in self._sites(mask, load)]
            return total + min(ways, default=NEVER)
        return total + (0.0 if tail < 0 else t.cost[kind, here, tail])

    def _may_join(self, place: int, load: int, klass: int) -> bool:
        """Whether a class may lie on what is on board: the same, or narrower than what was there from the start."""
        if load == klass:
            return True
        same = self.t.klass["material"][load] == self.t.klass["material"][klass]
        return place == 1 and bool(
            same and self.t.klass["mask"][load] & self.t.klass["mask"][klass] == self.t.klass["mask"][klass]
        )

    def _sites(self, mask: int, load: int) -> list[int]:
        first = self.t.stops
        return [first + f for f in range(len(self.t.stop) - first) if load >= 0 and mask >> f & 1]

    def _over(self, kind: int, site: int, a: int, b: int) -> float:
        return float(self.t.cost[kind, a, site] + (0.0 if b < 0 else self.t.cost[kind, site, b]))


@settings(max_examples=80, derandomize=True, phases=QUICK, suppress_health_check=SLOW)
@given(problem=problems(max_stops=5), data=st.data())
def test_tips_are_where_they_cost_least(problem: Problem, data: st.DataObject) -> None:
    """A row of stops costs what the cheapest way to cut it into trips costs, and one more stop what it costs then."""
    judge, t = told(problem)
    free = [stop for stop in judge.instance.free if judge.instance.may_serve[0][stop]]
    assume(free)
    order = data.draw(st.permutations(free))
    stops, new = list(order[1:]), order[0]
    row = Row(t, 0, stops)
    assert _alike(row.cost, row.cheapest())
    if row.cost >= NEVER:
        return
    for place, cost in enumerate(row.with_one_more(new)):
        assert _alike(cost, Row(t, 0, [*stops[:place], new, *stops[place:]]).cost), place


def _alike(one: float, other: float) -> bool:
    return (one >= NEVER and other >= NEVER) or one == pytest.approx(other)


@settings(max_examples=120, derandomize=True, phases=QUICK, suppress_health_check=SLOW)
@given(problem=problems(max_stops=6, max_vehicles=3), seed=st.integers(1, 1_000))
def test_the_judge_takes_every_plan_and_finds_it_no_dearer(problem: Problem, seed: int) -> None:
    """What the loops think lawful is lawful, serves the same stops, and costs what they think or less.

    Where something is committed they guess when the truck is done with it, and a route may have to be made anew.
    """
    judge, t = told(problem)
    search, solution, planned = searched(judge, t, seed, 30)
    if any(truck.needs_route for truck in judge.instance.trucks):
        return
    assert planned.isdisjoint(solution.left_out)
    out = [stop for stop in judge.instance.free if stop not in planned and (t.serve[:, stop] < NEVER).any()]
    judged = sum(route.cost for route in solution.routes if route) + sum(t.stop["price"][stop] for stop in out)
    assert judged <= search.native.energy + 1e-6


@st.composite
def full_loads(draw: st.DrawFn) -> Problem:
    """Return a day of full loads: a tip behind each stop, few docks."""
    stops, trucks, sites = draw(st.integers(1, 10)), draw(st.integers(1, 4)), draw(st.integers(1, 2))
    size = stops + sites + 1
    leg = st.integers(1, 300)
    legs: list[list[int | None]] = [[0 if a == b else draw(leg) for b in range(size)] for a in range(size)]
    return Problem(
        profiles={"truck": Profile(duration_s=legs, distance_m=legs)},
        facilities=[
            Facility(
                id=f"f{number}",
                location=stops + 1 + number,
                accepts=["glass"],
                unload_s=200,
                docks=draw(st.integers(1, 2)),
            )
            for number in range(sites)
        ],
        vehicles=[
            Vehicle(
                id=f"v{number}",
                profile="truck",
                start=0,
                shift=(0, draw(st.sampled_from([3_000, 20_000]))),
                compartments=[Compartment(materials=["glass"], kg=100)],
            )
            for number in range(trucks)
        ],
        stops=[Stop(id=f"s{number}", location=1 + number, material="glass", kg=100) for number in range(stops)],
    )


@settings(max_examples=30, derandomize=True, phases=QUICK, suppress_health_check=SLOW)
@given(problem=full_loads(), seed=st.integers(1, 1_000))
def test_docks_hold_where_every_stop_is_a_full_load(problem: Problem, seed: int) -> None:
    """Routes that were moved back and forth leave no unloading behind: the judge takes the plan, nobody is listed twice."""
    judge, t = told(problem)
    _, solution, planned = searched(judge, t, seed, 600)
    assert planned.isdisjoint(solution.left_out)
    tips = sum(len(route.unloadings) for route in solution.routes if route)
    assert tips == len(planned)
