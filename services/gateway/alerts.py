"""Violations: the list, one with its history, and what officers say about them."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, ConfigDict

from services import clock
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Note, Text, Version
from services.gateway.handling import SAFETY_RULES, acknowledged
from services.gateway.problems import Problem, not_found
from services.gateway.state import Parts
from services.gateway.whole import as_event, whole
from services.store import commands, queries
from services.store.queries import Cursor
from streams import events
from streams.topics import ALERT_ACTIONS, ALERTS
from streams.units import MINUTE_MS

router = APIRouter(prefix="/api/v1", tags=["alerts"], route_class=GuardedRoute)

Id = Annotated[Text, Path()]
TRACK_BEFORE_MS = 10 * MINUTE_MS
TRACK_AFTER_MS = 5 * MINUTE_MS
MAX_TRACK_MS = 180 * MINUTE_MS


class AlertActionBody(BaseModel):
    """What is said about an alert. ``alert_revision``: the revision the speaker saw."""

    model_config = ConfigDict(extra="forbid")
    alert_id: Text
    kind: Literal["ack", "confirm", "dismiss", "assign", "snooze", "note", "undo"]
    reason: Note | None = None
    alert_revision: Version | None = None


@router.get("/alerts")
@action("alerts.read")
def alerts(  # noqa: PLR0917  # a route's parameters are its query
    me: Me,
    parts: Parts,
    state: Annotated[str | None, Query(max_length=40)] = None,
    rule: Annotated[str | None, Query(max_length=40)] = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    before: Annotated[str | None, Query(max_length=240, description="``next`` of the page before")] = None,
) -> Json:
    """Return alerts, newest first; ``next`` is the cursor of the following page, null at the end."""
    tenant_id = me.user.tenant_id
    found = queries.alerts(
        parts.engine,
        tenant_id,
        district_id=me.scope.district_id,
        state=state,
        rule=rule,
        before=_cursor(before),
        limit=limit,
    )
    actions: dict[str, list[events.AlertAction]] = {}
    for raw in queries.alert_actions(parts.engine, tenant_id, [alert["alert_id"] for alert in found]):
        actions.setdefault(raw["alert_id"], []).append(as_event(ALERT_ACTIONS, raw))
    last = found[-1] if len(found) == limit else None
    return Json(
        {
            "alerts": [_shown(alert, actions.get(alert["alert_id"], [])) for alert in found],
            "next": f"{last['raised_ms']}.{last['alert_id']}" if last else None,
        }
    )


@router.get("/alerts/{alert_id}")
@action("alerts.read")
def alert(alert_id: Id, me: Me, parts: Parts) -> Json:
    """Return an alert, all its revisions, what was said about it, and the truck's track around it."""
    tenant_id = me.user.tenant_id
    newest = queries.alert(parts.engine, tenant_id, alert_id, me.scope.district_id)
    if newest is None:
        raise not_found()
    actions = [as_event(ALERT_ACTIONS, raw) for raw in queries.alert_actions(parts.engine, tenant_id, [alert_id])]
    revisions = [whole(as_event(ALERTS, raw)) for raw in queries.alert_revisions(parts.engine, tenant_id, alert_id)]
    return Json(
        {
            "alert": _shown(newest, actions),
            "revisions": revisions,
            "actions": whole(actions),
            "track": {"points": _track(parts.engine, tenant_id, newest)},
        }
    )


@router.put("/alert-actions/{action_id}", status_code=202)
@action("alerts.act")
def act(action_id: Id, body: AlertActionBody, me: Me, parts: Parts) -> Json:
    """Say something about an alert. The same again is the same; another content under the same id is 409."""
    known = queries.alert(parts.engine, me.user.tenant_id, body.alert_id, me.scope.district_id)
    if known is None:
        parts.require_live()
    rule = (
        known["rule"]
        if known
        else parts.hub.tenant(me.user.tenant_id).town.alert_rule(body.alert_id, me.scope.district_id)
    )
    if rule is None:
        raise not_found()
    if me.reach == "safety" and rule not in SAFETY_RULES:
        raise Problem(403, "not_allowed", f"The role {me.user.role} may only act on SOS and breakdown.")
    said = events.AlertAction(
        tenant_id=me.user.tenant_id,
        action_id=action_id,
        actor=me.user.login,
        at_ms=clock.city_now_ms(),
        **body.model_dump(),
    )
    return keep(parts.engine, said, me)


def keep(engine: Any, said: commands.Action, me: Asker) -> Json:
    """Keep an action and say so; raises the `Problem` 409 if its id stands for something else."""
    try:
        commands.record_action(engine, said, me.user.district_id)
    except commands.DifferentBodyError as error:
        raise Problem(409, "different_body", str(error)) from error
    return Json({"action_id": said.action_id, "state": "received"}, 202)


def _track(engine: Any, tenant_id: str, alert: dict[str, Any]) -> list[list[Any]]:
    if alert.get("truck_id") is None:
        return []
    from_ms = alert["start_ms"] - TRACK_BEFORE_MS
    to_ms = min(alert.get("end_ms") or alert["raised_ms"], alert["start_ms"] + MAX_TRACK_MS) + TRACK_AFTER_MS
    return queries.track(engine, tenant_id, alert["truck_id"], from_ms, to_ms)


def _shown(raw: dict[str, Any], actions: list[events.AlertAction]) -> dict[str, Any]:
    acked = acknowledged(actions)
    return {
        **whole(as_event(ALERTS, raw)),
        "acked_by": acked.actor if acked else None,
        "ack_ms": acked.at_ms if acked else None,
        "actions": whole(actions),
    }


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    raised, _, alert_id = text.partition(".")
    if not raised.isascii() or not raised.isdigit():
        raise Problem(400, "cursor", "before is not a cursor: take ``next`` of the page before")
    return Cursor(int(raised), alert_id)
