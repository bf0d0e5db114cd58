"""``python -m services database migrate|show``."""

import os
import time

import typer

from services import store
from services.settings import Settings
from services.store import inspect
from services.store import migrate as tool

app = typer.Typer(no_args_is_help=True, help="The tables in PostgreSQL (DATABASE_URL).")


@app.command()
def migrate(wait_s: float = 30.0) -> None:
    """Bring the tables to the newest revision; waits up to --wait-s seconds for the database to answer."""
    try:
        engine = store.connect(Settings.from_env(os.environ).database_url)
        give_up = time.monotonic() + wait_s
        while True:
            try:
                before = tool.revision(engine)
                break
            except store.Away:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.3)
        after = tool.migrate(engine)
    except (*store.Away, store.NoDatabaseAddressError) as error:
        typer.echo(_sentence(error), err=True)
        raise typer.Exit(1) from error
    typer.echo(f"database at revision {after.at}" + ("" if before.at == after.at else f", was {before.at or 'empty'}"))


@app.command()
def show() -> None:
    """Print the revision, the size of each table and the recorder's offsets."""
    try:
        engine = store.connect(Settings.from_env(os.environ).database_url)
        revision = tool.revision(engine)
        typer.echo(f"revision {revision.at or '(empty database)'}, newest {revision.newest}")
        if revision.at is None:
            return
        for table in inspect.tables(engine):
            typer.echo(f"{table.name:<18} {table.rows:>10} rows (estimate) {table.size_bytes / 2**20:>8.1f} MiB")
        for topic, records in inspect.recorded(engine).items():
            typer.echo(f"{topic:<18} {records:>10} records taken into the tables")
    except (*store.Away, store.NoDatabaseAddressError) as error:
        typer.echo(_sentence(error), err=True)
        raise typer.Exit(1) from error


def _sentence(error: BaseException) -> str:
    if isinstance(error, store.NoDatabaseAddressError):
        return str(error)
    first_line = str(error).strip().splitlines()[0]
    return f"the database does not answer: {first_line}"
