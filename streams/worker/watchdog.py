"""Health is progress: records to read and none committed for a while ends the process.

So does a single partition that stands, if it takes much longer: others, and ticks, may go on all the while, and in a backlog
one waits for the others' turn. A thread watches, for a stalled loop cannot watch
itself; it starts before anything is read, and an error while asking counts as no progress.
"""

import asyncio
import logging
import threading
from collections.abc import Hashable
from time import monotonic
from typing import Any, Final

from streams.topics import TICKS
from streams.worker import metrics
from streams.worker.ending import end, leave
from streams.worker.standing import Standing

logger = logging.getLogger(__name__)

STOP_S: Final = 8.0
"""Asked to stop while it joins its group, Faust waits for ever."""
_EVERY_S: Final = 1.0
_ONE_FACTOR: Final = 5
"""A single partition may stand so many times as long as all of them together."""
_ASK_TIMEOUT_S: Final = 10.0


class Watchdog:
    """Watches one app."""

    def __init__(self, app: Any, *, stall_s: float, session_s: float) -> None:
        self._app = app
        self._stall_s = stall_s
        self._session_s = session_s
        self._standing = Standing()

    def start(self) -> None:
        """Begin to look from a thread of its own."""
        threading.Thread(target=self._look, name="watchdog", daemon=True).start()

    async def watch(self) -> None:
        """Report progress every second until the app stops."""
        while not self._app.should_stop:
            await asyncio.sleep(_EVERY_S)
            try:
                behind = await self._behind()
            except Exception as error:  # noqa: BLE001  # broker away, rebalance under way: no progress, that is all
                logger.warning("progress unknown: %r", error)
                continue
            now_s = monotonic()
            self._standing.note(behind, now_s)
            if self._standing.all_s == now_s:
                metrics.LAST_PROGRESS.set_to_current_time()

    async def _behind(self) -> dict[Hashable, int]:
        """Return where there is something to do, each with a number that grows whenever some of it is done."""
        app, consumer = self._app, self._app.consumer
        if not consumer.started or app.rebalancing or app.in_recovery:
            read = sum(offset or 0 for offset in app.tables.recovery.active_offsets.values())
            return {("restoring", app.rebalancing_count): read + app.reader.read}
        partitions = [tp for tp in consumer.assignment() if tp.topic in app.sliced_topics]
        ends = await asyncio.wait_for(consumer.highwaters(*partitions), _ASK_TIMEOUT_S) if partitions else {}
        lag: dict[str, int] = dict.fromkeys(app.sliced_topics, 0)
        behind, ticks = dict[Hashable, int](), dict[Hashable, int]()
        for tp, end_offset in ends.items():
            done = consumer.done(tp)
            lag[tp.topic] += max(0, (end_offset or 0) - done)
            if (end_offset or 0) > done:
                (ticks if tp.topic == TICKS.name else behind)[tp] = done
        for topic, records in lag.items():
            metrics.CONSUMER_LAG.labels(topic).set(records)
        metrics.COMMIT_AGE.set(monotonic() - consumer.last_commit_s if behind or ticks else 0.0)
        return behind or ticks  # ticks come last: they wait while there is anything else

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
            standing = self._standing
            if now_s - standing.all_s > self._stall_s:
                end(f"no progress for {self._stall_s:g} s")
            if now_s - standing.one_s > _ONE_FACTOR * self._stall_s:
                end(f"no progress of {standing.where} for {_ONE_FACTOR * self._stall_s:g} s, others go on")
