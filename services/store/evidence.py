"""Evidence in the tables: what is wanted, what the tables hold of an alert's time, versions that are only ever added.

A version is added in one transaction with the word that it is no longer wanted, by compare-and-set: a program that was
killed, or one that works beside another, neither doubles nor loses one. Entries of a tenant are sealed one behind the other.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Select,
    Text,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import distinct_on, insert

from services import seal
from services.seal import Link, Sealed
from services.store import days, schema, sink
from streams import events
from streams.units import MINUTE_MS

OFFSETS: Final = schema.evidence_offsets.name
WANTED: Final = schema.evidence_wanted.name
_CHAIN_LOCK: Final = 0x51_59_45_56_49
"""Number of the advisory lock under which an entry is sealed behind the newest one ("QYEVI")."""
_ENTRIES_AT_ONCE: Final = 20
"""Of a whole chain; a document may have a megabyte."""

KEEP_NEWEST: Final = sink.Keep("alert_revision")


class Wanted(NamedTuple):
    """An alert whose evidence is to be made, or looked at again."""

    tenant_id: str
    district_id: str | None
    evidence_id: str
    alert_id: str
    alert_revision: int
    due_ms: int
    record: dict[str, Any]
    """The revision as it stood on ``alerts``."""


class Version(NamedTuple):
    """An entry of a chain, and whose it is."""

    evidence_id: str
    version: int
    alert_id: str
    alert_revision: int
    made_ms: int
    complete: bool
    entry: Sealed


# --------------------------------------------------------------------------------------------- what is wanted


class Told(NamedTuple):
    """A revision of an alert, its bytes, and when its evidence may be made."""

    alert: events.Alert
    raw: bytes
    due_ms: int


def take(engine: Engine, slices: Sequence[sink.Slice], told: Sequence[Told]) -> None:
    """Enter alerts as wanted, with the offsets after them, or do nothing. Raises as `sink.take`."""
    things = [_about(one.alert) for one in told]
    districts = sink.districts(engine, sorted({thing for thing in things if thing is not None}))
    rows = [
        {
            "tenant_id": alert.tenant_id,
            "district_id": None if thing is None else districts.get(thing),
            "evidence_id": alert.evidence_id or events.evidence_id(alert.alert_id),
            "alert_id": alert.alert_id,
            "alert_revision": alert.revision,
            "due_ms": due_ms,
            "record": msgspec.Raw(raw),
        }
        for (alert, raw, due_ms), thing in zip(told, things, strict=True)
    ]
    sink.take(engine, slices, [sink.Write(WANTED, KEEP_NEWEST, rows)], of=OFFSETS)


def _about(alert: events.Alert) -> sink.Thing | None:
    if alert.truck_id is not None:
        return alert.tenant_id, "truck", alert.truck_id
    return None if alert.bin_id is None else (alert.tenant_id, "bin", alert.bin_id)


def due(engine: Engine, now_ms: int, most: int) -> list[Wanted]:
    """Return what is to be made or looked at now, the longest due first."""
    w = schema.evidence_wanted.c
    columns = (w.tenant_id, w.district_id, w.evidence_id, w.alert_id, w.alert_revision, w.due_ms)
    query = select(*columns, cast(w.record, Text).label("said")).where(w.due_ms <= now_ms)
    with engine.connect() as connection:
        found = connection.execute(query.order_by(w.due_ms, w.evidence_id).limit(most))
        return [
            Wanted(
                tenant_id=row.tenant_id,
                district_id=row.district_id,
                evidence_id=row.evidence_id,
                alert_id=row.alert_id,
                alert_revision=row.alert_revision,
                due_ms=row.due_ms,
                record=msgspec.json.decode(row.said),
            )
            for row in found
        ]


def without_evidence(engine: Engine) -> int:
    """Return how many alerts are wanted of which there is no version of their newest revision yet."""
    w, e = schema.evidence_wanted.c, schema.evidence.c
    made = select(e.evidence_id).where(
        e.tenant_id == w.tenant_id, e.evidence_id == w.evidence_id, e.alert_revision >= w.alert_revision
    )
    query = select(func.count()).where(w.due_ms.is_not(None), ~made.exists())
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def postpone(engine: Engine, wanted: Wanted, due_ms: int) -> None:
    """Look again later, unless it was moved or replaced meanwhile."""
    with engine.begin() as connection:
        _move(connection, wanted, due_ms)


def _move(connection: Connection, wanted: Wanted, due_ms: int | None) -> bool:
    """Set when to look again, by compare-and-set; False = another revision came, or another program was faster."""
    w = schema.evidence_wanted
    same = (
        w.c.tenant_id == wanted.tenant_id,
        w.c.evidence_id == wanted.evidence_id,
        w.c.alert_revision == wanted.alert_revision,
        w.c.due_ms == wanted.due_ms,
    )
    return connection.execute(update(w).where(*same).values(due_ms=due_ms)).rowcount == 1


# --------------------------------------------------------------------------------------------- what the tables hold


def newest_ms(engine: Engine, alert: events.Alert, *, by_arrival: bool) -> int | None:
    """Return the time of the newest measurement that was recorded of the alert's truck or bin; None = there is none."""
    if alert.truck_id is not None:
        last, about = schema.last_positions, schema.last_positions.c.truck_id == alert.truck_id
    else:
        last, about = schema.last_bins, schema.last_bins.c.bin_id == alert.bin_id
    said = last.c.record["received_time_ms"].astext
    arrived = case((said.regexp_match("^[0-9]{1,18}$"), cast(said, BigInteger)))
    query = select(arrived if by_arrival else last.c.rank_ms).where(last.c.tenant_id == alert.tenant_id, about)
    with engine.connect() as connection:
        return connection.execute(query).scalar_one_or_none()


def fixes(
    engine: Engine, tenant_id: str, truck_id: str, parts: Iterable[tuple[int, int, int]], *, by_arrival: bool
) -> list[dict[str, Any]]:
    """Return a truck's fixes as they were on their topic, in order of event time.

    ``parts``: from, to, and, if not 0, of how many ms the first. ``by_arrival``: also those that came in that time,
    whatever the device's clock said.
    """
    p = schema.positions.c
    order = (p.event_time_ms, p.arrival, p.seq, p.fix_key)
    found: dict[tuple[Any, ...], Any] = {}
    with engine.connect() as connection:
        for from_ms, to_ms, every_ms in parts:
            within: Any = p.event_time_ms.between(from_ms, to_ms)
            if by_arrival:
                within = or_(within, p.received_time_ms.between(from_ms, to_ms + MINUTE_MS))
            query = select(schema.positions).where(p.tenant_id == tenant_id, p.truck_id == truck_id, within)
            for row in connection.execute(_sampled(query, p.event_time_ms, order, every_ms)):
                found[row.event_time_ms, row.arrival or 0, row.seq or 0, row.fix_key] = row._mapping  # noqa: SLF001  # its public name
    return [msgspec.json.decode(days.fix_value(found[key])) for key in sorted(found)]


def readings(
    engine: Engine, tenant_id: str, bin_id: str, parts: Iterable[tuple[int, int, int]]
) -> list[dict[str, Any]]:
    """Return a bin's readings, as `fixes` does."""
    b = schema.bin_readings.c
    found: list[str] = []
    with engine.connect() as connection:
        for from_ms, to_ms, every_ms in parts:
            within = and_(b.tenant_id == tenant_id, b.bin_id == bin_id, b.event_time_ms.between(from_ms, to_ms))
            query = select(cast(b.record, Text)).where(within)
            order = (b.event_time_ms, b.reading_key)
            found += connection.execute(_sampled(query, b.event_time_ms, order, every_ms)).scalars()
    return [msgspec.json.decode(one) for one in found]


def _sampled(query: Select[Any], time_ms: Any, order: Sequence[Any], every_ms: int) -> Select[Any]:
    if not every_ms:
        return query.order_by(*order)
    bucket = time_ms // literal(every_ms, literal_execute=True)  # as one text: PostgreSQL compares the two
    return query.ext(distinct_on(bucket)).order_by(bucket, *order)


def devices_of_bin(engine: Engine, tenant_id: str, bin_id: str) -> dict[str, str]:
    """Return by protocol the device that the register names for a bin."""
    d = schema.devices.c
    query = select(d.protocol, d.device_id).where(
        d.tenant_id == tenant_id, d.entity_kind == "bin", d.entity_id == bin_id
    )
    with engine.connect() as connection:
        return {row.protocol: row.device_id for row in connection.execute(query.order_by(d.device_id))}


def frames(engine: Engine, tenant_id: str, keys: Sequence[tuple[str, int]]) -> list[Any]:
    """Return the bytes of these devices that came in these ms, with where they stand on their topic, in order."""
    r = schema.raw_frames.c
    columns = (r.device_id, r.received_time_ms, r.partition, r.offset, r.protocol, r.session, r.bytes)
    query = select(*columns).where(r.tenant_id == tenant_id, tuple_(r.device_id, r.received_time_ms).in_(list(keys)))
    if not keys:
        return []
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(*columns[:4])))


_p, _z, _c, _l = schema.permits.c, schema.zones.c, schema.calendars.c, schema.plans.c
_RECORDS: Final[Mapping[str, tuple[Any, Any, Any]]] = {
    "permit": (_p.record, _p.permit_id, _p.version),
    "zones": (_z.record, _z.zone_id, _z.version),
    "calendars": (_c.record, _c.calendar_id, _c.version),
    "plan": (_l.record, _l.truck_id, _l.plan_version),
    "weighing": (schema.weighings.c.record, schema.weighings.c.weighing_id, None),
    "ticket": (schema.tickets.c.record, schema.tickets.c.ticket_id, None),
    "tickets": (schema.tickets.c.record, schema.tickets.c.ticket_id, None),
}
_ASSETS: Final = frozenset({"truck", "facility", "source", "depot"})


def record(engine: Engine, tenant_id: str, kind: str, thing_id: str, version: int | None) -> dict[str, Any] | None:
    """Return a record that `used` of an alert names, as it was on its topic; None = it is not in the tables."""
    a = schema.assets.c
    found, of_id, of_version = (a.record, a.id, a.version) if kind in _ASSETS else _RECORDS.get(kind, (None,) * 3)
    if found is None:
        return None
    query = select(cast(found, Text)).where(
        found.table.c.tenant_id.in_([tenant_id, events.DEFAULT_TENANT]), of_id == thing_id
    )
    if kind in _ASSETS:
        query = query.where(a.kind == kind)
    if of_version is not None:
        query = query.where(of_version == version)
    with engine.connect() as connection:
        said = connection.execute(query.limit(1)).scalar_one_or_none()
    return None if said is None else msgspec.json.decode(said)


# --------------------------------------------------------------------------------------------- what is kept


def add(
    engine: Engine,
    wanted: Wanted,
    content: Mapping[str, Any],
    frames: Iterable[bytes],
    *,
    made_ms: int,
    known_to_ms: int | None,
    next_look_ms: int | None,
) -> Version | None:
    """Seal a new version behind the newest entry of its tenant, with the bytes it names; say when to look again.

    None = nothing was added: what it says stands there already, or another revision or program was faster.
    """
    with engine.begin() as connection:
        if not _move(connection, wanted, next_look_ms):
            return None
        connection.execute(select(func.pg_advisory_xact_lock(_CHAIN_LOCK)))
        number, said = _newest_version(connection, wanted)
        if said is not None and seal.content_of(said) == seal.canonical(content):
            return None
        about = {
            "tenant_id": wanted.tenant_id,
            "evidence_id": wanted.evidence_id,
            "version": number + 1,
            "alert_id": wanted.alert_id,
            "alert_revision": wanted.alert_revision,
            "made_ms": made_ms,
        }
        entry = seal.sealed(content, {**about, "known_to_ms": known_to_ms}, _newest_link(connection, wanted.tenant_id))
        _keep_frames(connection, wanted, frames)
        row = {
            **about,
            "district_id": wanted.district_id,
            "number": entry.number,
            "complete": content["complete"],
            "previous_sha256": entry.previous_sha256,
            "sha256": entry.sha256,
            "document": entry.document,
        }
        connection.execute(insert(schema.evidence).values(row))
        kept = connection.execute(_versions(wanted.tenant_id).where(schema.evidence.c.number == entry.number)).one()
    return _version(kept)


def newest(engine: Engine, wanted: Wanted) -> bytes | None:
    """Return the newest document of an alert's evidence; None = there is none yet."""
    with engine.connect() as connection:
        return _newest_version(connection, wanted)[1]


def _newest_version(connection: Connection, wanted: Wanted) -> tuple[int, bytes | None]:
    e = schema.evidence.c
    query = select(e.version, e.document).where(e.tenant_id == wanted.tenant_id, e.evidence_id == wanted.evidence_id)
    row = connection.execute(query.order_by(e.version.desc()).limit(1)).one_or_none()
    return (0, None) if row is None else (row.version, row.document)


def _newest_link(connection: Connection, tenant_id: str) -> Link:
    e = schema.evidence.c
    query = select(e.number, e.sha256).where(e.tenant_id == tenant_id).order_by(e.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return seal.FIRST if row is None else Link(row.number, row.sha256)


def _keep_frames(connection: Connection, wanted: Wanted, frames: Iterable[bytes]) -> None:
    rows = [
        {
            "tenant_id": wanted.tenant_id,
            "district_id": wanted.district_id,
            "sha256": seal.sha256(value),
            "bytes": value,
        }
        for value in dict.fromkeys(frames)
    ]
    if rows:
        connection.execute(insert(schema.evidence_frames).on_conflict_do_nothing(), rows)


# --------------------------------------------------------------------------------------------- what is asked


def versions(engine: Engine, tenant_id: str, alert_id: str) -> list[Version]:
    """Return all versions of an alert's evidence, oldest first."""
    e = schema.evidence.c
    query = _versions(tenant_id).where(e.alert_id == alert_id).order_by(e.evidence_id, e.version)
    with engine.connect() as connection:
        return [_version(row) for row in connection.execute(query)]


def alert_of(engine: Engine, tenant_id: str, some_id: str) -> str | None:
    """Return the alert that an id (its own, or its evidence's) means, if there is evidence of it."""
    e = schema.evidence.c
    query = select(e.alert_id).where(e.tenant_id == tenant_id, or_(e.evidence_id == some_id, e.alert_id == some_id))
    with engine.connect() as connection:
        return connection.execute(query.limit(1)).scalar_one_or_none()


def chain(engine: Engine, tenant_id: str) -> Iterator[Version]:
    """Yield all entries of a tenant from the first on, a few at once in memory."""
    with engine.connect().execution_options(stream_results=True, yield_per=_ENTRIES_AT_ONCE) as connection:
        for row in connection.execute(_versions(tenant_id).order_by(schema.evidence.c.number)):
            yield _version(row)


def tenants(engine: Engine) -> list[str]:
    """Return who has evidence."""
    with engine.connect() as connection:
        return sorted(connection.execute(select(schema.evidence.c.tenant_id).distinct()).scalars())


def frame_faults(engine: Engine, tenant_id: str, hashes: Iterable[str]) -> Iterator[str]:
    """Yield a sentence for all bytes that are gone, or are not those that were sealed."""
    f = schema.evidence_frames.c
    wanted = sorted(set(hashes))
    really = func.encode(func.sha256(f.bytes), text("'hex'"))
    query = select(f.sha256, really.label("really")).where(f.tenant_id == tenant_id, f.sha256.in_(wanted))
    with engine.connect() as connection:
        found = {row.sha256: row.really for row in connection.execute(query)} if wanted else {}
    for one in wanted:
        if one not in found:
            yield f"bytes {one}: they are gone"
        elif found[one] != one:
            yield f"bytes {one}: they are not those that came"


def _versions(tenant_id: str) -> Select[Any]:
    return select(schema.evidence).where(schema.evidence.c.tenant_id == tenant_id)


def _version(row: Any) -> Version:
    about = {name: getattr(row, name) for name in _SEALED}
    entry = Sealed(row.number, row.previous_sha256, row.sha256, bytes(row.document), about)
    return Version(
        row.evidence_id, row.version, row.alert_id, row.alert_revision, row.made_ms, complete=row.complete, entry=entry
    )


_SEALED: Final = ("tenant_id", "evidence_id", "version", "alert_id", "alert_revision", "made_ms")
"""Columns that are in the seal too."""
