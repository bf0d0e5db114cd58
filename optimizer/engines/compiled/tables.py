"""The problem as arrays for the native search, and whether it can be told that way.

A *node* is a place to go to: ``0 … n-1`` the stops, ``n … n+m-1`` the facilities, then for each truck the place behind its
committed head and its end. A *class* of loads is what may be tipped in the same places: material and bit mask of facilities.
Costs rank plans, the judge alone decides. ``tables.h`` says what each member means.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from optimizer.engines.instance import NO_LIMIT, NO_WAY, Hours, Instance, Truck
from optimizer.engines.route import Judge, Unloading
from optimizer.engines.solution import Solution

NEVER: Final = float(1 << 50)
"""Cost and time of what cannot be: exact as a float of 32 bits, and sums of some are seen as such."""
NEAR: Final = 100
"""Neighbours a stop knows."""
MOST_BREAKS: Final = 4
MOST_FACILITIES: Final = 60
MOST_BYTES: Final = 2 << 30
"""Of legs, in all tables together: what is larger is left to engines that need less."""

Reals = NDArray[np.float64]
Legs = NDArray[np.float32]
"""Exact up to 2^24; dearer legs are rounded, which the judge sees to."""
Numbers = NDArray[np.int64]
Records = NDArray[np.void]

STOP: Final = np.dtype([("kg", "f8"), ("litres", "f8"), ("service_s", "f8"), ("price", "f8"), ("class", "i8")])
CLASS: Final = np.dtype([("material", "i8"), ("mask", "i8")])
TRUCK: Final = np.dtype(
    [
        ("kind", "i8"), ("alike", "i8"), ("usable", "i8"), ("obliged", "i8"), ("head", "i8"), ("tail", "i8"),
        ("loaded", "i8"), ("loaded_kg", "f8"), ("loaded_l", "f8"), ("most_kg", "f8"), ("most_l", "f8"),
        ("room_kg", "f8"), ("room_stops", "i8"), ("empties", "i8"), ("ready_s", "f8"), ("begun_s", "f8"),
        ("latest_s", "f8"), ("overtime_s", "f8"), ("longest_s", "f8"), ("fixed", "f8"), ("per_s", "f8"),
        ("per_overtime_s", "f8"), ("breaks_from", "i8"), ("breaks_until", "i8"), ("timed", "i8"),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Tables:
    """Read only. The arrays are as `Tables` of ``tables.h`` has them, in rows without gaps."""

    cost: Legs
    time: Legs
    over: Legs
    beside: Legs
    stop: Records
    truck: Records
    klass: Records
    window_from: Numbers
    window: Reals
    neighbour: Numbers
    serve: Reals
    break_s: Reals
    remaining_kg: Reals
    """Empty if no facility has a limit."""
    docks: Numbers
    fixed: Reals
    fixed_from: Numbers
    free_from: Numbers

    @property
    def docked(self) -> bool:
        """Whether any facility's docks are counted."""
        return bool((self.docks >= 0).any())

    @property
    def stops(self) -> int:
        """How many stops there are."""
        return len(self.neighbour)

    @property
    def facilities(self) -> int:
        """How many facilities there are."""
        return len(self.stop) - len(self.neighbour)

    @property
    def width(self) -> int:
        """Places of a row at most."""
        return self.stops + 2


def is_told(judge: Judge) -> bool:
    """Whether every rule of the problem is in `Tables`, or rare enough for the judge to see to it.

    Not so: several compartments in a truck, many breaks, more facilities than a mask has bits.
    """
    instance = judge.instance
    return (
        instance.facilities <= MOST_FACILITIES
        and bool(instance.free)
        and bool(instance.trucks)
        and _bytes(instance) <= MOST_BYTES
        and all(len(truck.boxes) <= 1 and len(truck.breaks) <= MOST_BREAKS for truck in instance.trucks)
    )


def _bytes(instance: Instance) -> int:
    """Return how large the tables of legs get: cost, time, what is beside a stop, and over the best facility for each class."""
    kinds = len({(t.profile, t.cost_per_m, t.cost_per_s) for t in instance.trucks})
    loads = {*zip(instance.material, instance.tippable, strict=True)}
    classes = len(loads) + sum(truck.needs_route for truck in instance.trucks)
    nodes = instance.stops + instance.facilities + 2 * len(instance.trucks)
    return kinds * nodes * nodes * 4 * (2 + 4 + classes)


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
        self.taken: list[set[int]] = [{-1 - code for code in truck.head if code < 0} for truck in self.trucks]
        """Breaks of each truck that are over when it is behind its head."""
        self.ready = [self._ready(truck) for truck in self.trucks]

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
        docks = [
            -1 if docks is None or not instance.service_s[n + f] else docks for f, docks in enumerate(instance.docks)
        ]
        for code, hours in enumerate(instance.hours):
            self._add(() if code >= n and not docks[code - n] else hours)
        fixed = self._fixed(docks)
        fixed_from = np.cumsum([0, *map(len, fixed)])
        windows = np.diff(self.window_from[n : n + m + 1])
        most = [w + n + len(trucks) + int(fixed_from[-1]) + 2 for w in windows.tolist()]
        breaks_from, break_s = [0], list[float]()
        for truck in trucks:
            for number, (hours, pause_s) in enumerate(truck.breaks):
                if number not in self.taken[truck.number] and hours != ():
                    self._add(hours)
                    break_s.append(pause_s)
            breaks_from.append(len(break_s))
        klass = np.array(list(self.classes), dtype=CLASS)
        over = _over(cost, klass["mask"], n, m)
        dear = self._dear(_most(cost))
        stop = np.zeros(n + m, dtype=STOP)
        stop["service_s"] = service
        stop["kg"][:n], stop["litres"][:n], stop["class"][:n] = instance.kg, instance.litres, class_of
        stop["price"][:n] = [
            dear if must else prize for must, prize in zip(instance.required, instance.prize, strict=True)
        ]
        remaining, longest_s = self._remaining(), self._longest_s(time, service)
        may_serve = np.array([*instance.may_serve], dtype=np.bool_).reshape(len(trucks), n)
        return Tables(
            cost=cost, time=time, over=over, beside=_beside(cost, over, class_of, n), stop=stop,
            truck=np.array(
                [
                    (
                        *self._line(t, kind[t.number], loaded[t.number], cargo[t.number]),
                        *breaks_from[t.number : t.number + 2],
                        self._is_timed(t, longest_s),
                    )
                    for t in trucks
                ],
                dtype=TRUCK,
            ),
            klass=klass, window_from=np.array(self.window_from, dtype=np.int64),
            window=np.array(self.windows, dtype=np.float64).reshape(-1, 2),
            neighbour=_near(cost, may_serve, instance), serve=self._serve(may_serve),
            break_s=np.array(break_s, dtype=np.float64), remaining_kg=remaining,
            docks=np.array(docks, dtype=np.int64),
            fixed=np.array([one for some in fixed for one in some], dtype=np.float64).reshape(-1, 2),
            fixed_from=fixed_from.astype(np.int64), free_from=np.cumsum([0, *most]).astype(np.int64),
        )  # fmt: skip

    def _line(self, t: Truck, kind: int, loaded: int, hold: tuple[int, int, int, int]) -> tuple[float, ...]:
        behind = self.n + self.m + 2 * t.number
        room_kg, room_stops = self._room(t)
        _, most_kg, most_l = t.boxes[0] if t.boxes else (frozenset(), 0, 0)
        longest = t.max_duration_s - (0 if t.max_duration_s == NO_LIMIT else t.used_s)
        ready, begun = self.ready[t.number]
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
        """Return when the truck is behind its head, and when it began; note breaks that must be taken until then."""
        if not truck.head or self._is_stranded(truck):
            return truck.earliest_s, truck.earliest_s
        route = self.judge.judge(truck.number, truck.head, None, frozenset({"cannot_tip"}))
        route = route or self.judge.judge(truck.number, truck.head, None, frozenset({"cannot_tip", "break_impossible"}))
        if route is None or not route.begins:
            return truck.earliest_s, truck.earliest_s
        last = truck.head[-1]
        service_s = truck.breaks[-1 - last][1] if last < 0 else self.instance.service_s[last]
        place = max(number for number, code in enumerate(route.all_visits) if code == last)
        self.taken[truck.number] |= {-1 - code for code in route.all_visits[: place + 1] if code < 0}
        return route.begins[place] + service_s, route.begin_s

    def _legs(self, kinds: list[tuple[int, int, int]], places: Numbers, service: Reals) -> tuple[Legs, Legs]:
        size, visits = len(places), self.n + self.m
        cost, time = (np.empty((len(kinds), size, size), dtype=np.float32) for _ in range(2))
        grid = np.ix_(places, places)
        for number, (profile, per_m, per_s) in enumerate(kinds):
            seconds, metres = self.instance.duration_array[profile][grid], self.instance.distance_array[profile][grid]
            whole = metres * per_m + seconds * per_s
            whole[:, :visits] += service * per_s
            time[number], cost[number] = seconds, whole
            no_way = seconds >= NO_WAY
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
        for one in self._settled():
            left[one.facility] -= one.kg
        return left

    def _fixed(self, docks: list[int]) -> list[list[tuple[int, int]]]:
        """Return for each facility that counts docks when trucks unload there whatever is searched."""
        fixed: list[list[tuple[int, int]]] = [[] for _ in docks]
        for one in self._settled():
            if docks[one.facility] > 0:
                fixed[one.facility].append((one.begin_s, one.leave_s))
        return fixed

    def _settled(self) -> Iterator[Unloading]:
        """Yield the unloadings that no search changes: in committed heads, and those of stranded trucks."""
        for truck in self.trucks:
            route = self.solution.routes[truck.number]
            for one in route.unloadings if route is not None else ():
                if one.committed or self._is_stranded(truck):
                    yield one

    def _dear(self, leg: float) -> float:
        """Return the price of leaving a required stop out: above all that serving it may cost, so that it is the last resort."""
        trucks = self.trucks
        fixed = max(t.cost_fixed for t in trucks)
        paid = max((t.latest_s + t.overtime_s) * t.cost_per_s + t.overtime_s * t.cost_per_overtime_s for t in trucks)
        dear = 10.0 * leg * (self.n + 10) + fixed + paid + self.instance.moved_cost + sum(self.instance.prize) + 1.0
        return min(dear, NEVER / (2 * self.n + 2))

    def _longest_s(self, time: Legs, service: Reals) -> float:
        """Return how long a route can be that never waits: a tip behind each stop and before the first."""
        unload_s = float(service[self.n :].max(initial=0.0))
        return (2 * self.n + 2) * (_most(time) + unload_s) + float(service[: self.n].sum())

    def _is_timed(self, truck: Truck, longest_s: float) -> bool:
        """Whether anything but metres and loads may decide about the truck's route."""
        return bool(
            self.windows
            or truck.breaks
            or truck.head
            or self.instance.limited
            or truck.earliest_s + longest_s > truck.latest_s
            or longest_s > truck.max_duration_s - truck.used_s
        )


def _most(legs: Legs) -> float:
    """Return the dearest or longest leg that there is."""
    return float(legs.max(where=legs < NEVER, initial=0.0))


def _over(cost: Legs, masks: Numbers, n: int, m: int) -> Legs:
    kinds, size, _ = cost.shape
    over = np.full((kinds, len(masks), size, size), NEVER, dtype=np.float32)
    for kind in range(kinds):
        for number, mask in enumerate(masks.tolist()):
            for node in (n + facility for facility in range(m) if mask >> facility & 1):
                way = cost[kind, :, node, None] + cost[kind, None, node, :]
                np.minimum(over[kind, number], way, out=over[kind, number])
    return over


def _beside(cost: Legs, over: Legs, class_of: list[int], n: int) -> Legs:
    """Return kind, stop, node: cost from the node, to it, and both over the best facility for the stop's class."""
    kinds, size, _ = cost.shape
    beside = np.empty((kinds, n, size, 4), dtype=np.float32)
    stops, classes = np.arange(n), np.array(class_of)
    beside[..., 0] = cost[:, :, :n].transpose(0, 2, 1)
    beside[..., 1] = cost[:, :n]
    for kind in range(kinds):
        beside[kind, :, :, 2] = over[kind, classes, :, stops]
        beside[kind, :, :, 3] = over[kind, classes, stops, :]
    return beside


def _near(cost: Legs, may_serve: NDArray[np.bool_], instance: Instance) -> Numbers:
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
