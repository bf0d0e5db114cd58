"""``python -m services terminals show|reopen``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from services import store
from services.settings import Settings
from services.store import register
from services.store.register import Terminal

app = typer.Typer(no_args_is_help=True, help="Trucks' JT/T 808 terminals: who may speak to ingest.")


@app.command()
def show() -> None:
    """Print each terminal with its truck, and whether it has its code."""
    with _engine() as engine:
        for known in register.all_terminals(engine):
            typer.echo(f"{known.phone:<20} {known.truck_id:<8} {known.plate:<12} {known.profile:<14} {_code(known)}")


@app.command()
def reopen(phone: str) -> None:
    """Let a terminal register once more, after a repair or an exchange; its old code stays good until it has."""
    with _engine() as engine:
        found = any(register.reopen_terminal(engine, written) for written in dict.fromkeys((phone, phone.zfill(12))))
    if not found:
        typer.echo(f"there is no terminal with the phone number {phone!r}", err=True)
        raise typer.Exit(1)
    typer.echo(f"{phone} may register once more")


def _code(known: Terminal) -> str:
    if known.reopened:
        return "reopened: may register once more"
    return "has its code" if known.auth_hash is not None else "has no code yet"


@contextmanager
def _engine() -> Iterator[Any]:
    try:
        engine = store.connect(Settings.from_env(os.environ).database_url)
        yield engine
        engine.dispose()
    except (store.NoDatabaseAddressError, *store.Away) as error:
        typer.echo(str(error).strip().partition("\n")[0], err=True)
        raise typer.Exit(1) from error
