"""The desk's lists as rows of a sheet: what the live state knows, filtered as the page filters it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, Final, NamedTuple

from services.gateway.live_state import Scope, Town
from services.gateway.sheets import GEOMETRY, point

STALE_MS: Final = 180_000
"""Older than this a position is called old; `domain/trucks.ts` says the same."""


class Wanted(NamedTuple):
    """What of a list is asked for. ``show`` is the list's own choice, "" = all; ``now_ms`` is city time."""

    now_ms: int
    find: str = ""
    materials: frozenset[str] = frozenset()
    show: str = ""


class Seen:
    """A tenant's things, as far as somebody may see them."""

    def __init__(self, town: Town, scope: Scope) -> None:
        self.town = town
        self.scope = scope

    @cached_property
    def comers(self) -> dict[str, tuple[str, int]]:
        """Who comes to each place by the running plans, and when."""
        return self.town.comers(self.scope)

    def all(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the things of a kind by id. Each is looked up as it is asked for: what has gone meanwhile is left out."""
        for thing_id in self.town.ids(kind):
            value = self.one(kind, thing_id)
            if value is not None:
                yield value

    def one(self, kind: str, thing_id: str | None) -> dict[str, Any] | None:
        """Return one thing, if it is there and theirs to see."""
        if thing_id is None:
            return None
        change = self.town.thing(kind, thing_id)
        value: dict[str, Any] | None = change.value if self.scope.sees(change) else None
        return value

    def place(self, place_id: str) -> dict[str, Any] | None:
        """Return the bin, or the source of the order, that a place id means."""
        order = self.one("order", place_id.rpartition("/")[0] or place_id)
        return self.one("bin", place_id) or (self.one("source", order["source_id"]) if order else None)

    def hides(self, place_id: str) -> bool:
        """Whether this is a place of another district."""
        order = self.town.thing("order", place_id.rpartition("/")[0] or place_id)
        return not all(self.scope.sees(one) for one in (self.town.thing("bin", place_id), order))


Row = dict[str, Any]


class Sheet(NamedTuple):
    """A list: its columns, the choices of ``show``, its things, and each as a row; None = not asked for."""

    columns: tuple[str, ...]
    shows: tuple[str, ...]
    things: Callable[[Seen], Iterator[dict[str, Any]]]
    row: Callable[[Seen, Wanted, dict[str, Any]], Row | None]

    def rows(self, seen: Seen, wanted: Wanted) -> Iterator[Row | None]:
        """Yield a row for each thing, None for one that is not asked for: whoever reads may look up in between."""
        return (self.row(seen, wanted, thing) for thing in self.things(seen))


def _truck(seen: Seen, wanted: Wanted, truck: dict[str, Any]) -> Row | None:
    plan = seen.town.plan_of(truck["truck_id"])
    shift = truck["shift"] or {}
    material = (plan.material if plan else None) or next(iter(truck["materials"]), "")
    names = (truck[name] for name in ("truck_id", "plate", "driver_id", "contractor_id", "class"))
    if not (_of(material, wanted) and _found(names, wanted) and _truck_shown(truck, wanted)):
        return None
    return {
        **truck,
        "material": material,
        "seen_ms": truck["event_time_ms"],
        "shift_start_ms": shift.get("start_ms"),
        "shift_end_ms": shift.get("end_ms"),
        "plan_version": plan.plan_version if plan else None,
        GEOMETRY: point(truck["lon"], truck["lat"]),
    }


def _truck_shown(truck: Mapping[str, Any], wanted: Wanted) -> bool:
    seen_ms = truck["event_time_ms"]
    return {
        "called": truck["down"] is not None,
        "silent": seen_ms is None or wanted.now_ms - seen_ms > STALE_MS,
        "on_shift": truck["shift"] is not None,
        "off_shift": truck["shift"] is None,
    }.get(wanted.show, True)


def _bin(seen: Seen, wanted: Wanted, thing: dict[str, Any]) -> Row | None:
    due = seen.one("due", thing["bin_id"])
    is_due = bool(due and due["due"])
    shown = wanted.show != "due" or is_due
    if not (shown and _of(thing["material"], wanted) and _found((thing["bin_id"], thing["name"]), wanted)):
        return None
    return {
        **thing,
        "fill_fraction": thing["fill"],
        "measured_ms": thing["event_time_ms"],
        "due": is_due,
        GEOMETRY: point(thing["lon"], thing["lat"]),
    }


def _due(seen: Seen, wanted: Wanted, due: dict[str, Any]) -> Row | None:
    place = seen.place(due["place_id"]) or {}
    truck_id, arrive_ms = seen.comers.get(due["place_id"], (None, None))
    overflowing = due["overflow_ms"] is not None and due["overflow_ms"] <= wanted.now_ms
    shown = {"unplanned": truck_id is None, "overflowing": overflowing}.get(wanted.show, True)
    names = (due["place_id"], place.get("name"))
    asked = due["due"] and shown and _of(due["material"], wanted) and _found(names, wanted)
    if not asked or seen.hides(due["place_id"]):
        return None
    return {
        **due,
        "name": place.get("name"),
        "fill_fraction": due["fill_now"],
        "volume_l": due["l"],
        "planned_truck_id": truck_id,
        "planned_arrival_ms": arrive_ms,
        GEOMETRY: point(place.get("lon"), place.get("lat")),
    }


CAN_WAIT: Final = ("not_worth_it", "excluded")
"""Left out for good reason: nobody has to do anything; `dispatch/left_out.tsx` says the same."""


def _all_left_out(seen: Seen) -> Iterator[dict[str, Any]]:
    for run in seen.all("run"):
        for left in run["left_out"]:
            yield {**left, "material": left["material"] or run["material"], "planned_ms": run["made_ms"]}


def _left_out(seen: Seen, wanted: Wanted, left: dict[str, Any]) -> Row | None:
    place = seen.place(left["place_id"]) or {}
    name = left["name"] or place.get("name")
    shown = wanted.show != "urgent" or left["code"] not in CAN_WAIT
    asked = shown and _of(left["material"], wanted) and _found((left["place_id"], name, left["code"]), wanted)
    if not asked or seen.hides(left["place_id"]):
        return None
    return {**left, "name": name, GEOMETRY: point(place.get("lon"), place.get("lat"))}


def _order(seen: Seen, wanted: Wanted, order: dict[str, Any]) -> Row | None:
    source = seen.one("source", order["source_id"]) or {}
    truck_id, arrive_ms = seen.comers.get(order["order_id"], (None, None))
    names = (order["order_id"], order["source_id"], source.get("name"))
    if not (wanted.show in ("", order["state"]) and _of(order["material"], wanted) and _found(names, wanted)):
        return None
    return {
        **order,
        "source_name": source.get("name"),
        "volume_l": order["l"],
        "planned_truck_id": truck_id,
        "planned_arrival_ms": arrive_ms,
        GEOMETRY: point(source.get("lon"), source.get("lat")),
    }


def _facility(_seen: Seen, wanted: Wanted, site: dict[str, Any]) -> Row | None:
    closed = (site["closed_until_ms"] or 0) > wanted.now_ms
    shown = {"open": not closed, "closed": closed}.get(wanted.show, True)
    if not (shown and _found((site["id"], site["name"], site["facility_type"]), wanted)):
        return None
    return {
        **site,
        "facility_id": site["id"],
        "queue_trucks": site["queue"],
        "closed_until_ms": site["closed_until_ms"] if closed else None,
        GEOMETRY: point(site["lon"], site["lat"]) or site["area"],
    }


def _of(material: str | None, wanted: Wanted) -> bool:
    return not wanted.materials or material in wanted.materials


def _found(names: Any, wanted: Wanted) -> bool:
    text = wanted.find.strip().lower()
    return not text or any(text in name.lower() for name in names if name)


def _each(kind: str) -> Callable[[Seen], Iterator[dict[str, Any]]]:
    return lambda seen: seen.all(kind)


SHEETS: Final[Mapping[str, Sheet]] = {
    "trucks": Sheet(
        (
            "truck_id", "plate", "class", "material", "materials", "contractor_id", "district_id", "driver_id",
            "shift_start_ms", "shift_end_ms", "lon", "lat", "fix", "seen_ms", "speed_mps", "heading_deg",
            "load_kg", "payload_kg", "cover", "bed", "down", "plan_version",
        ),
        ("called", "silent", "on_shift", "off_shift"),
        _each("truck"),
        _truck,
    ),
    "bins": Sheet(
        ("bin_id", "name", "material", "district_id", "lon", "lat", "volume_l", "fill_fraction", "measured_ms", "due"),
        ("due",),
        _each("bin"),
        _bin,
    ),
    "due": Sheet(
        (
            "place_id", "place_kind", "name", "material", "fill_fraction", "kg", "volume_l", "overflow_ms",
            "overflow_p10_ms", "overflow_p90_ms", "planned_truck_id", "planned_arrival_ms", "why", "at_ms",
        ),
        ("unplanned", "overflowing"),
        _each("due"),
        _due,
    ),
    "left-out": Sheet(
        ("stop_id", "place_kind", "place_id", "name", "material", "code", "reason", "planned_ms"),
        ("urgent",),
        _all_left_out,
        _left_out,
    ),
    "orders": Sheet(
        (
            "order_id", "version", "state", "source_id", "source_name", "material", "kg", "volume_l", "ready_ms",
            "due_ms", "planned_truck_id", "planned_arrival_ms",
        ),
        ("open", "planned", "collected", "cancelled"),
        _each("order"),
        _order,
    ),
    "facilities": Sheet(
        (
            "facility_id", "name", "facility_type", "accepts", "lon", "lat", "closed_until_ms", "today_kg", "daily_kg",
            "queue_trucks", "docks",
        ),
        ("open", "closed"),
        _each("facility"),
        _facility,
    ),
}  # fmt: skip
