"""Reads what exists: whole before the first slice, and on for as long as the worker lives.

Without a consumer group: every worker needs every record. Changes are applied between slices: both run in one loop, and
a slice is folded without giving way.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import ConsumerStoppedError

from streams import codec, events, topics
from streams.assets import BadReference, Reference
from streams.codec import DeadLetter
from streams.worker import metrics

logger = logging.getLogger(__name__)

FETCH_WAIT_MS: Final = 500
"""What exists seldom changes: the broker is asked twice a second. It answers at once when something has."""


class ReferenceReader:
    """Keeps a `Reference` up to date with the reference topics."""

    def __init__(self, bootstrap: str, reference: Reference) -> None:
        self._bootstrap = bootstrap
        self._reference = reference
        self._consumer: AIOKafkaConsumer | None = None
        self.read = 0
        """Records read so far."""
        self._letters: list[DeadLetter] = []
        """Records that could not be used, not yet handed on."""
        self._decoded: list[tuple[Any, events.Event]] = []
        """Records not yet applied: first all that was read with them says where tenants work."""

    async def load(self) -> int:
        """Read the topics whole; return the number of records. Blocks until that is done."""
        consumer = self._consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_max_wait_ms=FETCH_WAIT_MS,
        )
        await consumer.start()
        partitions = [
            TopicPartition(topic.name, number) for topic in topics.REFERENCE for number in range(topic.partitions)
        ]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        count = 0
        while any([await consumer.position(partition) < end for partition, end in ends.items()]):
            count += await self._read(timeout_ms=500)
        self._apply()
        logger.info("what exists is known", extra={"records": count})
        return count

    async def follow(self) -> AsyncIterator[list[DeadLetter]]:
        """Go on reading until stopped; yield the records that could not be used, first those of `load`."""
        with suppress(ConsumerStoppedError):
            while True:
                letters, self._letters = self._letters, []
                if letters:
                    yield letters
                await self._read(timeout_ms=1_000)
                self._apply()

    async def stop(self) -> None:
        """Disconnect."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def _read(self, timeout_ms: int) -> int:
        if self._consumer is None:
            raise RuntimeError("load first")
        fetched = await self._consumer.getmany(timeout_ms=timeout_ms, max_records=2_000)
        for partition, records in fetched.items():
            for record in records:
                self._decode(record)
            self.read += len(records)
            metrics.REFERENCE.labels(partition.topic).inc(len(records))
            await asyncio.sleep(0)
        return sum(map(len, fetched.values()))

    def _decode(self, record: Any) -> None:
        topic = topics.BY_NAME[record.topic]
        try:
            codec.check_schema(topic, dict(record.headers))
            self._decoded.append((record, codec.decode(topic, record.value)))
        except codec.Undecodable as error:
            self._set_aside(record, "decode", error)

    def _apply(self) -> None:
        """Apply what was read since the last time, in its order."""
        decoded, self._decoded = self._decoded, []
        self._reference.learn(known for _, known in decoded)
        for record, known in decoded:
            try:
                self._reference.apply(known)
            except BadReference as error:
                self._set_aside(record, "apply", error)

    def _set_aside(self, record: Any, stage: str, error: ValueError) -> None:
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        logger.warning("set aside: %s", error, extra=place)
        topic = topics.BY_NAME[record.topic]
        self._letters.append(DeadLetter.of(record, topic, record.partition, stage=stage, reason=str(error)))
