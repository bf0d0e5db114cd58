"""Kafka's records into the tables: rows and the offset after them in one transaction, so each is there exactly once.

The offset moves by compare-and-set. A recorder that was paused, cut off or replaced finds the offset moved by another
and gets `OffsetConflictError`: nothing of its transaction remains.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Integer,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.exc import DatabaseError, DBAPIError

from services.store.engine import Away
from services.store.schema import PARTITIONED, assets, metadata, sink_offsets
from streams.units import DAY_MS

Partition = tuple[str, int]
Row = dict[str, Any]

_PARTITION_LOCK: Final = 0x51_59_50_41_52
"""Number of the advisory lock under which day partitions are made ("QYPAR")."""


class OffsetConflictError(Exception):
    """Another recorder took these records into the tables, or is about to."""


class Keep(NamedTuple):
    """What stays where a row with the same key is there already.

    ``by`` empty and ``last`` false: the first. ``last``: the later on its topic. ``by``: the one with the larger
    value there (the later, if equal). Columns in ``carry`` keep their old value where the new one is null.
    """

    by: str = ""
    last: bool = False
    carry: tuple[str, ...] = ()


KEEP_FIRST: Final = Keep()
KEEP_LAST: Final = Keep(last=True)


class Slice(NamedTuple):
    """Records of one partition: the table's offset goes from ``first`` to ``after`` if all of it is written."""

    partition: Partition
    first: int
    after: int


class Write(NamedTuple):
    """Rows for one table, in the order of their records."""

    table: str
    keep: Keep
    rows: list[Row]


def columns_of(table: str) -> tuple[str, ...]:
    """Return the names of a table's columns."""
    return tuple(metadata.tables[table].columns.keys())


def offsets(engine: Engine, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """Return where the tables stand; a partition not seen before is entered with 0."""
    rows = [{"topic": topic, "partition": number, "next": 0} for topic, number in sorted(partitions)]
    if not rows:
        return {}
    wanted = tuple_(sink_offsets.c.topic, sink_offsets.c.partition).in_(list(partitions))
    with engine.begin() as connection:
        connection.execute(insert(sink_offsets).on_conflict_do_nothing(), rows)
        found = connection.execute(select(sink_offsets).where(wanted))
        return {(row.topic, row.partition): row.next for row in found}


def take(engine: Engine, slices: Sequence[Slice], writes: Iterable[Write]) -> None:
    """Write the rows and move the offsets, or do nothing.

    Raises
    ------
    OffsetConflictError
        If an offset is not where its slice begins.
    engine.Away
        If the database cannot be reached now. Whether the transaction is kept may be unknown; asked again with the
        same slices, a kept one shows as `OffsetConflictError`.
    engine.Refused
        If the database does not accept a value.
    """
    with engine.begin() as connection:
        _advance(connection, slices)
        for write in writes:
            _write(connection, write)


def take_one_by_one(
    engine: Engine, slices: Sequence[Slice], records: Iterable[tuple[Sequence[Write], Write]]
) -> list[str]:
    """Like `take`, but record by record: where the database refuses a record's rows, its substitute is written instead.

    Returns the reasons of the refusals, in order.
    """
    refusals: list[str] = []
    with engine.begin() as connection:
        _advance(connection, slices)
        for writes, substitute in records:
            try:
                with connection.begin_nested():
                    for write in writes:
                        _write(connection, write)
            except Away:
                raise
            except DatabaseError as error:
                reason = _first_line(error)
                refusals.append(reason)
                _write(connection, substitute._replace(rows=[row | {"reason": reason} for row in substitute.rows]))
    return refusals


def _first_line(error: DBAPIError) -> str:
    return f"the database refuses it: {str(error.orig).splitlines()[0]}"


def _advance(connection: Connection, slices: Sequence[Slice]) -> None:
    moves = [{"topic": s.partition[0], "partition": s.partition[1], "first": s.first, "after": s.after} for s in slices]
    moved = _recordset(
        [column("topic", Text), column("partition", Integer), column("first", BigInteger), column("after", BigInteger)]
    )
    statement = (
        update(sink_offsets)
        .where(
            sink_offsets.c.topic == moved.c.topic,
            sink_offsets.c.partition == moved.c.partition,
            sink_offsets.c.next == moved.c.first,
        )
        .values(next=moved.c.after)
    )
    if connection.execute(statement, {"rows": _json(moves)}).rowcount != len(slices):
        raise OffsetConflictError


def _write(connection: Connection, write: Write) -> None:
    table = metadata.tables[write.table]
    rows = _one_a_key(table, write)
    if not rows:
        return
    given = _recordset([column(c.name, c.type) for c in table.columns])
    statement: Any = insert(table).from_select(list(table.columns.keys()), select(given))
    if write.keep == KEEP_FIRST:
        statement = statement.on_conflict_do_nothing()
    else:
        key = [c.name for c in table.primary_key.columns]
        new = statement.excluded
        changes = {
            c.name: func.coalesce(new[c.name], c) if c.name in write.keep.carry else new[c.name]
            for c in table.columns
            if c.name not in key
        }
        newer = new[write.keep.by] >= table.c[write.keep.by] if write.keep.by else None
        statement = statement.on_conflict_do_update(index_elements=key, set_=changes, where=newer)
    connection.execute(statement, {"rows": _json(rows)})


def _one_a_key(table: Table, write: Write) -> list[Row]:
    """Fold rows of one key as the statement would, and order them by key: two writers lock in the same order."""
    names = [c.name for c in table.primary_key.columns]
    kept: dict[tuple[Any, ...], Row] = {}
    for row in write.rows:
        key = tuple(row[name] for name in names)
        kept[key] = _fold(kept[key], row, write.keep) if key in kept else row
    return [kept[key] for key in sorted(kept)]


def _fold(old: Row, new: Row, keep: Keep) -> Row:
    if keep == KEEP_FIRST or (keep.by and new[keep.by] < old[keep.by]):
        return old
    return new | {name: old[name] for name in keep.carry if new[name] is None}


def _recordset(columns: Sequence[Any]) -> Any:
    """Return the parameter ``rows`` (a JSON list of objects) as a table: one statement, whatever the number of rows."""
    rows = cast(bindparam("rows", type_=Text), JSONB)
    return func.jsonb_to_recordset(rows).table_valued(*columns).render_derived(name="given", with_types=True)


def _json(rows: Sequence[Row]) -> str:
    return msgspec.json.encode(rows).decode()


def bytea(value: bytes) -> str:
    """Return bytes as PostgreSQL reads them from text."""
    return "\\x" + value.hex()


# --------------------------------------------------------------------------------------------- one partition a day


def make_partitions(engine: Engine, table: str, times_ms: Iterable[int]) -> set[int]:
    """Make the day partitions these times fall into, as far as they are missing; return the first ms of each day.

    Where the rest partition holds rows of that day already (clocks far ahead), the day stays there.
    """
    days = {time_ms - time_ms % DAY_MS for time_ms in times_ms}
    for day_ms in sorted(days):
        _make_partition(engine, table, day_ms)
    return days


def _make_partition(engine: Engine, table: str, day_ms: int) -> None:
    if table not in PARTITIONED:
        raise ValueError(f"{table} has no partitions")
    name = f"{table}_d{day_ms // DAY_MS}"
    make = text(
        f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {table} FOR VALUES FROM ({day_ms}) TO ({day_ms + DAY_MS})"
    )
    try:
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(_PARTITION_LOCK)))
            connection.execute(make)
    except Away:
        raise
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _CHECK_VIOLATION:
            raise


_CHECK_VIOLATION: Final = "23514"
"""SQLSTATE: the rest partition holds rows of that day."""

# --------------------------------------------------------------------------------------------- districts

Thing = tuple[str, str, str]
"""Tenant, kind and id of an asset."""


def districts(engine: Engine, things: Sequence[Thing]) -> Mapping[Thing, str | None]:
    """Return the district of each asset that is known, by its newest version."""
    if not things:
        return {}
    wanted = tuple_(assets.c.tenant_id, assets.c.kind, assets.c.id).in_(list(things))
    newest = (
        select(assets.c.tenant_id, assets.c.kind, assets.c.id, assets.c.district_id)
        .distinct(assets.c.tenant_id, assets.c.kind, assets.c.id)
        .where(wanted)
        .order_by(assets.c.tenant_id, assets.c.kind, assets.c.id, assets.c.version.desc())
    )
    with engine.connect() as connection:
        return {(row.tenant_id, row.kind, row.id): row.district_id for row in connection.execute(newest)}
