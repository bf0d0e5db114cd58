"""Typed members out of JSON objects and query strings; whatever is wrong is named."""

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from services.ingest.intake import Rejected
from streams.events import LATEST_MS

_MILLISECONDS_FROM: Final = 100_000_000_000
"""A bare number above this is milliseconds: as seconds it would be the year 5138."""


def json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in ``body``. NaN, infinities and endless nesting are no JSON here."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Rejected(f"body is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Rejected(f"body is a JSON {type(found).__name__}, expected an object")
    return found


def member(given: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return an object inside; an empty one if it is missing or null."""
    value = given.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Rejected(f"{name} is {_shown(value)}, expected an object")
    return value


def text(given: Mapping[str, Any], name: str, *, longest: int = 200) -> str | None:
    """Return a text member; None if it is missing, null or empty."""
    value = given.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > longest:
        raise Rejected(f"{name} is {_shown(value)}, expected text of at most {longest} characters")
    return value


def number(given: Mapping[str, Any], name: str) -> float | None:
    """Return a finite number, given as one or as text; None if it is missing, null or empty."""
    value = given.get(name)
    if value is None or value == "":
        return None
    try:
        found = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise Rejected(f"{name} is {_shown(value)}, expected a number")
    return found


def required(value: float | None, name: str) -> float:
    """Return the number; raises `Rejected` if it is missing."""
    if value is None:
        raise Rejected(f"{name} is missing, expected a number")
    return value


def flag(given: Mapping[str, Any], name: str) -> bool | None:
    """Return true or false, given as JSON or as text; None if it is missing, null or empty."""
    value = given.get(name)
    if value is None or value == "":
        return None
    known = {"true": True, "1": True, "false": False, "0": False}
    found = known.get(str(value).lower())
    if found is None:
        raise Rejected(f"{name} is {_shown(value)}, expected true or false")
    return found


def time_ms(given: Mapping[str, Any], name: str) -> int | None:
    """Return UTC ms of a time given in seconds, milliseconds or ISO 8601 (without a zone: UTC); None if missing."""
    value = given.get(name)
    if value is None or value == "":
        return None
    try:
        seconds = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return _bounded_ms(_iso_ms(value, name), value, name)
    if not math.isfinite(seconds):
        raise Rejected(f"{name} is {_shown(value)}, expected a time")
    return _bounded_ms(round(seconds if seconds > _MILLISECONDS_FROM else seconds * 1000), value, name)


def _bounded_ms(found_ms: int, value: object, name: str) -> int:
    if not 0 < found_ms <= LATEST_MS:
        raise Rejected(f"{name} is {_shown(value)}, expected a time between 1970 and 9999")
    return found_ms


def _iso_ms(value: object, name: str) -> int:
    try:
        found = dt.datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Rejected(f"{name} is {_shown(value)}, expected seconds, milliseconds or ISO 8601") from error
    zoned = found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)
    return round(zoned.timestamp() * 1000)


def _shown(value: object) -> str:
    """Return a value for a sentence: not longer than a line."""
    shown = repr(value)
    return shown if len(shown) <= 80 else shown[:77] + "..."
