"""How many rows a second one recorder writes from a backlog: real Kafka, real PostgreSQL. ``make bench``.

Printed: wall time from the first row to the last, and the CPU time of the recorder and of its database connection, which
does not depend on who else uses the machine.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from deploy.local import embedded
from deploy.local.program import ROOT
from services import bus, store
from services.store.migrate import migrate
from streams import events
from streams.units import SECOND_MS

NOW_MS = time.time_ns() // 1_000_000  # wall time: the recorder's clock, so that the days get partitions
TRUCKS = 500
FIX_EVERY_S = 5


def fixes(count: int) -> Iterator[events.TruckState]:
    """Fixes of a city's trucks as terminals send them, in the order of their arrival."""
    chance = random.Random(7)
    for number in range(count):
        seq, truck = divmod(number, TRUCKS)
        at_ms = NOW_MS - (count // TRUCKS - seq) * FIX_EVERY_S * SECOND_MS
        yield events.TruckState(
            tenant_id="porto",
            truck_id=f"t{truck:03}",
            terminal_id=f"01390000{truck:04}",
            event_time_ms=at_ms,
            received_time_ms=at_ms + 400,
            seq=seq % 65_536,
            source="jt808",
            lon=round(-8.62 + chance.uniform(-0.05, 0.05), 6),
            lat=round(41.16 + chance.uniform(-0.03, 0.03), 6),
            speed_mps=round(chance.uniform(0, 20), 1),
            heading_deg=float(chance.randrange(360)),
            odometer_m=120_000.0 + number,
            cover="closed",
            bed="level",
            load_state="full",
            load_kg=float(chance.randrange(9_000, 10_000)),
            sensor_health=events.SensorHealth(cover="ok", bed="ok", load="ok"),
            ignition=True,
            power="main",
            driver_id=f"dr{truck:03}",
        )


def main() -> None:
    """Fill a topic, start a recorder, watch its rows."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=200_000)
    count = arguments.parse_args().records
    with (
        tempfile.TemporaryDirectory(prefix="qingyun-bench-") as name,
        embedded.running_kafka(Path(name)) as broker,
        embedded.running_postgres(Path(name)) as server,
    ):
        engine = store.connect(server.url)
        migrate(engine)
        bus.provision(broker.bootstrap)
        producer = bus.Producer(broker.bootstrap, client_id="bench")
        for record in fixes(count):
            producer.send_event(record)
        producer.flush(600)
        producer.close()
        measure(engine, server.url, broker.bootstrap, count)
        engine.dispose()


def measure(engine: Engine, database_url: str, bootstrap: str, count: int) -> None:
    """Run a recorder until all rows are there and print what it took."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "QINGYUN_LOG_LEVEL": "WARNING"}
    environment |= {"KAFKA_BOOTSTRAP": bootstrap, "DATABASE_URL": database_url}
    command = [sys.executable, "-m", "services", "recorder"]
    with subprocess.Popen(command, env=environment, cwd=ROOT) as recorder:
        ours = psutil.Process(recorder.pid)
        first = _wait_for_rows(engine, 1)
        began_s, began_cpu_s = time.monotonic(), _cpu_s(ours)
        theirs = psutil.Process(_value(engine, _BACKEND))
        began_theirs_s = _cpu_s(theirs)
        last = _wait_for_rows(engine, count)
        took_s = time.monotonic() - began_s
        cpu_s, theirs_s = _cpu_s(ours) - began_cpu_s, _cpu_s(theirs) - began_theirs_s
        recorder.terminate()
    rows = last - first
    each = 1e6 / rows
    print(
        f"{'recorder, from a backlog':32} {rows / took_s:9.0f} rows a second wall; "
        f"{cpu_s * each:.0f} µs CPU a row here, {theirs_s * each:.0f} in PostgreSQL"
    )


_BACKEND = "SELECT pid FROM pg_stat_activity WHERE application_name = 'qingyun-recorder' ORDER BY backend_start LIMIT 1"
_ROWS = "SELECT coalesce(sum(next), 0)::bigint FROM sink_offsets WHERE topic = 'truck-states'"


def _wait_for_rows(engine: Engine, count: int) -> int:
    while (rows := _value(engine, _ROWS)) < count:
        time.sleep(0.02)
    return rows


def _value(engine: Engine, query: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(query)).scalar_one())


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    main()
