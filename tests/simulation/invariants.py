"""What must hold. At every step: an acknowledgement, an append, a commit, a transaction; and once all has healed.

I1 an acknowledged input has exactly one effect, or one dead letter · I2 no effect twice · I3 a state is the fold of its
inputs · I4 the alerts are those of the reference run · I5 order per truck · I6 nothing is committed beyond its effect ·
I8 after the healing nothing waits any more.

`Journal` and `Invariants.wrote` keep the descent of every state: which records it has folded in, in which order, through
crashes and other workers. The last state of each truck is folded again from its descent, without a fault.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec

from streams import codec, events, state, topics, truck
from streams.assets import Reference
from streams.topics import BY_NAME, JOINED_PARTITIONS
from streams.worker import restoring
from streams.worker.folding import Folded, Partition, number_of, partition_of
from streams.worker.role import INPUTS
from tests.simulation.log import TP, Log, Record
from tests.simulation.world import Violation, World

CHANGELOG: Final = "state-changelog"
_TICKS: Final = topics.TICKS.name
_DEAD: Final = topics.DEAD_LETTERS.name
_SAID: Final = (
    topics.ALERTS.name,
    topics.VISITS.name,
    topics.COLLECTIONS_DUE.name,
    topics.TICKETS.name,
    topics.DUMPS.name,
)
_ARRIVAL: Final = {"emitted_ms", "received_time_ms"}
"""When something was said, not what."""
_LEFT: Final = 20
"""States of a partition of the changelog, beside some of each truck or bin, that may be left behind by those who died."""
Entry = tuple[TP, Sequence[Record], int]
What = tuple[str, bytes | None, bytes]
"""An output: topic, key, value."""


class Journal:
    """What one worker folded into one partition since it restored it."""

    def __init__(self, base: dict[bytes, bytes]) -> None:
        self.base = base
        self.entries: list[Entry] = []
        self.judged_ms: dict[bytes, int] = {}
        """Event time of the last fix judged, by truck."""

    def folded(self, tp: TP, records: Sequence[Record], committed: int) -> None:
        """Note a slice."""
        self.entries.append((tp, records, committed))


class _Offsets(msgspec.Struct):
    offsets: dict[str, int] = {}


class _Judged(msgspec.Struct):
    last_ms: int = 0


class _State(msgspec.Struct):
    state: _Judged


_offsets: Final = msgspec.msgpack.Decoder(_Offsets)
_state: Final = msgspec.msgpack.Decoder(_State)


def content(topic: str, value: bytes) -> tuple[tuple[object, ...], str]:
    """Return what an output is known by, and what it says, without when."""
    said: dict[str, Any] = msgspec.json.decode(value)
    match topic:
        case "alerts":
            identity: tuple[object, ...] = (topic, said["alert_id"], said["revision"])
        case "visits":
            identity = (topic, said["visit_id"], said.get("leave_ms") is not None)
        case "tickets":
            identity = (topic, said["ticket_id"], said["revision"])
        case "dumps":
            identity = (topic, said["cell"], said["alert_id"], said["revision"])
        case _:
            identity = (topic, said.get("place_id"), said.get("at_ms"), said.get("due"), said.get("why"))
    kept = {name: member for name, member in said.items() if name not in _ARRIVAL}
    return identity, msgspec.json.encode(kept, order="sorted").decode()


class Invariants:
    """Watches one run."""

    def __init__(self, world: World, log: Log, reference: Reference) -> None:
        self.world, self.log, self.reference = world, log, reference
        self.acked: list[tuple[str, bytes]] = []
        """Topic and value of each input that was acknowledged to its device."""
        self.appended: set[tuple[str, bytes]] = set()
        self.ahead: set[int] = set()
        """Partitions of which some worker read a tick before a report that was there earlier: time ran ahead."""
        self._outputs: dict[What, int] = {}
        self._led: dict[What, set[tuple[bytes, str, int]]] = defaultdict(set)
        """Which inputs led to an output, in the runs of all workers: state, topic, offset."""
        self._letters: set[tuple[str, int, int]] = set()
        self._revisions: dict[str, int] = {}
        self._durable: dict[bytes, dict[str, int]] = {}
        self._newest: dict[bytes, bytes] = {}
        self._nodes: dict[tuple[bytes, bytes], tuple[Journal, int]] = {}
        self._owed: dict[object, dict[TP, list[tuple[int, What]]]] = {}
        self._taken: dict[TP, int] = defaultdict(int)
        log.on_append = self._on_append

    # ------------------------------------------------------------------------- at every step

    def acknowledged(self, topic: str, value: bytes) -> None:
        """A device was told that its report is kept."""
        if (topic, value) not in self.appended:
            raise Violation(f"I1: acknowledged, but not in the log: {topic} {value[:120]!r}")
        self.acked.append((topic, value))

    def on_disk(self, topic: str, value: bytes) -> None:
        """A device was told that its reading is kept on disk: in the end it is in the log."""
        self.acked.append((topic, value))

    def _on_append(self, record: Record) -> None:
        value = record.value or b""
        if record.topic == CHANGELOG:
            self._keep_state(record)
        elif record.topic in _SAID:
            self._check_kept((record.topic, record.key, value))
            self._outputs.setdefault((record.topic, record.key, value), record.offset)
            if record.topic == "alerts":
                self._check_revision(value)
            if record.topic == topics.DUMPS.name:
                self.appended.add((record.topic, value))  # what one says another hears
        elif record.topic == _DEAD:
            self._outputs.setdefault((record.topic, record.key, value), record.offset)
            given = dict(record.headers)
            self._letters.add((given["topic"].decode(), int(given["partition"]), int(given["offset"])))
        else:
            self.appended.add((record.topic, value))

    def _keep_state(self, record: Record) -> None:
        key, value = restoring.state_key(record.key or b""), record.value
        if value is None:
            self.world.sometimes["it is said which records may go"] += 1
        elif restoring.is_in_place(record.offset, record.key or b""):
            self._durable[key], self._newest[key] = _offsets.decode(value).offsets, value
        else:
            self.world.sometimes["a state is out of place"] += 1

    def _check_kept(self, what: What) -> None:
        """Check I6: what is said follows from a state that is on the broker."""
        led = self._led.get(what)
        if led and all(self._durable.get(key, {}).get(topic, 0) <= offset for key, topic, offset in led):
            raise Violation(f"I6: {what[0]} {what[2][:120]!r} is said, and no state on the broker knows of it")

    def _check_revision(self, value: bytes) -> None:
        alert: events.Alert = codec.decode(topics.ALERTS, value)
        known = self._revisions.get(alert.alert_id, 0)
        if alert.revision > known + 1:
            raise Violation(f"I5: revision {alert.revision} of {alert.rule} of {alert.truck_id} follows {known}")
        self._revisions[alert.alert_id] = max(known, alert.revision)

    def folded(self, worker: object, tp: TP, records: Sequence[Record], folded: Folded) -> None:
        """A worker folded a slice: what it said is owed before it may commit past it."""
        owed = self._owed.setdefault(worker, {}).setdefault(tp, [])
        owed.extend((records[-1].offset, (one.topic, one.key, one.value)) for one in folded.outputs)
        for key in folded.spoke:
            for said in folded.changed[key].said:
                if said.topic == tp[0] and said.offset >= records[0].offset:
                    what = (said.output_topic, said.key.encode(), said.value)
                    self._led[what].add((key.encode(), said.topic, said.offset))

    def wrote(self, key: bytes, value: bytes, journal: Journal) -> None:
        """A worker wrote a state: a truck's time never goes back, and its descent is known."""
        self._nodes.setdefault((key, value), (journal, len(journal.entries)))
        if not key.startswith(b"truck:"):
            return
        before = journal.judged_ms.get(key)
        if before is None:
            before = _state.decode(journal.base[key]).state.last_ms if key in journal.base else 0
        now = journal.judged_ms[key] = _state.decode(value).state.last_ms
        if now < before:
            raise Violation(f"I5: {key.decode()} judged a fix of {now} after one of {before}")

    def forget_owed(self, worker: object) -> None:
        """A worker died or lost its partitions; what it did not commit is folded again."""
        self._owed.pop(worker, None)

    def committing(self, worker: object, before: dict[TP, int], offsets: dict[TP, int]) -> None:
        """Check I6: what is before a committed offset has its effect where it stays."""
        owed = self._owed.get(worker, {})
        for tp, offset in offsets.items():
            missing = [what for last, what in owed.get(tp, []) if last < offset and what not in self._outputs]
            if missing:
                raise Violation(f"I6: {tp} is committed up to {offset}, but {missing[0][:2]} is not on the broker")
            owed[tp] = [one for one in owed.get(tp, []) if one[0] >= offset]
            if tp[0] == _TICKS:
                continue
            for record in self.log.partitions[tp][before.get(tp, 0) : offset]:
                self._check_effect(tp, record)

    def _check_effect(self, tp: TP, record: Record) -> None:
        entity = _entity(tp, record)
        if entity is None:
            if (*tp, record.offset) not in self._letters:
                raise Violation(f"I6: {tp} {record.offset} is committed, but no dead letter is on the broker")
        elif self._durable.get(entity, {}).get(tp[0], 0) <= record.offset:
            raise Violation(f"I6: {tp} {record.offset} is committed, but {entity.decode()} on the broker has it not")

    def taken(self, tp: TP, first: int, after: int) -> None:
        """Check I2 of the tables: each record is taken once, in order."""
        if first != self._taken[tp]:
            raise Violation(f"I2: the tables take {tp} {first} to {after}, but have it up to {self._taken[tp]}")
        self._taken[tp] = after

    # ------------------------------------------------------------------------- after the healing

    def settled(self) -> None:
        """Check what holds once nothing is under way: I1, I2, I3, and that all that was said is on the broker."""
        for topic, value in self.acked:
            if (topic, value) not in self.appended:
                raise Violation(f"I1: an acknowledged input is lost: {topic} {value[:120]!r}")
        inputs = self._inputs()
        expected: dict[tuple[object, ...], str] = {}
        for entity, wanted in inputs.items():
            expected |= self._refold(entity, wanted)
        said: dict[tuple[object, ...], set[str]] = defaultdict(set)
        for topic, _, value in self._outputs:
            if topic in _SAID:
                identity, what = content(topic, value)
                said[identity].add(what)
        self._compare(expected, said)
        self._check_changelog()

    def _check_changelog(self) -> None:
        """Of what no longer counts it is said that it may go, but for what the last writes left behind."""
        for number in range(JOINED_PARTITIONS):
            records = self.log.partitions[CHANGELOG, number]
            said = {record.key for record in records if record.value is None}
            left = [record for record in records if record.value is not None and record.key not in said]
            states = {restoring.state_key(record.key or b"") for record in left}
            if len(left) > 3 * len(states) + _LEFT:
                raise Violation(f"I9: {len(left)} states of {len(states)} trucks and bins stay in changelog {number}")

    def _inputs(self) -> dict[bytes, set[tuple[str, int]]]:
        found: dict[bytes, set[tuple[str, int]]] = defaultdict(set)
        for topic in INPUTS:
            if topic.name == _TICKS:
                continue
            for number in range(JOINED_PARTITIONS):
                tp = (topic.name, number)
                for record in self.log.partitions[tp]:
                    entity = _entity(tp, record)
                    if entity is not None:
                        found[entity].add((topic.name, record.offset))
                    elif (*tp, record.offset) not in self._letters:
                        raise Violation(f"I1: {tp} {record.offset} has neither effect nor dead letter")
        for letter in self._letters:
            record = self.log.partitions[letter[:2]][letter[2]]
            if _entity(letter[:2], record) is not None:
                raise Violation(f"I1: {letter} has an effect and a dead letter")
        return found

    def _refold(self, entity: bytes, wanted: set[tuple[str, int]]) -> dict[tuple[object, ...], str]:
        """Fold a truck or bin anew from its descent; return what follows."""
        value = self._newest.get(entity)
        if value is None:
            raise Violation(f"I3: {entity.decode()} has inputs, but no state on the broker")
        partition = Partition(number_of(entity), {})
        done: set[tuple[str, int]] = set()
        expected: dict[tuple[object, ...], str] = {}
        for tp, records, committed in self._heard(entity, value):
            if tp[0] != _TICKS:
                done.update((tp[0], one.offset) for one in records)
            folded = partition.fold(tp[0], records, self.reference, truck.DEFAULT_SETTINGS, committed)
            expected.update(content(one.topic, one.value) for one in folded.outputs)
        if done != wanted:
            lost = sorted(wanted - done)[:3]
            raise Violation(f"I1: {entity.decode()} never folded in {lost or sorted(done - wanted)[:3]}")
        kind, _, name = entity.decode().partition(":")
        stamped = partition.states(kind)[name]  # type: ignore[arg-type]
        refolded, written = state.decode(kind, state.encode(stamped)), state.decode(kind, value)  # type: ignore[arg-type]
        refolded.steps = written.steps  # since the last write, and a fold without a fault writes nothing
        if refolded != written:
            raise Violation(f"I3: {entity.decode()} is not the fold of its inputs")
        return expected

    def _heard(self, entity: bytes, value: bytes) -> Iterator[Entry]:
        """Yield what led to a state, in turn, each of its inputs once; ticks as often as they were read."""
        done: set[tuple[str, int]] = set()
        for tp, records, committed in self._descent(entity, value):
            mine = [one for one in records if tp[0] == _TICKS or _entity(tp, one) == entity]
            mine = [one for one in mine if (tp[0], one.offset) not in done]
            if tp[0] != _TICKS:
                done.update((tp[0], one.offset) for one in mine)
            if mine:
                yield tp, mine, committed

    def heard(self, entity: bytes) -> Iterable[Entry]:
        """Yield what led to the last state of a truck or bin on the broker, in turn."""
        return self._heard(entity, self._newest[entity])

    def _descent(self, entity: bytes, value: bytes | None) -> Iterable[Entry]:
        """Return what led to a state, oldest first."""
        segments: list[list[Entry]] = []
        while value is not None:
            journal, count = self._nodes[entity, value]
            segments.append(journal.entries[:count])
            value = journal.base.get(entity)
        return [entry for segment in reversed(segments) for entry in segment]

    def _compare(self, expected: dict[tuple[object, ...], str], said: dict[tuple[object, ...], set[str]]) -> None:
        for identity, what in expected.items():
            if identity not in said:
                raise Violation(f"I1: never said: {identity} {what[:200]}")
        for identity, versions in said.items():
            if identity not in expected:
                raise Violation(f"I2: said, but follows from no input: {identity} {min(versions)[:200]}")
            if versions != {expected[identity]}:
                raise Violation(f"I2: said in two ways: {identity} {_difference(versions | {expected[identity]})}")

    def final_states(self) -> dict[bytes, bytes]:
        """Return the last state of each truck and bin on the broker."""
        return dict(self._newest)

    def said_of(self, keep: Callable[[str, bytes], bool]) -> list[tuple[str, bytes]]:
        """Return the outputs on the broker, each once, in the order they came."""
        return [(topic, value) for topic, _, value in self._outputs if topic in _SAID and keep(topic, value)]


def _difference(versions: Iterable[str]) -> str:
    """Return the members in which versions of one output differ."""
    members = [msgspec.json.decode(version) for version in sorted(versions)]
    names = sorted({name for one in members for name in one})
    return "; ".join(
        f"{name}: {' or '.join(str(one.get(name)) for one in members)}"
        for name in names
        if len({str(one.get(name)) for one in members}) > 1
    )


def _entity(tp: TP, record: Record) -> bytes | None:
    """Key of the state a record belongs to; None = it cannot be used."""
    known = _ENTITIES.get((tp, record.value))
    if known is None:
        known = _ENTITIES[tp, record.value] = _find_entity(tp, record)
    return known or None


_ENTITIES: dict[tuple[TP, bytes | None], bytes] = {}


def _find_entity(tp: TP, record: Record) -> bytes:
    topic = BY_NAME[tp[0]]
    try:
        if record.headers:
            codec.check_schema(topic, dict(record.headers))
        event = codec.decode(topic, record.value)
    except codec.Undecodable:
        return b""
    match event:
        case events.BinReading():
            kind, name = "bin", event.bin_id
        case events.DumpSeen():
            kind, name = "site", event.cell
        case _:
            kind, name = "truck", event.truck_id
    return f"{kind}:{name}".encode() if partition_of(name) == tp[1] else b""


def forget_entities() -> None:
    """Start a new run."""
    _ENTITIES.clear()
