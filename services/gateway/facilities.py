"""A facility is closed, or opened again, by a new version of its record; an action beside it says by whom and why."""

from typing import Annotated

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from services import clock
from services.gateway.access import GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Ms, Note, Text
from services.gateway.problems import not_found
from services.gateway.state import Parts
from services.gateway.whole import whole
from services.store import commands
from streams import events

router = APIRouter(prefix="/api/v1/facilities", tags=["facilities"], route_class=GuardedRoute)


class Closure(BaseModel):
    """``closed_until_ms`` null = open again now. UTC ms, city time."""

    model_config = ConfigDict(extra="forbid")
    closed_until_ms: Ms | None
    reason: Note = ""


@router.put("/{facility_id}/closure", status_code=202)
@action("facilities.close")
def close(facility_id: Annotated[Text, Path()], body: Closure, me: Me, parts: Parts) -> Json:
    """Close a facility until a time, or open it; returns the newest version of its record."""
    now_ms = clock.city_now_ms()
    if not me.scope.sees(parts.hub.tenant(me.user.tenant_id).town.thing("facility", facility_id)):
        parts.require_live()
        raise not_found()

    def closed(asset: events.Asset) -> events.Asset:
        return msgspec.structs.replace(
            asset, closed_until_ms=body.closed_until_ms, valid_from_ms=now_ms, received_time_ms=now_ms
        )

    def said_of(asset: events.Asset) -> events.DispatchAction:
        said = (facility_id, asset.version, me.user.login, body.closed_until_ms, body.reason)
        return events.DispatchAction(
            tenant_id=me.user.tenant_id,
            action_id=events.derived_id("closure", me.user.tenant_id, *said),
            subject_id=facility_id,
            actor=me.user.login,
            kind="reopen" if body.closed_until_ms is None else "close",
            at_ms=now_ms,
            until_ms=body.closed_until_ms,
            reason=body.reason or None,
        )

    asset = commands.new_asset_version(parts.engine, me.user.tenant_id, "facility", facility_id, closed, said_of)
    if asset is None:
        raise not_found()
    return Json(whole(asset), 202)
