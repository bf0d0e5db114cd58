"""New stops join a running plan: each beside a stop near it, with all tips of that route placed anew.

`insertion` leaves the tips that a route has where they are. A trip that is nearly full takes no further stop then, unless one
is tipped at once before or after it; here the trips of the whole route are cut anew (`tips`), which takes longer, so it is
for the few stops by which a day differs from the running plan.
"""

import heapq
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge, TimedRoute
from optimizer.engines.solution import Solution
from optimizer.engines.tips import with_tips

NEAREST: Final = 12
"""Stops of the plan beside which a new one is tried."""
FEW: Final = 0.2
"""New stops by those of the plan, above which greedy insertion alone begins: so many change the plan anyway."""
SHARE: Final = 0.3
"""Of the time that is left; whoever has not joined by then is inserted greedily."""


def join(judge: Judge, solution: Solution, budget: Budget) -> Solution:
    """Return ``solution`` with those left out that fit beside their neighbours, each time the one that costs least."""
    planned = [stop for stop in judge.instance.free if stop not in solution.left_out]
    new = [stop for stop in judge.instance.free if stop in solution.left_out]
    if not new or len(new) > FEW * len(planned):
        return solution
    return _Joining(judge, solution, planned, new).run(budget.part(SHARE))


class _Place(NamedTuple):
    """A route that serves a new stop, ``cost`` dearer than ``instead``, the one its truck had; ordered by cost."""

    cost: int
    stop: int
    joined: int
    """Stops that had joined when it was judged."""
    route: TimedRoute
    instead: TimedRoute


class _Joining:
    def __init__(self, judge: Judge, solution: Solution, planned: Sequence[int], new: Sequence[int]) -> None:
        self.judge = judge
        self.instance = judge.instance
        self.solution = solution
        self.new = new
        self.near = self.instance.nearest(new, planned, NEAREST)

    def run(self, budget: Budget) -> Solution:
        waiting: list[_Place] = []
        joined = 0
        for stop in self.new:
            place = self._best(stop, joined, budget)
            if place is not None:
                heapq.heappush(waiting, place)
        while waiting and not budget.is_late():
            known = heapq.heappop(waiting)
            place = known if self._holds(known, joined) else self._best(known.stop, joined, budget)
            if place is not None and place.cost > known.cost:
                heapq.heappush(waiting, place)
            elif place is not None:
                self.solution = self.solution.with_route(place.route.truck, place.route)
                joined += 1
        return self.solution

    def _holds(self, place: _Place, joined: int) -> bool:
        """Whether a place is what it was: nobody has joined that route since, nor unloads elsewhere at sites with a limit."""
        return place.joined == joined or (
            not self.instance.limited and self.solution.routes[place.route.truck] is place.instead
        )

    def _best(self, stop: int, joined: int, budget: Budget) -> _Place | None:
        """Return the cheapest place of ``stop`` that is found in time, if it has one that is worth its prize."""
        best: _Place | None = None
        for place in self._places(stop, joined):
            if best is None or place.cost < best.cost:
                best = place
            if budget.is_late():
                break
        if best is None or (not self.instance.required[stop] and best.cost >= self.instance.prize[stop]):
            return None
        return best

    def _places(self, stop: int, joined: int) -> Iterator[_Place]:
        """Yield what serves ``stop`` before or after a neighbour, in every route that may."""
        for instead in self.solution.routes:
            if instead is None or instead.stranded or not self.instance.may_serve[instead.truck][stop]:
                continue
            row, truck = self.solution.row(instead.truck), self.instance.trucks[instead.truck]
            sites = self.solution.sites(instead.truck)
            at = {code: number for number, code in enumerate(row)}
            beside = [at[near] for near in self.near[stop] if near in at]
            for gap in sorted({*beside, *(number + 1 for number in beside)}):
                visits = with_tips(self.judge, truck, [*row[:gap], stop, *row[gap:]])
                route = None if visits is None else self.judge.judge(truck.number, visits, sites)
                if route is not None:
                    yield _Place(route.cost - instead.cost, stop, joined, route, instead)
