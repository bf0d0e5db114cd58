"""What the stream shell costs a fix, beside its peers in one run: CPU time, real Kafka. ``make bench-streams``.

Each program reads the same fixes of 500 trucks from `truck-states`, decodes each into the same struct with the same
decoder, keeps one small state a truck with a changelog, and commits twice a second. All of them count, and do
nothing else. The CPU time of the whole process is taken between the commit of the first tenth and of the
last fix, so that neither start nor end counts; the round is repeated and the median printed.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Final

import psutil

from streams import topics
from tests.benchmarks.group_watch import GroupWatch
from tests.benchmarks.programs import INSTALLED, cpu_s, install_peers, peer, running_broker
from tests.benchmarks.traffic import fill

PROGRAMS: Final[Mapping[str, tuple[str, str]]] = {
    "ours": (sys.executable, "ours.py"),
    "QuixStreams 3, state store": (str(INSTALLED / "bin" / "python"), "quix.py"),
    "Faust 0.15.3, plain agent": (sys.executable, "plain_faust.py"),
}
SHARE: Final = {"QuixStreams 3, state store": 0.3, "Faust 0.15.3, plain agent": 0.02}
"""The share of the fixes a slow program is given: its cost a fix does not depend on how many there are.

Each runs for about twenty seconds. At the first mark up to half a second's work is done and not committed yet, so a much
shorter run makes a quick program look quicker than it is (300,000 fixes gave ours 0.6 to 4.9 µs).
"""
GIVE_UP_S: Final = 600.0


def main() -> None:
    """Fill a topic for each program, run it, print its CPU a fix."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=3_000_000)
    arguments.add_argument("--rounds", type=int, default=3)
    given = arguments.parse_args()
    install_peers()
    costs_us: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    with running_broker() as bootstrap:
        fill(bootstrap, given.records)
        for number in range(given.rounds):
            for program in PROGRAMS:
                count = int(given.records * SHARE.get(program, 1.0))
                costs_us[program].append(_measured_us(program, bootstrap, number, count))
                print(f"  round {number + 1}: {program:32} {costs_us[program][-1]:8.1f} µs CPU a fix", flush=True)
    ours_us = statistics.median(costs_us["ours"])
    for program, found_us in costs_us.items():
        each_us = statistics.median(found_us)
        print(f"{'shell: ' + program:40} {each_us:8.1f} µs CPU a fix   {each_us / ours_us:6.1f} × ours")


def _measured_us(program: str, bootstrap: str, number: int, count: int) -> float:
    """Run a program in a group of its own over the topic; return µs of CPU a fix."""
    group = f"bench-{number}-{list(PROGRAMS).index(program)}"
    with (
        peer(*PROGRAMS[program], bootstrap, group, QINGYUN_WORKER_LOG_LEVEL="ERROR") as process,
        closing(GroupWatch(bootstrap, group, topics.TRUCK_STATES)) as watch,
    ):
        first = _wait(process, watch, count // 10)
        began_s = cpu_s(process)
        last = _wait(process, watch, count)
        return (cpu_s(process) - began_s) * 1e6 / (last - first)


def _wait(process: psutil.Popen, group: GroupWatch, count: int) -> int:
    give_up_s = time.monotonic() + GIVE_UP_S
    while (committed := sum(group.committed().values())) < count:
        if process.poll() is not None or time.monotonic() > give_up_s:
            raise SystemExit(f"committed {committed} of {count}; exit code {process.poll()}: see its words above")
        time.sleep(0.05)
    return committed


if __name__ == "__main__":
    main()
