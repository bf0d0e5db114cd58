"""Alerts from Kafka into the table of what is wanted, exactly once: rows and offsets in one transaction."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from services import bus, metrics, store
from services.evidence import document
from services.patience import GoneError
from services.store import evidence, sink
from streams import codec
from streams.topics import ALERTS

logger = logging.getLogger(__name__)


class Intake:
    """Takes alerts in. Lets `store.Away` and `sink.OffsetConflictError` pass: nothing was taken."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self._next: dict[bus.Partition, int] = {}

    def positions_from(self, partitions: Sequence[bus.Partition]) -> Mapping[bus.Partition, int]:
        """Return, by the database, the next offset of each partition, and remember it."""
        found = sink.offsets(self._engine, partitions, of=evidence.OFFSETS)
        self._next.update(found)
        return found

    def forget(self, partitions: Sequence[bus.Partition]) -> None:
        """These partitions are another process's now."""
        for partition in partitions:
            self._next.pop(partition, None)

    def behind(self, ends: Mapping[bus.Partition, int]) -> int:
        """Return how many records wait to be taken.

        Raises
        ------
        GoneError
            If the table is ahead of the broker.
        """
        for partition, end in ends.items():
            if self._next.get(partition, 0) > end:
                raise GoneError(
                    f"{partition[0]}/{partition[1]} ends at offset {end}, but evidence has read it up to "
                    f"{self._next[partition]}: the topic was deleted and made anew, or the broker restored. Restore it; or, "
                    f"to read it from its beginning: python -m services database read-anew {partition[0]}"
                )
        return sum(end - self._next.get(partition, 0) for partition, end in ends.items())

    def take(self, polled: Mapping[bus.Partition, Sequence[bus.Record]]) -> int:
        """Enter what was polled; return how many records. What cannot be read is the recorder's to set aside."""
        fresh = {partition: list(self._fresh(partition, records)) for partition, records in sorted(polled.items())}
        fresh = {partition: records for partition, records in fresh.items() if records}
        if not fresh:
            return 0
        try:
            self._enter(fresh)
        except store.RefusedValueError:
            for partition, records in fresh.items():
                for record in records:
                    self._enter_one(partition, record)
        return sum(map(len, fresh.values()))

    def _fresh(self, partition: bus.Partition, records: Sequence[bus.Record]) -> Iterator[bus.Record]:
        at = self._next.get(partition)
        if at is None:
            raise sink.OffsetConflictError
        for record in records:
            if record.offset >= at:
                at = record.offset + 1
                yield record

    def _enter(self, fresh: Mapping[bus.Partition, Sequence[bus.Record]]) -> None:
        told = [one for records in fresh.values() for record in records for one in _told(record)]
        slices = [sink.Slice(p, self._next[p], records[-1].offset + 1) for p, records in fresh.items()]
        evidence.take(self._engine, slices, told)
        self._next |= {one.partition: one.after for one in slices}

    def _enter_one(self, partition: bus.Partition, record: bus.Record) -> None:
        """Enter a record alone; one that the database refuses is passed over."""
        try:
            self._enter({partition: [record]})
        except store.RefusedValueError as error:
            _pass_over(record, str(error))
            evidence.take(self._engine, [sink.Slice(partition, self._next[partition], record.offset + 1)], [])
            self._next[partition] = record.offset + 1


def _told(record: bus.Record) -> Iterator[evidence.Told]:
    try:
        codec.check_schema(ALERTS, record.headers)
        alert = codec.decode(ALERTS, record.value)
    except codec.Undecodable as error:
        _pass_over(record, str(error))
    else:
        yield evidence.Told(alert, record.value or b"", document.end_ms(alert))


def _pass_over(record: bus.Record, reason: str) -> None:
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    logger.warning("no evidence is made of it: %s", reason, extra=place)
    metrics.DEAD_LETTERS.labels(record.topic, "evidence").inc()
