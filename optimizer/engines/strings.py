"""A step beside a plan: strings of neighbouring stops are taken out of routes near each other and put back in again.

After J. Christiaens and G. Vanden Berghe, *Slack Induction by String Removals for Vehicle Routing Problems*,
Transportation Science 54 (2020). Tips are placed anew, at least metres, in every route that changed. Every route is judged
before it is taken, so all rules hold in all plans on the way.
"""

import random
from collections.abc import Sequence
from typing import Final

from optimizer.engines.baseline import Memory, insert, remove
from optimizer.engines.instance import Instance
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.engines.tips import with_tips

NEIGHBOURS: Final = 60


class Strings:
    """Takes strings out and puts them back; ``chance`` decides where and in which order.

    ``removed``: stops taken out on average; ``longest``: of a string at most. The source has 10 and 10.
    """

    def __init__(self, judge: Judge, chance: random.Random, *, removed: float, longest: int) -> None:
        self.judge = judge
        self.instance: Instance = judge.instance
        self.chance = chance
        self.removed, self.longest = removed, longest
        self.memory: Memory = {}
        self.free = self.instance.servable()
        self.near = self.instance.nearest(self.free, self.free, NEIGHBOURS)

    def shaken(self, solution: Solution, budget: Budget) -> Solution:
        """Return a solution beside ``solution``; ends early when the budget is over."""
        return self._recreated(self._ruined(solution), budget)

    def _ruined(self, solution: Solution) -> Solution:
        """Take strings of stops near a random one out of ``solution``."""
        tours = {
            route.truck: solution.row(route.truck)
            for route in solution.routes
            if route is not None and not route.stranded
        }
        where = {stop: truck for truck, tour in tours.items() for stop in tour}
        if not where:
            return solution
        longest = min(float(self.longest), max(1.0, len(where) / max(1, sum(bool(tour) for tour in tours.values()))))
        strings = int(self.chance.uniform(1.0, max(2.0, 4.0 * self.removed / (1.0 + longest))))
        centre = self.chance.choice(self.free)
        gone: list[int] = []
        ruined: set[int] = set()
        for stop in [centre, *self.near[centre]]:
            truck = where.get(stop)
            if truck is None or truck in ruined:
                continue
            ruined.add(truck)
            gone += self._string(tours[truck], stop, longest)
            if len(ruined) >= strings:
                break
        return remove(self.judge, solution, gone)

    def _string(self, tour: Sequence[int], stop: int, longest: float) -> list[int]:
        """Return a random string of ``tour`` with ``stop`` in it."""
        length = int(self.chance.uniform(1.0, min(float(len(tour)), longest) + 1.0))
        length = min(length, len(tour))
        place = tour.index(stop)
        first = self.chance.randint(max(0, place - length + 1), min(place, len(tour) - length))
        return list(tour[first : first + length])

    def _recreated(self, ruined: Solution, budget: Budget) -> Solution:
        todo = sorted(ruined.left_out & set(self.free))
        self._in_some_order(todo)
        if len(todo) > 4 * self.removed:  # where much has to stay out, try some of it
            todo = todo[: int(4 * self.removed)]
        candidate = insert(
            self.judge, ruined, todo, budget=budget, in_order=True, memory=self.memory, chance=self.chance
        )
        for before, after in zip(ruined.routes, candidate.routes, strict=True):
            if after is not None and after is not before and not after.stranded:
                candidate = self._tipped_better(candidate, after.truck)
        return candidate

    def _in_some_order(self, stops: list[int]) -> None:
        self.chance.shuffle(stops)
        dice = self.chance.random()
        kg, metres = self.instance.kg, self.instance.distance_array[0][self.instance.trucks[0].start]
        if dice < 0.3:
            stops.sort(key=lambda stop: -kg[stop])
        elif dice < 0.5:
            stops.sort(key=lambda stop: -metres[self.instance.location[stop]])
        elif dice < 0.6:
            stops.sort(key=lambda stop: metres[self.instance.location[stop]])

    def _tipped_better(self, solution: Solution, number: int) -> Solution:
        """Return ``solution`` with the tips of one truck where they cost least, if that holds and is cheaper."""
        route = solution.routes[number]
        truck = self.instance.trucks[number]
        if route is None:
            return solution
        visits = with_tips(self.judge, truck, solution.row(number))
        if visits is None or visits == route.visits:
            return solution
        better = self.judge.judge(number, visits, solution.sites(number))
        return solution if better is None or better.cost >= route.cost else solution.with_route(number, better)
