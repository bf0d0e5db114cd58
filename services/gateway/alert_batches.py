"""What an officer says of many alerts at once: one call, one transaction, and of each alert whether it was done."""

import hashlib
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Ms, Note, Text, Version
from services.gateway.handling import SAFETY_RULES, DismissReason, Known, Objection, objection
from services.gateway.problems import Problem, not_found
from services.gateway.state import Parts, State
from services.store import commands, queries
from streams import events
from streams.units import DAY_MS

router = APIRouter(prefix="/api/v1", tags=["alerts"], route_class=GuardedRoute)

Id = Annotated[Text, Path()]
MAX_ALERTS: Final = 500
LONGEST_SNOOZE_MS: Final = 30 * DAY_MS
_MEMBERS: Final = {"reason": ("dismiss",), "assignee": ("assign",), "until_ms": ("snooze",), "undoes_batch": ("undo",)}
"""Which kinds of saying each member belongs to; a note goes with any."""


class Seen(BaseModel):
    """An alert as the speaker saw it.

    ``seen_ms``: when the newest action was said that they saw, 0 = none; left out = do not ask whether somebody was quicker.
    ``undoes``: the action that ``undo`` takes back.
    """

    model_config = ConfigDict(extra="forbid")
    alert_id: Text
    alert_revision: Version | None = None
    seen_ms: Ms | None = None
    undoes: Text | None = None


class BatchBody(BaseModel):
    """What is said, and of which alerts. ``undo`` with ``undoes_batch`` names no alerts: it takes back a whole batch.

    ``assign`` without ``assignee``: nobody answers for them any more.
    """

    model_config = ConfigDict(extra="forbid")
    kind: Literal["ack", "confirm", "dismiss", "assign", "snooze", "note", "undo"]
    alerts: Annotated[list[Seen], Field(max_length=MAX_ALERTS)] = []
    reason: DismissReason | None = None
    note: Note | None = None
    assignee: Text | None = None
    until_ms: Ms | None = None
    undoes_batch: Text | None = None


@router.put("/alert-action-batches/{batch_id}", status_code=202)
@action("alerts.act")
def act(batch_id: Id, body: BatchBody, request: Request, me: Me, parts: Parts) -> Json:
    """Say it of all of them; ``done`` and ``refused`` tell what became of each. The same again is the same.

    Refused are: not_found, not_allowed (the desk acts on calls for help only), not_theirs (of a district the assignee does
    not work in), handled_meanwhile (by somebody else since ``seen_ms``; with who, when and what), withdrawn, already,
    nothing_to_undo.
    """
    _check(body)
    seen = _of_batch(parts, me, body.undoes_batch) if body.undoes_batch is not None else body.alerts
    saying = _Saying(
        batch_id, body, me, seen, _handler(parts, me, request, body.assignee), _live_rules(parts, me, seen)
    )
    batch = commands.Batch(
        tenant_id=me.user.tenant_id,
        district_id=me.user.district_id,
        batch_id=batch_id,
        actor=me.user.login,
        kind=body.kind,
        undoes_batch=body.undoes_batch,
        asked_sha256=hashlib.sha256(f"{me.user.login} {body.model_dump_json()}".encode()).hexdigest(),
    )
    try:
        answer = commands.record_alert_batch(parts.engine, batch, [one.alert_id for one in seen], saying.of)
    except commands.DifferentBodyError as error:
        raise Problem(409, "different_body", str(error)) from error
    return Json(answer, 202)


@router.get("/alert-action-batches")
@action("alerts.read")
def batches(me: Me, parts: Parts, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> Json:
    """Return what was said of many alerts at once, newest first; ``undone``: another batch took it back."""
    found = queries.alert_batches(parts.engine, me.user.tenant_id, me.scope.district_id, limit)
    return Json({"batches": found})


@router.get("/alert-handlers")
@action("alerts.read")
def handlers(request: Request, me: Me, parts: Parts) -> Json:
    """Return who may be given alerts: login, name, role and district (null = the whole city)."""
    return Json({"handlers": queries.handlers(parts.engine, me.user.tenant_id, _judges(request))})


class _Saying:
    """What is said, on its way to each alert."""

    def __init__(  # noqa: PLR0917  # what a batch is made of
        self,
        batch_id: str,
        body: BatchBody,
        me: Asker,
        seen: list[Seen],
        handler: dict[str, Any] | None,
        live_rules: dict[str, str],
    ) -> None:
        self._batch_id = batch_id
        self._body = body
        self._me = me
        self._seen = seen
        self._handler = handler
        self._live_rules = live_rules

    def of(
        self, rows: dict[str, commands.AlertRow], now_ms: int
    ) -> tuple[list[events.AlertAction], dict[str, list[dict[str, Any]]]]:
        """Return the actions, and what the asker is told; raises the `Problem` 422 for a time that is none."""
        self._check_times(now_ms)
        said: list[events.AlertAction] = []
        refused: list[dict[str, Any]] = []
        for seen in self._seen:
            one = self._action(seen, now_ms)
            against = self._against(seen, one, rows.get(seen.alert_id))
            if against is None:
                said.append(one)
            else:
                refused.append(_told(seen.alert_id, against))
        return said, {
            "done": [{"alert_id": one.alert_id, "action_id": one.action_id} for one in said],
            "refused": refused,
        }

    def _check_times(self, now_ms: int) -> None:
        until_ms = self._body.until_ms
        if until_ms is not None and not now_ms < until_ms <= now_ms + LONGEST_SNOOZE_MS:
            sentence = f"expected a time after now ({now_ms}), by at most 30 days, got {until_ms}"
            raise Problem(
                422, "not_usable", f"/until_ms: {sentence}", errors=[{"pointer": "/until_ms", "detail": sentence}]
            )

    def _action(self, seen: Seen, now_ms: int) -> events.AlertAction:
        body = self._body
        return events.AlertAction(
            tenant_id=self._me.user.tenant_id,
            action_id=events.derived_id("alert-action", self._batch_id, seen.alert_id),
            alert_id=seen.alert_id,
            actor=self._me.user.login,
            kind=body.kind,
            at_ms=now_ms,
            reason=body.reason,
            alert_revision=seen.alert_revision,
            note=(body.note or "").strip() or None,
            assignee=body.assignee,
            until_ms=body.until_ms,
            undoes=seen.undoes,
            batch_id=self._batch_id,
        )

    def _against(self, seen: Seen, said: events.AlertAction, row: commands.AlertRow | None) -> Objection | None:
        known = self._known(seen.alert_id, row)
        district_id = self._me.scope.district_id
        if known is None or (district_id is not None and known.district_id not in (None, district_id)):
            return Objection("not_found")
        if self._me.reach == "safety" and known.rule not in SAFETY_RULES:
            return Objection("not_allowed")
        theirs = self._handler["district_id"] if self._handler else None
        if theirs is not None and known.district_id not in (None, theirs):
            return Objection("not_theirs")
        return objection(known, said, seen.seen_ms)

    def _known(self, alert_id: str, row: commands.AlertRow | None) -> Known | None:
        if row is not None:
            return Known(*row[:-1], actions=tuple(row.actions))
        rule = self._live_rules.get(alert_id)
        return None if rule is None else Known(alert_id, rule, 0, "raised", None)


def _told(alert_id: str, against: Objection) -> dict[str, Any]:
    by = against.by
    return {
        "alert_id": alert_id,
        "code": against.code,
        "actor": by.actor if by else None,
        "at_ms": by.at_ms if by else None,
        "kind": by.kind if by else None,
    }


def _check(body: BatchBody) -> None:
    """Refuse what says nothing, or two things, with the member that is wrong."""
    wrong = [
        {"pointer": f"/{name}", "detail": f"expected only with {' or '.join(kinds)}, got kind {body.kind!r}"}
        for name, kinds in _MEMBERS.items()
        if getattr(body, name) is not None and body.kind not in kinds
    ]
    ids = [one.alert_id for one in body.alerts]
    twice = next((one for one in ids if ids.count(one) > 1), None) if len(set(ids)) < len(ids) else None
    if twice is not None:
        wrong.append({"pointer": "/alerts", "detail": f"expected each alert once, got {twice!r} twice"})
    if not ids and body.undoes_batch is None:
        wrong.append({"pointer": "/alerts", "detail": "expected at least one alert"})
    if ids and body.undoes_batch is not None:
        wrong.append({"pointer": "/alerts", "detail": "expected no alerts beside undoes_batch"})
    if body.kind == "undo" and any(one.undoes is None for one in body.alerts):
        wrong.append({"pointer": "/alerts", "detail": "expected of each alert the action that is taken back: undoes"})
    if body.kind != "undo" and any(one.undoes is not None for one in body.alerts):
        wrong.append({"pointer": "/alerts", "detail": f"expected undoes only with undo, got kind {body.kind!r}"})
    wrong += _missing(body)
    if wrong:
        raise Problem(422, "not_usable", f"{wrong[0]['pointer']}: {wrong[0]['detail']}", errors=wrong)


def _missing(body: BatchBody) -> list[dict[str, str]]:
    wrong = []
    if body.kind == "dismiss" and body.reason is None:
        wrong.append({"pointer": "/reason", "detail": "expected the reason why it is no case"})
    if (body.kind == "note" or body.reason == "other") and not (body.note or "").strip():
        wrong.append({"pointer": "/note", "detail": "expected some words"})
    if body.kind == "snooze" and body.until_ms is None:
        wrong.append({"pointer": "/until_ms", "detail": "expected the time until which it waits"})
    return wrong


def _of_batch(parts: State, me: Asker, batch_id: str) -> list[Seen]:
    """Return the alerts of which a batch was said, each with the action to take back."""
    kept = queries.alert_batch(parts.engine, me.user.tenant_id, batch_id, me.scope.district_id)
    if kept is None:
        raise not_found()
    return [Seen(alert_id=one["alert_id"], undoes=one["action_id"]) for one in kept["done"]]


def _judges(request: Request) -> list[str]:
    """Return the roles that may act on every alert."""
    rule = request.app.state.rules["alerts.act"]
    return [role for role, reach in rule.roles.items() if reach == "tenant"]


def _handler(parts: State, me: Asker, request: Request, login: str | None) -> dict[str, Any] | None:
    if login is None:
        return None
    found = queries.handlers(parts.engine, me.user.tenant_id, _judges(request))
    handler = next((one for one in found if one["login"] == login), None)
    if handler is None:
        sentence = f"expected somebody who may act on alerts, got {login!r}"
        raise Problem(
            422, "not_usable", f"/assignee: {sentence}", errors=[{"pointer": "/assignee", "detail": sentence}]
        )
    return handler


def _live_rules(parts: State, me: Asker, seen: list[Seen]) -> dict[str, str]:
    """Return the rule of each alert that the live state shows: it may be ahead of the tables."""
    if not parts.hub.ready:
        return {}
    town = parts.hub.tenant(me.user.tenant_id).town
    rules = {one.alert_id: town.alert_rule(one.alert_id, me.scope.district_id) for one in seen}
    return {alert_id: rule for alert_id, rule in rules.items() if rule is not None}
