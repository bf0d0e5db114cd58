"""The tables on a real PostgreSQL: migrations, registers, access, what is never deleted."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from gateway_trial import FORGIVING, QUIET, ROOT, own_database, value
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from services import bus, clock, store
from services.recorder import mappings
from services.store import access, register, schema, sink
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
        assert set(connection.execute(query).scalars()) == {"sink_offsets", "alembic_version"}


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


def test_days_get_partitions_and_far_clocks_share_the_rest(engine: Engine) -> None:
    """A day's partition is made once, also by two at once; a day already in the rest partition stays there."""
    day_ms = 1_795_500_000_000 // DAY_MS * DAY_MS
    both = [threading.Thread(target=sink.make_partitions, args=(engine, "positions", [day_ms])) for _ in range(2)]
    for one in both:
        one.start()
    for one in both:
        one.join()
    assert value(engine, "SELECT count(*) FROM pg_class WHERE relname = :n", n=f"positions_d{day_ms // DAY_MS}") == 1
    later_ms = day_ms + 30 * DAY_MS
    far = mappings.writes_of(record_of(events.TruckState(truck_id="t1", event_time_ms=later_ms, fix=False)))
    sink.offsets(engine, [("truck-states", 0)])
    sink.take(engine, [sink.Slice(("truck-states", 0), 0, 1)], far)
    sink.make_partitions(engine, "positions", [later_ms])
    assert value(engine, "SELECT count(*) FROM positions_other") == 1


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
