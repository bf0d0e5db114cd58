"""Terminal profiles: which bit, item and polarity mean cover, bed and load. Data: ``services/ingest/profiles/*.toml``.

There is no national standard for muck trucks, and vendors give the same item ids different meanings, so every
terminal names its profile in the register.
"""

from functools import cache
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from services.ingest.intake import Rejected
from streams.events import Bed, Cover, Health, LoadState

FOLDER: Final = Path(__file__).parent.parent / "profiles"

Position = Annotated[int, Meta(ge=0, le=31)]
ItemId = Annotated[int, Meta(ge=0, le=255)]


class Fault(Struct, frozen=True, forbid_unknown_fields=True):
    """A bit that says a sensor is broken while it is 1. ``item`` None = the status word."""

    bit: Position
    health: Health
    item: ItemId | None = None


class CoverSensor(Struct, frozen=True, forbid_unknown_fields=True):
    """The bit of the cover and what its two values mean."""

    bit: Position
    off: Cover
    on: Cover
    item: ItemId | None = None
    faults: tuple[Fault, ...] = ()


class BedSensor(Struct, frozen=True, forbid_unknown_fields=True):
    """The bit of the bed (or tailgate) and what its two values mean."""

    bit: Position
    off: Bed
    on: Bed
    item: ItemId | None = None
    faults: tuple[Fault, ...] = ()


class LoadSensor(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the load is told: a bit of the status word, the standard's status bits 8-9, an item in kg."""

    bit: Position | None = None
    off: LoadState = "unknown"
    on: LoadState = "unknown"
    standard_bits: bool = False
    item: ItemId | None = None
    kg_per_unit: float = 1.0
    faults: tuple[Fault, ...] = ()


class Maintenance(Struct, frozen=True, forbid_unknown_fields=True):
    """The bit that is 1 while the terminal is in maintenance."""

    bit: Position
    item: ItemId | None = None


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """What one model of terminal says beyond the standard; None = it has no such sensor."""

    name: str
    source: str
    cover: CoverSensor | None = None
    bed: BedSensor | None = None
    load: LoadSensor | None = None
    maintenance: Maintenance | None = None


def parse(toml: bytes) -> Profile:
    """Read a profile; raises `Rejected` with the member that is wrong."""
    try:
        return msgspec.toml.decode(toml, type=Profile)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Rejected(f"terminal profile cannot be used: {error}") from error


@cache
def profiles() -> dict[str, Profile]:
    """Return every profile carried here, by name; raises `Rejected` if a file is wrong."""
    found = [parse(path.read_bytes()) for path in sorted(FOLDER.glob("*.toml"))]
    return {profile.name: profile for profile in found}


def named(name: str) -> Profile:
    """Return a profile; raises `Rejected` for a name that no file has."""
    try:
        return profiles()[name]
    except KeyError:
        raise Rejected(f"terminal profile is {name!r}, expected one of {', '.join(profiles())}") from None
