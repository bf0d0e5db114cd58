"""Workers for benchmarks: real processes on a real broker, each with metrics, and fixes sent at a steady rate."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import psutil

from deploy.local.program import ROOT
from services import bus
from streams import codec, events, topics

HEALTHY: Final = events.SensorHealth(cover="ok", bed="ok", load="ok")
SOS_EVERY: Final = 50
"""Every so many fixes one says SOS: a rule that fires at once. The truck's next fix ends it."""


@contextmanager
def worker(bootstrap: str, app_id: str, *, instance: str = "", metrics_port: int = 0) -> Iterator[psutil.Popen]:
    """Run a worker; kill it at the end if it still lives."""
    process = start(bootstrap, app_id, instance=instance, metrics_port=metrics_port)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def start(bootstrap: str, app_id: str, *, instance: str = "", metrics_port: int = 0) -> psutil.Popen:
    """Start a worker with the settings of the default."""
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "KAFKA_BOOTSTRAP": bootstrap,
        "QINGYUN_WORKER_APP_ID": app_id, "QINGYUN_WORKER_INSTANCE": instance, "QINGYUN_WORKER_LOG_LEVEL": "ERROR",
        "QINGYUN_WORKER_METRICS_PORT": str(metrics_port),
    }  # fmt: skip
    return psutil.Popen(
        [sys.executable, "-m", "streams", "worker"], env=environment, cwd=ROOT, stdin=subprocess.DEVNULL
    )


def cpu_s(process: psutil.Popen) -> float:
    """CPU seconds a process has used so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def until(holds: Callable[[], bool], what: str, within_s: float = 120.0, every_s: float = 0.02) -> float:
    """Wait until it holds; return the wall seconds that took. Ends the program if it does not come."""
    began_s = time.monotonic()
    while not holds():
        if time.monotonic() - began_s > within_s:
            raise SystemExit(f"waited {within_s:g} s for {what}")
        time.sleep(every_s)
    return time.monotonic() - began_s


class Traffic:
    """Sends fixes of ``trucks`` trucks in turn, ``a_second`` of them, from a thread, until closed.

    ``sent_s``: when the SOS of a truck was handed to Kafka's client, by truck and its event time (wall seconds).
    """

    def __init__(self, bootstrap: str, *, a_second: float, trucks: int = 500) -> None:
        self._producer = bus.Producer(bootstrap, client_id="traffic")
        self._every_s, self._trucks = 1.0 / a_second, trucks
        self._closing = threading.Event()
        self.sent_s: dict[tuple[str, int], float] = {}
        self.sent = 0
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; all that was sent is confirmed."""
        self._closing.set()
        self._thread.join()
        self._producer.flush(60)
        self._producer.close()

    def _run(self) -> None:
        began_s, number = time.monotonic(), 0
        while not self._closing.is_set():
            due = int((time.monotonic() - began_s) / self._every_s)
            while number < due:
                self._send(number)
                number += 1
            self.sent = number
            time.sleep(min(0.005, self._every_s))

    def _send(self, number: int) -> None:
        seq, truck = divmod(number, self._trucks)
        now_ms = time.time_ns() // 1_000_000
        calls = number % SOS_EVERY == seq % SOS_EVERY
        fix = events.TruckState(
            tenant_id="porto", truck_id=f"t{truck:03}", terminal_id=f"01390000{truck:04}", source="jt808",
            event_time_ms=now_ms, received_time_ms=now_ms, seq=seq % 65_536,
            lon=-8.62 + 0.0001 * (seq % 700), lat=41.16 + 0.0001 * truck, speed_mps=9.0, heading_deg=90.0,
            cover="closed", bed="level", load_state="full", load_kg=9_500.0, sensor_health=HEALTHY,
            ignition=True, power="main", alarms=("sos",) if calls else (),
        )  # fmt: skip
        if calls:
            self.sent_s[fix.truck_id, now_ms] = time.monotonic()
        self._producer.send(
            topics.TRUCK_STATES.name, fix.truck_id, codec.encode(fix), codec.headers(topics.TRUCK_STATES)
        )
