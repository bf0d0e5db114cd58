"""One program under one fault: kept running as by a supervisor, looked at from outside, counted afterwards.

Counted is how often each fix was folded into its truck's state, from the changelog that the program itself left: what a
successor would start from.
"""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import psutil
from kafka import KafkaAdminClient
from kafka.admin import MemberToRemove

from services import bus
from streams import state, topics
from streams.topics import Topic
from tests import worker_process
from tests.benchmarks.faults.ways import Ways
from tests.benchmarks.group_watch import GroupWatch
from tests.benchmarks.programs import PEERS, start_peer, until
from tests.benchmarks.traffic import TRUCKS, ends, fill

SESSION_S: Final = 6.0
"""Of both programs; the least the broker allows."""
MORE: Final = TRUCKS
"""Fixes that come later: one of each truck."""
STOP_S: Final = 20.0
"""Who does not end within this after it was asked to is killed."""
STILL_S: Final = 30.0
"""Who commits nothing for so long, with records to read, stands still: sessions, starts and time-outs of both are shorter."""
STILL_STARTS: Final = 4
"""Who commits nothing between so many starts stands still as well."""


class Program(NamedTuple):
    """A program, the end of its changelog's name, and how many fixes a state there has folded in."""

    script: Path
    changelog: str
    count: Callable[[bytes], int]
    settings: Mapping[str, str] = {}
    """Of its environment, beside the fault's."""

    @property
    def name(self) -> str:
        """Its file's."""
        return self.script.name


def _plain_count(value: bytes) -> int:
    """Of a count, or of one with its padding."""
    count = json.loads(value)
    return int(count[0] if isinstance(count, list) else count)


PLAIN: Final = Program(PEERS / "plain_faust.py", "counts-changelog", _plain_count)
OURS: Final = Program(
    PEERS / "ours.py", "state-changelog", lambda value: state.decode("truck", value).state.order.arrivals
)


def other(agent: str, **settings: str) -> Program:
    """Return plain Faust with an agent of `other_agents`."""
    script = Path(__file__).with_name("other_agents.py")
    return PLAIN._replace(script=script, settings={"BENCH_AGENT": agent, **settings})


class Found(NamedTuple):
    """What a fault left behind."""

    lost: int
    """Fixes that are committed and in no state."""
    doubled: int
    """Fixes that are in their state more than once."""
    unread: int
    """Records that nobody read any more, whatever was waited for."""
    unsaid: int
    """What went wrong without anybody being told: no dead letter, no end of the process; no end when it was asked to."""
    again_mb: int
    """What a program read again though it had it, where that was looked at."""


class Trial:
    """A program in a consumer group of its own. Use as a context manager: nothing is left running.

    ``fixes``: of all trucks together; ``settings``: of the program's environment.
    """

    def __init__(
        self, program: Program, ways: Ways, *, folder: Path, log: Path, fixes: int, settings: Mapping[str, str]
    ) -> None:
        self.ways = ways
        self.fixes = fixes
        self.folder = folder
        self._group = program.script.stem
        self.restarts = 0
        self.changelog = Topic(name=f"{self._group}-{program.changelog}", key="truck", record=None, written_by="worker")
        self._program, self._settings = program, {**settings, **program.settings}
        self._log = log
        self._watch = GroupWatch(ways.bootstrap, self._group, topics.TRUCK_STATES)
        self._records = sum(ends(ways.bootstrap).values())
        self._running: list[psutil.Popen] = []
        self._deaf = 0
        self.again_mb = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._watch.close()

    # ----------------------------------------------------------------------------- what is done to it

    def start(self) -> psutil.Popen:
        """Start one more of it."""
        process = start_peer(
            sys.executable, str(self._program.script), self.ways.told, self._group, folder=self.folder, log=self._log,
            QINGYUN_WORKER_SESSION_S=f"{SESSION_S:g}",
            # many small slices, so that there are many places to be hit at
            QINGYUN_WORKER_SLICE_RECORDS="50",
            BROKER_PRODUCER_URL=f"kafka://{self.ways.told_writers}",
            **self._settings,
        )  # fmt: skip
        self._running.append(process)
        return process

    def kill(self) -> None:
        """End whatever runs at once."""
        while self._running:
            worker_process.end(self._running.pop())

    def stop(self, process: psutil.Popen) -> None:
        """End one in order, as an update does; one that does not end is killed, and that counts as unsaid."""
        self._running.remove(process)
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_S)
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            self._deaf += 1
        worker_process.end(process)

    def stop_all(self) -> None:
        """End all in order: table writes that are under way come out."""
        for process in list(self._running):
            self.stop(process)

    def expel(self) -> None:
        """Put all members out of their group, as its administrator may; wait until they have joined again."""
        with self.admin() as admin:
            had = self._members(admin)
            admin.remove_group_members(self._group, [MemberToRemove(member_id=one) for one in had])
            self.until(
                lambda: not had & self._members(admin) and self._watch.members() == len(had), "them to come back"
            )

    def put_more(self, count: int) -> None:
        """Put further fixes of all trucks on the topic; returns when the broker has them."""
        fill(self.ways.bootstrap, count)
        self.fixes += count
        self._records = sum(ends(self.ways.bootstrap).values())

    # ----------------------------------------------------------------------------- what is waited for

    def until(self, holds: Callable[[], bool], what: str, within_s: float = 180.0) -> None:
        """Wait until it holds; whatever ends meanwhile is started again. Ends the benchmark if it does not come."""
        until(lambda: self._tended() and holds(), f"{what} ({self._program.name})", within_s, every_s=0.05)

    def until_committed(self, share: float) -> None:
        """Wait until so much of all records is committed."""
        self.until(lambda: self.committed() >= share * self._records, f"{share:.0%} of the records")

    def until_read(self) -> bool:
        """Wait until everything is committed; tell whether that came, or nothing moved any more for so long after a start."""
        seen, starts, since_s = (-1, 0), 0, 0.0
        while (committed := self.committed()) < self._records:
            self._tended()
            if committed != seen[0]:
                starts = self.restarts
            if (committed, self.restarts) != seen:
                seen, since_s = (committed, self.restarts), time.monotonic()
            if self.restarts - starts >= STILL_STARTS or time.monotonic() - since_s > STILL_S:
                return False
            time.sleep(0.05)
        return True

    def until_members(self, count: int) -> None:
        """Wait until so many have shared the partitions between them."""
        self.until(lambda: self._watch.members() == count, f"{count} members")

    def committed(self) -> int:
        """Return how many records are committed."""
        return sum(self._watch.committed().values())

    def _members(self, admin: KafkaAdminClient) -> set[str]:
        members: list[Any] = admin.describe_groups([self._group])[self._group]["members"]
        return {member["member_id"] for member in members}

    def _tended(self) -> bool:
        for process in list(self._running):
            if process.poll() is not None:
                self._running.remove(process)
                self.restarts += 1
                self.start()
        return True

    # ----------------------------------------------------------------------------- what is left

    def admin(self) -> "closing[KafkaAdminClient]":
        """Give the broker's administration, for a while."""
        return closing(KafkaAdminClient(bootstrap_servers=self.ways.bootstrap))

    def found(self, unsaid: int) -> Found:
        """Count what is in the states that the program left, against the fixes and what it has committed."""
        each = self.fixes // TRUCKS
        had = self._states()
        unread = self._records - self.committed()
        return Found(
            lost=max(0, sum(max(0, each - one) for one in had.values()) - unread),
            doubled=sum(max(0, one - each) for one in had.values()),
            unread=unread,
            unsaid=unsaid + self._deaf,
            again_mb=self.again_mb,
        )

    def _states(self) -> dict[str, int]:
        """Return the fixes each truck of the traffic has folded in."""
        had = dict.fromkeys((f"t{number:03}" for number in range(TRUCKS)), 0)
        if not bus.topic_ids(self.ways.bootstrap, [self.changelog]):
            return had
        with closing(bus.Follower(self.ways.bootstrap, [self.changelog], client_id="bench")) as follower:
            for name, value, _ in worker_process.states(follower.read_to_end()):
                truck_id = name.strip('"').removeprefix("truck:")
                if truck_id in had:
                    had[truck_id] = self._program.count(value)
        return had
