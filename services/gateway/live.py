"""GET /api/v1/live: everything a page shows, as one stream of events: a snapshot, then what changes.

Ids are ``<epoch>-<number>``. A client that was away comes back with ``Last-Event-ID`` (or ``?since=``) and gets what it
missed, if the ring still has it, else a new snapshot. A client that does not read is dropped: nothing is kept for it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

import msgspec
from fastapi import APIRouter, Header, Query
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from services import metrics
from services.gateway.access import Asker, GuardedRoute, Identities, Me, action
from services.gateway.hub import Hub
from services.gateway.problems import Problem
from services.gateway.ring import Batch, Ring
from services.gateway.state import Parts

logger = logging.getLogger(__name__)
router = APIRouter(prefix="/api/v1/live", tags=["live"], route_class=GuardedRoute)

HEARTBEAT_S: Final = 15.0
RECHECK_S: Final = 5.0
"""A session that ended closes its stream within this."""
SLOW_S: Final = 30.0
"""A client that takes nothing for so long is dropped."""
MAX_STREAMS: Final = 500


class EventStream(Response):
    """A response that sends pieces as they come, each within `SLOW_S`, until the client goes."""

    media_type = "text/event-stream"

    def __init__(self, pieces: AsyncIterator[bytes], status_code: int = 200) -> None:
        super().__init__(status_code=status_code)
        del self.headers["content-length"]
        self.headers["Cache-Control"] = "no-store"
        self.headers["X-Accel-Buffering"] = "no"
        self._pieces = pieces

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI
        """Send; two tasks: one writes, one notices that the client is gone."""
        writing = asyncio.create_task(self._write(send))
        leaving = asyncio.create_task(_left(receive))
        metrics.STREAMS.inc()
        try:
            await asyncio.wait((writing, leaving), return_when=asyncio.FIRST_COMPLETED)
        finally:
            metrics.STREAMS.dec()
            for task in (writing, leaving):
                task.cancel()
            outcome = await asyncio.gather(writing, leaving, return_exceptions=True)
        failure = outcome[0]
        if isinstance(failure, Exception) and not isinstance(failure, OSError | TimeoutError):
            raise failure

    async def _write(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        async for piece in self._pieces:
            async with asyncio.timeout(SLOW_S):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


@router.get("", response_class=EventStream)
@action("live.follow")
async def follow(
    me: Me,
    parts: Parts,
    last_event_id: Annotated[str | None, Header()] = None,
    since: Annotated[str | None, Query(max_length=100)] = None,
    user: Annotated[str | None, Query(max_length=200, description="whose page it is: for nobody else")] = None,
) -> EventStream:
    """Follow the live state: ``event: snapshot``, then ``event: delta``; comments are heartbeats.

    A page says whose it is: when somebody else has logged in meanwhile in the same browser, it must not go on with theirs.
    """
    if user is not None and user != me.user.user_id:
        raise Problem(401, "not_logged_in", "This page is of another session: log in again.")
    parts.require_live()
    if metrics.STREAMS._value.get() >= MAX_STREAMS:  # noqa: SLF001  # the gauge is the count
        raise Problem(503, "too_many_streams", "Too many pages are open.", headers={"Retry-After": "10"})
    after = parts.hub.tenant(me.user.tenant_id).ring.number_of(last_event_id or since)
    return EventStream(pieces(parts.hub, parts.identities, me, after))


async def pieces(hub: Hub, identities: Identities, me: Asker, after: int | None) -> AsyncIterator[bytes]:
    """Yield the stream's events for one client.

    ``after``: the number of the last batch it has; None = it needs a snapshot.
    """
    tenant, loop = hub.tenant(me.user.tenant_id), asyncio.get_running_loop()
    ring = tenant.ring
    if after is None:
        after = ring.newest
        yield _event("snapshot", ring.id_of(after), msgspec.json.encode(hub.snapshot(me.user.tenant_id, me.scope)))
    else:
        yield b": resumed\n\n"
    heard_s = checked_s = loop.time()
    while not hub.closing:
        batches = ring.after(after)
        if batches is None:
            logger.info("a page fell behind and begins again", extra={"user_id": me.user.user_id})
            return
        piece = b"".join(_delta(ring, hub.rate, batch, me) for batch in batches)
        after = ring.newest if batches else after
        if loop.time() - checked_s > RECHECK_S:
            checked_s = loop.time()
            if not await _still_there(identities, me):
                return
        if piece:
            heard_s = loop.time()
            yield piece
        elif loop.time() - heard_s > HEARTBEAT_S:
            heard_s = loop.time()
            yield b": alive\n\n"
        else:
            await tenant.news(1.0)


async def _still_there(identities: Identities, me: Asker) -> bool:
    """Whether the session lives and is the same; while nobody can know, it goes on."""
    try:
        return await identities.user_of(me.token) == me.user
    except Problem:
        return True


def _delta(ring: Ring, rate: float, batch: Batch, me: Asker) -> bytes:
    """Return a batch as this client may see it; nothing, if it holds nothing for it."""
    scope = me.scope
    seen = [written for written in batch.changes if scope.sees(written.change)]
    if batch.changes and not seen:
        return b""
    body: dict[str, Any] = {
        "now_ms": batch.now_ms,
        "rate": rate,
        "changes": [{"kind": w.change.kind, "id": w.change.id, "value": msgspec.Raw(w.json)} for w in seen],
        "stale_since_ms": batch.stale_since_ms,
    }
    return _event("delta", ring.id_of(batch.number), msgspec.json.encode(body))


def _event(name: str, event_id: str, data: bytes) -> bytes:
    return b"event: %s\nid: %s\ndata: %s\n\n" % (name.encode(), event_id.encode(), data)
