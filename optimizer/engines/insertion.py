"""Where a stop would fit: every gap of a route at once, first estimated with arrays, then judged.

The estimate is optimistic: what it rules out is impossible, what it lets through is still judged. It knows three ways
into a gap: the stop alone; the stop, then a tip; a tip, then the stop.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from optimizer.engines.instance import EMPTY, NO_WAY, Cargo, Floats, Hours, Instance, Truck, padded
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.engines.timing import last_open, next_open

ALONE, THEN_TIP, TIP_FIRST = 0, 1, 2
MANY_WAYS = 400_000
"""Stop, gap and facility combinations above which only the nearest few facilities are looked at."""
NEAREST = 3


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

    def room(self, material: int, mask: int) -> Floats:
        """Return room at each gap for such a load: rows kg, l alone; kg, l before a tip; kg, l after one; -1: none."""
        known = self._rooms.get((material, mask))
        if known is None:
            known = self._rooms[material, mask] = self._room(material, mask)
        return known

    def _room(self, material: int, mask: int) -> Floats:
        rooms = np.full((6, self.count), -1.0)
        stops = self.instance.stops
        for number, (materials, most_kg, most_l) in enumerate(self.truck.boxes):
            if material not in materials:
                continue
            _, peak_kg, peak_l, _ = self._cargos[-1][number]
            never_emptied = self.truck.tip_before_end
            for gap in range(self.count - 1, -1, -1):
                held, held_kg, held_l, _ = self._cargos[gap + self.first][number]
                code = self.visits[self.first + gap] if gap < self.count - 1 else 0
                if code >= stops and mask >> (code - stops) & 1:
                    peak_kg, peak_l, never_emptied = held_kg, held_l, False
                if held not in {material, -1}:
                    never_emptied = True  # it would have to be tipped before it can take this
                    continue
                room = [-1.0, -1.0, most_kg - held_kg, most_l - held_l, -1.0, -1.0]
                if not never_emptied:
                    room[0], room[1] = most_kg - peak_kg, most_l - peak_l
                    room[4], room[5] = most_kg - (peak_kg - held_kg), most_l - (peak_l - held_l)
                rooms[:, gap] = np.maximum(rooms[:, gap], room)
        return rooms

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
    instance, truck = gaps.instance, gaps.truck
    seconds, metres = instance.duration_array[truck.profile], instance.distance_array[truck.profile]
    numbers = np.array(stops)
    at = np.array([instance.location[stop] for stop in stops])
    service_s = np.array([instance.service_s[stop] for stop in stops], dtype=np.float64)
    kg = np.array([instance.kg[stop] for stop in stops], dtype=np.float64)[:, None]
    litres = np.array([instance.litres[stop] for stop in stops], dtype=np.float64)[:, None]
    anywhere = gaps.after < 0
    before, after = gaps.before, np.where(anywhere, 0, gaps.after)

    to_stop_s, to_stop_m = seconds[before, at[:, None]], metres[before, at[:, None]]
    onward_s = np.where(anywhere, 0.0, seconds[at[:, None], after])
    onward_m = np.where(anywhere, 0.0, metres[at[:, None], after])
    direct_s = np.where(anywhere, 0.0, seconds[before, after])
    direct_m = np.where(anywhere, 0.0, metres[before, after])
    weight_s, weight_m = float(truck.cost_per_s), float(truck.cost_per_m)
    extra = np.zeros(len(stops))
    if instance.moved_cost:
        extra += [instance.moved_cost * instance.moved(truck.number, stop) for stop in stops]
    if gaps.route is None:
        extra += truck.cost_fixed + weight_m * direct_m[0] + weight_s * direct_s[0]
    extra += weight_s * service_s

    leave_s = _opens(instance, numbers, gaps.leave_s + to_stop_s) + service_s[:, None]
    possible = (leave_s + onward_s <= gaps.arrive_by_s) & (kg <= room[0]) & (litres <= room[1])
    cost = weight_m * (to_stop_m + onward_m - direct_m) + weight_s * (to_stop_s + onward_s - direct_s) + extra[:, None]
    alone = np.where(possible, cost, NO_WAY)

    near = _near(gaps, at, mask, instance)
    if not near.size:
        return _Estimate(alone, gaps.count, gaps.first, near)
    sites = np.array(instance.location[instance.stops :])[near]  # (stop, facility)
    unload_s = np.array(instance.service_s[instance.stops :], dtype=np.float64)[near][:, :, None]
    stop_site_s, stop_site_m = seconds[at[:, None], sites][:, :, None], metres[at[:, None], sites][:, :, None]
    site_next_s = np.where(anywhere, 0.0, seconds[sites[:, :, None], after])
    site_next_m = np.where(anywhere, 0.0, metres[sites[:, :, None], after])
    site_open = _site_hours(gaps, near)
    begin_s = _within(site_open, leave_s[:, None, :] + stop_site_s)
    possible = begin_s + unload_s + site_next_s <= gaps.arrive_by_s
    possible &= ((kg <= room[2]) & (litres <= room[3]))[:, None, :]
    cost = (
        weight_m * (to_stop_m[:, None, :] + stop_site_m + site_next_m - direct_m)
        + weight_s * (to_stop_s[:, None, :] + stop_site_s + site_next_s - direct_s + unload_s)
        + extra[:, None, None]
    )
    then_tip = np.where(possible, cost, NO_WAY)

    site_stop_s, site_stop_m = seconds[sites, at[:, None]][:, :, None], metres[sites, at[:, None]][:, :, None]
    to_site_s, to_site_m = seconds[before, sites[:, :, None]], metres[before, sites[:, :, None]]
    begin_s = _within(site_open, gaps.leave_s + to_site_s)
    at_stop_s = _opens(instance, numbers, begin_s + unload_s + site_stop_s)
    possible = at_stop_s + service_s[:, None, None] + onward_s[:, None, :] <= gaps.arrive_by_s
    possible &= ((kg <= room[4]) & (litres <= room[5]))[:, None, :]
    cost = (
        weight_m * (to_site_m + site_stop_m + onward_m[:, None, :] - direct_m)
        + weight_s * (to_site_s + site_stop_s + onward_s[:, None, :] - direct_s + unload_s)
        + extra[:, None, None]
    )
    tip_first = np.where(possible, cost, NO_WAY)
    rows = len(stops)
    whole = np.concatenate([alone, then_tip.reshape(rows, -1), tip_first.reshape(rows, -1)], axis=1)
    return _Estimate(whole, gaps.count, gaps.first, near)


def _near(gaps: Gaps, at: NDArray[np.int64], mask: int, instance: Instance) -> NDArray[np.int64]:
    """Return the facilities to look at for each stop: all that may take it, or the nearest few of them."""
    allowed = [f for f in range(instance.facilities) if mask >> f & 1 and _takes_more(gaps, f)]
    every = np.array(allowed, dtype=np.int64)
    if len(at) * gaps.count * len(allowed) <= MANY_WAYS or len(allowed) <= NEAREST:
        return np.broadcast_to(every, (len(at), len(allowed)))
    places = np.array([instance.location[instance.stops + f] for f in allowed])
    metres = instance.distance_array[gaps.truck.profile][at[:, None], places]
    return every[np.argsort(metres, axis=1, kind="stable")[:, :NEAREST]]


def _takes_more(gaps: Gaps, facility: int) -> bool:
    return gaps.sites is None or gaps.sites.free_kg(facility) > 0 or gaps.instance.remaining_kg[facility] == 0


def _opens(instance: Instance, stops: NDArray[np.int64], arrive_s: Floats) -> Floats:
    """Return the first moment at or after ``arrive_s`` at which each stop (first axis) may be collected."""
    if not instance.timed:
        return arrive_s
    shape = (len(stops),) + (1,) * (arrive_s.ndim - 1)
    windows = instance.windows[stops].reshape(*shape, -1, 2)
    return _within(windows, arrive_s)


def _site_hours(gaps: Gaps, near: NDArray[np.int64]) -> Floats:
    """Return (stop, facility, 1, window, 2): when an unloading may begin, with the docks that others take."""
    instance = gaps.instance
    hours = [
        gaps.sites.hours(f) if gaps.sites is not None and f in instance.limited else instance.hours[instance.stops + f]
        for f in range(instance.facilities)
    ]
    return padded(hours)[near][:, :, None]


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
