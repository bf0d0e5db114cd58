"""Brings the database to the newest revision, and says where it is."""

from pathlib import Path
from typing import Final, NamedTuple

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, select

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x51_59_4D_49_47
"""Number of the advisory lock that lets one migration run at a time ("QYMIG")."""


class Revision(NamedTuple):
    """Where the database is (None = empty) and where it should be."""

    at: str | None
    newest: str


def migrate(engine: Engine, to: str = "head") -> Revision:
    """Run what is missing up to revision ``to``, or take back what is beyond it, in one transaction each.

    Two that start at once run one after the other.

    Raises
    ------
    RuntimeError
        If a step back would lose what is never deleted; the message says what.
    """
    config = _config()
    script = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        connection.execute(select(func.pg_advisory_lock(_LOCK)))
        connection.commit()
        try:
            config.attributes["connection"] = connection
            at = MigrationContext.configure(connection).get_current_revision()
            connection.commit()
            back = at is not None and to != "head" and to not in {"base", at} and _is_before(script, to, at)
            (command.downgrade if back or to == "base" else command.upgrade)(config, to)
        finally:
            connection.rollback()
            connection.execute(select(func.pg_advisory_unlock(_LOCK)))
            connection.commit()
    return revision(engine)


def revision(engine: Engine) -> Revision:
    """Return where the database is; raises `engine.Away` if it cannot be reached."""
    newest = ScriptDirectory.from_config(_config()).get_current_head()
    assert newest is not None, "the first migration is part of the program"  # noqa: S101
    with engine.connect() as connection:
        return Revision(MigrationContext.configure(connection).get_current_revision(), newest)


def _is_before(script: ScriptDirectory, one: str, other: str) -> bool:
    return any(revision.revision == one for revision in script.iterate_revisions(other, "base"))


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config
