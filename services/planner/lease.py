"""One planner at a time for a tenant: an advisory lock of PostgreSQL, held as long as the connection lives.

Without a database address there is no lease: whoever starts two planners then has two, and the later version of a plan
holds. With one, a second planner waits, and takes over when the first has ended or its connection broke.
"""

import hashlib
import logging
import threading
from types import TracebackType
from typing import Any, Final, Self

from services import store

logger = logging.getLogger(__name__)

RETRY_S: Final = 2.0


class LeaseLost(RuntimeError):  # noqa: N818  # what happened
    """The connection that held the lease broke, and another planner holds it now."""


class Lease:
    """A context: `wait` until it is ours, `renew` now and then, leave to give it back."""

    def __init__(self, database_url: str, name: str) -> None:
        self.engine: Any = store.connect(database_url, pool=3, name="qingyun-planner") if database_url else None
        """None = there is no database. One connection is the lease's, one the questions', one whoever's turn it is."""
        self._key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], signed=True)
        self._connection: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._connection is not None:
            self._connection.invalidate()  # a lock lives as long as its connection: not back into the pool
            self._connection.close()
        if self.engine is not None:
            self.engine.dispose()

    def wait(self, stop: threading.Event) -> bool:
        """Return True when the lease is ours, False when ``stop`` was set first. An away database is waited for."""
        if self.engine is None:
            return True
        said = False
        while not stop.is_set():
            if self._take():
                return True
            if not said:
                logger.info("another planner is at work, or the database is away: waiting")
                said = True
            stop.wait(RETRY_S)
        return False

    def renew(self) -> None:
        """Make sure that nobody else has the lease. Plans go on while the database is away: then nobody can get it.

        Raises
        ------
        LeaseLost
            If another planner was quicker after the connection broke.
        """
        if self.engine is not None and not self._alive() and self._take() is False:
            raise LeaseLost("another planner holds the lease now")

    def _take(self) -> bool | None:
        """Return whether the lease is ours now; None = the database is away."""
        if self.engine is None:
            return True
        try:
            connection = self.engine.connect()
            won = connection.exec_driver_sql("SELECT pg_try_advisory_lock(%s)", (self._key,)).scalar_one()
            connection.commit()
        except store.Away:
            return None
        if won:
            self._connection = connection
        else:
            connection.close()
        return bool(won)

    def _alive(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.exec_driver_sql("SELECT 1")
            self._connection.commit()
        except store.Away:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None
            return False
        return True
