"""Kafka into PostgreSQL, exactly once: killed, fenced, poisoned, cut off at the commit, with a database that fails."""

import contextlib
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from uuid import uuid4

import pytest
from gateway_trial import FORGIVING, QUIET, ROOT, Process, away, own_database, process, value, wait_for
from kafka import KafkaAdminClient
from sqlalchemy import Engine, create_engine, make_url, text

from services import bus, metrics, store
from services.recorder.recorder import Recorder
from services.store import sink
from services.store.migrate import migrate
from services.store.sink import KEEP_FIRST, OffsetConflictError, Slice, Write
from streams import codec, events
from streams.topics import ALERT_ACTIONS, DRIVER_ACTIONS, TRUCK_STATES
from tests.faults import Direction, Proxy, running_database

pytestmark = [pytest.mark.integration, FORGIVING]

NOW_MS = 1_795_500_000_000


@pytest.fixture
def database(postgres: str) -> Iterator[str]:
    with own_database(postgres) as url:
        yield url


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    made = store.connect(database)
    yield made
    made.dispose()


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
