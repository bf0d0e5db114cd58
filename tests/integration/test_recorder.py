"""Kafka into PostgreSQL, exactly once: killed, fenced, poisoned, cut off at the commit, with a database that fails."""

import contextlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import psycopg
import pytest
from gateway_trial import FORGIVING, QUIET, ROOT, Process, away, process, value, wait_for
from kafka import KafkaAdminClient, TopicPartition
from sqlalchemy import Engine, create_engine, make_url, text

from services import bus, clock, metrics, store
from services.recorder import keeping, mappings
from services.recorder.recorder import Recorder
from services.settings import Settings
from services.store import sink
from services.store.migrate import migrate
from services.store.sink import KEEP_FIRST, OffsetConflictError, Slice, Write
from streams import codec, events
from streams import topics as topics_
from streams.topics import ALERT_ACTIONS, DRIVER_ACTIONS, TRUCK_STATES
from streams.units import DAY_MS
from streams.worker.dead_letters import TooMany
from tests.faults import Direction, Proxy, running_database

pytestmark = [pytest.mark.integration, FORGIVING]

NOW_MS = 1_795_500_000_000


@pytest.fixture
def tenant() -> str:
    """A tenant no other test writes for: the broker is shared."""
    return f"tenant-{uuid4().hex[:8]}"


def states(tenant: str, count: int, trucks: int = 40, first: int = 0) -> Iterator[events.TruckState]:
    for number in range(first, count):
        yield events.TruckState(
            tenant_id=tenant,
            truck_id=f"t{number % trucks:02}",
            terminal_id=f"x{number % trucks:02}",
            event_time_ms=NOW_MS + number * 100,
            received_time_ms=NOW_MS + number * 100 + 40,
            seq=number // trucks,
            source="jt808",
            lon=-8.6,
            lat=41.15,
        )


def send_all(bootstrap: str, records: Iterator[events.Event]) -> None:
    producer = bus.Producer(bootstrap, client_id="trial")
    for record in records:
        producer.send_event(record)
    producer.flush()
    producer.close()


def rows(engine: Engine, tenant: str) -> int:
    return int(value(engine, "SELECT count(*) FROM positions WHERE tenant_id = :tenant", tenant=tenant))


def settings(bootstrap: str, database: str, **more: str) -> dict[str, str]:
    return {"KAFKA_BOOTSTRAP": bootstrap, "DATABASE_URL": database, "QINGYUN_CLOCK_ORIGIN_MS": "0", **more}


def _behind(bootstrap: str, engine: Engine) -> int:
    ends = bus.ends(bootstrap, [TRUCK_STATES], client_id="trial")
    kept = sink.offsets(engine, list(ends))
    return sum(end - kept[partition] for partition, end in ends.items())


def test_a_slice_is_taken_once(engine: Engine) -> None:
    """A zombie that writes the slice another recorder has written leaves nothing behind: neither row nor offset."""
    partition = ("truck-states", 3)
    assert sink.offsets(engine, [partition]) == {partition: 0}
    row = {"tenant_id": "x", "letter_id": "1", "topic": "t", "stage": "s", "reason": "r", "value": "\\x00", "at_ms": 1}
    sink.take(engine, [Slice(partition, 0, 10)], [Write("dead_letters", KEEP_FIRST, [row])])
    with pytest.raises(OffsetConflictError):
        sink.take(engine, [Slice(partition, 0, 12)], [Write("dead_letters", KEEP_FIRST, [row | {"letter_id": "2"}])])
    assert sink.offsets(engine, [partition]) == {partition: 10}
    assert value(engine, "SELECT count(*) FROM dead_letters") == 1


def test_what_cannot_be_recorded_is_set_aside_and_the_next_is_recorded(
    topics: str, database: str, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Not JSON, not UTF-8, a note PostgreSQL cannot hold, a name too long to look up: dead letters with their reasons."""
    producer = bus.Producer(topics, client_id="trial")
    poison = f'{{"tenant_id": "{tenant}", "truck_id": 7'.encode()
    producer.send("truck-states", "t01", poison)
    foreign = f'{{"tenant_id": "{tenant}", "truck_id": "t1", "event_time_ms": 5, "more": "'.encode() + b'\xff"}'
    producer.send("truck-states", "t01", foreign)
    frame = tenant.encode()
    producer.send("raw-frames", random.Random(7).randbytes(10_000).hex(), frame)
    nul = events.DriverAction(
        tenant_id=tenant, action_id="nul", truck_id="t01", kind="skipped", event_time_ms=NOW_MS, note="a\0b"
    )
    producer.send_event(nul)
    producer.send_event(
        events.DriverAction(tenant_id=tenant, action_id="ok", truck_id="t01", kind="arrived", event_time_ms=1)
    )
    producer.send_event(next(states(tenant, 1)))
    producer.flush()
    producer.close()
    with process("recorder", tmp_path / "recorder.log", **settings(topics, database)) as recorder:
        wait_for(lambda: value(engine, "SELECT count(*) FROM positions WHERE tenant_id = :t", t=tenant), "the fix")
        wait_for(
            lambda: value(engine, "SELECT count(*) FROM driver_actions WHERE tenant_id = :t", t=tenant), "the action"
        )
        reasons = "SELECT coalesce(string_agg(reason, '|'), '') FROM dead_letters WHERE value = :bytes"
        refused = "the database refuses it"
        for bytes_, reason in (
            (poison, "not JSON"),
            (codec.encode(nul), refused),
            (foreign, "not UTF-8"),
            (frame, f"{refused}: index row"),
        ):
            wait_for(lambda bytes_=bytes_, reason=reason: reason in value(engine, reasons, bytes=bytes_), reason)
        assert recorder.exit_code() is None
    assert value(engine, "SELECT action_id FROM driver_actions WHERE tenant_id = :t", t=tenant) == "ok"


def test_what_the_database_refuses_is_told_with_its_place(
    engine: Engine, tenant: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Logged and counted like bytes that cannot be read: topic, partition and offset say which record it was."""
    partition = (DRIVER_ACTIONS.name, 3)

    def record(offset: int, note: str) -> bus.Record:
        action = events.DriverAction(
            tenant_id=tenant, action_id=f"a{offset}", truck_id="t01", kind="skipped", event_time_ms=NOW_MS, note=note
        )
        return bus.Record(*partition, offset, b"t01", codec.encode(action), dict(codec.headers(DRIVER_ACTIONS)), NOW_MS)

    recorder = Recorder(engine)
    recorder.positions_from([partition])
    set_aside = metrics.DEAD_LETTERS.labels(DRIVER_ACTIONS.name, "recorder")
    before = set_aside._value.get()
    recorder.take({partition: [record(0, "fine"), record(1, "a\0b"), record(2, "fine")]})
    [told] = [vars(line) for line in caplog.records if "the database refuses it" in line.getMessage()]
    assert (told["topic"], told["partition"], told["offset"]) == (*partition, 1)
    assert set_aside._value.get() == before + 1
    kept = "SELECT string_agg(action_id, ' ' ORDER BY action_id) FROM driver_actions WHERE tenant_id = :t"
    assert value(engine, kept, t=tenant) == "a0 a2"


class Given:
    """A recorder on one partition, and records to hand it."""

    def __init__(self, engine: Engine, partition: bus.Partition = (TRUCK_STATES.name, 3), **options: Any) -> None:
        self.recorder = Recorder(engine, **options)
        self.partition = partition
        self.at = self.recorder.positions_from([partition])[partition]

    def take(self, *values: bytes | events.Event, **changed: Any) -> None:
        """Take records as the next ones."""
        records = [self.record(value, self.at + number)._replace(**changed) for number, value in enumerate(values)]
        self.recorder.take({self.partition: records})
        self.at += len(values)

    def record(self, value: bytes | events.Event, offset: int) -> bus.Record:
        """Return what stands at an offset."""
        said = value if isinstance(value, bytes) else codec.encode(value)
        return bus.Record(*self.partition, offset, b"t01", said, {}, NOW_MS)


def letters_of(engine: Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(text('SELECT * FROM dead_letters ORDER BY topic, "offset"')).mappings())


@pytest.mark.parametrize("member", ["truck_id", "tenant_id"])
def test_an_id_with_a_nul_is_a_dead_letter(engine: Engine, tenant: str, member: str) -> None:
    """Its district cannot be asked for, its row cannot be written; the districts of those beside it are found."""
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO assets (tenant_id, district_id, kind, id, version, valid_from_ms, record) "
                 "VALUES (:t, 'd1', 'truck', 't00', 1, 0, '{}')"), {"t": tenant},
        )  # fmt: skip
    good, bad = states(tenant, 2)
    given = Given(engine)
    given.take(good, msgspec.structs.replace(bad, **{member: "a\0b"}), msgspec.structs.replace(good, seq=99))
    assert value(engine, "SELECT count(*) FROM positions WHERE district_id = 'd1'") == 2
    [letter] = letters_of(engine)
    assert "the database refuses it" in letter["reason"]
    assert letter["offset"] == 1


POISON = {
    "a number beyond all": b'{"truck_id": "p", "event_time_ms": 5, "more": 1e999}',
    "five thousand digits": b'{"truck_id": "p", "event_time_ms": 5, "more": 1' + b"0" * 5_000 + b"}",
    "half a character": b'{"truck_id": "p", "event_time_ms": 5, "more": "\\ud800"}',
    "a time of thirty digits": b'{"truck_id": "p", "event_time_ms": 1' + b"0" * 30 + b"}",
    "a time that is a fix's only": b'{"truck_id": "p", "event_time_ms": 9223372036854775807, "received_time_ms": -9223372036854775808, "source": "osmand"}',
    "deep": b'{"truck_id": "p", "event_time_ms": 5, "more": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
    "nothing": b"",
}


@pytest.mark.parametrize("name", [None, "a\0b", "a\udcff"])
@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_every_record_is_written_or_set_aside(engine: Engine, tenant: str, poison: bytes, name: str | None) -> None:
    """Whatever its value and whatever its headers are called; bytes and headers stay, and those beside it are recorded."""
    first, last = states(tenant, 2)
    given = Given(engine)
    given.take(first)
    given.take(poison, headers={name: b"\xff"} if name else {})
    given.take(last)
    assert rows(engine, tenant) == 2
    assert given.recorder.positions_from([given.partition]) == {given.partition: 3}
    [letter] = letters_of(engine)
    assert (letter["offset"], bytes(letter["value"])) == (1, poison)
    assert list(letter["headers"].values()) == (["/w=="] if name else [])


def test_what_nobody_has_thought_of_is_set_aside(engine: Engine, tenant: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the code that makes a row, or writes it down, costs the record that brought it about, and no other."""
    first, second, third = states(tenant, 3)

    def strict(state: events.TruckState) -> dict[str, Any]:
        if state.event_time_ms == second.event_time_ms:
            raise ZeroDivisionError("no such number")
        return fix_key(state) | ({"rest": object()} if state.event_time_ms == third.event_time_ms else {})

    fix_key = mappings.MAPPINGS[0].rest
    changed = (mappings.MAPPINGS[0]._replace(rest=strict), *mappings.BY_TOPIC[TRUCK_STATES.name][1:])
    monkeypatch.setattr(mappings, "BY_TOPIC", mappings.BY_TOPIC | {TRUCK_STATES.name: changed})
    Given(engine).take(first, second, third)
    assert rows(engine, tenant) == 1
    reasons = [letter["reason"] for letter in letters_of(engine)]
    assert "it cannot be read: ZeroDivisionError: no such number" in reasons[0]
    assert "it cannot be written: TypeError" in reasons[1]


@pytest.mark.parametrize("headers", [
    {"topic": b"plans", "partition": b"3", "offset": b"7", "stage": b"decode", "original-a\0b": b"x"},
    {"topic": b"pl\0ans", "partition": b"9" * 5_000, "offset": b"9" * 18, "stage": b"\xff", "reason": b"a\0b"},
    {"tenant_id": b"a\0b"},
    {"tenant_id": random.Random(5).randbytes(9_000).hex().encode()},
])  # fmt: skip
def test_a_letter_with_odd_headers_is_kept(engine: Engine, headers: dict[str, bytes]) -> None:
    """A NUL in a header's name, numbers of five thousand digits, a tenant that no index takes: one row, with the bytes."""
    Given(engine, (topics_.DEAD_LETTERS.name, 2)).take(b"\x00\xff", headers=headers)
    [letter] = letters_of(engine)
    assert bytes(letter["value"]) == b"\x00\xff"


def test_a_header_that_is_called_no_text_stops_nobody(topics: str) -> None:
    """The broker takes any bytes for its name: the record is read, the bytes are written out."""

    class Odd(str):
        __slots__ = ()

        def encode(self, *_: Any) -> bytes:  # type: ignore[override]
            return b"a\xffb"

    with closing(bus.Producer(topics, client_id="trial")) as producer:
        where, number = producer.send(
            topics_.WEIGHINGS.name, "k", b"odd", [(Odd("a"), b"1"), ("schema", b"\xff")]
        ).result(30)
        producer.send(where, "k", b"next", partition=number).result(30)
    with closing(bus.Follower(topics, [topics_.WEIGHINGS], client_id="trial")) as follower:
        read = [record for record in follower.read_to_end() if record.partition == number]
    assert [record.value for record in read[-2:]] == [b"odd", b"next"]
    assert read[-2].headers == {"a\\xffb": b"1", "schema": b"\xff"}


def test_a_program_that_can_read_nothing_sets_nothing_aside(engine: Engine, tenant: str) -> None:
    """Above the limits it ends before it has written any of it, also where the database is what refuses; or is told to go on."""
    given = Given(engine)
    given.take(*states(tenant, 50), *[b"broken"] * 60)
    with pytest.raises(TooMany, match="101 dead letters in a row on truck-states, partition 3"):
        given.take(*[b"broken"] * 50)
    nul = [msgspec.structs.replace(one, driver_id="\0") for one in states(tenant, 150, first=50)]
    with pytest.raises(TooMany, match="QINGYUN_RECORDER_SETS_ASIDE_ANY=1"):
        given.take(*nul)
    assert len(letters_of(engine)) == 60
    again = Given(engine, any_number_aside=True)
    again.take(*nul, *[b"broken"] * 200)
    assert len(letters_of(engine)) == 60 + 100 + 200


def test_what_is_written_twice_over_is_counted_once(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that is away makes nobody count the same letters again and again."""
    given = Given(engine)

    def away(*_: Any) -> None:
        raise psycopg.OperationalError("away")

    with monkeypatch.context() as patched:
        patched.setattr(sink, "take", away)
        for _ in range(5):
            with pytest.raises(store.Away):
                given.take(*[b"broken"] * 40)
    given.take(*[b"broken"] * 40)


def test_what_the_broker_still_has_is_not_missing(engine: Engine, tenant: str) -> None:
    """Records passed over are read again; those the broker has deleted, or does not have either, are told as missing."""
    given = Given(engine)
    first, second = states(tenant, 2)
    missing = metrics.UNHEALTHY.labels("records missing on the broker")
    missing.set(0)
    begins = {given.partition: 0}
    given.recorder.ask(lambda partitions: {one: begins[one] for one in partitions})
    given.take(first)

    def later() -> None:
        given.recorder.take({given.partition: [given.record(second, 5)]})

    with pytest.raises(OffsetConflictError):
        later()
    assert missing._value.get() == 0
    later()
    assert missing._value.get() == 1, "read again, there was nothing: a hole"
    missing.set(0)
    begins[given.partition] = 9
    given.recorder.take({given.partition: [given.record(second, 9)]})
    assert missing._value.get() == 1, "deleted before it was read"


def test_a_partition_that_was_emptied_before_it_was_read_is_told_and_passed_over(engine: Engine, tenant: str) -> None:
    """With nothing new coming either: the loss is said once, and nothing is behind any more."""
    given = Given(engine)
    given.take(next(states(tenant, 1)))
    missing = metrics.UNHEALTHY.labels("records missing on the broker")
    missing.set(0)
    assert given.recorder.behind({given.partition: 7}) == {TRUCK_STATES.name: 6}
    given.recorder.pass_over({given.partition: 0})
    assert missing._value.get() == 0
    given.recorder.pass_over({given.partition: 7})
    assert missing._value.get() == 1
    assert given.recorder.behind({given.partition: 7}) == {TRUCK_STATES.name: 0}
    assert sink.offsets(engine, [given.partition]) == {given.partition: 7}


def test_an_emptied_partition_does_not_keep_a_recorder_behind(
    topics: str, database: str, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Records deleted while no recorder ran, and nothing comes: the next one says so, and stands at the end."""
    act = events.AlertAction(tenant_id=tenant, action_id="x", alert_id="x", actor="me", kind="note", at_ms=NOW_MS)
    send_all(topics, iter([act] * 3))
    ends = {partition: end for partition, end in bus.ends(topics, [ALERT_ACTIONS], client_id="trial").items() if end}
    admin = KafkaAdminClient(bootstrap_servers=topics)
    admin.delete_records({TopicPartition(*partition): end for partition, end in ends.items()})
    admin.close()
    with process("recorder", tmp_path / "recorder.log", **settings(topics, database)) as recorder:
        wait_for(lambda: "records are missing" in recorder.log, "the loss to be said", 60)
        wait_for(lambda: sink.known_offsets(engine, list(ends)) == ends, "it to go on", 60)
        assert recorder.exit_code() is None


def test_a_topic_made_anew_has_letters_of_its_own(engine: Engine) -> None:
    """At the place of a letter another broken record: two rows; the same one set aside again: one."""
    for value_ in (b"broken", b"broken", b"broken too"):
        given = Given(engine)
        given.at = 0
        given.take(value_)
        with engine.begin() as connection:
            connection.execute(text("UPDATE sink_offsets SET next = 0"))
    assert [bytes(letter["value"]) for letter in letters_of(engine)] == [b"broken", b"broken too"]


def test_days_are_made_again_after_the_database_was_restored(engine: Engine, tenant: str) -> None:
    """A backup does not have the days that were made since: asked for the offsets, nothing is known of its days."""
    now_ms = clock.city_now_ms()
    given = Given(engine)
    one, two = (
        msgspec.structs.replace(state, event_time_ms=now_ms + seq, seq=seq)
        for seq, state in enumerate(states(tenant, 2))
    )
    given.take(one)
    with engine.begin() as connection:
        connection.execute(text(f"DROP TABLE positions_d{now_ms // DAY_MS}"))
        connection.execute(text("UPDATE sink_offsets SET next = 0"))
    with pytest.raises(OffsetConflictError):
        given.take(two)
    given.at = given.recorder.positions_from([given.partition])[given.partition]
    given.take(two)
    assert value(engine, "SELECT count(*) FROM positions_other") == 0


def test_the_thread_of_the_days_keeps_no_lock_either(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connection is ended by the server when its process is suspended, as the one that records."""
    given: dict[str, Any] = {}

    def connect(*_: Any, **options: Any) -> Any:
        given.update(options)
        raise StopIteration

    monkeypatch.setattr(store, "connect", connect)
    wanted = Settings.from_env({"DATABASE_URL": database, "QINGYUN_DATABASE_TIMEOUT_S": "3"})
    with pytest.raises(StopIteration):
        keeping.start(wanted, threading.Event())
    assert given["silent_s"] == 3
    assert given["timeout_s"] > 0


@pytest.fixture
def proxy(database: str) -> Iterator[Proxy]:
    """A way to the database that fails when told to."""
    with Proxy(_socket(database)) as made:
        yield made


def _socket(database: str) -> str:
    return str(Path(str(make_url(database).query["host"])) / ".s.PGSQL.5432")


def through(proxy: Proxy, database: str) -> str:
    """The database's address by way of the proxy."""
    return make_url(database).set(host="127.0.0.1", port=proxy.port, query={}).render_as_string(hide_password=False)


def black_hole(proxy: Proxy) -> None:
    """What the server says is swallowed: the client hears nothing, not even an end."""
    proxy.hold(Direction.DOWN)


def test_an_unknown_commit_is_resolved_by_the_offset(
    topics: str, proxy: Proxy, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Cut off exactly at COMMIT, whether the server keeps it or not, the same process goes on; each record is there once."""
    database = engine.url.render_as_string(hide_password=False)
    env = settings(topics, through(proxy, database), QINGYUN_DATABASE_TIMEOUT_S="3")
    faults = {
        "answer cut off": (Proxy.cut, True),
        "commit cut off": (Proxy.cut, False),
        "no answer": (black_hole, True),
    }
    with process("recorder", tmp_path / "recorder.log", **env) as recorder:
        send_all(topics, states(tenant, 100))
        wait_for(lambda: rows(engine, tenant) == 100, "the first rows", 60)
        count, conflicts = 100, 0
        for name, (fault, kept) in faults.items():
            sprung = _trap_the_next_commit(proxy, partial(fault, proxy), kept=kept)
            send_all(topics, states(tenant, count + 400, first=count))
            count, conflicts = count + 400, conflicts + kept
            wait_for(sprung.is_set, f"a commit: {name}")
            if fault is black_hole:
                wait_for(lambda: "no answer within" in recorder.log, "the recorder to give up waiting")
                proxy.heal()
            wait_for(lambda count=count: rows(engine, tenant) == count, f"every row: {name}", 60)
            wait_for(lambda: _behind(topics, engine) == 0, f"the offsets at the end: {name}")
            # The tables are right before the recorder knows it: it finds out when it takes hold again.
            wait_for(
                lambda found=conflicts: recorder.log.count("do not stand where we left them") == found,
                f"the recorder to find where the tables stand: {name}",
            )
        assert recorder.exit_code() is None


def _trap_the_next_commit(proxy: Proxy, fault: Callable[[], None], *, kept: bool) -> threading.Event:
    """Arm a fault at the COMMIT of the next transaction that writes positions, and of no other."""
    sprung = threading.Event()

    def both() -> None:
        fault()
        sprung.set()

    def arm() -> None:
        proxy.trap(Direction.UP, b"COMMIT\0", both, let_pass=kept)

    proxy.trap(Direction.UP, b"COPY given_positions", arm)
    return sprung


def test_a_recorder_paused_in_the_middle_of_a_transaction_is_fenced(
    topics: str, database: str, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Paused past its session with rows in hand, it keeps no locks; woken, it writes nothing another has written."""
    env = settings(topics, database, QINGYUN_DATABASE_TIMEOUT_S="3")
    with process("recorder", tmp_path / "zombie.log", **env) as zombie:
        send_all(topics, states(tenant, 100))
        wait_for(lambda: rows(engine, tenant) == 100, "the first rows", 60)
        with engine.begin() as connection:
            connection.execute(text("LOCK TABLE positions IN EXCLUSIVE MODE"))
            send_all(topics, states(tenant, 500, first=100))
            wait_for(lambda: value(engine, _WAITS_FOR_A_LOCK), "it to be in the middle")
            zombie.send(signal.SIGSTOP)
        with process("recorder", tmp_path / "heir.log", **env):
            wait_for(lambda: rows(engine, tenant) == 500, "the heir to write what the zombie held", 60)
            zombie.send(signal.SIGCONT)
            wait_for(lambda: "do not stand where we left them" in zombie.log, "the zombie to find itself late")
            send_all(topics, states(tenant, 900, first=500))
            wait_for(lambda: rows(engine, tenant) == 900, "the two to go on together", 60)
            wait_for(lambda: _behind(topics, engine) == 0, "the offsets at the end")


_WAITS_FOR_A_LOCK = (
    "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'qingyun-recorder' AND wait_event_type = 'Lock' "
    "AND datname = current_database()"
)


def test_a_database_restored_from_an_older_backup_is_filled_again(
    topics: str, database: str, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Its offsets went back with its rows, so the same process reads again from there and ends where it was."""
    url = make_url(database)
    backup = f"{url.database}_backup"
    server = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
    with process("recorder", tmp_path / "recorder.log", **settings(topics, database)) as recorder:
        send_all(topics, states(tenant, 100))
        wait_for(lambda: rows(engine, tenant) == 100, "the first rows", 60)
        with away(database), server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {backup} TEMPLATE {url.database}"))
            send_all(topics, states(tenant, 600, first=100))
            wait_for(lambda: "the database is away" in recorder.log, "the recorder to notice")
        wait_for(lambda: rows(engine, tenant) == 600, "what came while it was away", 60)
        with away(database), server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {url.database}"))
            connection.execute(text(f"ALTER DATABASE {backup} RENAME TO {url.database}"))
        wait_for(lambda: rows(engine, tenant) == 600, "what the backup did not have", 60)
        wait_for(lambda: _behind(topics, engine) == 0, "the offsets at the end")
        assert recorder.exit_code() is None
        assert recorder.end() == 0
    server.dispose()


def test_a_topic_made_anew_stops_the_recorder_until_people_have_decided(
    topics: str, database: str, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Even where the new one is longer than the old one was: its first records would be taken for known ones."""

    def act(number: int) -> events.AlertAction:
        return events.AlertAction(
            tenant_id=tenant, action_id=f"a{number}", alert_id="x", actor="me", kind="note", at_ms=NOW_MS
        )

    def acts() -> int:
        return int(value(engine, "SELECT count(*) FROM alert_actions WHERE tenant_id = :t", t=tenant))

    env = settings(topics, database)
    send_all(topics, map(act, range(3)))
    with process("recorder", tmp_path / "first.log", **env):
        wait_for(lambda: acts() == 3, "the first rows", 60)
    admin = KafkaAdminClient(bootstrap_servers=topics)
    admin.delete_topics([ALERT_ACTIONS.name])
    admin.close()
    wait_for(lambda: not bus.topic_ids(topics, [ALERT_ACTIONS]), "the topic to go")
    bus.provision(topics)
    send_all(topics, map(act, range(10, 20)))
    recorder = Process("recorder", tmp_path / "second.log", **env)
    try:
        wait_for(lambda: recorder.exit_code() is not None, "the recorder to end", 60)
        assert recorder.exit_code() != 0
        assert "alert-actions is not the topic the tables were filled from" in recorder.log
        assert acts() == 3
    finally:
        recorder.end()
    decide = [sys.executable, "-m", "services", "database", "read-anew", ALERT_ACTIONS.name]
    subprocess.run(decide, env=QUIET | env, cwd=ROOT, check=True, capture_output=True)
    with process("recorder", tmp_path / "third.log", **env):
        wait_for(lambda: acts() == 13, "the new topic's rows", 60)


def test_a_broker_that_lost_its_log_stops_the_recorder(
    topics: str, database: str, engine: Engine, tmp_path: Path
) -> None:
    """If the tables are ahead of the broker, something was deleted: the recorder ends and says so, whatever it costs."""
    sink.offsets(engine, [("truck-states", 0)])
    sink.take(engine, [Slice(("truck-states", 0), 0, 10**9)], [])
    recorder = Process("recorder", tmp_path / "recorder.log", **settings(topics, database))
    try:
        wait_for(lambda: recorder.exit_code() is not None, "the recorder to end", 60)
        assert recorder.exit_code() != 0
        assert "truck-states/0 ends at offset" in recorder.log
    finally:
        recorder.end()


def test_a_database_that_fails_in_every_way_stalls_the_recorder_and_no_more(
    topics: str, tenant: str, tmp_path: Path
) -> None:
    """Slow, locked for longer than a statement may take, its clients killed, crashed: one process, every row once."""
    count = 2_000
    with running_database(tmp_path) as server, Proxy(_socket(server.url)) as way, contextlib.ExitStack() as after:
        engine = store.connect(server.url)
        after.callback(engine.dispose)
        migrate(engine)

        @contextlib.contextmanager
        def slow() -> Iterator[None]:
            way.slow(Direction.UP, 0.02, piece_bytes=8_192)
            yield
            way.heal()

        @contextlib.contextmanager
        def locked() -> Iterator[None]:
            with engine.begin() as connection:
                connection.execute(text("LOCK TABLE sink_offsets IN ACCESS EXCLUSIVE MODE"))
                yield
                wait_for(lambda: "canceling statement" in recorder.log, "the recorder to give up a statement")

        @contextlib.contextmanager
        def clients_killed() -> Iterator[None]:
            yield
            with engine.begin() as connection:
                connection.execute(text(_KILL_ITS_CONNECTIONS))

        @contextlib.contextmanager
        def crashed() -> Iterator[None]:
            yield
            noticed = recorder.log.count("the database is away")
            server.crash()
            wait_for(lambda: recorder.log.count("the database is away") > noticed, "the recorder to notice")
            server.start()

        env = settings(topics, through(way, server.url), QINGYUN_DATABASE_TIMEOUT_S="3")
        faults: list[Callable[[], AbstractContextManager[None]]] = [slow, locked, clients_killed, crashed]
        with process("recorder", tmp_path / "recorder.log", **env) as recorder:
            wait_for(lambda: value(engine, "SELECT count(*) FROM sink_offsets"), "its partitions", 60)
            for number, fault in enumerate(faults):
                with fault():
                    send_all(topics, states(tenant, (number + 1) * count, first=number * count))
            wait_for(lambda: rows(engine, tenant) == len(faults) * count, "every row", 90)
            wait_for(lambda: _behind(topics, engine) == 0, "the offsets at the end")
            assert recorder.exit_code() is None


_KILL_ITS_CONNECTIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'qingyun-recorder%'"
)


def test_two_recorders_one_killed_again_and_again_keep_every_record_once(
    topics: str, database: str, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Two recorders share the partitions; one is killed with -9 twice in the middle; no row is missing or double."""
    count = 12_000
    env = settings(topics, database)
    send_all(topics, states(tenant, count // 2))
    chance = random.Random(7)
    with process("recorder", tmp_path / "steady.log", **env):
        for round_number in range(2):
            before = rows(engine, tenant)
            with process("recorder", tmp_path / f"killed{round_number}.log", **env) as killed:
                wanted = min(count // 2, before + chance.randint(500, 3000))
                wait_for(lambda wanted=wanted: rows(engine, tenant) >= wanted, "some rows", 60)
                killed.kill()
        send_all(topics, states(tenant, count, first=count // 2))
        wait_for(lambda: rows(engine, tenant) >= count, "all rows", 90)
        wait_for(lambda: _behind(topics, engine) == 0, "the offsets at the end", 60)
    assert rows(engine, tenant) == count
    newest = "SELECT count(*), sum(event_time_ms) FROM last_positions WHERE tenant_id = :tenant"
    with engine.connect() as connection:
        trucks, total_ms = connection.execute(text(newest), {"tenant": tenant}).one()
    expected = {state.truck_id: state.event_time_ms for state in states(tenant, count)}
    assert (trucks, total_ms) == (len(expected), sum(expected.values()))
