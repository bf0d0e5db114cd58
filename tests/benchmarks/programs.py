"""Programs under measurement: started and killed, their CPU time, what is waited for."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Final

import psutil

from deploy.local import embedded
from deploy.local.program import ROOT
from services import bus
from tests.worker_process import end

PEERS: Final = Path(__file__).parent / "peers"
"""Programs that do what ours do, in other frameworks, and one of ours that reads fixes as the worker does."""
INSTALLED: Final = ROOT / ".build" / "peers"
"""The environment of the others."""


def install_peers() -> None:
    """Install the peers with their hashes, apart from what the product stands on."""
    stamp, wanted = INSTALLED / "peers.lock", PEERS / "peers.lock"
    if stamp.exists() and stamp.read_bytes() == wanted.read_bytes():
        return
    uv = str(Path(sys.executable).parent / "uv")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(INSTALLED)], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--python", str(INSTALLED / "bin" / "python"), "--require-hashes", "-r", str(wanted)],
        check=True,
    )  # fmt: skip
    stamp.write_bytes(wanted.read_bytes())


@contextmanager
def running_broker() -> Iterator[str]:
    """Run a broker for a load, with our topics, in a folder that goes with it; give its address."""
    with (
        tempfile.TemporaryDirectory(prefix="qingyun-bench-") as name,
        embedded.running_kafka(Path(name), busy=True) as broker,
    ):
        bus.provision(broker.bootstrap)
        yield broker.bootstrap


@contextmanager
def peer(python: str, script: str, bootstrap: str, group: str, **more: str) -> Iterator[psutil.Popen]:
    """Run a program of `PEERS` in a consumer group; kill it at the end. ``more``: of its environment."""
    with tempfile.TemporaryDirectory(prefix="qingyun-bench-") as scratch:
        process = start_peer(python, script, bootstrap, group, folder=Path(scratch), **more)
        try:
            yield process
        finally:
            end(process)


def start_peer(
    python: str, script: str, bootstrap: str, group: str, *, folder: Path, log: Path | None = None, **more: str
) -> psutil.Popen:
    """Start a program of `PEERS` in a consumer group, in a folder. Without ``log`` its words come here."""
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "KAFKA_BOOTSTRAP": bootstrap,
        "BENCH_GROUP": group,
        "QINGYUN_WORKER_APP_ID": group,
        **more,
    }
    with nullcontext() if log is None else log.open("ab") as file:
        return psutil.Popen([python, str(PEERS / script)], env=environment, cwd=folder, stdout=file, stderr=file)


def cpu_s(process: psutil.Process) -> float:
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
