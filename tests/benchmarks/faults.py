"""What an exception and kill -9 do to plain Faust, and to us, on the same fixes: real Kafka. ``make bench-streams``.

Counted: how often each fix was folded into its truck's state, from the changelog that the program itself left. Each
fault is a program that must be exact with us; that it is not with plain Faust says why our shell exists, and will say so
when Faust has mended it.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
import psutil

from services import bus
from streams import state, topics
from streams.topics import Topic
from tests.benchmarks.group_watch import GroupWatch
from tests.benchmarks.programs import peer, running_broker, until
from tests.benchmarks.traffic import TRUCKS, fill

QUIET: Final = {"QINGYUN_WORKER_LOG_LEVEL": "CRITICAL", "QINGYUN_WORKER_SLICE_RECORDS": "50"}
"""Ours hands out many small slices, so that there are many places to be killed at, and does not tell of each end."""
FIXES: Final = 40_000


class Fault(NamedTuple):
    """What is done to a program while it reads. It is started again whenever it ends, as a supervisor does."""

    title: str
    raises: bool = False
    """One fix raises an exception, once."""
    kills: int = 0
    """Times it is killed with -9 on the way."""


FAULTS: Final = (Fault("one fix raises an exception, once", raises=True), Fault("killed with -9, three times", kills=3))


class Program(NamedTuple):
    """A program, the end of its changelog's name, and how many fixes a state there has folded in."""

    script: str
    changelog: str
    count: Callable[[bytes], int]


PROGRAMS: Final = (
    Program("plain_faust.py", "counts-changelog", msgspec.json.decode),
    Program("ours.py", "state-changelog", lambda value: state.decode("truck", value).state.order.arrivals),
)


class Counted(NamedTuple):
    """Fixes that are in no state, and fixes that are in theirs more than once."""

    lost: int
    doubled: int


def main() -> int:
    """Print a line a fault and program; 1 if ours is not exact."""
    ours_wrong = 0
    with running_broker() as bootstrap:
        fill(bootstrap, FIXES)
        for number, fault in enumerate(FAULTS):
            for program in PROGRAMS:
                group = f"fault-{number}-{program.script.partition('.')[0]}"
                _until_read(bootstrap, program, group, fault)
                found = _counted(bootstrap, f"{group}-{program.changelog}", program.count)
                print(
                    f"{fault.title:36} {program.script:16} lost {found.lost:5}   doubled {found.doubled:5}", flush=True
                )
                ours_wrong += program.script == "ours.py" and found != Counted(0, 0)
    return 1 if ours_wrong else 0


def _until_read(bootstrap: str, program: Program, group: str, fault: Fault) -> None:
    """Run a program until it has committed all, with the fault on the way."""
    marks = [FIXES * (number + 1) // (fault.kills + 2) for number in range(fault.kills)]
    with closing(GroupWatch(bootstrap, group, topics.TRUCK_STATES)) as watch, tempfile.TemporaryDirectory() as scratch:
        marker = Path(scratch) / "raised"
        given = {"BENCH_RAISE_ONCE": str(marker)} if fault.raises else {}
        while _committed(watch) < FIXES:
            with peer(sys.executable, program.script, bootstrap, group, **QUIET, **given) as process:
                _until(process, watch, marks[0] if marks else FIXES)
                if marks and process.poll() is None:
                    del marks[0]  # leaving the context kills it
                elif process.poll() is None:
                    time.sleep(2)  # table writes that are under way
        if fault.raises and not marker.exists():
            raise SystemExit(f"{program.script} did not raise")


def _until(process: psutil.Popen, watch: GroupWatch, count: int) -> None:
    until(lambda: process.poll() is not None or _committed(watch) >= count, f"{count} records", within_s=300)


def _committed(watch: GroupWatch) -> int:
    return sum(watch.committed().values())


def _counted(bootstrap: str, changelog: str, count: Callable[[bytes], int]) -> Counted:
    each = FIXES // TRUCKS
    found = dict.fromkeys((f"t{number:03}" for number in range(TRUCKS)), 0)
    topic = Topic(name=changelog, key="truck", record=None, written_by="worker")
    with closing(bus.Follower(bootstrap, [topic], client_id="bench")) as follower:
        for record in follower.read_to_end():
            if record.value is not None and record.key is not None:
                found[record.key.decode().strip('"').removeprefix("truck:")] = count(record.value)
    return Counted(
        lost=sum(max(0, each - had) for had in found.values()),
        doubled=sum(max(0, had - each) for had in found.values()),
    )


if __name__ == "__main__":
    sys.exit(main())
