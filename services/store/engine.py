"""The way to PostgreSQL: one engine a process, and what its failures mean."""

from typing import Final

import psycopg
from sqlalchemy import Engine, create_engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

Away: Final = (OperationalError, InterfaceError, PoolTimeoutError, psycopg.OperationalError)
"""The database cannot be reached, is starting, shuts down, or has no connection left: try again later."""

Refused: Final = DBAPIError
"""The database answered no (what is in `Away` is one of these too: catch that first)."""

CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_MS: Final = 30_000
_DRIVER: Final = "postgresql+psycopg://"


class NoDatabaseAddressError(ValueError):
    """No ``DATABASE_URL`` was given."""


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
        If the address is empty.
    """
    if not database_url:
        raise NoDatabaseAddressError(
            "DATABASE_URL is empty; set it, such as postgresql+psycopg://user@host:5432/qingyun"
        )
    for short in ("postgresql://", "postgres://"):
        if database_url.startswith(short):
            database_url = _DRIVER + database_url.removeprefix(short)
    return create_engine(
        database_url,
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
