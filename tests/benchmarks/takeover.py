"""How long fixes wait when a worker dies, joins or leaves, and how fast states come back: real Kafka.

``make bench-streams``. "Moving again" is the moment at which every partition has committed a fix that was sent after
the event.
"""

import argparse
import signal
import time
from collections.abc import Callable
from contextlib import closing

from deploy.local import ports
from services import bus, metrics
from streams import codec, events, topics
from tests.benchmarks.group_watch import GroupWatch
from tests.benchmarks.programs import running_broker, until
from tests.benchmarks.traffic import Traffic, ends
from tests.worker_process import end, running, start

BINS = 100_000


def main() -> None:
    """Print a pause for each way a worker comes and goes, then the recovery of many states."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--bins", type=int, default=BINS)
    given = arguments.parse_args()
    with running_broker() as bootstrap, closing(Traffic(bootstrap, a_second=200)):
        _dynamic(bootstrap)
        _static(bootstrap)
    with running_broker() as bootstrap:
        _recovery(bootstrap, given.bins)


def _dynamic(bootstrap: str) -> None:
    with closing(GroupWatch(bootstrap, "bench-dynamic", topics.TRUCK_STATES)) as group:
        first = start(bootstrap, "bench-dynamic", log_level="ERROR")
        _moving(group, bootstrap)
        second = start(bootstrap, "bench-dynamic", log_level="ERROR")
        _say("a second worker joins", group.longest_pause_s(20))
        first.kill()
        _say("kill -9 of one of two", _moving(group, bootstrap))
        third = start(bootstrap, "bench-dynamic", log_level="ERROR")
        group.longest_pause_s(20)
        second.send_signal(signal.SIGTERM)
        _say("one of two is stopped", group.longest_pause_s(15))
        for process in (first, second, third):
            end(process)


def _static(bootstrap: str) -> None:
    with closing(GroupWatch(bootstrap, "bench-static", topics.TRUCK_STATES)) as group:
        others = start(bootstrap, "bench-static", instance="w2", log_level="ERROR")
        first = start(bootstrap, "bench-static", instance="w1", log_level="ERROR")
        _moving(group, bootstrap)
        group.longest_pause_s(20)
        first.kill()
        first.wait()
        first = start(bootstrap, "bench-static", instance="w1", log_level="ERROR")
        _say("kill -9, static member, started again", _moving(group, bootstrap))
        group.longest_pause_s(10)
        first.send_signal(signal.SIGTERM)
        first.wait()
        first = start(bootstrap, "bench-static", instance="w1", log_level="ERROR")
        _say("stop and start, static member", _moving(group, bootstrap))
        for process in (first, others):
            end(process)


def _say(what: str, seconds: float) -> None:
    print(f"{what:40} {seconds:6.2f} s", flush=True)


def _moving(group: GroupWatch, bootstrap: str) -> float:
    """Wait until every partition has committed what is sent after now; return the wall seconds."""
    ended = ends(bootstrap)
    return until(_beyond(group, ended), "every partition to move", every_s=0.05)


def _beyond(group: GroupWatch, ended: dict[int, int]) -> Callable[[], bool]:
    def beyond() -> bool:
        committed = group.committed()
        return all(committed.get(partition, 0) > end for partition, end in ended.items())

    return beyond


def _recovery(bootstrap: str, bins: int) -> None:
    """Let a worker make a state for each of many bins, kill it, and time its successor."""
    producer, now_ms = bus.Producer(bootstrap, client_id="bench"), time.time_ns() // 1_000_000
    for number in range(bins):
        reading = events.BinReading(
            tenant_id="porto", bin_id=f"b{number:06}", event_time_ms=now_ms, received_time_ms=now_ms, seq=1,
            source="chirpstack", fill=0.3 + 0.4 * (number % 100) / 100, distance_mm=800.0, temperature_c=14.0,
        )  # fmt: skip
        producer.send(
            topics.BIN_READINGS.name, reading.bin_id, codec.encode(reading), codec.headers(topics.BIN_READINGS)
        )
    producer.flush(120)
    producer.close()
    with closing(GroupWatch(bootstrap, "bench-recovery", topics.BIN_READINGS)) as group:
        with running(bootstrap, "bench-recovery", log_level="ERROR"):
            until(lambda: sum(group.committed().values()) >= bins, "every reading to be folded", within_s=300)
        port = ports.free()
        began_s = time.monotonic()
        with running(bootstrap, "bench-recovery", log_level="ERROR", metrics_port=str(port)):
            until(lambda: _value(port, "qingyun_worker_recovery_seconds_count") > 0, "the states to be back")
            took_s = time.monotonic() - began_s
            records = _value(port, "qingyun_worker_changelog_records_total")
            recovery_s = _value(port, "qingyun_worker_recovery_seconds_sum")
            restoring_s = _value(port, "qingyun_worker_restoring_seconds_sum")
    print(f"start to ready with {bins} bins in state: {took_s:.1f} s, of it {recovery_s:.1f} s from joining the group on; "
          f"{records:.0f} changelog records in {restoring_s:.1f} s, {records / restoring_s:.0f} a second")  # fmt: skip


def _value(port: int, name: str) -> float:
    try:
        return sum(value for _, value in metrics.scrape(port, "127.0.0.1").get(name, []))
    except OSError:
        return 0.0


if __name__ == "__main__":
    main()
