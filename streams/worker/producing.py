"""A Faust producer that never forgets a send: all are confirmed by the broker before the next commit, or the process ends.

Faust's own flush before a commit gives up after 0.1 s; a slow broker and a crash then lose what was committed past. Its
tables send each key for itself, through a queue of their own; here a slice's states are one batch of the changelog.

What is said leaves when the states it follows from are kept, and in the order it was said: a successor may read the same
topics in another order, and must find the state that spoke. Nobody waits for that: slices go on meanwhile. Where the
broker put a state tells whether anybody else wrote there (`restoring`): then the process ends, before it speaks of a state
that counts for nobody. A batch sent again after a lost answer must not look like that, so the broker is told which are
repeats (an idempotent producer). Behind the states it is said which older ones may go.

A slice's states may have been taken out by a commit before the slice had its turn. Then what it said waits for the last batch
that was queued for their changelog: its own have come before or with it.

Queueing may have to wait for the broker (aiokafka keeps one batch of a partition waiting). So whoever writes states takes
them out under one lock, in turn, and a flush takes its turn too: no state is ever neither unsaved nor queued where a
commit could pass it, and no older state of a truck is queued after a newer one.
"""

import asyncio
import secrets
import traceback
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, NamedTuple

from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.worker import metrics, restoring
from streams.worker.ending import end
from streams.worker.folding import Output
from streams.worker.restoring import Line
from streams.worker.unsaved import Encoded

MANY: Final = 1_000
"""Records of which it is said at a time that they may go, or twice as many as states are written: a restart may find many."""
MOST_WAITING: Final = 64
"""Slices whose outputs wait for their states, before the next slice has to wait as well."""


class _Said(NamedTuple):
    """Outputs of a slice, and the batch that keeps their states; or, with ``reached``, a mark that all before it was sent."""

    kept: Awaitable[Any] | None
    outputs: Sequence[Output]
    reached: asyncio.Event | None = None


class _Batch:
    """A batch of the changelog that is to stand from offset ``first`` on."""

    def __init__(self, builder: Any, first: int) -> None:
        self.builder = builder
        self.first = first
        self.count = 0
        self.states: list[bytes] = []
        """Keys of the records with a state."""

    def append(self, key: bytes, value: bytes | None) -> bool:
        """Add a record; False if there is no room for it."""
        if self.builder.append(key=key, value=value, timestamp=None) is None:
            return False
        self.count += 1
        if value is not None:
            self.states.append(key)
        return True


class Producer(driver.Producer):  # type: ignore[misc]  # Faust is untyped here
    """The producer of the worker."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._said: asyncio.Queue[_Said] = asyncio.Queue(MOST_WAITING)
        self._turn = asyncio.Lock()
        self._unconfirmed: set[Any] = set()
        self._newest: dict[tuple[str, int], Awaitable[Any]] = {}
        """By partition of the changelog the batch that was queued last: when it is kept, all before it are."""
        self._next: dict[tuple[str, int], int] = {}
        """By partition of the changelog the offset the next own record will have, if nobody else writes there."""
        self._writer = secrets.token_hex(6).encode()

    def _settings_extra(self) -> dict[str, Any]:
        return {"acks": "all", "enable_idempotence": True}

    async def on_start(self) -> None:
        """Connect, and begin to send what is said."""
        await super().on_start()
        self.add_future(self._send_said())

    async def keep_and_say(
        self, changelog: str, partition: int, take: Callable[[], Encoded | None], outputs: Sequence[Output]
    ) -> None:
        """Queue the states that ``take`` gives for their changelog, and what was said for when they are kept.

        It gives None where they were forgotten meanwhile: then nothing is said, for what led to it is read again.

        Returns when all is queued; `flush` waits until the broker has it. No timestamp is given: a device's time must
        never be the record's. A failure half-way ends the process: nobody could tell what was queued.
        """
        async with self._turn:
            try:
                states = take()
                if states is None:
                    return
                await self._keep(changelog, partition, states)
                if outputs:
                    await self._said.put(_Said(self._newest.get((changelog, partition)), outputs))
            except BaseException:  # noqa: BLE001  # a cancellation as well
                end(traceback.format_exc())

    async def say(self, outputs: Sequence[Output]) -> None:
        """Queue what follows from no state; `flush` waits until the broker has it. May wait while many slices speak."""
        async with self._turn:
            await self._said.put(_Said(None, outputs))

    async def flush(self) -> None:
        """Wait until the broker has confirmed everything queued so far; ends the process after the flush time-out."""
        if self._producer is None:
            return
        try:
            async with asyncio.timeout(self.app.flush_s):
                reached = asyncio.Event()
                async with self._turn:
                    await self._said.put(_Said(None, (), reached))
                await reached.wait()
                sent = list(self._unconfirmed)
                if sent:
                    await asyncio.wait(sent)
        except TimeoutError:
            end(f"the broker did not confirm everything within {self.app.flush_s:g} s")
        for future in sent:
            _confirmed(future)

    # ----------------------------------------------------------------------------- states

    def place(self, topic: str, partition: int) -> int:
        """Return where the next state goes: behind what was restored, and behind what was written since."""
        restored = self.app.tables.recovery.active_offsets.get(TP(topic, partition))
        return max(self._next.get((topic, partition), 0), 0 if restored is None else int(restored) + 1)

    async def _keep(self, topic: str, partition: int, states: Encoded) -> None:
        """Queue states, and behind them which records may go."""
        if not states:
            return
        line: Line = self.app.lines[partition]
        first = self.place(topic, partition)
        rows: list[tuple[bytes, bytes | None]] = [
            (restoring.record_key(name, number, self._writer), value)
            for number, (name, value) in enumerate(states, first)
        ]
        rows += [(key, None) for key in line.take_what_may_go(max(MANY, 2 * len(states)))]
        self._next[topic, partition] = first + len(rows)
        batch = _Batch(self._ensure_producer().create_batch(), first)
        for number, (key, row) in enumerate(rows, first):
            if not batch.append(key, row):
                await self._send_batch(topic, partition, batch, line)
                batch = _Batch(self._ensure_producer().create_batch(), number)
                batch.append(key, row)  # the first fits, whatever its size
        await self._send_batch(topic, partition, batch, line)

    async def _send_batch(self, topic: str, partition: int, batch: "_Batch", line: Line) -> None:
        batch.builder.close()  # it leaves at once: nothing is to be added
        future: Awaitable[Any] = await self._ensure_producer().send_batch(batch.builder, topic, partition=partition)
        self._watch(future, lambda done: self._kept(done, batch, line))
        self._newest[topic, partition] = future

    def _kept(self, done: Any, batch: "_Batch", line: Line) -> None:
        """Note own states as restored; runs before those who wait for them, so before anybody speaks of them."""
        if done.offset != batch.first:
            end(
                f"another process wrote to {done.topic} {done.partition}: {batch.first} was to be the next offset, "
                f"not {done.offset}"
            )
        for key in batch.states:
            line.counts(key)
        offsets = self.app.tables.recovery.active_offsets
        seen = offsets.get(done.topic_partition)
        if seen is not None:  # our own writes need no replay after a rebalance
            offsets[done.topic_partition] = max(seen, batch.first + batch.count - 1)

    # ----------------------------------------------------------------------------- what is said

    async def _send_said(self) -> None:
        try:
            while True:
                said = await self._said.get()
                if said.reached is not None:
                    said.reached.set()
                if said.kept is not None:
                    await said.kept
                for output in said.outputs:
                    self._watch(await self._sent(output))
        except Exception:  # noqa: BLE001  # anything unexpected ends the process
            end(traceback.format_exc())

    async def _sent(self, output: Output) -> Any:
        return await self._ensure_producer().send(output.topic, output.value, key=output.key, headers=output.headers)

    def _watch(self, future: Any, then: Callable[[Any], None] = lambda _: None) -> None:
        """Remember a send until the broker has confirmed it; if it does not, the process ends."""

        def done(confirmed: Any) -> None:
            self._unconfirmed.discard(confirmed)
            then(_confirmed(confirmed))

        self._unconfirmed.add(future)
        future.add_done_callback(done)


def _confirmed(future: Any) -> Any:
    """Return where the broker put it; ends the process if it did not take it."""
    if future.cancelled() or future.exception() is not None:
        metrics.SEND_ERRORS.inc()
        end(f"send failed: {'cancelled' if future.cancelled() else repr(future.exception())}")
    return future.result()
