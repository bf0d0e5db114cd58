"""The desk's lists as rows of a sheet: what the live state knows, filtered as the page filters it. Pure."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Seen:
    """A tenant's things, as far as somebody may see them."""

    town: Town
    scope: Scope
    _comers: dict[str, tuple[str, int]] = field(default_factory=dict)

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

    def comer(self, place_id: str) -> tuple[str | None, int | None]:
        """Return the truck that comes to a place by the running plans, and when; the first of several."""
        if not self._comers:
            self._comers[""] = ("", 0)  # read once, also if no plan says anything
            for plan in self.all("plan"):
                for visit in plan["visits"]:
                    for stop_id in {visit["stop_id"], visit["order_id"]} - {None}:
                        self._comers.setdefault(stop_id, (plan["truck_id"], visit["arrive_ms"]))
        return self._comers.get(place_id, (None, None))


class Sheet(NamedTuple):
    """A list: its columns, the choices of ``show``, and its rows."""

    columns: tuple[str, ...]
    shows: tuple[str, ...]
    rows: Callable[[Seen, Wanted], Iterator[dict[str, Any]]]


def _trucks(seen: Seen, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for truck in seen.all("truck"):
        plan = seen.one("plan", truck["truck_id"])
        material = (plan or {}).get("material") or next(iter(truck["materials"]), "")
        row = {
            **truck,
            "material": material,
            "seen_ms": truck["event_time_ms"],
            "shift_start_ms": (truck["shift"] or {}).get("start_ms"),
            "shift_end_ms": (truck["shift"] or {}).get("end_ms"),
            "plan_version": (plan or {}).get("plan_version"),
            GEOMETRY: point(truck["lon"], truck["lat"]),
        }
        names = (truck[name] for name in ("truck_id", "plate", "driver_id", "contractor_id", "class"))
        if _of(material, wanted) and _found(names, wanted) and _truck_shown(truck, wanted):
            yield row


def _truck_shown(truck: Mapping[str, Any], wanted: Wanted) -> bool:
    seen_ms = truck["event_time_ms"]
    return {
        "called": truck["down"] is not None,
        "silent": seen_ms is None or wanted.now_ms - seen_ms > STALE_MS,
        "on_shift": truck["shift"] is not None,
        "off_shift": truck["shift"] is None,
    }.get(wanted.show, True)


def _bins(seen: Seen, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for thing in seen.all("bin"):
        due = seen.one("due", thing["bin_id"])
        row = {
            **thing,
            "fill_fraction": thing["fill"],
            "measured_ms": thing["event_time_ms"],
            "due": bool(due and due["due"]),
            GEOMETRY: point(thing["lon"], thing["lat"]),
        }
        shown = wanted.show != "due" or row["due"]
        if shown and _of(thing["material"], wanted) and _found((thing["bin_id"], thing["name"]), wanted):
            yield row


def _due(seen: Seen, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for due in seen.all("due"):
        place = seen.place(due["place_id"]) or {}
        truck_id, arrive_ms = seen.comer(due["place_id"])
        row = {
            **due,
            "name": place.get("name"),
            "fill_fraction": due["fill_now"],
            "volume_l": due["l"],
            "planned_truck_id": truck_id,
            "planned_arrival_ms": arrive_ms,
            GEOMETRY: point(place.get("lon"), place.get("lat")),
        }
        overflowing = due["overflow_ms"] is not None and due["overflow_ms"] <= wanted.now_ms
        shown = {"unplanned": truck_id is None, "overflowing": overflowing}.get(wanted.show, True)
        hidden = not due["due"] or seen.hides(due["place_id"])
        if shown and not hidden and _of(due["material"], wanted) and _found((due["place_id"], row["name"]), wanted):
            yield row


def _left_out(seen: Seen, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for run in seen.all("run"):
        for left in run["left_out"]:
            place = seen.place(left["place_id"]) or {}
            row = {
                **left,
                "name": left["name"] or place.get("name"),
                "material": left["material"] or run["material"],
                "planned_ms": run["made_ms"],
                GEOMETRY: point(place.get("lon"), place.get("lat")),
            }
            shown = wanted.show != "urgent" or left["code"] not in CAN_WAIT
            names = (left["place_id"], row["name"], left["code"])
            if shown and not seen.hides(left["place_id"]) and _of(row["material"], wanted) and _found(names, wanted):
                yield row


CAN_WAIT: Final = ("not_worth_it", "excluded")
"""Left out for good reason: nobody has to do anything; `dispatch/left_out.tsx` says the same."""


def _orders(seen: Seen, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for order in seen.all("order"):
        source = seen.one("source", order["source_id"]) or {}
        truck_id, arrive_ms = seen.comer(order["order_id"])
        row = {
            **order,
            "source_name": source.get("name"),
            "volume_l": order["l"],
            "planned_truck_id": truck_id,
            "planned_arrival_ms": arrive_ms,
            GEOMETRY: point(source.get("lon"), source.get("lat")),
        }
        shown = wanted.show in ("", order["state"])
        names = (order["order_id"], order["source_id"], row["source_name"])
        if shown and _of(order["material"], wanted) and _found(names, wanted):
            yield row


def _facilities(seen: Seen, wanted: Wanted) -> Iterator[dict[str, Any]]:
    for site in seen.all("facility"):
        closed = (site["closed_until_ms"] or 0) > wanted.now_ms
        row = {
            **site,
            "facility_id": site["id"],
            "queue_trucks": site["queue"],
            "closed_until_ms": site["closed_until_ms"] if closed else None,
            GEOMETRY: point(site["lon"], site["lat"]) or site["area"],
        }
        shown = {"open": not closed, "closed": closed}.get(wanted.show, True)
        names = (site["id"], site["name"], site["facility_type"])
        if shown and _found(names, wanted):
            yield row


def _of(material: str | None, wanted: Wanted) -> bool:
    return not wanted.materials or material in wanted.materials


def _found(names: Any, wanted: Wanted) -> bool:
    text = wanted.find.strip().lower()
    return not text or any(text in name.lower() for name in names if name)


SHEETS: Final[Mapping[str, Sheet]] = {
    "trucks": Sheet(
        (
            "truck_id", "plate", "class", "material", "materials", "contractor_id", "district_id", "driver_id",
            "shift_start_ms", "shift_end_ms", "lon", "lat", "fix", "seen_ms", "speed_mps", "heading_deg",
            "load_kg", "payload_kg", "cover", "bed", "down", "plan_version",
        ),
        ("called", "silent", "on_shift", "off_shift"),
        _trucks,
    ),
    "bins": Sheet(
        ("bin_id", "name", "material", "district_id", "lon", "lat", "volume_l", "fill_fraction", "measured_ms", "due"),
        ("due",),
        _bins,
    ),
    "due": Sheet(
        (
            "place_id", "place_kind", "name", "material", "fill_fraction", "kg", "volume_l", "overflow_ms",
            "overflow_p10_ms", "overflow_p90_ms", "planned_truck_id", "planned_arrival_ms", "why", "at_ms",
        ),
        ("unplanned", "overflowing"),
        _due,
    ),
    "left-out": Sheet(
        ("stop_id", "place_kind", "place_id", "name", "material", "code", "reason", "planned_ms"),
        ("urgent",),
        _left_out,
    ),
    "orders": Sheet(
        (
            "order_id", "version", "state", "source_id", "source_name", "material", "kg", "volume_l", "ready_ms",
            "due_ms", "planned_truck_id", "planned_arrival_ms",
        ),
        ("open", "planned", "collected", "cancelled"),
        _orders,
    ),
    "facilities": Sheet(
        (
            "facility_id", "name", "facility_type", "accepts", "lon", "lat", "closed_until_ms", "today_kg", "daily_kg",
            "queue_trucks", "docks",
        ),
        ("open", "closed"),
        _facilities,
    ),
}  # fmt: skip
