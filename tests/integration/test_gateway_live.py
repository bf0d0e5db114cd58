"""The gateway as a process: live events from broker to browser, commands from browser to broker, parts away."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from gateway_trial import FORGIVING, Process, answers, away, own_database, process, value, wait_for

from deploy.local import ports
from services import bus, clock, store
from services.store import access
from services.store.access import KEY_PREFIX
from streams import codec, events
from streams.topics import DRIVER_ACTIONS

pytestmark = [pytest.mark.integration, FORGIVING]


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    with own_database(postgres) as url:
        yield url


@pytest.fixture
def tenant() -> str:
    """A tenant no other test writes for: the broker is shared."""
    return f"tenant-{uuid4().hex[:8]}"


class Gateway:
    """A running gateway and keys for it."""

    def __init__(self, port: int, database: str, tenant: str) -> None:
        self.url = f"http://127.0.0.1:{port}"
        engine = store.connect(database)
        self.desk = {"Authorization": f"Bearer {access.create_key(engine, tenant, 'desk', 'dispatcher')}"}
        cab = access.create_key(engine, tenant, "cab", "driver", driver_id="dr1", truck_id="t1")
        self.cab = {"Authorization": f"Bearer {cab}"}
        engine.dispose()
        assert cab.startswith(KEY_PREFIX)

    def get(self, path: str) -> httpx.Response:
        """Ask as a dispatcher."""
        return httpx.get(self.url + path, headers=self.desk, timeout=20)


@contextlib.contextmanager
def gateway(bootstrap: str, database: str, tenant: str, log: Path) -> Iterator[tuple[Gateway, Process]]:
    port = ports.free()
    env = {"KAFKA_BOOTSTRAP": bootstrap, "DATABASE_URL": database, "QINGYUN_GATEWAY_PORT": str(port)}
    with process("gateway", log, **env, QINGYUN_TENANT_ID=tenant) as child:
        made = Gateway(port, database, tenant)
        wait_for(lambda: answers(made.url + "/health") or child.exit_code() is not None, "the gateway")
        assert child.exit_code() is None, child.log
        yield made, child


class Page:
    """A browser's stream, read in a thread: events as (name, id, data)."""

    def __init__(self, url: str, headers: dict[str, str]) -> None:
        self.events: list[tuple[str, str, Any]] = []
        self._client = httpx.Client(timeout=60)
        self._gone = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(url, headers), daemon=True)
        self._thread.start()

    def _read(self, url: str, headers: dict[str, str]) -> None:
        left = contextlib.suppress(httpx.HTTPError, RuntimeError, OSError)
        with left, self._client.stream("GET", url, headers=headers) as answer:
            fields: dict[str, str] = {}
            for line in answer.iter_lines():
                if self._gone.is_set():
                    return
                if not line and "data" in fields:
                    self.events.append((fields["event"], fields["id"], json.loads(fields["data"])))
                    fields = {}
                elif not line.startswith(":"):
                    name, _, text = line.partition(": ")
                    fields[name] = text

    def changes(self, kind: str) -> dict[str, Any]:
        """The newest of each thing of a kind, after the snapshot."""
        deltas = [data for name, _, data in list(self.events) if name == "delta"]
        return {c["id"]: c["value"] for data in deltas for c in data["changes"] if c["kind"] == kind}

    def close(self) -> None:
        """Leave."""
        self._gone.set()
        self._client.close()


@contextlib.contextmanager
def page(made: Gateway, who: dict[str, str], **headers: str) -> Iterator[Page]:
    opened = Page(made.url + "/api/v1/live", who | headers)
    try:
        yield opened
    finally:
        opened.close()


def fix(tenant: str, truck_id: str, event_time_ms: int, **more: Any) -> events.TruckState:
    return events.TruckState(
        tenant_id=tenant, truck_id=truck_id, event_time_ms=event_time_ms, source="jt808", lon=-8.6, lat=41.15, **more
    )


def alert(tenant: str, now_ms: int) -> events.Alert:
    return events.Alert(
        tenant_id=tenant,
        alert_id=f"al-{tenant}",
        revision=1,
        rule="sos",
        rule_version="1",
        state="raised",
        severity="critical",
        certainty="observed",
        start_ms=now_ms,
        raised_ms=now_ms,
        emitted_ms=now_ms,
        truck_id="t1",
    )


def send(bootstrap: str, *records: events.Event) -> None:
    producer = bus.Producer(bootstrap, client_id="trial")
    for record in records:
        producer.send_event(record)
    producer.flush()
    producer.close()


def test_a_record_reaches_the_page_and_a_page_that_was_away_misses_nothing(
    topics: str, database: str, tenant: str, tmp_path: Path
) -> None:
    """Snapshot, then deltas; back with the last id: only what was missed; with an id of another life: a snapshot."""
    now_ms = clock.city_now_ms()
    with gateway(topics, database, tenant, tmp_path / "gateway.log") as (made, _):
        with page(made, made.desk) as first:
            wait_for(lambda: first.events, "the snapshot")
            assert first.events[0][0] == "snapshot"
            send(topics, fix(tenant, "t1", now_ms, load_kg=700.0), alert(tenant, now_ms))
            wait_for(lambda: first.changes("alert"), "the alert")
            wait_for(lambda: first.changes("truck"), "the truck")
            assert first.changes("truck")["t1"]["load_kg"] == 700.0
            shown = first.changes("alert")[f"al-{tenant}"]
            assert (shown["rule"], shown["acked_by"], shown["because"]) == ("sos", None, [])
            last_id = first.events[-1][1]
        send(topics, fix(tenant, "t1", now_ms + 1000, load_kg=800.0))
        with page(made, made.desk, **{"Last-Event-ID": last_id}) as again:
            wait_for(lambda: again.changes("truck"), "what was missed")
            assert {name for name, _, _ in again.events} == {"delta"}
            assert again.changes("truck")["t1"]["load_kg"] == 800.0
        with page(made, made.desk, **{"Last-Event-ID": "another-3"}) as stranger:
            wait_for(lambda: stranger.events, "the snapshot")
            name, _, snapshot = stranger.events[0]
            assert name == "snapshot"
            assert [truck["load_kg"] for truck in snapshot["trucks"]] == [800.0]


def test_the_picture_and_what_follows_have_no_gap(topics: str, database: str, tenant: str, tmp_path: Path) -> None:
    """What the recorder has and what it has not yet: a gateway that starts in between shows both."""
    now_ms = clock.city_now_ms()
    env = {"KAFKA_BOOTSTRAP": topics, "DATABASE_URL": database}
    engine = store.connect(database)
    send(topics, *(fix(tenant, f"t{number}", now_ms) for number in range(30)))
    with process("recorder", tmp_path / "recorder.log", **env):
        count = "SELECT count(*) FROM last_positions WHERE tenant_id = :t"
        wait_for(lambda: value(engine, count, t=tenant) == 30, "the recorder", 60)
    send(topics, *(fix(tenant, f"t{number}", now_ms + 5) for number in range(20, 50)))
    engine.dispose()
    with gateway(topics, database, tenant, tmp_path / "gateway.log") as (made, _), page(made, made.desk) as opened:
        expected = {f"t{n}": now_ms if n < 20 else now_ms + 5 for n in range(50)}

        def seen() -> dict[str, int]:
            trucks = {t["truck_id"]: t for t in opened.events[0][2]["trucks"]} if opened.events else {}
            return {truck_id: t["event_time_ms"] for truck_id, t in (trucks | opened.changes("truck")).items()}

        wait_for(lambda: seen() == expected, "all fifty trucks")


def test_a_driver_sees_only_the_own_truck(topics: str, database: str, tenant: str, tmp_path: Path) -> None:
    """Snapshot and deltas of a driver hold the own truck and plan, and no alert."""
    now_ms = clock.city_now_ms()
    plan = events.TruckPlan(tenant_id=tenant, truck_id="t1", plan_version=1, made_ms=now_ms, reason="first_plan")
    with gateway(topics, database, tenant, tmp_path / "gateway.log") as (made, _), page(made, made.cab) as cab:
        wait_for(lambda: cab.events, "the snapshot")
        send(topics, fix(tenant, "t2", now_ms), alert(tenant, now_ms), fix(tenant, "t1", now_ms), plan)
        wait_for(lambda: cab.changes("plan") and cab.changes("truck"), "the own truck and plan")
        kinds = {(c["kind"], c["id"]) for name, _, d in cab.events if name == "delta" for c in d["changes"]}
        assert kinds == {("truck", "t1"), ("plan", "t1")}
        day = httpx.get(made.url + "/api/v1/driver", headers=made.cab)
        assert day.json()["plan"]["plan_version"] == 1
        unchanged = httpx.get(made.url + "/api/v1/driver", headers=made.cab | {"If-None-Match": day.headers["etag"]})
        assert unchanged.status_code == 304


def test_a_command_is_on_kafka_once_even_if_the_gateway_dies_first(
    topics: str, database: str, tenant: str, tmp_path: Path
) -> None:
    """Accepted while Kafka is away, killed with -9, started again: the action is on its topic, once, and gone from the outbox."""
    nobody = f"127.0.0.1:{ports.free()}"
    action_id = f"act-{tenant}"
    body = {"kind": "breakdown", "event_time_ms": clock.city_now_ms()}
    engine = store.connect(database)
    with gateway(nobody, database, tenant, tmp_path / "first.log") as (made, child):
        answer = httpx.put(f"{made.url}/api/v1/driver-actions/{action_id}", json=body, headers=made.cab)
        assert answer.status_code == 202
        child.kill()
    assert value(engine, "SELECT count(*) FROM outbox") == 1
    with gateway(topics, database, tenant, tmp_path / "second.log") as (made, _):
        again = httpx.put(f"{made.url}/api/v1/driver-actions/{action_id}", json=body, headers=made.cab)
        assert again.content == answer.content
        wait_for(lambda: value(engine, "SELECT count(*) FROM outbox") == 0, "the sender")
        wait_for(lambda: _down(made) == "breakdown", "the live state")
    engine.dispose()
    follower = bus.Follower(topics, [DRIVER_ACTIONS], client_id="trial")
    found = [codec.decode(DRIVER_ACTIONS, record.value) for record in follower.read_to_end()]
    follower.close()
    assert [one.kind for one in found if one.action_id == action_id] == ["breakdown"]


def _down(made: Gateway) -> str | None:
    return httpx.get(made.url + "/api/v1/driver", headers=made.cab).json()["truck"].get("down")


def test_without_the_database_live_goes_on(topics: str, database: str, tenant: str, tmp_path: Path) -> None:
    """Open pages stay live, a known key still opens one; what needs the database says so with 503."""
    now_ms = clock.city_now_ms()
    with gateway(topics, database, tenant, tmp_path / "gateway.log") as (made, child):
        assert made.get("/api/v1/alerts").status_code == 200
        with page(made, made.desk) as opened:
            wait_for(lambda: opened.events, "the snapshot")
            with away(database):
                refused = made.get("/api/v1/alerts")
                assert (refused.status_code, refused.json()["code"]) == (503, "database_away")
                send(topics, fix(tenant, "t1", now_ms))
                wait_for(lambda: opened.changes("truck"), "the truck")
                assert made.get("/api/v1/status").json()["database"] is False
            wait_for(lambda: made.get("/api/v1/alerts").status_code == 200, "the database again")
        assert child.exit_code() is None


def test_without_kafka_the_page_is_told(database: str, tenant: str, tmp_path: Path) -> None:
    """What the database knows is shown, with the time since which it is old."""
    nobody = f"127.0.0.1:{ports.free()}"
    with gateway(nobody, database, tenant, tmp_path / "gateway.log") as (made, _):
        wait_for(lambda: made.get("/api/v1/status").json()["stale_since_ms"], "the gateway to notice")
        with page(made, made.desk) as opened:
            wait_for(lambda: opened.events, "the snapshot")
            assert opened.events[0][2]["stale_since_ms"] is not None


def test_a_revoked_key_loses_its_stream(topics: str, database: str, tenant: str, tmp_path: Path) -> None:
    """Within seconds after a key is revoked its open stream gets nothing more."""
    with gateway(topics, database, tenant, tmp_path / "gateway.log") as (made, _), page(made, made.desk) as opened:
        wait_for(lambda: opened.events, "the snapshot")
        engine = store.connect(database)
        access.revoke_keys(engine, tenant, "desk")
        engine.dispose()
        wait_for(lambda: not opened._thread.is_alive(), "the stream to end", 15)
        assert made.get("/api/v1/alerts").status_code == 401


def test_sigterm_ends_it_with_pages_open(topics: str, database: str, tenant: str, tmp_path: Path) -> None:
    """An open stream does not hold the process: exit code 0 within ten seconds."""
    with gateway(topics, database, tenant, tmp_path / "gateway.log") as (made, child), page(made, made.desk) as opened:
        wait_for(lambda: opened.events, "the snapshot")
        assert child.end() == 0


def test_a_port_in_use_is_said(topics: str, database: str, tmp_path: Path) -> None:
    """The process ends with an exit code, it does not pretend to serve."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        env = {"KAFKA_BOOTSTRAP": topics, "DATABASE_URL": database}
        port = str(holder.getsockname()[1])
        child = Process("gateway", tmp_path / "gateway.log", **env, QINGYUN_GATEWAY_PORT=port)
        wait_for(lambda: child.exit_code() is not None, "the gateway to end", 20)
        assert child.exit_code() != 0
        assert "address already in use" in child.log
        child.end()
