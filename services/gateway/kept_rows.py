"""What the database keeps, as rows of a sheet, page by page: alerts, plans as they were made, where a truck was."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import msgspec

from services.gateway.handling import standing
from services.gateway.live_rows import Seen
from services.gateway.live_state import Scope
from services.gateway.sheets import GEOMETRY, point
from services.gateway.whole import as_event
from services.store import pages, queries
from services.store.pages import Fix, PlanKey
from services.store.queries import Cursor
from streams.topics import ALERT_ACTIONS

PAGE: Final = 500
"""Rows asked of the database at once."""

Rows = AsyncIterator[list[dict[str, Any]]]


class Kept(NamedTuple):
    """What of a tenant's records is asked for. ``show`` is of alerts: how they are handled, "" = all."""

    tenant_id: str
    span_ms: tuple[int, int]
    find: str = ""
    show: str = ""
    rule: str = ""
    severity: str = ""
    materials: frozenset[str] = frozenset()
    truck_id: str = ""


async def alerts(engine: Any, seen: Seen, asked: Kept) -> Rows:
    """Yield pages of the alerts raised in the span, newest first; with a district only those of it and of none."""
    before: Cursor | None = Cursor(asked.span_ms[1] + 1, "")
    while before is not None:
        found, actions = await asyncio.to_thread(_alert_page, engine, seen.scope.district_id, asked, before)
        last = found[-1] if len(found) == PAGE else None
        before = Cursor(last["raised_ms"], last["alert_id"]) if last else None
        if found and found[-1]["raised_ms"] < asked.span_ms[0]:
            before = None
        rows = (_alert_row(one, actions.get(one["alert_id"], [])) for one in found)
        yield [row for row in rows if row["raised_ms"] >= asked.span_ms[0] and _alert_shown(row, asked)]


def _alert_page(engine: Any, district_id: str | None, asked: Kept, before: Cursor) -> tuple[list[Any], dict[str, Any]]:
    found = queries.alerts(
        engine,
        asked.tenant_id,
        district_id=district_id,
        state=None,
        rule=asked.rule or None,
        before=before,
        limit=PAGE,
    )
    actions: dict[str, list[dict[str, Any]]] = {}
    for action in queries.alert_actions(engine, asked.tenant_id, [one["alert_id"] for one in found]):
        actions.setdefault(action["alert_id"], []).append(action)
    return found, actions


def _alert_row(alert: Mapping[str, Any], actions: Iterable[dict[str, Any]]) -> dict[str, Any]:
    deeds = standing(as_event(ALERT_ACTIONS, one) for one in actions).judgements
    trucks = alert.get("truck_ids") or [alert[name] for name in ("truck_id",) if alert.get(name)]
    return {
        **alert,
        "truck_ids": trucks,
        "handling": HANDLING[deeds[-1].kind] if deeds else "new",
        "acked_by": deeds[0].actor if deeds else None,
        "acked_ms": deeds[0].at_ms if deeds else None,
        GEOMETRY: alert.get("where"),
    }


HANDLING: Final = {"ack": "acknowledged", "confirm": "confirmed", "dismiss": "dismissed"}
"""What is done about an alert, and where it stands then; `domain/alerts.ts` says the same."""


def _alert_shown(row: Mapping[str, Any], asked: Kept) -> bool:
    is_open = row["handling"] in ("new", "acknowledged") and row["state"] != "cancelled"
    handled = {"": True, "open": is_open}.get(asked.show, row["handling"] == asked.show)
    text = asked.find.strip().lower()
    names = [row.get(name) for name in ("bin_id", "driver_id", "contractor_id", "source_id")] + list(row["truck_ids"])
    found = not text or any(text in name.lower() for name in names if name)
    return handled and found and asked.severity in ("", row["severity"])


async def plans(engine: Any, seen: Seen, asked: Kept) -> Rows:
    """Yield pages of the plans made in the span, by truck and version."""
    after: PlanKey | None = PlanKey()
    while after is not None:
        found, after = await asyncio.to_thread(
            pages.plans, engine, asked.tenant_id, asked.span_ms, after=after, limit=PAGE
        )
        yield [_plan_row(one) for one in found if _plan_shown(one, seen, asked)]


def _plan_shown(plan: Mapping[str, Any], seen: Seen, asked: Kept) -> bool:
    thing = seen.town.thing("truck", plan["truck_id"])
    theirs = seen.scope == Scope() or (thing.value is not None and seen.scope.sees(thing))
    named = asked.find.strip().lower() in plan["truck_id"].lower()
    return theirs and named and (not asked.materials or plan["material"] in asked.materials)


def _plan_row(plan: Mapping[str, Any]) -> dict[str, Any]:
    visits = msgspec.json.decode(plan["visits"] or "[]")
    kinds = [visit.get("kind", "collect") for visit in visits]
    return {
        **plan,
        "stops": kinds.count("collect"),
        "tips": kinds.count("tip"),
        "first_arrival_ms": visits[0]["arrive_ms"] if visits else None,
        "end_ms": visits[-1]["arrive_ms"] if visits else None,
        GEOMETRY: _line([(visit["lon"], visit["lat"]) for visit in visits]),
    }


def _line(places: list[tuple[float, float]]) -> dict[str, Any] | None:
    """Return the order of visits as a line, straight from each to the next; None where that is no line."""
    return {"type": "LineString", "coordinates": places} if len(places) > 1 else None


async def tracks(engine: Any, _seen: Seen, asked: Kept) -> Rows:
    """Yield pages of one truck's fixes in order of event time: who asks has been found to see it."""
    after: Fix | None = None
    while True:
        found, after = await asyncio.to_thread(
            pages.track, engine, asked.tenant_id, asked.truck_id, asked.span_ms, after=after, limit=PAGE
        )
        yield [
            {**one, "truck_id": asked.truck_id, "at_ms": one["event_time_ms"], GEOMETRY: point(one["lon"], one["lat"])}
            for one in found
        ]
        if after is None:
            return


class KeptSheet(NamedTuple):
    """A table of the past: its columns, the choices of ``show``, its pages."""

    columns: tuple[str, ...]
    shows: tuple[str, ...]
    pages: Callable[[Any, Seen, Kept], Rows]


SHEETS: Final[Mapping[str, KeptSheet]] = {
    "alerts": KeptSheet(
        (
            "alert_id", "revision", "rule", "rule_version", "severity", "certainty", "state", "handling", "start_ms",
            "raised_ms", "end_ms", "truck_ids", "bin_id", "facility_id", "source_id", "driver_id", "contractor_id",
            "ticket_id", "lost_kg", "lost_kg_low", "lost_kg_high", "reason", "acked_by", "acked_ms", "evidence_id",
        ),
        ("open", "new", "acknowledged", "confirmed", "dismissed"),
        alerts,
    ),
    "plans": KeptSheet(
        (
            "truck_id", "plan_version", "made_ms", "reason", "material", "stops", "tips", "first_arrival_ms", "end_ms",
            "run_id",
        ),
        (),
        plans,
    ),
    "tracks": KeptSheet(
        ("truck_id", "at_ms", "lon", "lat", "speed_mps", "odometer_m", "load_kg", "cover", "bed"),
        (),
        tracks,
    ),
}  # fmt: skip
