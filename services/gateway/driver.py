"""The driver's day, and what the driver presses."""

import hashlib
from typing import Annotated, Any, get_args

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from services import clock
from services.gateway.access import GuardedRoute, Me, action
from services.gateway.alerts import keep
from services.gateway.answers import Json
from services.gateway.fields import Ms, Note, Span, Text, Version
from services.gateway.problems import Problem
from services.gateway.state import Parts
from services.gateway.whole import whole
from services.store import commands
from streams import events
from streams.units import DAY_MS

router = APIRouter(prefix="/api/v1", tags=["driver"], route_class=GuardedRoute)

FUTURE_MS = 10 * 60_000
"""A phone's clock may be ahead by this much."""
PAST_MS = 2 * DAY_MS
"""What was pressed without a network comes later, but not later than this."""


class DriverActionBody(BaseModel):
    """One press of a button, at the driver's own time. Truck, driver and arrival are the gateway's to say."""

    model_config = ConfigDict(extra="forbid")
    kind: events.ActionKind
    event_time_ms: Ms
    stop_id: Text | None = None
    bin_id: Text | None = None
    order_id: Text | None = None
    facility_id: Text | None = None
    plan_version: Version | None = None
    exception: events.SkipReason | None = None
    corrects: Text | None = None
    corrected_time_ms: Ms | None = None
    weight_kg: Annotated[float, Field(ge=0, le=100_000, allow_inf_nan=False)] | None = None
    note: Note | None = None
    photo_ids: Annotated[list[Text], Field(max_length=8)] = []
    clock_ahead_ms: Span | None = None


@router.get("/driver")
@action("driver.day")
async def day(me: Me, parts: Parts, if_none_match: Annotated[str | None, Header()] = None) -> Response:
    """Return the own truck, shift, plan and permits, and colleagues' plates. The ETag changes with them, not with the truck's place."""
    parts.require_live()
    town = parts.hub.tenant(me.user.tenant_id).town
    truck_id = me.user.truck_id or ""
    known = town.day_of(truck_id)
    digest = hashlib.sha256(f"{parts.hub.epoch}|{known.version()}".encode()).hexdigest()[:32]
    headers = {"ETag": f'"{digest}"', "Cache-Control": "no-cache"}
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    truck = town.thing("truck", truck_id).value or {"truck_id": truck_id}
    content: dict[str, Any] = {
        "truck": truck,
        "driver_id": me.user.driver_id,
        "shift": truck.get("shift"),
        "plan": whole(known.plan),
        "permits": whole(known.permits),
        "plans_seen": known.plan_seen,
        "plates": town.plates(),
        "now_ms": clock.city_now_ms(),
        "rate": parts.hub.rate,
        "stale_since_ms": parts.hub.stale_since_ms,
    }
    return Json(content, headers=headers)


@router.put("/driver-actions/{action_id}", status_code=202)
@action("driver.act")
def act(action_id: Annotated[Text, Path()], body: DriverActionBody, me: Me, parts: Parts) -> Json:
    """Keep what the driver did and send it on. The same again is the same, days later too; another content under the id is 409."""
    now_ms = clock.city_now_ms()
    if body.kind == "skipped" and body.exception is None:
        reasons = ", ".join(get_args(events.SkipReason))
        raise Problem(
            422,
            "not_usable",
            f"skipped needs a reason: exception is missing, expected one of {reasons}",
            errors=[{"pointer": "/exception", "detail": f"expected one of {reasons}"}],
        )
    if body.kind == "corrected" and body.corrects is None:
        raise Problem(
            422,
            "not_usable",
            "corrected needs the id of the action it corrects: corrects is missing",
            errors=[{"pointer": "/corrects", "detail": "expected an action_id"}],
        )
    done = events.DriverAction(
        tenant_id=me.user.tenant_id,
        action_id=action_id,
        truck_id=me.user.truck_id or "",
        driver_id=me.user.driver_id,
        received_time_ms=now_ms,
        photo_ids=tuple(body.photo_ids),
        **body.model_dump(exclude={"photo_ids"}),
    )
    in_time = now_ms - PAST_MS <= body.event_time_ms <= now_ms + FUTURE_MS
    if not in_time and not commands.is_kept(parts.engine, done):
        raise Problem(
            422,
            "not_usable",
            f"event_time_ms is {body.event_time_ms}, expected within two days before now ({now_ms}, city time)",
            errors=[{"pointer": "/event_time_ms", "detail": f"expected about {now_ms}"}],
        )
    return keep(parts.engine, done, me)
