"""Where a truck was, and what it was told to do."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query

from services import clock
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Ms, Text
from services.gateway.problems import Problem, not_found
from services.gateway.state import Parts
from services.gateway.whole import as_event, whole
from services.store import queries
from streams.topics import PLANS
from streams.units import DAY_MS

router = APIRouter(prefix="/api/v1", tags=["trucks"], route_class=GuardedRoute)

Id = Annotated[Text, Path()]
MAX_SPAN_MS = 2 * DAY_MS


@router.get("/trucks/{truck_id}/track")
@action("tracks.read")
def track(
    truck_id: Id,
    me: Me,
    parts: Parts,
    from_ms: Ms,
    to_ms: Annotated[Ms | None, Query(description="default: now")] = None,
) -> Json:
    """Return ``points`` [event_time_ms, lon, lat, speed_mps, load_kg, cover, bed] of at most two days."""
    until_ms = clock.city_now_ms() if to_ms is None else to_ms
    if not 0 <= until_ms - from_ms <= MAX_SPAN_MS:
        raise Problem(400, "span", f"to_ms - from_ms is {until_ms - from_ms}, expected 0 to {MAX_SPAN_MS} (two days)")
    see_truck(me, parts.engine, truck_id)
    return Json({"points": queries.track(parts.engine, me.user.tenant_id, truck_id, from_ms, until_ms)})


@router.get("/plans/{truck_id}")
@action("plans.read")
def plans(truck_id: Id, me: Me, parts: Parts) -> Json:
    """Return the truck's last 20 plans, newest first; without their turns."""
    see_truck(me, parts.engine, truck_id)
    kept = queries.plan_versions(parts.engine, me.user.tenant_id, truck_id)
    return Json({"versions": [whole(as_event(PLANS, raw | {"guide": None})) for raw in kept]})


def see_truck(me: Asker, engine: Any, truck_id: str) -> None:
    """Raise "not found" unless this truck is theirs to see."""
    scope = me.scope
    if scope.truck_id is not None:
        if truck_id != scope.truck_id:
            raise not_found()
        return
    exists, district_id = queries.truck_district(engine, me.user.tenant_id, truck_id)
    if not exists or (scope.district_id is not None and district_id not in (None, scope.district_id)):
        raise not_found()
