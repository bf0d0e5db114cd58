"""What the streams hear in a small run: a town's trucks, bins, drivers, plans and time, in the order of their arrival.

Endless and seeded. Every third truck dumps, the others drive uncovered or off the street (`town.drives`). Reports come as
they come from the street: some overtake others, come late or twice; one truck's clock is hours off, one counts nothing;
and now and then comes what nobody can use (`Poison`).
"""

import json
import random
from collections.abc import Callable, Iterator
from string import ascii_lowercase
from typing import Any, Final, NamedTuple

import msgspec

from streams import codec, events, topics
from streams.events import Event
from streams.topics import Topic
from streams.units import HOUR_MS, SECOND_MS
from streams.worker.role import INPUTS
from tests.unit.streams import town

TRUCKS: Final = tuple(f"w{number:02}" for number in range(24))
BINS: Final = tuple(f"b{number:02}" for number in range(30))
TICK_MS: Final = 10 * SECOND_MS
ROUND_MS: Final = 3_600 * SECOND_MS
"""From a round of all drives to the next."""
START_MS: Final = town.START_MS
WRONG_CLOCK, UNNUMBERED = "w04", "w08"
CLOCK_OFF_MS: Final = 8 * HOUR_MS
"""A device set to Beijing's time that calls it UTC."""
SWAPPED_MS: Final = 12 * SECOND_MS
"""Such a report comes after the next one of its truck."""
WAITED_FOR_MS: Final = (16 * SECOND_MS, 26 * SECOND_MS)
"""… and such a one while it is waited for (30 s, `streams.watermark.Bounds`); …"""
TOO_LATE_MS: Final = (45 * SECOND_MS, 100 * SECOND_MS)
"""… and such a one afterwards, but before its delay could be taken for a wrong clock."""
RESENT_MS: Final = (2 * SECOND_MS, 40 * SECOND_MS)
"""The same again, by whoever did not hear that it was taken."""
SHARES: Final = (("swapped", 0.02), ("waited for", 0.01), ("too late", 0.01), ("twice", 0.03))
POISON_EVERY: Final = 120
"""Records from one that nobody can use to the next: far below what ends a worker (1 % of 10,000, 100 in a row)."""
LONG_ID: Final = 10_000


class Poison(NamedTuple):
    """A record that must be set aside, once by each who reads it. Its bytes are no other's."""

    topic: Topic
    key: str
    value: bytes
    headers: list[tuple[str, bytes]]
    by_worker: bool
    """Its bytes are unusable; otherwise only the database refuses what they say."""


def reference() -> list[Event]:
    """What exists."""
    lon, lat = town.at(3_000, 40)
    bins = [
        events.Asset(id=bin_id, kind="bin", material="residual", lon=lon, lat=lat, valid_from_ms=0) for bin_id in BINS
    ]
    return [*town.records(TRUCKS), *bins]


def stream(seed: int) -> Iterator[Event | Poison]:
    """Yield records for ever; ticks among them, each to be sent to every partition."""
    chance = random.Random(seed)
    at_ms, number = START_MS, 0
    for turn in range(1_000_000):
        for arrival_ms, fix in _arrivals(chance, turn):
            while at_ms + TICK_MS <= arrival_ms:
                at_ms += TICK_MS
                yield events.Tick(at_ms=at_ms)
            yield fix
            number += 1
            yield from _beside(chance, number, arrival_ms, fix.truck_id)
            if number % POISON_EVERY == 0:
                yield poison(chance, seed + number // POISON_EVERY)


def _arrivals(chance: random.Random, turn: int) -> list[tuple[int, events.TruckState]]:
    """One drive of each truck in the order of arrival; serial numbers and times go on from the turn before."""
    arrivals: list[tuple[int, events.TruckState]] = []
    for drive in town.drives(TRUCKS, first_seed=1_000 * turn):
        for fix in drive.fixes:
            arrivals += _arrived(chance, _later(fix, turn * ROUND_MS, turn * len(drive.fixes)))
    return sorted(arrivals, key=lambda one: one[0])


def _arrived(chance: random.Random, fix: events.TruckState) -> Iterator[tuple[int, events.TruckState]]:
    """Yield when a report comes, and as what: most at once, some later, some twice."""
    at_ms = fix.received_time_ms or fix.event_time_ms
    drawn = chance.random()
    happens = ""
    for what, share in SHARES:
        if not happens and drawn < share:
            happens = what
        drawn -= share
    delays = {"waited for": WAITED_FOR_MS, "too late": TOO_LATE_MS}
    if happens == "swapped":
        at_ms += SWAPPED_MS
    elif happens in delays:
        at_ms += chance.randint(*delays[happens])
    yield at_ms, _reported(fix, at_ms)
    if happens == "twice":
        again_ms = at_ms + chance.randint(*RESENT_MS)
        yield again_ms, _reported(fix, again_ms, resent=True)


def _reported(fix: events.TruckState, at_ms: int, **changed: Any) -> events.TruckState:
    """Return a report as its device writes it and as it is received."""
    if fix.truck_id == WRONG_CLOCK:
        changed["event_time_ms"] = fix.event_time_ms + CLOCK_OFF_MS
    if fix.truck_id == UNNUMBERED:
        changed["seq"] = None
    return msgspec.structs.replace(fix, received_time_ms=at_ms, **changed)


def _later(fix: events.TruckState, later_ms: int, later_seq: int) -> events.TruckState:
    return msgspec.structs.replace(
        fix,
        event_time_ms=fix.event_time_ms + later_ms,
        received_time_ms=(fix.received_time_ms or fix.event_time_ms) + later_ms,
        seq=((fix.seq or 0) + later_seq) % 65_536,
    )


def _beside(chance: random.Random, number: int, at_ms: int, truck_id: str) -> Iterator[Event]:
    """What else is said meanwhile: a bin's filling, a driver's press, a plan."""
    said: dict[str, Any] = {"received_time_ms": at_ms}
    if number % 7 == 0:
        yield events.BinReading(
            bin_id=chance.choice(BINS), event_time_ms=at_ms, seq=number, fill=round(chance.random(), 3), **said
        )
    if number % 53 == 0:
        yield events.DriverAction(
            action_id=f"a{number}", truck_id=truck_id, kind=chance.choice(("sos", "breakdown")),
            event_time_ms=at_ms, **said,
        )  # fmt: skip
    if number % 31 == 0:
        truck = number // 31 - 1
        yield events.TruckPlan(
            truck_id=TRUCKS[truck % len(TRUCKS)], plan_version=1 + truck // len(TRUCKS), made_ms=at_ms,
            reason="first_plan", material="construction",
        )  # fmt: skip


# --------------------------------------------------------------------------------------------- what nobody can use


def poison(chance: random.Random, number: int) -> Poison:
    """Return the so-manieth record that nobody can use: kinds and topics in turn, each kind on each topic in the end."""
    kind, make = POISONS[number % len(POISONS)]
    topic = POISONED[(number + number // len(POISONS)) % len(POISONED)]
    mark = f"poison {number}: {kind}"
    return make(topic, f"p{number}", mark, chance)


def _valid(topic: Topic, entity_id: str, mark: str) -> Event:
    """Return a record of a topic that could be used. ``mark`` stands in it, where the topic has room for words."""
    at_ms = START_MS
    match topic:
        case topics.TRUCK_STATES:
            return events.TruckState(truck_id=entity_id, event_time_ms=at_ms, source=mark)
        case topics.BIN_READINGS:
            return events.BinReading(bin_id=entity_id, event_time_ms=at_ms, source=mark)
        case topics.WEIGHINGS:
            return events.Weighing(
                weighing_id=mark, facility_id="f1", truck_id=entity_id, event_time_ms=at_ms, material=mark
            )
        case topics.DRIVER_ACTIONS:
            return events.DriverAction(
                action_id=mark, truck_id=entity_id, kind="skipped", event_time_ms=at_ms, note=mark
            )
        case topics.PLANS:
            return events.TruckPlan(truck_id=entity_id, plan_version=1, made_ms=at_ms, reason="shift", run_id=mark)
        case _:
            return events.AlertAction(action_id=mark, alert_id=entity_id, actor="town", kind="note", at_ms=at_ms)


def _bytes(topic: Topic, key: str, value: bytes, *, by_worker: bool = True, schema: str = "") -> Poison:
    headers = [(codec.SCHEMA_HEADER, schema.encode())] if schema else codec.headers(topic)
    return Poison(topic, key, value, headers, by_worker and topic in INPUTS)


def _not_json(topic: Topic, key: str, mark: str, chance: random.Random) -> Poison:
    return _bytes(topic, key, f'{{"{mark}": '.encode() + chance.randbytes(20))


def _wrong_types(topic: Topic, key: str, mark: str, _: random.Random) -> Poison:
    members = json.loads(codec.encode(_valid(topic, key, mark)))
    return _bytes(topic, key, json.dumps({name: [mark, member] for name, member in members.items()}).encode())


def _missing_keys(topic: Topic, key: str, mark: str, _: random.Random) -> Poison:
    return _bytes(topic, key, json.dumps({"note": mark}).encode())


def _long_id(topic: Topic, _: str, mark: str, chance: random.Random) -> Poison:
    long_id = "".join(chance.choices(ascii_lowercase, k=LONG_ID))
    return _bytes(topic, long_id[:100], codec.encode(_valid(topic, long_id, mark)))


def _unknown_schema(topic: Topic, key: str, mark: str, _: random.Random) -> Poison:
    return _bytes(topic, key, codec.encode(_valid(topic, key, mark)), schema=f"{topic.schema}000")


def _refused(_: Topic, __: str, mark: str, chance: random.Random) -> Poison:
    """A character that JSON knows and no column of text takes: the worker hears a press, the tables cannot have it."""
    press = _valid(topics.DRIVER_ACTIONS, chance.choice(TRUCKS), f"{mark}\0")
    return _bytes(topics.DRIVER_ACTIONS, codec.key_of(press), codec.encode(press), by_worker=False)


POISONED: Final = (
    topics.TRUCK_STATES,
    topics.BIN_READINGS,
    topics.DRIVER_ACTIONS,
    topics.WEIGHINGS,
    topics.PLANS,
    topics.ALERT_ACTIONS,
)
POISONS: Final[tuple[tuple[str, Callable[[Topic, str, str, random.Random], Poison]], ...]] = (
    ("not JSON", _not_json),
    ("wrong types", _wrong_types),
    ("missing keys", _missing_keys),
    ("a long id", _long_id),
    ("unknown schema", _unknown_schema),
    ("refused by the database", _refused),
)
