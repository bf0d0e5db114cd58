"""The recorder's round: what was polled goes into the tables with the offsets after it, in one transaction."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, Final

from services import bus, clock, metrics, store
from services.patience import GoneError
from services.recorder import mappings
from services.recorder.gathering import Gathering
from services.store import partitions, sink
from services.store.schema import PARTITIONED
from streams.topics import BY_NAME
from streams.units import DAY_MS
from streams.worker.dead_letters import Limits, TooMany

logger = logging.getLogger(__name__)

UNKNOWN_DISTRICT_S: Final = 60.0
"""An asset without a known district is asked for again after this: its record may come after its first measurement."""
KNOWN_DISTRICT_S: Final = 600.0
"""… and one with a district after this: it may have moved."""

OLDEST_DAYS: Final = 400
NEWEST_DAY_MS: Final = 7 * DAY_MS
"""Days further ahead get no partition of their own, nor do those that would be dropped at once: a device's clock may say
anything."""

Beginnings = Callable[[list[bus.Partition]], Mapping[bus.Partition, int]]
"""Asks the broker for the first offset it still has of each."""


class Recorder:
    """Writes slices of partitions. Knows where the tables stand; `positions_from` is called when that may have changed.

    Raises nothing for what a record contains; lets `store.Away` pass: nothing was taken, call again.
    """

    def __init__(self, engine: Any, *, kept_days: int = 0, any_number_aside: bool = False) -> None:
        """Write to ``engine``.

        Parameters
        ----------
        kept_days
            Older days (0: than `OLDEST_DAYS`) get no partition.
        any_number_aside
            Set aside as many records as there are, where else `TooMany` would end it.
        """
        self._engine = engine
        self._limits = None if any_number_aside else Limits()
        self._beginnings: Beginnings = lambda _: {}
        self._read_again: dict[bus.Partition, int] = {}
        """Offsets read again since there were records after them, but not they, though the broker should have them."""
        self._kept_ms = (kept_days or OLDEST_DAYS) * DAY_MS
        self._next: dict[bus.Partition, int] = {}
        self._days: set[tuple[str, int]] = set()
        self._districts: dict[sink.Thing, tuple[str | None, float]] = {}

    def positions_from(self, partitions: Sequence[bus.Partition]) -> Mapping[bus.Partition, int]:
        """Return, by the database, the next offset of each partition, and remember it.

        It may be another database than before (an older backup): what is known of its tables is forgotten.
        """
        self._days.clear()
        found = sink.offsets(self._engine, partitions)
        self._next.update(found)
        return found

    def ask(self, beginnings: Beginnings) -> None:
        """Ask the broker by ``beginnings`` whether records that are missing are gone. Until then they are taken for gone."""
        self._beginnings = beginnings

    def forget(self, partitions: Sequence[bus.Partition]) -> None:
        """These partitions are another recorder's now."""
        for partition in partitions:
            self._next.pop(partition, None)

    def compare(self, partitions: Sequence[bus.Partition]) -> None:
        """Make sure that the tables stand where we think, also where no record comes that would show it.

        Raises
        ------
        sink.OffsetConflictError
            If they do not: another recorder was there, or the database was restored from a backup.
        """
        ours = [partition for partition in partitions if partition in self._next]
        found = sink.known_offsets(self._engine, ours)
        if any(found.get(partition) != self._next[partition] for partition in ours):
            raise sink.OffsetConflictError

    def recognise(self, topic_ids: Mapping[str, str]) -> None:
        """Make sure that these topics are those the tables' offsets belong to.

        Raises
        ------
        GoneError
            If one was deleted and made anew, or the broker's volume was lost.
        """
        for topic in sink.strangers(self._engine, topic_ids):
            raise GoneError(
                f"{topic} is not the topic the tables were filled from: it was deleted and made anew, or the broker's "
                "volume was lost. Restore it; or, to read the new one from its beginning into the same tables: "
                f"python -m services database read-anew {topic}"
            )

    def behind(self, ends: Mapping[bus.Partition, int]) -> dict[str, int]:
        """Return how many offsets the tables are behind the broker, by topic.

        Raises
        ------
        GoneError
            If the tables are ahead of the broker.
        """
        behind: dict[str, int] = {}
        for partition, end in ends.items():
            at = self._next.get(partition, 0)
            if at > end:
                raise GoneError(
                    f"{partition[0]}/{partition[1]} ends at offset {end}, but the tables contain it up to {at}: "
                    "the topic was deleted and made anew, or the broker restored. Restore it; or, to read it from its "
                    f"beginning into the same tables: python -m services database read-anew {partition[0]}"
                )
            behind[partition[0]] = behind.get(partition[0], 0) + end - at
        return behind

    def pass_over(self, beginnings: Mapping[bus.Partition, int]) -> None:
        """Go on behind records that the broker deleted before they were read, also where no other comes that would show it.

        ``beginnings``: what it still has of partitions of which nothing that was read waits to be written.

        Raises
        ------
        sink.OffsetConflictError, store.Away
            As `take` does.
        """
        gone = [
            sink.Slice(partition, self._next[partition], first)
            for partition, first in sorted(beginnings.items())
            if self._next.get(partition, first) < first
        ]
        if not gone:
            return
        sink.take(self._engine, gone, [])
        for one in gone:
            _tell_missing(one.partition, one.first, one.after)
            self._next[one.partition] = one.after

    def take(self, polled: Mapping[bus.Partition, Sequence[bus.Record]]) -> int:
        """Take records into the tables; return how many.

        Raises
        ------
        sink.OffsetConflictError
            If another recorder has been there, or records were passed over that the broker still has: ask
            `positions_from`, seek, go on.
        store.Away
            If the database cannot be reached now.
        TooMany
            If so many cannot be used that the fault is rather ours than theirs; nothing was taken.
        """
        fresh = {partition: self._fresh(partition, records) for partition, records in polled.items()}
        fresh = {partition: records for partition, records in fresh.items() if records}
        if not fresh:
            return 0
        slices = [sink.Slice(p, self._next[p], records[-1].offset + 1) for p, records in sorted(fresh.items())]
        records = [record for _, each in sorted(fresh.items()) for record in each]
        self._write(slices, records)
        self._next |= {s.partition: s.after for s in slices}
        return len(records)

    def _fresh(self, partition: bus.Partition, records: Sequence[bus.Record]) -> list[bus.Record]:
        at = self._next.get(partition)
        if at is None:
            raise sink.OffsetConflictError
        fresh = _increasing(records, at)
        if fresh and fresh[0].offset > at and not BY_NAME[partition[0]].compacted:
            self._look_into(partition, at, fresh[0].offset)
        return fresh

    def _look_into(self, partition: bus.Partition, at: int, found: int) -> None:
        """Records from ``at`` on are not among those polled: deleted, or passed over? Then they are read again, once."""
        first = self._beginnings([partition]).get(partition, found)
        if first < found and self._read_again.get(partition) != at:
            self._read_again[partition] = at
            logger.warning(
                "records were passed over that the broker has: reading again",
                extra={"topic": partition[0], "partition": partition[1], "offset": at, "found": found},
            )
            raise sink.OffsetConflictError
        _tell_missing(partition, at, found)

    def _write(self, slices: Sequence[sink.Slice], records: Sequence[bus.Record]) -> None:
        writes = self._gathered(records)
        limits = self._counted(records, _set_aside_in(writes))
        started = time.monotonic()
        try:
            sink.take(self._engine, slices, writes)
        except store.RefusedValueError:
            limits = self._write_what_it_takes(slices, records)
        self._limits = limits
        metrics.TRANSACTION_SECONDS.observe(time.monotonic() - started)
        for write in writes:
            metrics.ROWS.labels(write.table).inc(len(write.rows))

    def _gathered(self, records: Sequence[bus.Record]) -> list[sink.Write]:
        gathering = Gathering()
        for record in records:
            try:
                gathering.add(record)
            except Exception as error:  # noqa: BLE001  # whatever a record does to the code, it ends nothing
                aside = mappings.set_aside(record, mappings.why_not(error))
                _tell(aside)
                gathering.write([aside])
        writes = gathering.writes()
        self._fill_districts(writes)
        self._make_partitions(writes)
        return writes

    def _write_what_it_takes(self, slices: Sequence[sink.Slice], records: Sequence[bus.Record]) -> Limits | None:
        """One record holds a value PostgreSQL does not take (a NUL character, a key too long): find it, set it aside."""
        each = [sink.Recorded(_writes(record), mappings.set_aside(record, "")) for record in records]
        writes = [write for one in each for write in one.writes]
        self._fill_districts(writes)
        limits = self._limits

        def check(refused: list[sink.Write]) -> None:
            nonlocal limits
            limits = self._counted(records, _set_aside_in([*writes, *refused]))

        for aside in sink.take_what_it_takes(self._engine, slices, each, mappings.gathered, check):
            _tell(aside)
        return limits

    def _counted(self, records: Sequence[bus.Record], dead: Mapping[bus.Partition, Collection[int]]) -> Limits | None:
        """Return the limits with these records counted; they are the recorder's when the records are kept.

        Raises
        ------
        TooMany
            Before anything is written: a program that can read nothing sets nothing aside, however often it is started.
        """
        if self._limits is None:
            return None
        limits = self._limits.copy()
        offsets: dict[bus.Partition, list[int]] = defaultdict(list)
        for record in records:
            offsets[record.topic, record.partition].append(record.offset)
        try:
            for partition, each in offsets.items():
                limits.count(*partition, each, dead.get(partition, ()))
        except TooMany as error:
            raise TooMany(
                f"{error}. Nothing of it was recorded: deploy a program that can read it, or, if it is to be set aside, "
                "start the recorder with QINGYUN_RECORDER_SETS_ASIDE_ANY=1"
            ) from error
        return limits

    def _make_partitions(self, writes: Sequence[sink.Write]) -> None:
        for write in writes:
            member = PARTITIONED.get(write.table)
            if member is None:
                continue
            for day_ms in {row[member] - row[member] % DAY_MS for row in write.rows}:
                if (write.table, day_ms) not in self._days and self._near(day_ms):
                    partitions.make(self._engine, write.table, [day_ms])
                    self._days.add((write.table, day_ms))

    def _near(self, day_ms: int) -> bool:
        """Whether a day deserves a partition; those of clocks that are far off share the rest partition."""
        now_ms = clock.city_now_ms()
        return now_ms - self._kept_ms < day_ms + DAY_MS and day_ms <= now_ms + NEWEST_DAY_MS

    def _fill_districts(self, writes: Sequence[sink.Write]) -> None:
        now_s = time.monotonic()
        wanting = [pair for write in writes for pair in mappings.without_district(write)]
        unknown = {thing for _, thing in wanting if self._districts.get(thing, _NOT_KNOWN)[1] < now_s}
        if unknown:
            found = sink.districts(self._engine, sorted(unknown))
            for asked in unknown:
                district = found.get(asked)
                holds_s = UNKNOWN_DISTRICT_S if district is None else KNOWN_DISTRICT_S
                self._districts[asked] = (district, now_s + holds_s)
        for row, thing in wanting:
            row["district_id"] = self._districts[thing][0]


_NOT_KNOWN: Final = (None, 0.0)


def _set_aside_in(writes: Sequence[sink.Write]) -> Mapping[bus.Partition, set[int]]:
    """Return which offsets of which partitions became dead letters here."""
    found: dict[bus.Partition, set[int]] = defaultdict(set)
    for write in writes:
        for row in write.rows if write.table == "dead_letters" else ():
            if row["stage"] == mappings.STAGE:
                found[row["topic"], row["partition"]].add(row["offset"])
    return found


def _tell_missing(partition: bus.Partition, at: int, found: int) -> None:
    logger.error(
        "records are missing: the broker no longer had them",
        extra={"topic": partition[0], "partition": partition[1], "offset": at, "found": found},
    )
    metrics.UNHEALTHY.labels("records missing on the broker").set(1)


def _writes(record: bus.Record) -> list[sink.Write]:
    """Return the rows of one record, or what stands for one that cannot be used; it was told already."""
    try:
        return mappings.writes_of(record)
    except Exception as error:  # noqa: BLE001  # as in `Recorder._gathered`
        return [mappings.set_aside(record, mappings.why_not(error))]


def _tell(aside: sink.Write) -> None:
    """Log and count a record that is set aside, with its place."""
    [letter] = aside.rows
    place = {name: letter[name] for name in ("topic", "partition", "offset")}
    logger.warning("set aside: %s", letter["reason"], extra=place)
    metrics.DEAD_LETTERS.labels(letter["topic"], letter["stage"]).inc()


def _increasing(records: Sequence[bus.Record], at: int) -> list[bus.Record]:
    """Leave out what is in the tables, and what was polled twice around a rebalance."""
    fresh = []
    for record in records:
        if record.offset >= at:
            fresh.append(record)
            at = record.offset + 1
    return fresh
