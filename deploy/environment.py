"""Makes ``.venv`` with exactly what requirements.lock pins: whole, or not at all.

Called by environment.sh with the Python it found; the standard library is all there is yet. pip brings uv, itself pinned,
and uv brings the rest. What fails is one sentence; the tools' own words are kept in ``.build/environment.log``.
"""

import fcntl
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import termios
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from deploy import reasons

ROOT: Final = Path(__file__).resolve().parents[1]
VENV: Final = ROOT / ".venv"
STAMP: Final = VENV / "requirements.stamp"
REQUIREMENTS: Final = ROOT / "requirements.lock"
LOCK: Final = ROOT / ".build" / "environment.lock"
LOG: Final = ROOT / ".build" / "environment.log"
PYTHON: Final = VENV / "bin" / "python"

NEEDED_GB: Final = 1.6
"""The packages unpacked, and a moment of both their archives and their files."""
_HASHED: Final = ("--require-hashes", "--only-binary", ":all:")
_ENDS_S: Final = 10.0


class EnvironmentFailure(Exception):  # noqa: N818  # a failure for the person who typed the command
    """The environment cannot be made; the message is one sentence that says what to do."""


class _Stopped(BaseException):
    """Somebody asked us to end."""


def main(arguments: list[str]) -> int:
    """Make it, or with ``--stop`` end the one that makes it, or with ``--status`` say whether one does; exit code."""
    try:
        match arguments:
            case ["--stop"]:
                print(stop())
            case ["--status"]:
                print(status())
                return 1
            case _:
                make()
    except EnvironmentFailure as error:
        print(f"× {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(
            f"× {error.filename or ROOT} cannot be used: {reasons.advice(str(error)) or error.strerror}",
            file=sys.stderr,
        )
        return 1
    except (KeyboardInterrupt, _Stopped):
        return 130
    return 0


def make() -> None:
    """Make ``.venv`` anew unless it is the one the lock asks for. Blocks for a minute the first time.

    Raises
    ------
    EnvironmentFailure
        If it cannot be made; then nothing half-made is left.
    """
    with _alone() as lock:
        wanted = f"{zlib.crc32(REQUIREMENTS.read_bytes()):08x}"
        if STAMP.is_file() and STAMP.read_text(encoding="utf-8") == wanted and _answers(PYTHON):
            with suppress(PermissionError):  # another user's, and right all the same
                STAMP.touch()
            return
        _refuse_while_running()
        with _signals():
            try:
                shutil.rmtree(VENV, ignore_errors=True)
                _check_space()
                _fill(lock)
                STAMP.write_text(wanted, encoding="utf-8")
            except BaseException:
                shutil.rmtree(VENV, ignore_errors=True)
                raise
    _say("√ .venv")


def stop() -> str:
    """End the process that makes ``.venv``; return what happened. Blocks until it is gone."""
    makers = _makers()
    for number in makers:
        with suppress(ProcessLookupError):
            os.kill(number, signal.SIGTERM)
    give_up = time.monotonic() + _ENDS_S
    while _makers():
        if time.monotonic() > give_up:
            raise EnvironmentFailure(f"process {makers[0]} did not end within {_ENDS_S:g} s; `kill -9` ends it")
        time.sleep(0.05)
    return "Ended the making of .venv." if makers else "Nothing ran."


def status() -> str:
    """Say that nothing can run yet, and why."""
    makers = _makers()
    if makers:
        return f"Not healthy: .venv is still being made, by process {makers[0]}."
    return "Nothing runs, and there is no .venv yet; `make run` makes it and starts everything."


def _fill(lock: int) -> None:
    count = sum("==" in line for line in REQUIREMENTS.read_text(encoding="utf-8").splitlines())
    version = ".".join(map(str, sys.version_info[:3]))
    _say(f"· making .venv with Python {version}: {count} packages, about a minute the first time")
    LOG.write_bytes(b"")
    _run(sys.executable, "-m", "venv", str(VENV), lock=lock)
    pinned = VENV / "uv.lock"
    pinned.write_text(_section_of("uv"), encoding="utf-8")
    quietly = ("--quiet", "--disable-pip-version-check", "--retries", "2")
    _run(str(PYTHON), "-m", "pip", "install", *quietly, *_HASHED, "--no-deps", "-r", str(pinned), lock=lock)
    pinned.unlink()
    into = ("--compile-bytecode", "--python", str(PYTHON))
    _run(str(VENV / "bin" / "uv"), "pip", "install", *into, *_HASHED, "-r", str(REQUIREMENTS), lock=lock)


def _section_of(package: str) -> str:
    """Return the lines of the lock that pin one package."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    found = re.search(rf"^{package}==.*\n(?:[ ].*\n)*", text, re.MULTILINE)
    if found is None:
        raise EnvironmentFailure(f"{REQUIREMENTS} does not pin {package}: it is not whole, get it again")
    return found[0]


def _run(*argv: str, lock: int) -> None:
    """Run a tool to its end; its words go to the log, and as they come to the terminal if there is one.

    The tool inherits the lock, so that nobody begins anew beside one whose maker was killed.
    """
    terminal = sys.stderr.isatty()
    reader, writer = pty.openpty() if terminal else os.pipe()
    if terminal:
        termios.tcsetwinsize(writer, termios.tcgetwinsize(2))
    with subprocess.Popen(
        argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, pass_fds=[lock]
    ) as process:
        os.close(writer)
        _tell(lock, process.pid)
        try:
            words = _listen(reader, echo=terminal)
            code = process.wait()
        except BaseException:
            process.kill()
            raise
        finally:
            os.close(reader)
    if code:
        raise EnvironmentFailure(_sentence(words))


def _listen(reader: int, *, echo: bool) -> str:
    words = b""
    with LOG.open("ab", buffering=0) as log:
        while True:
            try:
                some = os.read(reader, 4096)
            except OSError:  # a pseudo-terminal whose other end is closed
                some = b""
            if not some:
                return words.decode(errors="replace")
            words += some
            log.write(some)
            if echo:
                os.write(2, some)


def _sentence(words: str) -> str:
    """Say in one sentence why a tool failed, from its words."""
    reason = reasons.advice(words) or reasons.last_line(words) or "no reason given"
    return f"The Python packages are not there: {reason} (the tools' own words: {LOG.relative_to(ROOT)})."


def _check_space() -> None:
    free_gb = shutil.disk_usage(ROOT).free / 2**30
    if free_gb < NEEDED_GB:
        raise EnvironmentFailure(
            f"{ROOT} has {free_gb:.1f} GB of free disk space, the Python packages need {NEEDED_GB:g} GB: free some, "
            "then try again."
        )


def _refuse_while_running() -> None:
    """Do not pull the packages from under a system that runs."""
    running = Path(os.environ.get("QINGYUN_DATA_DIR") or ".data") / "run" / "lock"
    with suppress(FileNotFoundError):
        lock = os.open(ROOT / running, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise EnvironmentFailure(
                "Qingyun runs here, and its packages are about to change: end it first with `make stop`."
            ) from error
        finally:
            os.close(lock)


@contextmanager
def _alone() -> Iterator[int]:
    """Hold the lock during the block; the kernel frees it when its last holder ends, however that happens."""
    LOCK.parent.mkdir(exist_ok=True)
    lock = os.open(LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        number = _numbers()[0]
        raise EnvironmentFailure(
            f".venv is being made by process {number}: wait until it is done, or end it with `make stop`."
        ) from error
    else:
        _tell(lock)
        yield lock
    finally:
        os.close(lock)


def _tell(lock: int, *children: int) -> None:
    os.ftruncate(lock, 0)
    os.pwrite(lock, " ".join(map(str, (os.getpid(), *children))).encode(), 0)


def _numbers() -> list[int]:
    return [int(number) for number in LOCK.read_text(encoding="utf-8").split()]


def _makers() -> list[int]:
    """Return the processes that make ``.venv`` now: the maker and its tool."""
    try:
        lock = os.open(LOCK, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return []
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _numbers()
    else:
        return []
    finally:
        os.close(lock)


@contextmanager
def _signals() -> Iterator[None]:
    """Let SIGTERM and a closed terminal end the block as Ctrl-C does; a terminal that is gone takes no words."""

    def end(received: int, _: object) -> None:
        for number in numbers:  # a second one must not interrupt the clearing away
            signal.signal(number, signal.SIG_IGN)
        if received == signal.SIGHUP:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 1)
            os.dup2(nowhere, 2)
        raise _Stopped

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _answers(python: Path) -> bool:
    try:
        return subprocess.run([python, "-c", ""], check=False, stderr=subprocess.DEVNULL).returncode == 0
    except OSError:
        return False


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
