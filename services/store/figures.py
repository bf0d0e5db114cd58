"""What managers count, from the tables: rows and sums of one tenant, one district, one span of city time. `Span` ends before ``to_ms``.

Nothing is estimated here: what no record says is null.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    Engine,
    Select,
    and_,
    case,
    cast,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on

from services.store.schema import (
    alert_actions,
    alerts,
    assets,
    collections_due,
    driver_actions,
    planning_runs,
    plans,
    tickets,
    weighings,
)
from streams.units import DAY_MS

DUE_BACK_MS: Final = 14 * DAY_MS
"""A place that has been due for longer before a span is not seen as due in it."""


class Span(NamedTuple):
    """Whose, and of when: [from, to)."""

    tenant_id: str
    district_id: str | None
    from_ms: int
    to_ms: int


class Spell(NamedTuple):
    """A place was due from then on; ``until_ms`` None = it still was at the end of the span."""

    place_kind: str
    place_id: str
    material: str
    since_ms: int
    until_ms: int | None


class AlertRow(NamedTuple):
    """The newest revision of an alert; kg and times None = not known."""

    alert_id: str
    rule: str
    state: str
    severity: str
    raised_ms: int
    start_ms: int
    end_ms: int | None
    truck_id: str | None
    bin_id: str | None
    contractor_id: str | None
    lost_kg: float | None


class Deed(NamedTuple):
    """What somebody did about an alert."""

    alert_id: str
    kind: str
    at_ms: int


class Weighed(NamedTuple):
    """Loads a facility took, of one material and contractor. ``unknown`` of the loads have no weight; ``kg`` is of the others."""

    facility_id: str
    material: str | None
    truck_id: str
    step: int
    kg: float | None
    loads: int
    unknown: int
    rejected: int


class Balance(NamedTuple):
    """Loads weighed: ``compared`` of the ``receipts`` have both sides, of which the weights are."""

    receipts: int
    compared: int
    on_board_kg: float | None
    weighed_kg: float | None


class Late(NamedTuple):
    """A plan was made anew because the truck was late."""

    truck_id: str
    plan_version: int
    made_ms: int
    minutes: int | None


class Driven(NamedTuple):
    """What drivers reported at stops: how often, by what."""

    kind: str
    exception: str | None
    truck_id: str
    step: int
    times: int


def spells(engine: Engine, span: Span, limit: int | None = None) -> list[Spell]:
    """Return when places were due within the span, the oldest first."""
    with engine.connect() as connection:
        found = connection.execute(_spells(span).order_by("since_ms", "place_id").limit(limit))
        return [Spell(*row) for row in found]


def due_counts(engine: Engine, span: Span) -> dict[str, tuple[int, int]]:
    """Return for each material how many spells there were, and how many of them ended within the span."""
    each = _spells(span).subquery()
    query = select(each.c.material, func.count(), func.count(each.c.until_ms)).group_by(each.c.material)
    with engine.connect() as connection:
        return {row[0]: (row[1], row[2]) for row in connection.execute(query)}


def _spells(span: Span) -> Select[Any]:
    """Only crossings are on the topic, but a moved forecast repeats what was: a spell goes from the first to the next other.

    A bin's spell ends when its driver reported it collected, be it hours before its sensor says so.
    """
    c = collections_due.c
    before = func.lag(c.due).over(partition_by=(c.place_kind, c.place_id), order_by=c.at_ms)
    marked = (
        select(c.place_kind, c.place_id, c.material, c.at_ms, c.due, before.label("before"))
        .where(
            c.tenant_id == span.tenant_id,
            c.at_ms >= span.from_ms - DUE_BACK_MS,
            c.at_ms < span.to_ms,
            *_in_district(c, span.district_id),
        )
        .subquery()
    )
    changes = select(
        marked.c.place_kind,
        marked.c.place_id,
        marked.c.material,
        marked.c.due,
        marked.c.at_ms.label("since_ms"),
        func.lead(marked.c.at_ms)
        .over(partition_by=(marked.c.place_kind, marked.c.place_id), order_by=marked.c.at_ms)
        .label("until_ms"),
    ).where(marked.c.due.is_distinct_from(marked.c.before))
    told, done = changes.subquery(), _collected(span).subquery()
    s = told.c
    within = and_(
        s.place_kind == "bin",
        done.c.stop_id == s.place_id,
        done.c.event_time_ms >= s.since_ms,
        or_(s.until_ms.is_(None), done.c.event_time_ms < s.until_ms),
    )
    members = (s.place_kind, s.place_id, s.material, s.since_ms)
    found = (
        select(*members, func.least(s.until_ms, func.min(done.c.event_time_ms)).label("until_ms"))
        .select_from(told.outerjoin(done, within))
        .where(s.due)
        .group_by(*members, s.until_ms)
        .subquery()
    )
    return select(*found.c).where(or_(found.c.until_ms.is_(None), found.c.until_ms >= span.from_ms))


def _collected(span: Span) -> Select[Any]:
    """Return at which stops drivers collected, of whatever district: who collects is not asked, but what was due."""
    d = driver_actions.c
    return select(d.stop_id, d.event_time_ms).where(
        d.tenant_id == span.tenant_id,
        d.kind == "collected",
        d.event_time_ms >= span.from_ms - DUE_BACK_MS,
        d.event_time_ms < span.to_ms,
        ~_taken_back(),
    )


def _taken_back() -> ColumnElement[bool]:
    """Whether the driver took a report back."""
    d, other = driver_actions.c, driver_actions.alias("other").c
    return exists().where(other.tenant_id == d.tenant_id, other.truck_id == d.truck_id, other.corrects == d.action_id)


def alerts_raised(engine: Engine, span: Span) -> list[AlertRow]:
    """Return the alerts raised within the span, the newest first."""
    a = alerts.c
    query = select(
        a.alert_id,
        a.rule,
        a.state,
        a.severity,
        a.raised_ms,
        _whole(a.record, "start_ms"),
        _whole(a.record, "end_ms"),
        a.truck_id,
        a.bin_id,
        a.record["contractor_id"].astext,
        _number(a.record, "lost_kg"),
    ).where(*_within(a, span, a.raised_ms))
    with engine.connect() as connection:
        return [AlertRow(*row) for row in connection.execute(query.order_by(a.raised_ms.desc(), a.alert_id))]


def deeds(engine: Engine, span: Span) -> list[Deed]:
    """Return what was done about the alerts raised within the span, whenever it was, in order."""
    a, d = alerts.c, alert_actions.c
    query = (
        select(d.alert_id, d.kind, d.at_ms)
        .join(alerts, and_(a.tenant_id == d.tenant_id, a.alert_id == d.alert_id))
        .where(*_within(a, span, a.raised_ms))
    )
    with engine.connect() as connection:
        return [Deed(*row) for row in connection.execute(query.order_by(d.at_ms, d.action_id))]


def weighed(engine: Engine, span: Span, steps: Sequence[int]) -> list[Weighed]:
    """Return what facilities took in, by facility, material, truck and step of time (0 = the first of ``steps``)."""
    w = weighings.c
    step = _step(w.event_time_ms, steps)
    taken = w.accepted.is_(True)
    query = select(
        w.facility_id,
        w.material,
        w.truck_id,
        step,
        func.sum(case((taken, w.net_kg))),
        func.count(case((taken, 1))),
        func.count(case((and_(taken, w.net_kg.is_(None)), 1))),
        func.count(case((~taken, 1))),
    ).where(*_within(w, span, w.event_time_ms), w.inbound)
    with engine.connect() as connection:
        rows = connection.execute(query.group_by(w.facility_id, w.material, w.truck_id, step))
        return [Weighed(*row) for row in rows]


def balance(engine: Engine, span: Span) -> Balance:
    """Return what trucks had on board before the weighbridge and what it said, of loads weighed within the span."""
    at_ms, on_board, net = _ticket_members()
    both = and_(on_board.is_not(None), net.is_not(None))
    query = select(
        func.count(), func.count(case((both, 1))), func.sum(case((both, on_board))), func.sum(case((both, net)))
    ).where(*_within(tickets.c, span, at_ms))
    with engine.connect() as connection:
        return Balance(*connection.execute(query).one())


def late(engine: Engine, span: Span) -> list[Late]:
    """Return the plans made anew because a truck was late, the newest first."""
    p = plans.c
    minutes = cast(cast(p.record["reason_params"]["minutes"].astext, Double), BigInteger)
    query = select(p.truck_id, p.plan_version, p.made_ms, minutes).where(
        *_within(p, span, p.made_ms), p.reason == "truck_late"
    )
    with engine.connect() as connection:
        return [Late(*row) for row in connection.execute(query.order_by(p.made_ms.desc(), p.truck_id))]


def driven(engine: Engine, span: Span, steps: Sequence[int]) -> list[Driven]:
    """Return how often drivers collected and skipped, by truck and step of time; what was taken back is not counted."""
    d = driver_actions.c
    step, why = _step(d.event_time_ms, steps), d.record["exception"].astext
    query = select(d.kind, why, d.truck_id, step, func.count()).where(
        *_within(d, span, d.event_time_ms), d.kind.in_(["collected", "skipped"]), ~_taken_back()
    )
    with engine.connect() as connection:
        return [Driven(*row) for row in connection.execute(query.group_by(d.kind, why, d.truck_id, step))]


def contractors(engine: Engine, tenant_id: str, district_id: str | None) -> dict[str, str | None]:
    """Return whose each truck is, by its newest version; None = nobody says."""
    a = assets.c
    query = (
        select(a.id, a.retired, a.record["contractor_id"].astext)
        .ext(distinct_on(a.id))
        .where(a.tenant_id == tenant_id, a.kind == "truck", *_in_district(a, district_id))
        .order_by(a.id, a.version.desc())
    )
    with engine.connect() as connection:
        return {row[0]: row[2] for row in connection.execute(query) if not row[1]}


def names(engine: Engine, tenant_id: str, ids: Sequence[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the names of assets (kind, id) that have one."""
    a = assets.c
    query = (
        select(a.kind, a.id, a.name)
        .ext(distinct_on(a.kind, a.id))
        .where(
            a.tenant_id == tenant_id,
            a.kind.in_(sorted({kind for kind, _ in ids})),
            a.id.in_(sorted({one for _, one in ids})),
        )
        .order_by(a.kind, a.id, a.version.desc())
    )
    with engine.connect() as connection:
        return {(row.kind, row.id): row.name for row in connection.execute(query) if row.name is not None}


def is_heard(engine: Engine, span: Span) -> bool:
    """Whether anything at all is recorded of the span: else nothing of it is known, which is not nothing."""
    times = (
        (planning_runs, "made_ms"),
        (weighings, "event_time_ms"),
        (alerts, "raised_ms"),
        (collections_due, "at_ms"),
    )
    anything = union_all(
        *(
            select(literal(1)).select_from(table).where(*_within(table.c, span, table.c[time])).limit(1)
            for table, time in (*times, (driver_actions, "event_time_ms"))
        )
    )
    with engine.connect() as connection:
        return connection.execute(select(anything.subquery()).limit(1)).first() is not None


# ------------------------------------------------------------------------------------------- the records of a figure


def weighings_of(engine: Engine, span: Span, limit: int) -> list[dict[str, Any]]:
    """Return single weighings of loads taken in, the newest first."""
    w = weighings.c
    query = select(w.weighing_id, w.facility_id, w.truck_id, w.event_time_ms, w.net_kg, w.material, w.accepted)
    query = query.where(*_within(w, span, w.event_time_ms), w.inbound).order_by(w.event_time_ms.desc(), w.weighing_id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]


def skips_of(engine: Engine, span: Span, limit: int) -> list[dict[str, Any]]:
    """Return single stops that drivers skipped, the newest first; what was taken back is not there."""
    d = driver_actions.c
    query = select(d.action_id, d.truck_id, d.stop_id, d.event_time_ms, d.record["exception"].astext.label("exception"))
    query = query.where(*_within(d, span, d.event_time_ms), d.kind == "skipped", ~_taken_back())
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(d.event_time_ms.desc(), d.action_id).limit(limit))
        return [dict(row) for row in rows.mappings()]


def loads_of(engine: Engine, span: Span, limit: int) -> list[dict[str, Any]]:
    """Return single loads weighed within the span: what was on board, what was weighed; the largest difference first."""
    at_ms, on_board, net = _ticket_members()
    t = tickets.c
    query = select(
        t.ticket_id,
        t.truck_id,
        t.facility_id,
        at_ms.label("at_ms"),
        on_board.label("on_board_kg"),
        net.label("weighed_kg"),
    ).where(*_within(t, span, at_ms))
    ordered = query.order_by(func.abs(on_board - net).desc().nulls_last(), t.ticket_id)
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(ordered.limit(limit)).mappings()]


def _ticket_members() -> tuple[ColumnElement[int], ColumnElement[float], ColumnElement[float]]:
    """Return when a load was weighed, what was on board just before, what was weighed."""
    record = tickets.c.record
    return (
        cast(record["times"]["weighed"].astext, BigInteger),
        _number(record, "transit_kg"),
        _number(record, "weighed_kg"),
    )


def _number(record: Any, member: str) -> ColumnElement[float]:
    return cast(record[member].astext, Double)


def _whole(record: Any, member: str) -> ColumnElement[int]:
    return cast(record[member].astext, BigInteger)


def _step(time_ms: ColumnElement[int], steps: Sequence[int]) -> ColumnElement[int]:
    """Return which of the steps, given by their beginnings, a time falls into."""
    return func.width_bucket(time_ms, cast(list(steps), ARRAY(BigInteger))) - 1


def _within(columns: Any, span: Span, time_ms: ColumnElement[int]) -> list[Any]:
    """Return the conditions that a row is of this tenant, district and time."""
    return [
        columns.tenant_id == span.tenant_id,
        time_ms >= span.from_ms,
        time_ms < span.to_ms,
        *_in_district(columns, span.district_id),
    ]


def _in_district(columns: Any, district_id: str | None) -> list[Any]:
    return [] if district_id is None else [or_(columns.district_id == district_id, columns.district_id.is_(None))]
