"""What the tables know of a moment that is over, and what came after it: what the live map was told, to be told again.

"Then" is when a record came, where it says so (`received_time_ms`, ``emitted_ms``), else the time it is of (``made_ms``,
``at_ms``, ``valid_from_ms``, of a weighing ``event_time_ms``): the merge time of the contract, by which days are replayed
too. A plan is there from ``made_ms`` on, which is when its search began; live it came when the search was over.

Every question is a tenant's, and goes by an index: by truck and by bin where fixes and readings are concerned, since a
sorted day (`partitions.sort_before`) has no order of arrival any more.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, NamedTuple, get_args

from sqlalchemy import Connection, Engine, Select, Table, Text, bindparam, cast, or_, select, text, true
from sqlalchemy.dialects.postgresql import distinct_on

from services.newest import ALERTS_BACK_MS, Arrival, Picture, Position, Reading
from services.store import partitions, schema
from services.store.days import fix_value
from services.store.live import ACTIONS_BACK_MS
from services.store.schema import THINNED
from streams import codec, events
from streams.topics import BY_NAME, TRUCK_STATES
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS

LOOK_BACK_MS: Final = (2 * HOUR_MS, DAY_MS, 31 * DAY_MS)
"""How far back a truck's newest fix is looked for, further only for those not found: most sent one just before.

Who was silent longer than the last, and was heard again later, has no place then."""
AHEAD_MS: Final = 2 * MINUTE_MS
"""A device's clock may be ahead: fixes of so much later that had come are looked at."""
LATE_MS: Final = 5 * MINUTE_MS
"""… and behind, or resend: what came in a span is looked for among fixes of so much earlier."""
WEIGHINGS_BACK_MS: Final = 2 * DAY_MS
SHIFTS_MS: Final = 36 * HOUR_MS
"""Shifts that begin within so much of the moment, and a day more before it: none is longer than a day."""

Places = Literal["every", "minute", "none"]
"""What is kept of a moment's fixes: every one, one a minute and truck, or none."""
MomentKind = Literal["alert", "plan", "action"]
MOMENT_KINDS: Final[tuple[MomentKind, ...]] = get_args(MomentKind)


class Kept(NamedTuple):
    """What is kept of the fixes of a moment. The two times: begin of the first day of which every one, one a minute is."""

    places: Places
    every_from_ms: int | None
    minute_from_ms: int | None


class Moment(NamedTuple):
    """Something worth looking at. ``code``: the rule, the reason of the plan, or what the driver reported."""

    at_ms: int
    kind: MomentKind
    id: str
    code: str
    truck_id: str | None = None
    severity: str | None = None


def kept(engine: Engine, at_ms: int) -> Kept:
    """Return what is kept of the fixes of this moment: old days are thinned, older ones gone (`retention`)."""
    every, minute = partitions.days_of(engine, "positions"), partitions.days_of(engine, THINNED)
    day_ms = at_ms - at_ms % DAY_MS
    places: Places = "every" if day_ms in every else "minute" if day_ms in minute else "none"
    return Kept(places, min(every, default=None), min(minute, default=None))


# --------------------------------------------------------------------------------------------- the picture


def picture(engine: Engine, tenant_id: str, at_ms: int, to_ms: int | None = None) -> Picture:
    """Read what of a tenant was newest at a moment, and versions that become valid up to ``to_ms`` (default: none)."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        return Picture(
            offsets={},
            positions=_positions(connection, tenant_id, at_ms),
            readings=_readings(connection, tenant_id, at_ms),
            events=[
                *_versions(connection, tenant_id, at_ms, at_ms if to_ms is None else to_ms),
                *(event for topic, query in _newest(tenant_id, at_ms) for event in _events(connection, topic, query)),
                *_alerts(connection, tenant_id, at_ms),
                *_actions(connection, tenant_id, at_ms),
            ],
        )


def _positions(connection: Connection, tenant_id: str, at_ms: int) -> list[Position]:
    """Of trucks that were not heard since, the newest of all is the newest of then; the others are looked for."""
    last = schema.last_positions.c
    query = select(last.truck_id, last.event_time_ms, last.lon, last.lat, _text(last.record).label("record"))
    found, sought = [], []
    for row in connection.execute(query.where(last.tenant_id == tenant_id)):
        state: events.TruckState = codec.decode(TRUCK_STATES, row.record.encode())
        if _came_ms(state) <= at_ms:
            found.append(Position(state, row.lon, row.lat))
        else:
            sought.append(row.truck_id)
    given = {"tenant": tenant_id, "at": at_ms, "ahead": at_ms + AHEAD_MS, "good_since": at_ms - LOOK_BACK_MS[-1]}
    for back_ms in LOOK_BACK_MS:
        if sought:
            rows = connection.execute(POSITIONS_THEN, {**given, "trucks": sought, "since": at_ms - back_ms})
            then = [_position(row._mapping) for row in rows]  # noqa: SLF001  # its public name
            found += _with_places(connection, then, given)
            sought = _without(sought, then)
    if sought:
        rows = connection.execute(_THINNED_THEN, {**given, "trucks": sought, "since": at_ms - LOOK_BACK_MS[-1]})
        found += [Position(_thinned(row), row.lon, row.lat) for row in rows]
    return found


def _position(row: Any) -> Position:
    state = _fix(row)
    if _has_place(state):
        return Position(state, state.lon, state.lat)
    return Position(state, row["good_lon"], row["good_lat"])


def _with_places(connection: Connection, then: list[Position], given: dict[str, Any]) -> list[Position]:
    """Put trucks whose newest fix has no place where the live map had left them.

    Told in order of arrival, as live was: a place that came late, from before what was known already, moved nothing.
    """
    nowhere = {one.state.truck_id: one.state.event_time_ms for one in then if not _has_place(one.state)}
    if not nowhere:
        return then
    span = {"trucks": list(nowhere), "newest": list(nowhere.values()), "late": LATE_MS}
    known: dict[str, tuple[int, float | None, float | None]] = {}
    for row in connection.execute(_PLACES_IN_ORDER, given | span):
        rank, lon, lat = known.get(row.truck_id, (row.rank_ms, None, None))
        if row.rank_ms >= rank:
            place = (row.lon, row.lat) if row.good else (lon, lat)
            known[row.truck_id] = (row.rank_ms, *place)
    lately = {truck_id: (lon, lat) for truck_id, (_, lon, lat) in known.items() if lon is not None}
    return [Position(state, *lately.get(state.truck_id, (lon, lat))) for state, lon, lat in then]


def _has_place(state: events.TruckState) -> bool:
    return state.fix and state.lon is not None and state.lat is not None


def _fix(row: Any) -> events.TruckState:
    state: events.TruckState = codec.decode(TRUCK_STATES, fix_value(row))
    return state


def _thinned(row: Any) -> events.TruckState:
    return events.TruckState(
        tenant_id=row.tenant_id,
        truck_id=row.truck_id,
        event_time_ms=row.event_time_ms,
        lon=row.lon,
        lat=row.lat,
        speed_mps=row.speed_mps,
        odometer_m=row.odometer_m,
        load_kg=row.load_kg,
        cover=row.cover,
        bed=row.bed,
    )


def _without(sought: Sequence[str], found: Iterable[Position]) -> list[str]:
    known = {position.state.truck_id for position in found}
    return [truck_id for truck_id in sought if truck_id not in known]


def _came_ms(measured: events.TruckState | events.BinReading) -> int:
    came_ms = measured.received_time_ms
    return measured.event_time_ms if came_ms is None else came_ms


POSITIONS_THEN: Final = text(
    """
SELECT fix.*, good.lon AS good_lon, good.lat AS good_lat
FROM unnest(CAST(:trucks AS text[])) AS truck(truck_id)
CROSS JOIN LATERAL (
    SELECT event_time_ms FROM positions
    WHERE tenant_id = :tenant AND truck_id = truck.truck_id AND event_time_ms > :since AND event_time_ms <= :ahead
        AND coalesce(received_time_ms, event_time_ms) <= :at
    ORDER BY event_time_ms DESC LIMIT 1
) AS newest
CROSS JOIN LATERAL (
    SELECT * FROM positions
    WHERE tenant_id = :tenant AND truck_id = truck.truck_id AND event_time_ms <= newest.event_time_ms
        AND event_time_ms > newest.event_time_ms - 2 * :phone_waits
        AND event_time_ms > :since - 2 * :phone_waits AND event_time_ms <= :ahead
        AND coalesce(received_time_ms, event_time_ms) <= :at
    ORDER BY least(event_time_ms, received_time_ms) - CASE WHEN source = :phone THEN :phone_waits ELSE 0 END DESC,
        arrival DESC NULLS LAST
    LIMIT 1
) AS fix
LEFT JOIN LATERAL (
    SELECT lon, lat FROM positions
    WHERE NOT (fix.fix AND fix.lon IS NOT NULL AND fix.lat IS NOT NULL)
        AND tenant_id = :tenant AND truck_id = truck.truck_id
        AND event_time_ms > :good_since AND event_time_ms <= fix.event_time_ms
        AND coalesce(received_time_ms, event_time_ms) <= :at
        AND positions.fix AND lon IS NOT NULL AND lat IS NOT NULL
        AND (source IS DISTINCT FROM :phone OR fix.source = :phone)
    ORDER BY event_time_ms DESC LIMIT 1
) AS good ON true
"""
).bindparams(
    bindparam("phone", events.PHONE),
    bindparam("phone_waits", events.PHONE_WAITS_MS),
)
"""Each truck's newest fix that had come, by the rule of `services.newest.rank_ms`, and the last good place; the benchmark has it explained."""

_PLACES_IN_ORDER: Final = text(
    """
SELECT truck.truck_id, lon, lat, fix AND lon IS NOT NULL AND lat IS NOT NULL AS good,
    least(event_time_ms, received_time_ms) - CASE WHEN source = :phone THEN :phone_waits ELSE 0 END AS rank_ms
FROM unnest(CAST(:trucks AS text[]), CAST(:newest AS bigint[])) AS truck(truck_id, newest_ms)
CROSS JOIN LATERAL (
    SELECT * FROM positions
    WHERE tenant_id = :tenant AND truck_id = truck.truck_id
        AND event_time_ms > truck.newest_ms - :late AND event_time_ms <= :ahead
        AND coalesce(received_time_ms, event_time_ms) <= :at
) AS came
ORDER BY truck.truck_id, coalesce(received_time_ms, event_time_ms), arrival
"""
).bindparams(bindparam("phone", events.PHONE), bindparam("phone_waits", events.PHONE_WAITS_MS))

_THINNED_THEN: Final = text(
    """
SELECT fix.*
FROM unnest(CAST(:trucks AS text[])) AS truck(truck_id)
CROSS JOIN LATERAL (
    SELECT * FROM thinned_positions
    WHERE tenant_id = :tenant AND truck_id = truck.truck_id AND event_time_ms > :since AND event_time_ms <= :at
    ORDER BY event_time_ms DESC LIMIT 1
) AS fix
"""
)


def _readings(connection: Connection, tenant_id: str, at_ms: int) -> list[Reading]:
    last = schema.last_bins.c
    query = select(last.bin_id, last.fill, _text(last.record).label("record"))
    found, sought = [], []
    for row in connection.execute(query.where(last.tenant_id == tenant_id)):
        reading: events.BinReading = _decode("bin-readings", row.record)
        if _came_ms(reading) <= at_ms:
            found.append(Reading(reading, row.fill))
        else:
            sought.append(row.bin_id)
    if sought:
        rows = connection.execute(
            _READINGS_THEN, {"tenant": tenant_id, "bins": sought, "at": at_ms, "ahead": at_ms + AHEAD_MS}
        )
        found += [Reading(_decode("bin-readings", row.record), row.fill) for row in rows]
    return found


_READINGS_THEN: Final = text(
    """
SELECT CAST(newest.record AS text) AS record,
    CASE WHEN newest.invalid IS NULL AND newest.fill IS NOT NULL THEN newest.fill ELSE good.fill END AS fill
FROM unnest(CAST(:bins AS text[])) AS bin(bin_id)
CROSS JOIN LATERAL (
    SELECT event_time_ms, fill, invalid, record FROM bin_readings
    WHERE tenant_id = :tenant AND bin_id = bin.bin_id AND event_time_ms <= :ahead
        AND coalesce(received_time_ms, event_time_ms) <= :at
    ORDER BY event_time_ms DESC, received_time_ms DESC NULLS LAST LIMIT 1
) AS newest
LEFT JOIN LATERAL (
    SELECT fill FROM bin_readings
    WHERE (newest.invalid IS NOT NULL OR newest.fill IS NULL)
        AND tenant_id = :tenant AND bin_id = bin.bin_id AND event_time_ms <= newest.event_time_ms
        AND coalesce(received_time_ms, event_time_ms) <= :at AND invalid IS NULL AND fill IS NOT NULL
    ORDER BY event_time_ms DESC LIMIT 1
) AS good ON true
"""
)
"""Each bin's newest reading that had come, and the last usable fill."""


def _versions(connection: Connection, tenant_id: str, at_ms: int, to_ms: int) -> list[events.Event]:
    shifts = schema.shifts.c
    near = shifts.start_ms.between(at_ms - SHIFTS_MS - DAY_MS, to_ms + SHIFTS_MS)
    found: list[events.Event] = []
    for table, conditions in (
        (schema.assets, ()),
        (schema.zones, (schema.zones.c.kind != "grid",)),
        (schema.permits, ()),
        (schema.orders, ()),
        (schema.shifts, (near,)),
    ):
        key = [c for c in table.primary_key.columns if c.name != "version"]
        known = select(_text(table.c.record)).where(table.c.tenant_id == tenant_id, *conditions)
        valid = known.ext(distinct_on(*key)).where(table.c.valid_from_ms <= at_ms)
        found += _events(connection, table.name, valid.order_by(*key, table.c.version.desc()))
        if to_ms > at_ms:
            later = known.where(table.c.valid_from_ms > at_ms, table.c.valid_from_ms <= to_ms)
            found += _events(connection, table.name, later.order_by(table.c.version))
    return found


def _newest(tenant_id: str, at_ms: int) -> list[tuple[str, Select[Any]]]:
    return [
        (topic, query)
        for topic, last, table, key, time in (
            ("plans", schema.last_plans, schema.plans, ("truck_id",), "made_ms"),
            ("planning-runs", schema.last_runs, schema.planning_runs, ("material",), "made_ms"),
            ("collections-due", schema.last_due, schema.collections_due, ("place_kind", "place_id"), "at_ms"),
        )
        for query in _newest_of(tenant_id, at_ms, last, table, key, time)
    ]


def _newest_of(  # noqa: PLR0917  # a row of the table above
    tenant_id: str, at_ms: int, last: Table, table: Table, key: tuple[str, ...], time: str
) -> list[Select[Any]]:
    """Ask for the newest of then: what is newest still, and, of things that have a newer one since, the one before it."""
    still = select(_text(last.c.record)).where(last.c.tenant_id == tenant_id, last.c[time] <= at_ms)
    of_it = (table.c.tenant_id == tenant_id, *(table.c[name] == last.c[name] for name in key))
    then = select(table.c.record).where(*of_it, table.c[time] <= at_ms).order_by(table.c[time].desc()).limit(1)
    before = then.correlate(last).lateral()
    older = select(_text(before.c.record)).select_from(last).join(before, true())
    return [still, older.where(last.c.tenant_id == tenant_id, last.c[time] > at_ms)]


def _alerts(connection: Connection, tenant_id: str, at_ms: int) -> list[events.Event]:
    """Alerts as they stood, by the revision that had left, and what had been said about them."""
    alerts, revisions, said = schema.alerts, schema.alert_revisions.c, schema.alert_actions.c
    shown = or_(
        alerts.c.raised_ms > at_ms - ALERTS_BACK_MS,
        alerts.c.state.in_(["raised", "updated"]),
        alerts.c.emitted_ms > at_ms,  # it went on then, perhaps
    )
    of_it = (revisions.tenant_id == tenant_id, revisions.alert_id == alerts.c.alert_id, revisions.emitted_ms <= at_ms)
    then = select(revisions.record).where(*of_it).order_by(revisions.revision.desc()).limit(1)
    stood = then.correlate(alerts).lateral()
    query = select(_text(stood.c.record)).select_from(alerts).join(stood, true())
    found = _events(
        connection, "alerts", query.where(alerts.c.tenant_id == tenant_id, alerts.c.raised_ms <= at_ms, shown)
    )
    ids = [alert.alert_id for alert in found if isinstance(alert, events.Alert)]
    actions = select(_text(said.record)).where(said.tenant_id == tenant_id, said.alert_id.in_(ids), said.at_ms <= at_ms)
    return [*found, *(_events(connection, "alert-actions", actions) if ids else ())]


def _actions(connection: Connection, tenant_id: str, at_ms: int) -> list[events.Event]:
    actions, weighings = schema.driver_actions.c, schema.weighings.c
    came = actions.received_time_ms
    said = select(_text(actions.record)).where(
        actions.tenant_id == tenant_id, came > at_ms - ACTIONS_BACK_MS, came <= at_ms
    )
    weighed = select(_text(weighings.record)).where(
        weighings.tenant_id == tenant_id,
        weighings.event_time_ms > at_ms - WEIGHINGS_BACK_MS,
        weighings.event_time_ms <= at_ms,
    )
    return [
        *_events(connection, "weighings", weighed),
        *_events(connection, "driver-actions", said.order_by(came)),
    ]


# --------------------------------------------------------------------------------------------- what came after


def arrivals(engine: Engine, tenant_id: str, from_ms: int, to_ms: int, step_ms: int) -> list[Arrival]:
    """Return what came in (from, to], in order of time; of a truck's fixes within a step only those that may be its last.

    Versions that become valid in that time are not among it: they are in the `picture` of ``from_ms``.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        found = [
            *_fixes(connection, tenant_id, from_ms, to_ms, step_ms),
            *(
                Arrival(row.at_ms, _decode(topic, row.record))
                for topic, query in _came(tenant_id, from_ms, to_ms)
                for row in connection.execute(query)
            ),
        ]
    return sorted(found, key=lambda arrival: arrival.at_ms)


def _fixes(connection: Connection, tenant_id: str, from_ms: int, to_ms: int, step_ms: int) -> list[Arrival]:
    last = schema.last_positions.c
    trucks = list(connection.execute(select(last.truck_id).where(last.tenant_id == tenant_id)).scalars())
    if not trucks:
        return []
    span = {"tenant": tenant_id, "trucks": trucks, "from": from_ms, "to": to_ms}
    bounds = {"step": step_ms, "since": from_ms - LATE_MS, "ahead": to_ms + AHEAD_MS}
    fixes = [_fix(row._mapping) for row in connection.execute(_FIXES_OF_STEPS, span | bounds)]  # noqa: SLF001
    minutes = [_thinned(row) for row in connection.execute(_THINNED_OF_SPAN, span)]
    return [Arrival(_came_ms(state), state) for state in (*fixes, *minutes)]


_FIXES_OF_STEPS: Final = text(
    """
SELECT fix.*
FROM unnest(CAST(:trucks AS text[])) AS truck(truck_id)
CROSS JOIN LATERAL (
    SELECT DISTINCT ON (step, fix) *
    FROM (
        SELECT *, (came_ms - CAST(:from AS bigint) - 1) / CAST(:step AS bigint) AS step,
            rank_ms >= max(rank_ms) OVER (ORDER BY came_ms, arrival) AS newer
        FROM (
            SELECT *, coalesce(received_time_ms, event_time_ms) AS came_ms,
                least(event_time_ms, received_time_ms) - CASE WHEN source = :phone THEN :phone_waits ELSE 0 END AS rank_ms
            FROM positions
            WHERE tenant_id = :tenant AND truck_id = truck.truck_id AND event_time_ms > :since AND event_time_ms <= :ahead
                AND coalesce(received_time_ms, event_time_ms) > :from AND coalesce(received_time_ms, event_time_ms) <= :to
        ) AS came
    ) AS told
    WHERE newer
    ORDER BY step, fix, rank_ms DESC, arrival DESC NULLS LAST
) AS fix
"""
).bindparams(bindparam("phone", events.PHONE), bindparam("phone_waits", events.PHONE_WAITS_MS))
"""Of each truck and step the newest fix, and the newest with a place, of those that were newer than what was known then."""

_THINNED_OF_SPAN: Final = text(
    """
SELECT * FROM thinned_positions
WHERE tenant_id = :tenant AND truck_id = ANY(CAST(:trucks AS text[])) AND event_time_ms > :from AND event_time_ms <= :to
"""
)
"""Days are thinned when they are dropped: a span has one or the other."""


def _came(tenant_id: str, from_ms: int, to_ms: int) -> list[tuple[str, Select[Any]]]:
    return [
        (
            topic,
            select(table.c[time].label("at_ms"), _text(table.c.record).label("record"))
            .where(table.c.tenant_id == tenant_id, table.c[time] > from_ms, table.c[time] <= to_ms, *conditions)
            .order_by(table.c[time], *order),
        )
        for topic, table, time, order, conditions in (
            ("bin-readings", schema.bin_readings, "received_time_ms", (schema.bin_readings.c.event_time_ms,), ()),
            ("collections-due", schema.collections_due, "at_ms", (), ()),
            ("plans", schema.plans, "made_ms", (schema.plans.c.plan_version,), ()),
            ("planning-runs", schema.planning_runs, "made_ms", (), (_of_known_material(tenant_id),)),
            ("alerts", schema.alert_revisions, "emitted_ms", (schema.alert_revisions.c.revision,), ()),
            ("alert-actions", schema.alert_actions, "at_ms", (), ()),
            ("weighings", schema.weighings, "event_time_ms", (), ()),
            ("driver-actions", schema.driver_actions, "received_time_ms", (), ()),
        )
    ]


def _of_known_material(tenant_id: str) -> Any:
    """Let the index of runs, which begins with the material, be used."""
    last = schema.last_runs.c
    return schema.planning_runs.c.material.in_(select(last.material).where(last.tenant_id == tenant_id))


# --------------------------------------------------------------------------------------------- moments


def moments(
    engine: Engine,
    tenant_id: str,
    from_ms: int,
    to_ms: int,
    *,
    kinds: Sequence[MomentKind] = MOMENT_KINDS,
    district_id: str | None,
    truck_id: str | None,
    newest_first: bool = False,
    limit: int,
) -> list[Moment]:
    """Return at most ``limit`` moments in [from, to), in order of time, or the newest first.

    With ``district_id`` only of it and of none; with ``truck_id`` only of that truck.
    """
    found: list[Moment] = []
    with engine.connect() as connection:
        for kind in kinds:
            table, time, names = _MOMENTS[kind]
            at = table.c[time]
            query = select(at, *(table.c[name] for name in names)).where(
                table.c.tenant_id == tenant_id, at >= from_ms, at < to_ms
            )
            if district_id is not None:
                query = query.where(or_(table.c.district_id == district_id, table.c.district_id.is_(None)))
            if truck_id is not None:
                query = query.where(table.c.truck_id == truck_id)
            rows = connection.execute(query.order_by(at.desc() if newest_first else at).limit(limit))
            found += [_moment(kind, *row) for row in rows]
    return sorted(found, key=lambda moment: (moment.at_ms, moment.id), reverse=newest_first)[:limit]


def _moment(kind: MomentKind, at_ms: int, thing_id: str, code: str, truck_id: str | None, more: Any = None) -> Moment:  # noqa: PLR0917
    if kind == "plan":
        return Moment(at_ms, kind, f"{thing_id}@{more}", code, truck_id)
    return Moment(at_ms, kind, thing_id, code, truck_id, more)


_MOMENTS: Final[dict[MomentKind, tuple[Table, str, tuple[str, ...]]]] = {
    "alert": (schema.alerts, "raised_ms", ("alert_id", "rule", "truck_id", "severity")),
    "plan": (schema.plans, "made_ms", ("truck_id", "reason", "truck_id", "plan_version")),
    "action": (schema.driver_actions, "received_time_ms", ("action_id", "kind", "truck_id")),
}
"""Where each kind of moment is found, when it was, and its members."""


def _text(record: Any) -> Any:
    return cast(record, Text)


def _events(connection: Connection, topic: str, query: Select[Any]) -> list[events.Event]:
    return [_decode(topic, row[0]) for row in connection.execute(query)]


def _decode(topic: str, record: str) -> Any:
    return codec.decode(BY_NAME[topic], record.encode())
