"""A broker whose confirmations the test gives, and a keeper on it."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from services import bus
from services.ingest.keep import Keeper


@dataclass
class Broker:
    """A producer whose confirmations the test gives, from another thread as the real one does."""

    sent: list[tuple[bytes, "Future[bus.Partition]"]] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    broken: bool = False

    def send(self, _topic: str, _key: bytes, value: bytes, _headers: Any) -> "Future[bus.Partition]":
        """Take a record."""
        if self.broken:
            raise RuntimeError("a mistake of ours")
        with self.arrived:
            self.sent.append((value, Future()))
            self.arrived.notify_all()
        return self.sent[-1][1]

    def close(self, _timeout_s: float) -> None:
        """Disconnect."""

    async def has(self, count: int) -> None:
        """Wait until so many records have come."""

        def wait() -> None:
            with self.arrived:
                assert self.arrived.wait_for(lambda: len(self.sent) >= count, 5)

        await asyncio.to_thread(wait)

    def confirm(self, number: int, error: Exception | None = None) -> None:
        """Confirm or refuse one record."""
        done = self.sent[number][1]
        call = (lambda: done.set_result(("t", 0))) if error is None else (lambda: done.set_exception(error))
        thread = threading.Thread(target=call)
        thread.start()
        thread.join()


@contextlib.asynccontextmanager
async def running(broker: Broker) -> AsyncIterator[Keeper]:
    """Run a keeper on a broker."""
    keeper = Keeper(lambda: broker)  # type: ignore[arg-type, return-value]
    task = asyncio.create_task(keeper.run())
    try:
        yield keeper
    finally:
        task.cancel()
        await asyncio.wait([task])
