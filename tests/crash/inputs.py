"""What the streams hear in a small run: a town's trucks, bins, drivers, plans and time, in the order of their time.

Endless and seeded. Every third truck dumps, the others drive uncovered or off the street (`town.drives`).
"""

import random
from collections.abc import Iterator
from typing import Any, Final

import msgspec

from streams import events
from streams.events import Event
from streams.units import SECOND_MS
from tests.unit.streams import town

TRUCKS: Final = tuple(f"w{number:02}" for number in range(24))
BINS: Final = tuple(f"b{number:02}" for number in range(30))
TICK_MS: Final = 10 * SECOND_MS
ROUND_MS: Final = 3_600 * SECOND_MS
"""From a round of all drives to the next."""
START_MS: Final = town.START_MS


def reference() -> list[Event]:
    """What exists."""
    lon, lat = town.at(3_000, 40)
    bins = [
        events.Asset(id=bin_id, kind="bin", material="residual", lon=lon, lat=lat, valid_from_ms=0) for bin_id in BINS
    ]
    return [*town.records(TRUCKS), *bins]


def stream(seed: int) -> Iterator[Event]:
    """Yield records for ever; ticks among them, each to be sent to every partition."""
    chance = random.Random(seed)
    at_ms, number = START_MS, 0
    for turn in range(1_000_000):
        for fix in _fixes(turn):
            while at_ms + TICK_MS <= fix.event_time_ms:
                at_ms += TICK_MS
                yield events.Tick(at_ms=at_ms)
            yield fix
            number += 1
            yield from _beside(chance, number, fix)


def _fixes(turn: int) -> list[events.TruckState]:
    """One drive of each truck, in the order of their times; serial numbers and times go on from the turn before."""
    fixes = (
        _later(fix, turn * ROUND_MS, turn * len(drive.fixes))
        for drive in town.drives(TRUCKS, first_seed=1_000 * turn)
        for fix in drive.fixes
    )
    return sorted(fixes, key=lambda fix: fix.event_time_ms)


def _later(fix: events.TruckState, later_ms: int, later_seq: int) -> events.TruckState:
    return msgspec.structs.replace(
        fix,
        event_time_ms=fix.event_time_ms + later_ms,
        received_time_ms=(fix.received_time_ms or fix.event_time_ms) + later_ms,
        seq=((fix.seq or 0) + later_seq) % 65_536,
    )


def _beside(chance: random.Random, number: int, fix: events.TruckState) -> Iterator[Event]:
    """What else is said meanwhile: a bin's filling, a driver's press, a plan."""
    at_ms = fix.received_time_ms or fix.event_time_ms
    said: dict[str, Any] = {"received_time_ms": at_ms}
    if number % 7 == 0:
        yield events.BinReading(
            bin_id=chance.choice(BINS), event_time_ms=at_ms, seq=number, fill=round(chance.random(), 3), **said
        )
    if number % 53 == 0:
        yield events.DriverAction(
            action_id=f"a{number}", truck_id=fix.truck_id, kind=chance.choice(("sos", "breakdown")),
            event_time_ms=at_ms, **said,
        )  # fmt: skip
    if number % 31 == 0:
        truck = number // 31 - 1
        yield events.TruckPlan(
            truck_id=TRUCKS[truck % len(TRUCKS)], plan_version=1 + truck // len(TRUCKS), made_ms=at_ms,
            reason="first_plan", material="construction",
        )  # fmt: skip
