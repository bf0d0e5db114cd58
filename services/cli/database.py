"""``python -m services database migrate|show|retain|read-anew``."""

import os
import time

import typer

from services import store
from services.cli.tool import database, fail
from services.recorder import keeping
from services.settings import Settings
from services.store import inspect, retention, sink
from services.store import migrate as tool

app = typer.Typer(no_args_is_help=True, help="The tables in PostgreSQL (DATABASE_URL).")


@app.command()
def migrate(wait_s: float = 30.0, to: str = "head") -> None:
    """Bring the tables to the newest revision (or --to another); waits up to --wait-s seconds for the database."""
    with database("migrate", timeout_s=0) as engine:
        give_up = time.monotonic() + wait_s
        while True:
            try:
                before = tool.revision(engine)
                break
            except store.Away:
                if time.monotonic() > give_up:
                    raise
                time.sleep(0.3)
        try:
            after = tool.migrate(engine, to)
        except RuntimeError as error:
            fail(str(error))
    typer.echo(f"database at revision {after.at}" + ("" if before.at == after.at else f", was {before.at or 'empty'}"))


@app.command()
def show() -> None:
    """Print the revision, the size of each table and the recorder's offsets."""
    with database("show") as engine:
        revision = tool.revision(engine)
        typer.echo(f"revision {revision.at or '(empty database)'}, newest {revision.newest}")
        if revision.at is None:
            return
        for table in inspect.tables(engine):
            typer.echo(f"{table.name:<18} {table.rows:>10} rows (estimate) {table.size_bytes / 2**20:>8.1f} MiB")
        for topic, records in inspect.recorded(engine).items():
            typer.echo(f"{topic:<18} {records:>10} records taken into the tables")


@app.command()
def retain() -> None:
    """Make the days to come, thin and drop those that are over: what the recorder does every ten minutes."""
    settings = Settings.from_env(os.environ)
    with database("retain", timeout_s=0, silent_s=settings.database_timeout_s) as engine:
        try:
            dropped = keeping.keep(engine, settings)
        except retention.UnkeptError as error:
            fail(f"some days are not kept, all others are: {error}")
    for table, gone in dropped.items():
        typer.echo(f"{table:<18} {len(gone):>4} days dropped")


@app.command()
def read_anew(topic: str) -> None:
    """Let recorder (and evidence) read TOPIC from its beginning: after it was deleted and made anew. Rows that are there stay."""
    with database("read-anew") as engine:
        if not sink.read_anew(engine, topic):
            fail(f"nothing of a topic {topic!r} is in the tables")
    typer.echo(f"{topic} will be read from its beginning when the recorder starts")
