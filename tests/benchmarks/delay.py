"""From a fix to its alert, and how long one worker keeps up: real Kafka. ``make bench-streams``.

A fix with the SOS alarm fires its rule at once. Counted until the alert has been read from its topic: from when the fix
was handed to Kafka's client (both ways over the broker are in it), and from the broker's word that the fix is on its topic.
"""

import argparse
import time
from contextlib import closing

import psutil

from services import bus
from streams import codec, topics
from tests.benchmarks.group_watch import GroupWatch
from tests.benchmarks.programs import cpu_s, running_broker, until
from tests.benchmarks.traffic import Traffic, ends
from tests.worker_process import running

GROUP = "bench-delay"
FASTEST = 10_000
WARM_UP_S = 15.0


def main() -> None:
    """Print the delays at each rate, then the lag of a worker under the highest, minute by minute."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=60.0, help="how long each rate of the delays is kept")
    arguments.add_argument("--minutes", type=float, default=2.0, help="how long 10,000 a second are kept")
    given = arguments.parse_args()
    with running_broker() as bootstrap:
        with running(bootstrap, GROUP, log_level="ERROR"):
            for a_second in (200, 1_000):
                _delays(bootstrap, a_second, given.seconds)
        with running(bootstrap, f"{GROUP}-sustained", log_level="ERROR") as process:
            _sustained(bootstrap, process, given.minutes)


def _delays(bootstrap: str, a_second: int, seconds: float) -> None:
    seen_s: dict[tuple[str, int], float] = {}
    with (
        closing(bus.Follower(bootstrap, [topics.ALERTS], client_id="bench", otherwise="latest")) as alerts,
        closing(Traffic(bootstrap, a_second=a_second)) as traffic,
    ):
        warm_s = time.monotonic() + WARM_UP_S
        while time.monotonic() < warm_s + seconds:
            records, now_s = alerts.poll(0.5), time.monotonic()
            for record in records:
                alert = codec.decode(topics.ALERTS, record.value)
                if alert.state == "raised":
                    seen_s.setdefault((alert.truck_id, alert.start_ms), now_s)
    for since, from_s in (("handed to the client", traffic.sent_s), ("on its topic", traffic.kept_s)):
        delays_s = sorted(seen_s[call] - at_s for call, at_s in from_s.items() if at_s > warm_s and call in seen_s)
        p50_ms, p99_ms = (1000 * delays_s[int(share * len(delays_s))] for share in (0.5, 0.99))
        print(
            f"fix {since} → alert read, at {a_second:5} a second: "
            f"p50 {p50_ms:5.0f} ms   p99 {p99_ms:5.0f} ms   n {len(delays_s)}",
            flush=True,
        )


def _sustained(bootstrap: str, process: psutil.Popen, minutes: float) -> None:
    with (
        closing(GroupWatch(bootstrap, f"{GROUP}-sustained", topics.TRUCK_STATES)) as group,
        closing(Traffic(bootstrap, a_second=FASTEST)) as traffic,
    ):
        before = sum(ends(bootstrap).values()) - traffic.sent
        until(lambda: sum(group.committed().values()) > before, "the worker to catch up")
        began_s, began_sent, began_cpu_s = time.monotonic(), traffic.sent, cpu_s(process)
        for minute in range(round(minutes)):
            time.sleep(60)
            lag = before + traffic.sent - sum(group.committed().values())
            print(f"  minute {minute + 1}: {lag} records behind", flush=True)
        took_s, fixes = time.monotonic() - began_s, traffic.sent - began_sent
        each_us = (cpu_s(process) - began_cpu_s) * 1e6 / fixes
        print(
            f"sustained, one worker: {fixes / took_s:.0f} fixes a second for {took_s:.0f} s, {each_us:.1f} µs CPU a fix"
        )


if __name__ == "__main__":
    main()
