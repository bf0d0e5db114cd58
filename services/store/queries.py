"""What the pages ask the tables. Every question is a tenant's: there is no way to leave the tenant out."""

from typing import Any, NamedTuple

import msgspec
from sqlalchemy import Engine, Select, Text, cast, null, or_, select, true, tuple_, union_all

from services.store import schema

MAX_POINTS = 20_000
"""Of one track: two days at one fix in ten seconds."""


class Cursor(NamedTuple):
    """Where a page of alerts ends: the next begins after it."""

    raised_ms: int
    alert_id: str


def track(engine: Engine, tenant_id: str, truck_id: str, from_ms: int, to_ms: int) -> list[list[Any]]:
    """Return [event_time_ms, lon, lat, speed_mps, load_kg, cover, bed] of a truck's fixes, in order of event time.

    Of days whose fixes are gone: one a minute.
    """
    with engine.connect() as connection:
        return [list(row) for row in connection.execute(track_query(tenant_id, truck_id, from_ms, to_ms))]


def track_query(tenant_id: str, truck_id: str, from_ms: int, to_ms: int) -> Select[Any]:
    """Return the question `track` asks; the benchmark has it explained."""
    p, thinned = schema.positions.c, schema.thinned_positions.c
    both = union_all(
        *(
            select(c.event_time_ms, c.lon, c.lat, c.speed_mps, c.load_kg, c.cover, c.bed, seq).where(
                c.tenant_id == tenant_id, c.truck_id == truck_id, c.event_time_ms.between(from_ms, to_ms), *only
            )
            for c, seq, only in ((p, p.seq, [p.fix]), (thinned, null().label("seq"), []))
        )
    ).subquery()
    points = list(both.c)[:-1]
    return select(*points).order_by(both.c.event_time_ms, both.c.seq).limit(MAX_POINTS)


def truck_district(engine: Engine, tenant_id: str, truck_id: str) -> tuple[bool, str | None]:
    """Return whether there is such a truck, and its district."""
    a = schema.assets.c
    asset = select(a.district_id).where(a.tenant_id == tenant_id, a.kind == "truck", a.id == truck_id)
    last = schema.last_positions.c
    seen = select(last.district_id).where(last.tenant_id == tenant_id, last.truck_id == truck_id)
    with engine.connect() as connection:
        row = connection.execute(asset.order_by(a.version.desc()).limit(1)).one_or_none()
        row = row if row is not None else connection.execute(seen).one_or_none()
    return (False, None) if row is None else (True, row.district_id)


def alerts(
    engine: Engine,
    tenant_id: str,
    *,
    district_id: str | None,
    state: str | None,
    rule: str | None,
    before: Cursor | None,
    limit: int,
) -> list[dict[str, Any]]:
    """Return alerts, newest first; with ``district_id``, only those of it and of none."""
    a = schema.alerts.c
    conditions: list[Any] = [a.tenant_id == tenant_id, *in_district(a, district_id)]
    if state is not None:
        conditions.append(a.state == state)
    if rule is not None:
        conditions.append(a.rule == rule)
    if before is not None:
        conditions.append(tuple_(a.raised_ms, a.alert_id) < tuple_(before.raised_ms, before.alert_id))
    query = select(cast(a.record, Text)).where(*conditions)
    return records(engine, query.order_by(a.raised_ms.desc(), a.alert_id.desc()).limit(limit))


def alert(engine: Engine, tenant_id: str, alert_id: str, district_id: str | None) -> dict[str, Any] | None:
    """Return the newest revision of an alert, or None."""
    a = schema.alerts.c
    query = select(cast(a.record, Text)).where(
        a.tenant_id == tenant_id, a.alert_id == alert_id, *in_district(a, district_id)
    )
    return next(iter(records(engine, query)), None)


def alert_revisions(engine: Engine, tenant_id: str, alert_id: str) -> list[dict[str, Any]]:
    """Return all revisions of an alert, in order."""
    r = schema.alert_revisions.c
    query = select(cast(r.record, Text)).where(r.tenant_id == tenant_id, r.alert_id == alert_id)
    return records(engine, query.order_by(r.revision))


def alert_actions(engine: Engine, tenant_id: str, alert_ids: list[str]) -> list[dict[str, Any]]:
    """Return what people did about these alerts, in order."""
    a = schema.alert_actions.c
    query = select(cast(a.record, Text)).where(a.tenant_id == tenant_id, a.alert_id.in_(alert_ids))
    return records(engine, query.order_by(a.at_ms, a.action_id))


def plan_versions(engine: Engine, tenant_id: str, truck_id: str, limit: int = 20) -> list[dict[str, Any]]:
    """Return a truck's plans, newest first."""
    p = schema.plans.c
    query = select(cast(p.record, Text)).where(p.tenant_id == tenant_id, p.truck_id == truck_id)
    return records(engine, query.order_by(p.plan_version.desc()).limit(limit))


def in_district(columns: Any, district_id: str | None) -> list[Any]:
    """Return the condition that a row is of this district or of none; nothing for who sees all."""
    return [] if district_id is None else [or_(columns.district_id == district_id, columns.district_id.is_(None))]


def records(engine: Engine, query: Select[Any]) -> list[dict[str, Any]]:
    """Return the records that a query gives as text."""
    with engine.connect() as connection:
        return [msgspec.json.decode(row[0]) for row in connection.execute(query)]


def reachable(engine: Engine) -> bool:
    """Whether the database answers; raises `engine.Away` if not."""
    with engine.connect() as connection:
        return bool(connection.execute(select(true())).scalar_one())


def alert_batch(engine: Engine, tenant_id: str, batch_id: str, district_id: str | None) -> dict[str, Any] | None:
    """Return what the asker of a batch was told, or None; with ``district_id``, only if that was somebody of it."""
    b = schema.alert_action_batches.c
    with engine.connect() as connection:
        query = select(b.answer).where(b.tenant_id == tenant_id, b.batch_id == batch_id)
        if district_id is not None:
            query = query.where(b.district_id == district_id)
        return connection.execute(query).scalar_one_or_none()


def alert_batches(engine: Engine, tenant_id: str, district_id: str | None, limit: int) -> list[dict[str, Any]]:
    """Return what was said of many alerts at once, newest first, and whether another batch took it back since."""
    b = schema.alert_action_batches.c
    later = schema.alert_action_batches.alias("later").c
    undone = (
        select(later.batch_id)
        .where(later.tenant_id == tenant_id, later.undoes_batch == b.batch_id, later.done > 0)
        .exists()
    )
    columns = (b.batch_id, b.actor, b.kind, b.at_ms, b.undoes_batch, b.done, undone.label("undone"))
    query = select(*columns).where(b.tenant_id == tenant_id, b.done > 0, *in_district(b, district_id))
    with engine.connect() as connection:
        rows = connection.execute(query.order_by(b.at_ms.desc(), b.batch_id.desc()).limit(limit)).mappings()
        return [dict(row) for row in rows]


def handlers(engine: Engine, tenant_id: str, roles: list[str]) -> list[dict[str, Any]]:
    """Return who of these roles may be given alerts: login, name, role, district (None = all of the city), by name."""
    u = schema.users.c
    query = select(u.login, u.name, u.role, u.district_id).where(
        u.tenant_id == tenant_id, u.role.in_(roles), u.disabled_ms.is_(None)
    )
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(query.order_by(u.name, u.login)).mappings()]
