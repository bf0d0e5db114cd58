"""Where a stop would fit: every gap of a route at once, first estimated with arrays, then judged.

The estimate is optimistic: what it rules out is impossible, what it lets through is still judged. It knows three ways
into a gap: the stop alone; the stop, then a tip; a tip, then the stop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from optimizer.engines.instance import EMPTY, NO_WAY, Cargo, Floats, Hours, Instance, Truck, padded
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.engines.timing import last_open, next_open

ALONE, THEN_TIP, TIP_FIRST = 0, 1, 2
MANY_WAYS = 20_000
"""Stop, gap and facility combinations above which tips are only looked at for stops that fit no gap alone."""
NEAREST = 6
"""Facilities looked at for a stop."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way into a route: at ``gap`` (before the visit with that number), alone or beside a tip."""

    cost: float
    gap: int
    kind: int
    facility: int

    def into(self, visits: tuple[int, ...], stop: int, stops: int) -> tuple[int, ...]:
        """Return ``visits`` with ``stop`` in them."""
        tip = stops + self.facility
        new = {ALONE: (stop,), THEN_TIP: (stop, tip), TIP_FIRST: (tip, stop)}[self.kind]
        return (*visits[: self.gap], *new, *visits[self.gap :])


class Gaps:
    """The gaps of one truck's route behind its committed head, as arrays.

    Gap 0 is right behind the head, the last one is before the way home. Breaks are left out of the times, which can
    only make a gap look wider than it is.
    """

    def __init__(self, judge: Judge, solution: Solution, truck: Truck) -> None:
        self.instance = judge.instance
        self.truck = truck
        self.route = solution.routes[truck.number]
        self.visits = solution.visits(truck.number)
        self.sites = solution.sites(truck.number)
        self.first = len(truck.head)
        self.judge = judge
        self._rooms: dict[tuple[int, int], Floats] = {}
        self._cargos = cargos(self.instance, truck, self.visits, () if self.route is None else self.route.boxes)
        self._set_times()

    def _set_times(self) -> None:
        """Work out the places around each gap, the earliest leave before it and the latest arrival after it."""
        instance, truck = self.instance, self.truck
        duration_s = instance.duration_s[truck.profile]
        steps = self._steps()
        here, now_s = truck.start, truck.earliest_s
        places, leaves = [here], [now_s]
        for place, service_s, hours in steps:
            opens_s = next_open(hours, now_s + (0 if place < 0 else duration_s[here][place]))
            now_s = (NO_WAY if opens_s is None else opens_s) + service_s
            here = here if place < 0 else place
            places.append(here)
            leaves.append(now_s)
        leave_by_s = truck.latest_s + truck.overtime_s
        following, arrivals = [-1], [leave_by_s]
        if truck.end is not None:
            following = [truck.end]
            leave_by_s -= duration_s[here][truck.end]
        for number in range(len(steps) - 1, self.first - 1, -1):
            place, service_s, hours = steps[number]
            begin_s = last_open(hours, leave_by_s - service_s)
            leave_by_s = -NO_WAY if begin_s is None else begin_s
            following.append(place)
            arrivals.append(leave_by_s)
            leave_by_s -= duration_s[places[number]][place]
        self.before = np.array(places[self.first :])
        self.after = np.array(following[::-1])
        self.leave_s = np.array(leaves[self.first :], dtype=np.float64)
        self.arrive_by_s = np.array(arrivals[::-1], dtype=np.float64)
        self.count = len(self.before)

    def _steps(self) -> list[tuple[int, int, Hours]]:
        """Return place (-1: where it stands), service and hours of each visit, forgiving what the head cannot help."""
        instance, truck = self.instance, self.truck
        late = self.judge.heads[truck.number].late
        steps: list[tuple[int, int, Hours]] = []
        for number, code in enumerate(self.visits):
            if code < 0:
                hours, service_s = truck.breaks[-1 - code]
                place = -1
            else:
                hours, service_s, place = instance.hours[code], instance.service_s[code], instance.location[code]
                shared = self.sites is not None and code - instance.stops in instance.limited
                if shared and self.sites is not None and number >= self.first:
                    hours = self.sites.hours(code - instance.stops)
            steps.append((place, service_s, None if number < len(late) and late[number] else hours))
        return steps

    def holds(self) -> set[int]:
        """Return where what is on board along the route may be tipped, if trucks hold several kinds of load."""
        if len(self.truck.boxes) == 1 == len(self.truck.boxes[0][0]) and not self.instance.permits:
            return set()
        return {hold[3] for cargo in self._cargos[self.first :] for hold in cargo if hold[0] >= 0}

    def room(self, material: int, mask: int) -> Floats:
        """Return room at each gap for such a load: rows kg, l alone; kg, l before a tip; kg, l after one; -1: none."""
        known = self._rooms.get((material, mask))
        if known is None:
            known = self._rooms[material, mask] = self._room(material, mask)
        return known

    def _room(self, material: int, mask: int) -> Floats:
        none = (-1.0,) * 6
        best: list[tuple[float, ...]] = [none] * self.count
        stops = self.instance.stops
        for number, (materials, most_kg, most_l) in enumerate(self.truck.boxes):
            if material not in materials:
                continue
            _, peak_kg, peak_l, _ = self._cargos[-1][number]
            stays = self.truck.tip_before_end  # no tip between here and an end that must be empty
            mixed = False  # another material is in it before the next tip
            for gap in range(self.count - 1, -1, -1):
                held, held_kg, held_l, _ = self._cargos[gap + self.first][number]
                code = self.visits[self.first + gap] if gap < self.count - 1 else 0
                if code >= stops and mask >> (code - stops) & 1:
                    peak_kg, peak_l, stays, mixed = held_kg, held_l, False, False
                before_kg, before_l = most_kg - held_kg, most_l - held_l
                room: tuple[float, ...] = (-1.0, -1.0, before_kg, before_l, -1.0, -1.0)
                if held not in {material, -1}:
                    mixed = True
                    room = none if stays else (-1.0, -1.0, -1.0, -1.0, most_kg, most_l)
                elif not stays and not mixed:
                    alone_kg, alone_l = most_kg - peak_kg, most_l - peak_l
                    room = (alone_kg, alone_l, before_kg, before_l, alone_kg + held_kg, alone_l + held_l)
                best[gap] = room if best[gap] is none else tuple(map(max, room, best[gap]))
        return np.array(best, dtype=np.float64).T

    def best_ways(self, stops: Sequence[int]) -> list[Way | None]:
        """Return the cheapest way in for each of ``stops``, by estimate."""
        best: list[Way | None] = [None] * len(stops)
        for rows, estimate in self._estimates(stops):
            columns = estimate.cost.argmin(axis=1)
            costs = estimate.cost[np.arange(len(rows)), columns]
            for number, (row, column, cost) in enumerate(zip(rows, columns.tolist(), costs.tolist(), strict=True)):
                if cost < NO_WAY:
                    best[row] = estimate.way(number, column, cost)
        return best

    def ranked_ways(self, stop: int) -> list[Way]:
        """Return every way in for ``stop`` that the estimate lets through, cheapest first."""
        found: list[Way] = []
        for _, estimate in self._estimates([stop]):
            costs = estimate.cost[0]
            columns = np.argsort(costs, kind="stable")
            found = [estimate.way(0, column, costs[column]) for column in columns.tolist() if costs[column] < NO_WAY]
        return found

    def _estimates(self, stops: Sequence[int]) -> Iterator[tuple[list[int], "_Estimate"]]:
        """Yield, for the rows of ``stops`` of one kind of load each, what every way in would cost."""
        instance, truck = self.instance, self.truck
        may_serve = instance.may_serve[truck.number]
        collected = [code for code in self.visits if 0 <= code < instance.stops]
        room_kg = truck.room_kg - sum(instance.kg[code] for code in collected)
        if len(collected) >= truck.room_stops:
            return
        kinds: dict[tuple[int, int], list[int]] = {}
        for row, stop in enumerate(stops):
            if may_serve[stop] and instance.kg[stop] <= room_kg:
                kinds.setdefault((instance.material[stop], instance.tippable[stop]), []).append(row)
        for (material, mask), rows in kinds.items():
            yield rows, _estimate(self, [stops[row] for row in rows], self.room(material, mask), mask)


@dataclass(frozen=True, slots=True)
class _Estimate:
    """``cost`` of stop and way: first alone by gap, then before a tip and after one, by facility and gap."""

    cost: Floats
    gaps: int
    first: int
    near: NDArray[np.int64]  # facilities looked at, of a stop

    def way(self, row: int, column: int, cost: float) -> Way:
        if column < self.gaps:
            return Way(cost, self.first + column, ALONE, -1)
        column -= self.gaps
        kind, column = divmod(column, self.near.shape[1] * self.gaps)
        place, gap = divmod(column, self.gaps)
        return Way(cost, self.first + gap, (THEN_TIP, TIP_FIRST)[kind], int(self.near[row, place]))


def _estimate(gaps: Gaps, stops: list[int], room: Floats, mask: int) -> _Estimate:
    """Return what each way in would cost; tips only where a stop fits no gap alone, if there are very many ways."""
    entries = _Entries(gaps, stops, room)
    alone = entries.alone()
    near = _near(gaps, entries.at, mask)
    width = near.shape[1]
    rows = np.arange(len(stops))
    if near.size * gaps.count > MANY_WAYS:
        rows = np.flatnonzero((alone >= NO_WAY).all(axis=1))
    cost = np.full((len(stops), gaps.count * (1 + 2 * width)), float(NO_WAY))
    cost[:, : gaps.count] = alone
    if width and len(rows):
        if len(rows) < len(stops):
            entries = _Entries(gaps, [stops[row] for row in rows.tolist()], room)
        beside = _BesideTip(entries, near[rows], mask)
        cost[rows, gaps.count :] = np.concatenate([beside.then_tip(), beside.tip_first()], axis=1)
    return _Estimate(cost, gaps.count, gaps.first, near)


class _Entries:
    """Stops (first axis) at the gaps (last axis): legs, room, cost."""

    def __init__(self, gaps: Gaps, stops: list[int], room: Floats) -> None:
        instance, truck = gaps.instance, gaps.truck
        self.gaps, self.room = gaps, room
        self.seconds, self.metres = instance.duration_array[truck.profile], instance.distance_array[truck.profile]
        self.weight_s, self.weight_m = float(truck.cost_per_s), float(truck.cost_per_m)
        self.windows = instance.windows[stops] if instance.timed else None
        self.at = np.array([instance.location[stop] for stop in stops])
        self.service_s = np.array([instance.service_s[stop] for stop in stops], dtype=np.float64)
        self.kg = np.array([instance.kg[stop] for stop in stops], dtype=np.float64)[:, None]
        self.litres = np.array([instance.litres[stop] for stop in stops], dtype=np.float64)[:, None]
        self.nowhere = gaps.after < 0  # behind the last gap of a route that may end anywhere
        self.after = np.where(self.nowhere, 0, gaps.after)
        self.to_stop_s, self.to_stop_m = self.legs(gaps.before, self.at[:, None])
        self.onward_s, self.onward_m = self.onward(self.at[:, None])
        self.direct_s, self.direct_m = self.onward(gaps.before)
        self.extra = self.weight_s * self.service_s + self._priced(instance, stops)

    def _priced(self, instance: Instance, stops: list[int]) -> Floats:
        """Return the price of moving each stop, and of taking a truck that has no route yet."""
        truck = self.gaps.truck
        priced = np.zeros(len(stops))
        if instance.moved_cost:
            priced += [instance.moved_cost * instance.moved(truck.number, stop) for stop in stops]
        if self.gaps.route is None:
            priced += truck.cost_fixed + self.weight_m * self.direct_m[0] + self.weight_s * self.direct_s[0]
        return priced

    def legs(self, origin: Any, to: Any) -> tuple[Floats, Floats]:
        return self.seconds[origin, to], self.metres[origin, to]

    def onward(self, origin: Any) -> tuple[Floats, Floats]:
        """Return the legs from ``origin`` to what comes behind each gap."""
        seconds, metres = self.legs(origin, self.after)
        return np.where(self.nowhere, 0.0, seconds), np.where(self.nowhere, 0.0, metres)

    def leave_s(self, arrive_s: Floats) -> Floats:
        """Return when each stop is left by who arrives at ``arrive_s`` (stop, …)."""
        shape = (-1,) + (1,) * (arrive_s.ndim - 1)
        if self.windows is not None:
            arrive_s = _within(self.windows.reshape(*shape, *self.windows.shape[1:]), arrive_s)
        return arrive_s + self.service_s.reshape(shape)

    def fits(self, row: int) -> NDArray[np.bool_]:
        """Return where kg and l fit the room in rows ``row`` and ``row + 1`` of `Gaps.room`."""
        fitting: NDArray[np.bool_] = (self.kg <= self.room[row]) & (self.litres <= self.room[row + 1])
        return fitting

    def cost(self, more_m: Floats, more_s: Floats, extra: Floats) -> Floats:
        metres, seconds = more_m - self.direct_m, more_s - self.direct_s
        return self.weight_m * metres + self.weight_s * seconds + extra

    def alone(self) -> Floats:
        """Return the cost of each stop in each gap by itself."""
        over_s = self.leave_s(self.gaps.leave_s + self.to_stop_s) + self.onward_s
        possible = (over_s <= self.gaps.arrive_by_s) & self.fits(0)
        cost = self.cost(self.to_stop_m + self.onward_m, self.to_stop_s + self.onward_s, self.extra[:, None])
        return np.where(possible, cost, NO_WAY)


class _BesideTip:
    """The same with a tip before or behind the stop: axes stop, facility, gap."""

    def __init__(self, entries: _Entries, near: NDArray[np.int64], mask: int) -> None:
        self.entries = entries
        self.takes = np.array([mask >> f & 1 for f in range(entries.gaps.instance.facilities)], dtype=np.bool_)[near]
        instance = entries.gaps.instance
        self.sites = np.array(instance.location[instance.stops :])[near]
        self.unload_s = np.array(instance.service_s[instance.stops :], dtype=np.float64)[near][:, :, None]
        self.hours = _site_hours(entries.gaps)[near][:, :, None]
        self.extra = entries.extra[:, None, None] + entries.weight_s * self.unload_s

    def then_tip(self) -> Floats:
        """Return the cost of the stop and then a tip, flat for each stop."""
        entries, gaps = self.entries, self.entries.gaps
        over_s, over_m = entries.legs(entries.at[:, None], self.sites)
        next_s, next_m = entries.onward(self.sites[:, :, None])
        left_s = entries.leave_s(gaps.leave_s + entries.to_stop_s)
        begin_s = _within(self.hours, left_s[:, None] + over_s[:, :, None])
        possible = (begin_s + self.unload_s + next_s <= gaps.arrive_by_s) & entries.fits(2)[:, None]
        possible &= self.takes[:, :, None]
        more_m = entries.to_stop_m[:, None] + over_m[:, :, None] + next_m
        more_s = entries.to_stop_s[:, None] + over_s[:, :, None] + next_s
        return np.where(possible, entries.cost(more_m, more_s, self.extra), NO_WAY).reshape(len(entries.at), -1)

    def tip_first(self) -> Floats:
        """Return the cost of a tip and then the stop, flat for each stop."""
        entries, gaps = self.entries, self.entries.gaps
        over_s, over_m = entries.legs(self.sites, entries.at[:, None])
        to_site_s, to_site_m = entries.legs(gaps.before, self.sites[:, :, None])
        begin_s = _within(self.hours, gaps.leave_s + to_site_s)
        left_s = entries.leave_s(begin_s + self.unload_s + over_s[:, :, None])
        possible = (left_s + entries.onward_s[:, None] <= gaps.arrive_by_s) & entries.fits(4)[:, None]
        more_m = to_site_m + over_m[:, :, None] + entries.onward_m[:, None]
        more_s = to_site_s + over_s[:, :, None] + entries.onward_s[:, None]
        return np.where(possible, entries.cost(more_m, more_s, self.extra), NO_WAY).reshape(len(entries.at), -1)


def _near(gaps: Gaps, at: NDArray[np.int64], mask: int) -> NDArray[np.int64]:
    """Return the facilities to look at for each stop: all that may take it, or the nearest few of them."""
    instance = gaps.instance
    for hold in gaps.holds():
        mask |= hold  # to make room, another load may be tipped where this stop's may not
    allowed = [f for f in range(instance.facilities) if mask >> f & 1 and _takes_more(gaps, f)]
    every = np.array(allowed, dtype=np.int64)
    if len(allowed) <= NEAREST:
        return np.broadcast_to(every, (len(at), len(allowed)))
    places = np.array([instance.location[instance.stops + f] for f in allowed])
    metres = instance.distance_array[gaps.truck.profile][at[:, None], places]
    return every[np.argsort(metres, axis=1, kind="stable")[:, :NEAREST]]


def _takes_more(gaps: Gaps, facility: int) -> bool:
    return gaps.sites is None or gaps.sites.free_kg(facility) > 0 or gaps.instance.remaining_kg[facility] == 0


def _site_hours(gaps: Gaps) -> Floats:
    """Return (facility, window, 2): when an unloading may begin, with the docks that others take."""
    instance = gaps.instance
    return padded(
        [
            gaps.sites.hours(f)
            if gaps.sites is not None and f in instance.limited
            else instance.hours[instance.stops + f]
            for f in range(instance.facilities)
        ]
    )


def _within(windows: Floats, arrive_s: Floats) -> Floats:
    """Return the first moment at or after ``arrive_s`` in one of ``windows`` (last axes: window, earliest/latest)."""
    begin_s = np.full(arrive_s.shape, float(NO_WAY))
    for number in range(windows.shape[-2]):
        earliest, latest = windows[..., number, 0], windows[..., number, 1]
        np.minimum(begin_s, np.where(arrive_s <= latest, np.maximum(arrive_s, earliest), NO_WAY), out=begin_s)
    return begin_s


def cargos(instance: Instance, truck: Truck, visits: tuple[int, ...], boxes: tuple[int, ...]) -> list[Cargo]:
    """Return what is on board before each visit, and at last after all, when stops are loaded into ``boxes``."""
    before = [truck.cargo]
    into = iter(boxes)
    for code in visits:
        cargo = list(before[-1])
        if code >= instance.stops:
            cargo = [EMPTY if hold[0] >= 0 and hold[3] >> (code - instance.stops) & 1 else hold for hold in cargo]
        elif code >= 0:
            number = next(into)
            _, kg, litres, mask = cargo[number]
            cargo[number] = (
                instance.material[code],
                kg + instance.kg[code],
                litres + instance.litres[code],
                mask & instance.tippable[code],
            )
        before.append(tuple(cargo))
    return before
