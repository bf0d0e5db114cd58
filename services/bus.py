"""The door to Kafka for the services (kafka-python). Partitioning is Kafka's default murmur2, as everywhere.

`Producer` confirms what it sends; `Follower` reads whole topics without a group (live state, reference data);
`GroupReader` shares partitions with its peers and starts where its caller says (the recorder: where the database says).
Offsets are never committed to Kafka on the way in: who keeps an effect keeps the offset beside it.
"""

import logging
import socket
import struct
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing, suppress
from functools import partial
from typing import Any, Final, NamedTuple

from kafka import ConsumerRebalanceListener, KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic
from kafka.errors import (
    InvalidRecordError,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    TopicAlreadyExistsError,
    UnsupportedForMessageFormatError,
)
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecordBatch

from streams import codec, events
from streams.topics import TOPICS, Topic

logger = logging.getLogger(__name__)

BusError: Final = KafkaError
"""What the broker or the way to it refuses with."""
RecordRefused: Final = (
    InvalidRecordError,
    InvalidTimestampError,
    MessageSizeTooLargeError,
    PolicyViolationError,
    RecordListTooLargeError,
    UnsupportedForMessageFormatError,
)
"""Those that blame the record itself (or another of its batch): sent again as it is, it is refused again."""

Partition = tuple[str, int]
"""Topic name and partition number."""

_LET_GO_S: Final = 1.0
"""What an ended producer still holds fails within this."""
_LOT_BYTES: Final = 256 * 1024
"""A broker that gathers answers at once when it has so much."""
_IDLE_WAIT_S: Final = 0.1
"""A broker asked to answer at once waits so long for the first record."""


class Record(NamedTuple):
    """One record as it stands on its topic. ``timestamp_ms`` is the broker's, never a device's."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: dict[str, bytes]
    timestamp_ms: int


class Producer:
    """Sends records and confirms them. Every send is acknowledged by all in-sync replicas, or its future fails.

    What a broker refuses ends the client beneath, which then refuses everything (see `_living`); the next send has a new one.
    """

    def __init__(
        self, bootstrap: str, *, client_id: str, delivery_timeout_s: float = 30.0, block_s: float = 5.0
    ) -> None:
        """Connect. May block up to a few seconds; raises `BusError` if no broker answers."""
        self._connect: Callable[[], KafkaProducer] = partial(
            KafkaProducer,
            bootstrap_servers=bootstrap.split(","),
            client_id=client_id,
            acks="all",
            linger_ms=5,
            compression_type="lz4",
            delivery_timeout_ms=round(delivery_timeout_s * 1000),
            request_timeout_ms=min(10_000, round(delivery_timeout_s * 1000) - 10),
            max_block_ms=round(block_s * 1000),
            allow_auto_create_topics=False,
        )
        self._producer = self._connect()

    def send(
        self,
        topic: str,
        key: str | bytes,
        value: bytes,
        headers: Iterable[tuple[str, bytes]] = (),
        *,
        partition: int | None = None,
    ) -> "Future[Partition]":
        """Queue a record (to the partition of its key, unless one is named); the future is done when the broker has confirmed it (result: where), or failed.

        Its callbacks run in the producer's thread. May block up to ``block_s`` while no broker is known. One thread sends.
        """
        done: Future[Partition] = Future()
        key_bytes = key.encode() if isinstance(key, str) else key
        try:
            sent = self._living().send(topic, value=value, key=key_bytes, headers=list(headers), partition=partition)
        except KafkaError as error:
            done.set_exception(error)
            return done
        sent.add_callback(lambda meta: done.set_result((meta.topic, meta.partition)))
        sent.add_errback(done.set_exception)
        return done

    def _living(self) -> KafkaProducer:
        """Return the client, a new one if a refusal has ended it.

        kafka-python 3 takes any refusal that it cannot repeat (a record too large for its topic, a full disk) for the end
        of its numbering, and from then on fails each record of each topic with that very error.
        """
        if self._producer._transaction_manager.has_fatal_error():  # noqa: SLF001  # nobody else is told
            logger.warning("the broker refused a record for good: beginning with a new producer")
            with suppress(KafkaError):
                self._producer.close(timeout=_LET_GO_S)
            self._producer = self._connect()
        return self._producer

    def send_event(self, event: events.Event, *, headers: Iterable[tuple[str, bytes]] = ()) -> "Future[Partition]":
        """Send a record of the contract to its own topic under its own key."""
        topic = codec.topic_of(event)
        return self.send(topic.name, codec.key_of(event), codec.encode(event), [*codec.headers(topic), *headers])

    def send_dead_letter(self, letter: codec.DeadLetter) -> "Future[Partition]":
        """Set a record aside, with its reason."""
        return self.send("dead-letters", letter.key or b"", letter.value, letter.headers())

    def flush(self, timeout_s: float = 30.0) -> None:
        """Wait until everything queued is confirmed; raises `BusError` otherwise."""
        self._producer.flush(timeout=timeout_s)

    def close(self, timeout_s: float = 5.0) -> None:
        """Send what is queued, then disconnect."""
        self._producer.close(timeout=timeout_s)


class _Batch(DefaultRecordBatch):  # type: ignore[misc]  # kafka-python has no types
    """A batch of which every record can be read, whatever its headers are called.

    Kafka's protocol wants their names in UTF-8, its broker takes any bytes, and kafka-python ends with the first name that is
    none: whoever reads that partition stands there for ever. Here such bytes are written out (backslash and hex), and
    nothing is lost: no header that we know has such a name.
    """

    _buffer: Any

    def _read_msg(self, *given: Any) -> Any:
        try:
            return super()._read_msg(*given)
        except UnicodeDecodeError:
            buffer, self._buffer = self._buffer, _Readable(self._buffer)
            try:
                return super()._read_msg(*given)
            finally:
                self._buffer = buffer


class _Readable(bytearray):
    """Bytes whose pieces are text in any case. Slow: only for what is none."""

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        return _Readable(found) if isinstance(at, slice) else found

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        return super().decode(encoding, errors)


memory_records.DefaultRecordBatch = _Batch


def _record(raw: Any) -> Record:
    headers = {name: value or b"" for name, value in raw.headers or ()}
    return Record(raw.topic, raw.partition, raw.offset, raw.key, raw.value, headers, raw.timestamp)


def _consumer(bootstrap: str, client_id: str, gather_s: float, **options: Any) -> KafkaConsumer:
    """Make a consumer. Each fetch costs the client some ms of CPU for all its partitions, however little it brings."""
    return KafkaConsumer(
        bootstrap_servers=bootstrap.split(","),
        client_id=client_id,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_min_bytes=_LOT_BYTES if gather_s else 1,
        fetch_max_wait_ms=round((gather_s or _IDLE_WAIT_S) * 1000),
        max_poll_records=2000,
        allow_auto_create_topics=False,
        **options,
    )


class Follower:
    """Reads all partitions of some topics, without a group, and goes on following them.

    Parameters
    ----------
    start
        Offset of the next record to read, for partitions where it is known; others start at ``otherwise``.
    otherwise
        "earliest" or "latest".
    gather_s
        How long the broker may gather records before it answers, unless there are many; 0 = it answers at once.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[Topic],
        *,
        client_id: str,
        start: Mapping[Partition, int] | None = None,
        otherwise: str = "earliest",
        gather_s: float = 0.0,
    ) -> None:
        self._consumer = _consumer(bootstrap, client_id, gather_s)
        partitions = [TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)]
        self._consumer.assign(partitions)
        firsts = self._consumer.beginning_offsets(partitions)
        self._targets = self._consumer.end_offsets(partitions)
        self.next_offsets: dict[Partition, int] = {}
        for tp in partitions:
            default = firsts[tp] if otherwise == "earliest" else self._targets[tp]
            offset = max((start or {}).get((tp.topic, tp.partition), default), firsts[tp])
            self._consumer.seek(tp, offset)
            self.next_offsets[tp.topic, tp.partition] = offset

    def poll(self, timeout_s: float = 0.5) -> list[Record]:
        """Return the next records, in order within each partition; an empty list after ``timeout_s``."""
        found = self._consumer.poll(timeout_ms=round(timeout_s * 1000))
        records = [_record(raw) for batch in found.values() for raw in batch]
        for record in records:
            self.next_offsets[record.topic, record.partition] = record.offset + 1
        return records

    def caught_up(self) -> bool:
        """Whether everything that was there when this follower was made has been polled."""
        return all(self._consumer.position(tp) >= end for tp, end in self._targets.items() if end > 0)

    def read_to_end(self, timeout_s: float = 60.0) -> Iterable[Record]:
        """Yield what was there when this follower was made; raises TimeoutError if that takes too long."""
        give_up = time.monotonic() + timeout_s
        while not self.caught_up():
            yield from self.poll(0.2)
            if time.monotonic() > give_up:
                raise TimeoutError(f"topics not read to their end within {timeout_s} s")

    def lag(self) -> dict[str, int]:
        """Records not yet polled, by topic, as of the last fetch. Does not ask the broker, so never blocks."""
        lag: dict[str, int] = {}
        for tp, target in self._targets.items():
            end = max(self._consumer.highwater(tp) or 0, target)
            lag[tp.topic] = lag.get(tp.topic, 0) + max(0, end - self.next_offsets[tp.topic, tp.partition])
        return lag

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()


def _admin(bootstrap: str, **options: Any) -> KafkaAdminClient:
    """Connect who asks and changes what the broker has; to be closed."""
    return KafkaAdminClient(bootstrap_servers=bootstrap.split(","), **options)


def committed(bootstrap: str, group: str) -> dict[Partition, int]:
    """Return how far a group has come in each partition it has committed for. Asks the broker."""
    with closing(_admin(bootstrap)) as admin:
        found = admin.list_group_offsets(group)[group]
    return {(tp.topic, tp.partition): int(kept.offset) for tp, kept in found.items()}


def members(bootstrap: str, group: str) -> int:
    """Return how many a group has now. Asks the broker."""
    with closing(_admin(bootstrap)) as admin:
        return len(admin.describe_groups([group])[group]["members"])


def names(bootstrap: str) -> list[str]:
    """Return the names of all topics there are. Asks the broker."""
    with closing(_admin(bootstrap)) as admin:
        return sorted(admin.list_topics())


def delete(bootstrap: str, topics: Sequence[str], *, group: str) -> None:
    """Delete these topics and a group that read some; what is not there is no mistake."""
    with closing(_admin(bootstrap)) as admin:
        there = set(admin.list_topics())
        admin.delete_topics([topic for topic in topics if topic in there])
        admin.delete_groups([group])


class Ends:
    """Asks again and again where some topics end, by one connection."""

    def __init__(self, bootstrap: str, topics: Sequence[Topic], *, client_id: str) -> None:
        self._consumer = _consumer(bootstrap, client_id, 0.0)
        self._partitions = [
            TopicPartition(topic.name, number) for topic in topics for number in range(topic.partitions)
        ]

    def now(self) -> dict[Partition, int]:
        """Return the next offset the broker will give in each partition; raises `BusError` if it does not say."""
        found = self._consumer.end_offsets(self._partitions)
        return {(tp.topic, tp.partition): end for tp, end in found.items()}

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()


def ends(bootstrap: str, topics: Sequence[Topic], *, client_id: str) -> dict[Partition, int]:
    """Return the next offset the broker will give in each partition of some topics. Asks the broker."""
    with closing(Ends(bootstrap, topics, client_id=client_id)) as asked:
        return asked.now()


class GroupReader:
    """Shares the partitions of some topics with the other members of a group. Making one asks the broker, which must be there.

    ``on_assigned`` gets the new partitions and returns the next offset to read for each (a missing one: from the
    first there is); ``on_revoked`` gets those that are taken away. Both run inside `poll`. ``gather_s`` as for `Follower`.
    """

    def __init__(
        self,
        bootstrap: str,
        topics: Sequence[Topic],
        *,
        group: str,
        client_id: str,
        on_assigned: Callable[[list[Partition]], Mapping[Partition, int]],
        on_revoked: Callable[[list[Partition]], None] = lambda _: None,
        member: str | None = None,
        gather_s: float = 0.0,
    ) -> None:
        self._consumer = _consumer(
            bootstrap,
            client_id,
            gather_s,
            group_id=group,
            group_instance_id=member,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=1_000,
        )
        # A leader that shares out topics it has not heard of yet gives nothing to anybody, and stays so for minutes.
        self._consumer.topics()
        self._consumer.subscribe(
            [topic.name for topic in topics], listener=_Listener(self._consumer, on_assigned, on_revoked)
        )

    def poll(self, timeout_s: float = 0.5) -> dict[Partition, list[Record]]:
        """Return the next records by partition, in order within each; none while the broker is away or goes away."""
        try:
            found = self._consumer.poll(timeout_ms=round(timeout_s * 1000))
        except KafkaError as error:
            if not error.retriable:
                raise
            logger.warning("Kafka does not answer: %r", error)
            time.sleep(timeout_s)  # a way that takes connections and gives nothing would be asked without a pause
            return {}
        return {(tp.topic, tp.partition): [_record(raw) for raw in batch] for tp, batch in found.items()}

    def seek(self, partition: Partition, offset: int) -> None:
        """Read on from ``offset``."""
        self._consumer.seek(TopicPartition(*partition), offset)

    def assignment(self) -> list[Partition]:
        """Partitions this member has now."""
        return [(tp.topic, tp.partition) for tp in self._consumer.assignment()]

    def beginnings(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        """First offset the broker still has of each: what was before it is deleted. Asks the broker."""
        found = self._consumer.beginning_offsets([TopicPartition(*partition) for partition in partitions])
        return {(tp.topic, tp.partition): first for tp, first in found.items()}

    def beginnings_reached(self) -> dict[Partition, int]:
        """`beginnings` of this member's partitions, but for those of which older records may still wait to be polled."""
        found = self.beginnings(self.assignment())
        return {
            partition: first
            for partition, first in found.items()
            if (self._consumer.position(TopicPartition(*partition), timeout_ms=0) or 0) >= first
        }

    def ends(self) -> dict[Partition, int]:
        """Next offset the broker will give, for each partition this member has. Asks the broker."""
        found = self._consumer.end_offsets(list(self._consumer.assignment()))
        return {(tp.topic, tp.partition): end for tp, end in found.items()}

    def close(self) -> None:
        """Leave the group."""
        self._consumer.close(autocommit=False)


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]  # kafka-python has no types
    def __init__(
        self,
        consumer: KafkaConsumer,
        on_assigned: Callable[[list[Partition]], Mapping[Partition, int]],
        on_revoked: Callable[[list[Partition]], None],
    ) -> None:
        self._consumer = consumer
        self._assigned = on_assigned
        self._revoked = on_revoked

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        self._revoked([(tp.topic, tp.partition) for tp in revoked])

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        partitions = list(assigned)
        offsets = self._assigned([(tp.topic, tp.partition) for tp in partitions])
        for tp in partitions:
            if (tp.topic, tp.partition) in offsets:
                self._consumer.seek(tp, offsets[tp.topic, tp.partition])
            else:
                self._consumer.seek_to_beginning(tp)


def topic_ids(bootstrap: str, topics: Sequence[Topic]) -> dict[str, str]:
    """Return what the broker calls each of these topics: one that was deleted and made anew has another id.

    A topic the broker does not know now is left out. Asks the broker.
    """
    with closing(_admin(bootstrap)) as admin:
        found = admin.describe_topics([topic.name for topic in topics])
    return {topic["name"]: str(topic["topic_id"]) for topic in found if not topic["error_code"]}


def answers(bootstrap: str, timeout_s: float = 1.0) -> bool:
    """Whether any broker answers now; blocks at most ``timeout_s`` an address.

    One ApiVersions request (Kafka protocol, API key 18, version 0) by hand: a broker that is paused still takes
    connections, and kafka-python's own calls block half a minute before they say that nobody is there.
    """
    return any(_answers(address, timeout_s) for address in bootstrap.split(","))


def _answers(address: str, timeout_s: float) -> bool:
    host, port = address.rsplit(":", 1)
    correlation_id, client_id = 1, b"probe"
    body = struct.pack(">hhih", 18, 0, correlation_id, len(client_id)) + client_id
    try:
        with socket.create_connection((host, int(port)), timeout_s) as connection:
            connection.settimeout(timeout_s)
            connection.sendall(struct.pack(">i", len(body)) + body)
            return len(connection.recv(8)) > 0
    except OSError:
        return False


def wait_for_broker(bootstrap: str, timeout_s: float = 30.0) -> None:
    """Return when a broker answers; raises TimeoutError with one sentence otherwise."""
    give_up = time.monotonic() + timeout_s
    while True:
        try:
            _knock(bootstrap)
            admin = _admin(bootstrap, bootstrap_timeout_ms=2_000)
        except (KafkaError, OSError) as error:
            if time.monotonic() > give_up:
                raise TimeoutError(f"no Kafka answers at {bootstrap}: {error}") from error
            time.sleep(0.2)
        else:
            admin.close()
            return


def _knock(bootstrap: str) -> None:
    """Raise OSError while nobody listens: the client leaves a socket open for every connection refused to it."""
    refused: OSError | None = None
    for address in bootstrap.split(","):
        host, port = address.rsplit(":", 1)
        try:
            socket.create_connection((host, int(port)), timeout=2).close()
        except OSError as error:
            refused = error
        else:
            return
    if refused is not None:
        raise refused


def provision(bootstrap: str, topics: Sequence[Topic] = TOPICS, *, replication: int = 1) -> list[str]:
    """Create the topics that are missing and return their names.

    Raises
    ------
    ValueError
        If one exists with another number of partitions: joins would be silently wrong.
    """
    with closing(_admin(bootstrap)) as admin:
        wanted = {topic.name: topic for topic in topics}
        present = set(admin.list_topics())
        missing = [topic for name, topic in wanted.items() if name not in present]
        if missing:
            try:
                admin.create_topics([_new_topic(topic, replication) for topic in missing])
            except TopicAlreadyExistsError:
                logger.info("topics were created by another process at the same moment")
            admin.wait_for_topics([topic.name for topic in missing])
        for found in admin.describe_topics(list(wanted)):
            name, count = found["name"], len(found["partitions"])
            if count != wanted[name].partitions:
                raise ValueError(f"topic {name} has {count} partitions, expected {wanted[name].partitions}")
        return [topic.name for topic in missing]


def _new_topic(topic: Topic, replication: int) -> NewTopic:
    configs = {"retention.ms": str(topic.retention_ms)}
    if topic.compacted:
        configs = {
            "cleanup.policy": "compact",
            "segment.ms": "600000",
            "min.cleanable.dirty.ratio": "0.1",
            "max.compaction.lag.ms": "3600000",
        }
    return NewTopic(
        name=topic.name, num_partitions=topic.partitions, replication_factor=replication, topic_configs=configs
    )
