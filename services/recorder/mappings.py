"""What becomes of a record: `MAPPINGS` is the whole list, one line a table.

A column takes the record's member of the same name; ``record`` is the record itself; what is left is said here.
"""

import base64
import hashlib
from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from services import bus
from services.newest import rank_ms, reading_rank_ms
from services.store.sink import KEEP_FIRST, KEEP_LAST, Keep, Row, Thing, Write, bytea, columns_of, writable
from streams import codec, events, topics
from streams.codec import Undecodable
from streams.topics import Topic


class Mapping(NamedTuple):
    """Records of ``topic`` become rows of ``table``. ``about`` names the asset whose district the row belongs to."""

    topic: Topic
    table: str
    keep: Keep
    rest: Callable[[Any], Row] = lambda _: {}
    about: tuple[str, str] | None = None
    or_about: tuple[str, str] | None = None
    """… where the row does not name the first."""


def _fix_key(state: events.TruckState) -> Row:
    """Contract, ``truck-states``: a duplicate has the same terminal and seq; without seq, also the same place."""
    where = str(state.seq) if state.seq is not None else f"{state.lon},{state.lat}"
    return {"fix_key": f"{state.terminal_id or ''}|{where}"}


def _last_position(state: events.TruckState) -> Row:
    good = state.fix and state.lon is not None and state.lat is not None
    return {
        "rank_ms": rank_ms(state),
        "lon": state.lon if good else None,
        "lat": state.lat if good else None,
    }


def _last_bin(reading: events.BinReading) -> Row:
    usable = reading.invalid is None and reading.fill is not None
    return {
        "rank_ms": reading_rank_ms(reading),
        "fill": reading.fill if usable else None,
        "fill_time_ms": reading.event_time_ms if usable else None,
    }


def _reading_key(reading: events.BinReading) -> Row:
    return {"reading_key": "" if reading.seq is None else str(reading.seq)}


_TRUCK: Final = ("truck", "truck_id")
_BIN: Final = ("bin", "bin_id")

MAPPINGS: Final = (
    Mapping(topics.TRUCK_STATES, "positions", KEEP_FIRST, _fix_key, _TRUCK),
    Mapping(topics.TRUCK_STATES, "last_positions", Keep("rank_ms", carry=("lon", "lat")), _last_position, _TRUCK),
    Mapping(topics.BIN_READINGS, "bin_readings", KEEP_FIRST, _reading_key, _BIN),
    Mapping(topics.BIN_READINGS, "last_bins", Keep("rank_ms", carry=("fill", "fill_time_ms")), _last_bin, _BIN),
    Mapping(topics.WEIGHINGS, "weighings", KEEP_FIRST, about=("facility", "facility_id")),
    Mapping(topics.DRIVER_ACTIONS, "driver_actions", KEEP_FIRST, about=_TRUCK),
    Mapping(topics.ALERT_ACTIONS, "alert_actions", KEEP_FIRST),
    Mapping(topics.DISPATCH_ACTIONS, "dispatch_actions", KEEP_FIRST),
    Mapping(topics.ASSETS, "assets", KEEP_LAST),
    Mapping(topics.ZONES, "zones", KEEP_LAST),
    Mapping(topics.PERMITS, "permits", KEEP_LAST),
    Mapping(topics.ORDERS, "orders", KEEP_LAST, about=("source", "source_id")),
    Mapping(topics.SHIFTS, "shifts", KEEP_LAST, about=_TRUCK),
    Mapping(topics.CALENDARS, "calendars", KEEP_LAST),
    Mapping(topics.PLANS, "plans", KEEP_FIRST, about=_TRUCK),
    Mapping(topics.PLANS, "last_plans", Keep("plan_version"), about=_TRUCK),
    Mapping(topics.PLANNING_RUNS, "planning_runs", KEEP_FIRST),
    Mapping(topics.PLANNING_RUNS, "last_runs", Keep("made_ms")),
    Mapping(topics.COLLECTIONS_DUE, "collections_due", KEEP_LAST, about=("bin", "place_id")),
    Mapping(topics.COLLECTIONS_DUE, "last_due", Keep("at_ms"), about=("bin", "place_id")),
    Mapping(topics.VISITS, "visits", KEEP_LAST, about=_TRUCK),
    Mapping(topics.TICKETS, "tickets", Keep("revision"), about=_TRUCK),
    Mapping(topics.ALERTS, "alert_revisions", KEEP_FIRST, about=_TRUCK, or_about=_BIN),
    Mapping(topics.ALERTS, "alerts", Keep("revision"), about=_TRUCK, or_about=_BIN),
)
"""Tables of one topic are written in this order."""

RECORDED: Final[tuple[Topic, ...]] = (
    *dict.fromkeys(mapping.topic for mapping in MAPPINGS),
    topics.RAW_FRAMES,
    topics.DEAD_LETTERS,
)
"""Every topic that is recorded: all but the ticks."""

STAGE: Final = "recorder"
"""What set a record aside that is on no topic of dead letters."""

BY_TOPIC: Final = {topic.name: tuple(mapping for mapping in MAPPINGS if mapping.topic is topic) for topic in RECORDED}


def _shared(mapping: Mapping) -> tuple[tuple[str, ...], Callable[[events.Event], tuple[Any, ...]]]:
    """Return the columns that are members of the record too, and how to take them all at once."""
    members = mapping.topic.record.__struct_fields__ if mapping.topic.record else ()
    names = tuple(name for name in columns_of(mapping.table) if name in members)
    return names, attrgetter(*names)


_COLUMNS: Final = {mapping.table: _shared(mapping) for mapping in MAPPINGS}


def writes_of(record: bus.Record) -> list[Write]:
    """Return the rows of one record.

    Raises
    ------
    codec.Undecodable
        If these bytes are not what the topic promises.
    """
    if record.topic == topics.RAW_FRAMES.name:
        return [Write("raw_frames", KEEP_FIRST, [_raw_frame(record)])]
    if record.topic == topics.DEAD_LETTERS.name:
        return [Write("dead_letters", KEEP_FIRST, [_dead_letter(record)])]
    event, raw = decoded(record)
    return [
        Write(mapping.table, mapping.keep, [row_of(mapping, event, raw, record.offset)])
        for mapping in BY_TOPIC[record.topic]
    ]


def decoded(record: bus.Record) -> tuple[Any, msgspec.Raw]:
    """Return what a record of a topic of the contract says, and its bytes.

    Raises
    ------
    codec.Undecodable
    """
    topic = topics.BY_NAME[record.topic]
    codec.check_schema(topic, record.headers)
    return codec.decode(topic, record.value), msgspec.Raw(record.value or b"")


def why_not(error: Exception) -> str:
    """Return why a record cannot be used: our own sentence, or, for what nobody has thought of, what it did to the code."""
    return str(error) if isinstance(error, Undecodable) else f"it cannot be read: {type(error).__name__}: {error}"


def without_district(write: Write) -> Iterator[tuple[Row, Thing]]:
    """Yield the rows that say no district, each with the asset whose district it belongs to."""
    abouts = _ABOUT.get(write.table, ())
    for row in write.rows:
        named = next(((kind, row[member]) for kind, member in abouts if row.get(member)), None)
        if row.get("district_id") is None and named is not None:
            yield row, (row["tenant_id"], *named)


def gathered(writes: Iterable[Write]) -> list[Write]:
    """Return the same rows, one write a table, in the order of `MAPPINGS`."""
    order = {mapping.table: number for number, mapping in enumerate(MAPPINGS)}
    rows: dict[str, Write] = {}
    for write in writes:
        if write.table in rows:
            rows[write.table].rows.extend(write.rows)
        else:
            rows[write.table] = write._replace(rows=list(write.rows))
    return sorted(rows.values(), key=lambda write: order.get(write.table, len(order)))


_ABOUT: Final = {
    mapping.table: tuple(about for about in (mapping.about, mapping.or_about) if about is not None)
    for mapping in MAPPINGS
}


def set_aside(record: bus.Record, reason: str) -> Write:
    """Return the dead letter of a record that cannot be recorded; its id follows from where it stood, and its bytes.

    Nothing in it can be refused, whatever the record is: bytes stand as bytes, and texts are `writable`.
    """
    row = {
        "tenant_id": events.DEFAULT_TENANT,
        "letter_id": events.derived_id(record.topic, record.partition, record.offset, STAGE, _digest(record)),
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "stage": STAGE,
        "reason": writable(reason),
        "key": None if record.key is None else bytea(record.key),
        "value": bytea(record.value or b""),
        "headers": _headers(record.headers, codec.ORIGINAL_HEADER),
        "at_ms": record.timestamp_ms,
    }
    return Write("dead_letters", KEEP_FIRST, [row])


def row_of(mapping: Mapping, event: events.Event, raw: msgspec.Raw, offset: int) -> Row:
    """Return the row a record makes in one table; raises `codec.Undecodable` for bytes no column can hold."""
    names, members_of = _COLUMNS[mapping.table]
    row: Row = dict(zip(names, members_of(event), strict=True))
    row["record"] = raw
    if mapping.table == "positions":
        row["rest"] = _rest(event, raw)
        row["arrival"] = offset
    row.update(mapping.rest(event))
    return row


def _rest(event: events.Event, raw: msgspec.Raw) -> Row | None:
    """Return the members of a record that no column holds; those that ingest wrote have none."""
    if codec.encode(event) == bytes(raw):
        return None
    try:
        given: Row = msgspec.json.decode(raw)
    except UnicodeDecodeError as error:  # in a member no struct has, so nothing has read it before
        raise Undecodable(f"not UTF-8: {error}") from error
    except (msgspec.MsgspecError, RecursionError) as error:  # nor its numbers: 1e999, five thousand digits
        raise Undecodable(f"a member this program does not know cannot be kept: {error}") from error
    return {name: member for name, member in given.items() if name not in event.__struct_fields__} or None


def _headers(headers: dict[str, bytes], prefix: str = "") -> dict[str, str]:
    return {writable(prefix + name): base64.b64encode(value).decode() for name, value in headers.items()}


def _digest(record: bus.Record) -> str:
    """Tell records apart that stood at the same place of two topics of one name."""
    return hashlib.sha256(b"\0".join((record.key or b"", record.value or b""))).hexdigest()[:16]


def _raw_frame(record: bus.Record) -> Row:
    return {
        "tenant_id": _header(record, "tenant_id") or events.DEFAULT_TENANT,
        "device_id": (record.key or b"").decode(errors="replace"),
        "received_time_ms": _whole_number(_header(record, "received_time_ms")) or record.timestamp_ms,
        "partition": record.partition,
        "offset": record.offset,
        "protocol": _header(record, "protocol"),
        "session": _header(record, "session"),
        "bytes": bytea(record.value or b""),
    }


def _dead_letter(record: bus.Record) -> Row:
    return {
        "tenant_id": _header(record, "tenant_id") or events.DEFAULT_TENANT,
        "letter_id": _letter_id(record),
        "topic": writable(_header(record, "topic") or ""),
        "partition": _whole_number(_header(record, "partition")),
        "offset": _whole_number(_header(record, "offset")),
        "stage": writable(_header(record, "stage") or ""),
        "reason": writable(_header(record, "reason") or ""),
        "key": None if record.key is None else bytea(record.key),
        "value": bytea(record.value or b""),
        "headers": _headers(record.headers),
        "at_ms": record.timestamp_ms,
    }


def _letter_id(record: bus.Record) -> str:
    """Id of what was set aside: a worker that reads it again after a crash sets it aside again, and it stays one.

    The bytes are part of it: at the same place of a topic that was made anew stands another record.
    """
    origin = [_header(record, name) for name in ("topic", "partition", "offset", "stage")]
    place = origin if all(origin) else (record.topic, record.partition, record.offset)
    return events.derived_id("dead-letter", *place, _digest(record))


def _header(record: bus.Record, name: str) -> str | None:
    value = record.headers.get(name)
    return value.decode(errors="replace") if value else None


def _whole_number(value: str | None) -> int | None:
    """Return the number a header says; None = none, or one with more digits than any of ours."""
    is_one = value is not None and value.isascii() and value.isdigit() and len(value) <= _MOST_DIGITS
    return int(value) if is_one and value is not None else None


_MOST_DIGITS: Final = 18
"""… of a number that any column can hold."""
