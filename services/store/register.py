"""Who may speak to ingest: terminals by phone number, other devices by protocol and id.

Secrets are 256 random bits, so a plain SHA-256 keeps them: there is nothing to guess.
"""

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import Engine, Row, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from services.store.schema import devices, terminals

Protocol = Literal["osmand", "chirpstack", "weighbridge"]
EntityKind = Literal["truck", "bin", "facility", "source"]

_SECRET_BYTES: Final = 32
_FINGERPRINT: Final = text(
    """
    SELECT (SELECT concat(count(*), '/', sum(hashtextextended(one::text, 0))) FROM terminals AS one),
           (SELECT concat(count(*), '/', sum(hashtextextended(one::text, 0))) FROM devices AS one)
    """
)
"""The database reads and hashes the rows in a few ms; sending and reading them here would cost twenty times as much."""


def new_secret() -> str:
    """Return 256 random bits, URL-safe (43 characters)."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def secret_hash(secret: str) -> str:
    """Return what is stored of a secret: its SHA-256 as hex."""
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_fits(secret: str, stored: str | None) -> bool:
    """Whether ``secret`` is the one stored; takes the same time for any wrong one. Nothing fits None."""
    return stored is not None and hmac.compare_digest(secret_hash(secret), stored)


@dataclass(frozen=True, kw_only=True)
class Terminal:
    """A JT/T 808 terminal. ``auth_hash`` None = has no code yet; ``reopened`` = may register once more."""

    phone: str
    tenant_id: str
    district_id: str | None = None
    truck_id: str
    terminal_id: str
    plate: str
    profile: str
    auth_hash: str | None = None
    reopened: bool = False


@dataclass(frozen=True, kw_only=True)
class Device:
    """Another device, or (``entity_kind`` source) the sender of many devices' messages.

    A ChirpStack source is one Device with ``device_id`` = the source's name and the secret; its bins' sensors are
    Devices with ``device_id`` = devEui and no secret.
    """

    protocol: Protocol
    device_id: str
    tenant_id: str
    district_id: str | None = None
    entity_kind: EntityKind
    entity_id: str
    secret_hash: str | None = None
    profile: dict[str, Any] = field(default_factory=dict)


def terminal(engine: Engine, phone: str) -> Terminal | None:
    """Return the terminal of a phone number, or None."""
    with engine.connect() as connection:
        row = connection.execute(select(terminals).where(terminals.c.phone == phone)).one_or_none()
    return None if row is None else _terminal(row)


def fingerprint(engine: Engine) -> str:
    """Return a text that changes when any terminal or device does."""
    with engine.connect() as connection:
        return " ".join(connection.execute(_FINGERPRINT).one())


def all_terminals(engine: Engine) -> list[Terminal]:
    """Return every terminal, by phone number."""
    with engine.connect() as connection:
        return [_terminal(row) for row in connection.execute(select(terminals).order_by(terminals.c.phone))]


def upsert_terminal(engine: Engine, given: Terminal) -> None:
    """Add a terminal or change what is known of it; its code and whether it is reopened stay as they are."""
    values = {name: value for name, value in vars(given).items() if name not in ("auth_hash", "reopened")}
    statement = insert(terminals).values(**vars(given))
    with engine.begin() as connection:
        connection.execute(statement.on_conflict_do_update(index_elements=["phone"], set_=values))


def set_auth(engine: Engine, phone: str, auth_hash: str) -> bool:
    """Keep the code of a terminal that has none yet or was reopened; False = it has one, and keeps it."""
    may = or_(terminals.c.auth_hash.is_(None), terminals.c.reopened)
    statement = update(terminals).where(terminals.c.phone == phone, may).values(auth_hash=auth_hash, reopened=False)
    with engine.begin() as connection:
        return connection.execute(statement).rowcount == 1


def reopen_terminal(engine: Engine, phone: str) -> bool:
    """Let a terminal register once more; the old code stays good until then. False = there is no such terminal."""
    statement = update(terminals).where(terminals.c.phone == phone).values(reopened=True)
    with engine.begin() as connection:
        return connection.execute(statement).rowcount == 1


def device(engine: Engine, protocol: Protocol, device_id: str) -> Device | None:
    """Return a device, or None."""
    found = select(devices).where(devices.c.protocol == protocol, devices.c.device_id == device_id)
    with engine.connect() as connection:
        row = connection.execute(found).one_or_none()
    return None if row is None else _device(row)


def all_devices(engine: Engine) -> list[Device]:
    """Return every device, by protocol and id."""
    ordered = select(devices).order_by(devices.c.protocol, devices.c.device_id)
    with engine.connect() as connection:
        return [_device(row) for row in connection.execute(ordered)]


def upsert_device(engine: Engine, given: Device) -> None:
    """Add a device or change what is known of it; its secret is replaced only if one is given."""
    upsert_devices(engine, [given])


def upsert_devices(engine: Engine, given: list[Device]) -> None:
    """Add or change many devices in one transaction, as `upsert_device` does."""
    if not given:
        return
    statement = insert(devices)
    new = statement.excluded
    changes: dict[str, Any] = {
        name: new[name] for name in ("tenant_id", "district_id", "entity_kind", "entity_id", "profile")
    }
    changes["secret_hash"] = func.coalesce(new.secret_hash, devices.c.secret_hash)
    statement = statement.on_conflict_do_update(index_elements=["protocol", "device_id"], set_=changes)
    with engine.begin() as connection:
        connection.execute(statement, [vars(one) for one in given])


def _terminal(row: Row[Any]) -> Terminal:
    return Terminal(**row._mapping)  # noqa: SLF001  # SQLAlchemy's public name for "as a mapping"


def _device(row: Row[Any]) -> Device:
    return Device(**row._mapping)  # noqa: SLF001
