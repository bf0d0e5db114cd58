"""What the tools share: one sentence and exit code 1 when they cannot, and a database that is let go of."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import typer

from services import store
from services.settings import Settings


def fail(sentence: str) -> NoReturn:
    """End the tool: ``sentence`` names what was given, and what was expected."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


@contextmanager
def database(name: str, **options: Any) -> Iterator[Any]:
    """Connect to the database of DATABASE_URL as ``qingyun-<name>`` (options: of `store.connect`); disconnect at the end.

    That it does not answer, or refuses, is for `services.cli` to say.
    """
    engine = store.connect(Settings.from_env(os.environ).database_url, name=f"qingyun-{name}", **options)
    try:
        yield engine
    finally:
        engine.dispose()
