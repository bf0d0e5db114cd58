"""Acknowledged means kept: records go to Kafka, and only what every replica has confirmed counts as kept.

One producer in a thread of its own, so that no wait for a broker ever stops the doors. Records of one key keep their
order: they are sent in the order of `Keeper.keep`, by an idempotent producer.
"""

import asyncio
import logging
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from services import bus, metrics
from services.ingest.intake import STAGE, Outgoing
from streams.topics import DEAD_LETTERS, RAW_FRAMES

logger = logging.getLogger(__name__)

WAIT_S: Final = 10.0
"""A job not confirmed within this wall time is reported as not kept (its records may still arrive: at least once)."""
SLOW_S: Final = 2.0
"""While the oldest job waits longer than this, Kafka counts as away."""
DELIVERY_S: Final = 60.0
"""The producer gives a record up after this long."""
MAX_WAITING_BYTES: Final = 32 * 1024 * 1024
"""Held for Kafka, in all; more is refused at once."""
RECORD_OVERHEAD_BYTES: Final = 200
RETRY_S: Final = 1.0
CLOSE_S: Final = 5.0


class NotKept(Exception):  # noqa: N818  # an answer to the sender, not a failure of ours
    """Kafka has not confirmed the records: do not acknowledge them."""


class Refused(NotKept):
    """Kafka answers, but refuses these records for their own sake (or for a neighbour's in the same batch)."""


@dataclass(eq=False)
class _Job:
    records: Sequence[Outgoing]
    done: asyncio.Future[None]
    since_s: float
    wait_s: float
    size: int
    unconfirmed: int
    errors: list[BaseException] = field(default_factory=list)


class Keeper:
    """Sends records and says when they are kept. Lives in one asyncio loop; only `_run` is in the other thread."""

    def __init__(self, connect: Callable[[], bus.Producer]) -> None:
        """``connect`` makes the producer; it may block, and is tried again until it succeeds."""
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._to_send: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._waiting: dict[_Job, None] = {}
        self._bytes = 0
        self._confirmed: deque[tuple[_Job, BaseException | None]] = deque()
        self._wake_planned = threading.Event()
        self._stopping = threading.Event()
        self._failed = False
        self._connected = False
        self._crash: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run_guarded, name="keeper", daemon=True)

    @property
    def away(self) -> bool:
        """Whether Kafka is known not to confirm at the moment."""
        oldest = next(iter(self._waiting), None)
        slow = oldest is not None and time.monotonic() - oldest.since_s > SLOW_S
        return not self._connected or self._failed or slow

    async def run(self) -> None:
        """Work until cancelled; raises what ended the sending thread."""
        self._thread.start()
        try:
            while not self._crash.done():
                self._expire()
                await asyncio.wait([self._crash], timeout=0.25)
            self._crash.result()
        finally:
            self._stopping.set()
            self._to_send.put(None)
            await asyncio.to_thread(self._thread.join, CLOSE_S + 1.0)

    async def keep(self, records: Sequence[Outgoing], *, wait_s: float = WAIT_S) -> None:
        """Return when Kafka has confirmed every record; raises `NotKept` after ``wait_s``, on failure or when full."""
        await self.start(records, wait_s=wait_s)

    def start(self, records: Sequence[Outgoing], *, wait_s: float = WAIT_S) -> asyncio.Future[None]:
        """Begin to keep records, in the order of the calls; the future is done as `keep` says."""
        size = sum(len(record.value) + RECORD_OVERHEAD_BYTES for record in records)
        done: asyncio.Future[None] = self._loop.create_future()
        if self._bytes + size > MAX_WAITING_BYTES:
            done.set_exception(NotKept(f"more than {MAX_WAITING_BYTES} bytes wait for Kafka"))
            return done
        letters = sum(record.topic == DEAD_LETTERS.name for record in records)
        metrics.DEAD_LETTERS.labels(RAW_FRAMES.name, STAGE).inc(letters)
        job = _Job(records, done, time.monotonic(), wait_s, size, len(records))
        self._bytes += size
        self._waiting[job] = None
        self._to_send.put(job)
        return done

    async def settle(self, within_s: float) -> None:
        """Return when nothing waits any more, or after ``within_s``."""
        give_up_s = time.monotonic() + within_s
        while self._waiting and time.monotonic() < give_up_s:
            await asyncio.wait([job.done for job in self._waiting], timeout=give_up_s - time.monotonic())

    # -------------------------------------------------------------------------- in the loop

    def _expire(self) -> None:
        now_s = time.monotonic()
        late = [job for job in self._waiting if now_s - job.since_s > job.wait_s]
        for job in late:
            self._finish(job, NotKept(f"Kafka has not confirmed within {job.wait_s:.0f} s"))

    def _finish(self, job: _Job, error: NotKept | None) -> None:
        """Tell the caller once; what is still in the producer goes on counting in `_bytes`."""
        if job not in self._waiting:  # it was told before
            return
        del self._waiting[job]
        self._failed = error is not None and not isinstance(error, Refused)
        if job.done.done():
            return
        if error is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(error)

    def _take_confirmations(self) -> None:
        self._wake_planned.clear()
        while self._confirmed:
            job, error = self._confirmed.popleft()
            job.unconfirmed -= 1
            if error is not None:
                job.errors.append(error)
            if job.unconfirmed == 0:
                self._bytes -= job.size
                self._finish(job, _verdict(job.errors))

    # -------------------------------------------------------------------------- in the thread

    def _run_guarded(self) -> None:
        try:
            self._run()
        except BaseException as error:  # noqa: BLE001  # handed to the loop, where it ends the process
            self._in_loop(self._crashed, error)

    def _run(self) -> None:
        producer = self._connected_producer()
        if producer is None:
            return
        self._connected = True
        try:
            while (job := self._to_send.get()) is not None:
                for record in job.records:
                    sent = producer.send(record.topic, record.key, record.value, record.headers)
                    sent.add_done_callback(lambda done, job=job: self._confirm(job, done))  # type: ignore[misc]
        finally:
            producer.close(CLOSE_S)

    def _connected_producer(self) -> bus.Producer | None:
        while not self._stopping.is_set():
            try:
                return self._connect()
            except bus.BusError as error:
                logger.warning("Kafka does not answer, trying again", extra={"error": repr(error)})
                self._stopping.wait(RETRY_S)
        return None

    def _confirm(self, job: _Job, sent: "Future[bus.Partition]") -> None:
        """Note one confirmation; many are handed to the loop by one wake-up."""
        self._confirmed.append((job, sent.exception()))
        if not self._wake_planned.is_set():
            self._wake_planned.set()
            self._in_loop(self._take_confirmations)

    def _crashed(self, error: BaseException) -> None:
        if not self._crash.done():
            self._crash.set_exception(error)

    def _in_loop(self, call: Callable[..., None], *values: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *values)
        except RuntimeError:
            if not self._loop.is_closed():
                raise


def _verdict(errors: Sequence[BaseException]) -> NotKept | None:
    """Return what became of a job whose records are all answered for."""
    if not errors:
        return None
    kind = Refused if all(isinstance(error, bus.RecordRefused) for error in errors) else NotKept
    return kind(f"Kafka refused: {errors[0]!r}")
