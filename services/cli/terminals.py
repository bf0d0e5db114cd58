"""``python -m services terminals show|reopen``."""

import typer

from services.cli.tool import database, fail
from services.store import register
from services.store.register import Terminal

app = typer.Typer(no_args_is_help=True, help="Trucks' JT/T 808 terminals: who may speak to ingest.")


@app.command()
def show() -> None:
    """Print each terminal with its truck, and whether it has its code."""
    with database("terminals") as engine:
        for known in register.all_terminals(engine):
            typer.echo(f"{known.phone:<20} {known.truck_id:<8} {known.plate:<12} {known.profile:<14} {_code(known)}")


@app.command()
def reopen(phone: str) -> None:
    """Let a terminal register once more, after a repair or an exchange; its old code stays good until it has."""
    with database("terminals") as engine:
        found = any(register.reopen_terminal(engine, written) for written in dict.fromkeys((phone, phone.zfill(12))))
    if not found:
        fail(f"there is no terminal with the phone number {phone!r}")
    typer.echo(f"{phone} may register once more")


def _code(known: Terminal) -> str:
    if known.reopened:
        return "reopened: may register once more"
    return "has its code" if known.auth_hash is not None else "has no code yet"
