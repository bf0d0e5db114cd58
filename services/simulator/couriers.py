"""Messages over HTTP that must arrive: one queue a sender, in order, tried again with back-off until taken or refused."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Final, Literal

import httpx

from services import metrics

logger = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 15.0
KEEPS: Final = 2_000
"""Messages one sender holds while nobody takes them; then the oldest are lost, counted."""

Verdict = Literal["taken", "later", "refused"]


def verdict(answer: httpx.Response) -> Verdict:
    """Read an answer: taken, to be sent again (the other side is away or busy), or never to be taken."""
    if answer.is_success:
        return "taken"
    later = answer.status_code >= 500 or answer.status_code in (401, 408, 425, 429)
    return "later" if later else "refused"


class Courier[Message]:
    """Sends the messages of many senders; each sender's in its order. ``send`` raises httpx errors or answers.

    ``on_taken`` is called with the sender and each message that was taken.
    """

    def __init__(
        self,
        protocol: str,
        send: Callable[[str, Message], Awaitable[httpx.Response]],
        on_taken: Callable[[str, Message], None] = lambda _, __: None,
    ) -> None:
        self._protocol, self._send, self._on_taken = protocol, send, on_taken
        self._queues: dict[str, deque[Message]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def add(self, sender: str, message: Message) -> None:
        """Queue a message; call within the event loop."""
        queue = self._queues.setdefault(sender, deque())
        queue.append(message)
        if len(queue) > KEEPS:
            queue.popleft()
            metrics.SIMULATED.labels(self._protocol, "lost").inc()
        if sender not in self._tasks or self._tasks[sender].done():
            self._tasks[sender] = asyncio.create_task(self._deliver(sender, queue))

    def restore(self, waiting: Mapping[str, Iterable[Message]]) -> None:
        """Queue what was waiting when the play was stopped."""
        for sender, messages in waiting.items():
            for message in messages:
                self.add(sender, message)

    def waiting(self) -> dict[str, list[Message]]:
        """Return what is not yet taken, by sender."""
        return {sender: list(queue) for sender, queue in self._queues.items() if queue}

    def stop(self) -> None:
        """Stop sending; what waits stays in `waiting`."""
        for task in self._tasks.values():
            task.cancel()

    async def _deliver(self, sender: str, queue: deque[Message]) -> None:
        wait_s = FIRST_WAIT_S
        while queue:
            said = await self._once(sender, queue[0])
            metrics.SIMULATED.labels(self._protocol, said).inc()
            if said == "later":
                await asyncio.sleep(wait_s)
                wait_s = min(LONGEST_WAIT_S, wait_s * 2)
            else:
                if said == "taken":
                    self._on_taken(sender, queue[0])
                queue.popleft()
                wait_s = FIRST_WAIT_S

    async def _once(self, sender: str, message: Message) -> Verdict:
        try:
            answer = await self._send(sender, message)
        except httpx.TransportError:
            return "later"
        said = verdict(answer)
        if said == "refused" or answer.status_code == 401:
            logger.warning(
                "a message is not taken",
                extra={
                    "protocol": self._protocol,
                    "sender": sender,
                    "status": answer.status_code,
                    "answer": answer.text[:300],
                },
            )
        return said
