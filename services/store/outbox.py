"""Commands on their way to Kafka: read in order, deleted when the broker has confirmed them.

A row leaves at least once: if the process dies between the broker's confirmation and the deletion, it leaves again
under the same id, and every reader takes an id once.
"""

import contextlib
from typing import Any, Final, NamedTuple, cast

from sqlalchemy import Engine, delete, func, select

from services.store.schema import outbox

CHANNEL: Final = "qingyun_outbox"
"""NOTIFY channel: a transaction that adds a row says so when it commits."""
_LOCK: Final = 0x51_59_4F_55_54
"""Number of the advisory lock that lets one sender work ("QYOUT")."""


class Waiting(NamedTuple):
    """A command that is not on Kafka yet."""

    outbox_id: int
    topic: str
    key: str
    value: bytes


class Outbox:
    """The one sender's view. Holds a connection of its own; every call raises `engine.Away` if that breaks."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        self._driver: Any = cast("Any", self._connection.connection.driver_connection)
        self._driver.execute(f"LISTEN {CHANNEL}")

    def my_turn(self) -> bool:
        """Whether this is the one sender, until `close`."""
        return bool(self._connection.execute(select(func.pg_try_advisory_lock(_LOCK))).scalar_one())

    def waiting(self, most: int = 200) -> list[Waiting]:
        """Return the oldest commands, in order, but at most one a key: its next leaves when it is confirmed."""
        query = select(outbox.c.outbox_id, outbox.c.topic, outbox.c.key, outbox.c.value)
        rows = self._connection.execute(query.order_by(outbox.c.outbox_id).limit(most)).all()
        first: dict[tuple[str, str], Waiting] = {}
        for row in rows:
            first.setdefault((row.topic, row.key), Waiting(row.outbox_id, row.topic, row.key, bytes(row.value)))
        return list(first.values())

    def sent(self, outbox_ids: list[int]) -> None:
        """The broker has confirmed these."""
        self._connection.execute(delete(outbox).where(outbox.c.outbox_id.in_(outbox_ids)))

    def wait(self, timeout_s: float) -> None:
        """Return when a command was added, or after ``timeout_s``."""
        for _ in self._driver.notifies(timeout=timeout_s, stop_after=1):
            return

    def close(self) -> None:
        """Give the turn away."""
        with contextlib.suppress(Exception):
            self._connection.invalidate()
        self._connection.close()


def waiting_count(engine: Engine) -> int:
    """Return how many commands are not on Kafka yet."""
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(outbox)).scalar_one()
