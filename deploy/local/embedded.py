"""Broker and database by themselves, without the supervisor: for tests and trials. Same parts, same settings."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from deploy.local import kafka, ports
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.program import ROOT, Program
from deploy.local.tether import signal_number


@contextmanager
def running_kafka(
    folder: Path, build: Path = ROOT / ".build" / "kafka", *, port: int | None = None, busy: bool = False
) -> Iterator[Kafka]:
    """Run a broker with its records in ``folder``, on a free port or ``port``; fetches the jars if they are not there.

    A broker that ran before knows its own port by heart: it needs the same again. ``busy``: as of `Kafka`.
    """
    kafka.fetch(build)
    broker = Kafka(data=folder / "kafka", build=build, port=port or ports.two_free(), busy=busy)
    broker.prepare()
    with _running(broker.program(), folder, broker.wait_until_ready):
        yield broker


@contextmanager
def running_postgres(folder: Path) -> Iterator[Postgres]:
    """Run a database on a Unix socket with its files in ``folder``; what it keeps need not survive a power cut."""
    server = Postgres(data=folder / "postgres", specs=folder / "specs")
    server.prepare()
    program = server.program()
    hasty = replace(program, argv=(*program.argv, "-c", "fsync=off"))
    with _running(hasty, folder, server.wait_until_ready):
        yield server


@contextmanager
def _running(program: Program, folder: Path, wait_until_ready: Callable[[], None]) -> Iterator[None]:
    log = folder / f"{program.name}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            program.tethered(folder / "specs"), cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_until_ready()
        yield
    except TimeoutError as error:
        raise TimeoutError(f"{error}; the end of its log: {os.linesep.join(_tail(log))}") from error
    finally:
        process.send_signal(signal_number(program.stop_signal))
        try:
            process.wait(program.stop_within_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _tail(log: Path) -> list[str]:
    return log.read_text(encoding="utf-8", errors="replace").splitlines()[-10:]
