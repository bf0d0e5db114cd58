"""The way to PostgreSQL: one engine a process, and what its failures mean."""

import re
from typing import Final

import psycopg
from sqlalchemy import URL, Engine, create_engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Away: Final = (OperationalError, InterfaceError, PoolTimeoutError, psycopg.OperationalError)
"""The database cannot be reached, is starting, shuts down, or has no connection left: try again later."""

Refused: Final = DBAPIError
"""The database answered no (what is in `Away` is one of these too: catch that first)."""

CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_MS: Final = 30_000
_DRIVER: Final = "postgresql+psycopg://"
_EXAMPLE: Final = "postgresql://user:password@host:5432/qingyun"


class NoDatabaseAddressError(ValueError):
    """No ``DATABASE_URL`` was given, or none that could be one of PostgreSQL."""


def connect(database_url: str, *, pool: int = 5, name: str = "qingyun") -> Engine:
    """Return an engine; connects when first used.

    Parameters
    ----------
    database_url
        ``postgresql+psycopg://…`` or ``postgresql://…``.
    pool
        At most so many connections.
    name
        What ``pg_stat_activity`` calls this process.

    Raises
    ------
    NoDatabaseAddressError
        If the address is empty, or not one of PostgreSQL.
    """
    return create_engine(
        _url(database_url),
        pool_size=pool,
        max_overflow=0,
        pool_timeout=CONNECT_TIMEOUT_S,
        pool_pre_ping=True,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": name,
            "options": f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC -c jit=off",
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )


def knock(database_url: str) -> None:
    """Return when the database answers; raises one of `Away` otherwise, or as `connect` does. Blocks a few seconds."""
    engine = connect(database_url, pool=1)
    try:
        engine.connect().close()
    finally:
        engine.dispose()


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
