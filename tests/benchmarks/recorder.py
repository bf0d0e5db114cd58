"""How many rows a second one recorder writes from a backlog: real Kafka, real PostgreSQL. ``make bench``.

Printed: wall time from the first row to the last, and the CPU time of the recorder and of its database connection, which
does not depend on who else uses the machine.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
from sqlalchemy import Engine, text

from deploy.local import embedded
from deploy.local.program import ROOT
from services import store
from services.store.migrate import migrate
from tests.benchmarks.programs import cpu_s, running_broker
from tests.benchmarks.traffic import fill


def main() -> None:
    """Fill a topic, start a recorder, watch its rows."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--records", type=int, default=200_000)
    count = arguments.parse_args().records
    with (
        running_broker() as bootstrap,
        tempfile.TemporaryDirectory(prefix="qingyun-bench-") as name,
        embedded.running_postgres(Path(name)) as server,
    ):
        engine = store.connect(server.url)
        migrate(engine)
        fill(bootstrap, count)
        measure(engine, server.url, bootstrap, count)
        engine.dispose()


def measure(engine: Engine, database_url: str, bootstrap: str, count: int) -> None:
    """Run a recorder until all rows are there and print what it took."""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "QINGYUN_LOG_LEVEL": "WARNING"}
    environment |= {"KAFKA_BOOTSTRAP": bootstrap, "DATABASE_URL": database_url}
    command = [sys.executable, "-m", "services", "recorder"]
    with subprocess.Popen(command, env=environment, cwd=ROOT) as recorder:
        ours = psutil.Process(recorder.pid)
        first = _wait_for_rows(engine, 1)
        began_s, began_cpu_s = time.monotonic(), cpu_s(ours)
        theirs = psutil.Process(_value(engine, _BACKEND))
        began_theirs_s = cpu_s(theirs)
        last = _wait_for_rows(engine, count)
        took_s = time.monotonic() - began_s
        ours_s, theirs_s = cpu_s(ours) - began_cpu_s, cpu_s(theirs) - began_theirs_s
        recorder.terminate()
    rows = last - first
    each = 1e6 / rows
    print(
        f"{'recorder, from a backlog':32} {rows / took_s:9.0f} rows a second wall; "
        f"{ours_s * each:.0f} µs CPU a row here, {theirs_s * each:.0f} in PostgreSQL"
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


if __name__ == "__main__":
    main()
