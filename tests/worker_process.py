"""The Faust worker as a process of its own, with the settings that a test or a benchmark gives it."""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import psutil

from services import bus
from streams.topics import Topic
from streams.worker import restoring
from tests.browser import ROOT


def changelog(app_id: str) -> Topic:
    """Return the topic on which a worker of that name keeps its states."""
    return Topic(name=f"{app_id}-state-changelog", key="truck:… or bin:…", record=None, written_by="worker")


def states(records: Iterable[bus.Record]) -> Iterator[tuple[str, bytes, bus.Record]]:
    """Yield the states of a changelog that count: whose it is (``truck:…`` or ``bin:…``), the state, the record it is in."""
    for record in records:
        key = record.key or b""
        if record.value is not None and restoring.is_in_place(record.offset, key):
            yield restoring.state_key(key).decode(), record.value, record


def start(bootstrap: str, app_id: str, log: Path | None = None, **settings: str) -> psutil.Popen:
    """Start a worker; ``settings`` by name, as in `streams.worker.settings`. Without ``log`` its words come here."""
    environment = os.environ | {
        "KAFKA_BOOTSTRAP": bootstrap,
        "QINGYUN_WORKER_APP_ID": app_id,
        **{f"QINGYUN_WORKER_{name.upper()}": value for name, value in settings.items()},
    }
    with nullcontext() if log is None else log.open("ab") as file:
        return psutil.Popen(
            [sys.executable, "-m", "streams", "worker"],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )


@contextmanager
def running(bootstrap: str, app_id: str, log: Path | None = None, **settings: str) -> Iterator[psutil.Popen]:
    """Run a worker; kill it at the end if it still lives."""
    process = start(bootstrap, app_id, log, **settings)
    try:
        yield process
    finally:
        end(process)


def end(process: psutil.Popen) -> None:
    """Kill a process if it still lives."""
    if process.poll() is None:
        process.kill()
    process.wait()
