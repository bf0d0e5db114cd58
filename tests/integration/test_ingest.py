"""Ingest as a process on a real broker and a real database: acknowledged means kept."""

import base64
import contextlib
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from ingest_client import Ingest, TerminalClient, ingest, location
from typer.testing import CliRunner

from deploy.local import embedded, kafka, ports
from deploy.local.kafka import Kafka
from deploy.local.program import ROOT
from services import bus, clock, store
from services.cli import terminals
from services.ingest.intake import Outgoing
from services.ingest.spool import Spool
from services.store import migrate, register
from services.store.register import Device, Terminal, secret_hash
from streams import codec
from streams.topics import BIN_READINGS, BY_NAME, DEAD_LETTERS, RAW_FRAMES, TRUCK_STATES, WEIGHINGS

pytestmark = pytest.mark.integration

NOW_MS = 1_795_462_332_000
EUI = "24e124000000%04x"
LOADED = 1 << 28
LOAD_9800_KG = bytes.fromhex("e10400002648")


def fill_register(database_url: str) -> None:
    """Put terminals and devices into the register, as a city's data would."""
    engine = store.connect(database_url)
    for number in range(1, 9):
        terminal = Terminal(
            phone=f"01391234000{number}",
            tenant_id="porto",
            truck_id=f"t{number}",
            terminal_id=f"QY0000{number}",
            plate=f"QY-00{number}",
            profile="muck-truck-a",
        )
        register.upsert_terminal(engine, terminal)
    sensor = {"sensor": "milesight-em400", "depth_mm": 1200, "dead_zone_mm": 200}
    weighbridge = Device(
        protocol="weighbridge",
        device_id="f-1",
        tenant_id="porto",
        entity_kind="facility",
        entity_id="f-1",
        secret_hash=secret_hash("weigh"),
    )
    source = replace(
        weighbridge,
        protocol="chirpstack",
        device_id="network",
        entity_kind="source",
        entity_id="network",
        secret_hash=secret_hash("lora"),
    )
    phone = replace(
        weighbridge,
        protocol="osmand",
        device_id="ph1",
        entity_kind="truck",
        entity_id="t20",
        secret_hash=secret_hash("phone"),
    )
    bins = [
        replace(source, device_id=EUI % n, entity_kind="bin", entity_id=f"b{n}", secret_hash=None, profile=sensor)
        for n in range(5)
    ]
    stranger = replace(bins[0], device_id=EUI % 0xFFFF, tenant_id="elsewhere", entity_id="theirs")
    register.upsert_devices(engine, [weighbridge, source, phone, *bins, stranger])
    engine.dispose()


INGESTS_TOPICS = (TRUCK_STATES, BIN_READINGS, WEIGHINGS, RAW_FRAMES, DEAD_LETTERS)


@dataclass
class Seen:
    """What has arrived on ingest's topics since this was made."""

    bootstrap: str
    follower: bus.Follower

    def rest(self) -> list[bus.Record]:
        """Return everything on the topics up to this moment that was not read yet."""
        ends = bus.ends(self.bootstrap, INGESTS_TOPICS, client_id="test-ends")
        found: list[bus.Record] = []
        give_up = time.monotonic() + 30
        while any(self.follower.next_offsets[partition] < end for partition, end in ends.items()):
            assert time.monotonic() < give_up, f"not read to the end: {found}"
            found += self.follower.poll(0.2)
        return found


@contextlib.contextmanager
def watching(bootstrap: str, start: str = "latest") -> Iterator[Seen]:
    """Follow ingest's topics from now on, or from the first record."""
    follower = bus.Follower(bootstrap, INGESTS_TOPICS, client_id="test", otherwise=start)
    try:
        yield Seen(bootstrap, follower)
    finally:
        follower.close()


@pytest.fixture(scope="module")
def doors(topics: str, database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ingest]:
    """Give a running ingest."""
    fill_register(database_url)
    with ingest(topics, database_url, tmp_path_factory.mktemp("ingest")) as running:
        yield running


@pytest.fixture
def seen(topics: str) -> Iterator[Seen]:
    """Give what arrives on the topics during the test."""
    with watching(topics) as found:
        yield found


def decoded(record: bus.Record) -> Any:
    """Return the event in a record."""
    return codec.decode(BY_NAME[record.topic], record.value)


def uplink(number: int, distance_mm: int = 500, counter: int = 1) -> dict[str, Any]:
    """Return an uplink of sensor ``number``."""
    return {
        "deviceInfo": {"devEui": EUI % number},
        "time": "2026-11-24T10:00:00Z",
        "fCnt": counter,
        "object": {"distance": distance_mm, "position": "normal"},
    }


def post_uplink(http: httpx.Client, body: dict[str, Any], key: str = "lora") -> httpx.Response:
    """Send an uplink as ChirpStack does."""
    headers = {"Authorization": f"Bearer {key}"}
    return http.post("/chirpstack/network", params={"event": "up"}, headers=headers, json=body)


def post_ticket(http: httpx.Client, key: str = "weigh", **changes: Any) -> httpx.Response:
    """Send a weighbridge ticket."""
    ticket = {"weighing_id": "w1", "truck_id": "t30", "event_time_ms": NOW_MS, "gross_kg": 20_000, "tare_kg": 12_000}
    headers = {"Authorization": f"Bearer {key}"}
    return http.post("/weighbridge/f-1/tickets", headers=headers, json=ticket | changes)


def admitted(doors: Ingest, number: int, *, v2019: bool = False) -> tuple[TerminalClient, str]:
    """Return a terminal that registered and authenticated, and its code."""
    terminal = TerminalClient(doors.jt808_port, f"01391234000{number}", v2019=v2019)
    code = terminal.register(f"QY0000{number}", f"QY-00{number}")
    assert code is not None
    assert terminal.authenticate(code) == 0
    return terminal, code


# --------------------------------------------------------------------------------------------- terminals


@pytest.mark.parametrize(("number", "v2019"), [(1, False), (2, True)])
def test_a_terminal_registers_authenticates_and_reports(doors: Ingest, seen: Seen, number: int, v2019: bool) -> None:
    """Under both headers: when the acknowledgement is there, raw bytes and truck state are on Kafka."""
    terminal, code = admitted(doors, number, v2019=v2019)
    serial = terminal.send(0x0200, location(NOW_MS, -8.61, 41.15, status=3 | LOADED, items=LOAD_9800_KG))
    assert terminal.acknowledged() == (serial, 0)
    kept = seen.rest()
    [raw] = [record for record in kept if (record.topic, record.key) == ("raw-frames", terminal.phone.encode())]
    [state] = [decoded(record) for record in kept if record.topic == "truck-states"]
    assert raw.value is not None
    assert raw.value[1:3] == b"\x02\x00"
    assert (state.truck_id, state.terminal_id, state.seq) == (f"t{number}", terminal.phone, serial)
    assert (state.event_time_ms, state.lon, state.lat, state.load_kg) == (NOW_MS, -8.61, 41.15, 9800.0)
    assert all(code.encode() not in (record.value or b"") for record in kept), "a code was written to Kafka"
    terminal.close()


def test_nothing_is_taken_from_a_terminal_that_did_not_authenticate(doors: Ingest, seen: Seen) -> None:
    """No answer, no record; the connection stays for the terminal to do better."""
    terminal = TerminalClient(doors.jt808_port, "013912340003")
    terminal.send(0x0200, location(NOW_MS, -8.61, 41.15))
    assert terminal.receive(timeout_s=1.0) is None
    code = terminal.register("QY00003", "QY-003")
    assert code is not None
    assert terminal.authenticate("wrong") == 1
    assert terminal.authenticate(code) == 0
    assert seen.rest() == []
    terminal.close()


def test_a_code_is_given_once_and_again_after_reopening(doors: Ingest, database_url: str) -> None:
    """A terminal with a code gets no other, until an administrator reopens it; then the old code ends."""
    terminal, first = admitted(doors, 4)
    terminal.close()
    stranger = TerminalClient(doors.jt808_port, "013912340004")
    assert stranger.register("QY00004", "QY-004", timeout_s=1.0) is None
    stranger.close()
    command = CliRunner()
    reopened = command.invoke(terminals.app, ["reopen", "13912340004"], env={"DATABASE_URL": database_url})
    assert (reopened.exit_code, reopened.output) == (0, "13912340004 may register once more\n")
    assert "reopened" in command.invoke(terminals.app, ["show"], env={"DATABASE_URL": database_url}).output
    second = None
    for _ in range(20):  # the register is read again every 3 s
        again = TerminalClient(doors.jt808_port, "013912340004")
        second = again.register("QY00004", "QY-004", timeout_s=0.5)
        if second is not None:
            break
        again.close()
    assert second is not None
    assert second != first
    assert again.authenticate(second) == 0
    again.close()
    old = TerminalClient(doors.jt808_port, "013912340004")
    assert old.authenticate(first) == 1
    old.close()


def test_a_second_session_does_not_win_over_a_living_one(doors: Ingest) -> None:
    """The right code, while the first session reports: refused; the first goes on."""
    first, code = admitted(doors, 5)
    second = TerminalClient(doors.jt808_port, first.phone)
    assert second.authenticate(code) == 1
    assert second.receive(timeout_s=5.0) is None
    second.close()
    first.send(0x0002)
    assert first.acknowledged() is not None
    first.close()


def test_rubbish_and_impossible_reports_do_not_end_the_connection(doors: Ingest, seen: Seen) -> None:
    """They become dead letters with a reason; the next report is kept."""
    terminal, _ = admitted(doors, 6)
    terminal.connection.sendall(b"\x7erubbish\x7e")
    serial = terminal.send(0x0200, location(NOW_MS, 0.0, 0.0))
    assert terminal.acknowledged() == (serial, 2)
    serial = terminal.send(0x0200, location(NOW_MS, -8.61, 41.15))
    assert terminal.acknowledged() == (serial, 0)
    reasons = [record.headers["reason"].decode() for record in seen.rest() if record.topic == "dead-letters"]
    assert len(reasons) == 2
    assert any("frame has 7 bytes" in reason for reason in reasons)
    assert any("lon, lat is 0, 0" in reason for reason in reasons)
    terminal.close()


def test_a_batch_from_a_blind_area_keeps_the_terminals_order(doors: Ingest, seen: Seen) -> None:
    """Two hundred reports in ten batches come out in the order they were sent, marked resent."""
    terminal, _ = admitted(doors, 7)
    for batch in range(10):
        reports = [location(NOW_MS + 1000 * (20 * batch + n), -8.61, 41.15) for n in range(20)]
        body = len(reports).to_bytes(2, "big") + b"\x01" + b"".join(len(r).to_bytes(2, "big") + r for r in reports)
        terminal.send(0x0704, body)
    assert [terminal.acknowledged() for _ in range(10)] == [(serial, 0) for serial in range(2, 12)]
    states = [decoded(record) for record in seen.rest() if record.topic == "truck-states"]
    assert [state.event_time_ms for state in states] == [NOW_MS + 1000 * n for n in range(200)]
    assert all(state.resent for state in states)
    terminal.close()


# --------------------------------------------------------------------------------------------- HTTP


def test_a_phone_an_uplink_and_a_ticket_are_kept(doors: Ingest, seen: Seen) -> None:
    """200 means: on Kafka. The phone's secret is not."""
    fix = {"id": "ph1", "secret": "phone", "lat": "41.1", "lon": "-8.6", "speed": "10"}
    assert doors.http.get("/osmand/", params=fix).status_code == 200
    form = {**fix, "lat": "41.2"}
    assert doors.http.post("/osmand/", data=form).json() == {"kept": 1}
    assert post_uplink(doors.http, uplink(1)).status_code == 200
    assert post_ticket(doors.http).status_code == 200
    kept = seen.rest()
    values = {record.topic: decoded(record) for record in kept if record.topic != "raw-frames"}
    assert (values["truck-states"].truck_id, values["truck-states"].lat) == ("t20", 41.2)
    assert (values["bin-readings"].bin_id, values["bin-readings"].fill) == ("b1", 0.5)
    assert (values["weighings"].facility_id, values["weighings"].net_kg) == ("f-1", 8000.0)
    raw = [record.value or b"" for record in kept if record.topic == "raw-frames"]
    assert len(raw) == 4
    assert not any(b"phone" in value.replace(b"osmand", b"") for value in raw)
    assert any(b"secret=***" in value for value in raw)


def test_who_may_not_speak_is_told_so(doors: Ingest, seen: Seen) -> None:
    """401 for a wrong secret, 404 for an unknown device and for another tenant's sensor; no event comes of it.

    The sensor's uplink is set aside, for ChirpStack, which has shown its secret, does not send it again.
    """
    fix = {"lat": "41.1", "lon": "-8.6"}
    assert doors.http.get("/osmand/", params=fix | {"id": "ph1", "secret": "guess"}).status_code == 401
    assert doors.http.get("/osmand/", params=fix | {"id": "ph1"}).status_code == 401
    assert doors.http.get("/osmand/", params=fix | {"id": "nobody", "secret": "x"}).status_code == 404
    assert post_uplink(doors.http, uplink(1), key="guess").status_code == 401
    assert post_uplink(doors.http, uplink(0xFFFF)).status_code == 404
    assert doors.http.post(f"/chirpstack/{EUI % 1}", json=uplink(1)).status_code == 404
    assert post_ticket(doors.http, key="lora").status_code == 401
    assert doors.http.post("/weighbridge/f-9/tickets", json={}).status_code == 404
    [letter] = seen.rest()
    assert (letter.topic, letter.key) == ("dead-letters", b"network")
    assert f"{EUI % 0xFFFF}' is not in the register" in letter.headers["reason"].decode()


def test_what_is_wrong_is_named(doors: Ingest, seen: Seen) -> None:
    """400 with a sentence. An uplink is set aside too: ChirpStack does not send it again."""
    wrong = doors.http.get("/osmand/", params={"id": "ph1", "secret": "phone", "lat": "north", "lon": "-8"})
    assert (wrong.status_code, wrong.json()) == (400, {"error": "lat is 'north', expected a number"})
    assert "net_kg is 1.0" in post_ticket(doors.http, net_kg=1).json()["error"]
    assert "deviceInfo.devEui is missing" in post_uplink(doors.http, {"fCnt": 1}).json()["error"]
    assert [record.headers["reason"] for record in seen.rest()] == [
        b"deviceInfo.devEui is missing, expected 16 hex digits"
    ]


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_too_large_is_refused_unread(doors: Ingest, declared: bool) -> None:
    """413, whether the length is declared or the chunks just keep coming."""
    chunk = b"x" * 65_536
    content = chunk * 20 if declared else (chunk for _ in range(20))
    headers = {"Authorization": "Bearer weigh"}
    try:
        status = doors.http.post("/weighbridge/f-1/tickets", headers=headers, content=content).status_code
    except httpx.TransportError:  # the server hung up while we were still sending
        status = 413
    assert status == 413
    assert post_ticket(doors.http).status_code == 200


# --------------------------------------------------------------------------------------------- outages


def acknowledged_in_the_end(terminal: TerminalClient, serial: int) -> tuple[int, int] | None:
    """Send a report again, as terminals do, until it is acknowledged."""
    for _ in range(12):
        answer = terminal.acknowledged(timeout_s=5)
        if answer is not None:
            return answer
        terminal.send(0x0200, location(NOW_MS, -8.61, 41.15), serial=serial)
    return None


class Broker:
    """A broker of this test alone, that can be killed and started again with its records."""

    def __init__(self, folder: Path) -> None:
        build = ROOT / ".build" / "kafka"
        kafka.fetch(build)
        self._kafka = Kafka(data=folder, build=build, port=ports.two_free())
        self._kafka.prepare()
        self.bootstrap = self._kafka.bootstrap
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        with (self._kafka.data / "log").open("ab") as log:
            self._process = subprocess.Popen(self._kafka.program().argv, cwd=self._kafka.data, stdout=log, stderr=log)
        self._kafka.wait_until_ready()

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """Give a started broker with all topics."""
    own = Broker(tmp_path / "broker")
    own.start()
    bus.provision(own.bootstrap)
    yield own
    own.kill()


def test_while_kafka_is_away_nothing_is_acknowledged_but_what_is_on_disk(
    broker: Broker, database_url: str, tmp_path: Path
) -> None:
    """Terminals get no answer and send again, tickets get 503, uplinks go to disk and survive a kill of ingest.

    When the broker is back, everything is there: the uplinks in their order, the report once it is sent again.
    """
    fill_register(database_url)
    with ingest(broker.bootstrap, database_url, tmp_path) as doors:
        terminal, code = admitted(doors, 8)
        assert post_uplink(doors.http, uplink(2, counter=0)).status_code == 200
        broker.kill()
        serial = terminal.send(0x0200, location(NOW_MS, -8.61, 41.15))
        refused = post_ticket(doors.http)
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "10")
        assert "Kafka has not confirmed" in refused.json()["error"]
        for counter in range(1, 6):
            assert post_uplink(doors.http, uplink(2, counter=counter)).status_code == 200
        assert doors.http.get("/health").json()["spooled"] >= 5  # on a slow machine the first one too
        assert terminal.receive(timeout_s=0.5) is None
        doors.process.kill()
        doors.process.wait()
        terminal.close()
    with ingest(broker.bootstrap, database_url, tmp_path) as doors:
        assert post_uplink(doors.http, uplink(2, counter=6)).status_code == 200
        again = TerminalClient(doors.jt808_port, terminal.phone, serial=terminal.serial)
        assert again.authenticate(code) == 0
        again.send(0x0200, location(NOW_MS, -8.61, 41.15), serial=serial)
        broker.start()
        assert acknowledged_in_the_end(again, serial) == (serial, 0)
        assert post_ticket(doors.http).status_code == 200
        healthy = {"status": "ok", "kafka": True, "spooled": 0}
        give_up = time.monotonic() + 60
        while doors.http.get("/health").json() != healthy:
            assert time.monotonic() < give_up, doors.http.get("/health").text
            time.sleep(0.1)
        again.close()
    with watching(broker.bootstrap, "earliest") as seen:
        uplinks = [decoded(record).seq for record in seen.rest() if record.topic == "bin-readings"]
    assert list(dict.fromkeys(uplinks)) == list(range(7))


def test_while_the_database_is_away_known_devices_go_on(topics: str, tmp_path: Path, tmp_path_factory: Any) -> None:
    """The register is kept in memory: who is known may speak, who is not is told to come again, not to go away."""
    with contextlib.ExitStack() as database:
        server = database.enter_context(embedded.running_postgres(tmp_path_factory.mktemp("pg")))
        engine = store.connect(server.url)
        migrate.migrate(engine)
        engine.dispose()
        fill_register(server.url)
        with ingest(topics, server.url, tmp_path) as doors:
            terminal, code = admitted(doors, 1)
            terminal.close()
            assert post_ticket(doors.http).status_code == 200
            database.close()
            assert post_ticket(doors.http).status_code == 200
            again = TerminalClient(doors.jt808_port, terminal.phone)
            assert again.authenticate(code) == 0
            serial = again.send(0x0002)
            assert again.acknowledged() == (serial, 0)
            stranger = doors.http.get("/osmand/", params={"id": "nobody", "secret": "x", "lat": "41", "lon": "-8"})
            assert stranger.status_code == 503
            again.close()


def readings(seen: Seen) -> list[Any]:
    """Return the readings that have come since the last look."""
    return [decoded(record) for record in seen.rest() if record.topic == "bin-readings"]


def until_spooled(doors: Ingest, entries: int) -> None:
    """Wait until so many entries wait on disk."""
    give_up = time.monotonic() + 60
    while doors.http.get("/health").json()["spooled"] != entries:
        assert time.monotonic() < give_up, doors.http.get("/health").text
        time.sleep(0.1)


def test_an_uplink_nobody_can_look_up_is_decoded_when_the_database_is_back(
    topics: str, tmp_path: Path, tmp_path_factory: Any
) -> None:
    """Its sensor came into the register while the database was away from ingest: the uplink is acknowledged once it is on disk.

    It outlives a kill of ingest, keeps its own arrival time, and sensors that are known do not wait behind it.
    """
    folder = tmp_path_factory.mktemp("pg")
    with contextlib.ExitStack() as database, watching(topics) as seen:
        server = database.enter_context(embedded.running_postgres(folder))
        engine = store.connect(server.url)
        migrate.migrate(engine)
        engine.dispose()
        fill_register(server.url)
        with ingest(topics, server.url, tmp_path) as doors:
            assert post_uplink(doors.http, uplink(1)).status_code == 200
            database.close()
            answer = post_uplink(doors.http, uplink(77, counter=5))
            assert (answer.status_code, answer.json()) == (200, {"kept": 1})
            assert post_uplink(doors.http, uplink(1, counter=2)).status_code == 200
            until_spooled(doors, 1)  # on a slow machine the known ones are there for a moment too
            assert {(reading.bin_id, reading.seq) for reading in readings(seen)} == {("b1", 1), ("b1", 2)}
            acknowledged_ms = clock.city_now_ms()
            doors.process.kill()
            doors.process.wait()
        server = database.enter_context(embedded.running_postgres(folder))
        engine = store.connect(server.url)
        known = register.device(engine, "chirpstack", EUI % 1)
        assert known is not None
        register.upsert_device(engine, replace(known, device_id=EUI % 77, entity_id="b77"))
        engine.dispose()
        with ingest(topics, server.url, tmp_path) as doors:
            until_spooled(doors, 0)
        found = readings(seen)
    assert {(reading.bin_id, reading.seq, reading.fill) for reading in found} == {("b77", 5, 0.5)}
    assert all(reading.received_time_ms <= acknowledged_ms for reading in found)


def test_what_kafka_refuses_for_ever_does_not_block_those_behind_it(
    topics: str, database_url: str, seen: Seen, tmp_path: Path
) -> None:
    """An entry too large for a record is set aside with its reason after a few tries; the next is sent."""
    spool = Spool(tmp_path / "spool" / "chirpstack")
    entries = [Outgoing("raw-frames", b"k", value, ()) for value in (b"before", bytes(2_000_000), b"behind")]
    spool.append([msgspec.msgpack.encode((entry,)) for entry in entries])
    with ingest(topics, database_url, tmp_path) as doors:
        until_spooled(doors, 0)
    assert [record.value for record in seen.rest() if record.key == b"k"] == [b"before", b"behind"]
    [aside] = (tmp_path / "spool" / "chirpstack").glob("*.refused")
    told = msgspec.json.decode(aside.read_bytes())
    assert "MessageSizeTooLarge" in told["reason"]
    assert base64.b64decode(told["entry"]) == msgspec.msgpack.encode((entries[1],))
