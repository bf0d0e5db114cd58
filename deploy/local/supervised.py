"""The supervisor (supervisord): its configuration, its start, and the questions we ask it. The door to `supervisor`.

It starts each program again when it ends, whatever the reason: at once if it ran for a while, later and later if it
ends while starting. Kafka and PostgreSQL form one group, our processes another, so that each group is stopped at once
and the stores outlive those who write to them.
"""

import os
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final, cast

from deploy.local.failure import LocalStartError
from deploy.local.program import ROOT, Program

STORES: Final = "stores"
SERVICES: Final = "services"
_LONGEST_SOCKET_PATH: Final = 100
_STARTED_AFTER_S: Final = 5
"""A program that ends sooner counts as not started, so the supervisor waits longer before each next try."""
_FOR_EVER: Final = 1_000_000_000
_LOG_BYTES: Final = 10 * 2**20
_LOGS_KEPT: Final = 3
_ANSWER_TIMEOUT_S: Final = 10.0
_STOP_TIMEOUT_S: Final = 25.0


@dataclass(frozen=True, kw_only=True)
class ProcessState:
    """What the supervisor knows of one program. ``since_s`` in seconds since 1970; ``pid`` 0 = not running."""

    name: str
    state: str
    pid: int
    since_s: float
    remark: str

    @property
    def is_running(self) -> bool:
        """True when its process exists."""
        return self.state in {"RUNNING", "STARTING"} and self.pid > 0


@dataclass(frozen=True, kw_only=True)
class Supervisor:
    """The supervisor of one data folder: ``run`` holds its files, ``logs`` a log of each program."""

    run: Path
    logs: Path

    @property
    def records(self) -> Path:
        """Folder of the records each program leaves (see `deploy.local.leftovers`)."""
        return self.run / "processes"

    @property
    def specs(self) -> Path:
        """Folder of the programs' specs."""
        return self.run / "specs"

    @property
    def socket(self) -> Path:
        """Where it listens: in ``run``, or a short folder of our own if that path is too long for a socket."""
        path = self.run / "supervisor.sock"
        if len(os.fsencode(path)) + len(".12345678") <= _LONGEST_SOCKET_PATH:  # it binds to a longer name first
            return path
        return Path(tempfile.gettempdir()) / f"qingyun-{sha256(os.fsencode(path)).hexdigest()[:12]}" / "s"

    def start(self, programs: Sequence[Program]) -> "subprocess.Popen[bytes]":
        """Start the supervisor with its programs; the stores start with it, the others wait for `start_services`.

        It is told to end when this process ends, however that happens. Call from the main thread: the promise is bound
        to the thread that starts it.
        """
        self.records.mkdir(parents=True, exist_ok=True)
        self.logs.mkdir(parents=True, exist_ok=True)
        self._make_socket_folder()
        configuration = self.run / "supervisord.conf"
        configuration.write_text(self._configuration(programs), encoding="utf-8")
        itself = Program(
            name="supervisor",
            argv=(sys.executable, "-m", "supervisor.supervisord", "--configuration", str(configuration)),
            death_signal="SIGTERM",
        )
        with (self.logs / "supervisor-errors.log").open("ab") as complaints:
            return subprocess.Popen(
                itself.tethered(self.specs, record=self.records / "supervisor.json"),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=complaints,
                start_new_session=True,  # Ctrl-C in the terminal reaches the launcher alone
            )

    def wait_until_it_answers(self, process: "subprocess.Popen[bytes]", timeout_s: float = _ANSWER_TIMEOUT_S) -> None:
        """Block until the supervisor takes questions.

        Raises
        ------
        LocalStartError
            If it ends instead, or says nothing for ``timeout_s`` seconds.
        """
        give_up = time.monotonic() + timeout_s
        while self.states() is None:
            if process.poll() is not None or time.monotonic() > give_up:
                raise LocalStartError(f"the supervisor did not start; {self.logs / 'supervisor-errors.log'} says why")
            time.sleep(0.05)

    def states(self) -> dict[str, ProcessState] | None:
        """Return the state of each program by name; None when the supervisor does not answer."""
        answer = self._ask(lambda supervisor: supervisor.getAllProcessInfo())
        if answer is None:
            return None
        return {info["name"]: _state(info) for info in cast("list[dict[str, Any]]", answer)}

    def start_services(self) -> None:
        """Start every program that is not a store; returns at once."""
        self._ask(lambda supervisor: supervisor.startProcessGroup(SERVICES, False))

    def end(self, name: str) -> None:
        """End one service in order, and leave it ended; returns when it is gone."""
        self._ask(lambda supervisor: supervisor.stopProcess(f"{SERVICES}:{name}", True))

    def stop(self, process: "subprocess.Popen[bytes]", timeout_s: float = _STOP_TIMEOUT_S) -> bool:
        """Stop the services, then the stores, then the supervisor; True if it ended by itself in ``timeout_s``."""
        process.terminate()
        try:
            process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return False
        else:
            return True
        finally:
            with suppress(OSError):
                self.socket.unlink(missing_ok=True)
                if self.socket.parent != self.run:
                    self.socket.parent.rmdir()

    def _ask(self, question: Callable[[Any], Any]) -> Any:
        from supervisor.xmlrpc import Faults, SupervisorTransport  # noqa: PLC0415  # a tenth of a second

        transport = SupervisorTransport(None, None, f"unix://{self.socket}")
        try:
            with xmlrpc.client.ServerProxy("http://supervisor", transport=transport) as proxy:
                return question(proxy.supervisor)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == Faults.SHUTDOWN_STATE:
                return None
            raise
        except (OSError, HTTPException, xmlrpc.client.ProtocolError):
            return None

    def _make_socket_folder(self) -> None:
        folder = self.socket.parent
        if folder != self.run:
            folder.mkdir(mode=0o700, exist_ok=True)
            if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
                raise LocalStartError(f"{folder} belongs to somebody else; remove it, or clone to a shorter path")

    def _configuration(self, programs: Sequence[Program]) -> str:
        sections = [
            _section("unix_http_server", file=self.socket, chmod="0700"),
            _section(
                "supervisord",
                nodaemon="true",
                silent="true",
                **({"user": "root"} if os.geteuid() == 0 else {}),  # root must be said aloud
                logfile=self.logs / "supervisor.log",
                logfile_maxbytes=_LOG_BYTES,
                logfile_backups=_LOGS_KEPT,
                pidfile=self.run / "supervisord.pid",
                childlogdir=self.logs,
                nocleanup="true",
            ),
            _section(
                "rpcinterface:supervisor",
                **{"supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"},
            ),
            *(self._program(program) for program in programs),
            *_group(STORES, 10, (program.name for program in programs if program.keeps_data)),
            *_group(SERVICES, 20, (program.name for program in programs if not program.keeps_data)),
        ]
        return "\n".join(sections)

    def _program(self, program: Program) -> str:
        command = program.tethered(self.specs, record=self.records / f"{program.name}.json")
        return _section(
            f"program:{program.name}",
            command=" ".join(f'"{part}"' for part in command),
            directory=ROOT,
            autostart="true" if program.keeps_data else "false",
            autorestart="true",
            startsecs=_STARTED_AFTER_S,
            startretries=_FOR_EVER,
            stopsignal=program.stop_signal.removeprefix("SIG"),
            stopwaitsecs=program.stop_within_s,
            killasgroup="true",
            stdout_logfile=self.logs / f"{program.name}.log",
            stdout_logfile_maxbytes=_LOG_BYTES,
            stdout_logfile_backups=_LOGS_KEPT,
            redirect_stderr="true",
        )


def _section(title: str, **options: object) -> str:
    """Write one section; a per cent sign is the format's escape character."""
    lines = [f"{name}={str(value).replace('%', '%%')}" for name, value in options.items()]
    return "\n".join([f"[{title}]", *lines, ""])


def _group(name: str, priority: int, members: Iterable[str]) -> list[str]:
    """Groups start in the order of their priorities and stop in the opposite one."""
    listed = ",".join(members)
    return [_section(f"group:{name}", programs=listed, priority=priority)] if listed else []


def _state(info: dict[str, Any]) -> ProcessState:
    return ProcessState(
        name=info["name"],
        state=info["statename"],
        pid=info["pid"],
        since_s=float(info["start"]),
        remark=info["spawnerr"] or info["description"],
    )
