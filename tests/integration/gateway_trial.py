"""What the tests of store, recorder and gateway share: a database of their own, processes, waiting for conditions."""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, create_engine, make_url, text

from services import store
from services.store.migrate import migrate

ROOT = Path(__file__).resolve().parents[2]
FORGIVING = pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
"""kafka-python forgets to close sockets whose connection was refused (while the fixture's broker starts)."""
QUIET = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "QINGYUN_LOG_LEVEL": "INFO"}


@contextlib.contextmanager
def own_database(server_url: str, to: str = "head") -> Iterator[str]:
    """Give the address of a database nobody else uses, at revision ``to``; drop it afterwards."""
    name = f"trial_{secrets.token_hex(6)}"
    url = make_url(server_url)
    server = create_engine(url, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    address = url.set(database=name).render_as_string(hide_password=False)
    engine = store.connect(address)
    migrate(engine, to)
    engine.dispose()
    try:
        yield address
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        server.dispose()


@contextlib.contextmanager
def away(database_url: str) -> Iterator[None]:
    """Let the database refuse everybody for a while."""
    url = make_url(database_url)
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    try:
        with server.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
            connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                {"name": url.database},
            )
        yield
    finally:
        with server.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true"))
        server.dispose()


class Process:
    """One of the services, with its log in a file."""

    def __init__(self, name: str, log: Path, **settings: str) -> None:
        self._log = log
        self._out = log.open("ab")
        self._child = subprocess.Popen(
            [sys.executable, "-m", "services", name], env=QUIET | settings, stdout=self._out, stderr=self._out, cwd=ROOT
        )

    @property
    def log(self) -> str:
        """What it has said."""
        return self._log.read_text()

    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._child.poll()

    def send(self, number: signal.Signals) -> None:
        """Send a signal, such as SIGSTOP."""
        self._child.send_signal(number)

    def kill(self) -> None:
        """Kill -9."""
        self._child.kill()
        self._child.wait(10)

    def end(self) -> int:
        """SIGTERM, and the exit code; fails if that takes 10 s."""
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGTERM)
            self._child.send_signal(signal.SIGCONT)
        try:
            return self._child.wait(10)
        finally:
            self._child.kill()
            self._out.close()


@contextlib.contextmanager
def process(name: str, log: Path, **settings: str) -> Iterator[Process]:
    """Run a service; end it afterwards. What fails meanwhile is told with the last the service said."""
    child = Process(name, log, **settings)
    try:
        yield child
    except BaseException as failure:
        failure.add_note(f"{name}, exit code {child.exit_code()}, said last:\n{child.log[-3000:]}")
        raise
    finally:
        child.end()


def wait_for[T](ask: Callable[[], T], what: str, timeout_s: float = 30.0) -> T:
    """Return the first answer that is true."""
    give_up = time.monotonic() + timeout_s
    while not (answer := ask()):
        assert time.monotonic() < give_up, f"not within {timeout_s} s: {what}"
        time.sleep(0.05)
    return answer


def value(engine: Engine, query: str, **parameters: Any) -> Any:
    """Return the one value of a query."""
    with engine.connect() as connection:
        return connection.execute(text(query), parameters).scalar_one()


def answers(url: str) -> bool:
    """Whether an address answers 200."""
    try:
        return httpx.get(url, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False
