"""How the system is, as the gateway sees it."""

from fastapi import APIRouter

from services import clock, store
from services.gateway.access import GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.state import Parts
from services.store import queries
from services.store.outbox import waiting_count

router = APIRouter(tags=["status"], route_class=GuardedRoute)


@router.get("/health")
@action("health.read")
async def health(parts: Parts) -> Json:
    """Say whether this process can serve pages: 200, or 503 while the live state is not there yet."""
    ready = parts.hub.ready
    return Json({"ready": ready, "stale_since_ms": parts.hub.stale_since_ms}, 200 if ready else 503)


@router.get("/api/v1/status")
@action("status.read")
def status(me: Me, parts: Parts) -> Json:
    """Say how fresh the data are: age of the newest fix, records not yet shown, commands not yet on Kafka."""
    hub, now_ms = parts.hub, clock.city_now_ms()
    newest_ms = hub.tenant(me.user.tenant_id).town.newest_fix_ms
    try:
        database, waiting = queries.reachable(parts.engine), waiting_count(parts.engine)
    except store.Away:
        database, waiting = False, None
    return Json(
        {
            "now_ms": now_ms,
            "rate": hub.rate,
            "newest_fix_age_ms": None if newest_ms is None else now_ms - newest_ms,
            "lag_records": hub.lag,
            "kafka": hub.stale_since_ms is None,
            "database": database,
            "commands_waiting": waiting,
            "stale_since_ms": hub.stale_since_ms,
        }
    )
