"""Long tables page by page, each page a question of its own that begins after the last key of the page before.

Nothing is held between two pages: no connection, no transaction, however slowly somebody reads.
"""

from typing import Any, NamedTuple

from sqlalchemy import Engine, Text, cast, literal, select, true, tuple_, union_all

from services.store import schema


class Fix(NamedTuple):
    """Where a page of a track ends. ``key`` tells fixes of one moment apart; "" = a thinned one."""

    event_time_ms: int
    key: str


class PlanKey(NamedTuple):
    """Where a page of plans ends."""

    truck_id: str = ""
    plan_version: int = 0


def track(
    engine: Engine, tenant_id: str, truck_id: str, span_ms: tuple[int, int], *, after: Fix | None, limit: int
) -> tuple[list[dict[str, Any]], Fix | None]:
    """Return the next fixes of a truck in order of event time, and where the page after them begins; None = the end.

    Of days whose fixes are gone: one a minute.
    """
    p, thinned = schema.positions.c, schema.thinned_positions.c
    from_ms, to_ms = span_ms if after is None else (after.event_time_ms, span_ms[1])
    both = union_all(
        *(
            select(c.event_time_ms, key.label("fix_key"), *(c[name] for name in TRACK_COLUMNS))
            .where(c.tenant_id == tenant_id, c.truck_id == truck_id, c.event_time_ms.between(from_ms, to_ms), *only)
            .where(true() if after is None else tuple_(c.event_time_ms, key) > tuple_(*map(literal, after)))
            .order_by(*order)
            .limit(limit)
            for c, key, only, order in (
                (p, p.fix_key, [p.fix], (p.event_time_ms, p.fix_key)),
                (thinned, literal(""), [], (thinned.event_time_ms,)),
            )
        )
    ).subquery()
    query = select(both).order_by(both.c.event_time_ms, both.c.fix_key).limit(limit)
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]  # noqa: SLF001  # SQLAlchemy's public name
    last = Fix(rows[-1]["event_time_ms"], rows[-1]["fix_key"]) if len(rows) == limit else None
    return rows, last


TRACK_COLUMNS = ("lon", "lat", "speed_mps", "odometer_m", "load_kg", "cover", "bed")
"""What both tables of fixes have."""


def plans(
    engine: Engine, tenant_id: str, span_ms: tuple[int, int], *, after: PlanKey, limit: int
) -> tuple[list[dict[str, Any]], PlanKey | None]:
    """Return the next plans made in a span, by truck and version, without their roads; and where the next page begins."""
    p = schema.plans.c
    record = schema.plans.c.record
    query = (
        select(
            p.truck_id,
            p.plan_version,
            p.made_ms,
            p.reason,
            p.material,
            p.run_id,
            cast(record["visits"], Text).label("visits"),
        )
        .where(p.tenant_id == tenant_id, p.made_ms.between(*span_ms))
        .where(tuple_(p.truck_id, p.plan_version) > tuple_(literal(after.truck_id), literal(after.plan_version)))
        .order_by(p.truck_id, p.plan_version)
        .limit(limit)
    )
    with engine.connect() as connection:
        rows = [dict(row._mapping) for row in connection.execute(query)]  # noqa: SLF001  # SQLAlchemy's public name
    last = PlanKey(rows[-1]["truck_id"], rows[-1]["plan_version"]) if len(rows) == limit else None
    return rows, last
