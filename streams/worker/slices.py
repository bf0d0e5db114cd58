"""A Faust consumer whose events are slices: a list of records of one partition, in order, judged and kept in one step.

Faust 0.15.3 costs 120 to 350 µs an event before our code runs; a slice pays that once for up to 500 records. What
differs from Faust's own consumer, and why:

- *Ordered commit*: an offset may be committed when everything handed out before it is done. Faust computes gaps instead
  (quadratic, and wrong for concurrent acks, issue #606).
- *No slice during a rebalance*: Faust fetches before its last clearing of queues and would drop what it hands out then,
  yet commit past it (#596). Each slice must also start where the one before ended: a hole ends the process.
- *One limit over all partitions*: Faust's per-partition back-pressure starves some for 10 s and more.
- *Recovery by slices*: changelog records are applied in lists, ten times as fast; what a process left for dead wrote is left out.

The hooks are half-private: `streams.worker.app` asserts the version.
"""

import asyncio
import logging
import traceback
from collections.abc import Iterable, Iterator, Mapping
from time import monotonic
from typing import Any, Final

from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.consumer import notify
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.topics import TICKS
from streams.worker import lost_logs, metrics
from streams.worker.ending import end
from streams.worker.in_flight import InFlight
from streams.worker.lost_logs import Log
from streams.worker.turns import in_turn

logger = logging.getLogger(__name__)

FETCH_WAIT_MS: Final = 100
"""Faust hard-codes 1500: a fetch of idle partitions would delay busy ones of the same broker that long."""
LONGEST_FETCH_S: Final = 0.2
"""A fetch that brings nothing is given up after this and asked for again; a rebalance has to wait for it."""
GATHERED_BYTES: Final = 64 * 1024
"""A broker that gathers (setting ``gather_ms``) does so until it has this much."""
MOST_IN_FLIGHT: Final = 16
"""Slices handed out and not done, over all partitions; few, so that slices grow under load."""


class SliceScheduler(DefaultSchedulingStrategy):  # type: ignore[misc]  # Faust is untyped here
    """Hands out lists of records for sliced topics, in turn over partitions, ticks last; single records otherwise."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def iterate(self, records: Mapping[Any, list[Any]]) -> Iterator[tuple[Any, Any]]:
        """Yield ``(partition, list of records)``."""
        whole = self._app.sliced_topics | self._app.tables.changelog_topics
        yield from super().iterate({tp: batch for tp, batch in records.items() if tp.topic not in whole})
        sliced = {tp: batch for tp, batch in records.items() if tp.topic in whole}
        yield from in_turn(sliced, self._app.slice_records, comes_last=lambda tp: tp.topic == TICKS.name)


class ConsumerThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    """Faust's consumer thread with our own waits, whose commits say how far the changelog reached."""

    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        gather_ms = self.app.settings.gather_ms
        consumer._fetch_max_wait_ms = gather_ms or FETCH_WAIT_MS  # noqa: SLF001  # no setting reaches these two
        consumer._fetch_min_bytes = GATHERED_BYTES if gather_ms else 1  # noqa: SLF001
        return consumer

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        """Commit, with each offset a note of the changelog; False if the group has moved on. As Faust's else."""
        assigned = self.assignment()
        mine = {tp: offset for tp, offset in offsets.items() if tp in assigned}
        self.tp_last_committed_at.update(dict.fromkeys(mine, monotonic()))
        noted = {
            driver.ensure_aiokafka_TP(tp): OffsetAndMetadata(offset, self.app.reach(tp.partition).note)
            for tp, offset in mine.items()
        }
        try:
            await self._ensure_consumer().commit(noted)
        except CommitFailedError as error:
            if "already rebalanced" not in str(error):
                await self.crash(error)
            return False
        except Exception as error:  # noqa: BLE001  # anything unexpected ends the process
            await self.crash(error)
            return False
        return True

    async def notes(self, partitions: Iterable[TP]) -> dict[TP, str]:
        """Return what the last commit of each partition says beside the offset; may wait for the broker."""
        asked = [driver.ensure_aiokafka_TP(tp) for tp in partitions]
        coordinator = self._ensure_consumer()._coordinator  # noqa: SLF001  # its `committed` leaves the note out
        found = await self.call_thread(coordinator.fetch_committed_offsets, asked)
        return {TP(tp.topic, tp.partition): said.metadata or "" for tp, said in found.items()}


class Consumer(driver.Consumer):  # type: ignore[misc]
    """The slices consumer."""

    callback: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.scheduler = SliceScheduler(self.app)
        self._deliver_event, self.callback = self.callback, self._deliver
        self._in_flight = InFlight[Any]()
        self._earliest: dict[Any, int] = {}
        self.last_commit_s = monotonic()
        self._no_fetch = asyncio.Event()
        self._no_fetch.set()
        self.forgotten = 0
        """How often the partitions were forgotten: a commit that this overtakes is none."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    # ----------------------------------------------------------------------------- joining

    async def subscribe(self, topics: Iterable[str]) -> None:
        """Join for the inputs and the changelog together, or not at all.

        Faust's conductor waits for its tables until they are there *or it is stopped*: a worker told to stop in its first
        second joined for the inputs alone, and as a static member left behind that it has them without the changelog. Its
        successor was handed just that, and would have judged without states.
        """
        subscribed = set(topics)
        if self.app.tables.changelog_topics <= subscribed:
            await super().subscribe(subscribed)
        else:
            logger.warning("stops before its tables are there: it does not join the group")

    # ----------------------------------------------------------------------------- handing out

    def _to_message(self, tp: Any, record: Any) -> Any:
        if not isinstance(record, list):
            message = super()._to_message(tp, record)
        else:
            if tp.topic in self.app.sliced_topics:
                self._check_continuity(tp, record)
            message = self._slice_message(tp, record)
        if tp.topic not in self.app.tables.changelog_topics:
            self._in_flight.hand_out(tp, message)
        return message

    def _slice_message(self, tp: Any, records: list[Any]) -> Any:
        last = records[-1]
        return ConsumerMessage(
            last.topic,
            last.partition,
            last.offset,
            last.timestamp / 1000.0,
            last.timestamp_type,
            None,
            None,
            records,
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _check_continuity(self, tp: Any, records: list[Any]) -> None:
        first, last = records[0].offset, records[-1].offset
        earliest = self._earliest.get(tp, 0)
        committed = self._committed_offset[tp] or earliest
        hole = self._in_flight.hole(tp, first, last, committed=committed, earliest=earliest)
        if hole is not None:
            end(f"{tp.topic} {tp.partition}: {hole}")

    async def _getmany(self, active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109  # Faust's signature
        if self._count_in_flight() >= MOST_IN_FLIGHT:
            await asyncio.sleep(0.002)
            return {}
        changelogs = self.app.tables.changelog_topics
        if self.app.rebalancing:
            active_partitions = {tp for tp in active_partitions if tp.topic in changelogs}
            if not active_partitions:
                await asyncio.sleep(0.02)
                return {}
        self._no_fetch.clear()
        try:
            fetched = await super()._getmany(active_partitions, min(timeout, LONGEST_FETCH_S))
        finally:
            self._no_fetch.set()
        if self.app.rebalancing:  # it began meanwhile; what came is read again, from where `perform_seek` begins
            fetched = {tp: records for tp, records in fetched.items() if tp.topic in changelogs}
        return fetched

    def _count_in_flight(self) -> int:
        if self._in_flight.count() >= MOST_IN_FLIGHT:
            for tp in self._in_flight.partitions():
                self._new_offset(tp)
        return self._in_flight.count()

    def on_buffer_full(self, tp: Any) -> None:
        """Do nothing: there is one limit over all partitions."""

    def on_buffer_drop(self, tp: Any) -> None:
        """Do nothing: there is one limit over all partitions."""

    # ----------------------------------------------------------------------------- recovery

    def resume_partitions(self, tps: Any) -> None:
        """Go on reading; where that is the changelog, nothing counts as restored any more.

        Faust takes that word back only every 5 s, when no event of the changelog came to its own queue (none does): a
        worker that was handed more partitions by then took them up without their states.
        """
        if any(tp.topic in self.app.tables.changelog_topics for tp in tps):
            self.app.tables.recovery.signal_recovery_end.clear()
        super().resume_partitions(tps)

    async def _deliver(self, message: Any) -> None:
        if message.topic in self.app.tables.changelog_topics and isinstance(message.value, list):
            self._restore(message.tp, message.value)
            await asyncio.sleep(0)
        else:
            await self._deliver_event(message)

    def _restore(self, tp: Any, records: list[Any]) -> None:
        """Apply a slice of the changelog to its table."""
        recovery = self.app.tables.recovery
        if tp in recovery.active_tps:
            offsets = recovery.active_offsets
        elif tp in recovery.standby_tps:
            offsets = recovery.standby_offsets
        else:
            return
        seen = offsets.get(tp)
        fresh = [record for record in records if seen is None or record.offset > seen]
        line = self.app.lines[tp.partition]
        displaced = line.displaced
        self._set(recovery.tp_to_table[tp].data, tp.partition, line.read(fresh))
        if line.displaced > displaced:
            place = {"topic": tp.topic, "partition": tp.partition, "records": line.displaced - displaced}
            logger.warning("left out states of a process that was left for dead, or of who met it", extra=place)
        metrics.RECOVERED.inc(len(fresh))
        offsets[tp] = records[-1].offset if seen is None else max(seen, records[-1].offset)
        if recovery.in_recovery and not recovery.need_recovery():
            metrics.RESTORING_SECONDS.observe(monotonic() - recovery._recovery_started_at)  # noqa: SLF001
            recovery._set_recovery_ended()  # noqa: SLF001  # what Faust's own loop does per event
            recovery.signal_recovery_end.set()

    @staticmethod
    def _set(store: Any, partition: int, states: Mapping[bytes, bytes]) -> None:
        """Do to the memory store what Faust does with an event that it makes of each record first."""
        store.data.update(states)
        store._key_partition.update(dict.fromkeys(states, partition))  # noqa: SLF001  # when a partition goes, its keys go too

    # ----------------------------------------------------------------------------- ordered commit

    def ack(self, message: Any) -> bool:
        """Mark a message as done."""
        message.acked = True
        self._unacked_messages.discard(message)
        self._n_acked += 1
        notify(self._waiting_for_ack)
        return True

    def _new_offset(self, tp: Any) -> int | None:
        # Faust's compiled stream fills these itself without calling ack(): they would grow for ever
        self._acked[tp].clear()
        self._acked_index[tp].clear()
        return self._in_flight.committable(tp)

    def _filter_tps_with_pending_acks(self, topics: Iterable[Any] | None = None) -> list[Any]:
        return [tp for tp in self._in_flight.partitions() if topics is None or tp in topics or tp.topic in topics]

    async def _add_gap(self, tp: Any, offset_from: int, offset_to: int) -> None:
        """Do nothing: order, not gaps, decides what may be committed."""

    async def _commit_offsets(self, offsets: dict[Any, int], start_new_transaction: bool = True) -> bool:  # noqa: ARG002
        assigned = self.assignment()
        offsets = {tp: offset for tp, offset in offsets.items() if tp in assigned and self._is_done(tp, offset)}
        if not offsets:
            return False
        forgotten = self.forgotten
        await self._keep()
        if self.forgotten != forgotten:
            return False  # what they have folded in may not have been saved any more: it is read again
        if not await self._commit(offsets):
            return False  # what is committed stays as noted, so the next round tries again
        self.last_commit_s = monotonic()
        self._committed_offset.update(offsets)
        self.app.tables.on_commit(offsets)
        self.app.monitor.on_tp_commit(offsets)
        return True

    def _is_done(self, tp: Any, offset: int) -> bool:
        return (self._in_flight.committable(tp) or 0) >= offset

    async def _keep(self) -> None:
        """Have the broker confirm all changed states and all that was said; the process ends if that cannot be had."""
        try:
            async with asyncio.timeout(self.app.flush_s):
                await self.app.save()
        except TimeoutError:
            end(f"the broker did not take the changed states within {self.app.flush_s:g} s")
        except BaseException:  # noqa: BLE001  # a cancellation as well: some states may be neither unsaved nor queued
            end(traceback.format_exc())
        await self.app.producer.flush()

    def committed(self, tp: Any) -> int:
        """Offset before which nothing will be read again; 0 = not known."""
        return self._committed_offset[tp] or 0

    def done(self, tp: Any) -> int:
        """Offset before which there is nothing to do: committed, or gone before anybody read it."""
        return max(self.committed(tp), self._earliest.get(tp, 0))

    # ----------------------------------------------------------------------------- rebalance

    async def on_partitions_revoked(self, revoked: Any) -> None:
        """Wait for slices in flight, commit them, forget the partitions."""
        await super().on_partitions_revoked(revoked)
        self._forget()

    async def perform_seek(self) -> None:
        """Start anew at the committed offsets.

        A fetch that was asked for before the rebalance must be back by then: what it brought after the seek would be
        handed out, and dropped by Faust's last clearing of queues. Where nothing is committed yet aiokafka seeks nothing:
        such a fetch may have moved it past the first records there are, so it is sent back to them.
        """
        await self._no_fetch.wait()
        await super().perform_seek()
        self._forget()
        sliced = [tp for tp in self.assignment() if tp.topic in self.app.sliced_topics]
        if sliced:
            await self._look_at_logs(sliced)

    async def _look_at_logs(self, sliced: list[Any]) -> None:
        """End the process if a log is not the one that was read. States are restored by now, so they can tell."""
        if (apart := self._handed_apart()) is not None:
            end(apart)
        await self._look_at_changelog(sliced)
        self._earliest = dict(await self.earliest_offsets(*sliced))
        begun = {tp: self._earliest[tp] for tp in sliced if not self._committed_offset[tp]}
        if begun:
            await self.seek_wait(begun)
        ends = await self.highwaters(*sliced)
        folded = self.app.folded()
        for tp in sliced:
            known = folded.get((tp.topic, tp.partition), 0)
            log = Log(tp.topic, tp.partition, self._committed_offset[tp], known, self._earliest[tp], ends[tp])
            if (anew := lost_logs.made_anew(log)) is not None:
                end(anew)
            if (unread := lost_logs.unread(log)) is None:
                continue
            if tp.topic not in self.app.settings.goes_on_without:
                end(unread)
            logger.error(unread, extra={"topic": tp.topic, "partition": tp.partition, "offset": log.committed})

    def _handed_apart(self) -> str | None:
        """Say which partitions were handed out without all of their inputs and their states; None = each is whole."""
        whole = self.app.sliced_topics | self.app.tables.changelog_topics
        handed = {tp for tp in self.assignment() if tp.topic in whole}
        numbers = {tp.partition for tp in handed}
        apart = sorted((number, topic) for number in numbers for topic in whole if TP(topic, number) not in handed)
        if not apart:
            return None
        return (
            f"partitions were handed out without {', '.join(f'{topic} {number}' for number, topic in apart[:6])}: a member of the "
            "group has joined for other inputs; if this is said again, stop all workers for longer than the session time-out"
        )

    async def _look_at_changelog(self, sliced: list[Any]) -> None:
        """End the process if states that were kept before the last commits are not there any more."""
        notes = await self._thread.notes(sliced)
        told = lost_logs.told((tp.partition, note) for tp, note in notes.items())
        changelogs = {tp.partition: tp for tp in self.assignment() if tp.topic in self.app.tables.changelog_topics}
        earliest = await self.earliest_offsets(*changelogs.values())
        ends = await self.highwaters(*changelogs.values())
        for number, tp in changelogs.items():
            self.app.changelog_begins[number] = earliest[tp]
            found = lost_logs.Reach(earliest[tp], ends[tp])
            if (gone := lost_logs.states_gone(tp.topic, number, told.get(number), found)) is None:
                continue
            if tp.topic not in self.app.settings.goes_on_without:
                end(gone)
            logger.error(gone, extra={"topic": tp.topic, "partition": number})
            begun = {
                one: offset for one in sliced if one.partition == number and (offset := self._committed_offset[one])
            }
            if begun:  # what was lost is noted as such: the next start finds nothing missing
                await self._commit(begun)

    def _forget(self) -> None:
        self.forgotten += 1
        self._in_flight.forget()
        self.app.forget_partitions()
