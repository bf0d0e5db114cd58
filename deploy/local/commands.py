"""Runs the commands of the preparation: each in a session of its own, its words kept in a log, ended when we end."""

import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

from deploy import reasons
from deploy.local import leftovers
from deploy.local.failure import Interrupted, LocalStartError
from deploy.local.program import ROOT


class Commands:
    """Use as a context manager: when it ends, nothing it started is left. Safe to call from threads.

    Each command that runs is recorded in ``records``, so that the next start finds it should we be killed.
    """

    def __init__(self, log: Path, records: Path) -> None:
        self.log = log
        self._records = records
        self._running: set[subprocess.Popen[str]] = set()
        self._lock = threading.Lock()
        self._closed = False

    def __enter__(self) -> Self:
        """Open the log."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._records.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs, with its children."""
        with self._lock:
            self._closed = True
            running = list(self._running)
        for process in running:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            self._record(process).unlink(missing_ok=True)

    def run(
        self, argv: Sequence[str], *, what: str, environment: Mapping[str, str], folder: Path = ROOT, advice: str = ""
    ) -> str:
        """Run a command to its end and return its standard output; both its outputs go to the log.

        Raises
        ------
        LocalStartError
            If it fails: the sentence says what its words mean, or carries the last line it wrote and the advice;
            `Interrupted` if we end first.
        """
        with self._lock:
            if self._closed:
                raise Interrupted(f"{what}: interrupted")
            process = subprocess.Popen(
                argv,
                cwd=folder,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            self._running.add(process)
            record = self._record(process)
            leftovers.record(record, stop_signal="SIGKILL", pid=process.pid)
        try:
            answer, complaints = process.communicate()
        finally:
            with self._lock:
                self._running.discard(process)
                record.unlink(missing_ok=True)
        self._keep(argv, answer, complaints, process.returncode)
        if process.returncode:
            if self._closed:
                raise Interrupted(f"{what}: interrupted")
            raise LocalStartError(f"{what} failed: {self._reason(complaints or answer, process.returncode, advice)}")
        return answer

    def _record(self, process: "subprocess.Popen[str]") -> Path:
        return self._records / f"{process.pid}.json"

    def _reason(self, words: str, code: int, advice: str) -> str:
        if known := reasons.advice(words):
            return f"{known} (its own words: {self.log})"
        last = reasons.last_line(words) or f"exit code {code}"
        return f"{last}; {advice}" if advice else last

    def _keep(self, argv: Sequence[str], answer: str, complaints: str, code: int) -> None:
        with self._lock, self.log.open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(argv)}\n{complaints}{_without_passwords(answer)}-> exit code {code}\n\n")


def _without_passwords(answer: str) -> str:
    return "(not shown: passwords)\n" if '"password"' in answer else answer
