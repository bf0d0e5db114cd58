"""What the recorder kept of a span of time, topic by topic, in merge order: the recorded day of the contract.

What was measured is asked for by time of arrival, a slice at a time where there is much of it; what exists, whole.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Engine, Select, Table, Text, and_, case, cast, func, or_, select

from services.store import schema
from streams import codec, events, topics
from streams.topics import Topic
from streams.units import MINUTE_MS

_SLICE_MS: Final = 10 * MINUTE_MS
"""Of positions and bin readings: 60,000 fixes of a city with a report every 5 s from each of 500 trucks."""
_ROWS: Final = 2_000
"""Rows held at once of what is not sliced."""


class _Kept(NamedTuple):
    """How a topic is kept. Its merge time is ``arrived``, else ``happened``; ``arrived`` None = it is always ``happened``.

    ``sliced``: it is much.
    """

    topic: Topic
    table: Table
    arrived: Any
    happened: Any
    order: tuple[Any, ...] = ()
    sliced: bool = False


def _arrived(topic: Topic, table: Table) -> Any:
    """Return when a record came, if that counts for records of its kind: to others it is a member nobody knows."""
    if topic.record is None or "received_time_ms" not in topic.record.__struct_fields__:
        return None
    if "received_time_ms" in table.c:
        return table.c.received_time_ms
    said = table.c.record["received_time_ms"].astext
    # thirty digits of an old record are no time, and one such record must not end every export
    return case((said.regexp_match("^-?[0-9]{1,18}$"), cast(said, BigInteger)))


def _of(topic: Topic, table: Table, time: str) -> _Kept:
    return _Kept(topic, table, _arrived(topic, table), table.c[time], tuple(table.primary_key))


_p: Final = schema.positions.c
_b: Final = schema.bin_readings.c
_KEPT: Final = (
    *(
        _of(topic, table, "valid_from_ms")
        for topic, table in (
            (topics.ASSETS, schema.assets),
            (topics.ZONES, schema.zones),
            (topics.PERMITS, schema.permits),
            (topics.CALENDARS, schema.calendars),
            (topics.SHIFTS, schema.shifts),
            (topics.ORDERS, schema.orders),
        )
    ),
    _of(topics.PLANS, schema.plans, "made_ms"),
    _Kept(
        topics.TRUCK_STATES,
        schema.positions,
        _p.received_time_ms,
        _p.event_time_ms,
        (_p.arrival, _p.event_time_ms, _p.seq, _p.truck_id, _p.fix_key),
        sliced=True,
    ),
    _of(topics.DRIVER_ACTIONS, schema.driver_actions, "event_time_ms"),
    _of(topics.WEIGHINGS, schema.weighings, "event_time_ms"),
    _Kept(
        topics.BIN_READINGS,
        schema.bin_readings,
        _b.received_time_ms,
        _b.event_time_ms,
        (_b.event_time_ms, _b.bin_id, _b.reading_key),
        sliced=True,
    ),
    _of(topics.ALERT_ACTIONS, schema.alert_actions, "at_ms"),
    _of(topics.DISPATCH_ACTIONS, schema.dispatch_actions, "at_ms"),
    _of(topics.PLANNING_RUNS, schema.planning_runs, "made_ms"),
    _of(topics.COLLECTIONS_DUE, schema.collections_due, "at_ms"),
    _of(topics.VISITS, schema.visits, "arrive_ms"),
    _of(topics.ALERTS, schema.alert_revisions, "emitted_ms"),
)
EXPORTED: Final = tuple(kept.topic for kept in _KEPT)
"""Topics that are written. Raw frames and dead letters are no JSON; of tickets and visits the tables hold the newest only."""
_BY_TOPIC: Final = {kept.topic.name: kept for kept in _KEPT}


def values(
    engine: Engine,
    tenant_id: str,
    topic: Topic,
    from_ms: int,
    to_ms: int,
    *,
    on_slice: Callable[[int], None] = lambda _: None,
    aside: Callable[[str, str], None],
) -> Iterator[bytes]:
    """Yield the records of a tenant with a merge time in [from, to), or of what exists with one before ``to``.

    Each is a value as it was on its topic: the same members with the same values, in merge order; fixes of one moment as
    they came (those recorded before that was kept: by event time and serial number). A few thousand are held at once.

    Parameters
    ----------
    on_slice
        Called with the time up to which everything was yielded, now and then.
    aside
        Called with the key and the reason of a record that cannot be written; the others are.
    """
    kept = _BY_TOPIC[topic.name]
    if kept.sliced:
        for begin_ms in range(from_ms, to_ms, _SLICE_MS):
            end_ms = min(begin_ms + _SLICE_MS, to_ms)
            yield from _slice(engine, tenant_id, kept, begin_ms, end_ms, aside)
            on_slice(end_ms)
    else:
        yield from _slice(engine, tenant_id, kept, None if topic in topics.REFERENCE else from_ms, to_ms, aside)
        on_slice(to_ms)


def _slice(  # noqa: PLR0917  # as `values`
    engine: Engine, tenant_id: str, kept: _Kept, from_ms: int | None, to_ms: int, aside: Callable[[str, str], None]
) -> Iterator[bytes]:
    is_position = kept.table is schema.positions
    with engine.connect().execution_options(stream_results=True, yield_per=_ROWS) as connection:
        for row in connection.execute(_query(tenant_id, kept, from_ms, to_ms)):
            said = row._mapping  # noqa: SLF001  # its public name
            try:
                value = fix_value(said) if is_position else _compact(said["text"])
            except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
                key = " ".join(f"{c.name}={said[c.name]}" for c in kept.table.primary_key)
                aside(f"{kept.topic.name} {key}", f"it cannot be written: {error}")
            else:
                yield value


def _query(tenant_id: str, kept: _Kept, from_ms: int | None, to_ms: int) -> Select[Any]:
    """Ask for a span in merge order, in conditions an index can answer: none can answer one on the merge time itself."""
    table, arrived, happened = kept.table, kept.arrived, kept.happened
    merge_ms = happened if arrived is None else func.coalesce(arrived, happened)
    key = tuple(table.primary_key)
    what = list(table.c) if table is schema.positions else [cast(table.c.record, Text).label("text"), *key]
    query = select(*what).where(table.c.tenant_id == tenant_id).order_by(merge_ms, *kept.order)
    if from_ms is None:
        return query.where(merge_ms < to_ms)
    if arrived is None:
        return query.where(happened >= from_ms, happened < to_ms)
    return query.where(
        or_(
            and_(arrived >= from_ms, arrived < to_ms),
            and_(arrived.is_(None), happened >= from_ms, happened < to_ms),
        )
    )


_FIX_MEMBERS: Final = tuple(name for name in events.TruckState.__struct_fields__ if name in schema.positions.c)


def fix_value(row: Any) -> bytes:
    """Put a fix together again from its columns, as it was on its topic."""
    fix = msgspec.convert({name: row[name] for name in _FIX_MEMBERS}, events.TruckState)
    if row["rest"] is None:
        return codec.encode(fix)
    return msgspec.json.encode(msgspec.json.decode(codec.encode(fix)) | row["rest"])


def _compact(text: str) -> bytes:
    """Write a record without the spaces PostgreSQL puts between its members."""
    return msgspec.json.encode(msgspec.json.decode(text))


def time_zone(engine: Engine, tenant_id: str) -> str | None:
    """Return the zone most assets of a tenant name; None = none does."""
    named = schema.assets.c.record["time_zone"].astext
    query = select(named).where(schema.assets.c.tenant_id == tenant_id, named.is_not(None))
    with engine.connect() as connection:
        found = Counter(connection.execute(query).scalars())
    return min(found, key=lambda zone: (-found[zone], zone), default=None)
