"""The whole system as `make run` starts it, in a folder and on ports of its own."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from tests.browser import ROOT

RATE: Final = 10
"""City seconds a wall second."""
STOP_S: Final = 30
"""Ctrl-C ends everything within 15 s on a quiet machine."""


class NotRunningError(RuntimeError):
    """The system did not start, or did not end; the message says what it said last."""


@dataclass(frozen=True)
class Running:
    """A running system: where its pages are, where its data are, who may log in."""

    address: str
    ingest: str
    data: Path
    environment: dict[str, str]
    launcher: "subprocess.Popen[bytes]"

    def users(self) -> dict[str, dict[str, str]]:
        """Return the demo users by role; empty until they are made."""
        listed = self.data / "secrets" / "demo-users.json"
        return {user["role"]: user for user in json.loads(listed.read_text())} if listed.exists() else {}

    def answers(self) -> bool:
        """Whether the pages answer and people may log in; raises `NotRunningError` if the start ended."""
        if self.launcher.poll() is not None:
            raise NotRunningError(f"the local start ended:\n{(self.data / 'launcher.log').read_text()[-3000:]}")
        try:
            return httpx.get(f"{self.address}/health", timeout=2).is_success and bool(self.users())
        except httpx.HTTPError:
            return False

    def client(self, role: str) -> httpx.Client:
        """Return a client that is logged in; raises httpx errors."""
        user = self.users()[role]
        client = httpx.Client(base_url=self.address, timeout=10, headers={"Origin": self.address})
        client.post("/api/v1/session", json={"login": user["login"], "password": user["password"]}).raise_for_status()
        return client


@contextmanager
def running(data: Path, more: Mapping[str, str] | None = None) -> Iterator[Running]:
    """Begin to start everything with its data in ``data``; end it afterwards, as Ctrl-C does.

    Raises
    ------
    NotRunningError
        If it does not end within `STOP_S`.
    """
    first = consecutive_ports(15)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("QINGYUN_")},
        "QINGYUN_DATA_DIR": str(data),
        "QINGYUN_GATEWAY_PORT": str(first),
        "QINGYUN_INGEST_PORT": str(first + 1),
        "QINGYUN_JT808_PORT": str(first + 2),
        "QINGYUN_LOCAL_KAFKA_PORT": str(first + 3),
        "QINGYUN_LOCAL_METRICS_PORT": str(first + 5),
        "QINGYUN_CLOCK_RATE": str(RATE),
        **(more or {}),
    }
    with (data / "launcher.log").open("w") as log:
        launcher = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "run"],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            address, ingest = f"http://127.0.0.1:{first}", f"http://127.0.0.1:{first + 1}"
            yield Running(address, ingest, data, environment, launcher)
        finally:
            launcher.send_signal(signal.SIGINT)
            try:
                launcher.wait(STOP_S)
            except subprocess.TimeoutExpired:
                launcher.kill()
                raise NotRunningError(f"the system did not end within {STOP_S} s of Ctrl-C") from None


def consecutive_ports(count: int) -> int:
    """Return the first of ``count`` free ports in a row."""
    for first in range(31000, 39000, count):
        try:
            for port in range(first, first + count):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return first
    raise NotRunningError("there are no free ports in a row")
