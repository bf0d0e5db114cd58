"""Moments as people ask for them (ISO with a zone, the city's local time, or milliseconds), and as they read them."""

import datetime as dt
from typing import Final

from streams.events import EARLIEST_MS, LATEST_MS

_UTC_START: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def moment_ms(text: str, zone: dt.tzinfo) -> int:
    """Return a moment in milliseconds since 1970 UTC; what names no zone is local to ``zone``.

    Raises
    ------
    ValueError
        If it is none; the sentence says what is expected.
    """
    try:
        time_ms = int(text) if text.lstrip("-").isdigit() else _iso_ms(text, zone)
    except (ValueError, OverflowError):
        time_ms = LATEST_MS + 1
    if not EARLIEST_MS <= time_ms <= LATEST_MS:
        raise ValueError(
            f"{text} is no moment: give local time ({zone}) such as 2026-06-16T08:30, with a zone 2026-06-16T08:30+08:00 "
            "or 2026-06-16T00:30Z, or milliseconds since 1970"
        )
    return time_ms


def _iso_ms(text: str, zone: dt.tzinfo) -> int:
    at = dt.datetime.fromisoformat(text)
    at = at if at.tzinfo is not None else at.replace(tzinfo=zone)
    return (at - _UTC_START) // dt.timedelta(milliseconds=1)


def local(time_ms: float, zone: dt.tzinfo) -> dt.datetime | None:
    """Return the local time; None in a year that calendars do not have."""
    try:
        return dt.datetime.fromtimestamp(time_ms / 1000, zone)
    except (ValueError, OverflowError, OSError):
        return None
