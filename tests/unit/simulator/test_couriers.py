"""What must arrive arrives, in each sender's order, whatever the other side answers meanwhile."""

import asyncio
from collections import deque

import httpx
import pytest

from services.simulator import couriers
from services.simulator.couriers import Courier, verdict


@pytest.mark.parametrize(
    ("status", "said"),
    [(200, "taken"), (202, "taken"), (503, "later"), (500, "later"), (429, "later"), (401, "later"), (409, "refused"), (422, "refused")],
)  # fmt: skip
def test_what_an_answer_means(status: int, said: str) -> None:
    """The other side being away is no reason to give up; being told no is."""
    assert verdict(httpx.Response(status)) == said


def test_order_is_kept_through_refusals_and_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender's messages arrive in their order, each until it is taken or refused; another sender does not wait."""
    monkeypatch.setattr(couriers, "FIRST_WAIT_S", 0.001)
    answers = {"a": deque([503, 200, 422, 200]), "b": deque([200])}
    arrived: list[tuple[str, int, int]] = []
    last = asyncio.Event()

    async def send(sender: str, message: int) -> httpx.Response:
        status = answers[sender].popleft()
        arrived.append((sender, message, status))
        if (sender, message) == ("a", 3):
            last.set()
        if len(arrived) == 1:
            raise httpx.ConnectError("nobody there")
        return httpx.Response(status)

    async def play() -> None:
        courier: Courier[int] = Courier("driver", send)
        answers["a"].appendleft(0)  # the first try finds nobody
        for message in (1, 2, 3):
            courier.add("a", message)
        courier.add("b", 9)
        async with asyncio.timeout(10):
            await last.wait()
        await asyncio.sleep(0)
        assert courier.waiting() == {}

    asyncio.run(play())
    assert [(message, status) for sender, message, status in arrived if sender == "a"] == [
        (1, 0), (1, 503), (1, 200), (2, 422), (3, 200)
    ]  # fmt: skip
    assert ("b", 9, 200) in arrived


def test_what_waits_can_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopped while the other side is away, everything is still there to be kept and restored."""
    monkeypatch.setattr(couriers, "FIRST_WAIT_S", 60.0)

    async def away(sender: str, message: int) -> httpx.Response:
        raise httpx.ConnectError(f"{sender} {message}")

    async def play() -> dict[str, list[int]]:
        courier: Courier[int] = Courier("driver", away)
        courier.restore({"a": [1, 2], "b": [3]})
        await asyncio.sleep(0)
        courier.stop()
        await asyncio.sleep(0)
        return courier.waiting()

    assert asyncio.run(play()) == {"a": [1, 2], "b": [3]}
