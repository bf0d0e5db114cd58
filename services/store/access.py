"""Users, sessions and keys. Wall time throughout: a session's life has nothing to do with the city's clock.

Passwords are kept by Argon2id (RFC 9106, second recommended option: 64 MiB, 3 passes, 4 lanes), at most two at once, so
that logging in cannot starve the machine. Sessions and keys are 256 random bits, kept as SHA-256.
"""

import threading
import uuid
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import Engine, Row, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from services import clock
from services.store.register import new_secret, secret_hash
from services.store.schema import api_keys, sessions, users

Role = Literal["dispatcher", "driver", "officer", "manager", "administrator"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

SESSION_IDLE_MS: Final = 8 * 3_600_000
"""A session ends when it was not used for so long: a shift."""
SESSION_LIFE_MS: Final = 24 * 3_600_000
"""A session ends after this, used or not."""
MIN_PASSWORD_LENGTH: Final = 12
MAX_PASSWORD_LENGTH: Final = 200
KEY_PREFIX: Final = "qyk_"
"""Every key begins with it, so that a leaked one can be recognised."""

_SEEN_EVERY_MS: Final = 60_000
_hasher: Final = PasswordHasher(time_cost=3, memory_cost=64 * 1024, parallelism=4)
_two_at_once: Final = threading.BoundedSemaphore(2)


class LoginTakenError(ValueError):
    """Another user has this login."""


class WeakPasswordError(ValueError):
    """The password is too short or too long; the message says the limits."""


@dataclass(frozen=True, kw_only=True)
class User:
    """Who asks: a person, or (``user_id`` begins with "key:") a machine with a key."""

    user_id: str
    tenant_id: str
    district_id: str | None
    login: str
    name: str
    role: Role
    driver_id: str | None = None
    truck_id: str | None = None


def add_user(
    engine: Engine,
    *,
    tenant_id: str,
    login: str,
    password: str,
    name: str,
    role: Role,
    district_id: str | None = None,
    driver_id: str | None = None,
    truck_id: str | None = None,
) -> User:
    """Add a user.

    Raises
    ------
    LoginTakenError, WeakPasswordError
    ValueError
        If there is no such role, or a driver has no truck.
    """
    if role not in ROLES:
        raise ValueError(f"role is {role!r}, expected one of {', '.join(ROLES)}")
    if role == "driver" and (driver_id is None or truck_id is None):
        raise ValueError("a driver needs a driver_id and a truck_id")
    user = User(
        user_id=str(uuid.uuid4()),
        tenant_id=tenant_id,
        district_id=district_id,
        login=login,
        name=name,
        role=role,
        driver_id=driver_id,
        truck_id=truck_id,
    )
    row = {**vars(user), "password_hash": _hash(password)}
    try:
        with engine.begin() as connection:
            connection.execute(insert(users).values(row))
    except IntegrityError as error:
        raise LoginTakenError(f"the login {login!r} is taken") from error
    return user


def set_password(engine: Engine, login: str, password: str) -> bool:
    """Give a user another password and end all sessions; False = there is no such user."""
    hashed = _hash(password)
    with engine.begin() as connection:
        found = connection.execute(select(users.c.user_id).where(users.c.login == login)).scalar_one_or_none()
        if found is None:
            return False
        connection.execute(update(users).where(users.c.user_id == found).values(password_hash=hashed))
        connection.execute(delete(sessions).where(sessions.c.user_id == found))
    return True


def disable_user(engine: Engine, login: str) -> bool:
    """Shut a user out and end all sessions; False = there is no such user."""
    with engine.begin() as connection:
        statement = update(users).where(users.c.login == login).values(disabled_ms=clock.wall_now_ms())
        found = connection.execute(statement.returning(users.c.user_id)).scalar_one_or_none()
        if found is not None:
            connection.execute(delete(sessions).where(sessions.c.user_id == found))
    return found is not None


def user_by_login(engine: Engine, login: str) -> User | None:
    """Return the user with this login, disabled or not."""
    with engine.connect() as connection:
        row = connection.execute(select(users).where(users.c.login == login)).one_or_none()
    return None if row is None else _user(row)


def check_password(engine: Engine, login: str, password: str) -> User | None:
    """Return the user, or None if login and password do not fit. Takes about 0.1 s of a core, also for unknown logins."""
    with engine.connect() as connection:
        active = and_(users.c.login == login, users.c.disabled_ms.is_(None))
        row = connection.execute(select(users).where(active)).one_or_none()
    hashed = row.password_hash if row is not None else _nobodys_hash()
    with _two_at_once:
        try:
            _hasher.verify(hashed, password[:MAX_PASSWORD_LENGTH])
        except VerifyMismatchError:
            return None
    return None if row is None else _user(row)


def open_session(engine: Engine, user: User) -> str:
    """Return the token of a new session, shown once; sessions that are over go away."""
    token, now_ms = new_secret(), clock.wall_now_ms()
    over = or_(sessions.c.seen_ms < now_ms - SESSION_IDLE_MS, sessions.c.created_ms < now_ms - SESSION_LIFE_MS)
    with engine.begin() as connection:
        connection.execute(delete(sessions).where(over))
        connection.execute(
            insert(sessions).values(
                token_hash=secret_hash(token),
                tenant_id=user.tenant_id,
                district_id=user.district_id,
                user_id=user.user_id,
                created_ms=now_ms,
                seen_ms=now_ms,
            )
        )
    return token


def session_user(engine: Engine, token: str) -> User | None:
    """Return whose session this is; None = there is none, it is over, or the user is disabled."""
    now_ms, hashed = clock.wall_now_ms(), secret_hash(token)
    alive = and_(
        sessions.c.token_hash == hashed,
        sessions.c.seen_ms >= now_ms - SESSION_IDLE_MS,
        sessions.c.created_ms >= now_ms - SESSION_LIFE_MS,
        users.c.disabled_ms.is_(None),
    )
    found = select(users, sessions.c.seen_ms).join(sessions, sessions.c.user_id == users.c.user_id).where(alive)
    with engine.begin() as connection:
        row = connection.execute(found).one_or_none()
        if row is not None and row.seen_ms < now_ms - _SEEN_EVERY_MS:
            connection.execute(update(sessions).where(sessions.c.token_hash == hashed).values(seen_ms=now_ms))
    return None if row is None else _user(row)


def close_session(engine: Engine, token: str) -> None:
    """End a session; an unknown one is no error."""
    with engine.begin() as connection:
        connection.execute(delete(sessions).where(sessions.c.token_hash == secret_hash(token)))


def create_key(
    engine: Engine,
    tenant_id: str,
    name: str,
    role: Role,
    *,
    driver_id: str | None = None,
    truck_id: str | None = None,
    district_id: str | None = None,
) -> str:
    """Return a new key for a machine, shown once."""
    token = KEY_PREFIX + new_secret()
    with engine.begin() as connection:
        connection.execute(
            insert(api_keys).values(
                key_hash=secret_hash(token),
                key_id=str(uuid.uuid4()),
                tenant_id=tenant_id,
                district_id=district_id,
                name=name,
                role=role,
                driver_id=driver_id,
                truck_id=truck_id,
                created_ms=clock.wall_now_ms(),
            )
        )
    return token


def key_user(engine: Engine, token: str) -> User | None:
    """Return who holds this key; None = there is none, or it was revoked."""
    alive = and_(api_keys.c.key_hash == secret_hash(token), api_keys.c.revoked_ms.is_(None))
    with engine.connect() as connection:
        row = connection.execute(select(api_keys).where(alive)).one_or_none()
    if row is None:
        return None
    return User(
        user_id=f"key:{row.key_id}",
        tenant_id=row.tenant_id,
        district_id=row.district_id,
        login=row.name,
        name=row.name,
        role=row.role,
        driver_id=row.driver_id,
        truck_id=row.truck_id,
    )


def revoke_keys(engine: Engine, tenant_id: str, name: str) -> int:
    """Revoke a tenant's keys of this name; returns how many."""
    alive = and_(api_keys.c.tenant_id == tenant_id, api_keys.c.name == name, api_keys.c.revoked_ms.is_(None))
    with engine.begin() as connection:
        return connection.execute(update(api_keys).where(alive).values(revoked_ms=clock.wall_now_ms())).rowcount


def _user(row: Row[Any]) -> User:
    return User(**{name: getattr(row, name) for name in User.__dataclass_fields__})


def _hash(password: str) -> str:
    if not MIN_PASSWORD_LENGTH <= len(password) <= MAX_PASSWORD_LENGTH:
        raise WeakPasswordError(
            f"the password has {len(password)} characters, expected {MIN_PASSWORD_LENGTH} to {MAX_PASSWORD_LENGTH}"
        )
    with _two_at_once:
        return _hasher.hash(password)


_nobody: list[str] = []


def _nobodys_hash() -> str:
    """Return the hash of a password nobody has: an unknown login costs as much as a wrong password."""
    if not _nobody:
        _nobody.append(_hash(new_secret()))
    return _nobody[0]
