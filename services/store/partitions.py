"""One partition a day: made before it is needed, sorted, thinned and dropped when it is old enough. No row is deleted by itself.

A day is a day of the column `schema.PARTITIONED` names, in UTC, of city time. Rows of days without a partition (clocks
that are far off) share the rest partition, which is set aside as a whole and dropped later; a day that is made takes its
rows out of it.

Locks: a day is attached, which lets reading and writing go on. Dropping one, taking over a sorted one and setting the rest
aside need the whole table for a moment; they take it before anything that lies in it, as everybody who writes does, and
give up after `LOCK_WAIT` rather than let everybody queue behind a long question. What takes minutes (sorting, thinning)
holds no lock anybody waits for.
"""

import logging
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from services.store.engine import state_of
from services.store.schema import PARTITIONED, THINNED, metadata
from streams.units import DAY_MS

logger = logging.getLogger(__name__)

LOCK_WAIT: Final = "3s"
SORTED_TRIES: Final = 5
"""Times a sorted day asks for the table before minutes of work are given up until the next round."""
_LOCK: Final = 0x51_59_50_41_52
"""Number of the advisory lock under which partitions are made, exchanged and dropped: for a moment ("QYPAR")."""
_LONG_LOCK: Final = 0x51_59_53_52_54
"""… and of the one under which a day is sorted or thinned: minutes ("QYSRT"). Nobody who records waits for it."""
_SORTED: Final = "in the order of its key"
_BUSY: Final = frozenset({"55P03", "40P01"})
"""SQLSTATEs: a lock that was not to be had in time, two that waited for each other."""

OnFailure = Callable[[int, DBAPIError], None]
"""Called with a day that could not be treated, and why."""


def _raised(_: int, error: DBAPIError) -> None:
    raise error


def make(engine: Engine, table: str, times_ms: Iterable[int]) -> set[int]:
    """Make the days these times fall into, as far as they are missing; return the first ms of each.

    Rows of such a day that are in the rest partition (clocks that were ahead) go over to it.
    """
    _check(table)
    days = {time_ms - time_ms % DAY_MS for time_ms in times_ms}
    for day_ms in sorted(days.difference(days_of(engine, table)) if days else ()):
        with _alone(engine) as connection:
            if not _exists(connection, _name(table, day_ms)):  # two that make it come one after the other
                _make_day(connection, table, day_ms)
    return days


def drop_before(
    engine: Engine, table: str, before_ms: int, *, thin: bool = False, on_failure: OnFailure = _raised
) -> list[int]:
    """Drop the days that are over before ``before_ms``; return the first ms of those that are gone, oldest first.

    With ``thin``, one good fix a minute and truck of each day goes to `schema.THINNED` as it is dropped.
    """
    _check(table)

    def drop(day_ms: int) -> bool:
        if thin and not _thin(engine, day_ms):
            return False
        with _alone(engine) as connection:
            if thin and not _is_attached(connection, THINNED, _name(THINNED, day_ms)):
                _attach(connection, THINNED, day_ms)
            connection.execute(text(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE"))
            for name in (_name(table, day_ms), _late(table, day_ms)):
                connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
        return True

    return _each(_over(engine, table, before_ms), drop, on_failure)


def sort_before(engine: Engine, table: str, before_ms: int, *, on_failure: OnFailure = _raised) -> list[int]:
    """Write the days that are over before ``before_ms`` anew in the order of their key; return those that were not yet.

    Fixes arrive truck beside truck, so an hour of one truck is on as many pages as it has rows; sorted, on a few. Reading
    and writing go on meanwhile: what is written to such a day (a resend) is noted beside it, and added at the end.
    """
    _check(table)
    return _each(_over(engine, table, before_ms), lambda day_ms: _sort(engine, table, day_ms), on_failure)


def _over(engine: Engine, table: str, before_ms: int) -> list[int]:
    return [day_ms for day_ms in days_of(engine, table) if day_ms + DAY_MS <= before_ms]


def _each(days: Iterable[int], treat: Callable[[int], bool], on_failure: OnFailure) -> list[int]:
    """Treat each day; return those something was done to. One that fails does not keep the others."""
    done = []
    for day_ms in days:
        try:
            if treat(day_ms):
                done.append(day_ms)
        except DBAPIError as error:
            if not state_of(error):  # nobody answers: nor will anybody for the next day
                raise
            on_failure(day_ms, error)
    return done


# --------------------------------------------------------------------------------------------- a day in order


def _sort(engine: Engine, table: str, day_ms: int) -> bool:
    """Copy a day in the order of its key beside it, then put the copy in its place."""
    name, beside, late = _name(table, day_ms), f"{_name(table, day_ms)}_sorted", _late(table, day_ms)
    key, columns = _names(table, of_key=True), _names(table)
    column = PARTITIONED[table]
    with engine.connect() as connection:
        said = connection.execute(text("SELECT obj_description(to_regclass(:name))"), {"name": name}).scalar_one()
    if said == _SORTED:
        return False
    with _alone(engine) as connection:
        if not _is_attached(connection, table, name):
            return False
        _note_what_comes_late(connection, name, late)
    with _at_length(engine) as connection:
        if connection is None or not _exists(connection, late):  # another recorder does it, or has just done it
            return False
        for statement in (
            "SET LOCAL maintenance_work_mem = '128MB'",
            "SET LOCAL work_mem = '128MB'",
            f"CREATE TABLE {beside} (LIKE {table} INCLUDING DEFAULTS INCLUDING COMMENTS)",
            f"INSERT INTO {beside} ({columns}) SELECT {columns} FROM {name} ORDER BY {key}",  # noqa: S608  # names of ours
            f"ALTER TABLE {beside} ADD PRIMARY KEY ({key})",
            # what the table's own index (brin) finds where rows lie as they came, here another has to find
            f"CREATE INDEX ON {beside} (received_time_ms)",
            f"CREATE INDEX ON {beside} USING brin (received_time_ms)",
            # known beforehand, so that attaching does not read the day again while everybody waits
            f"ALTER TABLE {beside} ADD CONSTRAINT in_its_day CHECK ({column} >= {day_ms} AND {column} < {day_ms + DAY_MS})",
        ):
            connection.execute(text(statement))
        _take_the_table(connection, table)
        for statement in (
            f"INSERT INTO {beside} ({columns}) SELECT {columns} FROM {late} ON CONFLICT DO NOTHING",  # noqa: S608  # names of ours
            f"ALTER TABLE {table} DETACH PARTITION {name}",
            f"DROP TABLE {name}",
            f"DROP TABLE {late}",
            f"ALTER TABLE {beside} RENAME TO {name}",
        ):
            connection.execute(text(statement))
        _attach(connection, table, day_ms)
        connection.execute(text(f"ALTER TABLE {name} DROP CONSTRAINT in_its_day"))
        connection.execute(text(f"COMMENT ON TABLE {name} IS '{_SORTED}'"))
    return True


def _note_what_comes_late(connection: Connection, name: str, late: str) -> None:
    """From now on, keep a second copy of what is written to a day. What an earlier try left goes on doing so."""
    if _exists(connection, late):
        return
    connection.execute(text(f"CREATE TABLE {late} (LIKE {name})"))
    connection.execute(
        text(f"CREATE TRIGGER late AFTER INSERT ON {name} FOR EACH ROW EXECUTE FUNCTION qingyun_note_late('{late}')")
    )


def _take_the_table(connection: Connection, table: str) -> None:
    """Lock the whole table, in a few tries: who asks once and waits long makes everybody else wait behind."""
    for left in reversed(range(SORTED_TRIES)):
        try:
            with connection.begin_nested():
                connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
                connection.execute(text(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE"))
        except DBAPIError as error:
            if not left or state_of(error) not in _BUSY:
                raise
            time.sleep(0.2)
        else:
            return


# --------------------------------------------------------------------------------------------- rows without a day


def set_rest_aside(engine: Engine, table: str, now_ms: int, kept_ms: int) -> None:
    """Take the rest partition out of ``table`` when half of ``kept_ms`` has passed since its oldest row came.

    It stays as a table of its own (``…_odd_d<day>``) for the other half, then it is dropped: so no row of it is younger
    than half of ``kept_ms`` or older than ``kept_ms`` when it goes.
    """
    _check(table)
    half_ms = kept_ms // 2
    with engine.connect() as connection:
        oldest = text(f"SELECT min(received_time_ms) FROM {table}_other")  # noqa: S608  # a name of ours
        oldest_ms = connection.execute(oldest).scalar_one()
        aside = connection.execute(
            text("SELECT relname FROM pg_class WHERE relkind = 'r' AND starts_with(relname, :prefix)"),
            {"prefix": _odd_prefix(table)},
        )
        over = [name for name in aside.scalars() if _day_of(name) + DAY_MS + half_ms <= now_ms]
    for name in over:
        with _alone(engine) as connection:
            connection.execute(text(f"DROP TABLE IF EXISTS {name}"))
    odd = f"{_odd_prefix(table)}{now_ms // DAY_MS}"
    if oldest_ms is None or oldest_ms + half_ms > now_ms:
        return
    with _alone(engine) as connection:
        if _exists(connection, odd):
            return
        connection.execute(text(f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE"))
        connection.execute(text(f"ALTER TABLE {table} DETACH PARTITION {table}_other"))
        connection.execute(text(f"ALTER TABLE {table}_other RENAME TO {odd}"))
        connection.execute(text(f"CREATE TABLE {table}_other (LIKE {table} INCLUDING ALL)"))
        connection.execute(text(f"ALTER TABLE {table} ATTACH PARTITION {table}_other DEFAULT"))


def odd_tables(engine: Engine, table: str) -> list[str]:
    """Return the tables that rows without a day were set aside as."""
    _check(table)
    query = text("SELECT relname FROM pg_class WHERE relkind = 'r' AND starts_with(relname, :prefix) ORDER BY relname")
    with engine.connect() as connection:
        return list(connection.execute(query, {"prefix": _odd_prefix(table)}).scalars())


def rest_rows(engine: Engine, table: str) -> int:
    """Return how many rows have no day of their own."""
    _check(table)
    with engine.connect() as connection:
        count = text(f"SELECT count(*) FROM {table}_other")  # noqa: S608  # a name of ours
        return int(connection.execute(count).scalar_one())


def days_of(engine: Engine, table: str) -> list[int]:
    """Return the first ms of each day ``table`` has a partition for, oldest first. Waits for nobody."""
    _check(table)
    names = text(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = CAST(:parent AS regclass) AND starts_with(c.relname, :prefix)"
    )
    with engine.connect() as connection:
        found = connection.execute(names, {"parent": table, "prefix": f"{table}_d"}).scalars()
        return sorted(_day_of(name) for name in found)


# --------------------------------------------------------------------------------------------- one step


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Give a short transaction that nobody else who changes partitions runs beside; it waits for anybody only so long."""
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        yield connection


@contextmanager
def _at_length(engine: Engine) -> Iterator[Connection | None]:
    """Give a transaction for work of minutes; None if another is at such work: then there is nothing to do now."""
    with engine.begin() as connection:
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
        free = connection.execute(select(func.pg_try_advisory_xact_lock(_LONG_LOCK))).scalar_one()
        yield connection if free else None


def _make_day(connection: Connection, table: str, day_ms: int) -> None:
    """Make a day beside the table, then attach it: made in its place, it would wait for every reader of every day."""
    connection.execute(text(f"CREATE TABLE {_name(table, day_ms)} (LIKE {table} INCLUDING ALL)"))
    if _exists(connection, f"{table}_other"):
        _move_out_of_the_rest(connection, table, day_ms)
    _attach(connection, table, day_ms)


def _move_out_of_the_rest(connection: Connection, table: str, day_ms: int) -> None:
    """Take a day's rows over from the rest partition: it could not be attached beside them.

    The table first, then the rest, as who writes takes them: nobody waits for another who waits for him.
    """
    name, columns, column = _name(table, day_ms), _names(table), PARTITIONED[table]
    connection.execute(text(f"LOCK TABLE ONLY {table} IN SHARE UPDATE EXCLUSIVE MODE"))
    connection.execute(text(f"LOCK TABLE {table}_other IN ACCESS EXCLUSIVE MODE"))
    moved = connection.execute(
        text(
            f"WITH moved AS (DELETE FROM {table}_other WHERE {column} >= {day_ms} AND {column} < {day_ms + DAY_MS} "  # noqa: S608  # names of ours
            f"RETURNING {columns}), put AS (INSERT INTO {name} ({columns}) SELECT {columns} FROM moved RETURNING 1) "
            "SELECT count(*) FROM put"
        )
    )
    if rows := moved.scalar_one():
        logger.info("%d rows that clocks ahead had left in the rest of %s went to their day", rows, table)


def _attach(connection: Connection, table: str, day_ms: int) -> None:
    connection.execute(
        text(
            f"ALTER TABLE {table} ATTACH PARTITION {_name(table, day_ms)} "
            f"FOR VALUES FROM ({day_ms}) TO ({day_ms + DAY_MS})"
        )
    )


def _thin(engine: Engine, day_ms: int) -> bool:
    """Fill a day of `THINNED`, attached or not yet: in the order of its key, so a track is a few pages side by side.

    Where it is there already (a day that was made again for a very late resend, or a round that ended in between), only
    minutes it does not have are added. False = another recorder is at it.
    """
    raw, thinned = _name("positions", day_ms), _name(THINNED, day_ms)
    columns = "tenant_id, district_id, truck_id, event_time_ms, lon, lat, speed_mps, odometer_m, load_kg, cover, bed"
    minute = "tenant_id, truck_id, event_time_ms / 60000"
    same = " AND ".join(f"t.{one} = {raw}.{one}" for one in minute.split(", "))
    with _at_length(engine) as connection:
        if connection is None or not _exists(connection, raw):
            return False
        connection.execute(text("SET LOCAL work_mem = '64MB'"))
        new = not _exists(connection, thinned)
        if new:
            connection.execute(text(f"CREATE TABLE {thinned} (LIKE {THINNED} INCLUDING ALL)"))
        missing = f" AND NOT EXISTS (SELECT FROM {thinned} t WHERE {same})"
        connection.execute(
            text(
                f"INSERT INTO {thinned} ({columns}) SELECT DISTINCT ON ({minute}) {columns} FROM {raw} "  # noqa: S608  # names of ours
                f"WHERE fix AND lon IS NOT NULL{'' if new else missing} ORDER BY {minute}, event_time_ms, fix_key"
            )
        )
    return True


# --------------------------------------------------------------------------------------------- names


def _exists(connection: Connection, name: str) -> bool:
    return connection.execute(select(func.to_regclass(name))).scalar_one() is not None


def _is_attached(connection: Connection, table: str, name: str) -> bool:
    query = text(
        "SELECT EXISTS (SELECT FROM pg_inherits WHERE inhparent = to_regclass(:parent) AND inhrelid = to_regclass(:name))"
    )
    return bool(connection.execute(query, {"parent": table, "name": name}).scalar_one())


def _names(table: str, *, of_key: bool = False) -> str:
    columns = metadata.tables[table].primary_key.columns if of_key else metadata.tables[table].columns
    return ", ".join(f'"{column.name}"' for column in columns)


def _name(table: str, day_ms: int) -> str:
    return f"{table}_d{day_ms // DAY_MS}"


def _late(table: str, day_ms: int) -> str:
    """Return the name of what came to a day while it was being sorted."""
    return f"{_name(table, day_ms)}_late"


def _odd_prefix(table: str) -> str:
    return f"{table}_odd_d"


def _day_of(name: str) -> int:
    return int(name.rpartition("_d")[2]) * DAY_MS


def _check(table: str) -> None:
    if table not in PARTITIONED:
        raise ValueError(f"{table} has no partitions")
