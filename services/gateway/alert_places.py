"""Repeat places and trucks: where alerts came in the last days, in cells of a block, and of which trucks."""

from typing import Annotated

from fastapi import APIRouter, Query

from services import clock
from services.gateway.access import GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.handling import standing
from services.gateway.state import Parts
from services.gateway.whole import as_event
from services.store import alert_places
from streams import events
from streams.topics import ALERT_ACTIONS
from streams.units import DAY_MS

router = APIRouter(prefix="/api/v1", tags=["alerts"], route_class=GuardedRoute)

MAX_DAYS = 90


@router.get("/alert-places")
@action("alerts.read")
def repeated(
    me: Me,
    parts: Parts,
    days: Annotated[int, Query(ge=1, le=MAX_DAYS)] = 7,
    rule: Annotated[str | None, Query(max_length=40)] = None,
) -> Json:
    """Return ``cells`` {lon, lat, count, trucks, rules, last_ms} and ``trucks`` {truck_id, count, rules, last_ms}, most first.

    Of alerts raised in the last ``days``; those that were withdrawn, and those that officers dismissed, do not count.
    """
    since_ms = clock.city_now_ms() - days * DAY_MS
    tenant_id = me.user.tenant_id
    said: dict[str, list[events.AlertAction]] = {}
    for raw in alert_places.dismissals(parts.engine, tenant_id, since_ms):
        said.setdefault(raw["alert_id"], []).append(as_event(ALERT_ACTIONS, raw))
    dismissed = [
        alert_id for alert_id, actions in said.items() if (last := standing(actions).last) and last.kind == "dismiss"
    ]
    found = alert_places.repeated(
        parts.engine,
        tenant_id,
        district_id=me.scope.district_id,
        since_ms=since_ms,
        rule=rule,
        without=dismissed,
    )
    return Json({"since_ms": since_ms, "cell_m": alert_places.CELL_M, **found})
