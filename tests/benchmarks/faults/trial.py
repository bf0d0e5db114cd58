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
from contextlib import closing, suppress
from pathlib import Path
from typing import Final, NamedTuple, Self

import psutil

from services import bus
from streams import state, topics
from streams.topics import Topic
from tests import worker_process
from tests.benchmarks.faults.ways import Ways
from tests.benchmarks.group_watch import GroupWatch
from tests.benchmarks.programs import start_peer, until
from tests.benchmarks.traffic import TRUCKS, ends

SESSION_S: Final = 6.0
"""Of both programs; the least the broker allows."""
STOP_S: Final = 20.0
STILL_S: Final = 20.0
"""Who commits nothing for so long, with records to read, stands still: sessions, restarts and time-outs of both are shorter."""


class Program(NamedTuple):
    """A program, the end of its changelog's name, and how many fixes a state there has folded in."""

    script: str
    changelog: str
    count: Callable[[bytes], int]


def _plain_count(value: bytes) -> int:
    """Of a count, or of one with its padding."""
    count = json.loads(value)
    return int(count[0] if isinstance(count, list) else count)


PLAIN: Final = Program("plain_faust.py", "counts-changelog", _plain_count)
OURS: Final = Program("ours.py", "state-changelog", lambda value: state.decode("truck", value).state.order.arrivals)


class Found(NamedTuple):
    """What a fault left behind."""

    lost: int
    """Fixes that are committed and in no state."""
    doubled: int
    """Fixes that are in their state more than once."""
    unread: int
    """Records that nobody read any more, whatever was waited for."""
    unsaid: int
    """What went wrong without anybody being told: no dead letter, no end of the process."""


class Trial:
    """A program in a consumer group of its own. Use as a context manager: nothing is left running.

    ``fixes``: of all trucks together; ``settings``: of the program's environment.
    """

    def __init__(
        self, program: Program, ways: Ways, *, folder: Path, log: Path, fixes: int, settings: Mapping[str, str]
    ) -> None:
        self.ways = ways
        self.fixes = fixes
        self._group = program.script.removesuffix(".py")
        self.restarts = 0
        self.changelog = Topic(name=f"{self._group}-{program.changelog}", key="truck", record=None, written_by="worker")
        self._program, self._settings = program, settings
        self._folder, self._log = folder, log
        self._watch = GroupWatch(ways.bootstrap, self._group, topics.TRUCK_STATES)
        self._records = sum(ends(ways.bootstrap).values())
        self._running: list[psutil.Popen] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._watch.close()

    # ----------------------------------------------------------------------------- what is done to it

    def start(self) -> psutil.Popen:
        """Start one more of it."""
        process = start_peer(
            sys.executable, self._program.script, self.ways.told, self._group, folder=self._folder, log=self._log,
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
        """End one in order, as an update does; one that does not end is killed."""
        self._running.remove(process)
        process.send_signal(signal.SIGTERM)
        with suppress(psutil.TimeoutExpired, subprocess.TimeoutExpired):
            process.wait(STOP_S)
        worker_process.end(process)

    def stop_all(self) -> None:
        """End all in order: table writes that are under way come out."""
        for process in list(self._running):
            self.stop(process)

    # ----------------------------------------------------------------------------- what is waited for

    def until(self, holds: Callable[[], bool], what: str, within_s: float = 60.0) -> None:
        """Wait until it holds; whatever ends meanwhile is started again. Ends the benchmark if it does not come."""
        until(lambda: self._tended() and holds(), f"{what} ({self._program.script})", within_s, every_s=0.05)

    def until_committed(self, share: float) -> None:
        """Wait until so much of all records is committed."""
        self.until(lambda: self.committed() >= share * self._records, f"{share:.0%} of the records")

    def until_read(self) -> bool:
        """Wait until everything is committed; tell whether that came, or nothing moved any more."""
        before, moved_s = -1, time.monotonic()
        while (committed := self.committed()) < self._records:
            self._tended()
            if committed != before:
                before, moved_s = committed, time.monotonic()
            elif time.monotonic() - moved_s > STILL_S:
                return False
            time.sleep(0.05)
        return True

    def until_members(self, count: int) -> None:
        """Wait until so many have shared the partitions between them."""
        self.until(lambda: self._watch.members() == count, f"{count} members")

    def committed(self) -> int:
        """Return how many records are committed."""
        return sum(self._watch.committed().values())

    def _tended(self) -> bool:
        for process in list(self._running):
            if process.poll() is not None:
                self._running.remove(process)
                self.restarts += 1
                self.start()
        return True

    # ----------------------------------------------------------------------------- what is left

    def found(self, unsaid: int) -> Found:
        """Count what is in the states that the program left, against the fixes and what it has committed."""
        each = self.fixes // TRUCKS
        had = self._states()
        unread = self._records - self.committed()
        return Found(
            lost=max(0, sum(max(0, each - one) for one in had.values()) - unread),
            doubled=sum(max(0, one - each) for one in had.values()),
            unread=unread,
            unsaid=unsaid,
        )

    def _states(self) -> dict[str, int]:
        """Return the fixes each truck of the traffic has folded in."""
        had = dict.fromkeys((f"t{number:03}" for number in range(TRUCKS)), 0)
        with closing(bus.Follower(self.ways.bootstrap, [self.changelog], client_id="bench")) as follower:
            for name, value, _ in worker_process.states(follower.read_to_end()):
                truck_id = name.strip('"').removeprefix("truck:")
                if truck_id in had:
                    had[truck_id] = self._program.count(value)
        return had
