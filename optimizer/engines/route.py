"""One truck's route, judged: is it lawful beside the others, what does it cost, when is it where."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from optimizer.engines.instance import EMPTY, NO_WAY, Cargo, Hold, Hours, Instance, Truck
from optimizer.engines.timing import Span, Step, best_span, next_open

MAX_LOADINGS: Final = 24
"""Ways to fill several compartments that are followed at the same time."""

HOME: Final = 1 << 40
"""Visit code of the way home."""
NOTHING: Final[frozenset[str]] = frozenset()


@dataclass(frozen=True, slots=True)
class Unloading:
    """A truck at a facility: from when to when, with how much."""

    facility: int
    begin_s: int
    leave_s: int
    kg: int
    committed: bool


@dataclass(frozen=True, slots=True)
class TimedRoute:
    """A lawful route (or a stranded truck's), with everything a plan says about it."""

    truck: int
    visits: tuple[int, ...]  # committed head included, breaks that are not committed left out
    all_visits: tuple[int, ...]  # with every break; without the way home
    begins: tuple[int, ...]
    boxes: tuple[int, ...]  # compartment of each collected stop, in order
    begin_s: int
    end_s: int
    home: bool  # whether it ends with a way home
    distance_m: int
    overtime_s: int
    cost: int  # fixed, metres, seconds, overtime, moved stops
    unloadings: tuple[Unloading, ...]
    stranded: frozenset[str] = NOTHING


@dataclass
class Sites:
    """What the other trucks do at the facilities that have a limit."""

    instance: Instance
    unloadings: dict[int, list[Unloading]] = field(default_factory=dict)

    def free_kg(self, facility: int) -> int:
        """Return what the facility can still take beside the others."""
        return self.instance.remaining_kg[facility] - sum(one.kg for one in self.unloadings.get(facility, ()))

    def same_as(self, other: "Sites | None") -> bool:
        """Whether the others do the same here as in ``other``."""
        return other is not None and self.unloadings == other.unloadings

    def hours(self, facility: int, *, beside_committed: bool = True) -> Hours:
        """Return when an unloading may begin: the site is open and a dock is free until it is over.

        With ``beside_committed`` false, committed unloadings of others take no dock: for those nobody can help.
        """
        code = self.instance.stops + facility
        hours, docks = self.instance.hours[code], self.instance.docks[facility]
        unload_s = self.instance.service_s[code]
        if docks is None or not unload_s:
            return hours
        there = [one for one in self.unloadings.get(facility, ()) if beside_committed or not one.committed]
        if not there and (docks or not beside_committed):
            return hours
        return _without(hours, _full_times(there, docks), unload_s)


def _full_times(there: Sequence[Unloading], docks: int) -> list[tuple[int, int]]:
    """Return the [from, until) in which every dock is taken."""
    if not docks:
        return [(0, NO_WAY)]
    changes = sorted([(one.begin_s, 1) for one in there] + [(one.leave_s, -1) for one in there])
    full: list[tuple[int, int]] = []
    busy = 0
    since_s = -1
    for time_s, change in changes:
        busy += change
        if busy >= docks and since_s < 0:
            since_s = time_s
        elif busy < docks and since_s >= 0:
            if time_s > since_s:
                full.append((since_s, time_s))
            since_s = -1
    return full


def _without(hours: Hours, full: Sequence[tuple[int, int]], unload_s: int) -> Hours:
    """Return ``hours`` without the begins whose unloading would meet a full time."""
    free: list[tuple[int, int]] = list(hours) if hours is not None else [(0, NO_WAY)]
    for from_s, until_s in full:
        first_bad_s, last_bad_s = from_s - unload_s + 1, until_s - 1
        free = [
            part
            for earliest, latest in free
            for part in ((earliest, min(latest, first_bad_s - 1)), (max(earliest, last_bad_s + 1), latest))
            if part[0] <= part[1]
        ]
    return tuple(sorted(set(free)))


@dataclass(frozen=True, slots=True)
class Loading:
    """One way to have loaded a truck so far."""

    cargo: Cargo
    boxes: tuple[int, ...] = ()
    tipped: tuple[int, ...] = ()  # kg of each tip


@dataclass(frozen=True)
class Head:
    """What a truck is committed to, worked out once: loads after it, lateness nobody can help."""

    loadings: tuple[Loading, ...]
    late: tuple[bool, ...]
    reachable: int  # so many committed visits can be reached
    tips: int
    docks: bool  # whether it tips where docks are counted


class Judge:
    """Judges routes of one problem. Pure but for a memory of the trucks' heads."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self._open_sites = Sites(instance)

    @cached_property
    def heads(self) -> list[Head]:
        """The committed head of every truck."""
        return [_head(self.instance, truck) for truck in self.instance.trucks]

    def judge(
        self,
        truck_number: int,
        visits: tuple[int, ...],
        sites: Sites | None = None,
        forgiven: frozenset[str] = NOTHING,
    ) -> TimedRoute | None:
        """Return the best schedule of ``visits``, or None where some rule cannot be kept.

        Parameters
        ----------
        truck_number
            Whose route.
        visits
            Stops and tips in order, the committed head first; breaks that are not committed are put in here.
        sites
            What other trucks do at facilities; None: nothing.
        forgiven
            Codes of rules that a stranded truck may break.
        """
        truck = self.instance.trucks[truck_number]
        head = self.heads[truck_number]
        sites = sites or self._open_sites
        loading = self._load(truck, head, visits, sites, forgiven)
        if loading is None:
            return None
        timed = self._timed(truck, visits, loading, sites, forgiven, wait_for_docks=True)
        if timed is None and head.docks:
            timed = self._timed(truck, visits, loading, sites, forgiven, wait_for_docks=False)
        return timed

    def _load(
        self, truck: Truck, head: Head, visits: tuple[int, ...], sites: Sites, forgiven: frozenset[str]
    ) -> Loading | None:
        """Return a lawful way to be loaded along ``visits``."""
        instance = self.instance
        tail = visits[len(truck.head) :]
        collected = [code for code in visits if 0 <= code < instance.stops]
        if any(code < instance.stops for code in tail) and (
            len(collected) > truck.room_stops or sum(instance.kg[code] for code in collected) > truck.room_kg
        ):
            return None
        loadings: Sequence[Loading] = head.loadings
        if len(truck.boxes) == 1 == len(loadings):
            loadings, tail = _load_one_box(instance, truck, loadings[0], tail), ()
        for code in tail:
            if code < instance.stops:
                loadings = [more for one in loadings for more in ways_to_load(instance, truck, one, code)]
            else:
                loadings = [_tip(one, code - instance.stops) for one in loadings]
            if len(loadings) > 1:
                loadings = list({one.cargo: one for one in loadings}.values())[:MAX_LOADINGS]
            if not loadings:
                break
        tips = [code - instance.stops for code in visits if code >= instance.stops]
        must_be_empty = truck.tip_before_end and "cannot_tip" not in forgiven
        return next(
            (
                one
                for one in loadings
                if not (must_be_empty and any(hold[0] >= 0 for hold in one.cargo))
                and self._sites_take(head, tips, one.tipped, sites)
            ),
            None,
        )

    def _sites_take(self, head: Head, tips: Sequence[int], tipped: Sequence[int], sites: Sites) -> bool:
        if self.instance.limited.isdisjoint(tips):
            return True
        for facility in set(tips) & self.instance.limited:
            given = [kg for one, kg in zip(tips, tipped, strict=True) if one == facility]
            by_choice = [
                kg
                for place, (one, kg) in enumerate(zip(tips, tipped, strict=True))
                if one == facility and place >= head.tips
            ]
            if any(by_choice) and sum(given) > sites.free_kg(facility):
                return False
        return True

    def _timed(
        self,
        truck: Truck,
        visits: tuple[int, ...],
        loading: Loading,
        sites: Sites,
        forgiven: frozenset[str],
        *,
        wait_for_docks: bool,
    ) -> TimedRoute | None:
        instance, head = self.instance, self.heads[truck.number]
        duration_s, distance_m = instance.duration_s[truck.profile], instance.distance_m[truck.profile]
        here = truck.start
        metres = 0
        steps: list[Step] = []
        for place, code in enumerate(visits):
            if code < 0:
                hours, pause_s = truck.breaks[-1 - code]
                steps.append((0, pause_s, None if head.late[place] else hours, code))
                continue
            there = instance.location[code]
            leg_s = duration_s[here][there]
            if leg_s == NO_WAY:
                return None
            metres += distance_m[here][there]
            hours = instance.hours[code]
            if place < len(truck.head) and head.late[place]:
                hours = None
            elif code - instance.stops in instance.limited:
                beside = wait_for_docks or place >= len(truck.head)
                hours = sites.hours(code - instance.stops, beside_committed=beside)
            steps.append((leg_s, instance.service_s[code], hours, code))
            here = there
        if truck.end is not None:
            if duration_s[here][truck.end] == NO_WAY:
                if "committed_impossible" not in forgiven:
                    return None
            else:
                metres += distance_m[here][truck.end]
                steps.append((duration_s[here][truck.end], 0, None, HOME))
        span = best_span(truck, steps, forgiven=forgiven)
        if span is None:
            return None
        described = self._described(truck, visits, loading, span)
        return replace(described, distance_m=metres, cost=described.cost + metres * truck.cost_per_m, stranded=forgiven)

    def _described(self, truck: Truck, visits: tuple[int, ...], loading: Loading, span: Span) -> TimedRoute:
        """Return the route with everything but its metres."""
        instance = self.instance
        home = bool(span.steps) and span.steps[-1][3] == HOME
        count = len(span.steps) - home
        codes = tuple(step[3] for step in span.steps[:count])
        head_tips = self.heads[truck.number].tips
        tips = [
            (code - instance.stops, begin_s, begin_s + instance.service_s[code])
            for code, begin_s in zip(codes, span.begins[:count], strict=True)
            if code >= instance.stops
        ]
        moved = 0
        if instance.moved_cost:
            moved = sum(instance.moved(truck.number, code) for code in visits if 0 <= code < instance.stops)
        return TimedRoute(
            truck=truck.number,
            visits=visits,
            all_visits=codes,
            begins=tuple(span.begins[:count]),
            boxes=loading.boxes,
            begin_s=span.begin_s,
            end_s=span.end_s,
            home=home,
            distance_m=0,
            overtime_s=span.overtime_s,
            cost=truck.cost_fixed
            + (span.end_s - span.begin_s) * truck.cost_per_s
            + span.overtime_s * truck.cost_per_overtime_s
            + moved * instance.moved_cost,
            unloadings=tuple(
                Unloading(facility, begin_s, leave_s, kg, place < head_tips)
                for place, ((facility, begin_s, leave_s), kg) in enumerate(zip(tips, loading.tipped, strict=True))
            ),
        )


def _load_one_box(instance: Instance, truck: Truck, loading: Loading, tail: Sequence[int]) -> list[Loading]:
    """Return ``loading`` after ``tail`` for a truck with one compartment, where there is nothing to choose; [] if full."""
    held, kg, litres, mask = loading.cargo[0]
    materials, most_kg, most_l = truck.boxes[0]
    stops = instance.stops
    tipped: list[int] = []
    collected = 0
    for code in tail:
        if code >= stops:
            given = held >= 0 and mask >> (code - stops) & 1
            tipped.append(kg if given else 0)
            if given:
                held, kg, litres, mask = EMPTY
            continue
        collected += 1
        if held < 0:
            held = instance.material[code]
        elif held != instance.material[code]:
            return []
        kg += instance.kg[code]
        litres += instance.litres[code]
        mask &= instance.tippable[code]
        if kg > most_kg or litres > most_l or held not in materials:
            return []
    boxes = loading.boxes + (0,) * collected
    return [Loading(((held, kg, litres, mask),), boxes, (*loading.tipped, *tipped))]


def ways_to_load(instance: Instance, truck: Truck, loading: Loading, stop: int) -> Iterator[Loading]:
    """Yield ``loading`` with ``stop`` in each compartment that may take it; its own and the least versatile first."""
    material, kg, litres = instance.material[stop], instance.kg[stop], instance.litres[stop]
    order = sorted(range(len(truck.boxes)), key=lambda box: (loading.cargo[box][0] < 0, len(truck.boxes[box][0])))
    for number in order:
        held, held_kg, held_l, mask = loading.cargo[number]
        materials, most_kg, most_l = truck.boxes[number]
        if (held in {material, -1}) and material in materials and held_kg + kg <= most_kg and held_l + litres <= most_l:
            hold = (material, held_kg + kg, held_l + litres, mask & instance.tippable[stop])
            cargo = (*loading.cargo[:number], hold, *loading.cargo[number + 1 :])
            yield Loading(cargo, (*loading.boxes, number), loading.tipped)


def _tip(loading: Loading, facility: int) -> Loading:
    """Return ``loading`` after a tip: every compartment is emptied whose whole load may be tipped there."""
    tipped = 0
    cargo: list[Hold] = []
    for hold in loading.cargo:
        if hold[0] >= 0 and hold[3] >> facility & 1:
            tipped += hold[1]
            cargo.append(EMPTY)
        else:
            cargo.append(hold)
    return Loading(tuple(cargo), loading.boxes, (*loading.tipped, tipped))


def _overfill(instance: Instance, loading: Loading, stop: int) -> Loading:
    """Return ``loading`` with a committed stop that fits nowhere: on its own material, else where it is empty."""
    material = instance.material[stop]
    numbers = range(len(loading.cargo))
    number = next(
        (number for number in numbers if loading.cargo[number][0] == material),
        next((number for number in numbers if loading.cargo[number][0] < 0), 0),
    )
    _, kg, litres, mask = loading.cargo[number]
    hold = (material, kg + instance.kg[stop], litres + instance.litres[stop], mask & instance.tippable[stop])
    cargo = (*loading.cargo[:number], hold, *loading.cargo[number + 1 :])
    return Loading(cargo, (*loading.boxes, number), loading.tipped)


def _head(instance: Instance, truck: Truck) -> Head:
    """Go through the committed visits as early as it can be done and as lawfully as it can be loaded."""
    reachable = _reachable(instance, truck)
    loadings: list[Loading] = [Loading(truck.cargo)]
    overfull = Loading(truck.cargo)
    for code in truck.head[:reachable]:
        if 0 <= code < instance.stops:
            loadings = [more for one in loadings for more in ways_to_load(instance, truck, one, code)]
            overfull = _overfill(instance, overfull, code)
        elif code >= instance.stops:
            loadings = [_tip(one, code - instance.stops) for one in loadings]
            overfull = _tip(overfull, code - instance.stops)
    tips = [code - instance.stops for code in truck.head[:reachable] if code >= instance.stops]
    return Head(
        loadings=tuple({one.cargo: one for one in loadings}.values()) or (overfull,),
        late=_late(instance, truck, reachable),
        reachable=reachable,
        tips=len(tips),
        docks=any(instance.docks[facility] is not None for facility in tips),
    )


def _reachable(instance: Instance, truck: Truck) -> int:
    here = truck.start
    for place, code in enumerate(truck.head):
        if code >= 0:
            if instance.duration_s[truck.profile][here][instance.location[code]] == NO_WAY:
                return place
            here = instance.location[code]
    return len(truck.head)


def _late(instance: Instance, truck: Truck, reachable: int) -> tuple[bool, ...]:
    late: list[bool] = []
    now_s, here = truck.earliest_s, truck.start
    for code in truck.head[:reachable]:
        if code < 0:
            hours, service_s = truck.breaks[-1 - code]
        else:
            now_s += instance.duration_s[truck.profile][here][instance.location[code]]
            here = instance.location[code]
            hours, service_s = instance.hours[code], instance.service_s[code]
        opens_s = next_open(hours, now_s)
        late.append(opens_s is None)
        now_s = (now_s if opens_s is None else opens_s) + service_s
    return tuple(late)
