"""Rows as files that people open: CSV for a spreadsheet (RFC 4180), GeoJSON for a map (RFC 7946). Pure.

A row is a flat mapping. Members ending in ``_ms`` are times (UTC ms): CSV has them in the city's zone as ``…_local``, in
the form every spreadsheet takes for a time; GeoJSON as ``…_time``, ISO 8601 with its offset. What is not known is an
empty cell, or null.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Any, Final

import msgspec

Row = Mapping[str, Any]

BOM: Final = "\ufeff"
"""Without it Excel reads a Chinese name as another code page."""
LINE_END: Final = "\r\n"
GEOMETRY: Final = "geometry"
"""The member of a row that is its place: a geometry, or None."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What a spreadsheet may take for the beginning of a formula; the wide ones in East Asian settings."""


def csv_header(columns: Sequence[str]) -> str:
    """Return the first line of a sheet, with the byte order mark."""
    return BOM + _written([[_local_name(name) for name in columns]])


def csv_lines(columns: Sequence[str], rows: Iterable[Row], zone: tzinfo) -> str:
    """Return rows as lines, each with its end."""
    return _written([[_cell(name, row.get(name), zone) for name in columns] for row in rows])


def features(columns: Sequence[str], rows: Iterable[Row], zone: tzinfo) -> list[bytes]:
    """Return rows as GeoJSON features."""
    return [
        msgspec.json.encode(
            {
                "type": "Feature",
                "geometry": right_handed(row.get(GEOMETRY)),
                "properties": {_time_name(name): _property(name, row.get(name), zone) for name in columns},
            }
        )
        for row in rows
    ]


def point(lon: float | None, lat: float | None) -> dict[str, Any] | None:
    """Return a place as a geometry; None = not known."""
    return None if lon is None or lat is None else {"type": "Point", "coordinates": [lon, lat]}


def right_handed(geometry: Any) -> Any:
    """Return a geometry whose outer rings run counterclockwise and whose holes run clockwise, as RFC 7946 wants it."""
    match geometry:
        case {"type": "Polygon", "coordinates": rings}:
            return {**geometry, "coordinates": _wound(rings)}
        case {"type": "MultiPolygon", "coordinates": polygons}:
            return {**geometry, "coordinates": [_wound(rings) for rings in polygons]}
        case {"type": "GeometryCollection", "geometries": parts}:
            return {**geometry, "geometries": [right_handed(part) for part in parts]}
    return geometry


def _wound(rings: Sequence[Any]) -> list[Any]:
    return [ring if (_area(ring) >= 0) is (at == 0) else list(reversed(ring)) for at, ring in enumerate(rings)]


def _area(ring: Sequence[Any]) -> float:
    """Return twice the area, positive if the ring runs counterclockwise."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True)) if ring else 0.0


def _written(lines: Iterable[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator=LINE_END).writerows(lines)
    return text.getvalue()


def _cell(name: str, value: Any, zone: tzinfo) -> str:
    if value is None:
        return ""
    if name.endswith("_ms"):
        at = _moment(value, zone)
        return "" if at is None else f"{at:%Y-%m-%d %H:%M:%S}"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value) if math.isfinite(value) else ""
    return guarded("; ".join(str(one) for one in value) if isinstance(value, list | tuple) else str(value))


def guarded(text: str) -> str:
    """Return text that no spreadsheet runs: what looks like a formula gets an apostrophe in front."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _property(name: str, value: Any, zone: tzinfo) -> Any:
    if name.endswith("_ms") and value is not None:
        at = _moment(value, zone)
        return None if at is None else at.isoformat(timespec="seconds")
    return value


def _moment(value: Any, zone: tzinfo) -> datetime | None:
    """Return a time as the city writes it; None where no calendar has it (a device may say anything)."""
    try:
        return datetime.fromtimestamp(value / 1000, zone)
    except (OverflowError, ValueError, OSError):
        return None


def _local_name(name: str) -> str:
    return f"{name.removesuffix('_ms')}_local" if name.endswith("_ms") else name


def _time_name(name: str) -> str:
    return f"{name.removesuffix('_ms')}_time" if name.endswith("_ms") else name
