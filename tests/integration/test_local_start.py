"""The local start: what is killed comes back, what is ended is gone, and the city goes on."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
from sqlalchemy import create_engine, text

from deploy.local import leftovers, ports
from deploy.local.embedded import running_postgres
from deploy.local.kafka import Kafka, fetch
from deploy.local.postgres import Postgres
from deploy.local.program import ROOT
from deploy.local.supervised import Supervisor

pytestmark = pytest.mark.integration


def _eventually(ask, *, within_s, what):
    give_up = time.monotonic() + within_s
    while not (answer := ask()):
        assert time.monotonic() < give_up, f"{what}: not within {within_s} s"
        time.sleep(0.05)
    return answer


@pytest.fixture
def deep(tmp_path):
    """A folder too deep for a Unix socket, with names that are not ASCII, below one that nobody else may enter."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    folder = closed.joinpath(*["a-rather-long-name + 清运 + a space"] * 4)
    folder.mkdir(parents=True)
    return folder


def test_the_database_runs_wherever_the_clone_lies_and_whoever_we_are(deep):
    """In a deep folder that others cannot enter, as root or not, the database starts and keeps what it was told."""
    for expected in (1, 2):
        with running_postgres(deep) as server:
            engine = create_engine(server.url)
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE IF NOT EXISTS started (at timestamptz DEFAULT now())"))
                connection.execute(text("INSERT INTO started DEFAULT VALUES"))
                assert connection.execute(text("SELECT count(*) FROM started")).scalar_one() == expected
            engine.dispose()


def test_a_stale_postmaster_file_does_not_keep_the_database_down(deep):
    """After kill -9 and a reboot its number may belong to another program: the database starts all the same."""
    with running_postgres(deep) as server:
        stale = server.data / "postmaster.pid"
        lines = stale.read_text().splitlines()
    stale.write_text("\n".join([str(os.getpid()), *lines[1:], ""]))

    server.prepare()

    assert not stale.exists()
    with running_postgres(deep) as server:
        assert server.is_ready()


@pytest.fixture
def supervised(deep):
    """Broker and database under a supervisor, as `make run` has them."""
    kafka = Kafka(data=deep / "kafka", build=ROOT / ".build" / "kafka", port=ports.two_free())
    postgres = Postgres(data=deep / "postgres", specs=deep / "run" / "specs")
    supervisor = Supervisor(run=deep / "run", logs=deep / "log")
    fetch(kafka.build)
    kafka.prepare()
    postgres.prepare()
    process = supervisor.start([kafka.program(), postgres.program()])
    try:
        supervisor.wait_until_it_answers(process)
        kafka.wait_until_ready()
        postgres.wait_until_ready()
        yield supervisor, process, kafka, postgres
    finally:
        supervisor.stop(process)
        leftovers.end(supervisor.records, within_s=5)


def test_a_killed_broker_and_database_come_back(supervised):
    """Both are killed with -9; both answer again, as other processes, and the restart is counted."""
    supervisor, _, kafka, postgres = supervised
    before = {name: entry.pid for name, entry in leftovers.recorded(supervisor.records).items()}

    for name in ("kafka", "postgres"):
        os.kill(before[name], signal.SIGKILL)

    _eventually(
        lambda: all(leftovers.recorded(supervisor.records)[name].pid != before[name] for name in ("kafka", "postgres")),
        within_s=20,
        what="both started again",
    )
    kafka.wait_until_ready(30)
    postgres.wait_until_ready(30)
    assert leftovers.recorded(supervisor.records)["kafka"].starts == 2


def test_a_killed_supervisor_leaves_nothing_behind(supervised):
    """Killing the supervisor with -9 ends broker, database and the database's own children within five seconds."""
    supervisor, process, kafka, _ = supervised
    family = [
        child
        for program in leftovers.alive(supervisor.records).values()
        for child in (program, *program.children(recursive=True))
    ]
    assert len(family) > 5

    process.kill()
    process.wait()

    _, alive = psutil.wait_procs(family, timeout=5)
    assert [child for child in alive if child.status() != psutil.STATUS_ZOMBIE] == []
    assert all(ports.is_free(port) for port in kafka.ports)


class Town:
    """`make run` in a folder and on ports of its own."""

    def __init__(self, data):
        first = _ports_in_a_row(24)
        self.data = data
        self.gateway_port = first
        self.all_ports = range(first, first + 24)
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("QINGYUN_")},
            "QINGYUN_DATA_DIR": str(data),
            "QINGYUN_GATEWAY_PORT": str(first),
            "QINGYUN_INGEST_PORT": str(first + 1),
            "QINGYUN_JT808_PORT": str(first + 2),
            "QINGYUN_LOCAL_KAFKA_PORT": str(first + 3),
            "QINGYUN_LOCAL_METRICS_PORT": str(first + 5),
        }

    def start(self):
        """Start the launcher; its words go to a file."""
        with (self.data.parent / "words").open("w") as words:
            return subprocess.Popen(
                [sys.executable, "-m", "deploy.local", "run"],
                cwd=ROOT,
                env=self.environment,
                stdout=words,
                stderr=subprocess.STDOUT,
            )

    def words(self):
        """Return what the launcher said so far."""
        return (self.data.parent / "words").read_text()

    def wait_until_welcome(self, launcher):
        """Return when the launcher has shown the address."""
        _eventually(
            lambda: "Ctrl-C" in self.words() or launcher.poll() is not None, within_s=240, what="the whole system"
        )
        assert launcher.poll() is None, self.words()

    def ask(self, *command):
        """Run another command of the local start."""
        return subprocess.run(
            [sys.executable, "-m", "deploy.local", *command],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def processes(self):
        """Return every process that names this town's folder."""
        ours = str(self.data)
        return [
            process for process in psutil.process_iter(["cmdline"]) if ours in " ".join(process.info["cmdline"] or [])
        ]

    def clock_ms(self):
        """Return what the city clock last showed."""
        return json.loads((self.data / "run" / "clock.json").read_text())["city_ms"]


def _ports_in_a_row(count):
    for first in range(21500, 21950, count):
        if all(ports.is_free(port) for port in range(first, first + count)):
            return first
    pytest.fail(f"no {count} free ports in a row")


@pytest.fixture
def town(tmp_path):
    """A town that is ended when the test is."""
    town = Town(tmp_path / "data")
    yield town
    assert town.ask("stop").returncode == 0


def test_a_port_in_use_is_one_sentence_and_nothing_starts(town):
    """It names the port, what it is for and the setting that changes it; no process is left."""
    with socket.create_server(("127.0.0.1", town.gateway_port)):
        launcher = town.start()
        assert launcher.wait(60) == 1

    ours = rf"\S+ \(process {os.getpid()}\)"
    assert re.fullmatch(rf"× port {town.gateway_port} is in use by {ours}.* the pages .*PORT=.*\n", town.words())
    assert town.processes() == []


def test_the_whole_system_starts_is_ended_and_goes_on(town):
    """One start: a live page, a second start is refused, what a killed supervisor leaves is nothing, the city goes on."""
    launcher = town.start()
    town.wait_until_welcome(launcher)

    refused = town.ask("run")
    assert refused.returncode == 1
    assert f"already runs here (process {launcher.pid}" in refused.stderr
    status = json.loads(town.ask("status", "--json").stdout)
    assert {"kafka", "postgres", "ingest", "worker", "gateway"} <= {part["name"] for part in status["parts"]}

    begun_ms = town.clock_ms()
    os.kill(leftovers.recorded(town.data / "run" / "processes")["supervisor"].pid, signal.SIGKILL)
    assert launcher.wait(60) == 1
    assert "the supervisor was killed" in town.words()
    assert town.processes() == []
    ended_ms = town.clock_ms()
    assert ended_ms >= begun_ms

    launcher = town.start()
    town.wait_until_welcome(launcher)
    assert town.clock_ms() > ended_ms

    launcher.send_signal(signal.SIGINT)
    assert launcher.wait(60) == 0
    assert town.processes() == []
    assert [port for port in town.all_ports if not ports.is_free(port)] == []
    assert "Nothing ran" in town.ask("stop").stdout
