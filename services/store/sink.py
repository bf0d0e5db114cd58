"""Kafka's records into the tables: rows and the offset after them in one transaction, so each is there exactly once.

The offset moves by compare-and-set. A recorder that was paused, cut off or replaced finds the offset moved by another
and gets `OffsetConflictError`: nothing of its transaction remains.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast

import msgspec
import psycopg
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Connection,
    Dialect,
    Engine,
    Integer,
    MetaData,
    Table,
    Text,
    bindparam,
    delete,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import JSONB, distinct_on, insert
from sqlalchemy.exc import DBAPIError

from services.store.engine import RefusedValueError, understood
from services.store.schema import assets, evidence_offsets, metadata, sink_offsets, sink_topics

_ROWS_AT_ONCE: Final = 250
"""Rows handed to COPY together: few enough that the database reads while the next are written."""
_encoder: Final = msgspec.json.Encoder()
_DIALECT: Final = cast("Dialect", postgresql.dialect())  # type: ignore[no-untyped-call]  # SQLAlchemy leaves it untyped

Partition = tuple[str, int]
Row = dict[str, Any]


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


RECORDER: Final = sink_offsets.name
"""The table of the recorder's offsets. Another program that keeps what it reads has one of its own."""


def offsets(engine: Engine, partitions: Sequence[Partition], *, of: str = RECORDER) -> dict[Partition, int]:
    """Return where the tables stand; a partition not seen before is entered with 0. ``of``: the table of offsets."""
    rows = [{"topic": topic, "partition": number, "next": 0} for topic, number in sorted(partitions)]
    if not rows:
        return {}
    with engine.begin() as connection:
        connection.execute(insert(metadata.tables[of]).on_conflict_do_nothing(), rows)
        return _offsets(connection, partitions, metadata.tables[of])


def known_offsets(engine: Engine, partitions: Sequence[Partition]) -> dict[Partition, int]:
    """Return where the tables stand, of those partitions that have been seen."""
    with engine.connect() as connection:
        return _offsets(connection, partitions, sink_offsets)


def _offsets(connection: Connection, partitions: Sequence[Partition], table: Table) -> dict[Partition, int]:
    wanted = tuple_(table.c.topic, table.c.partition).in_(list(partitions))
    found = connection.execute(select(table).where(wanted))
    return {(row.topic, row.partition): row.next for row in found}


def strangers(engine: Engine, topic_ids: Mapping[str, str]) -> list[str]:
    """Return the topics whose offsets in the tables belong to another topic of the same name; remember the new ones."""
    if not topic_ids:
        return []
    rows = [{"topic": topic, "topic_id": topic_id} for topic, topic_id in sorted(topic_ids.items())]
    with engine.begin() as connection:
        connection.execute(insert(sink_topics).on_conflict_do_nothing(), rows)
        known = {row.topic: row.topic_id for row in connection.execute(select(sink_topics))}
        return [topic for topic, topic_id in sorted(topic_ids.items()) if known[topic] != topic_id]


def read_anew(engine: Engine, topic: str) -> bool:
    """Let recorder and evidence read a topic from its beginning, whichever it is; what is kept stays. False = unknown."""
    with engine.begin() as connection:
        connection.execute(delete(sink_topics).where(sink_topics.c.topic == topic))
        moved = connection.execute(update(sink_offsets).where(sink_offsets.c.topic == topic).values(next=0))
        connection.execute(update(evidence_offsets).where(evidence_offsets.c.topic == topic).values(next=0))
        return moved.rowcount > 0


def take(engine: Engine, slices: Sequence[Slice], writes: Iterable[Write], *, of: str = RECORDER) -> None:
    """Write the rows and move the offsets (in the table ``of``), or do nothing.

    Raises
    ------
    OffsetConflictError
        If an offset is not where its slice begins.
    engine.Away
        If the database cannot be reached now. Whether the transaction is kept may be unknown; asked again with the
        same slices, a kept one shows as `OffsetConflictError`.
    engine.RefusedValueError
        If the database does not accept a value, or it cannot even be written down.
    """
    try:
        with _transaction(engine) as connection:
            _advance(connection, slices, metadata.tables[of])
            for write in writes:
                _write(connection, write)
    except _OF_A_RECORD as error:
        raise RefusedValueError(_not_written(error)) from error


class Recorded(NamedTuple):
    """One record's rows, and the row that stands for it if the database refuses them."""

    writes: Sequence[Write]
    aside: Write


def take_what_it_takes(
    engine: Engine,
    slices: Sequence[Slice],
    records: Sequence[Recorded],
    gathered: Callable[[Iterable[Write]], list[Write]],
    check: Callable[[list[Write]], None] = lambda _: None,
) -> list[Write]:
    """Like `take`, but where a record's rows cannot be written, what stands for it is written instead.

    The refused are found by halving: the others are written together, in their order. Returns what stands for the
    refused, in order, with the reason in its column ``reason``.

    Parameters
    ----------
    check
        Called with that before anything is kept; what it raises undoes all of it.
    """
    with _transaction(engine) as connection:
        _advance(connection, slices, sink_offsets)
        aside = _write_halves(connection, records, gathered)
        check(aside)
        return aside


def _write_halves(
    connection: Connection, records: Sequence[Recorded], gathered: Callable[[Iterable[Write]], list[Write]]
) -> list[Write]:
    try:
        with connection.begin_nested():
            for write in gathered(write for record in records for write in record.writes):
                _write(connection, write)
                _clear_beside(connection, write.table)
    except (DBAPIError, psycopg.Error) as error:
        refused = understood(error)
        if not isinstance(refused, RefusedValueError):
            raise
    except _OF_A_RECORD as error:
        refused = RefusedValueError(_not_written(error))
    else:
        return []
    if len(records) > 1:
        half = len(records) // 2
        return [
            *_write_halves(connection, records[:half], gathered),
            *_write_halves(connection, records[half:], gathered),
        ]
    aside = records[0].aside
    aside = aside._replace(rows=[row | {"reason": writable(str(refused))} for row in aside.rows])
    _write(connection, aside)
    _clear_beside(connection, aside.table)
    return [aside]


_OF_A_RECORD: Final = (ValueError, TypeError, ArithmeticError, LookupError, RecursionError)
"""What a value does to the program on its way to the database, where it is none that can be written."""


def _not_written(error: Exception) -> str:
    return f"it cannot be written: {type(error).__name__}: {error}"


@contextmanager
def _transaction(engine: Engine) -> Iterator[Connection]:
    try:
        with engine.begin() as connection:
            yield connection
    except (DBAPIError, psycopg.Error) as error:
        meaning = understood(error)
        if meaning is error:
            raise
        raise meaning from error


def _advance(connection: Connection, slices: Sequence[Slice], table: Table) -> None:
    topics, numbers, firsts, afters = zip(*((*s.partition, s.first, s.after) for s in slices), strict=True)
    moved = (
        func.unnest(
            bindparam("topics", list(topics), ARRAY(Text)),
            bindparam("numbers", list(numbers), ARRAY(Integer)),
            bindparam("firsts", list(firsts), ARRAY(BigInteger)),
            bindparam("afters", list(afters), ARRAY(BigInteger)),
        )
        .table_valued("topic", "partition", "first", "after")
        .render_derived(name="moved")
    )
    statement = (
        update(table)
        .where(
            table.c.topic == moved.c.topic,
            table.c.partition == moved.c.partition,
            table.c.next == moved.c.first,
        )
        .values(next=moved.c.after)
    )
    if connection.execute(statement).rowcount != len(slices):
        raise OffsetConflictError


def _write(connection: Connection, write: Write) -> None:
    """Copy the rows beside the table, then take over those that are to stay: COPY itself knows no conflicts."""
    table = metadata.tables[write.table]
    rows = _one_a_key(table, write)
    if not rows:
        return
    with _cursor(connection) as cursor:
        cursor.execute(_beside(write.table))
        with cursor.copy(_copy(write.table)) as copy:
            for start in range(0, len(rows), _ROWS_AT_ONCE):  # the database reads while we write on
                copy.write(_csv(table, rows[start : start + _ROWS_AT_ONCE]))
        cursor.execute(_take_over(write.table, write.keep))


def _clear_beside(connection: Connection, table: str) -> None:
    with _cursor(connection) as cursor:
        cursor.execute(_clear(table))


def _cursor(connection: Connection) -> "psycopg.Cursor[Any]":
    return psycopg.Cursor(cast("psycopg.Connection[Any]", connection.connection.driver_connection))


@cache
def _beside(table: str) -> str:
    """Return how the table beside is made: once a connection, emptied at the end of each transaction."""
    return f"CREATE TEMP TABLE IF NOT EXISTS given_{table} (LIKE {table}) ON COMMIT DELETE ROWS"


@cache
def _clear(table: str) -> str:
    return f"DELETE FROM given_{table}"  # noqa: S608  # a name of ours


@cache
def _copy(table: str) -> str:
    columns = ", ".join(f'"{name}"' for name in columns_of(table))
    return f"COPY given_{table} ({columns}) FROM STDIN (FORMAT csv)"


@cache
def _take_over(name: str, keep: Keep) -> str:
    table = metadata.tables[name]
    given = Table(f"given_{name}", MetaData(), *(Column(c.name, c.type) for c in table.columns))
    statement: Any = insert(table).from_select(list(columns_of(name)), select(given))
    if keep == KEEP_FIRST:
        statement = statement.on_conflict_do_nothing()
    else:
        key = [c.name for c in table.primary_key.columns]
        new = statement.excluded
        changes = {
            c.name: func.coalesce(new[c.name], c) if c.name in keep.carry else new[c.name]
            for c in table.columns
            if c.name not in key
        }
        newer = new[keep.by] >= table.c[keep.by] if keep.by else None
        statement = statement.on_conflict_do_update(index_elements=key, set_=changes, where=newer)
    return str(statement.compile(dialect=_DIALECT))


def _csv(table: Table, rows: Sequence[Row]) -> bytes:
    """Return the rows as COPY reads them; null is nothing between two commas, all else is quoted.

    Bytes that are not UTF-8 stay what they are: the database refuses them with a sentence.
    """
    blank, values_of, json_at = _shape(table.name)
    out = io.StringIO()
    csv.writer(out, quoting=csv.QUOTE_NOTNULL, lineterminator="\n").writerows(
        _with_json(values_of(blank | row), json_at) for row in rows
    )
    return out.getvalue().encode("utf-8", "surrogateescape")


@cache
def _shape(table: str) -> tuple[Row, Callable[[Row], tuple[Any, ...]], tuple[int, ...]]:
    """Return an empty row, how to take a row's values in the columns' order, and which of them are JSON."""
    columns = metadata.tables[table].columns
    json_at = tuple(at for at, column in enumerate(columns) if isinstance(column.type, JSONB))
    return dict.fromkeys(columns.keys()), itemgetter(*columns.keys()), json_at


def _with_json(values: tuple[Any, ...], json_at: tuple[int, ...]) -> list[Any]:
    written = list(values)
    for at in json_at:
        if written[at] is not None:
            written[at] = _json(written[at])
    return written


def _json(value: Any) -> str:
    written = bytes(value) if isinstance(value, msgspec.Raw) else _encoder.encode(value)
    return written.decode("utf-8", "surrogateescape")


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


def bytea(value: bytes) -> str:
    """Return bytes as PostgreSQL reads them from text."""
    return "\\x" + value.hex()


def writable(text: str) -> str:
    """Return a text as PostgreSQL can hold it: NUL and what is no character are written out, backslash and hex."""
    return text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()


# --------------------------------------------------------------------------------------------- districts

Thing = tuple[str, str, str]
"""Tenant, kind and id of an asset."""


def districts(engine: Engine, things: Sequence[Thing]) -> Mapping[Thing, str | None]:
    """Return the district of each asset that is known, by its newest version.

    An id that the database cannot even be asked for (one with a NUL) is not known; the others are.
    """
    if not things:
        return {}
    try:
        return _districts(engine, things)
    except (DBAPIError, psycopg.Error) as error:
        if not isinstance(understood(error), RefusedValueError):
            raise
    half = len(things) // 2
    return {**districts(engine, things[:half]), **districts(engine, things[half:])} if half else {}


def _districts(engine: Engine, things: Sequence[Thing]) -> dict[Thing, str | None]:
    wanted = tuple_(assets.c.tenant_id, assets.c.kind, assets.c.id).in_(list(things))
    newest = (
        select(assets.c.tenant_id, assets.c.kind, assets.c.id, assets.c.district_id)
        .ext(distinct_on(assets.c.tenant_id, assets.c.kind, assets.c.id))
        .where(wanted)
        .order_by(assets.c.tenant_id, assets.c.kind, assets.c.id, assets.c.version.desc())
    )
    with engine.connect() as connection:
        return {(row.tenant_id, row.kind, row.id): row.district_id for row in connection.execute(newest)}
