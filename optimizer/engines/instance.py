"""The problem compiled: ids become numbers, rules become tables that the inner loops look up.

A *visit code* says where a truck goes: ``0 … n-1`` is a stop, ``n … n+m-1`` a facility, ``-1, -2, …`` the truck's first,
second, … break. All tables are indexed by visit code or by location.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from msgspec import UnsetType
from numpy.typing import NDArray

from optimizer.problem import Matrix, Problem, Stop, Vehicle, Window

NO_WAY: Final = 1 << 60
"""Seconds and metres of a leg that does not exist: larger than any sum of legs that do."""
NO_LIMIT: Final = 1 << 60
ALL: Final = -1
"""As a bit mask of facilities: every one."""

Floats = NDArray[np.float64]

Hours = tuple[Window, ...] | None
"""Sorted, disjoint windows; None: any time."""

Hold = tuple[int, int, int, int]
"""One compartment: material (-1: empty), kg, l, bit mask of the facilities where all of it may be tipped."""
EMPTY: Final[Hold] = (-1, 0, 0, ALL)
Cargo = tuple[Hold, ...]


@dataclass(frozen=True, slots=True)
class Truck:
    """A vehicle, compiled."""

    number: int
    id: str
    profile: int
    start: int
    end: int | None
    earliest_s: int
    latest_s: int
    max_duration_s: int
    overtime_s: int
    used_s: int
    room_kg: int  # what it may still collect in this day
    room_stops: int
    boxes: tuple[tuple[frozenset[int], int, int], ...]  # materials, kg, l of each compartment
    cargo: Cargo
    breaks: tuple[tuple[Hours, int], ...]
    tip_before_end: bool
    cost_fixed: int
    cost_per_m: int
    cost_per_s: int
    cost_per_overtime_s: int
    head: tuple[int, ...]
    needs_route: bool


@dataclass(frozen=True, slots=True)
class Instance:
    """The whole problem, compiled; read only."""

    problem: Problem
    stops: int
    facilities: int
    location: list[int]  # of a visit code
    service_s: list[int]
    hours: list[Hours]
    windows: Floats  # of a stop: (window, earliest and latest), `padded`
    timed: bool  # whether any stop has windows
    material: list[int]  # of a stop
    kg: list[int]
    litres: list[int]
    tippable: list[int]  # of a stop: bit mask of the facilities that may take it
    permits: bool  # whether any load is bound to certain facilities
    accepts: list[frozenset[int]]  # of a facility: materials
    remaining_kg: list[int]
    docks: list[int | None]
    limited: frozenset[int]  # facilities with a limit that trucks share
    required: list[bool]
    prize: list[int]
    duration_s: list[list[list[int]]]  # of a profile
    distance_m: list[list[list[int]]]
    duration_array: list[Floats]
    distance_array: list[Floats]
    trucks: tuple[Truck, ...]
    alike: list[int]  # of a truck: the first one that differs from it in nothing but its name
    may_serve: list[NDArray[np.bool_]]  # of a truck, then of a stop: material, skill, lock, size, not committed
    free: tuple[int, ...]  # stops that no truck is committed to
    moved_cost: int
    ran_before: list[frozenset[int]]  # of a stop: trucks that served it in the running plan

    def moved(self, truck: int, stop: int) -> bool:
        """Whether serving ``stop`` with ``truck`` moves it away from the truck it had."""
        before = self.ran_before[stop]
        return bool(before) and truck not in before

    def servable(self) -> list[int]:
        """Return the free stops that some truck may serve."""
        return [stop for stop in self.free if any(may_serve[stop] for may_serve in self.may_serve)]

    def nearest(self, stops: Sequence[int], among: Sequence[int], most: int) -> dict[int, list[int]]:
        """Return for each of ``stops`` the nearest others ``among`` those given, there and back, at most so many."""
        if not stops or not among:
            return {stop: [] for stop in stops}
        metres, location = self.distance_array[0], np.array(self.location)
        at, there = location[list(stops)], location[list(among)]
        both = metres[at[:, None], there] + metres[there, at[:, None]]
        ranked = np.argsort(both, axis=1, kind="stable")[:, : most + 1].tolist()
        return {
            stop: [among[place] for place in row if among[place] != stop][:most]
            for stop, row in zip(stops, ranked, strict=True)
        }


def compile_problem(problem: Problem) -> Instance:
    """Return ``problem`` as tables. Takes about 10 ms for 300 locations."""
    n = len(problem.stops)
    materials = _numbers(
        [*(s.material for s in problem.stops), *(m for f in problem.facilities for m in f.accepts)]
        + [m for v in problem.vehicles for box in v.compartments for m in box.materials]
    )
    stop_number = {stop.id: number for number, stop in enumerate(problem.stops)}
    facility_number = {facility.id: number for number, facility in enumerate(problem.facilities)}
    accepts = [frozenset(materials[m] for m in facility.accepts) for facility in problem.facilities]

    numbering = _Numbering(_numbers(list(problem.profiles)), materials, stop_number, facility_number, accepts)
    tables = [_legs(profile.duration_s, profile.distance_m) for profile in problem.profiles.values()]
    trucks = tuple(_truck(number, vehicle, numbering) for number, vehicle in enumerate(problem.vehicles))
    committed = {code for truck in trucks for code in truck.head if 0 <= code < n}
    truck_number = {truck.id: truck.number for truck in trucks}
    ran_before: list[set[int]] = [set() for _ in range(n)]
    for route in problem.previous or ():
        if route.vehicle in truck_number:
            for stop_id in route.stops:
                if stop_id in stop_number:
                    ran_before[stop_number[stop_id]].add(truck_number[route.vehicle])
    may_serve = [_may_serve(problem, vehicle, committed) for vehicle in problem.vehicles]
    stop_hours = [_hours(stop.windows) for stop in problem.stops]
    return Instance(
        problem=problem,
        stops=n,
        facilities=len(problem.facilities),
        location=[s.location for s in problem.stops] + [f.location for f in problem.facilities],
        service_s=[s.service_s for s in problem.stops] + [f.unload_s for f in problem.facilities],
        hours=stop_hours
        + [_hours(None if isinstance(f.windows, UnsetType) else f.windows) for f in problem.facilities],
        windows=padded(stop_hours),
        timed=any(hours is not None for hours in stop_hours),
        material=[materials[s.material] for s in problem.stops],
        kg=[s.kg for s in problem.stops],
        litres=[s.l for s in problem.stops],
        tippable=[numbering.places(materials[s.material], s.facilities) for s in problem.stops],
        permits=any(s.facilities is not None for s in problem.stops)
        or any(load.facilities is not None for v in problem.vehicles for load in v.load),
        accepts=accepts,
        remaining_kg=[NO_LIMIT if f.remaining_kg is None else f.remaining_kg for f in problem.facilities],
        docks=[f.docks for f in problem.facilities],
        limited=frozenset(
            number
            for number, f in enumerate(problem.facilities)
            if f.remaining_kg is not None or (f.docks is not None and f.unload_s > 0)
        ),
        required=[s.required for s in problem.stops],
        prize=[s.prize for s in problem.stops],
        duration_s=[legs[0] for legs in tables],
        distance_m=[legs[1] for legs in tables],
        duration_array=[_array(legs[0]) for legs in tables],
        distance_array=[_array(legs[1]) for legs in tables],
        trucks=trucks,
        alike=_alike(trucks, may_serve, moving_costs=bool(problem.cost_per_moved_stop)),
        may_serve=may_serve,
        free=tuple(stop for stop in range(n) if stop not in committed),
        moved_cost=problem.cost_per_moved_stop,
        ran_before=[frozenset(before) for before in ran_before],
    )


def _numbers(names: list[str]) -> dict[str, int]:
    return {name: number for number, name in enumerate(dict.fromkeys(names))}


@dataclass(frozen=True, slots=True)
class _Numbering:
    profiles: dict[str, int]
    materials: dict[str, int]
    stops: dict[str, int]
    facilities: dict[str, int]
    accepts: list[frozenset[int]]

    def places(self, material: int, named: list[str] | None) -> int:
        """Return the bit mask of the facilities that accept ``material``, among ``named`` if it says so."""
        allowed = range(len(self.accepts)) if named is None else {self.facilities[one] for one in named}
        return sum(1 << number for number in allowed if material in self.accepts[number])


def _truck(number: int, vehicle: Vehicle, numbering: _Numbering) -> Truck:
    def room(limit: int | None, used: int) -> int:
        return NO_LIMIT if limit is None else limit - used

    cargo = [EMPTY for _ in vehicle.compartments]
    for load in vehicle.load:
        _, kg, litres, mask = cargo[load.compartment]
        material = numbering.materials[load.material]
        mask &= numbering.places(material, load.facilities)
        cargo[load.compartment] = (material, kg + load.kg, litres + load.l, mask)
    break_number = {pause.id: place for place, pause in enumerate(vehicle.breaks or ())}
    head = tuple(
        numbering.stops[visit.stop]
        if visit.stop is not None
        else len(numbering.stops) + numbering.facilities[visit.facility]
        if visit.facility is not None
        else -1 - break_number[visit.break_ or ""]
        for visit in vehicle.committed or ()
    )
    return Truck(
        number=number,
        id=vehicle.id,
        profile=numbering.profiles[vehicle.profile],
        start=vehicle.start,
        end=vehicle.end_location,
        earliest_s=vehicle.shift[0],
        latest_s=vehicle.shift[1],
        max_duration_s=NO_LIMIT if vehicle.max_duration_s is None else vehicle.max_duration_s,
        overtime_s=vehicle.overtime_s,
        used_s=vehicle.used_s,
        room_kg=room(vehicle.day_kg, vehicle.used_kg),
        room_stops=room(vehicle.day_stops, vehicle.used_stops),
        boxes=tuple(
            (
                frozenset(numbering.materials[m] for m in box.materials),
                NO_LIMIT if box.kg is None else box.kg,
                NO_LIMIT if box.l is None else box.l,
            )
            for box in vehicle.compartments
        ),
        cargo=tuple(cargo),
        breaks=tuple((_hours(pause.windows), pause.duration_s) for pause in vehicle.breaks or ()),
        tip_before_end=vehicle.tip_before_end,
        cost_fixed=vehicle.cost_fixed,
        cost_per_m=vehicle.cost_per_m,
        cost_per_s=vehicle.cost_per_s,
        cost_per_overtime_s=vehicle.cost_per_overtime_s,
        head=head,
        needs_route=bool(head) or (bool(vehicle.load) and vehicle.tip_before_end),
    )


def _legs(duration_s: Matrix, distance_m: Matrix) -> tuple[list[list[int]], list[list[int]]]:
    """Return both matrices with `NO_WAY` wherever either has no way."""
    seconds: list[list[int]] = []
    metres: list[list[int]] = []
    for row_s, row_m in zip(duration_s, distance_m, strict=True):
        if None in row_s or None in row_m:
            ways = [s is not None and m is not None for s, m in zip(row_s, row_m, strict=True)]
            seconds.append([s if way and s is not None else NO_WAY for s, way in zip(row_s, ways, strict=True)])
            metres.append([m if way and m is not None else NO_WAY for m, way in zip(row_m, ways, strict=True)])
        else:
            seconds.append(row_s)  # type: ignore[arg-type]  # no None in it
            metres.append(row_m)  # type: ignore[arg-type]
    return seconds, metres


def _array(legs: list[list[int]]) -> Floats:
    """Return ``legs`` for estimates: floats cannot overflow."""
    return np.array(legs, dtype=np.float64).reshape(len(legs), len(legs))


def _hours(windows: list[Window] | None) -> Hours:
    if windows is None:
        return None
    merged: list[Window] = []
    for earliest, latest in sorted(windows):
        if merged and earliest <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(merged[-1][1], latest))
        else:
            merged.append((earliest, latest))
    return tuple(merged)


def padded(hours: list[Hours]) -> Floats:
    """Return (place, window, 2): earliest and latest of each window; the missing ones lie in no time at all."""
    most = max((len(one) for one in hours if one is not None), default=1)
    array = np.empty((len(hours), max(most, 1), 2))
    array[:, :, 0], array[:, :, 1] = NO_WAY, -1
    for place, one in enumerate(hours):
        if one is None:
            array[place, 0] = 0, NO_WAY
        elif one:
            array[place, : len(one)] = one
    return array


def _may_serve(problem: Problem, vehicle: Vehicle, committed: set[int]) -> NDArray[np.bool_]:
    return np.array(
        [number not in committed and serves(vehicle, stop) for number, stop in enumerate(problem.stops)], dtype=np.bool_
    )


def _alike(trucks: tuple[Truck, ...], may_serve: list[NDArray[np.bool_]], *, moving_costs: bool) -> list[int]:
    first: dict[tuple[Truck, bytes], int] = {}
    return [
        first.setdefault((replace(truck, number=0, id=truck.id if moving_costs else ""), may.tobytes()), truck.number)
        for truck, may in zip(trucks, may_serve, strict=True)
    ]


def serves(vehicle: Vehicle, stop: Stop, lifted: frozenset[str] = frozenset()) -> bool:
    """Whether ``vehicle`` could ever collect ``stop``; ``lifted``: codes of limits that are not looked at."""
    if "skill" not in lifted and not set(vehicle.skills or ()).issuperset(stop.skills or ()):
        return False
    if "locked_vehicle" not in lifted and stop.vehicles is not None and vehicle.id not in stop.vehicles:
        return False
    sizes = "capacity" not in lifted
    return any(
        stop.material in box.materials
        and not (sizes and box.kg is not None and stop.kg > box.kg)
        and not (sizes and box.l is not None and stop.l > box.l)
        for box in vehicle.compartments
    )
