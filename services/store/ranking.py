"""Which of two positions of a truck is the newer one: one rule for the recorder's table and the live map."""

from typing import Final

from streams.events import TruckState

PHONE_SOURCES: Final = frozenset({"osmand"})
"""Sources that are a driver's phone, not a terminal built into the truck."""

PHONE_WAITS_MS: Final = 60_000
"""A phone fills gaps of the terminal's that are longer than this (contract, ``truck-states``)."""


def rank_ms(state: TruckState) -> int:
    """Return the number by which the newest position of a truck is chosen: the larger one wins.

    A phone's fix counts as `PHONE_WAITS_MS` older than it is. So it replaces a terminal's only after that much silence,
    and the terminal takes over again at once.
    """
    waits_ms = PHONE_WAITS_MS if state.source in PHONE_SOURCES else 0
    return state.event_time_ms - waits_ms
