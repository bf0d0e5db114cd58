"""The tables on a real PostgreSQL: migrations, registers, access, what is never deleted."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from gateway_trial import FORGIVING, QUIET, ROOT, own_database, value
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from services import bus, clock, store
from services.recorder import mappings
from services.store import access, partitions, queries, register, retention, schema, sink
from services.store.migrate import migrate, revision
from services.store.register import Device, Terminal
from streams import codec, events
from streams.units import DAY_MS

pytestmark = [pytest.mark.integration, FORGIVING]


@pytest.fixture(scope="module")
def url(postgres: str) -> Iterator[str]:
    with own_database(postgres) as address:
        yield address


@pytest.fixture(scope="module")
def engine(url: str) -> Iterator[Engine]:
    made = store.connect(url)
    yield made
    made.dispose()


def test_the_migrations_make_exactly_the_schema(engine: Engine) -> None:
    """Tables made by the migrations and those declared in `schema` do not differ, down to the indexes."""
    with engine.connect() as connection:
        ours = {"include_object": lambda _o, name, kind, *_: kind != "table" or name in schema.metadata.tables}
        differences = compare_metadata(MigrationContext.configure(connection, opts=ours), schema.metadata)
    assert differences == []


def test_migrating_twice_at_once_is_the_same_as_once(engine: Engine) -> None:
    """Two that start at the same moment run one after the other, and the second finds nothing to do."""
    both = [threading.Thread(target=migrate, args=(engine,)) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    now = revision(engine)
    assert now.at == now.newest


def test_every_table_of_the_city_carries_tenant_and_district(engine: Engine) -> None:
    """A row without a tenant cannot be written; only the recorder's offsets belong to nobody."""
    query = text(
        "SELECT c.relname FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition "
        "AND c.relnamespace = 'public'::regnamespace AND (SELECT count(*) FROM pg_attribute a "
        "WHERE a.attrelid = c.oid AND (a.attname = 'tenant_id' AND a.attnotnull OR a.attname = 'district_id')) < 2"
    )
    with engine.connect() as connection:
        assert set(connection.execute(query).scalars()) == {
            "sink_offsets",
            "sink_topics",
            "evidence_offsets",
            "alembic_version",
        }


@pytest.mark.parametrize("statement", ["DELETE FROM {}", "TRUNCATE {}"])
@pytest.mark.parametrize("table", schema.NEVER_DELETED)
def test_what_was_said_and_found_is_never_deleted(engine: Engine, table: str, statement: str) -> None:
    """The database itself refuses to delete alerts, actions, tickets, weighings and dead letters."""
    with pytest.raises(DBAPIError, match="never deleted"), engine.begin() as connection:
        connection.execute(text(statement.format(table)))


def test_an_action_is_never_changed(engine: Engine) -> None:
    """A correction is a new row: an update of an action is refused."""
    with engine.begin() as connection:
        connection.execute(
            text("INSERT INTO alert_actions VALUES ('x', NULL, 'a1', 'al1', 'ack', 'me', 5, '{}')"),
        )
    with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
        connection.execute(text("UPDATE alert_actions SET actor = 'you'"))


def test_a_terminal_gets_a_code_once(engine: Engine) -> None:
    """The first code is kept; another is refused until an administrator reopens the terminal, and then once."""
    given = Terminal(
        phone="013900000001", tenant_id="porto", truck_id="t1", terminal_id="x1", plate="P1", profile="muck-truck"
    )
    register.upsert_terminal(engine, given)
    assert register.set_auth(engine, given.phone, "first")
    assert not register.set_auth(engine, given.phone, "second")
    assert register.reopen_terminal(engine, given.phone)
    assert register.set_auth(engine, given.phone, "third")
    assert not register.set_auth(engine, given.phone, "fourth")
    register.upsert_terminal(engine, given)
    kept = register.terminal(engine, given.phone)
    assert kept is not None
    assert (kept.auth_hash, kept.reopened) == ("third", False)
    assert not register.set_auth(engine, "unknown", "x")


def test_a_device_keeps_its_secret_unless_given_another(engine: Engine) -> None:
    """Loading a city again, without secrets, leaves the devices' secrets as they are."""
    secret = register.new_secret()
    first = Device(
        protocol="osmand",
        device_id="p1",
        tenant_id="porto",
        entity_kind="truck",
        entity_id="t1",
        secret_hash=register.secret_hash(secret),
    )
    register.upsert_device(engine, first)
    again = Device(
        protocol="osmand", device_id="p1", tenant_id="porto", entity_kind="truck", entity_id="t2", profile={"a": 1}
    )
    before = register.fingerprint(engine)
    assert register.fingerprint(engine) == before
    register.upsert_device(engine, again)
    assert register.fingerprint(engine) != before
    kept = register.device(engine, "osmand", "p1")
    assert kept is not None
    assert (kept.entity_id, kept.profile) == ("t2", {"a": 1})
    assert register.secret_fits(secret, kept.secret_hash)
    assert not register.secret_fits("other", kept.secret_hash)
    assert not register.secret_fits("", None)


def record_of(event: events.Event) -> bus.Record:
    return bus.Record(codec.topic_of(event).name, 0, 0, None, codec.encode(event), {}, 0)


def add(engine: Engine, login: str) -> access.User:
    return access.add_user(
        engine, tenant_id="porto", login=login, password="correct horse battery", name=login, role="officer"
    )


def test_a_password_opens_a_session_and_nothing_else_does(engine: Engine) -> None:
    """Right password: the user. Wrong password or unknown login: nobody, alike."""
    user = add(engine, "olga")
    assert access.check_password(engine, "olga", "correct horse battery") == user
    assert access.check_password(engine, "olga", "correct horse batterY") is None
    assert access.check_password(engine, "nobody", "correct horse battery") is None
    with pytest.raises(access.LoginTakenError):
        add(engine, "olga")
    with pytest.raises(access.WeakPasswordError, match="12 to 200"):
        access.add_user(engine, tenant_id="porto", login="w", password="short", name="w", role="officer")


def test_a_session_ends_by_log_out_by_age_and_by_shutting_the_user_out(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token is good until it is closed, unused for 8 h, 24 h old, or its user is disabled."""
    user = add(engine, "otto")
    token = access.open_session(engine, user)
    assert access.session_user(engine, token) == user
    access.close_session(engine, token)
    assert access.session_user(engine, token) is None

    start_ms = clock.wall_now_ms()
    token = access.open_session(engine, user)
    monkeypatch.setattr(clock, "wall_now_ms", lambda: start_ms + access.SESSION_IDLE_MS - 60_000)
    assert access.session_user(engine, token) == user
    monkeypatch.setattr(clock, "wall_now_ms", lambda: start_ms + 2 * access.SESSION_IDLE_MS + 60_000)
    assert access.session_user(engine, token) is None
    monkeypatch.undo()

    token = access.open_session(engine, user)
    assert access.disable_user(engine, "otto")
    assert access.session_user(engine, token) is None
    assert access.check_password(engine, "otto", "correct horse battery") is None


def test_no_secret_is_in_the_tables(engine: Engine) -> None:
    """Session tokens and keys are kept as hashes, passwords by Argon2id."""
    user = add(engine, "ona")
    token, key = access.open_session(engine, user), access.create_key(engine, "porto", "cab", "driver", truck_id="t1")
    for query in (
        "SELECT string_agg(t::text, ' ') FROM users t",
        "SELECT string_agg(t::text, ' ') FROM sessions t",
        "SELECT string_agg(t::text, ' ') FROM api_keys t",
    ):
        everything = value(engine, query)
        assert token not in everything
        assert key not in everything
        assert "correct horse" not in everything
    assert value(engine, "SELECT bool_and(password_hash LIKE '$argon2id$v=19$m=65536,t=3,p=4$%') FROM users")


def test_a_key_works_until_it_is_revoked(engine: Engine) -> None:
    """A key names its holder's role and truck; revoked, it names nobody."""
    key = access.create_key(engine, "porto", "cab of t9", "driver", driver_id="dr9", truck_id="t9")
    holder = access.key_user(engine, key)
    assert holder is not None
    assert (holder.role, holder.truck_id, holder.driver_id) == ("driver", "t9", "dr9")
    assert access.revoke_keys(engine, "porto", "cab of t9") == 1
    assert access.key_user(engine, key) is None


def test_days_get_partitions_and_far_clocks_share_the_rest_until_their_day_comes(engine: Engine) -> None:
    """A day's partition is made once, also by two at once; made, it takes its rows out of the rest."""
    day_ms = 1_795_500_000_000 // DAY_MS * DAY_MS
    both = [threading.Thread(target=partitions.make, args=(engine, "positions", [day_ms])) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert value(engine, "SELECT count(*) FROM pg_class WHERE relname = :n", n=f"positions_d{day_ms // DAY_MS}") == 1
    later_ms = day_ms + 30 * DAY_MS
    ahead = [fix("t1", later_ms + ms, fix=False) for ms in (0, DAY_MS - 1, DAY_MS)]
    took(engine, 0, [write for writes in ahead for write in writes])
    assert partitions.rest_rows(engine, "positions") == 3
    partitions.make(engine, "positions", [later_ms])
    assert later_ms in partitions.days_of(engine, "positions")
    took(engine, 0, fix("t2", later_ms + 5, fix=False))
    assert value(engine, f"SELECT count(*) FROM positions_d{later_ms // DAY_MS}") == 3  # noqa: S608
    assert partitions.rest_rows(engine, "positions") == 1, "the day after has not come"
    partitions.make(engine, "positions", [later_ms + DAY_MS])
    assert partitions.rest_rows(engine, "positions") == 0


def fix(truck_id: str, event_time_ms: int, **more: object) -> list[sink.Write]:
    state = events.TruckState(
        tenant_id="kept", truck_id=truck_id, event_time_ms=event_time_ms, received_time_ms=event_time_ms, **more
    )
    return mappings.writes_of(record_of(state))


def took(engine: Engine, partition: int, writes: list[sink.Write]) -> None:
    """Take rows as the next ten offsets of a partition."""
    at = sink.offsets(engine, [("truck-states", partition)])["truck-states", partition]
    sink.take(engine, [sink.Slice(("truck-states", partition), at, at + 10)], mappings.gathered(writes))


def test_days_that_are_over_are_thinned_and_dropped_and_odd_clocks_go_as_a_whole(engine: Engine) -> None:
    """After 60 days one good fix a minute is left of each day, after a year nothing; rows without a day go in 60 days."""
    start_ms = 1_700_000_000_000 // DAY_MS * DAY_MS

    def keep(day: int) -> dict[str, list[int]]:
        now_ms = start_ms + day * DAY_MS
        return retention.keep(engine, now_ms, positions_kept_days=60, thinned_positions_kept_days=365)

    def track(day: int) -> list[int]:
        from_ms = start_ms + day * DAY_MS
        return [int(p[0]) - from_ms for p in queries.track(engine, "kept", "t1", from_ms, from_ms + DAY_MS - 1)]

    keep(0)
    assert set(range(4)) <= {(d - start_ms) // DAY_MS for d in partitions.days_of(engine, "positions")}
    every_ms = [0, 5_000, 59_999, 60_000, 61_000]
    for day in (0, 1):
        at_ms = start_ms + day * DAY_MS
        took(engine, 1, [w for ms in every_ms for w in fix("t1", at_ms + ms, lon=1.0, lat=2.0)])
        took(engine, 1, fix("t1", at_ms + 120_000, fix=False))
    rest = partitions.rest_rows(engine, "positions")
    odd = events.TruckState(tenant_id="kept", truck_id="t9", event_time_ms=7, received_time_ms=start_ms, fix=False)
    took(engine, 1, mappings.writes_of(record_of(odd)))
    assert partitions.rest_rows(engine, "positions") == rest + 1
    assert track(0) == every_ms

    took(engine, 1, [w for truck in ("t3", "t2") for w in fix(truck, start_ms + 9, lon=1.0, lat=2.0)])
    assert keep(60)["positions"] == []
    as_written = f"SELECT string_agg(truck_id, ' ' ORDER BY ctid) FROM positions_d{start_ms // DAY_MS}"  # noqa: S608
    assert value(engine, as_written) == "t1 t1 t1 t1 t1 t1 t2 t3", "a day that is over is in the order of its key"
    took(engine, 1, fix("t4", start_ms + 9, fix=False))
    assert partitions.rest_rows(engine, "positions") == 0, "set aside: half of 60 days are over"
    assert keep(61)["positions"] == [start_ms]
    assert (track(0), track(1)) == ([0, 60_000], every_ms)
    assert keep(61)["positions"] == []
    left = "SELECT count(*) FROM pg_class WHERE starts_with(relname, 'positions_odd_d')"
    assert value(engine, left) == 1
    keep(91)
    assert value(engine, left) == 0
    assert track(1) == [0, 60_000]
    assert keep(366)["thinned_positions"] == [start_ms]
    assert (track(0), track(1)) == ([], [0, 60_000])


@pytest.fixture
def other(url: str) -> Iterator[Engine]:
    """Connections of another process."""
    made = store.connect(url, timeout_s=20)
    yield made
    made.dispose()


def test_a_day_that_is_there_is_found_whoever_holds_the_lock(
    engine: Engine, other: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recorder that was suspended while it changed partitions stops nobody whose days are there; others wait so long."""
    monkeypatch.setattr(partitions, "LOCK_WAIT", "50ms")
    day_ms = 1_500_000_000_000 // DAY_MS * DAY_MS
    partitions.make(engine, "positions", [day_ms])
    with other.begin() as zombie:
        zombie.execute(text(f"SELECT pg_advisory_xact_lock({partitions._LOCK})"))
        zombie.execute(text("LOCK TABLE ONLY positions IN ACCESS EXCLUSIVE MODE"))
        assert partitions.make(engine, "positions", [day_ms + 7]) == {day_ms}
        with pytest.raises(store.Away, match="lock timeout"):
            partitions.make(engine, "positions", [day_ms + DAY_MS])
    partitions.make(engine, "positions", [day_ms + DAY_MS])
    partitions.drop_before(engine, "positions", day_ms + 2 * DAY_MS)


def test_who_is_silent_in_a_transaction_keeps_no_lock(url: str) -> None:
    """The server ends it, whatever else may take as long as it takes."""
    made = store.connect(url, timeout_s=0, silent_s=0.3)
    connection = made.connect()
    connection.execute(text("SELECT pg_sleep(0.6)"))
    time.sleep(1.5)
    with pytest.raises(DBAPIError):
        connection.execute(text("SELECT 1"))
    connection.invalidate()
    made.dispose()


def test_a_resend_into_a_day_that_is_being_sorted_waits_for_nobody(
    engine: Engine, other: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is written while the day is copied, and is in the sorted day; what is written in the end too."""
    day_ms = 1_510_000_000_000 // DAY_MS * DAY_MS
    partitions.make(engine, "positions", [day_ms])
    for truck in ("t2", "t1"):
        took(engine, 2, fix(truck, day_ms + 1, fix=False))
    take_the_table = partitions._take_the_table

    def resent_meanwhile(connection: Connection, table: str) -> None:
        took(other, 2, fix("t0", day_ms + 2, fix=False))
        take_the_table(connection, table)

    monkeypatch.setattr(partitions, "_take_the_table", resent_meanwhile)
    assert partitions.sort_before(engine, "positions", day_ms + DAY_MS) == [day_ms]
    in_order = f"SELECT string_agg(truck_id, ' ' ORDER BY ctid) FROM positions_d{day_ms // DAY_MS}"  # noqa: S608
    assert value(engine, in_order) == "t1 t2 t0"
    took(engine, 2, fix("t3", day_ms + 3, fix=False))
    assert value(engine, in_order) == "t1 t2 t0 t3"
    assert partitions.sort_before(engine, "positions", day_ms + DAY_MS) == []
    left = "SELECT count(*) FROM pg_class WHERE relname LIKE 'positions%late' OR relname LIKE 'positions%sorted'"
    assert value(engine, left) == 0
    partitions.drop_before(engine, "positions", day_ms + DAY_MS)


def test_a_sort_that_could_not_take_over_leaves_the_day_as_it_was(
    engine: Engine, other: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind a long question it gives up; what came meanwhile is in the day, and the next round sorts all of it."""
    monkeypatch.setattr(partitions, "LOCK_WAIT", "50ms")
    monkeypatch.setattr(partitions, "SORTED_TRIES", 2)
    day_ms = 1_520_000_000_000 // DAY_MS * DAY_MS
    partitions.make(engine, "positions", [day_ms])
    for truck in ("t2", "t1"):
        took(engine, 2, fix(truck, day_ms + 1, fix=False))
    with other.connect() as reader:
        reader.execute(text("SELECT count(*) FROM positions"))
        with pytest.raises(store.Away, match="lock timeout"):
            partitions.sort_before(engine, "positions", day_ms + DAY_MS)
        took(engine, 2, fix("t0", day_ms + 2, fix=False))
    in_order = f"SELECT string_agg(truck_id, ' ' ORDER BY ctid) FROM positions_d{day_ms // DAY_MS}"  # noqa: S608
    assert value(engine, in_order) == "t2 t1 t0"
    assert partitions.sort_before(engine, "positions", day_ms + DAY_MS) == [day_ms]
    assert value(engine, in_order) == "t0 t1 t2"
    partitions.drop_before(engine, "positions", day_ms + DAY_MS)


def test_a_day_that_fails_stops_no_other_and_is_said(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropping goes on behind it, and comes before sorting; the round ends with a sentence that names each."""
    start_ms = 1_530_000_000_000 // DAY_MS * DAY_MS
    partitions.make(engine, "positions", [start_ms, start_ms + DAY_MS, start_ms + 60 * DAY_MS])
    thin = partitions._thin

    def fails(engine: Engine, day_ms: int) -> bool:
        if day_ms == start_ms:
            with engine.begin() as connection:
                connection.execute(text("SELECT 1 / 0"))
        return thin(engine, day_ms)

    monkeypatch.setattr(partitions, "_thin", fails)

    def keep() -> dict[str, list[int]]:
        now_ms = start_ms + 62 * DAY_MS
        return retention.keep(engine, now_ms, positions_kept_days=60, thinned_positions_kept_days=0)

    with pytest.raises(
        retention.UnkeptError, match=f"day {start_ms // DAY_MS} of positions is not dropped: division by"
    ):
        keep()
    days = partitions.days_of(engine, "positions")
    assert start_ms in days
    assert start_ms + DAY_MS not in days
    said = "SELECT obj_description(CAST(:name AS regclass))"
    assert value(engine, said, name=f"positions_d{start_ms // DAY_MS + 60}") == partitions._SORTED
    monkeypatch.undo()
    assert keep()["positions"] == [start_ms]


def test_a_thinned_day_that_came_again_is_merged(engine: Engine) -> None:
    """Of a day that was made anew for a very late resend, minutes that are missing are added, and the rest goes on."""
    day_ms = 1_540_000_000_000 // DAY_MS * DAY_MS

    def thinned(*at_ms: int) -> list[int]:
        partitions.make(engine, "positions", [day_ms])
        took(engine, 3, [w for ms in at_ms for w in fix("t1", day_ms + ms, lon=1.0, lat=2.0)])
        assert day_ms in partitions.drop_before(engine, "positions", day_ms + DAY_MS, thin=True)
        return [int(p[0]) - day_ms for p in queries.track(engine, "kept", "t1", day_ms, day_ms + DAY_MS - 1)]

    assert thinned(5_000, 61_000) == [5_000, 61_000]
    assert thinned(2_000, 130_000) == [5_000, 61_000, 130_000]
    partitions.drop_before(engine, "thinned_positions", day_ms + DAY_MS)


def test_a_day_somebody_reads_is_dropped_later(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a long question holds the table, dropping gives up rather than let everybody queue; the day stays whole."""
    monkeypatch.setattr(partitions, "LOCK_WAIT", "50ms")
    day_ms = 1_600_000_000_000 // DAY_MS * DAY_MS
    partitions.make(engine, "positions", [day_ms])
    with engine.connect() as reader:
        reader.execute(text("SELECT count(*) FROM positions"))
        with pytest.raises(store.Away):
            partitions.drop_before(engine, "positions", day_ms + DAY_MS, thin=True)
    assert day_ms in partitions.days_of(engine, "positions")
    assert partitions.drop_before(engine, "positions", day_ms + DAY_MS, thin=True) == [day_ms]


def test_the_first_tables_with_data_in_them_are_brought_up_to_date_and_back(postgres: str) -> None:
    """What the first release wrote is there after the upgrade and goes on; a step back that would lose it is refused."""
    with own_database(postgres, to="0001") as address:
        engine = store.connect(address)
        day = 1_795_500_000_000 // DAY_MS
        with engine.begin() as connection:
            connection.execute(
                text(
                    f"CREATE TABLE positions_d{day} PARTITION OF positions "
                    f"FOR VALUES FROM ({day * DAY_MS}) TO ({(day + 1) * DAY_MS})"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO positions (tenant_id, truck_id, event_time_ms, fix_key, fix, cover, bed, load_state, "
                    "sensor_health, power, alarms) SELECT 'kept', 't1', ms, 'x', true, 'open', 'level', 'full', '{}', "
                    "'main', '[]' FROM unnest(ARRAY[7, CAST(:ms AS bigint)]) ms"
                ),
                {"ms": day * DAY_MS},
            )
            connection.execute(text("INSERT INTO sink_offsets VALUES ('truck-states', 1, 40)"))
            connection.execute(
                text(
                    "INSERT INTO bin_readings (tenant_id, bin_id, event_time_ms, reading_key, record) SELECT 'kept', 'b' || ms, "
                    "7, '', CAST('{\"received_time_ms\": ' || ms || '}' AS jsonb) FROM unnest(ARRAY['9', '9' || repeat('0', 30)]) ms"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO last_bins (tenant_id, bin_id, event_time_ms, record) SELECT 'kept', 'b' || n, 100 * n, "
                    "'{\"received_time_ms\": 150}' FROM generate_series(1, 2) n"
                )
            )
            connection.execute(
                text(
                    "INSERT INTO last_positions (tenant_id, truck_id, event_time_ms, rank_ms, record) SELECT 'kept', "
                    "'t' || n, 100000 * n, 100000 * n - 60000, '{\"received_time_ms\": 150000}' FROM generate_series(1, 2) n"
                )
            )
        assert migrate(engine).at == revision(engine).newest
        assert sink.offsets(engine, [("truck-states", 1)]) == {("truck-states", 1): 40}
        assert value(engine, "SELECT string_agg(received_time_ms::text, ' ') FROM bin_readings") == "9"
        ranks = "SELECT string_agg(rank_ms::text, ' ' ORDER BY rank_ms) FROM"
        assert value(engine, f"{ranks} last_bins") == "100 150"
        assert value(engine, f"{ranks} last_positions") == "40000 90000", "of a phone whose clock is 50 s ahead"
        took(engine, 1, fix("t1", day * DAY_MS + 5, lon=1.0, lat=2.0))
        assert len(queries.track(engine, "kept", "t1", 0, (day + 1) * DAY_MS)) == 3
        assert retention.keep(engine, (day + 70) * DAY_MS, positions_kept_days=60, thinned_positions_kept_days=0)[
            "positions"
        ] == [day * DAY_MS]

        with pytest.raises(RuntimeError, match="thinned_positions holds all that is left"):
            migrate(engine, "0001")
        with engine.begin() as connection:
            connection.execute(text(f"DROP TABLE thinned_positions_d{day}"))
            connection.execute(text("INSERT INTO alert_actions VALUES ('x', NULL, 'a1', 'al1', 'ack', 'me', 5, '{}')"))
        assert migrate(engine, "0001").at == "0001"
        with pytest.raises(RuntimeError, match="rows of alert_actions are never deleted"):
            migrate(engine, "base")
        assert value(engine, "SELECT next FROM sink_offsets") == 50
        engine.dispose()


def test_demo_users_are_made_once(url: str, tmp_path: Path) -> None:
    """Called again, the same logins and passwords come out; the file that keeps them is its owner's alone."""
    env = QUIET | {"DATABASE_URL": url, "QINGYUN_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "services", "users", "demo", "--json"]
    first, second = (
        subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True, check=True).stdout for _ in range(2)
    )
    assert first == second
    users = json.loads(first)
    assert [user["role"] for user in users] == ["dispatcher", "driver", "officer", "manager", "administrator"]
    kept = tmp_path / "secrets" / "demo-users.json"
    assert kept.stat().st_mode & 0o777 == 0o600
    engine = store.connect(url)
    driver = access.check_password(engine, users[1]["login"], users[1]["password"])
    engine.dispose()
    assert driver is not None
    assert (driver.driver_id, driver.truck_id) == ("dr01", "t01")
