"""One slice: bytes in, changed states and outputs out. No Faust, no I/O: the same is run by tests without a broker.

`Partition` holds the states of the trucks and bins of one partition, decoded. A slice is folded record by record; a
record that a state has already folded in (`Stamped.has`) changes nothing and is answered as the first time.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, Protocol

from aiokafka.partitioner import murmur2
from msgspec.structs import replace

from streams import bins, codec, events, geo, misplaced, sites, state, topics, truck
from streams.assets import Reference
from streams.codec import DeadLetter
from streams.state import Said, Stamped
from streams.topics import JOINED_PARTITIONS
from streams.worker.role import LIVE, TRUCK_TOPICS, Role

_IS_TRUCK_TOPIC: Final = frozenset(topic.name for topic in TRUCK_TOPICS)


class Record(Protocol):
    """A record as aiokafka gives it."""

    @property
    def offset(self) -> int:
        """Where it stands in its partition."""

    @property
    def key(self) -> bytes | None:
        """Its key."""

    @property
    def value(self) -> bytes | None:
        """Its bytes."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Its headers."""


class Output(NamedTuple):
    """A record to send."""

    topic: str
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes]]


class Folded(NamedTuple):
    """What a slice led to."""

    changed: dict[str, Stamped[Any]]
    """States to be written, by key of the table (``truck:…``, ``bin:…``, ``site:…``)."""
    spoke: set[str]
    """Those among them that said something: to be written before it leaves."""
    outputs: list[Output]
    letters: list[DeadLetter]
    said: list[events.Event]
    repeated: int
    """Records that were folded in before."""
    late: int = 0
    """Fixes that came after later ones had been judged."""
    duplicates: int = 0
    """Fixes that had come before."""
    age_ms: int | None = None
    """Arrival of the last fix after its own time; None = none says so."""

    @property
    def lost(self) -> list[DeadLetter]:
        """Letters of records that were not folded at all: only these say that something is wrong with this program."""
        return [letter for letter in self.letters if letter.stage != misplaced.STAGE]


@lru_cache(maxsize=200_000)
def partition_of(key: str) -> int:
    """Partition of a key, as every client of ours computes it (Kafka's default: murmur2)."""
    return int((murmur2(key.encode()) & 0x7FFFFFFF) % JOINED_PARTITIONS)


def number_of(key: bytes) -> int:
    """Partition of a key of the table (``truck:…``, ``bin:…``, ``site:…``)."""
    return partition_of(key.decode().partition(":")[2])


class Partition:
    """States of one partition. Not to be used once the partition is taken away."""

    def __init__(self, number: int, stored: Mapping[str, bytes], role: Role = LIVE) -> None:
        """Decode the states of this partition among ``stored`` (key of the table → bytes)."""
        self.number = number
        self.role = role
        self.fixes_read = 0
        """Offset after the last report of a truck that was folded in, or was before this one began."""
        self.untold: dict[str, list[Said]] = {}
        """By key of the table what a restored state has said, and perhaps was never sent: it goes before what follows.

        What led to it is offered again, but of each topic for itself: a fix may end an alert before the tick comes again that
        raised it. Of one topic all comes in its order.
        """
        self.trucks: dict[str, Stamped[state.Truck]] = {}
        self.bins: dict[str, Stamped[bins.Bin]] = {}
        self.sites: dict[str, Stamped[sites.Site]] = {}
        for key, value in stored.items():
            kind, _, entity_id = key.partition(":")
            if partition_of(entity_id) != number:
                continue
            if kind == "truck":
                self.trucks[entity_id] = self._restored(key, state.decode("truck", value))
            elif kind == "bin":
                self.bins[entity_id] = self._restored(key, state.decode("bin", value))
            elif kind == "site":
                self.sites[entity_id] = self._restored(key, state.decode("site", value))
            else:
                raise state.UnknownVersion(f"{key} is the state of a {kind}, this program knows trucks, bins and sites")

    def states(self, kind: state.Kind) -> Mapping[str, Stamped[Any]]:
        """Return the states of a kind by id."""
        kept: dict[state.Kind, Mapping[str, Stamped[Any]]] = {
            "truck": self.trucks,
            "bin": self.bins,
            "site": self.sites,
        }
        return kept[kind]

    def _restored[S](self, key: str, stamped: Stamped[S]) -> Stamped[S]:
        """Begin anew with its steps: they lead from this write to the next."""
        stamped.steps = []
        if stamped.said:
            self.untold[key] = list(stamped.said)
        return stamped

    def fold(
        self,
        topic_name: str,
        records: Iterable[Record],
        reference: Reference,
        settings: truck.Settings,
        committed: int = 0,
    ) -> Folded:
        """Fold a slice of one topic in. ``committed``: offset of this topic before which nothing is offered again."""
        folded = Folded({}, set(), [], [], [], 0)
        work = _Work(self, topic_name, reference, settings, folded)
        record = None
        for record in records:
            work.fold(record)
        if record is not None and topic_name == topics.TRUCK_STATES.name:
            self.fixes_read = max(self.fixes_read, record.offset + 1)
        for stamped in folded.changed.values():
            stamped.forget_said(topic_name, committed)
        return folded._replace(repeated=work.repeated, late=work.late, duplicates=work.duplicates, age_ms=work.age_ms)


class _Work:
    """One slice being folded."""

    def __init__(  # private, called once
        self,
        partition: Partition,
        topic_name: str,
        reference: Reference,
        settings: truck.Settings,
        folded: Folded,
    ) -> None:
        self.partition = partition
        self.topic = partition.role.topic(topic_name)
        self.reference = reference
        self.settings = settings
        self.folded = folded
        self.repeated = self.late = self.duplicates = 0
        self.age_ms: int | None = None

    def fold(self, record: Record) -> None:
        """Fold one record in, or set it aside with its reason."""
        stage = "decode"
        try:
            if record.headers:
                codec.check_schema(self.topic, dict(record.headers))
            event = codec.decode(self.topic, record.value)
            stage = "apply"
            if isinstance(event, events.Tick):
                self._tick(event, record.offset)
            elif self.topic.name in _IS_TRUCK_TOPIC:
                event, misplaced_why = misplaced.set_right(event, self.reference)
                self._truck(event, record.offset)
                if misplaced_why is not None:
                    self._set_aside(record, misplaced.STAGE, misplaced_why)
            elif isinstance(event, events.DumpSeen):
                self._site(event, record.offset)
            else:
                self._bin(event, record.offset)
        except (codec.Undecodable, geo.BadGeometry, WrongPartition) as error:
            self._set_aside(record, stage, str(error))

    def _truck(self, event: Any, offset: int) -> None:
        stamped = self._to_fold("truck", event.truck_id, self.partition.trucks, state.new_truck, offset)
        if stamped is None:
            return
        order = stamped.state.order
        late, duplicates = order.late, order.duplicates
        stamped.state, said = truck.step(stamped.state, event, self.reference, self.settings)
        self.late += order.late - late
        self.duplicates += order.duplicates - duplicates
        if self.topic is topics.TRUCK_STATES and event.received_time_ms is not None:
            self.age_ms = event.received_time_ms - event.event_time_ms
        self._say(f"truck:{event.truck_id}", stamped, offset, said)

    def _bin(self, event: events.BinReading, offset: int) -> None:
        stamped = self._to_fold("bin", event.bin_id, self.partition.bins, state.new_bin, offset)
        if stamped is not None:
            stamped.state, said = bins.step(stamped.state, event, self.reference, self.settings.thresholds)
            self._say(f"bin:{event.bin_id}", stamped, offset, said)

    def _site(self, seen: events.DumpSeen, offset: int) -> None:
        stamped = self._to_fold("site", seen.cell, self.partition.sites, state.new_site, offset)
        if stamped is not None:
            stamped.state, said = sites.step(stamped.state, seen, self.settings.thresholds)
            self._say(f"site:{seen.cell}", stamped, offset, list(said))

    def _to_fold[S](
        self,
        kind: state.Kind,
        entity_id: str,
        states: dict[str, Stamped[S]],
        new: Callable[[str], Stamped[S]],
        offset: int,
    ) -> Stamped[S] | None:
        """Return the state that an input of this partition is to be folded into; None if it has been."""
        self._check_partition(entity_id)
        stamped = states.get(entity_id)
        if stamped is None:
            stamped = states[entity_id] = new(entity_id)
        return None if self._is_repeated(kind, entity_id, stamped, offset) else stamped

    def _tick(self, tick: events.Tick, offset: int) -> None:
        """Let time pass for all of the partition; a state that it does not change is not written.

        What a truck said and is not committed is no reason: whether it is depends on the broker, and the fold must not.
        From a backlog ticks come before the reports that came before them: nobody is heard yet, and nobody is silent.
        """
        if tick.fixes_to is not None and tick.fixes_to > self.partition.fixes_read:
            tick = replace(tick, hearing_ms=tick.at_ms)
        for truck_id, stamped in self.partition.trucks.items():
            if not truck.heeds(stamped.state, tick) and not stamped.has(self.topic.name, offset):
                continue
            if not self._is_repeated("truck", truck_id, stamped, offset):
                stamped.state, said = truck.step(stamped.state, tick, self.reference, self.settings)
                self._say(f"truck:{truck_id}", stamped, offset, said)
        for bin_id, stamped_bin in self.partition.bins.items():
            if self._is_repeated("bin", bin_id, stamped_bin, offset):
                continue
            stamped_bin.state, said = bins.step(stamped_bin.state, tick, self.reference)
            if said:
                self._say(f"bin:{bin_id}", stamped_bin, offset, said)

    def _check_partition(self, entity_id: str) -> None:
        expected = partition_of(entity_id)
        if expected != self.partition.number:
            raise WrongPartition(
                f"{entity_id!r} belongs to partition {expected}, found in {self.partition.number}: "
                "its producer must partition the key by murmur2 (librdkafka: partitioner=murmur2_random)"
            )

    def _is_repeated(self, kind: state.Kind, entity_id: str, stamped: Stamped[Any], offset: int) -> bool:
        """True if this input was folded in before a crash; then say again what it led to.

        What a restored state said may be of several topics, and of each only what comes again says it again: a driver's action
        would be heard before the fix that came before it. So a repeat says that first.
        """
        if not stamped.has(self.topic.name, offset):
            return False
        self.repeated += 1
        self._say_again(self._with_what_went_before(f"{kind}:{entity_id}", stamped.said_at(self.topic.name, offset)))
        return True

    def _with_what_went_before(self, key: str, said: list[Said]) -> list[Said]:
        """Return what an input led to, and before it what the restored state had said until then."""
        untold = self.partition.untold.get(key, [])
        ends = [n for n, one in enumerate(untold, start=1) if one in said]
        if not ends:
            return said
        self.partition.untold[key] = untold[ends[-1] :]
        return untold[: ends[-1]]

    def _say_again(self, said: Iterable[Said]) -> None:
        self.folded.outputs.extend(
            Output(
                one.output_topic,
                one.key.encode(),
                one.value,
                codec.headers(self.partition.role.topic(one.output_topic)),
            )
            for one in said
        )

    def _say(self, key: str, stamped: Stamped[Any], offset: int, said: list[events.Event]) -> None:
        self.folded.changed[key] = stamped
        says = self.partition.role.says
        told = [event for event in said if codec.topic_of(event).name in says]
        if told:
            self.folded.spoke.add(key)
            self._say_again(one for one in self.partition.untold.pop(key, ()) if one.topic != self.topic.name)
        stamped.take(self.topic.name, offset, [self._output(event, offset) for event in told])
        self.folded.said.extend(told)

    def _output(self, event: events.Event, offset: int) -> Said:
        topic, key = self.partition.role.says[codec.topic_of(event).name], codec.key_of(event)
        value = codec.encode(event)
        self.folded.outputs.append(Output(topic.name, key.encode(), value, codec.headers(topic)))
        return Said(self.topic.name, offset, topic.name, key, value)

    def _set_aside(self, record: Record, stage: str, reason: str) -> None:
        letter = DeadLetter.of(record, self.topic, self.partition.number, stage=stage, reason=reason)
        self.folded.letters.append(letter)
        if self.partition.role.tells_letters:
            self.folded.outputs.append(Output(topics.DEAD_LETTERS.name, letter.key, letter.value, letter.headers()))


class WrongPartition(ValueError):  # noqa: N818  # a verdict on a record, not a failure of ours
    """A record that its producer put into another partition than its key's."""
