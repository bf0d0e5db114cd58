"""Kafka into PostgreSQL, exactly once: killed, fenced, poisoned, without its database."""

import random
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from gateway_trial import FORGIVING, Process, away, own_database, process, value, wait_for
from sqlalchemy import Engine, text

from services import bus, store
from services.store import sink
from services.store.sink import KEEP_FIRST, OffsetConflictError, Slice, Write
from streams import codec, events
from streams.topics import TRUCK_STATES

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


def states(tenant: str, count: int, trucks: int = 40) -> Iterator[events.TruckState]:
    for number in range(count):
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


def test_two_recorders_one_killed_again_and_again_keep_every_record_once(
    topics: str, database: str, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Two recorders share the partitions; one is killed with -9 three times in the middle; no row is missing or double."""
    count = 30_000
    env = settings(topics, database)
    send_all(topics, states(tenant, count // 2))
    chance = random.Random(7)
    with process("recorder", tmp_path / "steady.log", **env):
        for round_number in range(3):
            before = rows(engine, tenant)
            with process("recorder", tmp_path / f"killed{round_number}.log", **env) as killed:
                wanted = min(count // 2, before + chance.randint(500, 3000))
                wait_for(lambda wanted=wanted: rows(engine, tenant) >= wanted, "some rows", 60)
                killed.kill()
        send_all(topics, (s for number, s in enumerate(states(tenant, count)) if number >= count // 2))
        wait_for(lambda: rows(engine, tenant) >= count, "all rows", 90)
        wait_for(lambda: _behind(topics, engine) == 0, "the offsets at the end", 60)
    assert rows(engine, tenant) == count
    newest = "SELECT count(*), sum(event_time_ms) FROM last_positions WHERE tenant_id = :tenant"
    with engine.connect() as connection:
        trucks, total_ms = connection.execute(text(newest), {"tenant": tenant}).one()
    expected = {state.truck_id: state.event_time_ms for state in states(tenant, count)}
    assert (trucks, total_ms) == (len(expected), sum(expected.values()))


def _behind(bootstrap: str, engine: Engine) -> int:
    follower = bus.Follower(bootstrap, [TRUCK_STATES], client_id="trial", otherwise="latest")
    kept = sink.offsets(engine, list(follower.next_offsets))
    follower.close()
    return sum(end - kept[partition] for partition, end in follower.next_offsets.items())


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
    """Bytes that are not JSON, and a note PostgreSQL cannot hold, become dead letters with their reasons."""
    producer = bus.Producer(topics, client_id="trial")
    poison = f'{{"tenant_id": "{tenant}", "truck_id": 7'.encode()
    producer.send("truck-states", "t01", poison)
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
    with process("recorder", tmp_path / "recorder.log", **settings(topics, database)):
        wait_for(lambda: value(engine, "SELECT count(*) FROM positions WHERE tenant_id = :t", t=tenant), "the fix")
        wait_for(
            lambda: value(engine, "SELECT count(*) FROM driver_actions WHERE tenant_id = :t", t=tenant), "the action"
        )
        reasons = "SELECT coalesce(string_agg(reason, '|'), '') FROM dead_letters WHERE value = :bytes"
        for bytes_, reason in ((poison, "not JSON"), (codec.encode(nul), "the database refuses it")):
            wait_for(lambda bytes_=bytes_, reason=reason: reason in value(engine, reasons, bytes=bytes_), reason)
    assert value(engine, "SELECT action_id FROM driver_actions WHERE tenant_id = :t", t=tenant) == "ok"


def test_while_the_database_is_away_the_recorder_waits_and_then_goes_on(
    topics: str, database: str, engine: Engine, tenant: str, tmp_path: Path
) -> None:
    """Records sent meanwhile are recorded by the same process when the database is back."""
    with process("recorder", tmp_path / "recorder.log", **settings(topics, database)) as recorder:
        send_all(topics, states(tenant, 100))
        wait_for(lambda: rows(engine, tenant) == 100, "the first rows", 60)
        with away(database):
            send_all(topics, (s for number, s in enumerate(states(tenant, 600)) if number >= 100))
            wait_for(lambda: "the database is away" in recorder.log, "the recorder to notice")
        wait_for(lambda: rows(engine, tenant) == 600, "the other rows", 60)
        assert recorder.exit_code() is None
        assert recorder.end() == 0


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
