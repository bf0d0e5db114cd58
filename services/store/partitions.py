"""One partition a day: made before it is needed, thinned and dropped when it is old enough. No row is deleted by itself.

A day is a day of the column `schema.PARTITIONED` names, in UTC, of city time. Rows of days without a partition (clocks
that are far off) share the rest partition, which is set aside as a whole and dropped later.

Locks: a day is attached, which lets reading and writing go on. Dropping one and setting the rest aside need the whole
table for a moment; they give up after `LOCK_WAIT` rather than let everybody queue behind a long question.
"""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import DBAPIError

from services.store.engine import Away
from services.store.schema import PARTITIONED, THINNED, metadata
from streams.units import DAY_MS

logger = logging.getLogger(__name__)

LOCK_WAIT: Final = "3s"
_LOCK: Final = 0x51_59_50_41_52
"""Number of the advisory lock under which partitions are made and dropped ("QYPAR")."""
_SORTED: Final = "in the order of its key"
_CHECK_VIOLATION: Final = "23514"
"""SQLSTATE: the rest partition holds rows of that day."""


def make(engine: Engine, table: str, times_ms: Iterable[int]) -> set[int]:
    """Make the days these times fall into, as far as they are missing; return the first ms of each.

    Where the rest partition holds rows of that day already (clocks far ahead), the day stays there.
    """
    _check(table)
    days = {time_ms - time_ms % DAY_MS for time_ms in times_ms}
    for day_ms in sorted(days):
        try:
            with _alone(engine) as connection:
                if not _exists(connection, _name(table, day_ms)):
                    _make_day(connection, table, day_ms)
        except Away:
            raise
        except DBAPIError as error:
            if getattr(error.orig, "sqlstate", None) != _CHECK_VIOLATION:
                raise
    return days


def drop_before(engine: Engine, table: str, before_ms: int, *, thin: bool = False) -> list[int]:
    """Drop the days that are over before ``before_ms``; return their first ms, oldest first.

    With ``thin``, one good fix a minute and truck of each day goes to `schema.THINNED` as it is dropped.
    """
    _check(table)
    old = [day_ms for day_ms in days_of(engine, table) if day_ms + DAY_MS <= before_ms]
    for day_ms in old:
        if thin:
            _thin(engine, day_ms)
        with _alone(engine) as connection:
            if thin:
                _attach(connection, THINNED, day_ms)
            connection.execute(text(f"DROP TABLE IF EXISTS {_name(table, day_ms)}"))
    return old


def sort_before(engine: Engine, table: str, before_ms: int) -> list[int]:
    """Write the days that are over before ``before_ms`` anew in the order of their key; return those that were not yet.

    Fixes arrive truck beside truck, so an hour of one truck is on as many pages as it has rows; sorted, on a few. Reading
    goes on meanwhile; who writes to such a day (a resend) waits until it is done, a minute or two for a city.
    """
    _check(table)
    over = [day_ms for day_ms in days_of(engine, table) if day_ms + DAY_MS <= before_ms]
    return [day_ms for day_ms in over if _sort(engine, table, day_ms)]


def _sort(engine: Engine, table: str, day_ms: int) -> bool:
    name, beside = _name(table, day_ms), f"{_name(table, day_ms)}_sorted"
    key = ", ".join(f'"{column.name}"' for column in metadata.tables[table].primary_key.columns)
    columns = ", ".join(f'"{column.name}"' for column in metadata.tables[table].columns)
    column = PARTITIONED[table]
    with _alone(engine) as connection:
        said = connection.execute(text("SELECT obj_description(to_regclass(:name))"), {"name": name}).scalar_one()
        if said == _SORTED or not _exists(connection, name):
            return False
        for statement in (
            "SET LOCAL maintenance_work_mem = '128MB'",
            "SET LOCAL work_mem = '128MB'",
            f"LOCK TABLE {name} IN SHARE MODE",
            f"CREATE TABLE {beside} (LIKE {table} INCLUDING DEFAULTS INCLUDING COMMENTS)",
            f"INSERT INTO {beside} ({columns}) SELECT {columns} FROM {name} ORDER BY {key}",  # noqa: S608  # names of ours
            f"ALTER TABLE {beside} ADD PRIMARY KEY ({key})",
            # what the table's own index (brin) finds where rows lie as they came, here another has to find
            f"CREATE INDEX ON {beside} (received_time_ms)",
            f"CREATE INDEX ON {beside} USING brin (received_time_ms)",
            # known beforehand, so that attaching does not read the day again while everybody waits
            f"ALTER TABLE {beside} ADD CONSTRAINT in_its_day CHECK ({column} >= {day_ms} AND {column} < {day_ms + DAY_MS})",
            f"ALTER TABLE {table} DETACH PARTITION {name}",
            f"DROP TABLE {name}",
            f"ALTER TABLE {beside} RENAME TO {name}",
        ):
            connection.execute(text(statement))
        _attach(connection, table, day_ms)
        connection.execute(text(f"ALTER TABLE {name} DROP CONSTRAINT in_its_day"))
        connection.execute(text(f"COMMENT ON TABLE {name} IS '{_SORTED}'"))
    return True


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
        connection.execute(text(f"ALTER TABLE {table} DETACH PARTITION {table}_other"))
        connection.execute(text(f"ALTER TABLE {table}_other RENAME TO {odd}"))
        connection.execute(text(f"CREATE TABLE {table}_other (LIKE {table} INCLUDING ALL)"))
        connection.execute(text(f"ALTER TABLE {table} ATTACH PARTITION {table}_other DEFAULT"))


def rest_rows(engine: Engine, table: str) -> int:
    """Return how many rows have no day of their own."""
    _check(table)
    with engine.connect() as connection:
        count = text(f"SELECT count(*) FROM {table}_other")  # noqa: S608  # a name of ours
        return int(connection.execute(count).scalar_one())


def days_of(engine: Engine, table: str) -> list[int]:
    """Return the first ms of each day ``table`` has a partition for, oldest first."""
    _check(table)
    names = text(
        "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
        "WHERE i.inhparent = CAST(:parent AS regclass) AND starts_with(c.relname, :prefix)"
    )
    with engine.connect() as connection:
        found = connection.execute(names, {"parent": table, "prefix": f"{table}_d"}).scalars()
        return sorted(_day_of(name) for name in found)


@contextmanager
def _alone(engine: Engine) -> Iterator[Connection]:
    """Give a transaction that nobody else who changes partitions runs beside, and that waits for readers only so long."""
    with engine.begin() as connection:
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
        connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_WAIT}'"))
        yield connection


def _make_day(connection: Connection, table: str, day_ms: int) -> None:
    """Make a day beside the table, then attach it: made in its place, it would wait for every reader of every day."""
    connection.execute(text(f"CREATE TABLE {_name(table, day_ms)} (LIKE {table} INCLUDING ALL)"))
    _attach(connection, table, day_ms)


def _attach(connection: Connection, table: str, day_ms: int) -> None:
    connection.execute(
        text(
            f"ALTER TABLE {table} ATTACH PARTITION {_name(table, day_ms)} "
            f"FOR VALUES FROM ({day_ms}) TO ({day_ms + DAY_MS})"
        )
    )


def _thin(engine: Engine, day_ms: int) -> None:
    """Fill a day of `THINNED`, not yet attached: in the order of its key, so a track is a few pages side by side."""
    raw, thinned = _name("positions", day_ms), _name(THINNED, day_ms)
    columns = "tenant_id, district_id, truck_id, event_time_ms, lon, lat, speed_mps, odometer_m, load_kg, cover, bed"
    minute = "tenant_id, truck_id, event_time_ms / 60000"
    with _alone(engine) as connection:
        if _exists(connection, thinned) or not _exists(connection, raw):
            return
        connection.execute(text("SET LOCAL work_mem = '64MB'"))
        connection.execute(text(f"CREATE TABLE {thinned} (LIKE {THINNED} INCLUDING ALL)"))
        connection.execute(
            text(
                f"INSERT INTO {thinned} ({columns}) SELECT DISTINCT ON ({minute}) {columns} FROM {raw} "  # noqa: S608  # names of ours
                f"WHERE fix AND lon IS NOT NULL ORDER BY {minute}, event_time_ms, fix_key"
            )
        )


def _exists(connection: Connection, name: str) -> bool:
    return connection.execute(select(func.to_regclass(name))).scalar_one() is not None


def _name(table: str, day_ms: int) -> str:
    return f"{table}_d{day_ms // DAY_MS}"


def _odd_prefix(table: str) -> str:
    return f"{table}_odd_d"


def _day_of(name: str) -> int:
    return int(name.rpartition("_d")[2]) * DAY_MS


def _check(table: str) -> None:
    if table not in PARTITIONED:
        raise ValueError(f"{table} has no partitions")
