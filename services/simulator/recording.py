"""A real recording: 68 garbage trucks of Jersey City, 2015, as phones would send them today. Pure but for the reading.

Source and licence: ``data/NOTICE.md``. Times are shifted by whole weeks, in local time, so that weekdays and hours of
the day stay what they were.
"""

import csv
import datetime as dt
import gzip
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from streams import events

FILE: Final = Path(__file__).parent / "data" / "jersey_city_garbage_trucks_gps.psv.gz"
TENANT: Final = "jersey-city"
ZONE: Final = ZoneInfo("America/New_York")
_DEVICE_PREFIX: Final = "jersey-city-"


class Fix(NamedTuple):
    """One recorded fix. ``vehicle``: as the city numbers it."""

    vehicle: str
    lon: float
    lat: float
    local_time: dt.datetime


def read(path: Path = FILE) -> list[Fix]:
    """Return the recording in order of time (and of the file, where times are equal)."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        fixes = [
            Fix(line["vehicle"], float(line["lon"]), float(line["lat"]), dt.datetime.fromisoformat(line["local_time"]))
            for line in csv.DictReader(lines, delimiter="|")
        ]
    return sorted(fixes, key=lambda fix: fix.local_time)


def shifted_ms(fixes: Sequence[Fix], now_ms: int) -> list[int]:
    """Return the fixes' times, UTC ms, moved by whole weeks so that the last one is at most a week before ``now_ms``."""
    now_local = dt.datetime.fromtimestamp(now_ms / 1000, ZONE).replace(tzinfo=None)
    weeks = dt.timedelta(weeks=(now_local - max(fix.local_time for fix in fixes)) // dt.timedelta(weeks=1))
    return [round((fix.local_time + weeks).replace(tzinfo=ZONE).timestamp() * 1000) for fix in fixes]


def truck_id(vehicle: str) -> str:
    """Return the truck's id in its tenant."""
    return f"jc-{vehicle}"


def device_id(vehicle: str) -> str:
    """Return the phone's id; ids are shared by all tenants of an ingest door."""
    return _DEVICE_PREFIX + vehicle


def trucks(vehicles: Iterable[str], valid_from_ms: int) -> list[events.Asset]:
    """Return the trucks as they exist from a moment on. Nothing but their number is known of them."""
    return [
        events.Asset(
            tenant_id=TENANT,
            id=truck_id(vehicle),
            kind="truck",
            name=vehicle,
            plate=vehicle,
            valid_from_ms=valid_from_ms,
            time_zone=ZONE.key,
        )
        for vehicle in sorted(vehicles)
    ]
