"""The Faust worker without Faust: the worker's own pure parts, moved by virtual time in the worker's order.

Real here: `folding.Partition`, `state`, `InFlight` (commit order, continuity), `restoring` (which changelog records
count), `Unsaved`, `in_turn`, `dead_letters.Limits`, `lost_logs` (is the changelog whole?). Modelled: what Faust and aiokafka
do between them, and the steps of `streams.worker.app`, `slices` and `producing`: written again here, so they may differ.
"""

from collections import defaultdict, deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from itertools import count
from typing import Final

from streams import topics, truck
from streams.topics import JOINED_PARTITIONS
from streams.worker import lost_logs, restoring
from streams.worker.dead_letters import Limits
from streams.worker.folding import Folded, Partition, number_of, partition_of
from streams.worker.in_flight import InFlight
from streams.worker.lost_logs import Reach
from streams.worker.role import INPUTS
from streams.worker.turns import in_turn
from streams.worker.unsaved import Encoded, Unsaved
from tests.simulation import shell
from tests.simulation.invariants import Invariants, Journal
from tests.simulation.log import SESSION_MS, TP, Group, Log, Producer, Record
from tests.simulation.world import Ended, Process, shuffled

CHANGELOG: Final = "state-changelog"
FLUSH_MS: Final = 20_000
STALL_MS: Final = 30_000
MOST_IN_FLIGHT: Final = 16
MOST_WAITING: Final = 64
"""Slices whose outputs wait for their states, before the next has to wait as well."""
LONG_SLICE_MS: Final = 300.0
"""What a slice takes on a core that has other work."""
FETCHED: Final = 100
"""Records of one partition in one fetch."""

Steps = Generator[float, None, None]


class Slice:
    """Records of one partition, handed out together."""

    def __init__(self, tp: TP, records: Sequence[Record]) -> None:
        self.tp = tp
        self.records = records
        self.offset = records[-1].offset
        self.acked = False


class Kept:
    """States of a slice on their way to the changelog."""

    def __init__(self, pending: int) -> None:
        self.pending = pending


class Said:
    """Outputs of a slice, and the states they follow from; or, without outputs, a mark that all before it was sent."""

    def __init__(self, kept: Kept, folded: Folded | None = None) -> None:
        self.kept = kept
        self.folded = folded
        self.reached = False


class Worker(Process):
    """One life of a worker."""

    def __init__(self, invariants: Invariants, group: Group, instance: str, wait_ms: float = 0.0) -> None:
        world, log = invariants.world, invariants.log
        super().__init__(world, f"worker {instance} {world.chance.randrange(10**9)}")
        self.log, self.group, self.invariants = log, group, invariants
        self.reference = invariants.reference
        self.instance = instance if world.options.static_members else None
        self.producer = Producer(self, log)
        self.table: dict[bytes, bytes] = {}
        self.restored: dict[int, int] = {}
        """Changelog offset up to which the table is, by partition (Faust: ``active_offsets``)."""
        self.next: dict[int, int] = {}
        """Changelog offset the next own record is expected at, by partition."""
        self.lines = defaultdict[int, restoring.Line](restoring.Line)
        self.writer = b"%d" % world.chance.randrange(10**9)
        self.numbers: list[int] = []
        self.generation = 0
        self.noted: dict[TP, int] = {}
        """Offsets known to be committed."""
        self.positions: dict[TP, int] = {}
        self.looked: dict[int, int] = {}
        """Records of each partition number when it was last looked at."""
        self.in_flight: InFlight[TP] = InFlight()
        self.partitions: dict[int, Partition] = {}
        self.unsaved = Unsaved()
        self.said: deque[Said] = deque()
        """Outputs that wait for their states."""
        self.newest: dict[int, Kept] = {}
        """By partition number the states that were taken out last to be written."""
        self.turns: deque[int] = deque()
        """Who takes states out and sends them, and who waits for that: the first has the turn."""
        self.tickets = count()
        self.forgotten = 0
        """How often the partitions were forgotten."""
        self.journals: dict[int, Journal] = {}
        self.limits = Limits()
        self.queue: deque[Slice] = deque()
        self.handing_out = False
        self.rejoin = False
        self.stopping = False
        self.undone = False
        """Something was done since the last commit."""
        self.committing = False
        self.progress_ms = world.now_ms
        self.on_death.append(lambda: invariants.forget_owed(self))
        self.start(self._life(), wait_ms + world.between(300, 1_500))

    # ------------------------------------------------------------------------- life

    def _life(self) -> Steps:
        self.limits = Limits()
        while not self.connected:
            yield 100
        self.group.join(self.name, self.instance)
        self.start(self._beats(), 10)
        while True:
            yield from self._assigned()
            if not self.rejoin:
                yield from self._restore()
            while not self.rejoin and not self.stopping:
                self._hand_out()
                idle = not self.queue
                yield from self._work()
                yield self.world.between(100, 1_500 if idle else 600)
            yield from self._revoke()
            if self.stopping:
                if self.connected:
                    self.group.leave(self.name)
                self.die()
                yield 0

    def stop(self) -> None:
        """SIGTERM."""
        self.stopping = True

    def pause(self, for_ms: float) -> None:
        """SIGSTOP, and SIGCONT later: whoever sleeps longer than the session ends itself, a moment after it woke."""
        self.paused_until_ms = self.world.now_ms + for_ms
        if for_ms > SESSION_MS:
            self.world.after(for_ms + self.world.between(0, 1_000), self._end_as_zombie)

    def _end_as_zombie(self) -> None:
        if self.alive:
            self.world.sometimes["a zombie ends itself"] += 1
            self.die()

    def _assigned(self) -> Steps:
        """Wait for partitions."""
        self.rejoin = False
        while True:
            found = self.group.assignment(self.name) if self.connected else None
            if found is not None:
                break
            if self.connected and self._beat() == "unknown":
                self.group.join(self.name, self.instance)
            yield 60
        self.rejoin = False
        self.generation, numbers = found
        for number in set(self.numbers) - set(numbers):
            self.restored.pop(number, None)
        self.numbers = numbers

    def _revoke(self) -> Steps:
        """Finish what was handed out, commit it, forget the partitions, ask for others."""
        self.handing_out = False
        yield from self._work()
        if self.world.happens(0.2):  # a fetch that comes back now seeks, beside this commit
            self.start(self._seek_late(), self.world.between(0, 30))
        yield from self._commit()
        self.point("revoked")
        self._forget()
        if self.stopping:
            return
        while not self.connected:
            yield 100
        if self._beat() == "unknown":
            self.group.join(self.name, self.instance)
        else:
            self.group.rejoin(self.name)

    def _seek_late(self) -> Steps:
        self._forget()
        yield 0

    def _overtake(self) -> Steps:
        """Not all was waited for: Faust clears its queues, and the partitions are forgotten under a slice."""
        if self.rejoin:
            self.queue.clear()
            self._forget()
        yield 0

    def _forget(self) -> None:
        self.forgotten += 1
        self.in_flight.forget()
        shell.forget_partitions(self)
        self.invariants.forget_owed(self)

    def _restore(self) -> Steps:
        """Bring the table up to the changelog; then begin at the committed offsets."""
        yield from self._flush(15_000)
        for number in self.numbers:
            yield from self._restore_partition(number)
        if self.rejoin:
            self.world.sometimes["restoring is interrupted"] += 1
            return
        for key in [key for key in self.table if number_of(key) not in self.numbers]:
            del self.table[key]
        while not self.connected:
            yield 100
        self._look_at_changelog()
        self._seek()

    def _look_at_changelog(self) -> None:
        """End if states that were kept before the last commits are not there any more: people must decide."""
        notes = self.group.notes
        told = lost_logs.told((n, notes.get((topic.name, n), "")) for n in self.numbers for topic in INPUTS)
        for number in self.numbers:
            found = Reach(0, self.log.end((CHANGELOG, number)))
            if not shell.is_whole(lost_logs.states_gone(CHANGELOG, number, told.get(number), found)):
                raise Ended("changelog: states are gone")

    def _restore_partition(self, number: int) -> Steps:
        """Read one partition's changelog from where the table has it, slice by slice."""
        changelog = self.log.partitions[CHANGELOG, number]
        end, size = shell.restore_until(len(changelog)), 50
        seen = self.restored.setdefault(number, -1)
        compacted = self.log.compacted((CHANGELOG, number))
        self.world.sometimes["a state is compacted away"] += len(compacted)
        while seen < end - 1 and not self.rejoin:
            if not self.connected:
                yield 100
                continue
            records = changelog[seen + 1 : min(end, seen + 1 + size)]
            there = [record for record in records if record.offset not in compacted]
            displaced = self.lines[number].displaced
            self.table.update(self.lines[number].read(there))
            self.world.sometimes["a state is left out"] += self.lines[number].displaced - displaced
            seen = self.restored[number] = records[-1].offset
            self.point("restoring")
            yield self.world.between(1, 10 + (self.world.options.slow_restore_ms if self.world.faults else 0.0))

    def _seek(self) -> None:
        for number in self.numbers:
            for topic in INPUTS:
                tp = (topic.name, number)
                self.positions[tp] = self.noted[tp] = self.group.committed.get(tp, 0)
        if shell.hands_out_before_clearing(self):
            self.handing_out = True
            self._hand_out()
        self.queue.clear()
        self._forget()
        self.looked.clear()
        self.handing_out = True
        self.progress_ms = self.world.now_ms

    # ------------------------------------------------------------------------- slices

    def _hand_out(self) -> None:
        """Fetch what is there while not too many slices are under way, and hand it out in turn."""
        if not self.connected or not self.handing_out or self.rejoin:
            return
        if self.in_flight.count() >= MOST_IN_FLIGHT:
            for known in self.in_flight.partitions():
                self.in_flight.committable(known)
            if self.in_flight.count() >= MOST_IN_FLIGHT:
                self.world.sometimes["too much is under way"] += 1
                return
        fetched = self._fetch()
        for tp, records in in_turn(fetched, self.world.options.slice_records, comes_last=shell.comes_last):
            hole = self.in_flight.hole(tp, records[0].offset, records[-1].offset, committed=self.noted[tp])
            if hole is not None:
                raise Ended(f"hole: {hole}")
            self._watch_ticks(tp, records)
            one = Slice(tp, records)
            self.positions[tp] = one.offset + 1
            self.in_flight.hand_out(tp, one)
            self.queue.append(one)

    def _fetch(self) -> dict[TP, Sequence[Record]]:
        """Return unread records of the partitions that have some, in any order of partitions."""
        fetched: dict[TP, Sequence[Record]] = {}
        news = [number for number in self.numbers if self.looked.get(number) != self.log.appended[number]]
        for number in shuffled(self.world.chance, news):
            self.looked[number] = self.log.appended[number]
            for topic in shuffled(self.world.chance, INPUTS):
                tp = (topic.name, number)
                at = self.positions[tp]
                if at < self.log.end(tp) and self.world.happens(self.world.options.split_fetches):
                    self.looked.pop(number, None)  # another broker has it: it comes with the next fetch
                elif at < self.log.end(tp):
                    fetched[tp] = self.log.partitions[tp][at : at + FETCHED]
                    if at + FETCHED < self.log.end(tp):
                        self.looked.pop(number, None)
        return fetched

    def _watch_ticks(self, tp: TP, records: Sequence[Record]) -> None:
        """Count where time runs ahead: a tick is read before a report that was there before it."""
        if tp[0] != topics.TICKS.name:
            return
        reports = (topics.TRUCK_STATES.name, tp[1])
        at = self.positions[reports]
        if at < self.log.end(reports) and self.log.partitions[reports][at].timestamp_ms < records[-1].timestamp_ms:
            self.world.sometimes["a tick is read before an earlier report"] += 1
            self.invariants.ahead.add(tp[1])

    def _work(self) -> Steps:
        while self.queue:
            long_ms = LONG_SLICE_MS if self.world.happens(self.world.options.overtaking) else 0.0
            yield self.world.between(0.2, 2 + long_ms)
            if not self.queue:
                break
            yield from self._judge(self.queue.popleft())
            if self.rejoin and self.queue:
                self.world.sometimes["a rebalance finds slices under way"] += 1
            elif self.world.happens(0.2):  # fetching goes on meanwhile
                self._hand_out()

    def _judge(self, one: Slice) -> Steps:
        """What `streams.worker.app` does with a slice, in its order."""
        topic, number = one.tp
        partition, forgotten = self._partition(number), self.forgotten
        folded = partition.fold(topic, one.records, self.reference, truck.DEFAULT_SETTINGS, self.noted[one.tp])
        self.world.sometimes["a record is offered again"] += folded.repeated
        self.journals[number].folded(one.tp, one.records, self.noted[one.tp])
        self.invariants.folded(self, one.tp, one.records, folded)
        dead = [letter.offset for letter in folded.letters if letter.offset is not None]
        self.limits.count(topic, number, [record.offset for record in one.records], dead)
        self.unsaved.note(number, folded.changed)
        self.point("a slice is folded")
        if folded.outputs:
            yield from self._write(number, lambda: self._take(number, folded.spoke, forgotten), folded)
        self.point("a slice is done")
        one.acked = True
        self._commit_soon()

    def _take(self, number: int, keys: set[str], forgotten: int) -> Encoded | None:
        """Take states out, unless the partitions were forgotten since they were folded: then None."""
        if shell.was_forgotten(self, forgotten):
            self.world.sometimes["a slice is overtaken"] += 1
            return None
        return self.unsaved.take(number, keys)

    def _partition(self, number: int) -> Partition:
        known = self.partitions.get(number)
        if known is None:
            known = Partition(number, {key.decode(): value for key, value in self.table.items()})
            self.partitions[number] = known
            self.journals[number] = Journal(dict(self.table))
        return known

    def save(self) -> Steps:
        """Write all changed states: before what they have folded in is committed."""
        for number in self.unsaved.numbers():
            yield from self._write(number, partial(self.unsaved.take_all, number))
            yield 0.1

    def _write(self, number: int, take: Callable[[], Encoded | None], folded: Folded | None = None) -> Steps:
        """Take states out and send them, in turn with whoever else does; then what was said may follow.

        Between taking and sending, the client may have to wait for the broker.
        """
        turn = self._take_turn()
        while shell.another_writes(self, turn):
            yield 1
        if folded is not None and self.rejoin and self.world.happens(self.world.options.overtaking):
            self.start(self._overtake())
            yield 2  # it had to wait for its turn, and nobody waited for it
        encoded = take()
        if encoded is None:  # nothing is said either: what led to it is read again
            self.turns.remove(turn)
            return
        for key, value in encoded:
            self.table[key] = value
            self.invariants.wrote(key, value, self.journals[number])
        kept = Kept(len(encoded))
        if encoded:
            self.newest[number] = kept
        yield self.world.between(0.1, 1) if self.world.happens(0.7) else self.world.between(1, 40 + self._slow_ms())
        may_go = shell.may_go(self.lines[number], encoded) if encoded else []
        for name, value in encoded:
            self._send_row(number, restoring.record_key(name, self._place(number), self.writer), value, kept)
            self.point("a state is sent")
        for key in may_go:
            self._send_row(number, key, None, None)
        if folded is not None:
            while len(self.said) >= MOST_WAITING:
                yield 1
            self._say(Said(self.newest.get(number, kept), folded))  # where a commit took them, they are its
        self.turns.remove(turn)

    def _take_turn(self) -> int:
        """Queue for the turn of who writes states: first come, first served, as by asyncio's lock."""
        turn = next(self.tickets)
        self.turns.append(turn)
        return turn

    def _slow_ms(self) -> float:
        """How long the client's one waiting batch of a partition may keep the next."""
        return min(self.world.options.slow_broker_ms, 400.0) if self.world.faults else 0.0

    def _send_row(self, number: int, key: bytes, value: bytes | None, kept: "Kept | None") -> None:
        """Send a state, or word that a record may go."""
        at = self._place(number)
        self.next[number] = at + 1
        self.producer.send((CHANGELOG, number), key, value, (), partial(self._own, kept, key, number, at))

    def _place(self, number: int) -> int:
        """Return where the next state goes: behind what was restored, and behind what was written since."""
        return max(self.next.get(number, 0), self.restored.get(number, -1) + 1)

    def _own(self, kept: "Kept | None", key: bytes, number: int, expected: int, offset: int) -> None:
        """Hear where the broker put a record, before what waits for it hears that it is kept."""
        if not self.alive:
            return
        if shell.is_out_of_place(expected, offset):
            self.world.sometimes["another wrote to the changelog meanwhile"] += 1
            self.die()
            return
        if number in self.restored:
            self.restored[number] = max(self.restored[number], offset)
        if kept is not None:
            self.lines[number].counts(key)
            kept.pending -= 1

    def _say(self, said: Said) -> None:
        """Have outputs sent when their states are kept, in the order they were said; nobody waits for it."""
        self.said.append(said)
        if len(self.said) == 1:
            self.start(self._send_said())

    def _send_said(self) -> Steps:
        while self.said:
            said = self.said[0]
            if said.folded is not None:
                yield from shell.keep(self, said.kept)
                self.point("states are kept, nothing is said")
                for output in said.folded.outputs:
                    number = partition_of((output.key or b"").decode(errors="replace"))
                    self.producer.send((output.topic, number), output.key, output.value, output.headers)
                    self.point("an output is sent")
                yield self.world.between(0.1, 1)
            said.reached = True
            self.said.popleft()

    # ------------------------------------------------------------------------- commits and heartbeats

    def _commit_soon(self) -> None:
        """The commit interval of Faust, begun anew when there is something to commit."""
        if not self.undone:
            self.undone = True
            self.start(self._commit_if_handing_out(), self.world.options.commit_ms)

    def _commit_if_handing_out(self) -> Steps:
        if self.handing_out and not self.rejoin and not self.stopping:
            yield from self._commit()

    def _commit(self) -> Steps:
        """Commit when no other commit is under way, as Faust does: of two at once the older might arrive last."""
        while self.committing:
            yield 5
        self.committing = True
        yield from self._commit_now()
        self.committing = False

    def _commit_now(self) -> Steps:
        self.undone = False
        offsets: dict[TP, int] = {}
        for tp in self.in_flight.partitions():
            done = self.in_flight.committable(tp)
            if done is not None and done > self.noted.get(tp, 0) and tp[1] in self.numbers:
                offsets[tp] = done
        if not offsets:
            return
        generation, forgotten = self.generation, self.forgotten
        yield from shell.save(self)
        yield from shell.confirm(self)
        if shell.was_overtaken(self, forgotten):
            self.world.sometimes["a commit is overtaken"] += 1
            return
        self.point("all is confirmed, nothing committed")
        yield self.world.between(1, 15)
        if not self.connected:
            self._commit_soon()
            return
        notes = {tp: self._reach(tp[1]).note for tp in offsets}
        kept = self.group.commit(self.name, generation, offsets, notes)
        self.point("committed, not told")
        yield self.world.between(1, 15)
        if not kept:
            self._commit_soon()
        else:
            self.progress_ms = self.world.now_ms
            if generation == self.generation:
                for tp, offset in offsets.items():
                    self.noted[tp] = max(offset, self.noted.get(tp, 0))

    def _reach(self, number: int) -> Reach:
        """Return the part of a changelog that is known to be there: restored, or confirmed by the broker."""
        return Reach(0, self.restored.get(number, -1) + 1)

    def _flush(self, within_ms: float = FLUSH_MS) -> Steps:
        """Wait until the broker has confirmed everything queued so far: what is said behind a mark is not waited for."""
        give_up_ms = self.world.now_ms + within_ms
        turn, mark = self._take_turn(), Said(Kept(0))
        while shell.another_writes(self, turn):
            yield self._patience(give_up_ms)
        self._say(mark)
        self.turns.remove(turn)
        while not shell.is_reached(mark):
            yield self._patience(give_up_ms)
        sent = set(self.producer.unconfirmed)
        while not sent.isdisjoint(self.producer.unconfirmed):
            yield self._patience(give_up_ms)

    def _patience(self, give_up_ms: float) -> float:
        if self.world.now_ms > give_up_ms:
            raise Ended("flush: the broker did not confirm everything")
        return 5

    def _beats(self) -> Steps:
        while True:
            yield 1_000
            if self.connected and not self.rejoin and self.handing_out:
                self.rejoin = self._beat() != "ok"
            elif self.connected:
                self.rejoin = self._beat() != "ok" or self.rejoin
            if self.world.now_ms - self.progress_ms > 10_000 and not self._lag():
                self.progress_ms = self.world.now_ms
            elif self.world.now_ms - self.progress_ms > STALL_MS:
                raise Ended("stall: no progress")

    def _beat(self) -> str:
        """Say that it lives; one whose static identity another has taken over ends."""
        said = self.group.beat(self.name, self.instance)
        if said == "fenced":
            raise Ended("fenced: another has this identity")
        return said

    def _lag(self) -> int:
        """Return how many records wait for this worker."""
        return sum(
            self.log.end((topic.name, number)) - self.noted.get((topic.name, number), 0)
            for topic in INPUTS
            for number in self.numbers
        )


def lag(log: Log, group: Group, before_ms: float) -> int:
    """Return how many records that came before a time are not committed."""
    return sum(
        record.timestamp_ms < before_ms
        for topic in INPUTS
        for number in range(JOINED_PARTITIONS)
        for record in log.partitions[topic.name, number][group.committed.get((topic.name, number), 0) :]
    )
