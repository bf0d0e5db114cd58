"""What the live map starts from: one consistent picture of the newest of everything, with the offsets it stands at."""

from typing import Any, Final

from sqlalchemy import Connection, Engine, Select, Table, Text, cast, or_, select
from sqlalchemy.dialects.postgresql import distinct_on

from services.newest import ALERTS_BACK_MS, Picture, Position, Reading
from services.store import schema
from streams import codec, events
from streams.topics import BY_NAME
from streams.units import DAY_MS, HOUR_MS

ACTIONS_BACK_MS: Final = DAY_MS
_SHIFTS_MS: Final = 36 * HOUR_MS


def picture(engine: Engine, now_ms: int) -> Picture:
    """Read the picture at one moment (repeatable read); ``now_ms`` is city time."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        offsets = {(row.topic, row.partition): row.next for row in connection.execute(select(schema.sink_offsets))}
        last = schema.last_positions.c
        positions = [
            Position(_decode("truck-states", row[0]), row.lon, row.lat)
            for row in connection.execute(select(_text(last.record), last.lon, last.lat))
        ]
        bins = schema.last_bins.c
        readings = [
            Reading(_decode("bin-readings", row[0]), row.fill)
            for row in connection.execute(select(_text(bins.record), bins.fill))
        ]
        others = [event for topic, query in _queries(now_ms) for event in _events(connection, topic, query)]
    return Picture(offsets=offsets, positions=positions, readings=readings, events=others)


def _queries(now_ms: int) -> list[tuple[str, Select[Any]]]:
    alerts, actions = schema.alerts.c, schema.driver_actions.c
    shown = or_(alerts.raised_ms > now_ms - ALERTS_BACK_MS, alerts.state.in_(["raised", "updated"]))
    alert_ids = select(alerts.alert_id).where(shown)
    weighings, shifts = schema.weighings.c, schema.shifts.c
    return [
        *(
            (table.name, query)
            for table, conditions in (
                (schema.assets, ()),
                (schema.zones, (schema.zones.c.kind != "grid",)),
                (schema.permits, ()),
                (schema.orders, ()),
                (schema.shifts, (shifts.end_ms > now_ms - _SHIFTS_MS, shifts.start_ms < now_ms + _SHIFTS_MS)),
            )
            for query in _newest(table, now_ms, *conditions)
        ),
        ("plans", select(_text(schema.last_plans.c.record))),
        ("planning-runs", select(_text(schema.last_runs.c.record))),
        ("collections-due", select(_text(schema.last_due.c.record)).where(schema.last_due.c.due)),
        ("weighings", select(_text(weighings.record)).where(weighings.event_time_ms > now_ms - 2 * DAY_MS)),
        ("alerts", select(_text(alerts.record)).where(shown)),
        (
            "alert-actions",
            select(_text(schema.alert_actions.c.record)).where(schema.alert_actions.c.alert_id.in_(alert_ids)),
        ),
        (
            "driver-actions",
            select(_text(actions.record))
            .where(actions.received_time_ms > now_ms - ACTIONS_BACK_MS)
            .order_by(actions.received_time_ms),
        ),
    ]


def _newest(table: Table, now_ms: int, *conditions: Any) -> list[Select[Any]]:
    """Return the queries of each thing's newest valid version, and of the versions that are not valid yet."""
    key = [c for c in table.primary_key.columns if c.name != "version"]
    valid = select(_text(table.c.record)).ext(distinct_on(*key)).where(table.c.valid_from_ms <= now_ms, *conditions)
    later = select(_text(table.c.record)).where(table.c.valid_from_ms > now_ms, *conditions)
    return [valid.order_by(*key, table.c.version.desc()), later.order_by(table.c.version)]


def _text(record: Any) -> Any:
    return cast(record, Text)


def _events(connection: Connection, topic: str, query: Select[Any]) -> list[events.Event]:
    return [_decode(topic, row[0]) for row in connection.execute(query)]


def _decode(topic: str, record: str) -> Any:
    return codec.decode(BY_NAME[topic], record.encode())
