"""Where to tip along a fixed order of stops: a dynamic programme over trips."""

from collections.abc import Sequence

from optimizer.engines.instance import EMPTY, NO_WAY, Truck
from optimizer.engines.route import Judge, Loading, ways_to_load

State = tuple[int, int]
"""Stops done, facility where the truck was emptied after the last of them (-1: right behind its head)."""


def with_tips(judge: Judge, truck: Truck, stops: Sequence[int]) -> tuple[int, ...] | None:
    """Return the head, ``stops`` in their order and tips between them at least metres; None when they cannot fit.

    Times are not looked at: the judge has the last word. Each tip empties the truck wholly.
    """
    programme = _Programme(judge, truck, stops)
    programme.run()
    return programme.visits()


class _Programme:
    def __init__(self, judge: Judge, truck: Truck, stops: Sequence[int]) -> None:
        self.judge = judge
        self.instance = judge.instance
        self.truck = truck
        self.stops = stops
        self.metres = self.instance.distance_m[truck.profile]
        self.best: dict[State, tuple[int, State | None]] = {(0, -1): (0, None)}
        self.end: tuple[int, State] | None = None

    def run(self) -> None:
        for done in range(len(self.stops) + 1):
            for facility in range(-1, self.instance.facilities):
                if (done, facility) in self.best:
                    self.trip_from((done, facility))

    def trip_from(self, state: State) -> None:
        """Try every trip that begins at ``state`` and ends with a tip or with the route."""
        cost, _ = self.best[state]
        here, loadings = self.before(state)
        done, _ = state
        if done == len(self.stops):
            self.finish(state, cost, here, loadings)
        if any(hold[0] >= 0 for one in loadings for hold in one.cargo):
            self.tip_after(state, done, cost, here, loadings)
        for number in range(done, len(self.stops)):
            stop = self.stops[number]
            loadings = [more for one in loadings for more in ways_to_load(self.instance, self.truck, one, stop)][:4]
            there = self.instance.location[stop]
            cost += self.metres[here][there]
            here = there
            if not loadings or cost >= NO_WAY:
                return
            self.tip_after(state, number + 1, cost, here, loadings)
            if number + 1 == len(self.stops):
                self.finish(state, cost, here, loadings)

    def before(self, state: State) -> tuple[int, list[Loading]]:
        facility = state[1]
        head = self.judge.heads[self.truck.number]
        if facility >= 0:
            here = self.instance.location[self.instance.stops + facility]
            return here, [Loading(tuple(EMPTY for _ in self.truck.boxes))]
        codes = [code for code in self.truck.head if code >= 0]
        return (self.instance.location[codes[-1]] if codes else self.truck.start), list(head.loadings)

    def tip_after(self, state: State, done: int, cost: int, here: int, loadings: Sequence[Loading]) -> None:
        masks = [hold[3] for hold in loadings[0].cargo if hold[0] >= 0]
        for facility in range(self.instance.facilities):
            if all(mask >> facility & 1 for mask in masks):
                total = cost + self.metres[here][self.instance.location[self.instance.stops + facility]]
                known = self.best.get((done, facility))
                if total < NO_WAY and (done, facility) != state and (known is None or total < known[0]):
                    self.best[done, facility] = (total, state)

    def finish(self, state: State, cost: int, here: int, loadings: Sequence[Loading]) -> None:
        if self.truck.tip_before_end and any(hold[0] >= 0 for hold in loadings[0].cargo):
            return
        if self.truck.end is not None:
            cost += self.metres[here][self.truck.end]
        if cost < NO_WAY and (self.end is None or cost < self.end[0]):
            self.end = (cost, state)

    def visits(self) -> tuple[int, ...] | None:
        if self.end is None:
            return None
        backwards: list[int] = []
        upto = len(self.stops)
        state: State | None = self.end[1]
        while state is not None:
            done, facility = state
            backwards += reversed(self.stops[done:upto])
            if facility >= 0:
                backwards.append(self.instance.stops + facility)
            upto = done
            state = self.best[state][1]
        return (*self.truck.head, *reversed(backwards))
