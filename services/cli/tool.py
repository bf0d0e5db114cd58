"""What the tools share: one sentence and exit code 1 when they cannot, and a database that is let go of."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, tzinfo
from typing import Any, Final, NoReturn
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from services import clock, store
from services.settings import Settings
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS

_UNITS_MS: Final = {"m": MINUTE_MS, "h": HOUR_MS, "d": DAY_MS}


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


def moment_ms(text: str, now_ms: int | None = None) -> int:
    """Return the moment that a person means by ``30m``, ``6h``, ``2d`` (ago; default: of the wall clock), or a date and time.

    Raises
    ------
    typer.BadParameter
        If it is none of these.
    """
    if ago := re.fullmatch(r"(\d+)([mhd])", text):
        return (clock.wall_now_ms() if now_ms is None else now_ms) - int(ago[1]) * _UNITS_MS[ago[2]]
    try:
        return iso_ms(text, UTC)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is no time: expected 30m, 6h, 2d or 2026-11-25T06:00") from error


def iso_ms(text: str, zone: tzinfo) -> int:
    """Return a date and time in milliseconds; one that names no zone is of ``zone``. Raises ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp() * 1000)


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its name, or end the tool."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        fail(f"{name!r} is no time zone: expected a name such as Europe/Lisbon")
