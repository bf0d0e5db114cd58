"""Streams and tables alone, each with its own ways to its servers that can fail: broker, database, two workers, two recorders.

A small part of the system starts in seconds, so many seeds can be run. Nobody supervises here but `Parts.tend`: what has
ended is started again, as a supervisor would. Whose end was not ours must have had to end by what is being done.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

import psutil
from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.local import kafka, ports
from deploy.local.kafka import Kafka, Way
from deploy.local.postgres import DATABASE, USER, Postgres
from services import bus, store
from services.recorder.mappings import RECORDED
from services.recorder.run import GROUP as TABLES
from services.store import sink
from services.store.migrate import migrate
from streams.topics import Topic
from streams.worker.ending import UNEXPECTED
from streams.worker.role import INPUTS
from streams.worker.settings import Settings
from tests.browser import ROOT
from tests.crash import points
from tests.faults import Broker, Database, Disk, Proxy

WORKERS: Final = ("w1", "w2")
RECORDERS: Final = ("recorder", "recorder2")
PROGRAMS: Final = (*WORKERS, *RECORDERS)
STORES: Final = ("kafka", "postgres")
SESSION_S: Final = 6.0
"""Of the workers; the least the broker allows."""
TABLES_SESSION_S: Final = 10.0
"""Of the recorders (`services.bus.GroupReader`)."""
IMPATIENT: Final = {"QINGYUN_WORKER_FLUSH_S": "6", "QINGYUN_WORKER_STALL_S": "9"}
"""Of the workers in half of the seeds: a silence of seconds passes these limits too."""
STOP_S: Final = 30.0
AGAIN_S: Final = 0.5
"""What ended is started again after this: at once, while its server is away, would only burn time."""
YOUNG_S: Final = 5.0
"""Who was started less than this ago may not hear SIGTERM yet, and is ended by it."""
GROUP: Final = Settings().app_id

Offsets = dict[tuple[str, int], int]


class Setting(NamedTuple):
    """How the small system of a seed is set up."""

    static: bool = False
    """Workers are static members: a killed one's successor need not wait."""
    impatient: bool = False
    """Workers have shorter limits (`IMPATIENT`)."""


class _Watched(NamedTuple):
    """A process that nobody of us has ended."""

    name: str
    process: psutil.Popen
    doomed: bool
    """It ends at its point."""


class Parts:
    """The small system. Everything of it is on loopback, its data in ``folder``."""

    def __init__(self, folder: Path, broker: Broker, database: Database, links: Mapping[str, Proxy]) -> None:
        self.folder = folder
        self.broker, self.database = broker, database
        self.links = links
        """By who and whereto: ``w1 kafka``, ``recorder postgres``, …"""
        self.setting = Setting()
        self.disks: Mapping[str, Disk] = {}
        """By server; those that are small and can be full."""
        self.findings: list[str] = []
        self.ended: list[str] = []
        """Who ended by himself, and had to."""
        self._during = "quiet time"
        self._may_end: Callable[[str], bool] = lambda _: False
        self._running: dict[str, psutil.Popen] = {}
        self._watched: dict[int, _Watched] = {}
        self._begun_s: dict[int, float] = {}
        self._due_s: dict[str, float] = {}
        self._lock = threading.RLock()
        """Two who do harm at once both tend."""
        self.engine = store.connect(database.url, pool=2, name="qingyun-crash")

    # ------------------------------------------------------------------------------------- programs

    def start(
        self, name: str, *, twin: bool = False, guest: bool = False, point: tuple[str, int] | None = None
    ) -> psutil.Popen:
        """Start a program.

        ``twin``: beside the one there is, under the same name; ``guest``: beside it, under none. ``point``: it ends at
        once at that passing of that moment (`tests.crash.points`).
        """
        worker = name in WORKERS
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("QINGYUN_")},
            "KAFKA_BOOTSTRAP": f"127.0.0.1:{self.links[f'{name} kafka'].port}",
            "QINGYUN_LOG_LEVEL": "INFO",
        }
        if worker:
            environment |= {"QINGYUN_WORKER_SESSION_S": f"{SESSION_S:g}", "QINGYUN_WORKER_SLICE_RECORDS": "20"}
            environment |= IMPATIENT if self.setting.impatient else {}
        else:
            way = f"{USER}@127.0.0.1:{self.links[f'{name} postgres'].port}"
            environment |= {"DATABASE_URL": f"postgresql+psycopg://{way}/{DATABASE}"}
            environment |= {"QINGYUN_DATABASE_TIMEOUT_S": "5", "QINGYUN_POSITIONS_KEPT_DAYS": "0"}
        if worker and self.setting.static and not guest:
            environment["QINGYUN_WORKER_INSTANCE"] = name
        program = ("streams", "worker") if worker else ("services", "recorder")
        doomed = ("tests.crash.points", point[0], str(point[1])) if point is not None else ()
        command = [sys.executable, "-m", *doomed, *program]
        with self.log(name).open("ab") as log:
            process = psutil.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.watch(name, process, doomed=point is not None)
        if not (twin or guest):
            self._running[name] = process
            self._due_s.pop(name, None)
        return process

    def watch(self, name: str, process: psutil.Popen, *, doomed: bool = False) -> None:
        """From now on a process must not end by itself; one that is doomed must, at its point."""
        with self._lock:
            self._watched[process.pid] = _Watched(name, process, doomed)
            self._begun_s[process.pid] = time.monotonic()

    def log(self, name: str) -> Path:
        """Return where a program or server writes what it says."""
        return self.folder / f"{name}.log"

    def process(self, name: str) -> psutil.Popen | None:
        """Return the running process of a program."""
        process = self._running.get(name)
        return process if process is not None and process.poll() is None else None

    def tend(self) -> None:
        """Start again what has ended, and note whose end was not ours."""
        with self._lock:
            self._note_ends()
            now_s = time.monotonic()
            for name in PROGRAMS:
                if self.process(name) is None and now_s >= self._due_s.setdefault(name, now_s + AGAIN_S):
                    self.start(name)

    @contextmanager
    def during(self, what: str, may_end: Callable[[str], bool]) -> Iterator[None]:
        """Let those programs end by themselves meanwhile, with the code for it; at no other time may any."""
        self._note_ends()
        self._during, self._may_end = what, may_end
        try:
            yield
            self._note_ends()
        finally:
            self._during, self._may_end = "quiet time", lambda _: False

    def _note_ends(self) -> None:
        with self._lock:
            for pid, (name, process, doomed) in list(self._watched.items()):
                if (code := process.poll()) is None:
                    continue
                del self._watched[pid]
                said = f"{name} ended by itself with {code} in {self._during}"
                if code == UNEXPECTED and self._may_end(name):
                    self.ended.append(said)
                elif not (doomed and code == points.DIED):
                    self.findings.append(said)

    def ours(self, process: psutil.Popen) -> bool:
        """Take the end of a process on us; False if it has ended by itself."""
        with self._lock:
            self._note_ends()
            return self._watched.pop(process.pid, None) is not None

    def kill(self, process: psutil.Popen | None) -> bool:
        """End a process at once; False if there is none."""
        if process is None or not self.ours(process):
            return False
        process.kill()
        process.wait()
        return True

    def ended_in_order(self, names: Iterable[str] = PROGRAMS) -> list[str]:
        """Ask programs to stop and wait until they have; return a sentence for each that did not do so in order."""
        return self.end([(name, process) for name in names if (process := self.process(name)) is not None])

    def end(self, processes: Iterable[tuple[str, psutil.Popen]]) -> list[str]:
        """Do so with processes, each with a name for it."""
        asked = [(name, process) for name, process in processes if self.ours(process)]
        wrong = []
        for _, process in asked:
            process.send_signal(signal.SIGTERM)
        asked_s = time.monotonic()
        for name, process in asked:
            try:
                code = process.wait(STOP_S)
            except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
                wrong.append(f"{name} did not end within {STOP_S:.0f} s of SIGTERM")
                process.kill()
            else:
                age_s = asked_s - self._begun_s[process.pid]
                if code != 0 and not (code == -signal.SIGTERM and age_s < YOUNG_S):
                    wrong.append(f"{name} ended with {code} after SIGTERM, {age_s:.0f} s after its start")
        return wrong

    def holes(self) -> list[str]:
        """Return what workers said of records that were dropped on their way: found in time, but a fault of ours."""
        said = [(name, line) for name in WORKERS for line in self.log(name).read_text(errors="replace").splitlines()]
        return [f"{name}: {line[:300]}" for name, line in said if "records were dropped" in line]

    def kill_all(self) -> None:
        """End whatever is left, at once."""
        for process in (*self._running.values(), *(one.process for one in self._watched.values())):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    # ------------------------------------------------------------------------------------- how far they are

    def committed(self) -> Offsets:
        """Return how far the workers have committed; empty while the broker is away."""
        with _admin(self.broker.bootstrap) as admin:
            if admin is None:
                return {}
            try:
                offsets = admin.list_group_offsets(GROUP).get(GROUP, {})
            except KafkaError:
                return {}
        return {(at.topic, at.partition): said.offset for at, said in offsets.items()}

    def members(self, name: str) -> int:
        """Return how many share the partitions of a program's group; 0 while that is not settled."""
        group = TABLES if name in RECORDERS else GROUP
        with _admin(self.broker.bootstrap) as admin:
            if admin is None:
                return 0
            try:
                found = admin.describe_groups([group])[group]
            except KafkaError:
                return 0
        return len(found["members"]) if found["group_state"] == "Stable" else 0

    def recorded(self) -> Offsets:
        """Return how far the tables are; empty while the database is away."""
        every = [(topic.name, number) for topic in RECORDED for number in range(topic.partitions)]
        try:
            return sink.known_offsets(self.engine, every)
        except store.Away:
            return {}

    def ends(self, topics: Sequence[Topic]) -> Offsets | None:
        """Return where topics end; None while the broker is away."""
        if not bus.answers(self.broker.bootstrap, 2.0):
            return None
        try:
            return bus.ends(self.broker.bootstrap, topics, client_id="crash")
        except bus.BusError:
            return None

    def behind(self, worker_to: Offsets, tables_to: Offsets) -> str:
        """Say who has not come so far; empty = nobody."""
        committed, recorded = self.committed(), self.recorded()
        late = sum(max(0, end - committed.get(partition, 0)) for partition, end in worker_to.items())
        if late:
            return f"the workers are {late} records behind"
        late = sum(max(0, end - recorded.get(partition, 0)) for partition, end in tables_to.items())
        return f"the recorder is {late} records behind" if late else ""


@contextmanager
def _admin(bootstrap: str) -> Iterator[KafkaAdminClient | None]:
    if not bus.answers(bootstrap, 2.0):
        yield None
        return
    try:
        admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","), request_timeout_ms=3_000)
    except KafkaError:
        yield None
        return
    try:
        yield admin
    finally:
        admin.close()


@contextmanager
def running(folder: Path, setting: Setting, *, small: Collection[str] = ()) -> Iterator[Parts]:
    """Start broker and database, topics and tables, the ways and the programs; end all of it afterwards.

    ``small``: servers whose disk is to be small, so that it can be full.
    """
    with ExitStack() as stack:
        ways: dict[str, int] = {}
        for name in PROGRAMS:
            ways[name] = ports.free(ways.values())
        links = {f"{name} kafka": stack.enter_context(Proxy(("127.0.0.1", port))) for name, port in ways.items()}
        told = tuple(
            Way(name=name.upper(), port=port, told_port=links[f"{name} kafka"].port) for name, port in ways.items()
        )
        kafka.fetch(ROOT / ".build" / "kafka")
        server = Kafka(
            data=folder / "kafka", build=ROOT / ".build" / "kafka", port=ports.two_free(ways.values()), ways=told
        )
        broker, database = Broker(folder, server), Database(folder)
        disks = {name: stack.enter_context(Disk(of)) for name, of in _folders(folder, server).items() if name in small}
        stack.callback(broker.stop)
        stack.callback(database.stop)
        broker.begin()
        database.start()
        socket_path = Postgres(data=folder / "postgres", specs=folder / "specs").socket_folder / ".s.PGSQL.5432"
        links |= {f"{name} postgres": stack.enter_context(Proxy(str(socket_path))) for name in RECORDERS}
        parts = Parts(folder, broker, database, links)
        parts.setting, parts.disks = setting, disks
        stack.callback(parts.engine.dispose)
        migrate(parts.engine)
        broker.wait_until_ready()
        bus.provision(broker.bootstrap)
        stack.callback(parts.kill_all)
        for name in PROGRAMS:
            parts.start(name)
        yield parts


def _folders(folder: Path, server: Kafka) -> dict[str, Path]:
    """Return the folder of each server's data, which is there by now."""
    server.prepare()
    return dict(zip(STORES, (server.data / "records", folder / "postgres"), strict=True))


INPUT_TOPICS: Final = tuple(INPUTS)
TABLE_TOPICS: Final = tuple(RECORDED)
