"""A stage for the pages: a real broker, database, recorder and gateway, with people who may log in, and nobody else.

No simulator, no worker, no planner: what the pages show is what was put on the topics. So a look at the pages is the same
each time, and a measurement of the pages is one of the pages.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import text

from deploy.local import embedded, ports
from services import bus, clock, store
from services.gateway.access import COOKIE
from services.store import access
from services.store.migrate import migrate
from streams import events, topics
from tests.browser import ROOT

PASSWORD: Final = "only-for-this-stage"
FACES: Final[Mapping[str, str]] = {
    "dispatcher": "/dispatch",
    "driver": "/driver",
    "officer": "/enforcement",
    "manager": "/dispatch",
}
"""The first page of each role that has a log-in here."""
_START_S: Final = 60.0
_SEEN: Final = (
    topics.ASSETS,
    topics.TRUCK_STATES,
    topics.PLANS,
    topics.ALERTS,
    topics.ALERT_ACTIONS,
    topics.BIN_READINGS,
)
"""Topics whose records a page asks of the database."""


class StageError(RuntimeError):
    """The stage does not stand; the message says what is missing and what was said last."""


@dataclass
class Stage:
    """A running stage. ``environment``: of each of its processes; ``logs``: the folder of what they say."""

    address: str
    bootstrap: str
    database_url: str
    environment: dict[str, str]
    logs: Path
    processes: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _cookies: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def now_ms(self) -> int:
        """City time now."""
        origin_ms, wall_ms = (int(self.environment.get(name, "0")) for name in _CLOCK)
        return origin_ms + clock.wall_now_ms() - wall_ms

    def send(self, records: Iterable[events.Event]) -> None:
        """Put records on their topics; returns when the broker has confirmed all."""
        producer = bus.Producer(self.bootstrap, client_id="stage")
        for record in records:
            producer.send_event(record)
        producer.flush()
        producer.close()

    def start(self, service: str) -> None:
        """Start one of the services."""
        with (self.logs / f"{service}.log").open("ab") as said:
            command = [sys.executable, "-m", "services", service]
            self.processes[service] = subprocess.Popen(
                command, cwd=ROOT, env=self.environment, stdout=said, stderr=said
            )

    def end(self, service: str) -> None:
        """End it, as Ctrl-C does; a service that hangs is killed."""
        process = self.processes.pop(service)
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def start_gateway(self) -> None:
        """Start the gateway and wait until it answers."""
        self.start("gateway")
        self._until(lambda: _answers(f"{self.address}/health"), "the gateway", "gateway")

    def record(self) -> None:
        """Let the recorder write what is on the topics that pages ask the database for."""
        self.start("recorder")
        engine = store.connect(self.database_url, name="stage")
        ends = bus.ends(self.bootstrap, _SEEN, client_id="stage")
        wanted = sum(ends.values())
        query = text("SELECT coalesce(sum(next), 0)::bigint FROM sink_offsets WHERE topic = ANY(:names)")

        def written() -> bool:
            with engine.connect() as connection:
                count = connection.execute(query, {"names": [topic.name for topic in _SEEN]}).scalar_one()
            return int(count) >= wanted

        self._until(written, "the recorder to write everything", "recorder")
        engine.dispose()

    def add_user(self, login: str, role: access.Role, *, tenant_id: str, truck_id: str | None = None) -> None:
        """Add somebody who may log in."""
        engine = store.connect(self.database_url, name="stage")
        access.add_user(
            engine,
            tenant_id=tenant_id,
            login=login,
            password=PASSWORD,
            name=login.capitalize(),
            role=role,
            driver_id=None if truck_id is None else "dr03",
            truck_id=truck_id,
        )
        engine.dispose()

    def report(self, kind: str, place: str, note: str = "") -> None:
        """Let a citizen report something; the gateway must run."""
        form = httpx.get(f"{self.address}/report", timeout=20).text
        number = re.search(r'name="number" value="([0-9A-Z]+)"', form)
        if number is None:
            raise StageError("the form for citizens has no number: see `services/gateway/citizen/page.py`")
        said = {"number": number[1], "kind": kind, "place": place, "note": note}
        fields = {name: (None, content.encode()) for name, content in said.items()}
        answer = httpx.post(f"{self.address}/report", files=fields, timeout=20)
        if not answer.has_redirect_location:
            raise StageError(f"a citizen's report was not taken ({answer.status_code})")

    def cookie(self, login: str) -> dict[str, Any]:
        """Return the session of a login as a browser keeps it; logs in the first time (the gateway counts log-ins)."""
        if login not in self._cookies:
            answer = httpx.post(
                f"{self.address}/api/v1/session",
                json={"login": login, "password": PASSWORD},
                headers={"Origin": self.address},
                timeout=20,
            )
            answer.raise_for_status()
            self._cookies[login] = {"name": COOKIE, "value": answer.cookies[COOKIE], "url": self.address}
        return self._cookies[login]

    def _until(self, holds: Callable[[], bool], what: str, service: str) -> None:
        give_up_s = time.monotonic() + _START_S
        while not holds():
            ended = self.processes[service].poll() is not None
            if ended or time.monotonic() > give_up_s:
                said = (self.logs / f"{service}.log").read_text(errors="replace")[-2000:]
                raise StageError(f"waited for {what}, {'but it has ended' if ended else f'{_START_S:g} s'}:\n{said}")
            time.sleep(0.05)


_CLOCK: Final = ("QINGYUN_CLOCK_ORIGIN_MS", "QINGYUN_CLOCK_WALL_ORIGIN_MS")


@contextmanager
def standing(folder: Path, *, tenant_id: str, at_ms: int | None = None, truck_id: str = "t03") -> Iterator[Stage]:
    """Start broker and database in ``folder``, with all topics, tables and one log-in a role; end everything afterwards.

    ``at_ms``: city time at this moment, from which it goes on at the wall's pace; None = it is wall time.
    """
    environment = {name: value for name, value in os.environ.items() if not name.startswith("QINGYUN_")}
    port = ports.free()
    environment |= {
        "PYTHONPATH": str(ROOT),
        "QINGYUN_GATEWAY_PORT": str(port),
        "QINGYUN_TENANT_ID": tenant_id,
        "QINGYUN_LOG_LEVEL": "WARNING",
    }
    if at_ms is not None:
        environment |= dict(zip(_CLOCK, (str(at_ms), str(clock.wall_now_ms())), strict=True))
    with ExitStack() as stack, ThreadPoolExecutor(2) as both:
        started_kafka = both.submit(stack.enter_context, embedded.running_kafka(folder, busy=True))
        database_url = stack.enter_context(embedded.running_postgres(folder)).url
        engine = store.connect(database_url, name="stage")
        migrate(engine)
        engine.dispose()
        bootstrap = started_kafka.result().bootstrap
        bus.provision(bootstrap)
        environment |= {"KAFKA_BOOTSTRAP": bootstrap, "DATABASE_URL": database_url}
        stage = Stage(f"http://127.0.0.1:{port}", bootstrap, database_url, environment, folder)
        try:
            for role in FACES:
                stage.add_user(role, role, tenant_id=tenant_id, truck_id=truck_id if role == "driver" else None)  # type: ignore[arg-type]
            yield stage
        finally:
            for service in list(stage.processes):
                stage.end(service)


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False
