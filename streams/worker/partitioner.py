"""Before the first record: whether those who write our topics put keys into the partitions that we count on.

A truck's records must meet in one partition. A client with another partitioner (librdkafka's default is one) puts eleven of
twelve elsewhere; record by record each would be a dead letter. So the newest that are still to be read are looked at first.
"""

import asyncio
from collections import Counter
from typing import Final, NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.topics import TICKS
from streams.worker.folding import partition_of
from streams.worker.role import INPUTS

NEWEST: Final = 20
"""Records of each partition that are looked at."""
FEWEST: Final = 20
"""Fewer of a topic prove nothing."""
_WAIT_MS: Final = 1_000
_KEYED: Final = tuple(topic for topic in INPUTS if topic is not TICKS)


class Found(NamedTuple):
    """Newest records of one topic, and how many of them are not in their key's partition."""

    topic: str
    records: int
    astray: int

    @property
    def wrong(self) -> str | None:
        """Say what is wrong with the topic; None = nothing. A stray record is a dead letter, no reason to stand still."""
        if self.records < FEWEST or 2 * self.astray <= self.records:
            return None
        return (
            f"{self.astray} of the newest {self.records} records of {self.topic} are not in the partition of their key: "
            "their producer must partition by murmur2, as Kafka's own clients do (librdkafka: partitioner=murmur2_random); to "
            f"have them set aside, start once with QINGYUN_WORKER_GO_ON_WITHOUT={self.topic}"
        )


async def look(bootstrap: str, group: str, *, wait_s: float) -> list[Found]:
    """Look at the newest records that the group has still to read of each input that has keys.

    Raises
    ------
    TimeoutError
        If the broker does not hand them over within ``wait_s``.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=group, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    async with asyncio.timeout(wait_s):
        await consumer.start()
        try:
            every = [TopicPartition(topic.name, number) for topic in _KEYED for number in range(topic.partitions)]
            consumer.assign(every)
            begins, ends = await consumer.beginning_offsets(every), await consumer.end_offsets(every)
            asked = [at for at in every if ends[at] > begins[at]]
            firsts = {at: max(begins[at], await consumer.committed(at) or 0, ends[at] - NEWEST) for at in asked}
            left = {at: ends[at] for at in asked if ends[at] > firsts[at]}
            if not left:
                return []
            consumer.assign(list(left))
            for at in left:
                consumer.seek(at, firsts[at])
            return await _read(consumer, left)
        finally:
            await consumer.stop()


async def _read(consumer: AIOKafkaConsumer, left: dict[TopicPartition, int]) -> list[Found]:
    records, astray = Counter[str](), Counter[str]()
    while left:
        fetched = await consumer.getmany(timeout_ms=_WAIT_MS)
        for at, some in fetched.items():
            records[at.topic] += len(some)
            astray[at.topic] += sum(not _is_at_home(record.key, at.partition) for record in some)
        left = {at: end for at, end in left.items() if await consumer.position(at) < end}
    return [Found(topic, count, astray[topic]) for topic, count in records.items()]


def _is_at_home(key: bytes | None, partition: int) -> bool:
    return key is not None and partition_of(key.decode(errors="replace")) == partition
