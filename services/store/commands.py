"""What people command: the effect's row and its record for Kafka in one transaction. Both are there, or neither."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Table,
    Text,
    bindparam,
    cast,
    func,
    literal,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import JSONB, insert

from services import clock
from services.store import schema
from services.store.outbox import CHANNEL
from streams import codec, events
from streams.topics import ALERT_ACTIONS, ASSETS, DISPATCH_ACTIONS, ORDERS
from streams.units import DAY_MS

Action = events.DriverAction | events.AlertAction | events.DispatchAction

_TABLE_OF: Final[dict[type[events.Event], Table]] = {
    events.DriverAction: schema.driver_actions,
    events.AlertAction: schema.alert_actions,
    events.DispatchAction: schema.dispatch_actions,
    events.Order: schema.orders,
    events.Asset: schema.assets,
}
_OURS: Final = ("received_time_ms", "at_ms")
"""Members we set on arrival: a command sent twice may differ in them."""
REMEMBERED_MS: Final = 90 * DAY_MS
"""What dispatchers said longer ago counts for nothing: the planner does not read it either."""


class DifferentBodyError(ValueError):
    """A command with this id was given before, with another content."""


def is_kept(engine: Engine, action: Action) -> bool:
    """Whether an action with this id is there, whatever it says: `record_action` says whether it is the same.

    What was taken once is not to be judged again by the time, or the town, of its repetition. Raises `engine.Away`.
    """
    table = _TABLE_OF[type(action)]
    with engine.connect() as connection:
        return connection.execute(select(table.c.action_id).where(*_same_id(table, action))).first() is not None


def _same_id(table: Table, action: Action) -> tuple[ColumnElement[bool], ...]:
    return table.c.tenant_id == action.tenant_id, table.c.action_id == action.action_id


def record_action(engine: Engine, action: Action, district_id: str | None) -> bool:
    """Keep an action and send it on; False = it was there already, and nothing is sent twice.

    A driver's action is the same though its driver has another truck by now.

    Raises
    ------
    DifferentBodyError
    engine.Away
    """
    table = _TABLE_OF[type(action)]
    with engine.begin() as connection:
        if isinstance(action, events.AlertAction):
            _one_at_a_time(connection, "alert-actions", action.tenant_id)
        elif isinstance(action, events.DispatchAction):
            _one_at_a_time(connection, "dispatch", action.tenant_id)  # a draft looks at what was said until now
        if _insert(connection, action, district_id):
            _send(connection, action, district_id)
            return True
        kept = connection.execute(select(cast(table.c.record, Text)).where(*_same_id(table, action))).scalar_one()
    ours = (*_OURS, "truck_id") if isinstance(action, events.DriverAction) else _OURS
    if _content(kept.encode(), ours) != _content(codec.encode(action), ours):
        raise DifferentBodyError(f"an action {action.action_id!r} with another content is there already")
    return False


class OverruledError(Exception):
    """Somebody has said something about these subjects since: the newest action about each."""

    def __init__(self, said: list[events.DispatchAction]) -> None:
        super().__init__(", ".join(one.subject_id for one in said))
        self.said = said


def record_together(
    engine: Engine,
    actions: Sequence[events.DispatchAction],
    district_id: str | None,
    after: Mapping[str, str | None],
    *,
    stale: bool = False,
) -> list[events.DispatchAction]:
    """Keep a dispatcher's actions and send them on: all of them, or none. The same again changes nothing.

    ``after``: for subjects, the newest action about each that the sender knew (None = none). Returns what was said about
    all subjects before, the newest first. ``stale``: what else the sender knew is no more: nothing new
    is kept.

    Raises
    ------
    OverruledError
        If there is a newer one than the sender knew, or the sender's knowledge is stale (then perhaps without any).
    DifferentBodyError
    engine.Away
    """
    table = schema.dispatch_actions
    tenant_id = actions[0].tenant_id
    by_id = {one.action_id: one for one in actions}
    with engine.begin() as connection:
        _one_at_a_time(connection, "dispatch", tenant_id)
        of_tenant = table.c.tenant_id == tenant_id
        kept = _dispatch_actions(connection, of_tenant, table.c.action_id.in_(by_id))
        if len(kept) not in {0, len(by_id)} or any(
            _content(codec.encode(one)) != _content(codec.encode(by_id[one.action_id])) for one in kept
        ):
            raise DifferentBodyError(f"actions under {actions[0].action_id!r} with another content are there already")
        before = _dispatch_actions(
            connection,
            of_tenant,
            table.c.subject_id.in_({one.subject_id for one in actions}),
            table.c.action_id.not_in(by_id),
            table.c.at_ms > actions[0].at_ms - REMEMBERED_MS,
        )
        if kept:
            return before
        newest: dict[str, events.DispatchAction] = {}
        for one in before:
            newest.setdefault(one.subject_id, one)
        said = [newest[name] for name, known in after.items() if name in newest and newest[name].action_id != known]
        if said or stale:
            raise OverruledError(said)
        for one in actions:
            _insert(connection, one, district_id)
            _send(connection, one, district_id)
        return before


def _dispatch_actions(connection: Connection, *conditions: Any) -> list[events.DispatchAction]:
    table = schema.dispatch_actions
    query = (
        select(cast(table.c.record, Text)).where(*conditions).order_by(table.c.at_ms.desc(), table.c.action_id.desc())
    )
    return [codec.decode(DISPATCH_ACTIONS, text.encode()) for text in connection.execute(query).scalars()]


class Batch(NamedTuple):
    """What somebody says of many alerts at once. ``asked_sha256`` is of all that was asked."""

    tenant_id: str
    district_id: str | None
    batch_id: str
    actor: str
    kind: str
    undoes_batch: str | None
    asked_sha256: str


class AlertRow(NamedTuple):
    """What the tables know of an alert; ``actions``: what was said about it, in order of time."""

    alert_id: str
    rule: str
    revision: int
    state: str
    district_id: str | None
    actions: list[events.AlertAction]


SaidOf = Callable[[dict[str, AlertRow], int], tuple[list[events.AlertAction], dict[str, Any]]]
"""Of the alerts that are known and the time now: the actions, and what the asker is told."""


def record_alert_batch(engine: Engine, batch: Batch, alert_ids: list[str], make: SaidOf) -> dict[str, Any]:
    """Say something of many alerts in one transaction; return what the asker is told, the same for the same batch.

    Of a tenant's alerts one is said after the other: ``make`` sees all that was said before. What it raises leaves everything
    as it was.

    Raises
    ------
    DifferentBodyError
    engine.Away
    """
    table = schema.alert_action_batches
    same_id = (table.c.tenant_id == batch.tenant_id, table.c.batch_id == batch.batch_id)
    with engine.begin() as connection:
        _one_at_a_time(connection, "alert-actions", batch.tenant_id)
        kept = connection.execute(select(table.c.asked_sha256, table.c.answer).where(*same_id)).one_or_none()
        if kept is not None:
            if kept.asked_sha256 != batch.asked_sha256:
                raise DifferentBodyError(f"a batch {batch.batch_id!r} with another content is there already")
            return dict(kept.answer)
        now_ms = clock.city_now_ms()
        said, answer = make(_alert_rows(connection, batch.tenant_id, alert_ids), now_ms)
        answer = {"batch_id": batch.batch_id, "kind": batch.kind, "at_ms": now_ms, **answer}
        _insert_all(connection, said, batch.district_id)
        row = {**batch._asdict(), "at_ms": now_ms, "done": len(said), "answer": answer}
        connection.execute(insert(table).values(row))
        return answer


def _alert_rows(connection: Connection, tenant_id: str, alert_ids: list[str]) -> dict[str, AlertRow]:
    a, said = schema.alerts.c, schema.alert_actions.c
    rows = connection.execute(
        select(a.alert_id, a.rule, a.revision, a.state, a.district_id).where(
            a.tenant_id == tenant_id, a.alert_id.in_(alert_ids)
        )
    )
    found = {row.alert_id: AlertRow(*row, []) for row in rows}
    query = select(cast(said.record, Text)).where(said.tenant_id == tenant_id, said.alert_id.in_(alert_ids))
    for row in connection.execute(query.order_by(said.at_ms, said.action_id)):
        action = codec.decode(ALERT_ACTIONS, row[0].encode())
        if action.alert_id in found:
            found[action.alert_id].actions.append(action)
    return found


def _insert_all(connection: Connection, said: list[events.AlertAction], district_id: str | None) -> None:
    """Insert actions of different alerts and send them on: two statements, however many."""
    if not said:
        return
    table, record = schema.alert_actions, bindparam("as_text", type_=Text)
    members = [name for name in events.AlertAction.__struct_fields__ if name in table.c]
    encoded = [(action, codec.encode(action)) for action in said]
    connection.execute(
        insert(table).values(record=cast(record, JSONB)),
        [
            {name: getattr(action, name) for name in members} | {"district_id": district_id, "as_text": value.decode()}
            for action, value in encoded
        ],
    )
    now_ms = clock.wall_now_ms()
    connection.execute(
        insert(schema.outbox),
        [
            {
                "tenant_id": action.tenant_id,
                "district_id": district_id,
                "topic": ALERT_ACTIONS.name,
                "key": action.alert_id,
                "value": value,
                "created_ms": now_ms,
            }
            for action, value in encoded
        ],
    )
    connection.execute(select(func.pg_notify(CHANNEL, "")))


def new_order_version(
    engine: Engine, tenant_id: str, order_id: str, make: Callable[[events.Order | None], events.Order | None]
) -> events.Order | None:
    """Give an order a new version and send it on.

    ``make`` gets the newest version (None = there is none) and returns the next, with any ``version``; None, or an
    order equal to the newest = change nothing. What it raises leaves everything as it was. Returns the newest version.
    """
    table = schema.orders
    with engine.begin() as connection:
        _one_at_a_time(connection, "order", tenant_id, order_id)
        of_order = (table.c.tenant_id == tenant_id, table.c.order_id == order_id)
        known: events.Order | None = _newest(connection, ORDERS, table, of_order)
        made = make(known)
        if made is None or (known is not None and same_content(made, known)):
            return known
        order = msgspec.structs.replace(made, version=known.version + 1 if known else 1)
        source = (schema.assets.c.tenant_id == tenant_id, schema.assets.c.kind == "source")
        district = _district(connection, *source, schema.assets.c.id == order.source_id)
        _insert(connection, order, district)
        _send(connection, order, district)
        return order


def new_asset_version(  # noqa: PLR0917  # which asset, what becomes of it, what is said of it
    engine: Engine,
    tenant_id: str,
    kind: str,
    asset_id: str,
    make: Callable[[events.Asset], events.Asset],
    said_of: Callable[[events.Asset], events.DispatchAction],
) -> events.Asset | None:
    """Give an asset a new version and send it on, as `new_order_version`; None = there is no such asset.

    ``said_of`` gives, for the newest version, the action that says who wants it so and why: kept and sent too, once for
    its id, also where the asset is so already.
    """
    table = schema.assets
    with engine.begin() as connection:
        _one_at_a_time(connection, kind, tenant_id, asset_id)
        of_asset = (table.c.tenant_id == tenant_id, table.c.kind == kind, table.c.id == asset_id)
        known: events.Asset | None = _newest(connection, ASSETS, table, of_asset)
        if known is None:
            return None
        asset = make(known)
        if same_content(asset, known):
            asset = known
        else:
            asset = msgspec.structs.replace(asset, version=known.version + 1)
            _insert(connection, asset, asset.district_id)
            _send(connection, asset, asset.district_id)
        said = said_of(asset)
        if _insert(connection, said, asset.district_id):
            _send(connection, said, asset.district_id)
        return asset


def same_content(one: events.Versioned, other: events.Versioned) -> bool:
    """Whether two versions say the same, whenever they were made."""
    return _timeless(one) == _timeless(other)


def _timeless(event: events.Versioned) -> events.Versioned:
    return msgspec.structs.replace(event, version=1, valid_from_ms=0, received_time_ms=None)


def _content(record: bytes, ours: Sequence[str] = _OURS) -> dict[str, Any]:
    content = msgspec.json.decode(record, type=dict[str, Any])
    return {name: value for name, value in content.items() if name not in ours}


def _insert(connection: Connection, event: events.Event, district_id: str | None) -> bool:
    """Insert the event's row; False = a row with its key is there."""
    table = _TABLE_OF[type(event)]
    members = {name: getattr(event, name) for name in event.__struct_fields__ if name in table.c}
    record = cast(literal(codec.encode(event).decode(), Text), JSONB)
    values = members | {"record": record, "district_id": district_id}
    statement: Any = insert(table).values(values).on_conflict_do_nothing().returning(literal_column("1"))
    return connection.execute(statement).first() is not None


def _send(connection: Connection, event: events.Event, district_id: str | None) -> None:
    connection.execute(
        insert(schema.outbox).values(
            tenant_id=event.tenant_id,
            district_id=district_id,
            topic=codec.topic_of(event).name,
            key=codec.key_of(event),
            value=codec.encode(event),
            created_ms=clock.wall_now_ms(),
        )
    )
    connection.execute(select(func.pg_notify(CHANNEL, "")))


def _one_at_a_time(connection: Connection, *what: str) -> None:
    """Hold a lock until the transaction ends: versions of one thing are made, and leave, in order."""
    connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("|".join(what), 0))))


def _newest(connection: Connection, topic: Any, table: Table, conditions: tuple[Any, ...]) -> Any:
    query = select(cast(table.c.record, Text)).where(*conditions).order_by(table.c.version.desc()).limit(1)
    kept = connection.execute(query).scalar_one_or_none()
    return None if kept is None else codec.decode(topic, kept.encode())


def _district(connection: Connection, *conditions: Any) -> str | None:
    assets = schema.assets
    query = select(assets.c.district_id).where(*conditions).order_by(assets.c.version.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()
