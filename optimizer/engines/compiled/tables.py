"""The problem as arrays for compiled loops, and whether it can be told that way.

A *node* is a place to go to: ``0 … n-1`` the stops, ``n … n+m-1`` the facilities, then for each truck the place behind its
committed head and its end. A *class* of loads is what may be tipped in the same places: material and bit mask of facilities.
Costs and times are floats; they rank plans, the judge alone decides.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.engines.instance import NO_LIMIT, NO_WAY, Hours, Instance, Truck
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution

NEVER: Final = 1e15
"""Cost and time of what cannot be; sums of some stay exact enough to be seen as such."""
NEAR: Final = 100
"""Neighbours a stop knows."""
MOST_BREAKS: Final = 4
MOST_FACILITIES: Final = 60
"""A mask has a bit for each."""

Reals = NDArray[np.float64]
Numbers = NDArray[np.int64]


# Columns of `Tables.stop`; facilities stand behind the stops and have a service time only.
KG_OF, LITRES_OF, SERVICE_S, PRICE, CLASS = range(5)
STOP_COLUMNS: Final = 5
# Columns of `Tables.truck`.
(
    KIND, ALIKE, USABLE, OBLIGED, HEAD, TAIL, LOADED, LOADED_KG, LOADED_L, MOST_KG, MOST_L, ROOM_KG, ROOM_STOPS, EMPTIES,
    READY, BEGUN, LATEST, OVERTIME, LONGEST, FIXED, PER_S, PER_OVERTIME_S, BREAKS_FROM, BREAKS_UNTIL, TIMED,
) = range(25)  # fmt: skip
TRUCK_COLUMNS: Final = 25
# Columns of `Tables.klass`.
MATERIAL, MASK = range(2)


class Tables(NamedTuple):
    """Read only; few and wide, since compiled calls hand each array over by itself.

    Costs hold metres, seconds of driving and of service; waiting, overtime and what is fixed come on top.
    """

    cost: Reals  # kind of truck, node, node: the second one's service included
    time: Reals  # kind, node, node: without service
    over: Reals  # kind, class, node, node: cost over the best facility
    stop: Reals  # stop or facility, column
    truck: Reals  # truck, column
    klass: Numbers  # class, column
    window_from: Numbers  # of stops, facilities, breaks: place in `windows`; equal to the next one: any time
    windows: Reals  # earliest, latest
    near: Numbers  # stop, number: nearest first, -1 behind the last
    serve: Reals  # truck, stop: what it costs to have moved it there; NEVER if it may not
    break_s: Reals
    remaining: Reals  # of a facility: kg it can take; empty if no facility has a limit


def is_told(judge: Judge) -> bool:
    """Whether every rule of the problem is in `Tables`, or rare enough for the judge to see to it.

    Not so: several compartments in a truck, docks, many breaks, more facilities than a mask has bits.
    """
    instance = judge.instance
    return (
        instance.facilities <= MOST_FACILITIES
        and bool(instance.free)
        and all(docks is None or not instance.service_s[instance.stops + f] for f, docks in enumerate(instance.docks))
        and all(len(truck.boxes) <= 1 and len(truck.breaks) <= MOST_BREAKS for truck in instance.trucks)
    )


def tables(judge: Judge, solution: Solution) -> Tables:
    """Return the tables of a problem that `is_told`. Stranded trucks of ``solution`` are not usable."""
    return _Making(judge, solution).all()


class _Making:
    def __init__(self, judge: Judge, solution: Solution) -> None:
        self.judge = judge
        self.instance: Instance = judge.instance
        self.solution = solution
        self.trucks = self.instance.trucks
        self.n, self.m = self.instance.stops, self.instance.facilities
        self.classes: dict[tuple[int, int], int] = {}
        self.window_from: list[int] = [0]
        self.windows: list[tuple[float, float]] = []

    def all(self) -> Tables:
        instance, trucks, n, m = self.instance, self.trucks, self.n, self.m
        class_of = [self._class(instance.material[s], instance.tippable[s]) for s in range(n)]
        cargo = [self._cargo(truck) for truck in trucks]
        loaded = [self._class(hold[0], hold[3]) if hold[0] >= 0 else -1 for hold in cargo]
        kinds: dict[tuple[int, int, int], int] = {}
        kind = [kinds.setdefault((t.profile, t.cost_per_m, t.cost_per_s), len(kinds)) for t in trucks]
        places = [
            *instance.location,
            *(p for t in trucks for p in (self._behind_head(t), t.start if t.end is None else t.end)),
        ]
        service = np.array(instance.service_s, dtype=np.float64)
        cost, time = self._legs(list(kinds), np.array(places), service)
        for hours in instance.hours:
            self._add(hours)
        breaks_from, break_s = [0], list[float]()
        for truck in trucks:
            for number, (hours, pause_s) in enumerate(truck.breaks):
                if -1 - number not in truck.head and hours != ():
                    self._add(hours)
                    break_s.append(pause_s)
            breaks_from.append(len(break_s))
        klass = np.array([(material, mask) for material, mask in self.classes], dtype=np.int64).reshape(-1, 2)
        dear = 10 * _longest(cost) * (n + 10) + 1
        whole_s = _longest(time) * 2 * (n + 1) + float(service.sum()) * 2  # no route takes as long
        stop = np.zeros((n + m, STOP_COLUMNS))
        stop[:, SERVICE_S] = service
        stop[:n, KG_OF], stop[:n, LITRES_OF], stop[:n, CLASS] = instance.kg, instance.litres, class_of
        stop[:n, PRICE] = [
            dear if must else prize for must, prize in zip(instance.required, instance.prize, strict=True)
        ]
        remaining = self._remaining()
        lines = np.array(
            [
                (
                    *self._line(t, kind[t.number], loaded[t.number], cargo[t.number]),
                    *breaks_from[t.number : t.number + 2],
                    self._is_timed(t, whole_s, remaining),
                )
                for t in trucks
            ],
            dtype=np.float64,
        ).reshape(len(trucks), TRUCK_COLUMNS)
        may_serve = np.array([*instance.may_serve], dtype=np.bool_).reshape(len(trucks), n)
        return Tables(
            cost=cost, time=time, over=_over(cost, klass, n, m), stop=stop, truck=lines, klass=klass,
            window_from=np.array(self.window_from, dtype=np.int64),
            windows=np.array(self.windows, dtype=np.float64).reshape(-1, 2),
            near=_near(cost, may_serve, instance), serve=self._serve(may_serve),
            break_s=np.array(break_s, dtype=np.float64), remaining=remaining,
        )  # fmt: skip

    def _line(self, t: Truck, kind: int, loaded: int, hold: tuple[int, int, int, int]) -> tuple[float, ...]:
        behind = self.n + self.m + 2 * t.number
        room_kg, room_stops = self._room(t)
        _, most_kg, most_l = t.boxes[0] if t.boxes else (frozenset(), 0, 0)
        longest = t.max_duration_s - (0 if t.max_duration_s == NO_LIMIT else t.used_s)
        ready, begun = self._ready(t)
        return (
            kind, self.instance.alike[t.number], not self._is_stranded(t), t.needs_route,
            behind, -1 if t.end is None else behind + 1, loaded, hold[1], hold[2], most_kg, most_l,
            room_kg, min(room_stops, self.n), t.tip_before_end, ready, begun, t.latest_s, t.overtime_s, longest,
            t.cost_fixed, t.cost_per_s, t.cost_per_overtime_s,
        )  # fmt: skip

    def _class(self, material: int, mask: int) -> int:
        return self.classes.setdefault((material, mask & (1 << self.m) - 1), len(self.classes))

    def _cargo(self, truck: Truck) -> tuple[int, int, int, int]:
        cargo = self.judge.heads[truck.number].loadings[0].cargo
        return cargo[0] if cargo else (-1, 0, 0, 0)

    def _is_stranded(self, truck: Truck) -> bool:
        route = self.solution.routes[truck.number]
        return not truck.boxes or (route is not None and bool(route.stranded))

    def _behind_head(self, truck: Truck) -> int:
        codes = [code for code in truck.head if code >= 0]
        return self.instance.location[codes[-1]] if codes else truck.start

    def _room(self, truck: Truck) -> tuple[int, int]:
        collected = [code for code in truck.head if 0 <= code < self.n]
        return truck.room_kg - sum(self.instance.kg[s] for s in collected), truck.room_stops - len(collected)

    def _ready(self, truck: Truck) -> tuple[float, float]:
        """Return when the truck is behind its head, and when it began."""
        if not truck.head or self._is_stranded(truck):
            return truck.earliest_s, truck.earliest_s
        route = self.judge.judge(truck.number, truck.head, None, frozenset({"cannot_tip", "break_impossible"}))
        if route is None or not route.begins:
            return truck.earliest_s, truck.earliest_s
        last = truck.head[-1]
        service_s = truck.breaks[-1 - last][1] if last < 0 else self.instance.service_s[last]
        place = max(number for number, code in enumerate(route.all_visits) if code == last)
        return route.begins[place] + service_s, route.begin_s

    def _legs(self, kinds: list[tuple[int, int, int]], places: Numbers, service: Reals) -> tuple[Reals, Reals]:
        size, visits = len(places), self.n + self.m
        cost, time = np.empty((len(kinds), size, size)), np.empty((len(kinds), size, size))
        grid = np.ix_(places, places)
        for number, (profile, per_m, per_s) in enumerate(kinds):
            seconds, metres = self.instance.duration_array[profile][grid], self.instance.distance_array[profile][grid]
            no_way = seconds >= NO_WAY
            time[number] = seconds
            cost[number] = metres * per_m + seconds * per_s
            cost[number, :, :visits] += service * per_s
            cost[number][no_way] = time[number][no_way] = NEVER
        return cost, time

    def _add(self, hours: Hours) -> None:
        if hours is not None:
            self.windows += [(float(a), float(b)) for a, b in hours] or [(NEVER, -1.0)]
        self.window_from.append(len(self.windows))

    def _serve(self, may_serve: NDArray[np.bool_]) -> Reals:
        serve = np.where(may_serve, 0.0, NEVER)
        if self.instance.moved_cost:
            for truck in self.trucks:
                for stop in self.instance.free:
                    serve[truck.number, stop] += self.instance.moved(truck.number, stop) * self.instance.moved_cost
        return serve

    def _remaining(self) -> Reals:
        left = np.array(self.instance.remaining_kg, dtype=np.float64)
        if not (left < NO_LIMIT).any():
            return np.empty(0)
        for truck in self.trucks:
            route = self.solution.routes[truck.number]
            if route is not None and self._is_stranded(truck):
                for one in route.unloadings:
                    left[one.facility] -= one.kg
        return left

    def _is_timed(self, truck: Truck, whole_s: float, remaining: Reals) -> bool:
        """Whether anything but metres and loads may decide about the truck's route."""
        if self.windows or truck.breaks or truck.head or remaining.size:
            return True
        return truck.earliest_s + whole_s > truck.latest_s or whole_s > truck.max_duration_s - truck.used_s


def _longest(legs: Reals) -> float:
    """Return the largest of the legs that exist."""
    return float(legs[legs < NEVER].max(initial=0.0))


def _over(cost: Reals, klass: Numbers, n: int, m: int) -> Reals:
    kinds, size, _ = cost.shape
    over = np.full((kinds, len(klass), size, size), NEVER)
    for kind in range(kinds):
        for number, mask in enumerate(klass[:, MASK].tolist()):
            for node in (n + facility for facility in range(m) if mask >> facility & 1):
                way = cost[kind, :, node, None] + cost[kind, None, node, :]
                np.minimum(over[kind, number], way, out=over[kind, number])
    return over


def _near(cost: Reals, may_serve: NDArray[np.bool_], instance: Instance) -> Numbers:
    """Return for each stop the nearest that some truck could serve beside it, there and back."""
    n = instance.stops
    near = np.full((n, min(NEAR, max(n - 1, 0))), -1, dtype=np.int64)
    free = np.zeros(n, dtype=np.bool_)
    free[list(instance.free)] = True
    patterns, group = np.unique(may_serve, axis=1, return_inverse=True)
    share = (patterns.T.astype(np.int64) @ patterns.astype(np.int64)) > 0
    for stop in range(n):
        others = np.flatnonzero(share[group[stop]][group] & free)
        others = others[others != stop]
        both = cost[0, stop, others] + cost[0, others, stop]
        nearest = others[np.argsort(both, kind="stable")[: near.shape[1]]]
        near[stop, : len(nearest)] = nearest
    return near
