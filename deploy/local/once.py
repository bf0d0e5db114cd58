"""One launcher at a time: a lock file the kernel frees when its holder ends, however it ends."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from deploy.local.failure import LocalStartError


@contextmanager
def alone(path: Path, *, address: str) -> Iterator[None]:
    """Hold the lock of a data folder during the block.

    Raises
    ------
    LocalStartError
        If a launcher that runs holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        if not _try(lock):
            raise LocalStartError(
                f"Qingyun already runs here ({_says(path)}); `make status` shows it, `make stop` ends it"
            )
        os.ftruncate(lock, 0)
        os.write(lock, f"{os.getpid()} {address}".encode())
        yield
    finally:
        os.close(lock)


def holder(path: Path) -> int | None:
    """Return the process number of the launcher that runs, if one does."""
    try:
        lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        if _try(lock):
            return None
        number = path.read_text(encoding="utf-8").split()
        return int(number[0]) if number else None
    finally:
        os.close(lock)


def end_holder(path: Path, number: int, *, within_s: float) -> bool:
    """Ask the launcher to end and wait for it; True if it did within ``within_s`` seconds."""
    with suppress(ProcessLookupError):
        os.kill(number, signal.SIGTERM)
    give_up = time.monotonic() + within_s
    while holder(path) == number:
        if time.monotonic() > give_up:
            return False
        time.sleep(0.05)
    return True


def _try(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _says(path: Path) -> str:
    number, _, address = path.read_text(encoding="utf-8").partition(" ")
    return f"process {number}, {address}"
