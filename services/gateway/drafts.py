"""A dispatcher's draft: what it would come to, and sending all of it at once. Nothing of it is kept before it is sent.

What it comes to is the planner's to say: a question is put into the database, and its answer waited for, not long.
"""

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import uuid4

import msgspec
from fastapi import APIRouter, Path
from pydantic import BaseModel, ConfigDict, Field

from services import clock
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.dispatch import DispatchActionBody, sees_stop, truck_of
from services.gateway.fields import Text, Version
from services.gateway.live_state import Scope
from services.gateway.problems import Problem, not_found
from services.gateway.state import Parts, State
from services.gateway.trucks import see_truck
from services.gateway.whole import whole
from services.store import commands, mailbox
from streams import events

router = APIRouter(prefix="/api/v1", tags=["dispatch"], route_class=GuardedRoute)

ANSWER_S: Final = 8.0
"""How long the planner's answer is waited for: tenths of a second, some seconds where a machine does fifteen things at once."""
LOOK_S: Final = 0.03
MOST_WAIT_S: Final = 0.25
AT_ONCE: Final = 8
"""Questions that wait for the planner: each holds a thread of all routes' pool."""
_asking: Final = threading.BoundedSemaphore(AT_ONCE)
MOST: Final = 200
"""Stops in one draft: more than one truck collects in a shift."""


class MoveBody(BaseModel):
    """A stop that is to go to a truck."""

    model_config = ConfigDict(extra="forbid")
    stop_id: Text
    truck_id: Text


class PriceBody(BaseModel):
    """``moves``: the draft so far; ``stop_ids``: who could take these; ``give_away``: who could take what this truck has left."""

    model_config = ConfigDict(extra="forbid")
    moves: Annotated[list[MoveBody], Field(max_length=MOST)] = []
    stop_ids: Annotated[list[Text], Field(max_length=MOST)] = []
    give_away: Text | None = None


class DraftAction(DispatchActionBody):
    """One action. ``after``: the newest action about its subject that the sender knew, null = none; left out = any."""

    after: Text | None = None


class DraftBody(BaseModel):
    """Actions that belong together. ``plan_versions``: of the trucks they concern, as the price named them; 0 = no plan."""

    model_config = ConfigDict(extra="forbid")
    actions: Annotated[list[DraftAction], Field(min_length=1, max_length=2 * MOST)]
    plan_versions: Annotated[dict[Text, Version], Field(max_length=2 * MOST)] = {}


@router.post("/prices")
@action("dispatch.act")
def price(body: PriceBody, me: Me, parts: Parts) -> Json:
    """Return what moves would come to: a difference in metres, seconds, overflow; for each truck the first rule in the way."""
    _see(me, parts, (*body.stop_ids, *(move.stop_id for move in body.moves)), (move.truck_id for move in body.moves))
    if body.give_away is not None:
        see_truck(me, parts.engine, body.give_away)
    town = parts.hub.tenant(me.user.tenant_id).town
    among = None if me.scope == Scope() else [one["truck_id"] for one in town.everything(me.scope)["trucks"]]
    if not _asking.acquire(timeout=1.0):
        detail = f"{AT_ONCE} others ask the planner now. Live data and plans go on."
        raise Problem(503, "planner_away", detail, headers={"Retry-After": "1"})
    try:
        said = _asked_the_planner(parts, me, msgspec.json.encode({**body.model_dump(), "among": among}))
    finally:
        _asking.release()
    if said is None:
        raise Problem(503, "not_priced", "The planner could not reckon this; its log says why.")
    return Json(said if among is None else _without_others(said, frozenset(among)))


def _without_others(said: dict[str, Any], trucks: frozenset[str]) -> dict[str, Any]:
    """Leave out which trucks of others have a stop, and how far their plans are."""
    for one in (*said["moves"], *said["shared"]):
        one["from_truck_id"] = one["from_truck_id"] if one["from_truck_id"] in trucks else None
    for one in said["asked"]:
        one |= {name: one[name] if one[name] in trucks else None for name in ("truck_id", "locked_to")}
    versions = {truck_id: version for truck_id, version in said["plan_versions"].items() if truck_id in trucks}
    return {**said, "plan_versions": versions}


def _asked_the_planner(parts: State, me: Asker, question: bytes) -> Any:
    tenant_id, question_id = me.user.tenant_id, str(uuid4())
    mailbox.ask(parts.engine, tenant_id, me.user.district_id, question_id, question)
    give_up_s, wait_s = time.monotonic() + ANSWER_S, LOOK_S
    try:
        while (said := mailbox.answer_to(parts.engine, tenant_id, question_id)) is None:
            if time.monotonic() > give_up_s:
                detail = f"The planner did not answer within {ANSWER_S:g} s. Live data and plans go on."
                raise Problem(503, "planner_away", detail, headers={"Retry-After": "5"})
            time.sleep(wait_s)
            wait_s = min(1.5 * wait_s, MOST_WAIT_S)
    finally:
        mailbox.take_away(parts.engine, tenant_id, question_id)
    return msgspec.json.decode(said)


@router.put("/drafts/{draft_id}", status_code=202)
@action("dispatch.act")
def send(draft_id: Annotated[Text, Path(max_length=100)], body: DraftBody, me: Me, parts: Parts) -> Json:
    """Keep all actions of a draft and send them on, or none: 409 if plans, or what others said, changed since its price.

    ``undo`` of the answer are the actions that would take it back: a draft for those who want that.
    """
    stops: list[str] = []
    trucks: set[str] = set()
    for number, one in enumerate(body.actions):
        stops.append(one.subject_id)
        if one.kind == "replan":
            at = f"/actions/{number}/kind"
            raise Problem(422, "not_usable", f"{at}: replan concerns no stop", errors=[_wrong(at, "expected another")])
        if one.kind == "lock":
            trucks.add(truck_of(one, f"/actions/{number}"))
    now_ms = clock.city_now_ms()
    actions = [_said(one, f"{draft_id}/{number}", me, now_ms) for number, one in enumerate(body.actions)]
    if not commands.is_kept(parts.engine, actions[0]):  # else what it was about may be gone since
        _see(me, parts, stops, (*trucks, *body.plan_versions))
    after = {one.subject_id: one.after for one in body.actions if "after" in one.model_fields_set}
    plans = _Plans(parts, me, body.plan_versions)
    try:
        before = commands.record_together(parts.engine, actions, me.user.district_id, after, stale=plans.newer)
    except commands.DifferentBodyError as error:
        raise Problem(409, "different_body", str(error)) from error
    except commands.OverruledError as error:
        raise _changed(plans, error.said) from error
    undo = undo_of(actions, before, plans.holders, now_ms)
    return Json({"draft_id": draft_id, "state": "received", "undo": undo}, 202)


class _Plans:
    """The running plans as the live state has them now, against those a price was made from."""

    def __init__(self, parts: State, me: Asker, priced: Mapping[str, int]) -> None:
        parts.require_live()
        town = parts.hub.tenant(me.user.tenant_id).town
        self.versions: dict[str, int] = {}
        self.holders: dict[str, str] = {}
        for truck_id in priced:
            plan = town.thing("plan", truck_id).value
            self.versions[truck_id] = plan["plan_version"] if plan else 0
            for visit in plan["visits"] if plan else ():
                if visit["kind"] == "collect" and visit["stop_id"] is not None:
                    self.holders[visit["stop_id"]] = truck_id
        # a plan the live state has not heard of yet is no news
        self.newer = any(self.versions[truck_id] > version for truck_id, version in priced.items())


def _changed(plans: _Plans, said: Sequence[events.DispatchAction]) -> Problem:
    return Problem(
        409,
        "plans_changed",
        "Plans, or what others decided about these stops, changed since this was priced. Nothing was sent.",
        more={"current": {"plan_versions": plans.versions, "said": whole(list(said))}},
    )


def _see(me: Asker, parts: State, stop_ids: Iterable[str], truck_ids: Iterable[str]) -> None:
    """Raise "not found" unless all of this is theirs to see."""
    parts.require_live()
    if not all(sees_stop(me, parts, stop_id) for stop_id in dict.fromkeys(stop_ids)):
        raise not_found()
    for truck_id in dict.fromkeys(truck_ids):
        see_truck(me, parts.engine, truck_id)


def _wrong(pointer: str, detail: str) -> dict[str, str]:
    return {"pointer": pointer, "detail": detail}


def _said(one: DraftAction, action_id: str, me: Asker, now_ms: int) -> events.DispatchAction:
    return events.DispatchAction(
        tenant_id=me.user.tenant_id,
        action_id=action_id,
        actor=me.user.login,
        at_ms=now_ms,
        **one.model_dump(exclude={"after"}),
    )


_PAIRS: Final = (("lock", "unlock"), ("exclude", "include"))


def undo_of(
    actions: Sequence[events.DispatchAction],
    before: Sequence[events.DispatchAction],
    holders: Mapping[str, str],
    now_ms: int,
) -> list[dict[str, Any]]:
    """Return the actions that take ``actions`` back, in the order in which they are to be sent.

    ``before``: what was said about their subjects until then, the newest first; ``holders``: which truck had which stop. A
    stop that was locked to nobody goes back to the truck that had it, for as long as it was to stay with the other. That a
    driver's skip was overruled cannot be taken back.
    """
    found = []
    for one in reversed(actions):
        pair = next(pair for pair in _PAIRS if one.kind in pair)
        last = next((b for b in before if b.subject_id == one.subject_id and b.kind in pair), None)
        holds = last is not None and last.kind == pair[0] and (last.until_ms is None or last.until_ms > now_ms)
        undone: dict[str, Any] = {"subject_id": one.subject_id, "kind": pair[1]}
        if last is not None and holds:
            undone |= {"kind": pair[0], "truck_id": last.truck_id, "until_ms": last.until_ms, "reason": last.reason}
        elif one.kind == "lock" and holders.get(one.subject_id, one.truck_id) != one.truck_id:
            undone |= {"kind": "lock", "truck_id": holders[one.subject_id], "until_ms": one.until_ms}
        elif one.kind == pair[1]:
            continue  # nothing was to be ended
        found.append(undone)
    return found
