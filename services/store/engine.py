"""The way to PostgreSQL: one engine a process, and what its failures mean."""

import re
from typing import Any, Final, override

import psycopg
from sqlalchemy import URL, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Away: Final = (OperationalError, InterfaceError, PoolTimeoutError, psycopg.OperationalError)
"""The database cannot be reached, is starting, shuts down, or has no connection left: try again later."""

Refused: Final = DBAPIError
"""The database answered no (what is in `Away` is one of these too: catch that first)."""

CONNECT_TIMEOUT_S: Final = 5
TIMEOUT_S: Final = 20.0
ANSWER_MARGIN_S: Final = 5.0
"""The server itself ends a statement after its time-out; if its word does not come for so much longer, the way is dead."""
_DRIVER: Final = "postgresql+psycopg://"
_EXAMPLE: Final = "postgresql://user:password@host:5432/qingyun"

_OF_A_VALUE: Final = ("22", "23", "54")
"""SQLSTATE classes: data exception, integrity constraint violation, program limit exceeded (a key too long to index)."""
_AWAY_STATES: Final = frozenset({"25006", "25P03", "25P04"})
"""Read-only (a stand-by that takes over), a transaction that idled or lasted too long: psycopg does not say "operational"."""


class NoDatabaseAddressError(ValueError):
    """No ``DATABASE_URL`` was given, or none that could be one of PostgreSQL."""


class RefusedValueError(Exception):
    """The database does not take a value of what was given; the message is its first line."""


def connect(
    database_url: str, *, pool: int = 5, name: str = "qingyun", timeout_s: float = TIMEOUT_S, silent_s: float = 0.0
) -> Engine:
    """Return an engine; connects when first used.

    Parameters
    ----------
    database_url
        ``postgresql+psycopg://…`` or ``postgresql://…``.
    pool
        At most so many connections.
    name
        What ``pg_stat_activity`` calls this process.
    timeout_s
        A statement is given up by the server after this, and the connection if no answer comes soon after: nobody waits
        for ever behind a network that swallows bytes. 0 = as long as it takes.
    silent_s
        The server also ends a transaction whose client is silent for so long: a process that is paused in the middle does
        not keep its locks. 0 = it may be.

    Raises
    ------
    NoDatabaseAddressError
        If the address is empty, or not one of PostgreSQL.
    """
    timeout_ms = round(timeout_s * 1000)
    options = f"-c statement_timeout={timeout_ms} -c timezone=UTC -c jit=off"
    if silent_s:
        options += f" -c idle_in_transaction_session_timeout={round(silent_s * 1000)}"
    engine = create_engine(
        _url(database_url),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": name,
            "options": options,
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )
    answer_within_s = timeout_s + ANSWER_MARGIN_S if timeout_s else None
    event.listen(engine, "do_connect", lambda _dialect, _record, args, named: _open(answer_within_s, args, named))
    return engine


def understood(error: Exception) -> Exception:
    """Return what an error of the database means: one of `Away`, a `RefusedValueError`, or the error as it is."""
    original = error.orig if isinstance(error, DBAPIError) else error
    state = state_of(error)
    # psycopg itself refuses some values, such as text with NUL: then there is no state
    if state.startswith(_OF_A_VALUE) or (not state and isinstance(original, psycopg.DataError)):
        return RefusedValueError(f"the database refuses it: {str(original).splitlines()[0]}")
    return psycopg.OperationalError(str(original)) if state in _AWAY_STATES else error


class _Connection(psycopg.Connection[Any]):
    """A connection that is ended when an answer does not come in time: psycopg and libpq alone wait for ever."""

    answer_within_s: float | None = None

    @override
    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, self.answer_within_s if timeout is None else timeout)
        except psycopg.errors._WaitTimeout as error:  # noqa: SLF001  # psycopg has no public name for it
            if timeout is not None:
                raise
            self.pgconn.finish()
            raise psycopg.OperationalError(f"no answer within {self.answer_within_s:g} s") from error


def _open(answer_within_s: float | None, args: Any, named: Any) -> _Connection:
    connection = _Connection.connect(*args, **named)
    connection.answer_within_s = answer_within_s
    return connection


def knock(database_url: str) -> None:
    """Return when the database answers; raises one of `Away` otherwise, or as `connect` does. Blocks a few seconds."""
    engine = connect(database_url, pool=1)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


def state_of(error: BaseException) -> str:
    """Return the SQLSTATE the database answered with; empty if it did not answer."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "sqlstate", None) or ""


def reason(error: BaseException) -> str:
    """Return why the database refused, as one line: without the driver's class, addresses it tried, and hints."""
    first = (str(error).strip().splitlines() or ["no reason given"])[0]
    return re.sub(r"^\([\w.]+\) ", "", first).rstrip(".")


def _url(text: str) -> URL:
    if not text:
        raise NoDatabaseAddressError(f"DATABASE_URL is empty; set it, such as {_EXAMPLE}")
    for short in ("postgresql://", "postgres://"):
        if text.startswith(short):
            text = _DRIVER + text.removeprefix(short)
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or f"{url.drivername}://" != _DRIVER:
        # the text itself may hold a password
        raise NoDatabaseAddressError(f"DATABASE_URL is no address of PostgreSQL; expected one such as {_EXAMPLE}")
    return url
