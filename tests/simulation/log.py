"""The broker: a log of twelve partitions a topic, producers whose sends take time, a group of consumers.

What is true of Kafka and matters here: a partition keeps the order of one producer, two partitions know nothing of each
other; what a killed process had sent may still arrive, late, in part; a member that says nothing for a session loses its
partitions; a commit counts only from a member of the present generation.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from itertools import count
from types import MappingProxyType
from typing import NamedTuple

from streams.topics import JOINED_PARTITIONS
from tests.simulation.world import Process, World, shuffled

TP = tuple[str, int]
SESSION_MS = 10_000
REBALANCE_MS = 20_000
COMPACTED_MS = 5_000
"""Much sooner than Kafka does it."""


class Record(NamedTuple):
    """A record as it stands on a partition."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    timestamp_ms: int


class Log:
    """All topics."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.partitions: dict[TP, list[Record]] = defaultdict(list)
        self.appended: list[int] = [0] * JOINED_PARTITIONS
        """Records so far of all topics, by partition number: a consumer that saw this many need not look."""
        self.on_append: Callable[[Record], None] = lambda _: None

    def append(self, tp: TP, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> int:
        """Add a record; return its offset."""
        records = self.partitions[tp]
        record = Record(*tp, len(records), key, value, headers, int(self.world.now_ms))
        records.append(record)
        self.appended[tp[1]] += 1
        self.on_append(record)
        return record.offset

    def compacted(self, tp: TP) -> set[int]:
        """Return the offsets of a compacted topic that are gone: a later record of their key is there for a while."""
        old_ms, kept, gone = self.world.now_ms - COMPACTED_MS, set[bytes | None](), set[int]()
        for record in reversed(self.partitions[tp]):
            if record.key in kept:
                gone.add(record.offset)
            elif record.timestamp_ms < old_ms:
                kept.add(record.key)
        return gone

    def end(self, tp: TP) -> int:
        """Offset the next record will have."""
        return len(self.partitions[tp])


class _Sent(NamedTuple):
    number: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]
    on_confirmed: Callable[[int], None] | None


class Producer:
    """Sends of one process. What is sent again after a lost answer is written once: the producer is an idempotent one."""

    def __init__(self, process: Process, log: Log) -> None:
        self._process = process
        self._world = process.world
        self._log = log
        self._queues: dict[TP, deque[_Sent]] = defaultdict(deque)
        self._busy: set[TP] = set()
        self._late_until_ms = 0.0
        self.unconfirmed: set[int] = set()
        """Numbers of the sends that the broker has not confirmed."""
        self._numbers = count()
        process.on_death.append(self._cut)

    def send(
        self,
        tp: TP,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes]] = (),
        on_confirmed: Callable[[int], None] | None = None,
    ) -> None:
        """Queue a record."""
        number = next(self._numbers)
        self._queues[tp].append(_Sent(number, key, value, headers, on_confirmed))
        self.unconfirmed.add(number)
        if tp not in self._busy:
            self._busy.add(tp)
            self._deliver_after(tp)

    def _deliver_after(self, tp: TP) -> None:
        slow = self._world.options.slow_broker_ms if self._world.faults else 0.0
        self._world.after(self._world.between(2, 12 + slow), self._deliver, tp)

    def _deliver(self, tp: TP) -> None:
        if not self._reaches():
            self._world.after(self._world.between(80, 250), self._deliver, tp)
            return
        batch = list(self._queues[tp])
        self._queues[tp].clear()
        if not batch:
            self._busy.discard(tp)
            return
        offsets = [self._log.append(tp, sent.key, sent.value, sent.headers) for sent in batch]
        if not self._process.alive:
            self._world.sometimes["a dead process's record arrives"] += 1
        self._world.after(self._world.between(1, 10), self._confirm, tp, batch, offsets)

    def _confirm(self, tp: TP, batch: list[_Sent], offsets: list[int]) -> None:
        if self._process.alive and not self._reaches():
            self._world.after(self._world.between(80, 250), self._confirm, tp, batch, offsets)
            return
        self.unconfirmed.difference_update(sent.number for sent in batch)
        if self._process.alive:
            for sent, offset in zip(batch, offsets, strict=True):
                if sent.on_confirmed is not None:
                    sent.on_confirmed(offset)
        if self._queues[tp]:
            self._deliver_after(tp)
        else:
            self._busy.discard(tp)

    def _reaches(self) -> bool:
        if self._world.now_ms < self._process.paused_until_ms or self._world.now_ms < self._late_until_ms:
            return False
        return self._process.connected

    def _cut(self) -> None:
        """The process died: of each partition's queue a first part is on its way, the rest was never sent."""
        chance = self._world.chance
        if self._world.happens(self._world.options.late_writes):
            self._late_until_ms = self._world.now_ms + self._world.between(1_000, 25_000)
        for queue in self._queues.values():
            for _ in range(chance.randint(0, len(queue))):
                queue.pop()


class _Member:
    def __init__(self, now_ms: float, instance: str | None) -> None:
        self.beat_ms = now_ms
        self.instance = instance
        self.joined = True


class Group:
    """A consumer group of the classic protocol, as far as it matters: sessions, generations, commits."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.generation = 0
        self.committed: dict[TP, int] = {}
        self.notes: dict[TP, str] = {}
        """What the last commit of each partition says beside the offset."""
        self.on_commit: Callable[[str, dict[TP, int]], None] = lambda _member, _offsets: None
        self._members: dict[str, _Member] = {}
        self._assigned: dict[str, list[int]] = {}
        self._preparing = False
        self._deadline_ms = 0.0
        world.after(800, self._watch)

    def join(self, member: str, instance: str | None = None) -> None:
        """Ask for partitions. A known instance's successor takes over at once what that had."""
        if instance is not None and not self._preparing:
            for old, known in self._members.items():
                if known.instance == instance and old != member and old in self._assigned:
                    self.world.sometimes["a successor takes over at once"] += 1
                    del self._members[old]
                    self._members[member] = _Member(self.world.now_ms, instance)
                    self._assigned[member] = self._assigned.pop(old)
                    return
        if instance is not None:
            for old in [old for old, known in self._members.items() if known.instance == instance]:
                del self._members[old]
        self._members[member] = _Member(self.world.now_ms, instance)
        self._prepare()

    def leave(self, member: str) -> None:
        """Go."""
        if self._members.pop(member, None) is not None:
            self._prepare()

    def assignment(self, member: str) -> tuple[int, list[int]] | None:
        """Return generation and partition numbers; None = not settled yet."""
        if self._preparing or member not in self._members:
            return None
        return self.generation, self._assigned.get(member, [])

    def beat(self, member: str, instance: str | None = None) -> str:
        """Say that a member lives; return ``ok``, ``rebalance``, ``unknown`` or ``fenced`` (another has its identity)."""
        known = self._members.get(member)
        if known is None:
            taken = instance is not None and any(one.instance == instance for one in self._members.values())
            return "fenced" if taken else "unknown"
        known.beat_ms = self.world.now_ms
        return "rebalance" if self._preparing else "ok"

    def commit(
        self, member: str, generation: int, offsets: dict[TP, int], notes: Mapping[TP, str] = MappingProxyType({})
    ) -> bool:
        """Note offsets if this member may, and what it says beside them."""
        if member not in self._members or generation != self.generation:
            self.world.sometimes["a commit is refused"] += 1
            return False
        self.on_commit(member, offsets)
        self.committed.update(offsets)
        self.notes.update(notes)
        return True

    def _prepare(self) -> None:
        if not self._preparing:
            self._preparing = True
            self._deadline_ms = self.world.now_ms + REBALANCE_MS
            for known in self._members.values():
                known.joined = known.beat_ms == self.world.now_ms and known.joined

    def rejoin(self, member: str) -> None:
        """A member has finished what it had and waits for its new partitions."""
        known = self._members.get(member)
        if known is None or not self._preparing:
            self.join(member, None if known is None else known.instance)
        self._members[member].joined = True
        self._members[member].beat_ms = self.world.now_ms

    def _watch(self) -> None:
        self.world.after(800, self._watch)
        now_ms = self.world.now_ms
        if not self.world.broker_up:
            for known in self._members.values():
                known.beat_ms = now_ms + 1_000
            return
        for member in [name for name, known in self._members.items() if now_ms - known.beat_ms > SESSION_MS]:
            self.world.sometimes["a member is expelled"] += 1
            del self._members[member]
            self._prepare()
        if self._preparing and (now_ms > self._deadline_ms or all(known.joined for known in self._members.values())):
            self._settle()

    def _settle(self) -> None:
        self._members = {name: known for name, known in self._members.items() if known.joined}
        self.generation += 1
        self._preparing = False
        self._assigned = {name: [] for name in self._members}
        members = shuffled(self.world.chance, sorted(self._members))
        for number in range(JOINED_PARTITIONS):
            if members:
                self._assigned[members[number % len(members)]].append(number)
        for known in self._members.values():
            known.joined = False
        if self.generation > 1:
            self.world.sometimes["partitions are handed out anew"] += 1
