"""The newest of everything, as data: which of two positions of a truck it is, and the picture the live map starts from.

One rule for the recorder's table and the live map. No database here: `services.store.live` reads the picture.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from streams.events import PHONE_WAITS_MS, BinReading, Event, TruckState
from streams.units import DAY_MS


def rank_ms(state: TruckState) -> int:
    """Return the number by which the newest position of a truck is chosen: the larger one wins.

    A phone's fix counts as `PHONE_WAITS_MS` older than it is. So it replaces a terminal's only after that much silence,
    and the terminal takes over again at once.
    """
    waits_ms = PHONE_WAITS_MS if state.by_phone else 0
    return _happened_ms(state) - waits_ms


def reading_rank_ms(reading: BinReading) -> int:
    """Return the number by which the newest reading of a bin is chosen: the larger one wins."""
    return _happened_ms(reading)


def _happened_ms(measured: TruckState | BinReading) -> int:
    """Return when it was measured, by what says so: nothing was measured after it came.

    So a clock that is ahead wins until the next record comes, not until the day it shows.
    """
    came_ms = measured.received_time_ms
    return measured.event_time_ms if came_ms is None else min(measured.event_time_ms, came_ms)


ALERTS_BACK_MS: Final = DAY_MS
"""Alerts that are over are shown for so long."""


class Position(NamedTuple):
    """The newest record of a truck, and the last good place, which may be older."""

    state: TruckState
    lon: float | None
    lat: float | None


class Reading(NamedTuple):
    """The newest record of a bin, and the last usable fill, which may be older."""

    reading: BinReading
    fill: float | None


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The newest of everything. ``offsets``: first record of each partition (topic, number) that is not in it."""

    offsets: dict[tuple[str, int], int]
    positions: list[Position]
    readings: list[Reading]
    events: list[Event]


class Arrival(NamedTuple):
    """A record, and when it came (city time): what is told again in that order is what the live map was told."""

    at_ms: int
    event: Event
