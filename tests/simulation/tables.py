"""The recorders: the real `Recorder`, its mappings and its rounds, on tables in memory with the transaction's promises.

A transaction moves the offsets by compare-and-set and writes its rows, or does nothing. The database may be away before
it, or after it, so that nobody knows.
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Final

import psycopg

from services import bus, store
from services.recorder import recorder as real
from services.recorder.mappings import RECORDED
from services.store import sink
from services.store.schema import metadata
from streams.topics import JOINED_PARTITIONS
from tests.simulation import shell
from tests.simulation.invariants import Invariants
from tests.simulation.log import TP, Group, Log
from tests.simulation.world import Process, World

_KEYS: Final = {name: tuple(c.name for c in table.primary_key.columns) for name, table in metadata.tables.items()}
_TOPICS: Final = tuple(topic.name for topic in RECORDED if topic.partitions == JOINED_PARTITIONS)


class Tables:
    """A database."""

    def __init__(self, world: World, invariants: Invariants) -> None:
        self.world = world
        self.invariants = invariants
        self.next: dict[TP, int] = defaultdict(int)
        self.rows: dict[str, dict[tuple[Any, ...], sink.Row]] = defaultdict(dict)

    def take(self, slices: Sequence[sink.Slice], writes: Iterable[sink.Write]) -> None:
        """One transaction."""
        if self.world.happens(self.world.options.database_away):
            raise psycopg.OperationalError("the database is away")
        if not shell.offsets_match(self, slices):
            self.world.sometimes["another recorder was first"] += 1
            raise sink.OffsetConflictError
        for one in slices:
            self.invariants.taken(one.partition, one.first, one.after)
            self.next[one.partition] = one.after
        for write in writes:
            self._write(write)
        if self.world.happens(self.world.options.database_unknown):
            self.world.sometimes["a commit is not told"] += 1
            raise psycopg.OperationalError("the connection broke at commit")

    def _write(self, write: sink.Write) -> None:
        table, names = self.rows[write.table], _KEYS[write.table]
        for row in sink._one_a_key(metadata.tables[write.table], write):
            key = tuple(row[name] for name in names)
            table[key] = sink._fold(table[key], row, write.keep) if key in table else row


class MemorySink:
    """Stands where `services.store.sink` is in the recorder's module; the engine is a `Tables`."""

    Slice, Write, Thing = sink.Slice, sink.Write, sink.Thing
    OffsetConflictError = sink.OffsetConflictError

    @staticmethod
    def offsets(tables: Tables, partitions: Sequence[TP]) -> dict[TP, int]:
        """Where the tables stand."""
        if tables.world.happens(tables.world.options.database_away):
            raise psycopg.OperationalError("the database is away")
        return {partition: tables.next[partition] for partition in partitions}

    @staticmethod
    def take(tables: Tables, slices: Sequence[sink.Slice], writes: Iterable[sink.Write]) -> None:
        """Write the rows and move the offsets, or do nothing."""
        tables.take(slices, writes)

    @staticmethod
    def districts(tables: Tables, things: Sequence[sink.Thing]) -> Mapping[sink.Thing, str | None]:  # noqa: ARG004
        """No district is known."""
        return {}


class MemoryPartitions:
    """Stands where `services.store.partitions` is in the recorder's module."""

    @staticmethod
    def make(tables: Tables, table: str, times_ms: Iterable[int]) -> None:
        """Days need no partitions here."""


class Scribe(Process):
    """One life of a recorder process."""

    def __init__(self, world: World, log: Log, group: Group, tables: Tables) -> None:
        super().__init__(world, f"recorder {world.chance.randrange(10**9)}")
        self.log, self.group, self.tables = log, group, tables
        self.recorder = real.Recorder(tables)
        self.positions: dict[TP, int] = {}
        self.numbers: list[int] = []
        self.seen: dict[int, int] = {}
        """Records of each partition number when it was last polled."""
        self.start(self._life(), world.between(100, 800))

    def _life(self) -> Generator[float, None, None]:
        self.group.join(self.name)
        generation = -1
        while True:
            yield self.world.between(300, 1_500)
            if not self.connected:
                continue
            if self.group.beat(self.name) != "ok":
                self.recorder.forget(list(self.positions))
                self.positions.clear()
                self.numbers = []
                self.group.rejoin(self.name)
                generation = -1
                continue
            found = self.group.assignment(self.name)
            if found is None:
                continue
            if found[0] != generation:
                partitions = [(topic, number) for number in found[1] for topic in _TOPICS]
                positions = yield from self._patiently(lambda p=partitions: self.recorder.positions_from(p))
                generation, self.positions, self.numbers = found[0], dict(positions), found[1]
                self.seen.clear()
            yield from self._round()

    def _round(self) -> Generator[float, None, Any]:
        polled = self._poll()
        if not polled:
            return
        self.point("polled, not written")
        yield self.world.between(1, 30)
        try:
            yield from self._patiently(lambda: self.recorder.take(polled))
        except sink.OffsetConflictError:
            if not shell.reads_again(self):
                return
            found = yield from self._patiently(lambda: self.recorder.positions_from(list(self.positions)))
            self.positions.update(found)
            self.seen.clear()
            return
        self.point("written, not told")

    def _poll(self) -> dict[TP, list[bus.Record]]:
        polled: dict[TP, list[bus.Record]] = {}
        for number in self.numbers:
            appended = self.log.appended[number]
            if self.seen.get(number) == appended:
                continue
            self.seen[number] = appended
            for topic in _TOPICS:
                at = self.positions[topic, number]
                records = self.log.partitions[topic, number][at : at + 300]
                if records:
                    polled[topic, number] = [one._replace(headers=dict(one.headers)) for one in records]  # type: ignore[misc, arg-type]
                    self.positions[topic, number] = at + len(records)
                    if len(records) == 300:
                        self.seen.pop(number, None)
        return polled

    def _patiently(self, ask: Any) -> Generator[float, None, Any]:
        while True:
            try:
                return ask()
            except store.Away:
                self.world.sometimes["the database is away"] += 1
                yield self.world.between(200, 2_000)
