"""One client's stream: what it gets, and when it is sent away."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from services.gateway import live
from services.gateway import ring as rings
from services.gateway.access import Asker, Identities
from services.gateway.hub import Hub
from services.gateway.live import EventStream, pieces
from services.store.access import User
from streams import events

USER = User(user_id="u", tenant_id="porto", district_id=None, login="d", name="d", role="dispatcher")
ME = Asker(USER, "tenant", "token")


class Known:
    """Knows one token, until it is forgotten."""

    def __init__(self) -> None:
        self.user: User | None = USER

    async def user_of(self, _token: str) -> User | None:
        """Return the user, while known."""
        return self.user


def hub() -> Hub:
    return Hub(lambda _tenant: lambda now_ms: now_ms)


def fix(number: int) -> events.TruckState:
    return events.TruckState(tenant_id="porto", truck_id="t1", event_time_ms=number, lon=1.0, lat=1.0)


async def take(stream: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await asyncio.wait_for(anext(stream), 5) for _ in range(count)]


def test_a_client_that_fell_behind_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it did not read, more happened than is kept: its stream ends, and it comes back for a snapshot."""
    monkeypatch.setattr(rings, "MAX_BATCHES", 2)

    async def run() -> list[bytes]:
        made = hub()
        stream = pieces(made, cast("Identities", Known()), ME, None)
        await take(stream, 1)
        for number in range(5):
            made.take([fix(number)], number)
            made.tenant("porto").publish(number, None)
        return [piece async for piece in stream]

    assert asyncio.run(run()) == []


def test_a_batch_that_shows_a_client_nothing_is_not_sent() -> None:
    """A driver of another truck gets no empty delta, but a change of staleness reaches everybody."""

    async def run() -> list[bytes]:
        made = hub()
        driver = Asker(User(**(vars(USER) | {"role": "driver", "truck_id": "t9"})), "own", "token")
        stream = pieces(made, cast("Identities", Known()), driver, None)
        await take(stream, 1)
        made.take([fix(1)], 1)
        made.tenant("porto").publish(1, None)
        made.take_health(77, None)
        return await take(stream, 1)

    (piece,) = asyncio.run(run())
    assert b'"changes":[]' in piece
    assert b'"stale_since_ms":77' in piece


def test_a_session_that_ended_ends_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """The authority is asked again while the stream runs."""
    monkeypatch.setattr(live, "RECHECK_S", -1.0)

    async def run() -> list[bytes]:
        made, known = hub(), Known()
        stream = pieces(made, cast("Identities", known), ME, None)
        await take(stream, 1)
        known.user = None
        made.take([fix(1)], 1)
        made.tenant("porto").publish(1, None)
        return [piece async for piece in stream]

    assert asyncio.run(run()) == []


def test_a_client_that_takes_nothing_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    """A send that does not come back ends the response; nothing is kept for that client."""
    monkeypatch.setattr(live, "SLOW_S", 0.05)
    sent: list[Any] = []

    async def never() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message["type"])
        if message["type"] == "http.response.body":
            await asyncio.Event().wait()

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b"x"

    async def run() -> None:
        await asyncio.wait_for(EventStream(endless())({"type": "http"}, never, send), 5)

    asyncio.run(run())
    assert sent == ["http.response.start", "http.response.body"]
