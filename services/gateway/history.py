"""Any moment that is over: what live showed then, what changed from there on, and the moments worth looking at.

The answers have the shapes of the live stream, so a page shows the past with what it shows the present with.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query

from services import clock
from services.gateway import past
from services.gateway.access import Asker, GuardedRoute, Me, action
from services.gateway.answers import Json
from services.gateway.fields import Ms, Text
from services.gateway.live_state import Town
from services.gateway.problems import Problem
from services.gateway.state import Parts, State
from services.gateway.trucks import see_truck
from services.store import history
from services.store.history import MOMENT_KINDS, MomentKind
from streams.units import DAY_MS, MINUTE_MS, SECOND_MS

router = APIRouter(prefix="/api/v1/history", tags=["history"], route_class=GuardedRoute)

MAX_STEPS: Final = 300
"""Of one answer: a minute of a page that draws five pictures a second."""
MAX_STEP_MS: Final = 10 * MINUTE_MS
MAX_READ_MS: Final = 120 * MINUTE_MS
"""What came in so long is held at once: 1.4 million fixes of a city with 1,000 trucks, thinned to one a truck and step."""
MAX_EVENTS_SPAN_MS: Final = 2 * DAY_MS
AT_ONCE: Final = 2
"""Pasts that are put together at once: live goes first."""
WAIT_S: Final = 1.0

_turns: Final = threading.BoundedSemaphore(AT_ONCE)


@router.get("")
@action("history.read")
def state(me: Me, parts: Parts, at_ms: Ms) -> Json:
    """Return what the live snapshot showed at ``at_ms``; ``kept`` says what is left of that day's fixes."""
    _see_no_future(at_ms)
    with _turn():
        town = _town(parts, me, at_ms, at_ms)
        shown = town.everything(me.scope)
    said = {"now_ms": at_ms, "rate": parts.hub.rate, **shown, "stale_since_ms": None}
    return Json({**said, "kept": _kept(parts, at_ms)})


@router.get("/changes")
@action("history.read")
def changes(
    me: Me,
    parts: Parts,
    from_ms: Ms,
    to_ms: Ms,
    step_ms: Annotated[int, Query(ge=SECOND_MS, le=MAX_STEP_MS, description="one delta for so much")] = SECOND_MS,
) -> Json:
    """Return what changed in (from, to] as ``deltas`` of the live stream, one a step that changed something.

    ``next``: where to go on, if it was too much for one answer; else null.
    """
    if not 0 < to_ms - from_ms <= MAX_STEPS * step_ms:
        detail = (
            f"to_ms - from_ms is {to_ms - from_ms}, expected 1 to {MAX_STEPS * step_ms} ({MAX_STEPS} steps of step_ms)"
        )
        raise Problem(400, "too_many_steps", detail)
    _see_no_future(to_ms)
    until_ms = min(to_ms, from_ms + max(MAX_READ_MS // step_ms, 1) * step_ms)
    with _turn():
        town = _town(parts, me, from_ms, until_ms)
        came = history.arrivals(parts.engine, me.user.tenant_id, from_ms, until_ms, step_ms)
        told = past.film(town, came, me.scope, from_ms, until_ms, step_ms)
    return Json(
        {
            "from_ms": from_ms,
            "to_ms": told.to_ms,
            "deltas": [{**frame._asdict(), "stale_since_ms": None} for frame in told.frames],
            "next": told.to_ms if told.to_ms < to_ms else None,
            "kept": _kept(parts, from_ms),
        }
    )


@router.get("/events")
@action("history.read")
def moments(  # noqa: PLR0917  # a route's parameters are its query
    me: Me,
    parts: Parts,
    from_ms: Ms,
    to_ms: Ms,
    what: Annotated[list[MomentKind] | None, Query(description="default: all")] = None,
    truck_id: Annotated[Text | None, Query()] = None,
    newest_first: bool = False,
    limit: Annotated[int, Query(ge=1, le=2_000)] = 500,
) -> Json:
    """Return moments in [from, to): alerts raised, plans made, drivers' reports, in order of time or the newest first.

    ``more``: whether there are more than ``limit``.
    """
    if not 0 <= to_ms - from_ms <= MAX_EVENTS_SPAN_MS:
        detail = f"to_ms - from_ms is {to_ms - from_ms}, expected 0 to {MAX_EVENTS_SPAN_MS} (two days)"
        raise Problem(400, "span", detail)
    if truck_id is not None:
        see_truck(me, parts.engine, truck_id)
    own = me.scope.truck_id
    kinds = [kind for kind in MOMENT_KINDS if (what is None or kind in what) and (own is None or kind != "alert")]
    found = history.moments(
        parts.engine,
        me.user.tenant_id,
        from_ms,
        to_ms,
        kinds=kinds,
        district_id=me.scope.district_id,
        truck_id=truck_id if own is None else own,
        newest_first=newest_first,
        limit=limit + 1,
    )
    return Json({"events": [one._asdict() for one in found[:limit]], "more": len(found) > limit})


def _town(parts: State, me: Asker, at_ms: int, to_ms: int) -> Town:
    tenant_id = me.user.tenant_id
    known = history.picture(parts.engine, tenant_id, at_ms, to_ms)
    return past.at(parts.hub.empty_town(tenant_id), known, tenant_id, at_ms)


def _kept(parts: State, at_ms: int) -> dict[str, Any]:
    return history.kept(parts.engine, at_ms)._asdict()


def _see_no_future(at_ms: int) -> None:
    now_ms = clock.city_now_ms()
    if at_ms > now_ms:
        raise Problem(400, "future", f"the moment is {at_ms}, expected one that is over: before {now_ms} (now)")


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(timeout=WAIT_S):
        detail = f"{AT_ONCE} others look at the past now. Try again in a moment."
        raise Problem(503, "past_busy", detail, headers={"Retry-After": "1"})
    try:
        yield
    finally:
        _turns.release()
