"""What the recorder kept of a span of time, topic by topic, in merge order: the recorded day of the contract.

What was measured is asked for by time of arrival, a slice at a time where there is much of it; what exists, whole.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import BigInteger, Engine, Table, Text, and_, cast, func, or_, select

from services.store import schema
from streams import codec, events, topics
from streams.topics import Topic
from streams.units import MINUTE_MS

_SLICE_MS: Final = 10 * MINUTE_MS
"""Of positions and bin readings: 60,000 fixes of a city with a report every 5 s from each of 500 trucks."""
_ROWS: Final = 2_000
"""Rows held at once of what is not sliced."""


class _Kept(NamedTuple):
    """How a topic is kept. Its merge time is ``arrived``, else ``happened``; ``sliced``: by both columns, and it is much."""

    topic: Topic
    table: Table
    arrived: Any
    happened: Any
    order: tuple[Any, ...] = ()
    sliced: bool = False


def _arrived(table: Table) -> Any:
    return cast(table.c.record["received_time_ms"].astext, BigInteger)


def _of(topic: Topic, table: Table, time: str, *, arrived: Any = None) -> _Kept:
    return _Kept(topic, table, _arrived(table) if arrived is None else arrived, table.c[time], tuple(table.primary_key))


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
        (_p.event_time_ms, _p.seq, _p.truck_id, _p.fix_key),
        sliced=True,
    ),
    _of(
        topics.DRIVER_ACTIONS, schema.driver_actions, "event_time_ms", arrived=schema.driver_actions.c.received_time_ms
    ),
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
) -> Iterator[bytes]:
    """Yield the records of a tenant with a merge time in [from, to), or of what exists with one before ``to``.

    Each is a value as it was on its topic: the same members with the same values, in merge order; those of one moment by
    event time and serial number. A few thousand are held at once.

    Parameters
    ----------
    on_slice
        Called with the time up to which everything was yielded, now and then.
    """
    kept = _BY_TOPIC[topic.name]
    if kept.sliced:
        for begin_ms in range(from_ms, to_ms, _SLICE_MS):
            end_ms = min(begin_ms + _SLICE_MS, to_ms)
            yield from _slice(engine, tenant_id, kept, begin_ms, end_ms)
            on_slice(end_ms)
    else:
        yield from _slice(engine, tenant_id, kept, None if topic in topics.REFERENCE else from_ms, to_ms)
        on_slice(to_ms)


def _slice(engine: Engine, tenant_id: str, kept: _Kept, from_ms: int | None, to_ms: int) -> Iterator[bytes]:
    table = kept.table
    merge_ms = func.coalesce(kept.arrived, kept.happened)
    is_position = table is schema.positions
    what = list(table.c) if is_position else [cast(table.c.record, Text)]
    query = select(*what).where(table.c.tenant_id == tenant_id).order_by(merge_ms, *kept.order)
    if kept.sliced:  # two conditions an index each can answer, not one that none can
        query = query.where(
            or_(
                and_(kept.arrived >= from_ms, kept.arrived < to_ms),
                and_(kept.arrived.is_(None), kept.happened >= from_ms, kept.happened < to_ms),
            )
        )
    else:
        query = query.where(merge_ms < to_ms)
        query = query if from_ms is None else query.where(merge_ms >= from_ms)
    with engine.connect().execution_options(stream_results=True, yield_per=_ROWS) as connection:
        for row in connection.execute(query):
            yield _position(row._mapping) if is_position else _compact(row[0])  # noqa: SLF001  # its public name


_FIX_MEMBERS: Final = tuple(name for name in events.TruckState.__struct_fields__ if name in schema.positions.c)


def _position(row: Any) -> bytes:
    """Put a fix together again from its columns."""
    fix = msgspec.convert({name: row[name] for name in _FIX_MEMBERS}, events.TruckState)
    if row["rest"] is None:
        return codec.encode(fix)
    return msgspec.json.encode(msgspec.json.decode(codec.encode(fix)) | row["rest"])


def _compact(text: str) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(text))


def time_zone(engine: Engine, tenant_id: str) -> str | None:
    """Return the zone most assets of a tenant name; None = none does."""
    named = schema.assets.c.record["time_zone"].astext
    query = select(named).where(schema.assets.c.tenant_id == tenant_id, named.is_not(None))
    with engine.connect() as connection:
        found = Counter(connection.execute(query).scalars())
    return min(found, key=lambda zone: (-found[zone], zone), default=None)
