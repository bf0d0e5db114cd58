"""Questions of pages to the planner, and its answers: a row is a question until it is read, with its answer, and taken away.

Who asks looks for the answer, who answers is woken by NOTIFY. Nothing here is kept: a row is gone when its asker has the
answer or no longer waits for it; what an asker that died left behind goes after `KEPT_MS`.
"""

import contextlib
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Engine, Text, delete, func, literal, select, update
from sqlalchemy import cast as as_type
from sqlalchemy.dialects.postgresql import JSONB, insert

from services import clock
from services.store.schema import planner_questions as questions

CHANNEL: Final = "qingyun_questions"
"""NOTIFY channel: a transaction that adds a question says so when it commits."""
KEPT_MS: Final = 60_000
"""Longer than anybody waits."""


class Question(NamedTuple):
    """A question that waits. Its text is JSON; what it means is for those who ask and answer."""

    question_id: str
    text: bytes


def ask(engine: Engine, tenant_id: str, district_id: str | None, question_id: str, text: bytes) -> None:
    """Put a question and wake who answers."""
    values = {
        "tenant_id": tenant_id,
        "district_id": district_id,
        "question_id": question_id,
        "asked_ms": clock.wall_now_ms(),
        "question": _json(text),
    }
    with engine.begin() as connection:
        connection.execute(insert(questions).values(values))
        connection.execute(select(func.pg_notify(CHANNEL, tenant_id)))


def answer_to(engine: Engine, tenant_id: str, question_id: str) -> bytes | None:
    """Return the answer as JSON; None = there is none yet."""
    query = select(as_type(questions.c.answer, Text)).where(*_is(tenant_id, question_id))
    with engine.connect() as connection:
        found = connection.execute(query).scalar_one_or_none()
    return None if found is None else str(found).encode()


def take_away(engine: Engine, tenant_id: str, question_id: str) -> None:
    """Nobody waits for this one any more."""
    with engine.begin() as connection:
        connection.execute(delete(questions).where(*_is(tenant_id, question_id)))


class Mailbox:
    """The one answerer's view of a tenant's questions. Every call raises `engine.Away` if the connection breaks."""

    def __init__(self, engine: Engine, tenant_id: str) -> None:
        self._tenant_id = tenant_id
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._driver: Any = cast("Any", self._connection.connection.driver_connection)
        self._driver.execute(f"LISTEN {CHANNEL}")

    def waiting(self) -> list[Question]:
        """Return what nobody has answered, the oldest first; what is too old is taken away."""
        old_ms = clock.wall_now_ms() - KEPT_MS
        of_tenant = questions.c.tenant_id == self._tenant_id
        self._connection.execute(delete(questions).where(of_tenant, questions.c.asked_ms < old_ms))
        query = select(questions.c.question_id, as_type(questions.c.question, Text))
        rows = self._connection.execute(
            query.where(of_tenant, questions.c.answer.is_(None)).order_by(questions.c.asked_ms)
        )
        return [Question(question_id, text.encode()) for question_id, text in rows]

    def answer(self, question_id: str, text: bytes) -> None:
        """Give an answer; to a question that was taken away, to nobody."""
        self._connection.execute(update(questions).where(*_is(self._tenant_id, question_id)).values(answer=_json(text)))

    def wait(self, timeout_s: float) -> None:
        """Return when a question was put, or after ``timeout_s``."""
        for _ in self._driver.notifies(timeout=timeout_s, stop_after=1):
            return

    def close(self) -> None:
        """Leave."""
        with contextlib.suppress(Exception):
            self._connection.invalidate()
        self._connection.close()


def _is(tenant_id: str, question_id: str) -> tuple[Any, Any]:
    return (questions.c.tenant_id == tenant_id, questions.c.question_id == question_id)


def _json(text: bytes) -> Any:
    return as_type(literal(text.decode(), Text), JSONB)
