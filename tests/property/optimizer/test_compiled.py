"""The compiled loops: trips against trying everything, and plans against the judge."""

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st
from random_problems import problems

from optimizer.engines.beginning import begin
from optimizer.engines.compiled import built
from optimizer.engines.compiled.tables import (
    CLASS,
    EMPTIES,
    HEAD,
    KG_OF,
    KIND,
    LITRES_OF,
    LOADED,
    LOADED_KG,
    LOADED_L,
    MASK,
    MOST_KG,
    MOST_L,
    NEVER,
    PRICE,
    TAIL,
    Tables,
    is_told,
    tables,
)
from optimizer.engines.instance import compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.problem import Problem

if not built.is_built():
    pytest.fail(f"the compiled loops are not built: {built.HOW}", pytrace=False)

from optimizer.engines.compiled import search as loops
from optimizer.engines.compiled import trips
from optimizer.engines.compiled.engine import CompiledSearch

QUICK = (Phase.explicit, Phase.generate)
"""Without shrinking: a failure of a compiled search is told from its first problem in a minute, not in ten."""
SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def told(problem: Problem) -> tuple[Judge, Tables]:
    """Return the judge and the tables of a problem the loops can be told."""
    judge = Judge(compile_problem(problem))
    assume(is_told(judge))
    return judge, tables(judge, begin(judge))


class Row:
    """A truck's row of stops with its lines of numbers."""

    def __init__(self, t: Tables, truck: int, stops: list[int]) -> None:
        width = len(t.near) + 2
        self.t, self.truck, self.length = t, t.truck[truck], len(stops)
        self.row = np.zeros(width, dtype=np.int64)
        self.row[: len(stops) + 1] = [int(self.truck[HEAD]), *stops]
        self.numbers, self.first = np.zeros((trips.LINES, width)), np.zeros(width, dtype=np.int64)
        self.cost = trips.forwards(*self.world(), self.row, self.length, self.numbers, self.first)

    def world(self) -> tuple[Any, ...]:
        """Return what all functions of `trips` begin with."""
        return self.t.cost, self.t.over, self.t.stop, self.truck, self.t.klass, len(self.t.near)

    def cheapest(self) -> float:
        """Return the least cost by trying every set of places for tips and every facility."""
        return min(
            (self._cost(set(tips)) for n in range(self.length + 1) for tips in combinations(range(self.length), n)),
            default=NEVER,
        )

    def _cost(self, tips: set[int]) -> float:
        """Cost with tips behind these places; NEVER if a trip is too heavy or mixes what must not be mixed."""
        t, truck, kind = self.t, self.truck, int(self.truck[KIND])
        total, kg, litres, mask, load = 0.0, truck[LOADED_KG], truck[LOADED_L], -1, -1
        if truck[LOADED] >= 0:
            load, mask = int(truck[LOADED]), int(t.klass[int(truck[LOADED]), MASK])
        for place in range(1, self.length + 1):
            stop, before = int(self.row[place]), int(self.row[place - 1])
            klass = int(t.stop[stop, CLASS])
            if place - 1 in tips:
                total += min((self._over(kind, f, before, stop) for f in self._sites(mask, load)), default=NEVER)
                kg, litres, mask, load = 0.0, 0.0, -1, -1
            else:
                total += t.cost[kind, before, stop]
            if load >= 0 and not self._may_join(place, load, klass):
                return NEVER
            kg, litres, load, mask = (
                kg + t.stop[stop, KG_OF],
                litres + t.stop[stop, LITRES_OF],
                klass,
                int(t.klass[klass, MASK]),
            )
            if kg > truck[MOST_KG] or litres > truck[MOST_L]:
                return NEVER
        here, tail = int(self.row[self.length]), int(truck[TAIL])
        if load >= 0 and truck[EMPTIES] != 0:
            ways = [self._over(kind, f, here, tail) for f in self._sites(mask, load)]
            return total + min(ways, default=NEVER)
        return total + (0.0 if tail < 0 else t.cost[kind, here, tail])

    def _may_join(self, place: int, load: int, klass: int) -> bool:
        """Whether a class may lie on what is on board: the same, or narrower than what was there from the start."""
        if load == klass:
            return True
        same = self.t.klass[load, 0] == self.t.klass[klass, 0]
        return place == 1 and bool(
            same and self.t.klass[load, MASK] & self.t.klass[klass, MASK] == self.t.klass[klass, MASK]
        )

    def _sites(self, mask: int, load: int) -> list[int]:
        first = len(self.t.near)
        return [first + f for f in range(len(self.t.stop) - first) if load >= 0 and mask >> f & 1]

    def _over(self, kind: int, site: int, a: int, b: int) -> float:
        return float(self.t.cost[kind, a, site] + (0.0 if b < 0 else self.t.cost[kind, site, b]))


@settings(max_examples=80, deadline=None, derandomize=True, phases=QUICK, suppress_health_check=SLOW)
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
    trips.backwards(*row.world(), row.row, row.length, row.numbers)
    for place in range(len(stops) + 1):
        with_new = trips.with_one_more(*row.world(), row.row, row.length, row.numbers, place, new)
        assert _alike(with_new, Row(t, 0, [*stops[:place], new, *stops[place:]]).cost), place


def _alike(one: float, other: float) -> bool:
    return (one >= NEVER and other >= NEVER) or one == pytest.approx(other)


@settings(max_examples=120, deadline=None, derandomize=True, phases=QUICK, suppress_health_check=SLOW)
@given(problem=problems(max_stops=6, max_vehicles=3), seed=st.integers(1, 1_000))
def test_the_judge_takes_every_plan_and_finds_it_no_dearer(problem: Problem, seed: int) -> None:
    """What the loops think lawful is lawful, serves the same stops, and costs what they think or less.

    Where something is committed they guess when the truck is done with it, and a route may have to be made anew.
    """
    judge, t = told(problem)
    search = CompiledSearch(judge, begin(judge), seed)
    found = search.run(Budget(iterations=30), report=lambda _: None)
    assert found.rank <= begin(judge).rank
    if any(truck.needs_route for truck in judge.instance.trucks):
        return
    planned = {int(stop) for row in search.state.best for stop in row[1 : 1 + row[0]]}
    solution = search.solution()
    assert planned.isdisjoint(solution.left_out)
    out = [stop for stop in judge.instance.free if stop not in planned and (t.serve[:, stop] < NEVER).any()]
    judged = sum(route.cost for route in solution.routes if route) + sum(t.stop[stop, PRICE] for stop in out)
    assert judged <= search.state.energy[loops.BEST] + 1e-6
