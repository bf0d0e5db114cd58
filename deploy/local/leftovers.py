"""Records of the processes we started (number and start time), and ending those that outlived their start.

A process number alone may belong to a stranger by now; number and start time together are ours or nobody's.
"""

import json
import os
import signal
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil  # type: ignore[import-untyped]

_SAME_START_S: Final = 2.0
"""The start time is derived from the boot time, which moves a little when the wall clock is set."""


@dataclass(frozen=True, kw_only=True)
class Record:
    """One program as it was last started: ``started_s`` in seconds since 1970, ``starts`` since the last `make run`."""

    name: str
    pid: int
    started_s: float
    stop_signal: str
    starts: int

    def process(self) -> psutil.Process | None:
        """Return the running process this record is about, if there still is one."""
        try:
            process = psutil.Process(self.pid)
            ours = abs(process.create_time() - self.started_s) < _SAME_START_S
            return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
        except psutil.NoSuchProcess:
            return None


def record(path: Path, *, stop_signal: str, pid: int | None = None) -> None:
    """Write down a process, by default this one: it keeps number and start time when it turns into another program."""
    before = _read(path)
    number = os.getpid() if pid is None else pid
    try:
        started_s = psutil.Process(number).create_time()
    except psutil.NoSuchProcess:  # it has ended already: nothing to find later
        return
    text = json.dumps(
        {
            "pid": number,
            "started_s": started_s,
            "stop_signal": stop_signal,
            "starts": 1 + (before.starts if before else 0),
        }
    )
    beside = path.with_suffix(".new")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def recorded(folder: Path) -> dict[str, Record]:
    """Return all records of a folder, by name."""
    found = (_read(path) for path in sorted(folder.glob("*.json")))
    return {entry.name: entry for entry in found if entry}


def alive(folder: Path) -> dict[str, psutil.Process]:
    """Return the recorded processes that run now, by name."""
    running = ((name, entry.process()) for name, entry in recorded(folder).items())
    return {name: process for name, process in running if process}


def end(folder: Path, *, within_s: float) -> list[str]:
    """End every recorded process that still runs: first asked, after ``within_s`` seconds killed; return their names.

    Blocks until they are gone.
    """
    running = alive(folder)
    records = recorded(folder)
    for name, process in running.items():
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.Signals[records[name].stop_signal])
    _, stubborn = psutil.wait_procs(running.values(), timeout=within_s)
    _kill(stubborn)
    return list(running)


def end_sessions(folder: Path) -> list[str]:
    """Kill the recorded processes that still run, each with its whole session, and forget them; return their numbers.

    For work that can be done again, not for what keeps data.
    """
    running = alive(folder)
    for process in running.values():
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    psutil.wait_procs(running.values(), timeout=5)
    forget(folder)
    return list(running)


def forget(folder: Path) -> None:
    """Remove all records."""
    for path in folder.glob("*.json"):
        path.unlink(missing_ok=True)


def _kill(processes: Iterable[psutil.Process]) -> None:
    waiting = list(processes)
    for process in waiting:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(waiting, timeout=5)


def _read(path: Path) -> Record | None:
    """Read a record; one that is missing or was cut off by a crash tells nothing."""
    try:
        return Record(name=path.stem, **json.loads(path.read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None
