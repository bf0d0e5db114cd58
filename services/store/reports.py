"""What citizens report, and what became of it. Rows are added, never changed; the number it is followed by is nobody's but theirs."""

import hashlib
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, func, or_, select, true, tuple_
from sqlalchemy.dialects.postgresql import insert

from services.store.register import secret_hash
from services.store.schema import citizen_photos, citizen_report_steps, citizen_reports

_SAID = ("kind", "place", "lon", "lat", "note")
"""What a report says; the same under the same number is the same report."""


class StepTakenError(ValueError):
    """Another step stands where this one was to go."""


class OtherReportError(ValueError):
    """Under this number something else was reported."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """A report as it was sent. ``due_ms``: by when somebody should have looked at it."""

    report_id: str
    district_id: str | None
    kind: str
    place: str | None
    lon: float | None
    lat: float | None
    note: str | None
    language: str
    at_ms: int
    due_ms: int
    has_photo: bool


@dataclass(frozen=True, kw_only=True)
class Step:
    """Somebody brought a report into a state. ``due_ms``: by when the next should follow; None = none is to."""

    step_id: str
    number: int
    state: str
    actor: str
    reason: str | None
    at_ms: int
    due_ms: int | None


class Picture(NamedTuple):
    """A photo as it came."""

    media_type: str
    width: int
    height: int
    content: bytes


class Before(NamedTuple):
    """Where a page of reports ended: the next begins after it."""

    at_ms: int
    report_id: str


def new_report(
    engine: Engine,
    tenant_id: str,
    number: str,
    said: dict[str, Any],
    picture: Picture | None,
    *,
    language: str,
    at_ms: int,
    due_ms: int,
) -> bool:
    """Keep a report under the number its sender has; False = it was there already.

    Raises
    ------
    OtherReportError
        If it says something else than the one that is there.
    """
    hashed, report_id = secret_hash(number), str(uuid.uuid4())
    row = {name: said.get(name) for name in _SAID} | {
        "tenant_id": tenant_id,
        "report_id": report_id,
        "number_hash": hashed,
        "language": language,
        "at_ms": at_ms,
        "due_ms": due_ms,
    }
    with engine.begin() as connection:
        added: Any = insert(citizen_reports).values(row).on_conflict_do_nothing().returning(citizen_reports.c.report_id)
        if connection.execute(added).first() is not None:
            if picture is not None:
                connection.execute(insert(citizen_photos).values(_photo_row(tenant_id, report_id, picture)))
            return True
        r = citizen_reports.c
        known = connection.execute(
            select(citizen_reports).where(r.tenant_id == tenant_id, r.number_hash == hashed)
        ).one()
        photo = _photo_hash(connection, tenant_id, known.report_id)
    if any(getattr(known, name) != row[name] for name in _SAID) or photo != _sha256(picture):
        raise OtherReportError("another report has this number")
    return False


def by_number(engine: Engine, tenant_id: str, number: str) -> tuple[Report, list[Step]] | None:
    """Return the report that is followed by this number, with its steps in order."""
    with engine.connect() as connection:
        found = _reports(connection, tenant_id, citizen_reports.c.number_hash == secret_hash(number), limit=1)
        return next(iter(_with_steps(connection, tenant_id, found)), None)


def by_id(engine: Engine, tenant_id: str, district_id: str | None, report_id: str) -> tuple[Report, list[Step]] | None:
    """Return a report with its steps; with ``district_id``, only one of it or of none."""
    is_it = (citizen_reports.c.report_id == report_id, *_in_district(district_id))
    with engine.connect() as connection:
        return next(iter(_with_steps(connection, tenant_id, _reports(connection, tenant_id, *is_it, limit=1))), None)


def listed(  # noqa: PLR0917  # a page of a list
    engine: Engine,
    tenant_id: str,
    district_id: str | None,
    states: Sequence[str] | None,
    before: Before | None,
    limit: int,
) -> list[tuple[Report, list[Step]]]:
    """Return reports, newest first; ``states`` = only those that are in one of them now ("received" = no step yet)."""
    r, conditions = citizen_reports.c, list(_in_district(district_id))
    if before is not None:
        conditions.append(tuple_(r.at_ms, r.report_id) < tuple_(before.at_ms, before.report_id))
    if states is not None:
        conditions.append(func.coalesce(_newest_state(), "received").in_(list(states)))
    with engine.connect() as connection:
        return _with_steps(connection, tenant_id, _reports(connection, tenant_id, *conditions, limit=limit))


def sent_within(
    engine: Engine, tenant_id: str, district_id: str | None, from_ms: int, to_ms: int
) -> list[tuple[Report, list[Step]]]:
    """Return the reports sent in [from, to), the newest first."""
    r = citizen_reports.c
    conditions = (r.at_ms >= from_ms, r.at_ms < to_ms, *_in_district(district_id))
    with engine.connect() as connection:
        return _with_steps(connection, tenant_id, _reports(connection, tenant_id, *conditions, limit=None))


def add_step(
    engine: Engine, tenant_id: str, report_id: str, step_id: str, make: Callable[[Report, list[Step]], Step]
) -> Step:
    """Take a step: ``make`` gets the report and its steps so far and returns the next, or raises.

    The same ``step_id`` again returns what was made of it then.

    Raises
    ------
    LookupError
        If there is no such report.
    StepTakenError
        If the id stands for a step of another report.
    """
    with engine.begin() as connection:
        connection.execute(
            select(func.pg_advisory_xact_lock(func.hashtextextended(f"report|{tenant_id}|{report_id}", 0)))
        )
        found = _with_steps(
            connection, tenant_id, _reports(connection, tenant_id, citizen_reports.c.report_id == report_id, limit=1)
        )
        if not found:
            raise LookupError(report_id)
        report, steps = found[0]
        known = next((step for step in steps if step.step_id == step_id), None)
        if known is not None:
            return known
        step = make(report, steps)
        row = vars(step) | {"tenant_id": tenant_id, "district_id": report.district_id, "report_id": report_id}
        added: Any = insert(citizen_report_steps).values(row).on_conflict_do_nothing()
        if not connection.execute(added.returning(citizen_report_steps.c.step_id)).first():
            raise StepTakenError("another step has this id or this place")
    return step


def picture_of(engine: Engine, tenant_id: str, district_id: str | None, report_id: str) -> Picture | None:
    """Return a report's photo as it came; with ``district_id``, only of a report of it or of none."""
    p, r = citizen_photos.c, citizen_reports.c
    of_report = (p.tenant_id == r.tenant_id) & (p.report_id == r.report_id)
    query = (
        select(p.media_type, p.width, p.height, p.bytes)
        .join(citizen_reports, of_report)
        .where(p.tenant_id == tenant_id, p.report_id == report_id, *_in_district(district_id))
    )
    with engine.connect() as connection:
        row = connection.execute(query).one_or_none()
    return None if row is None else Picture(row.media_type, row.width, row.height, bytes(row.bytes))


def _reports(connection: Connection, tenant_id: str, *conditions: Any, limit: int | None) -> list[Report]:
    r, p = citizen_reports.c, citizen_photos.c
    has_photo = select(true()).where(p.tenant_id == r.tenant_id, p.report_id == r.report_id).exists().label("has_photo")
    query = select(citizen_reports, has_photo).where(r.tenant_id == tenant_id, *conditions)
    rows = connection.execute(query.order_by(r.at_ms.desc(), r.report_id.desc()).limit(limit))
    return [Report(**{name: getattr(row, name) for name in Report.__dataclass_fields__}) for row in rows]


def _with_steps(connection: Connection, tenant_id: str, reports: list[Report]) -> list[tuple[Report, list[Step]]]:
    s, steps = citizen_report_steps.c, {report.report_id: list[Step]() for report in reports}
    query = select(citizen_report_steps).where(s.tenant_id == tenant_id, s.report_id.in_(list(steps)))
    for row in connection.execute(query.order_by(s.report_id, s.number)):
        steps[row.report_id].append(Step(**{name: getattr(row, name) for name in Step.__dataclass_fields__}))
    return [(report, steps[report.report_id]) for report in reports]


def _newest_state() -> Any:
    r, s = citizen_reports.c, citizen_report_steps.c
    newest = select(s.state).where(s.tenant_id == r.tenant_id, s.report_id == r.report_id)
    return newest.order_by(s.number.desc()).limit(1).correlate(citizen_reports).scalar_subquery()


def _in_district(district_id: str | None) -> list[Any]:
    r = citizen_reports.c
    return [] if district_id is None else [or_(r.district_id == district_id, r.district_id.is_(None))]


def _photo_row(tenant_id: str, report_id: str, picture: Picture) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id,
        "report_id": report_id,
        "sha256": _sha256(picture),
        "media_type": picture.media_type,
        "width": picture.width,
        "height": picture.height,
        "bytes": picture.content,
    }


def _photo_hash(connection: Connection, tenant_id: str, report_id: str) -> str | None:
    p = citizen_photos.c
    query = select(p.sha256).where(p.tenant_id == tenant_id, p.report_id == report_id)
    return connection.execute(query).scalar_one_or_none()


def _sha256(picture: Picture | None) -> str | None:
    return None if picture is None else hashlib.sha256(picture.content).hexdigest()
