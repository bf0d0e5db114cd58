"""From the situation to the optimiser's problem (contract: ``qingyun.problem/1``), one material at a time.

`case` chooses who and what takes part and names the places; with their matrix `problem` writes the problem. Times are
seconds since the local midnight before now.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.planner import costs
from services.planner.demand import Stop, overflows_earlier
from services.planner.reference import compartments_of, day_of, place_of, usable_kg
from services.planner.situation import Crew, Situation, does_not_fit, is_at_site, planned_tips_kg
from services.planner.ways import NO_WAY, LonLat, Matrix
from streams import events
from streams.events import PlanVisit
from streams.hours import Interval, common
from streams.units import MINUTE_MS

SCHEMA: Final = "qingyun.problem/1"
PROFILE: Final = "truck"
NEVER_S: Final = 30 * 86_400
"""Begin of a window nobody can reach: what is closed as far as we can see."""
OVERFLOWS_ANYWAY_MS: Final = 20 * MINUTE_MS
"""A bin that overflows sooner than this is emptied as soon as can be, without a deadline."""
GRACE_MS: Final = 15 * MINUTE_MS
"""A stop planned before the bin overflows may come this much later than that."""
UNKNOWN_UNLOAD_S: Final = 600
"""Weighing, tipping and weighing again where the facility's record does not say how long that takes (an assumption of
the usual order; the default city's facilities say 480 to 720 s)."""
FORGOTTEN_BREAK_MS: Final = 20 * MINUTE_MS
"""A break this much longer than it was to be is over; the driver forgot the button."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """Who and what takes part in one problem. ``places`` are the locations, each once; ``heads`` the visits in hand.

    ``deadlines_ms``: bins that are to be emptied before they overflow, and when that is.
    """

    now: Situation
    material: str
    crews: tuple[Crew, ...]
    stops: tuple[Stop, ...]
    sites: tuple[events.Asset, ...]
    heads: Mapping[str, tuple[PlanVisit, ...]]
    starts: Mapping[str, LonLat]
    ends: Mapping[str, LonLat]
    deadlines_ms: Mapping[str, int]
    too_late: frozenset[str]
    base_ms: int
    places: tuple[LonLat, ...]
    fair_stops: int

    def second(self, at_ms: int) -> int:
        """Return a moment as the problem's second, not before it."""
        return max(0, math.ceil((at_ms - self.base_ms) / 1000))

    def moment_ms(self, at_s: int) -> int:
        """Return a second of the problem as a moment."""
        return self.base_ms + at_s * 1000


def case(
    now: Situation,
    material: str,
    truck_ids: frozenset[str] | None = None,
    too_late: frozenset[str] = frozenset(),
) -> Case:
    """Choose who and what takes part.

    ``truck_ids`` None = all trucks of the material; the others keep their stops. ``too_late``: bins no truck can reach
    before they overflow, as a search for the same situation has shown: they are to be emptied all the same.
    """
    crews, starts, ends = _placed(now, material, truck_ids)
    own = {crew.truck_id for crew in crews}
    stops = tuple(
        stop
        for stop in now.open_stops(material)
        if now.planned.get(stop.stop_id) in {None, *own} and _concerns(stop, own, now)
    )
    sites = tuple(
        site
        for site in now.state.reference.facilities.all(now.now_ms)
        if material in site.accepts and place_of(site) is not None
    )
    wanted = {stop.stop_id for stop in stops}
    site_places = [place for site in sites if (place := place_of(site)) is not None]
    return Case(
        now=now,
        material=material,
        crews=crews,
        stops=stops,
        sites=sites,
        heads={crew.truck_id: _head(crew, now, wanted, sites) for crew in crews},
        starts=starts,
        ends=ends,
        deadlines_ms={
            stop.stop_id: at_ms
            for stop in stops
            if stop.stop_id not in too_late and (at_ms := _deadline_ms(now, stop)) is not None
        },
        too_late=too_late,
        base_ms=day_of(now.now_ms, now.state.reference.zone(now.now_ms))[0],
        fair_stops=now.fair_stops(material),
        places=_once([*starts.values(), *ends.values(), *site_places, *(stop.place for stop in stops)]),
    )


def _concerns(stop: Stop, truck_ids: set[str], now: Situation) -> bool:
    """Whether one of these trucks may take the stop, or none at work: whose it is not must not say why it is left out."""
    lock = now.state.demand.lock_of(stop, now.now_ms)
    allowed = stop.truck_ids if lock is None else (lock,)
    if allowed is None or not truck_ids.isdisjoint(allowed):
        return True
    return not any(crew.works and crew.truck_id in allowed for crew in now.crews_of(stop.material))


def _placed(
    now: Situation, material: str, truck_ids: frozenset[str] | None
) -> tuple[tuple[Crew, ...], dict[str, LonLat], dict[str, LonLat]]:
    crews: list[Crew] = []
    starts: dict[str, LonLat] = {}
    ends: dict[str, LonLat] = {}
    for crew in now.crews_of(material):
        start = crew.place(now.state, now.now_ms)
        if not crew.works or start is None or not (truck_ids is None or crew.truck_id in truck_ids):
            continue
        crews.append(crew)
        starts[crew.truck_id] = _rounded(start)
        ends[crew.truck_id] = place_of(now.state.reference.depots.get(crew.asset.depot_id, now.now_ms)) or start
    return tuple(crews), starts, ends


def _deadline_ms(now: Situation, stop: Stop) -> int | None:
    """When a bin overflows that must be emptied in this plan; None where nothing can be done about it any more.

    A stop that is planned in time keeps its place though its truck is a little late. One that a plan knowingly visits
    too late has been searched a place for; one that is too late by news since then has not.
    """
    at_ms = stop.overflow_ms
    if at_ms is None or at_ms < now.now_ms + OVERFLOWS_ANYWAY_MS or not costs.required(stop, now.now_ms):
        return None
    visit = now.visits.get(stop.stop_id)
    if visit is None or overflows_earlier(stop, visit):
        return at_ms
    return at_ms + GRACE_MS if visit.arrive_ms <= at_ms else None


def _rounded(place: LonLat) -> LonLat:
    """To about a metre: a fix is no better."""
    return (round(place[0], 5), round(place[1], 5))


def _once(places: Iterable[LonLat]) -> tuple[LonLat, ...]:
    return tuple(dict.fromkeys(places))


def _head(crew: Crew, now: Situation, wanted: set[str], sites: Sequence[events.Asset]) -> tuple[PlanVisit, ...]:
    """The visit in hand, unless it is what no longer holds. A truck that has not left its depot has none."""
    visit = crew.next
    if visit is None or now.now_ms < crew.shift.start_ms or pause_in_hand(crew, now.now_ms) is not None:
        return ()
    if visit.kind == "collect":
        stop = now.stops.get(visit.stop_id or "")
        if stop is None or visit.stop_id not in wanted or does_not_fit(crew, stop, now.now_ms):
            return ()
        return (visit,) if now.state.demand.lock_of(stop, now.now_ms) in (None, crew.truck_id) else ()
    if visit.kind == "tip":
        site = next((one for one in sites if one.id == visit.facility_id), None)
        in_hand = site is not None and _open_now(now, site) and (crew.load_kg > 0 or is_at_site(crew, site))
        return (visit,) if in_hand else ()
    return ()


def _open_now(now: Situation, site: events.Asset) -> bool:
    return site.closed_until_ms is None or site.closed_until_ms <= now.now_ms


def pause_in_hand(crew: Crew, now_ms: int) -> int | None:
    """Which of the shift's breaks the driver is having (its number), or None."""
    since_ms = crew.truck.on_break_since_ms()
    number = crew.truck.breaks_begun(crew.shift.start_ms, now_ms + 1) - 1
    if since_ms is None or since_ms < crew.shift.start_ms or not 0 <= number < len(crew.shift.breaks):
        return None
    over_ms = since_ms + crew.shift.breaks[number].duration_s * 1000
    return number if now_ms < over_ms + FORGOTTEN_BREAK_MS else None


def break_id(shift: events.Shift, number: int) -> str:
    """Id of a shift's break, from 0 on."""
    return f"{shift.shift_id}/break/{number}"


# --------------------------------------------------------------------------------------------- the problem


def problem(chosen: Case, matrix: Matrix) -> dict[str, Any]:
    """Return the problem as JSON says it. ``matrix`` is that of ``chosen.places``."""
    location = {place: number for number, place in enumerate(chosen.places)}
    return {
        "schema": SCHEMA,
        "meta": {"name": f"{chosen.material} {chosen.now.now_ms}"},
        "profiles": {PROFILE: {"duration_s": _rows(matrix.duration_s), "distance_m": _rows(matrix.distance_m)}},
        "facilities": [_facility(chosen, site, location) for site in chosen.sites],
        "vehicles": [_vehicle(chosen, crew, location) for crew in chosen.crews],
        "stops": [_stop(chosen, stop, location) for stop in chosen.stops],
        "previous": [
            {"vehicle": crew.truck_id, "stops": [visit.stop_id for visit in crew.left if visit.kind == "collect"]}
            for crew in chosen.crews
            if crew.plan is not None
        ],
        "cost_per_moved_stop": costs.PER_MOVED_STOP,
    }


def _rows(numbers: Any) -> list[list[int | None]]:
    return [[None if value == NO_WAY else value for value in row] for row in numbers.tolist()]


def _windows(chosen: Case, spans: Iterable[Interval]) -> list[list[int]]:
    """Never an empty list: what is closed for ever opens at a time nobody reaches."""
    seconds = [[chosen.second(begin), max(chosen.second(begin), chosen.second(end))] for begin, end in spans]
    return seconds or [[NEVER_S, NEVER_S]]


def _facility(chosen: Case, site: events.Asset, location: Mapping[LonLat, int]) -> dict[str, Any]:
    state, now_ms = chosen.now.state, chosen.now.now_ms
    place = place_of(site)
    return {
        "id": site.id,
        "location": location[place] if place else 0,
        "accepts": [chosen.material],
        "windows": _windows(chosen, state.reference.open_hours(site, state.span(now_ms))),
        "unload_s": UNKNOWN_UNLOAD_S if site.unload_s is None else site.unload_s,
        "remaining_kg": _room_kg(chosen, site),
        "docks": site.docks,
    }


def _room_kg(chosen: Case, site: events.Asset) -> int | None:
    """What a facility can still take today, less what the trucks outside this problem bring."""
    if site.daily_kg is None:
        return None
    own = {crew.truck_id for crew in chosen.crews}
    others = [crew for crew in chosen.now.crews.values() if crew.truck_id not in own]
    coming_kg = sum(planned_tips_kg(others).get(site.id, {}).values())
    weighed_kg = chosen.now.state.weighed_today_kg(site.id, chosen.now.now_ms)
    return max(0, math.floor(site.daily_kg - weighed_kg - coming_kg))


def _stop(chosen: Case, stop: Stop, location: Mapping[LonLat, int]) -> dict[str, Any]:
    now_ms = chosen.now.now_ms
    lock = chosen.now.state.demand.lock_of(stop, now_ms)
    return {
        "id": stop.stop_id,
        "location": location[stop.place],
        "material": stop.material,
        "kg": math.ceil(stop.kg),
        "l": math.ceil(stop.l),
        "service_s": stop.service_s,
        "windows": _stop_windows(chosen, stop),
        # whom a dispatcher names is to come, worth the way or not
        "required": costs.required(stop, now_ms) or any(crew.truck_id == lock for crew in chosen.crews),
        "prize": costs.prize(stop, now_ms) + (costs.PLANNED if stop.stop_id in chosen.now.planned else 0),
        "vehicles": _allowed_trucks(chosen, stop),
        "facilities": None if stop.facility_ids is None else [s.id for s in chosen.sites if s.id in stop.facility_ids],
    }


def _stop_windows(chosen: Case, stop: Stop) -> list[list[int]] | None:
    span = chosen.now.state.span(chosen.now.now_ms)
    deadline_ms = chosen.deadlines_ms.get(stop.stop_id)
    if deadline_ms is not None:
        return _windows(chosen, common(stop.windows, [(span[0], deadline_ms)]))
    return None if stop.windows == (span,) else _windows(chosen, stop.windows)


def _allowed_trucks(chosen: Case, stop: Stop) -> list[str] | None:
    lock = chosen.now.state.demand.lock_of(stop, chosen.now.now_ms)
    if lock is not None:
        return [crew.truck_id for crew in chosen.crews if crew.truck_id == lock]
    return permitted_trucks(chosen, stop)


def permitted_trucks(chosen: Case, stop: Stop) -> list[str] | None:
    """Return the trucks that may take a stop by its permit; None = all."""
    if stop.truck_ids is None or all(crew.truck_id in stop.truck_ids for crew in chosen.crews):
        return None
    return [crew.truck_id for crew in chosen.crews if crew.truck_id in stop.truck_ids]


def _vehicle(chosen: Case, crew: Crew, location: Mapping[LonLat, int]) -> dict[str, Any]:
    begin_s, end_s, overtime_s = _duty(chosen, crew)
    pauses, pause = _breaks(chosen, crew)
    committed: list[dict[str, str | None]] = [{"break": pause}] if pause else []
    committed += [_committed(visit) for visit in chosen.heads[crew.truck_id]]
    return {
        "id": crew.truck_id,
        "profile": PROFILE,
        "start": location[chosen.starts[crew.truck_id]],
        "end": location[chosen.ends[crew.truck_id]],
        "shift": [begin_s, end_s],
        "overtime_s": overtime_s,
        "compartments": [
            {"materials": [chosen.material], "kg": _floor(usable_kg(part)), "l": _floor(part.l)}
            for part in _parts(chosen, crew)
        ],
        "breaks": pauses,
        "tip_before_end": True,
        "day_stops": max(chosen.fair_stops, sum(visit.kind == "collect" for visit in crew.left)),
        "cost_per_m": costs.PER_M,
        "cost_per_s": costs.PER_S,
        "cost_per_overtime_s": costs.PER_OVERTIME_S,
        "load": _load(chosen, crew),
        "committed": committed,
    }


def _floor(amount: float | None) -> int | None:
    return None if amount is None else math.floor(amount)


def _parts(chosen: Case, crew: Crew) -> list[events.Compartment]:
    return [part for part in compartments_of(crew.asset) if chosen.material in part.materials]


def _committed(visit: PlanVisit) -> dict[str, str | None]:
    return {"facility": visit.facility_id} if visit.kind == "tip" else {"stop": visit.stop_id}


def _duty(chosen: Case, crew: Crew) -> tuple[int, int, int]:
    """First and last second of the shift, and the overtime that is left; a shift that is over leaves only overtime."""
    now_ms, shift = chosen.now.now_ms, crew.shift
    begin_ms = max(now_ms, shift.start_ms)
    end_ms = max(begin_ms, shift.end_ms)
    left_s = shift.overtime_s - (end_ms - shift.end_ms) / 1000
    return chosen.second(begin_ms), chosen.second(end_ms), max(0, math.floor(left_s))


def _breaks(chosen: Case, crew: Crew) -> tuple[list[dict[str, Any]], str | None]:
    """The breaks still owed, and the id of the one the driver is having."""
    now_ms, shift = chosen.now.now_ms, crew.shift
    in_hand = pause_in_hand(crew, now_ms)
    begun = crew.truck.breaks_begun(shift.start_ms, now_ms + 1)
    owed: list[dict[str, Any]] = []
    for number, pause in enumerate(sorted(shift.breaks, key=lambda one: one.earliest_ms)):
        if number < begun and number != in_hand:
            continue
        begin_ms, end_ms, left_s = pause.earliest_ms, pause.latest_ms, pause.duration_s
        if number == in_hand:
            begin_ms = end_ms = now_ms
            left_s = max(0, left_s - (now_ms - (crew.truck.on_break_since_ms() or now_ms)) // 1000)
        windows = [[chosen.second(begin_ms), max(chosen.second(begin_ms), chosen.second(end_ms))]]
        owed.append({"id": break_id(shift, number), "windows": windows, "duration_s": left_s})
    return owed, None if in_hand is None else break_id(shift, in_hand)


def _load(chosen: Case, crew: Crew) -> list[dict[str, Any]]:
    """What is on board, spread over the compartments in their order; litres by the density of what was collected."""
    sites = crew.truck.allowed_sites()
    left_kg, l_per_kg = crew.load_kg, _l_per_kg(chosen, crew)
    loads: list[dict[str, Any]] = []
    for number, part in enumerate(_parts(chosen, crew)):
        room_kg = usable_kg(part)
        kg = left_kg if room_kg is None else min(left_kg, room_kg)
        if kg <= 0:
            break
        litres = min(kg * l_per_kg, part.l if part.l is not None else math.inf)
        loads.append(
            {
                "compartment": number,
                "material": chosen.material,
                "kg": math.floor(kg),
                "l": math.floor(litres),
                "facilities": None if sites is None else [site.id for site in chosen.sites if site.id in sites],
            }
        )
        left_kg -= kg
    return loads


def _l_per_kg(chosen: Case, crew: Crew) -> float:
    carried_kg = sum(one.kg for one in crew.truck.carried)
    if carried_kg > 0:
        return sum(one.l for one in crew.truck.carried) / carried_kg
    waiting_kg = sum(stop.kg for stop in chosen.stops)
    return sum(stop.l for stop in chosen.stops) / waiting_kg if waiting_kg > 0 else 0.0
