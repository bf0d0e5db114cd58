"""The Faust app: one agent over all inputs, one table of states, our consumer and producer beneath.

An exception in an agent would acknowledge its event (Faust commits in a ``finally``), so none leaves ours: what was
expected is a dead letter, anything else ends the process before it commits.
"""

import asyncio
import logging
import os
import tempfile
import traceback
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from time import monotonic, perf_counter
from typing import Any, Final
from zlib import crc32

import faust
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams import events, truck
from streams.assets import Reference
from streams.topics import JOINED_PARTITIONS, TRUCK_STATES
from streams.worker import metrics, restoring
from streams.worker.dead_letters import Limits, TooMany
from streams.worker.ending import end
from streams.worker.folding import Folded, Output, Partition, number_of
from streams.worker.lost_logs import Reach
from streams.worker.producing import Producer
from streams.worker.reference_reader import ReferenceReader
from streams.worker.role import Role
from streams.worker.settings import TABLE, Settings
from streams.worker.slices import Consumer
from streams.worker.unsaved import Encoded, Unsaved
from streams.worker.watchdog import Watchdog

logger = logging.getLogger(__name__)

FAUST_VERSION: Final = "0.15.3"
if faust.__version__ != FAUST_VERSION:
    raise ImportError(f"faust-streaming is {faust.__version__}; its private hooks are known for {FAUST_VERSION} only")


class Transport(driver.Transport):  # type: ignore[misc]  # Faust is untyped here
    """Our consumer and producer."""

    Consumer = Consumer
    Producer = Producer


class Worker(faust.App):  # type: ignore[misc]
    """The app. Its state is in one table, keyed ``truck:…``, ``bin:…`` and ``site:…``; values are bytes (`streams.state`)."""

    def __init__(self, settings: Settings, core: truck.Settings) -> None:
        super().__init__(settings.app_id, **_faust_settings(settings))
        self.settings = settings
        self.core = core
        self.slice_records = settings.slice_records
        self.flush_s = settings.flush_s
        self.reference = Reference()
        self.role = settings.role
        self.sliced_topics = {topic.name for topic in self.role.inputs}
        self.states = self.Table(TABLE, partitions=JOINED_PARTITIONS, key_type=bytes, value_type=bytes)
        self.states.key_serializer = self.states.value_serializer = "raw"  # Faust's default is JSON in JSON
        self._changelog = self.states.changelog_topic_name
        self.lines = defaultdict[int, restoring.Line](restoring.Line)
        """By number of the partition its changelog."""
        self.changelog_begins = dict[int, int]()
        """By number of the partition the changelog's first offset, as it was when it was restored."""
        self.reader = ReferenceReader(settings.kafka_bootstrap, self.reference)
        self._partitions: dict[int, Partition] = {}
        self._unsaved = Unsaved()
        self._limits = Limits()
        self._recovery_s = monotonic()
        channel = self.topic(*sorted(self.sliced_topics), value_serializer="raw", key_serializer="raw")
        self.agent(channel, name="judge")(self._judge)

    def _new_transport(self) -> Transport:
        return Transport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Transport:
        return Transport(self.conf.broker_producer, self)

    # ----------------------------------------------------------------------------- life

    async def on_first_start(self) -> None:
        """Watch from the beginning; read what exists whole, before the first record is judged."""
        watchdog = Watchdog(self, stall_s=self.settings.stall_s, session_s=self.settings.session_s)
        watchdog.start()
        self.add_future(watchdog.watch())
        await super().on_first_start()
        await self.reader.load()

    async def on_start(self) -> None:
        """Go on reading what exists; what of it could not be used is set aside at once, whether or not a slice comes."""
        await super().on_start()
        self.add_future(self._follow_reference())

    async def on_stop(self) -> None:
        """Disconnect the reader of what exists."""
        await self.reader.stop()
        await super().on_stop()

    async def _follow_reference(self) -> None:
        try:
            async for letters in self.reader.follow():
                for letter in letters:
                    metrics.DEAD_LETTERS.labels(letter.topic, letter.stage).inc()
                if self.role.tells_letters:
                    await self.producer.say(
                        [Output("dead-letters", letter.key, letter.value, letter.headers()) for letter in letters]
                    )
        except Exception:  # noqa: BLE001  # anything unexpected ends the process
            end(traceback.format_exc())

    def on_rebalance_start(self) -> None:
        """Note when partitions are handed out anew."""
        super().on_rebalance_start()
        self._recovery_s = monotonic()
        metrics.REBALANCES.inc()

    def on_rebalance_end(self) -> None:
        """Make sure that states are back, and note how long it took."""
        super().on_rebalance_end()
        if self.tables.recovery.need_recovery():
            end("partitions are handed out and their states are not restored: nothing may be judged without them")
        metrics.RECOVERY_SECONDS.observe(monotonic() - self._recovery_s)
        logger.info("partitions assigned", extra={"seconds": round(monotonic() - self._recovery_s, 2)})

    def forget_partitions(self) -> None:
        """Drop decoded states: the table is the truth after a rebalance."""
        self._partitions.clear()
        self._unsaved.forget()

    def folded(self) -> dict[tuple[str, int], int]:
        """Return how far the restored states have read: by topic and partition, the offset after."""
        stored: list[tuple[bytes, bytes]] = list(self.states.data.items())
        return restoring.folded((number_of(key), value) for key, value in stored)

    def reach(self, number: int) -> Reach:
        """Return the part of a changelog that is known to be there: restored, or confirmed by the broker."""
        last = self.tables.recovery.active_offsets.get(TP(self._changelog, number))
        return Reach(self.changelog_begins.get(number, 0), 0 if last is None else int(last) + 1)

    # ----------------------------------------------------------------------------- a slice

    async def _judge(self, stream: Any) -> None:
        async for event in stream.events():
            try:
                await self._process(event.message.tp, event.value)
            except Exception:  # noqa: BLE001  # anything unexpected ends the process before it commits
                end(traceback.format_exc())

    async def _process(self, tp: Any, records: list[Any]) -> None:
        started_s = perf_counter()
        partition, forgotten = self._partition(tp.partition), self.consumer.forgotten
        folded = partition.fold(tp.topic, records, self.reference, self.core, self.consumer.committed(tp))
        self._check_limits(tp, records, folded)
        self._unsaved.note(tp.partition, folded.changed)
        if folded.outputs:
            await self._save(tp.partition, lambda: self._take(tp.partition, folded.spoke, forgotten), folded.outputs)
        self._count(tp, records, folded, perf_counter() - started_s)

    async def save(self) -> None:
        """Queue all changed states for the changelog; to be confirmed before what they have folded in is committed.

        Slices go on between two partitions. May wait for the broker.
        """
        for number in self._unsaved.numbers():
            await self._save(number, partial(self._unsaved.take_all, number), ())
            await asyncio.sleep(0)

    def _take(self, number: int, keys: set[str], forgotten: int) -> Encoded | None:
        """Take states out, unless the partitions were forgotten since they were folded: then None."""
        return self._unsaved.take(number, keys) if self.consumer.forgotten == forgotten else None

    async def _save(self, number: int, take: Callable[[], Encoded | None], outputs: Sequence[Output]) -> None:
        await self.producer.keep_and_say(self._changelog, number, lambda: self._written(take()), outputs)

    def _written(self, encoded: Encoded | None) -> Encoded | None:
        """Set states in the table. Not by way of Faust's, which would send each for itself."""
        for key, value in encoded or ():
            metrics.STATE_BYTES.observe(len(value))
            self.states.data[key] = value
        return encoded

    def _check_limits(self, tp: Any, records: list[Any], folded: Folded) -> None:
        """Stop before anything is sent: a worker that stops again after each start must flood nobody with letters."""
        dead = [letter.offset for letter in folded.lost if letter.offset is not None]
        try:
            self._limits.count(tp.topic, tp.partition, [record.offset for record in records], dead)
        except TooMany:
            last = folded.lost[-1]
            logger.critical(
                "too many: %s", last.reason, extra={"topic": tp.topic, "partition": tp.partition, "offset": last.offset}
            )
            raise

    def _partition(self, number: int) -> Partition:
        known = self._partitions.get(number)
        if known is None:
            stored: Mapping[bytes, bytes] = self.states
            known = Partition(number, {key.decode(): stored[key] for key in list(stored.keys())}, self.role)
            known.fixes_read = self.consumer.committed(TP(TRUCK_STATES.name, number))
            self._partitions[number] = known
        return known

    def _count(self, tp: Any, records: list[Any], folded: Folded, seconds: float) -> None:
        dead = len(folded.lost)
        metrics.SLICE_RECORDS.observe(len(records))
        metrics.SLICE_SECONDS.labels(tp.topic).observe(seconds)
        metrics.EVENTS.labels(tp.topic, "folded").inc(max(0, len(records) - dead - folded.repeated))
        metrics.EVENTS.labels(tp.topic, "repeated").inc(folded.repeated)
        metrics.EVENTS.labels(tp.topic, "dead").inc(dead)
        for output in folded.outputs:
            metrics.OUTPUTS.labels(output.topic).inc()
        for letter in folded.letters:
            metrics.DEAD_LETTERS.labels(letter.topic, letter.stage).inc()
            logger.warning(
                "set aside: %s",
                letter.reason,
                extra={"topic": tp.topic, "partition": tp.partition, "offset": letter.offset},
            )
        for said in folded.said:
            if isinstance(said, events.Alert):
                metrics.ALERTS.labels(said.rule, said.state).inc()
                logger.info(
                    "%s %s",
                    said.rule,
                    said.state,
                    extra={
                        "topic": tp.topic,
                        "partition": tp.partition,
                        "offset": records[-1].offset,
                        "truck_id": said.truck_id,
                        "alert_id": said.alert_id,
                    },
                )
        metrics.LATE.inc(folded.late)
        metrics.DUPLICATES.inc(folded.duplicates)
        if folded.age_ms is not None:
            metrics.EVENT_AGE.set(folded.age_ms / 1000)
        if tp.topic == TRUCK_STATES.name:
            metrics.STATE_KEYS.labels("truck").set(sum(len(p.trucks) for p in self._partitions.values()))
        metrics.STATE_KEYS.labels("bin").set(sum(len(p.bins) for p in self._partitions.values()))


def _mark(role: Role) -> str:
    """Part of a static member's name: one that reads other inputs than the version before is another member.

    The broker would give it the partitions it had, and with them the inputs.
    """
    return f"{crc32(' '.join(sorted(topic.name for topic in role.inputs)).encode()):08x}"


def _faust_settings(settings: Settings) -> dict[str, Any]:
    return {
        "broker": [f"kafka://{address}" for address in settings.kafka_bootstrap.split(",")],
        "value_serializer": "raw",
        "key_serializer": "raw",
        # nothing is kept there (tables are in memory), but Faust makes the folder: one name, so that none pile up
        "datadir": str(Path(tempfile.gettempdir()) / f"qingyun-worker-{os.getuid()}"),
        "broker_session_timeout": settings.session_s,
        "broker_heartbeat_interval": settings.heartbeat_s,
        "broker_rebalance_timeout": 20.0,
        "broker_request_timeout": max(15.0, settings.session_s),
        "broker_commit_interval": settings.commit_s,
        "broker_commit_every": 1_000_000_000,  # by time alone: a commit from the fetcher is cancelled with it, half-way
        "consumer_auto_offset_reset": "earliest",
        "consumer_group_instance_id": f"{settings.instance}-{_mark(settings.role)}" if settings.instance else None,
        "producer_linger": 0.0,  # states leave in batches, and what is said is worth no wait
        "producer_max_batch_size": 128 * 1024,
        "producer_compression_type": "lz4",
        "producer_acks": -1,
        "table_standby_replicas": 0,
        "topic_partitions": JOINED_PARTITIONS,
        "topic_replication_factor": settings.replication,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "worker_redirect_stdouts": False,
        "web_enabled": False,
        "stream_wait_empty": True,
    }
