"""PostgreSQL: tables, migrations, queries. The door to SQLAlchemy: nobody else imports it."""

from services.store.engine import Away, NoDatabaseAddressError, Refused, connect, knock, reason

__all__ = ["Away", "NoDatabaseAddressError", "Refused", "connect", "knock", "reason"]
