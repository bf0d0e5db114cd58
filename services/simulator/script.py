"""What is played in a city: its seed, how fast containers fill, what goes wrong. Files beside the city's own.

``town.json``, ``demand.csv`` and ``quiet_places.csv`` belong to the simulator alone: no other part reads them.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from services.city.folder import City, FolderError, LonLat, read_json, read_rows

DeedKind = Literal["spill", "dump", "uncovered", "deviation", "dead_zone", "load_sensor", "cover_sensor"]


class PlannedDeed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A misdeed of a certain truck, ``after_s`` city seconds from the play's begin, or as soon as it can after that."""

    kind: DeedKind
    truck_id: str
    after_s: int


class Script(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``town.json``.

    ``deeds_per_trip``: how likely each misdeed is on one drive with a load (faults of devices: on any drive).
    ``skips_per_stop``: how likely a container cannot be reached. ``sensor_minutes``: between two uplinks of a container.
    """

    seed: int
    planned: tuple[PlannedDeed, ...] = ()
    deeds_per_trip: dict[DeedKind, float] = {}
    skips_per_stop: float = 0.01
    sensor_minutes: int = 30


class DemandRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``demand.csv``: what goes into a container on an average day, and when."""

    bin_id: str
    litres_per_day: float
    rhythm: Literal["household", "restaurants", "canteen", "shops", "mixed"]


class QuietRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``quiet_places.csv``: a lonely roadside."""

    lon: float
    lat: float


class Play(msgspec.Struct, frozen=True, kw_only=True):
    """The script with its tables."""

    script: Script
    demand: Mapping[str, DemandRow]
    quiet_places: tuple[LonLat, ...]


FILES: Final = ("town.json", "demand.csv", "quiet_places.csv")


def read(city: City, misdeeds: float = 1.0) -> Play:
    """Read and check what is played in a city; raises `FolderError`.

    ``misdeeds``: how many times as often as it says there trucks misbehave by chance; on every drive at most.
    """
    script = read_json(city.path / "town.json", Script)
    demand = {row.bin_id: row for row in read_rows(city.path / "demand.csv", DemandRow)}
    for row in city.bins:
        if row.bin_id not in demand:
            raise FolderError(f"demand.csv: bin {row.bin_id} of bins.csv is missing")
    trucks = {truck.truck_id for truck in city.trucks}
    for deed in script.planned:
        if deed.truck_id not in trucks:
            raise FolderError(f"town.json: planned {deed.kind} has truck_id {deed.truck_id!r}, which does not exist")
    quiet = tuple((row.lon, row.lat) for row in read_rows(city.path / "quiet_places.csv", QuietRow))
    script = msgspec.structs.replace(script, deeds_per_trip=_times(script.deeds_per_trip, misdeeds))
    return Play(script=script, demand=demand, quiet_places=quiet)


def _times(deeds_per_trip: Mapping[DeedKind, float], misdeeds: float) -> dict[DeedKind, float]:
    """Return the chances so many times as high; together they stay 1 at most."""
    often = min(misdeeds, 1.0 / max(1e-9, sum(deeds_per_trip.values())))
    return {kind: chance * often for kind, chance in deeds_per_trip.items()}
