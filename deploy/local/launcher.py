"""``make run``: prepare, start, watch, and end everything again."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from http.client import HTTPConnection, HTTPException
from subprocess import Popen
from typing import Any, Final

from rich.markup import escape
from rich.table import Table

from deploy.local import city_time, given, leftovers, once, ports, programs, space, web
from deploy.local.commands import Commands
from deploy.local.failure import LocalStartError
from deploy.local.prepare import prepare
from deploy.local.program import Program
from deploy.local.programs import Step
from deploy.local.progress import Reporter, nobody_reads
from deploy.local.settings import Local
from deploy.local.supervised import ProcessState
from deploy.local.together import together
from services.clock import CityClock, wall_now_ms

_END_LEFTOVERS_S: Final = 5.0
_PAGE_TIMEOUT_S: Final = 120.0
_WATCH_S: Final = 1.0


class _Stopped(BaseException):
    """Somebody asked us to end: Ctrl-C, SIGTERM, or the terminal was closed."""


def run(local: Local) -> None:
    """Run the whole system until it is asked to end. Blocks; leaves no process, port or lock behind.

    Raises
    ------
    LocalStartError
        If it cannot start, or the supervisor was killed.
    """
    with once.alone(local.run / "lock", address=local.address), _signals(), Reporter() as reporter:
        try:
            _run(local, reporter)
        except _Stopped:
            reporter.say("ended")


def setup(local: Local) -> None:
    """Fetch and build what `make run` and `make test` need. Blocks for minutes the first time."""
    space.check(local)
    with Reporter() as reporter, Commands(local.logs / "setup.log", local.commands) as commands:
        prepare(local, reporter, commands, for_tests=True)


def packages(local: Local) -> None:
    """Install the pages' packages alone."""
    with (
        Reporter() as reporter,
        Commands(local.logs / "setup.log", local.commands) as commands,
        reporter.step("pages' packages"),
    ):
        web.install(commands, local.build)


def _run(local: Local, reporter: Reporter) -> None:
    _end_leftovers(local, reporter)
    _check_ports(local)
    _check_given(local)
    space.check(local)
    with Commands(local.logs / "setup.log", local.commands) as commands:
        prepare(local, reporter, commands)
        shown = city_time.Shown.read(local.run / "clock.json")
        together([part.prepare for part in _embedded(local)])  # both need about a second when they are new
        clock = city_time.begin(shown, wall_ms=wall_now_ms(), rate=local.services.clock_rate, time_zone=local.time_zone)
        everything = [*programs.stores(local), *programs.processes(local, clock)]
        with _supervised(local, everything, clock, reporter) as supervisor_process:
            users = _bring_up(local, clock, supervisor_process, reporter, commands)
            _welcome(local, users, reporter)
            _watch(local, clock, supervisor_process, reporter)


def _embedded(local: Local) -> list[Any]:
    parts: list[Any] = [] if local.kafka_is_given else [local.kafka]
    return parts if local.database_is_given else [*parts, local.postgres]


@contextmanager
def _supervised(
    local: Local, everything: Sequence[Program], clock: CityClock, reporter: Reporter
) -> Iterator["Popen[bytes]"]:
    """Run the supervisor during the block; afterwards nothing runs and the city clock is written down."""
    supervisor = local.supervisor
    leftovers.forget(supervisor.records)
    process = supervisor.start(everything)
    try:
        supervisor.wait_until_it_answers(process)
        yield process
    finally:
        with _no_signals(), reporter.step("ending"):
            supervisor.stop(process)
            leftovers.end(supervisor.records, within_s=_END_LEFTOVERS_S)
            leftovers.forget(supervisor.records)
            _record_clock(local, clock, ended=True)


def _bring_up(
    local: Local, clock: CityClock, process: "Popen[bytes]", reporter: Reporter, commands: Commands
) -> list[dict[str, str]]:
    """Wait for the stores, do the steps, start our processes, wait for the page; return the demo users."""
    together([partial(_wait_for, part, reporter) for part in _embedded(local)])
    environment = programs.environment(local, clock)
    users: list[dict[str, str]] = []
    for side_by_side in programs.steps(local):
        for listed in together([partial(_do, step, environment, reporter, commands) for step in side_by_side]):
            users += listed
    with reporter.step("the page"):
        local.supervisor.start_services()
        _wait_for_page(local, clock, process)
    return users


def _do(step: Step, environment: dict[str, str], reporter: Reporter, commands: Commands) -> list[dict[str, str]]:
    """Do one step; return the users it lists, if it does."""
    argv = [sys.executable, "-m", "services", *step.arguments]
    with reporter.step(step.title):
        advice = f"the whole story is in {commands.log}"
        answer = commands.run(argv, what=step.title, environment=environment, advice=advice)
    return json.loads(answer) if step.lists_users else []


def _wait_for(part: Any, reporter: Reporter) -> None:
    name = type(part).__name__
    with reporter.step(name):
        try:
            part.wait_until_ready()
        except TimeoutError as error:
            raise LocalStartError(f"{name} did not start: {error}; its log is in the log folder") from error


def _wait_for_page(local: Local, clock: CityClock, process: "Popen[bytes]") -> None:
    give_up = time.monotonic() + _PAGE_TIMEOUT_S
    _record_clock(local, clock, ended=False)
    while not _answers(local.services.reachable_host, local.services.gateway_port):
        if process.poll() is not None:
            raise LocalStartError(f"the supervisor ended; {local.logs / 'supervisor.log'} may say why")
        if time.monotonic() > give_up:
            log = local.logs / "gateway.log"
            raise LocalStartError(f"no page came up at {local.address} within {_PAGE_TIMEOUT_S:g} s; see {log}")
        time.sleep(0.1)
        _record_clock(local, clock, ended=False)  # our processes stamp records with it already


def _answers(host: str, port: int) -> bool:
    """True when a web server says anything but "not now" there."""
    connection = HTTPConnection(host, port, timeout=2)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status < 500
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _watch(local: Local, clock: CityClock, process: "Popen[bytes]", reporter: Reporter) -> None:
    """Until we are asked to end: write down the city clock, tell which programs were started again.

    Raises
    ------
    LocalStartError
        If the supervisor is gone.
    """
    before = local.supervisor.states() or {}
    while process.poll() is None:
        _record_clock(local, clock, ended=False)
        now = local.supervisor.states() or before
        for sentence in _changes(before, now):
            reporter.say(f"[yellow]‼[/] {sentence} (log: {local.logs / sentence.split()[0]}.log)")
        before = now
        time.sleep(_WATCH_S)
    raise LocalStartError("the supervisor was killed, and every program with it; `make run` goes on with the data")


def _changes(before: dict[str, ProcessState], now: dict[str, ProcessState]) -> list[str]:
    """Say which programs ended since the last look, and which were started again."""
    sentences = []
    for name, state in now.items():
        old = before.get(name)
        if old is None or (state.pid, state.state) == (old.pid, old.state):
            continue
        if state.is_running and old.pid != state.pid:
            sentences.append(f"{name} was started again, process {state.pid}")
        elif not state.is_running and old.is_running:
            sentences.append(f"{name} ended: {state.remark}")
    return sentences


def _record_clock(local: Local, clock: CityClock, *, ended: bool) -> None:
    wall_ms = wall_now_ms()
    shown = city_time.Shown(city_ms=clock.at_wall(wall_ms), wall_ms=wall_ms, ended=ended, rate=clock.rate)
    shown.write(local.run / "clock.json")


def _end_leftovers(local: Local, reporter: Reporter) -> None:
    records = local.supervisor.records
    if leftovers.alive(records):
        with reporter.step("ending what an earlier start left"):
            leftovers.end(records, within_s=_END_LEFTOVERS_S)
    leftovers.end_sessions(local.commands)


def _check_ports(local: Local) -> None:
    refused = [
        f"port {port.number} {why}; it is wanted for {port.wish}"
        for port in programs.wanted_ports(local).values()
        if (why := ports.why_not(port.number, port.host))
    ]
    if refused:
        more = f"; and {len(refused) - 1} more: `make doctor` lists them" if len(refused) > 1 else ""
        raise LocalStartError(refused[0] + more)


def _check_given(local: Local) -> None:
    if local.kafka_is_given and (trouble := given.kafka_trouble(local)):
        raise LocalStartError(trouble)
    if local.database_is_given and (trouble := given.database_trouble(local)):
        raise LocalStartError(trouble)


def _welcome(local: Local, users: list[dict[str, str]], reporter: Reporter) -> None:
    states = local.supervisor.states() or {}
    running = Table("process", "state", "log", box=None, pad_edge=False, header_style="dim")
    for name, state in sorted(states.items(), key=lambda item: item[0]):
        running.add_row(name, state.state.lower(), os.path.relpath(local.logs / f"{name}.log"))
    who = Table("log in as · 登录", "password · 密码", "who · 身份", box=None, pad_edge=False, header_style="dim")
    for user in users:
        who.add_row(user["login"], escape(user["password"]), user["name"])
    for table in (running, who):
        reporter.say("")
        reporter.say(table)
    reporter.say(f"\n[bold]{local.address}[/]   city clock at {local.services.clock_rate:g}×")
    reporter.say(f"{local.address}/report   citizens report here, without an account · 市民上报")
    reporter.say("Ctrl-C or `make stop` ends it · `make status` says how it is · Ctrl-C 结束运行\n")


@contextmanager
def _signals() -> Iterator[None]:
    """Turn the ways of asking us to end into `_Stopped`, during the block; `nohup make run` outlives its terminal."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        numbers.append(signal.SIGHUP)

    def stop(received: int, _: object) -> None:
        for number in numbers:  # a second one, as a closed terminal sends, must not interrupt the ending
            signal.signal(number, signal.SIG_IGN)
        if received == signal.SIGHUP:
            nobody_reads()
        raise _Stopped

    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


@contextmanager
def _no_signals() -> Iterator[None]:
    """Let nothing interrupt the ending: it is bounded in time, and half an ending leaves processes behind."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, signal.SIG_IGN) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
