"""One, two and four workers share the partitions: real Kafka. ``make bench-streams``.

How fast they are through a backlog, and how long a restart in turn holds fixes up.
"""

import argparse
import signal
import threading
import time
from contextlib import ExitStack, closing

import psutil

from streams import topics
from tests.benchmarks.group_watch import GroupWatch
from tests.benchmarks.programs import cpu_s, running_broker, until
from tests.benchmarks.traffic import Traffic, fill
from tests.worker_process import end, running, start

WORKERS = (1, 2, 4)


def main() -> None:
    """Print a line for each number of workers, then one for the restart in turn."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--fixes", type=int, default=300_000, help="how long the backlog is")
    given = arguments.parse_args()
    with running_broker() as bootstrap:
        fill(bootstrap, given.fixes)
        for count in WORKERS:
            _backlog(bootstrap, count, given.fixes)
    with running_broker() as bootstrap, closing(Traffic(bootstrap, a_second=200)):
        _restart_in_turn(bootstrap, WORKERS[-1])


def _backlog(bootstrap: str, count: int, fixes: int) -> None:
    group_id = f"bench-sharing-{count}"
    with ExitStack() as stack:
        group = stack.enter_context(closing(GroupWatch(bootstrap, group_id, topics.TRUCK_STATES)))
        workers = [
            stack.enter_context(running(bootstrap, group_id, instance=f"w{number}", log_level="ERROR"))
            for number in range(count)
        ]
        until(lambda: sum(group.committed().values()) > 0, "the first commit")
        began_s, before, before_s = time.monotonic(), sum(group.committed().values()), _cpu_s(workers)
        until(lambda: sum(group.committed().values()) >= fixes, "the backlog to be over", within_s=300)
        took_s, done, used_s = time.monotonic() - began_s, fixes - before, _cpu_s(workers) - before_s
    print(
        f"{count} workers, backlog of {fixes}: {done / took_s:7.0f} fixes a second wall, {used_s * 1e6 / done:5.1f} µs CPU a fix",
        flush=True,
    )


def _cpu_s(workers: list[psutil.Popen]) -> float:
    return sum(cpu_s(worker) for worker in workers)


def _restart_in_turn(bootstrap: str, count: int) -> None:
    """Stop and start static members one after the other, as a deploy does; print the longest any partition stood still."""
    group_id = "bench-in-turn"
    with closing(GroupWatch(bootstrap, group_id, topics.TRUCK_STATES)) as group:
        workers = [start(bootstrap, group_id, instance=f"w{number}", log_level="ERROR") for number in range(count)]
        until(lambda: len(group.committed()) == topics.TRUCK_STATES.partitions, "every partition to move")

        def restart(number: int) -> None:
            workers[number].send_signal(signal.SIGTERM)
            workers[number].wait()
            workers[number] = start(bootstrap, group_id, instance=f"w{number}", log_level="ERROR")

        group.longest_pause_s(15)  # until all have joined
        pauses_s = []
        for number in range(count):
            threading.Timer(1.0, restart, (number,)).start()
            pauses_s.append(group.longest_pause_s(20))
        for worker in workers:
            end(worker)
    said = "  ".join(f"{pause_s:.1f}" for pause_s in pauses_s)
    print(f"{count} static members stopped and started in turn: partitions stood still for at most {said} s")


if __name__ == "__main__":
    main()
