"""A dispatcher overrules the planner: lock a stop to a truck, leave a place out, plan again now."""

from typing import Annotated, Literal

from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict

from services import clock
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.alerts import keep
from services.gateway.answers import Json
from services.gateway.fields import Ms, Note, Text
from services.gateway.problems import Problem, not_found
from services.gateway.state import Parts, State
from services.gateway.trucks import see_truck
from streams import events

router = APIRouter(prefix="/api/v1", tags=["dispatch"], route_class=GuardedRoute)


class DispatchActionBody(BaseModel):
    """``lock`` needs a truck; it and ``exclude`` may say until when (city time), else until ``unlock``, ``include``."""

    model_config = ConfigDict(extra="forbid")
    subject_id: Text
    kind: Literal["lock", "unlock", "exclude", "include", "replan"]
    truck_id: Text | None = None
    until_ms: Ms | None = None
    reason: Note | None = None


@router.put("/dispatch-actions/{action_id}", status_code=202)
@action("dispatch.act")
def act(action_id: Annotated[Text, Path()], body: DispatchActionBody, me: Me, parts: Parts) -> Json:
    """Keep what the dispatcher decided and send it on."""
    if body.kind == "lock":
        see_truck(me, parts.engine, truck_of(body))
    known = body.subject_id in events.MATERIALS if body.kind == "replan" else sees_stop(me, parts, body.subject_id)
    if not known:
        raise not_found()
    said = events.DispatchAction(
        tenant_id=me.user.tenant_id,
        action_id=action_id,
        actor=me.user.login,
        at_ms=clock.city_now_ms(),
        **body.model_dump(),
    )
    return keep(parts.engine, said, me)


def truck_of(body: DispatchActionBody, at: str = "") -> str:
    """Return whom a lock names; ``at``: the pointer of the action in its body."""
    if body.truck_id is None:
        raise Problem(
            422,
            "not_usable",
            "lock needs a truck: truck_id is missing",
            errors=[{"pointer": f"{at}/truck_id", "detail": "expected a truck's id"}],
        )
    return body.truck_id


def sees_stop(me: Asker, parts: State, stop_id: str) -> bool:
    """Whether this is a bin, or a truckload ``<order_id>/<n>`` of an order, that the person may see."""
    parts.require_live()  # else a stop would be denied that is there
    town = parts.hub.tenant(me.user.tenant_id).town
    places = (town.thing("bin", stop_id), town.thing("order", stop_id.rpartition("/")[0] or stop_id))
    return any(place.value is not None and me.scope.sees(place) for place in places)
