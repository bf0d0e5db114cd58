"""Where to tip along a fixed order of stops: a dynamic programme over trips."""

from collections.abc import Sequence
from typing import Final

from optimizer.engines.instance import EMPTY, NO_WAY, Truck
from optimizer.engines.route import Judge, Loading, ways_to_load

MANY: Final = 40
"""Stops of several kinds above which the general programme takes too long."""

State = tuple[int, int]
"""Stops done, facility where the truck was emptied after the last of them (-1: right behind its head)."""


def with_tips(judge: Judge, truck: Truck, stops: Sequence[int]) -> tuple[int, ...] | None:
    """Return the head, ``stops`` in their order and tips between them at least metres; None when they cannot fit.

    Times are not looked at: the judge has the last word. Each tip empties the truck wholly.
    """
    if len({(judge.instance.material[stop], judge.instance.tippable[stop]) for stop in stops}) == 1:
        box = _only_box(judge, truck, stops[0])
        if box is not None:
            return _uniform(judge, truck, stops, box)
    if len(stops) > MANY:
        return None
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


def _only_box(judge: Judge, truck: Truck, stop: int) -> tuple[int, int] | None:
    """Return kg and l of the one compartment that takes ``stop``, if the truck begins empty; None: not so simple."""
    if any(hold[0] >= 0 for hold in judge.heads[truck.number].loadings[0].cargo):
        return None
    boxes = [(kg, litres) for materials, kg, litres in truck.boxes if judge.instance.material[stop] in materials]
    return boxes[0] if len(boxes) == 1 else None


def _uniform(judge: Judge, truck: Truck, stops: Sequence[int], box: tuple[int, int]) -> tuple[int, ...] | None:
    """The same programme for loads of one kind in one compartment: trips are limited by sums alone."""
    instance = judge.instance
    metres = instance.distance_m[truck.profile]
    sites = [f for f in range(instance.facilities) if instance.tippable[stops[0]] >> f & 1]
    site_at = [instance.location[instance.stops + f] for f in sites]
    at = [instance.location[stop] for stop in stops]
    codes = [code for code in truck.head if code >= 0]
    here = instance.location[codes[-1]] if codes else truck.start
    begin = [metres[here][at[0]]]  # at the first stop of a trip, less the legs between all stops before it
    came: list[int] = [-1]  # site emptied at before it
    first_of: list[int] = []
    first, kg, litres, chain = 0, 0, 0, 0
    chains = [0]
    for last, stop in enumerate(stops):
        kg, litres = kg + instance.kg[stop], litres + instance.litres[stop]
        while kg > box[0] or litres > box[1]:
            kg, litres = kg - instance.kg[stops[first]], litres - instance.litres[stops[first]]
            first += 1
        if first > last:
            return None
        cheapest = min(range(first, last + 1), key=begin.__getitem__)
        first_of.append(cheapest)
        chain = chains[last]
        if last + 1 == len(stops):
            break
        chains.append(chain + metres[at[last]][at[last + 1]])
        if sites:
            over, site = min(
                (metres[at[last]][p] + metres[p][at[last + 1]], f) for f, p in zip(sites, site_at, strict=True)
            )
        else:
            over, site = NO_WAY, -1
        begin.append(begin[cheapest] + chain + over - chains[last + 1])
        came.append(site)
    end = truck.end
    home = [
        (metres[at[-1]][p] + (0 if end is None else metres[p][end]), f) for f, p in zip(sites, site_at, strict=True)
    ]
    if not truck.tip_before_end:
        home.append((0 if end is None else metres[at[-1]][end], -1))
    if not home or min(home)[0] >= NO_WAY:
        return None
    backwards = [instance.stops + f for _, f in [min(home)] if f >= 0]
    upto = len(stops)
    while upto > 0:
        trip = first_of[upto - 1]
        backwards += reversed(stops[trip:upto])
        if trip > 0:
            backwards.append(instance.stops + came[trip])
        upto = trip
    return (*truck.head, *reversed(backwards))
