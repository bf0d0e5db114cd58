"""The complete history of a run: topics whole, tables whole, the worker's states in order, and what was acknowledged."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from services import bus, store
from services.recorder.mappings import MAPPINGS
from services.simulator import ledger
from services.simulator.ledger import Entry
from services.store import inspect
from streams import codec
from streams.topics import TOPICS, Topic
from streams.worker.settings import Settings
from tests.crash.claims import POISON
from tests.worker_process import changelog

TABLES: Final = (*dict.fromkeys(mapping.table for mapping in MAPPINGS), "raw_frames", "dead_letters", "outbox")
CHANGELOG: Final = changelog(Settings().app_id)


@dataclass(frozen=True, kw_only=True)
class History:
    """Everything there is to judge by. Records of a topic are in order within each partition."""

    topics: Mapping[str, list[bus.Record]] = field(default_factory=dict)
    states: list[bus.Record] = field(default_factory=list)
    """The worker's changelog: each state it wrote, with the inputs it had folded in by then."""
    tables: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    acknowledged: list[Entry] = field(default_factory=list)

    def of(self, topic: Topic) -> list[bus.Record]:
        """Return the records of a topic."""
        return self.topics.get(topic.name, [])

    @cached_property
    def poison(self) -> Mapping[tuple[str, bytes | None], bool]:
        """By topic and bytes what nobody can use, and whether the worker sets it aside, not the recorder alone."""
        entries = [entry for entry in self.acknowledged if entry.door == POISON]
        return {(one.device, bytes.fromhex(one.message["value"])): one.message["by_worker"] for one in entries}


def decoded(topic: Topic, record: bus.Record) -> Any:
    """Return what a record says to who reads it by the contract; raises `codec.Undecodable`."""
    codec.check_schema(topic, record.headers)
    return codec.decode(topic, record.value)


def without_second_copies(records: Iterable[bus.Record]) -> Iterator[bus.Record]:
    """Leave out what stands under one offset a second time and says the same.

    A Kafka without room on its disk may have written a batch and then fail: it tells its client no, and gives what that
    sends again the same offset. Such a log has both. All who read by offset take it once, so it is one record.
    """
    known: dict[tuple[str, int, int], bus.Record] = {}
    for record in records:
        before = known.setdefault((record.topic, record.partition, record.offset), record)
        if before is record or before._replace(timestamp_ms=0) != record._replace(timestamp_ms=0):
            yield record


def read(bootstrap: str, database_url: str, ledgers: Iterable[Path]) -> History:
    """Read a system that stands still. Blocks for seconds."""
    topics: dict[str, list[bus.Record]] = {topic.name: [] for topic in (*TOPICS, CHANGELOG)}
    with closing(bus.Follower(bootstrap, [*TOPICS, CHANGELOG], client_id="judge")) as follower:
        for record in without_second_copies(follower.read_to_end()):
            topics[record.topic].append(record)
    engine = store.connect(database_url, pool=1, name="qingyun-judge")
    try:
        tables = {name: inspect.rows(engine, name) for name in TABLES}
    finally:
        engine.dispose()
    states = topics.pop(CHANGELOG.name)
    entries = [entry for path in ledgers for entry in ledger.read(path)]
    return History(topics=topics, states=states, tables=tables, acknowledged=entries)
