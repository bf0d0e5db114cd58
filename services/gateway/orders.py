"""Bookings of waste without a sensor: building sites, special collections. Each change is a new version."""

import asyncio
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from services import clock
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Ms, Text
from services.gateway.problems import Problem, not_found
from services.gateway.state import Parts, State
from services.gateway.whole import whole
from services.store import commands
from streams import events

router = APIRouter(prefix="/api/v1/orders", tags=["orders"], route_class=GuardedRoute)

Id = Annotated[Text, Path(pattern=r"^[^/@\s]+$")]
Hour = Annotated[str, StringConstraints(pattern=r"^([01]\d|2[0-3]):[0-5]\d$|^24:00$")]
_FINAL = ("collected", "cancelled")


class OrderBody(BaseModel):
    """What is to be fetched. Times are UTC ms of city time; windows are local hours."""

    model_config = ConfigDict(extra="forbid")
    source_id: Text
    material: Text
    kg: Annotated[float, Field(gt=0, le=5_000_000, allow_inf_nan=False)]
    l: Annotated[float, Field(gt=0, le=50_000_000, allow_inf_nan=False)] | None = None  # noqa: E741  # the contract's name
    ready_ms: Ms | None = None
    due_ms: Ms | None = None
    windows: Annotated[list[tuple[Hour, Hour]], Field(max_length=14)] | None = None
    facility_ids: Annotated[list[Text], Field(max_length=50)] = []
    permit_id: Text | None = None


@router.put("/{order_id}", status_code=202)
@action("orders.write")
async def write(order_id: Id, body: OrderBody, me: Me, parts: Parts) -> Json:
    """Book, or change a booking; the same again changes nothing. Returns the newest version."""
    parts.require_live()
    _check(body, me, parts)
    now_ms = clock.city_now_ms()

    def booked(known: events.Order | None) -> events.Order | None:
        if known is not None:
            _see(known, me, parts)
            if known.state in _FINAL:
                raise Problem(409, "order_final", f"The order is {known.state}; make a new one.")
        wanted = events.Order(
            tenant_id=me.user.tenant_id,
            order_id=order_id,
            valid_from_ms=now_ms,
            received_time_ms=now_ms,
            **body.model_dump(exclude={"windows", "facility_ids"}),
            windows=None if body.windows is None else tuple(body.windows),
            facility_ids=tuple(body.facility_ids),
        )
        same = known is not None and commands.same_content(msgspec.structs.replace(known, state="open"), wanted)
        return known if same else wanted

    order = await asyncio.to_thread(commands.new_order_version, parts.engine, me.user.tenant_id, order_id, booked)
    return Json(whole(order), 202)


@router.post("/{order_id}/cancel", status_code=202)
@action("orders.write")
def cancel(order_id: Id, me: Me, parts: Parts) -> Json:
    """Cancel a booking; cancelled again it stays so. 409: it was collected."""
    parts.require_live()
    now_ms = clock.city_now_ms()

    def cancelled(known: events.Order | None) -> events.Order | None:
        if known is None:
            raise not_found()
        _see(known, me, parts)
        if known.state == "collected":
            raise Problem(409, "order_final", "The order is collected already.")
        return msgspec.structs.replace(known, state="cancelled", valid_from_ms=now_ms, received_time_ms=now_ms)

    return Json(whole(commands.new_order_version(parts.engine, me.user.tenant_id, order_id, cancelled)), 202)


def _see(known: events.Order, me: Asker, parts: State) -> None:
    """Raise "not found" unless this order is theirs to see."""
    if not me.scope.sees(parts.hub.tenant(me.user.tenant_id).town.order_view(known)):
        raise not_found()


def _check(body: OrderBody, me: Me, parts: Parts) -> None:
    """Refuse what no plan could ever serve, with the member that is wrong."""
    town = parts.hub.tenant(me.user.tenant_id).town
    wrong: list[dict[str, str]] = []
    if body.material not in events.MATERIALS:
        wrong.append({"pointer": "/material", "detail": f"expected one of {', '.join(events.MATERIALS)}"})
    source = town.thing("source", body.source_id)
    if source.value is None or not me.scope.sees(source):
        wrong.append({"pointer": "/source_id", "detail": f"there is no source {body.source_id!r}"})
    for facility_id in body.facility_ids:
        facility = town.thing("facility", facility_id).value
        if facility is None or body.material not in facility["accepts"]:
            wrong.append({"pointer": "/facility_ids", "detail": f"no facility {facility_id!r} accepts {body.material}"})
    if body.ready_ms is not None and body.due_ms is not None and body.ready_ms >= body.due_ms:
        wrong.append({"pointer": "/due_ms", "detail": "expected a time after ready_ms"})
    if wrong:
        raise Problem(422, "not_usable", f"{wrong[0]['pointer']}: {wrong[0]['detail']}", errors=wrong)
