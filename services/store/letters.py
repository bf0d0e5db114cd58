"""Dead letters as people ask for them, which of them were sent again, and which somebody decided never to send.

A letter's *origin* is the record that was set aside: its topic, partition, offset and bytes. A worker that is started
again says the same letter twice, and worker and recorder may both set one record aside: all of these have one origin, and
an origin is sent again once. What has no offset (a device's bytes) is its own origin.
"""

import base64
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import Engine, Select, Text, and_, cast, func, literal, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from services.store.schema import dead_letter_drops, dead_letter_replays, dead_letters
from streams.codec import ORIGINAL_HEADER

REPLAY_OF: Final = "replay-of"
"""Header of a record that was sent again: the id of its first letter."""
ATTEMPT: Final = "replay-attempt"
"""Header of a record that was sent again: 1 for the first time."""
_PAGE: Final = 200


class Wanted(NamedTuple):
    """Which letters. None = all. Times are wall time, UTC ms; ``reason`` is found anywhere in it; ids may be beginnings."""

    topic: str | None = None
    stage: str | None = None
    reason: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    letter_ids: tuple[str, ...] = ()
    replay_of: tuple[str, ...] = ()
    """Only letters of records that had been sent again, and of these first letters."""


class Kind(NamedTuple):
    """Letters of one topic, stage and reason; numbers and quoted values in the reason are left out."""

    topic: str
    stage: str
    reason: str
    letters: int
    replayed: int
    dropped: int
    first_ms: int
    last_ms: int
    sample_id: str
    sample_reason: str


class Letter(NamedTuple):
    """One letter. ``headers``: those of its record on ``dead-letters``."""

    tenant_id: str
    letter_id: str
    origin: str
    topic: str
    partition: int | None
    offset: int | None
    stage: str
    reason: str
    key: bytes | None
    value: bytes
    headers: dict[str, bytes]
    at_ms: int
    begun_ms: int | None
    """When its record was sent again; None = it was not."""
    confirmed_ms: int | None
    """When the broker had it."""
    dropped_ms: int | None = None
    """When somebody decided that it is never sent again; None = nobody did."""
    dropped_by: str | None = None
    dropped_because: str | None = None

    def original_headers(self) -> dict[str, bytes]:
        """Return the headers the record itself had."""
        return {
            name.removeprefix(ORIGINAL_HEADER): value
            for name, value in self.headers.items()
            if name.startswith(ORIGINAL_HEADER)
        }

    @property
    def attempts(self) -> int:
        """How often its record had been sent again before it became this letter."""
        said = self.original_headers().get(ATTEMPT, b"0")
        return int(said) if said.isdigit() else 0

    @property
    def first_id(self) -> str:
        """The letter it all began with: itself, if its record was not sent again before."""
        return self.original_headers().get(REPLAY_OF, self.letter_id.encode()).decode(errors="replace")


_l: Final = dead_letters.c
_r: Final = dead_letter_replays.c
_d: Final = dead_letter_drops.c
_ORIGIN: Final = func.coalesce(
    _l.topic + "/" + cast(_l.partition, Text) + "/" + cast(_l.offset, Text) + "/" + func.md5(_l.value), _l.letter_id
)
_LETTERS_AND_REPLAYS: Final = dead_letters.outerjoin(
    dead_letter_replays, and_(_r.tenant_id == _l.tenant_id, _r.origin == _ORIGIN)
).outerjoin(dead_letter_drops, and_(_d.tenant_id == _l.tenant_id, _d.origin == _ORIGIN))


def kinds(engine: Engine, wanted: Wanted) -> list[Kind]:
    """Return what kinds of letters there are, the most frequent first."""
    alike = func.regexp_replace(func.regexp_replace(_l.reason, "'[^']*'", "'…'", "g"), "[0-9]+", "#", "g")
    newest = func.row_number().over(partition_by=(_l.topic, _l.stage, alike), order_by=_l.at_ms.desc())
    rows = (
        _narrowed(
            select(
                _l.topic,
                _l.stage,
                alike.label("alike"),
                _l.at_ms,
                _l.letter_id,
                _l.reason,
                _r.begun_ms,
                _d.at_ms.label("dropped_ms"),
                newest.label("n"),
            ),
            wanted,
        )
    ).subquery()
    first = rows.c.n == 1
    query = (
        select(
            rows.c.topic, rows.c.stage, rows.c.alike, func.count(), func.count(rows.c.begun_ms),
            func.count(rows.c.dropped_ms), func.min(rows.c.at_ms), func.max(rows.c.at_ms),
            func.min(rows.c.letter_id).filter(first), func.min(rows.c.reason).filter(first),
        )
        .group_by(rows.c.topic, rows.c.stage, rows.c.alike)
        .order_by(func.count().desc(), rows.c.topic, rows.c.stage, rows.c.alike)
    )  # fmt: skip
    with engine.connect() as connection:
        return [Kind(*row) for row in connection.execute(query)]


def find(engine: Engine, wanted: Wanted) -> Iterator[Letter]:
    """Yield letters, oldest first, a page at a time."""
    columns: Sequence[Any] = (
        _l.tenant_id, _l.letter_id, _ORIGIN, _l.topic, _l.partition, _l.offset, _l.stage, _l.reason, _l.key, _l.value,
        _l.headers, _l.at_ms, _r.begun_ms, _r.confirmed_ms, _d.at_ms, _d.actor, _d.reason,
    )  # fmt: skip
    query = _narrowed(select(*columns), wanted).order_by(_l.at_ms, _l.letter_id).limit(_PAGE)
    after: tuple[int, str] | None = None
    while True:
        page = query if after is None else query.where(tuple_(_l.at_ms, _l.letter_id) > tuple_(*map(literal, after)))
        with engine.connect() as connection:
            letters = [_letter(tuple(row)) for row in connection.execute(page)]
        yield from letters
        if len(letters) < _PAGE:
            return
        after = letters[-1].at_ms, letters[-1].letter_id


def _narrowed(query: Select[Any], wanted: Wanted) -> Select[Any]:
    query = query.select_from(_LETTERS_AND_REPLAYS)
    for column, value in ((_l.topic, wanted.topic), (_l.stage, wanted.stage)):
        query = query if value is None else query.where(column == value)
    if wanted.reason is not None:
        query = query.where(_l.reason.icontains(wanted.reason, autoescape=True))
    if wanted.since_ms is not None:
        query = query.where(_l.at_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(_l.at_ms < wanted.until_ms)
    if wanted.replay_of:
        said = [base64.b64encode(first.encode()).decode() for first in wanted.replay_of]
        query = query.where(_l.headers[ORIGINAL_HEADER + REPLAY_OF].astext.in_(said))
    if wanted.letter_ids:
        query = query.where(or_(*(_l.letter_id.startswith(begin, autoescape=True) for begin in wanted.letter_ids)))
    return query


def _letter(row: tuple[Any, ...]) -> Letter:
    letter = Letter(*row)
    headers = {name: base64.b64decode(value) for name, value in (row[Letter._fields.index("headers")] or {}).items()}
    return letter._replace(headers=headers)


def claim(engine: Engine, letter: Letter, now_ms: int, *, unconfirmed: bool = False) -> bool:
    """Note that a letter's record is about to be sent again; False if it was before: do not send it.

    Kept before it is sent: after a crash in between it is not sent twice by accident. ``unconfirmed``: let those pass of
    which it is not known whether the broker has them.
    """
    row = {
        "tenant_id": letter.tenant_id,
        "origin": letter.origin,
        "letter_id": letter.letter_id,
        "attempt": letter.attempts + 1,
        "begun_ms": now_ms,
    }
    statement: Any = insert(dead_letter_replays).values(row)
    if unconfirmed:
        statement = statement.on_conflict_do_update(
            index_elements=["tenant_id", "origin"], set_={"begun_ms": now_ms}, where=_r.confirmed_ms.is_(None)
        )
    else:
        statement = statement.on_conflict_do_nothing()
    with engine.begin() as connection:
        # what comes back tells whether a row was written: the number of rows of an INSERT is not to be relied on
        return connection.execute(statement.returning(_r.origin)).first() is not None


def drop(engine: Engine, letter: Letter, reason: str, actor: str, now_ms: int) -> bool:
    """Note that a letter's record is never to be sent again, why, and who says so; False if somebody had said it before.

    Nothing is deleted: the letter stays, and so does what was noted.
    """
    row = {
        "tenant_id": letter.tenant_id,
        "origin": letter.origin,
        "letter_id": letter.letter_id,
        "reason": reason,
        "actor": actor,
        "at_ms": now_ms,
    }
    statement = insert(dead_letter_drops).values(row).on_conflict_do_nothing().returning(_d.origin)
    with engine.begin() as connection:
        return connection.execute(statement).first() is not None


def confirm(engine: Engine, letter: Letter, now_ms: int) -> None:
    """Note that the broker has it."""
    this = and_(_r.tenant_id == letter.tenant_id, _r.origin == letter.origin)
    with engine.begin() as connection:
        connection.execute(update(dead_letter_replays).where(this).values(confirmed_ms=now_ms))
