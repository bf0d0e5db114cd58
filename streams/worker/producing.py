"""A Faust producer that never forgets a send: all are confirmed by the broker before the next commit, or the process ends.

Faust's own flush before a commit gives up after 0.1 s; a slow broker and a crash then lose what was committed past.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.transport.producer import ProducerBuffer

from streams.worker import metrics, restoring
from streams.worker.ending import end
from streams.worker.folding import Output


class Buffer(ProducerBuffer):  # type: ignore[misc]  # Faust is untyped here
    """Faust's queue of unsent table writes, which also knows about the one just being sent."""

    sending = False

    async def _send_pending(self, fut: Any) -> None:
        self.sending = True
        try:
            await super()._send_pending(fut)
        finally:
            self.sending = False


class Producer(driver.Producer):  # type: ignore[misc]
    """The producer of the worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.buffer = Buffer(loop=self.loop, beacon=self.beacon)
        self.buffer.app = self.app

    async def send(self, *args: Any, **kwargs: Any) -> Any:
        """Send for Faust (table writes); the future is watched."""
        future = await super().send(*args, **kwargs)
        future.add_done_callback(self._sent)
        return future

    async def send_all(self, outputs: Iterable[Output]) -> None:
        """Queue records; the next commit waits until the broker has them.

        Waiting here instead would add one delivery time per partition to the latency of every round. No timestamp is
        given: a device's time must never be the record's.
        """
        send = self._ensure_producer().send
        for output in outputs:
            future = await send(output.topic, output.value, key=output.key, headers=output.headers)
            future.add_done_callback(self._sent)

    def _sent(self, future: Any) -> None:
        if future.cancelled() or future.exception() is not None:
            metrics.SEND_ERRORS.inc()
            end(f"send failed: {'cancelled' if future.cancelled() else repr(future.exception())}")
        done = future.result()
        offsets = self.app.tables.recovery.active_offsets
        if offsets.get(done.topic_partition) is not None:  # our own writes need no replay after a rebalance
            seen = offsets[done.topic_partition]
            offsets[done.topic_partition] = restoring.seen_with_own(seen, done.offset)

    async def flush(self) -> None:
        """Wait until the broker has confirmed everything; ends the process after the flush time-out."""
        try:
            async with asyncio.timeout(self.app.flush_s):
                while self.buffer.size or self.buffer.sending:  # noqa: ASYNC110  # Faust's queue has no event to wait for
                    await asyncio.sleep(0.001)
                if self._producer is not None:
                    await self._producer.flush()
        except TimeoutError:
            end(f"the broker did not confirm everything within {self.app.flush_s:g} s")
