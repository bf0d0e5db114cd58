"""Health is progress: records to read and none committed for a while ends the process.

A thread watches, for a stalled loop cannot watch itself; it starts before recovery, and an error while asking counts as
no progress.
"""

import asyncio
import logging
import threading
from collections import defaultdict
from time import monotonic
from typing import Any, Final

from streams.worker import metrics
from streams.worker.ending import end, leave

logger = logging.getLogger(__name__)

STOP_S: Final = 8.0
"""Asked to stop while it joins its group, Faust waits for ever."""
_EVERY_S: Final = 1.0
_ASK_TIMEOUT_S: Final = 10.0


class Watchdog:
    """Watches one app."""

    def __init__(self, app: Any, *, stall_s: float, session_s: float) -> None:
        self._app = app
        self._stall_s = stall_s
        self._session_s = session_s
        self._alive_s = monotonic()

    def start(self) -> None:
        """Begin to look from a thread of its own."""
        self._alive_s = monotonic()
        threading.Thread(target=self._look, name="watchdog", daemon=True).start()

    async def watch(self) -> None:
        """Report progress every second until the app stops."""
        before: object = ()
        while not self._app.should_stop:
            await asyncio.sleep(_EVERY_S)
            try:
                now = await self._progress()
            except Exception as error:  # noqa: BLE001  # broker away, rebalance under way: no progress, that is all
                logger.warning("progress unknown: %r", error)
                continue
            if now is None or now != before:
                self._alive_s = monotonic()
                metrics.LAST_PROGRESS.set_to_current_time()
            before = now

    async def _progress(self) -> object:
        """None when there is nothing to do, else something that changes whenever work is done."""
        app, consumer = self._app, self._app.consumer
        if not consumer.started or app.rebalancing or app.in_recovery:
            read = sum(offset or 0 for offset in app.tables.recovery.active_offsets.values())
            return "recovery", app.rebalancing_count, read
        partitions = [tp for tp in consumer.assignment() if tp.topic in app.sliced_topics]
        ends = await asyncio.wait_for(consumer.highwaters(*partitions), _ASK_TIMEOUT_S) if partitions else {}
        lag: dict[str, int] = defaultdict(int)
        for tp, end_offset in ends.items():
            lag[tp.topic] += max(0, (end_offset or 0) - consumer.committed(tp))
        for topic, records in lag.items():
            metrics.CONSUMER_LAG.labels(topic).set(records)
        behind = sum(lag.values())
        metrics.COMMIT_AGE.set(monotonic() - consumer.last_commit_s if behind else 0.0)
        return ("lag", sum(consumer.committed(tp) for tp in partitions)) if behind else None

    def _look(self) -> None:
        self._end_on_stall()
        threading.Event().wait(STOP_S)  # the process ends first, if it stops in order
        leave(f"it did not stop in order within {STOP_S:g} s")

    def _end_on_stall(self) -> None:
        last_s = monotonic()
        while not self._app.should_stop:
            threading.Event().wait(_EVERY_S)
            now_s = monotonic()
            if now_s - last_s > self._session_s:
                end("the process was suspended for longer than its session: others have its partitions")
            last_s = now_s
            if now_s - self._alive_s > self._stall_s:
                end(f"no progress for {self._stall_s:g} s")
