"""Citizens' reports as the city's staff see them: the list, a photo, and the steps they take."""

from typing import Annotated, Any, Final, Literal, cast

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from services import clock
from services.gateway.access import GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Note, Text
from services.gateway.photo import without_metadata
from services.gateway.problems import Problem, not_found
from services.gateway.report_steps import NEXT, OVER, STATES, Kind, State, due_ms, needs_reason
from services.gateway.state import Parts
from services.store import reports as stored
from services.store.reports import Before, Report, Step, StepTakenError

router = APIRouter(prefix="/api/v1", tags=["reports"], route_class=GuardedRoute)

Id = Annotated[Text, Path()]
_OPEN: Final = tuple(state for state in STATES if state not in OVER)
_NOBODY_KEEPS: Final = {"Cache-Control": "no-store", "Content-Disposition": "inline"}


class StepBody(BaseModel):
    """The next step of a report. ``seen``: how many steps the speaker saw: two people do not take one over the other."""

    model_config = ConfigDict(extra="forbid")
    report_id: Text
    state: Literal["filed", "dispatched", "handled", "verified", "closed", "declined"]
    seen: Annotated[int, Field(ge=0, le=10_000)]
    reason: Note | None = None


@router.get("/reports")
@action("reports.read")
def listed(
    me: Me,
    parts: Parts,
    state: Annotated[Literal["open", "all"] | State, Query()] = "open",
    limit: Annotated[int, Query(ge=1, le=500)] = 200,
    before: Annotated[str | None, Query(max_length=240, description="``next`` of the page before")] = None,
) -> Json:
    """Return reports, newest first; ``next`` is the cursor of the following page, null at the end."""
    states = {"open": _OPEN, "all": None}.get(state, (state,))
    found = stored.listed(parts.engine, me.user.tenant_id, me.scope.district_id, states, _cursor(before), limit)
    last = found[-1][0] if len(found) == limit else None
    return Json(
        {
            "reports": [_shown(report, steps) for report, steps in found],
            "next": f"{last.at_ms}.{last.report_id}" if last else None,
        }
    )


@router.get("/reports/{report_id}")
@action("reports.read")
def one(report_id: Id, me: Me, parts: Parts) -> Json:
    """Return one report."""
    found = stored.by_id(parts.engine, me.user.tenant_id, me.scope.district_id, report_id)
    if found is None:
        raise not_found()
    return Json(_shown(*found))


@router.get("/reports/{report_id}/photo")
@action("reports.read")
def photo(report_id: Id, me: Me, parts: Parts) -> Response:
    """Return a report's photo, without what the camera wrote into it: place, time, names."""
    found = stored.picture_of(parts.engine, me.user.tenant_id, me.scope.district_id, report_id)
    if found is None:
        raise not_found()
    return Response(without_metadata(found.content), media_type=found.media_type, headers=_NOBODY_KEEPS)


@router.put("/report-steps/{step_id}", status_code=202)
@action("reports.act")
def step(step_id: Id, body: StepBody, me: Me, parts: Parts) -> Json:
    """Bring a report into its next state. The same again is the same; 409: it has moved on meanwhile."""
    if stored.by_id(parts.engine, me.user.tenant_id, me.scope.district_id, body.report_id) is None:
        raise not_found()
    reason = (body.reason or "").strip() or None

    def make(report: Report, steps: list[Step]) -> Step:
        now_ms, standing = clock.city_now_ms(), cast("State", steps[-1].state) if steps else "received"
        if body.seen != len(steps):
            raise Problem(409, "different_body", f"The report has {len(steps)} steps, you saw {body.seen}.")
        _check(standing, body.state, reason)
        due = due_ms(cast("Kind", report.kind), body.state, now_ms)
        return Step(
            step_id=step_id,
            number=len(steps) + 1,
            state=body.state,
            actor=me.user.login,
            reason=reason,
            at_ms=now_ms,
            due_ms=due,
        )

    try:
        taken = stored.add_step(parts.engine, me.user.tenant_id, body.report_id, step_id, make)
    except StepTakenError as error:
        raise Problem(409, "different_body", str(error)) from error
    if (taken.state, taken.reason) != (body.state, reason):
        raise Problem(409, "different_body", f"The step {step_id!r} with another content is there already.")
    return Json(vars(taken), 202)


def _check(standing: State, wanted: State, reason: str | None) -> None:
    if wanted not in NEXT[standing]:
        after = ", ".join(NEXT[standing]) or "nothing"
        detail = f"state is {wanted!r}, expected one that follows {standing!r}: {after}"
        raise Problem(422, "not_usable", detail, errors=[{"pointer": "/state", "detail": f"expected {after}"}])
    if needs_reason(standing, wanted) and reason is None:
        detail = f"from {standing} to {wanted} needs a reason: reason is missing"
        raise Problem(422, "not_usable", detail, errors=[{"pointer": "/reason", "detail": "expected why"}])


def _shown(report: Report, steps: list[Step]) -> dict[str, Any]:
    state = cast("State", steps[-1].state) if steps else "received"
    return {
        **vars(report),
        "state": state,
        "since_ms": steps[-1].at_ms if steps else report.at_ms,
        "next_due_ms": steps[-1].due_ms if steps else report.due_ms,
        "next_states": NEXT[state],
        "steps": [vars(one) for one in steps],
    }


def _cursor(text: str | None) -> Before | None:
    if text is None:
        return None
    at, _, report_id = text.partition(".")
    if not at.isascii() or not at.isdigit():
        raise Problem(400, "cursor", "before is not a cursor: take ``next`` of the page before")
    return Before(int(at), report_id)
