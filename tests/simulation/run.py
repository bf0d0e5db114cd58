"""One seed: faults for as long as the trucks drive, then everything heals, and what must hold in the end is checked."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple
from unittest.mock import patch

from services.recorder import recorder as real_recorder
from streams import state
from streams.topics import JOINED_PARTITIONS
from streams.worker.lost_logs import Reach
from tests.simulation import contents, journeys, truth
from tests.simulation import invariants as checks
from tests.simulation.devices import Desk, Metronome, Stranger, bring_up
from tests.simulation.doors import Disk, Doors, Doorway, sensors
from tests.simulation.invariants import CHANGELOG, Invariants
from tests.simulation.log import Group, Log
from tests.simulation.options import Options
from tests.simulation.planner import Planner
from tests.simulation.tables import _TOPICS, MemoryPartitions, MemorySink, Scribe, Tables
from tests.simulation.worker import Worker, lag
from tests.simulation.world import Process, Violation, World, supervise

HEAL_MS: Final = 120_000
"""All lag is gone within this virtual time (I8)."""
_COMMITTED_AFTER_MS: Final = 15_000
"""A record is committed so long after it came, at the latest: the longest commit interval, and a round."""
_SETTLE_MS: Final = 150_000
_ARRIVES_MS: Final = 30_000
"""After this nothing arrives any more of what dead processes had sent."""
_REFUSED_MS: Final = 60_000
"""How long it is looked whether workers go on without their states."""


class Outcome(NamedTuple):
    """What a seed showed. ``violation`` None = all held."""

    options: Options
    violation: str | None
    sometimes: Counter[str]
    records: int
    events: int
    cpu_s: float


def run(options: Options) -> Outcome:
    """Run one seed."""
    began_s = time.process_time()
    checks.forget_entities()
    city = City(options)
    violation = None
    logging.disable(logging.CRITICAL)
    try:
        with patch.multiple(real_recorder, sink=MemorySink, partitions=MemoryPartitions):
            city.live()
    except Violation as found:
        violation = f"{found} (at {(city.world.now_ms - journeys.START_MS) / 1000:.1f} s)"
    finally:
        logging.disable(logging.NOTSET)
        city.disk.remove()
    records = sum(len(records) for records in city.log.partitions.values())
    cpu_s = time.process_time() - began_s
    return Outcome(options, violation, +city.world.sometimes, records, city.world.events, cpu_s)


class City:
    """Everything of one run."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.world = world = World(options, journeys.START_MS)
        self.log = Log(world)
        self.invariants = Invariants(world, self.log, journeys.reference())
        self.workers: list[Process] = []
        self.twins: list[Process] = []
        self.no_workers_until_ms = 0.0
        self.scribes: list[Process] = []
        self.ingest: list[Process] = []
        self.group, self.readers = Group(world, "workers"), Group(world, "recorders")
        self.group.on_commit = self._committing
        self.tables = Tables(world, self.invariants)
        self.doorway, self.disk = Doorway(world), Disk()
        self.terminals = bring_up(world, self.doorway.report)
        self.planner = Planner(world, self.log, self.terminals)
        self._begin()

    def _begin(self) -> None:
        world, log = self.world, self.log
        for n in range(self.options.workers):
            supervise(world, lambda n=n: self._worker(f"w{n}"), self.workers)  # type: ignore[misc]
        for _ in range(2):
            supervise(world, lambda: Scribe(world, log, self.readers, self.tables), self.scribes)
        supervise(world, self._doors, self.ingest)
        Desk(world, log, self.terminals)
        Metronome(world, log)
        Stranger(world, log)
        sensors(world, self.doorway, self.options.minutes)
        for one in self.terminals:
            one.start()
        options = self.options
        self._now_and_then(options.crash_every_ms, self._crash)
        self._now_and_then(options.pause_every_ms, self._pause)
        self._now_and_then(options.cut_every_ms, self._cut)
        self._now_and_then(options.restart_every_ms, self._restart)
        self._now_and_then(options.machine_every_ms, self._machine)
        self._now_and_then(options.broker_away_every_ms, self._broker_away)
        self._now_and_then(options.twin_every_ms, self._twin)

    def _worker(self, instance: str) -> Worker:
        wait_ms = max(0.0, self.no_workers_until_ms - self.world.now_ms) if self.world.faults else 0.0
        return Worker(self.invariants, self.group, instance, wait_ms)

    def _doors(self) -> Doors:
        self.doorway.doors = Doors(self.world, self.log, self.invariants, self.disk)
        return self.doorway.doors

    def _committing(self, member: str, offsets: dict[tuple[str, int], int]) -> None:
        worker = next((one for one in [*self.workers, *self.twins] if one.name == member), member)
        self.invariants.committing(worker, self.group.committed, offsets)

    # ------------------------------------------------------------------------- faults

    def _now_and_then(self, every_ms: float, fault: Callable[[], None]) -> None:
        if every_ms:
            wait_ms = self.world.chance.expovariate(1 / every_ms)
            self.world.after(wait_ms, self._strike, every_ms, fault)

    def _strike(self, every_ms: float, fault: Callable[[], None]) -> None:
        if self.world.faults:
            fault()
            self._now_and_then(every_ms, fault)

    def _any(self) -> Process:
        return self.world.chance.choice([*self.workers, *self.workers, *self.scribes, *self.ingest] or [self.planner])

    def _crash(self) -> None:
        victim = self._any()
        if victim is not self.planner:
            self.world.sometimes["killed"] += 1
            victim.die()

    def _pause(self) -> None:
        victim, for_ms = self._any(), self.world.between(500, self.options.longest_pause_ms)
        self.world.sometimes["paused"] += 1
        if isinstance(victim, Worker):
            victim.pause(for_ms)
        else:
            victim.paused_until_ms = self.world.now_ms + for_ms

    def _cut(self) -> None:
        self.world.sometimes["cut from the broker"] += 1
        self._any().cut_until_ms = self.world.now_ms + self.world.between(500, 18_000)

    def _restart(self) -> None:
        if self.workers:
            victim = self.world.chance.choice(self.workers)
            self.world.sometimes["restarted as planned"] += 1
            victim.stop()  # type: ignore[attr-defined]

    def _machine(self) -> None:
        self.world.sometimes["all workers are gone for a while"] += 1
        self.no_workers_until_ms = self.world.now_ms + self.world.between(15_000, 60_000)
        for worker in [*self.workers, *self.twins]:
            worker.die()

    def _twin(self) -> None:
        """Somebody starts a second worker under an identity that is taken; nobody starts it again."""
        twin = self._worker("w0")
        self.twins.append(twin)
        twin.on_death.append(lambda: self.twins.remove(twin))

    def _broker_away(self) -> None:
        self.world.sometimes["the broker is away"] += 1
        self.world.broker_away_until_ms = self.world.now_ms + self.world.between(500, 30_000)

    # ------------------------------------------------------------------------- life

    def live(self) -> None:
        """Live through the faults and the healing; raise `Violation` for what does not hold."""
        end_ms = journeys.START_MS + self.options.minutes * 60_000
        if self.options.changelog_anew_ms:
            self._make_changelog_anew()
            return
        self.world.run(end_ms)
        self._heal()
        healed_ms = self._catch_up(end_ms)
        if healed_ms is None:
            raise Violation(f"I8: {HEAL_MS / 1000:.0f} s after the last fault: {self._waiting()}")
        self.world.run(max(healed_ms, end_ms) + _SETTLE_MS)
        if self._catch_up(self.world.now_ms) is None:
            raise Violation(f"I8: caught up, and behind again: {self._waiting()}")
        self.invariants.settled()
        truth.check(self.world, self.log, self.terminals, self.invariants)
        self._check_tables()
        self._check_planner()

    def _make_changelog_anew(self) -> None:
        """An operator does, while no worker runs: whoever starts must refuse to go on (stopped by rule)."""
        world = self.world
        world.run(journeys.START_MS + self.options.changelog_anew_ms)
        self._machine()
        gone_ms = world.now_ms + _ARRIVES_MS
        self.no_workers_until_ms = gone_ms
        world.run(gone_ms)
        for worker in [*self.workers, *self.twins]:
            worker.die()  # whoever came back too early, after another loss of its machine
        for number in range(JOINED_PARTITIONS):
            self.log.partitions[CHANGELOG, number].clear()
        before = dict(self.group.committed)
        world.run(world.now_ms + _REFUSED_MS)
        for tp, note in self.group.notes.items():
            reach = Reach.read(note)
            if reach is not None and reach.end and self.group.committed[tp] != before.get(tp):
                raise Violation(f"I3: {tp} is committed up to {self.group.committed[tp]}, the states before are gone")
        world.sometimes["stopped by rule: states are gone"] += world.sometimes["ended: changelog"] > 0

    def _heal(self) -> None:
        world = self.world
        world.faults = False
        world.broker_away_until_ms = 0.0
        for twin in list(self.twins):
            twin.die()
        for process in [*self.workers, *self.scribes, *self.ingest]:
            process.paused_until_ms = process.cut_until_ms = 0.0

    def _catch_up(self, end_ms: float) -> float | None:
        while self.world.now_ms < end_ms + HEAL_MS:
            self.world.run(self.world.now_ms + 1_000)
            if not self._waiting():
                return self.world.now_ms
        return None

    def _waiting(self) -> dict[str, int]:
        """Return what is not done, by kind: inputs not committed, records not in the tables, reports, spooled readings."""
        recorded = sum(
            self.log.end((topic, number)) - self.tables.next[topic, number]
            for topic in _TOPICS
            for number in range(JOINED_PARTITIONS)
        )
        doors = self.doorway.doors
        waiting = {
            "inputs": lag(self.log, self.group, self.world.now_ms - _COMMITTED_AFTER_MS),
            "records": recorded,
            "reports": sum(one.waiting for one in self.terminals),
            "readings": 1 if doors is None else doors.spool.entries,
        }
        return {name: count for name, count in waiting.items() if count}

    def _check_tables(self) -> None:
        """Every report of the terminals has its row, and every table what the log has (I1, I2 of the tables)."""
        reports = {(t.truck_id, report.event_time_ms) for t in self.terminals for report in t.reports}
        kept = {(row["truck_id"], row["event_time_ms"]) for row in self.tables.rows["positions"].values()}
        if reports != kept:
            raise Violation(
                f"I1: the table positions lacks {sorted(reports - kept)[:3]}, has {sorted(kept - reports)[:3]}"
            )
        contents.check(self.log, self.tables)

    def _check_planner(self) -> None:
        """What the planner heard is what the states say."""
        for key, value in self.invariants.final_states().items():
            kind, _, name = key.decode().partition(":")
            if kind == "bin":
                due = state.decode("bin", value).state.filling.due
                if self.planner.due.get(name, False) != due:
                    raise Violation(f"I1: bin {name} is due: {due}; the planner heard {self.planner.due.get(name)}")
