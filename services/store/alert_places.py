"""Where alerts come again and again, and of which trucks: counted here, in cells, not on the page."""

from typing import Any, Final

from sqlalchemy import ColumnElement, Double, Engine, Select, Text, case, cast, distinct, func, select

from services.store import queries, schema

CELL_M: Final = 250.0
"""Side of a cell: a block of streets; a place of a fix in a town is good to some ten metres."""
_CELL_DEG: Final = CELL_M / 111_195.0
"""Of latitude: a degree of the mean meridian has so many metres."""
MAX_CELLS: Final = 2_000
MAX_TRUCKS: Final = 200


def dismissals(engine: Engine, tenant_id: str, since_ms: int) -> list[dict[str, Any]]:
    """Return all that was said, in order, about alerts raised since then of which somebody once said that they are no case."""
    a, said = schema.alerts.c, schema.alert_actions.c
    raised = select(a.alert_id).where(a.tenant_id == tenant_id, a.raised_ms >= since_ms)
    dismissed = select(said.alert_id).where(
        said.tenant_id == tenant_id, said.kind == "dismiss", said.alert_id.in_(raised)
    )
    query = select(cast(said.record, Text)).where(said.tenant_id == tenant_id, said.alert_id.in_(dismissed))
    return queries.records(engine, query.order_by(said.at_ms, said.action_id))


def repeated(
    engine: Engine, tenant_id: str, *, district_id: str | None, since_ms: int, rule: str | None, without: list[str]
) -> dict[str, list[dict[str, Any]]]:
    """Return ``cells`` and ``trucks`` with alerts raised since then, most first; withdrawn ones and ``without`` do not count.

    A cell's place is the mean of its alerts' places; of a stretch, its beginning counts.
    """
    alerts = _alerts(tenant_id, district_id, since_ms, rule, without)
    with engine.connect() as connection:
        return {
            name: [dict(row) for row in connection.execute(query).mappings()]
            for name, query in (("cells", _cells(alerts)), ("trucks", _trucks(alerts)))
        }


def _alerts(tenant_id: str, district_id: str | None, since_ms: int, rule: str | None, without: list[str]) -> Any:
    a = schema.alerts.c
    conditions = [
        a.tenant_id == tenant_id,
        a.raised_ms >= since_ms,
        a.state != "cancelled",
        *queries.in_district(a, district_id),
    ]
    if rule is not None:
        conditions.append(a.rule == rule)
    if without:
        conditions.append(a.alert_id.not_in(without))
    lon, lat = (_coordinate(axis) for axis in (0, 1))
    return select(a.rule, a.truck_id, a.raised_ms, lon.label("lon"), lat.label("lat")).where(*conditions).subquery()


def _coordinate(axis: int) -> ColumnElement[float]:
    """Return a coordinate of the first place of ``where``; null where there is none."""
    record = schema.alerts.c.record
    into = {"Point": (), "LineString": ("0",), "MultiLineString": ("0", "0")}
    kind = record["where", "type"].astext
    found = case(
        *((kind == name, record["where", "coordinates", *steps, str(axis)].astext) for name, steps in into.items())
    )
    return cast(found, Double)


def _cells(alerts: Any) -> Select[Any]:
    c = alerts.c
    row = func.floor(c.lat / _CELL_DEG)
    # a degree of longitude is shorter the further from the equator: one width for each row of cells
    column = func.floor(c.lon * func.cos(func.radians(row * _CELL_DEG)) / _CELL_DEG)
    count = func.count()
    return (
        select(
            func.avg(c.lon).label("lon"),
            func.avg(c.lat).label("lat"),
            count.label("count"),
            func.count(distinct(c.truck_id)).label("trucks"),
            func.array_agg(distinct(c.rule)).label("rules"),
            func.max(c.raised_ms).label("last_ms"),
        )
        .where(c.lon.is_not(None), c.lat.is_not(None))
        .group_by(row, column)
        .order_by(count.desc(), func.max(c.raised_ms).desc())
        .limit(MAX_CELLS)
    )


def _trucks(alerts: Any) -> Select[Any]:
    c = alerts.c
    count = func.count()
    return (
        select(
            c.truck_id,
            count.label("count"),
            func.array_agg(distinct(c.rule)).label("rules"),
            func.max(c.raised_ms).label("last_ms"),
        )
        .where(c.truck_id.is_not(None))
        .group_by(c.truck_id)
        .order_by(count.desc(), func.max(c.raised_ms).desc())
        .limit(MAX_TRUCKS)
    )
