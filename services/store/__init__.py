"""PostgreSQL: tables, migrations, queries. The door to SQLAlchemy: nobody else imports it."""

from services.store.engine import (
    Away,
    NoDatabaseAddressError,
    Refused,
    RefusedValueError,
    connect,
    knock,
    reason,
    understood,
)

__all__ = [
    "Away",
    "NoDatabaseAddressError",
    "Refused",
    "RefusedValueError",
    "connect",
    "knock",
    "reason",
    "understood",
]
