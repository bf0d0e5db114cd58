"""Visits: a truck stood at a bin, source, facility or depot. Passing a fence is no visit; standing inside is."""

from typing import Final

from msgspec import Struct, field

from streams import events, geo
from streams.assets import Place
from streams.moment import RESTING_MPS, Moment
from streams.units import SECOND_MS

_LEAST_STAY_MS: Final = {
    "bin": 20 * SECOND_MS,
    "source": 60 * SECOND_MS,
    "facility": 60 * SECOND_MS,
    "depot": 120 * SECOND_MS,
}
"""How long a truck must stand inside: longer than at a gate or a light; a bin is emptied in half a minute."""
_LEFT_M: Final = 30.0
"""Farther than this outside the area, the visit is over: jitter is less."""


class Stay(Struct, array_like=True):
    """A truck standing, or having stood, in one place."""

    arrive_ms: int
    load_before_kg: float | None
    told: bool = False


class Visits(Struct, array_like=True):
    """Stays that are not over, by ``kind:id``."""

    stays: dict[str, Stay] = field(default_factory=dict)


def follow(visits: Visits, moment: Moment) -> list[events.Visit]:
    """Take one fix in; return visits that began (without ``leave_ms``) or ended."""
    rests = moment.speed_mps < RESTING_MPS
    if moment.place is None or not (rests or visits.stays):
        return []  # it drives: what it passes is no visit
    bins = moment.bins()
    here = {f"{place.kind}:{place.place_id}": (distance_m, place) for distance_m, place in (*moment.near, *bins)}
    told = [visit for key in list(visits.stays) if (visit := _stay(visits, key, here, moment)) is not None]
    if rests:
        for key in _stood_at(moment, bins):
            visits.stays.setdefault(key, Stay(moment.time_ms, moment.load.kg))
    return told


def _stood_at(moment: Moment, bins: list[tuple[float, Place]]) -> list[str]:
    """Return the areas that hold the truck; of the bins only the nearest."""
    inside = [place for distance_m, place in moment.near if distance_m == 0.0 and place.kind in _LEAST_STAY_MS]
    bins_inside = [place for distance_m, place in bins if distance_m == 0.0]
    keys = [f"{place.kind}:{place.place_id}" for place in inside]
    if bins_inside:
        nearest = min(bins_inside, key=lambda place: (_metres_to_centre(moment, place), place.place_id))
        keys.append(f"bin:{nearest.place_id}")
    return keys


def _metres_to_centre(moment: Moment, place: Place) -> float:
    record = place.record
    if moment.place is None or not isinstance(record, events.Asset) or record.lon is None or record.lat is None:
        return 0.0
    return geo.metres_between(*moment.place, record.lon, record.lat)


def _stay(visits: Visits, key: str, here: dict[str, tuple[float, Place]], moment: Moment) -> events.Visit | None:
    stay = visits.stays[key]
    if key in here and here[key][0] <= _LEFT_M:
        kind = key.partition(":")[0]
        if not stay.told and moment.time_ms - stay.arrive_ms >= _LEAST_STAY_MS[kind]:
            stay.told = True
            return _visit(key, stay, moment, leave_ms=None)
        return None
    del visits.stays[key]
    return _visit(key, stay, moment, leave_ms=moment.since_ms) if stay.told else None


def _visit(key: str, stay: Stay, moment: Moment, *, leave_ms: int | None) -> events.Visit:
    kind, _, place_id = key.partition(":")
    truck_id = moment.fix.truck_id
    return events.Visit(
        visit_id=events.derived_id("visit", truck_id, key, stay.arrive_ms),
        tenant_id=moment.tenant_id,
        truck_id=truck_id,
        place_kind=kind,  # type: ignore[arg-type]  # a key of _LEAST_STAY_MS
        place_id=place_id,
        arrive_ms=stay.arrive_ms,
        leave_ms=leave_ms,
        load_before_kg=stay.load_before_kg,
        load_after_kg=None if leave_ms is None else moment.load.kg,
    )
