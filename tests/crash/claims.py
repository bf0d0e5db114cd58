"""What an acknowledgement claims: records that are on a topic and in a table, named by members that say which.

Frames are read here by the published format alone: neither the simulator's writer nor ingest's decoder is trusted.
"""

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from services.recorder.mappings import MAPPINGS
from services.simulator.ledger import Entry
from streams import topics
from streams.topics import Topic

POISON: Final = "poison"
"""Door of what nobody can use: ``device`` is its topic, ``message`` its bytes and whether the worker sets them aside."""
_LOCATION, _LOCATIONS = 0x0200, 0x0704
_BIT_2019: Final = 1 << 14
_BODY_BYTES: Final = 0x3FF
_TIME_AT: Final = 22
"""Of the six BCD bytes in a location: alarm 4, status 4, lat 4, lon 4, altitude 2, speed 2, heading 2 before it."""


class Claim(NamedTuple):
    """A record with these members is on the topic, and its row is in the table."""

    topic: Topic
    table: str
    members: tuple[tuple[str, Any], ...]


class Frame(NamedTuple):
    """A terminal's message: its serial number and the times of the reports in it, UTC ms."""

    serial: int
    times_ms: tuple[int, ...]


def claims_of(entry: Entry) -> Iterator[Claim]:
    """Yield what an entry of a ledger claims."""
    yield from _DOORS[entry.door](entry)


def frame_of(data: bytes) -> Frame:
    """Read a JT/T 808 frame: its serial, and the times of its 0x0200 or 0x0704."""
    content = data[1:-1].replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
    message_id, attributes = int.from_bytes(content[:2]), int.from_bytes(content[2:4])
    serial_at = 15 if attributes & _BIT_2019 else 10
    body = content[serial_at + 2 : serial_at + 2 + (attributes & _BODY_BYTES)]
    reports = {_LOCATION: (body,), _LOCATIONS: tuple(_batch(body))}.get(message_id, ())
    return Frame(int.from_bytes(content[serial_at : serial_at + 2]), tuple(map(_time_ms, reports)))


def _batch(body: bytes) -> Iterator[bytes]:
    at = 3
    for _ in range(int.from_bytes(body[:2])):
        length = int.from_bytes(body[at : at + 2])
        yield body[at + 2 : at + 2 + length]
        at += 2 + length


def _time_ms(location: bytes) -> int:
    written = location[_TIME_AT : _TIME_AT + 6].hex()
    gmt8 = dt.datetime.strptime(f"{written}+0800", "%y%m%d%H%M%S%z")
    return round(gmt8.timestamp()) * 1000


def _jt808(entry: Entry) -> Iterator[Claim]:
    frame = frame_of(bytes.fromhex(entry.message["frame"]))
    for time_ms in frame.times_ms:
        members = (("terminal_id", entry.device), ("event_time_ms", time_ms), ("seq", frame.serial))
        yield Claim(topics.TRUCK_STATES, "positions", members)


def _osmand(entry: Entry) -> Iterator[Claim]:
    members = (("terminal_id", entry.device), ("event_time_ms", entry.message["time_ms"]), ("seq", None))
    yield Claim(topics.TRUCK_STATES, "positions", members)


def _chirpstack(entry: Entry) -> Iterator[Claim]:
    message = entry.message
    members = (("bin_id", entry.device), ("event_time_ms", message["time_ms"]), ("seq", message["counter"]))
    yield Claim(topics.BIN_READINGS, "bin_readings", members)


def _by_id(topic: Topic, table: str, member: str) -> Callable[[Entry], Iterator[Claim]]:
    def claim(entry: Entry) -> Iterator[Claim]:
        yield Claim(topic, table, ((member, next(iter(entry.message.values()))),))

    return claim


def _topic(entry: Entry) -> Iterator[Claim]:
    """A record that Kafka has confirmed: ``device`` is its topic."""
    topic = topics.BY_NAME[entry.device]
    table = next(mapping.table for mapping in MAPPINGS if mapping.topic is topic)
    yield Claim(topic, table, tuple(entry.message.items()))


_DOORS: Final[dict[str, Callable[[Entry], Iterator[Claim]]]] = {
    "jt808": _jt808,
    "osmand": _osmand,
    "chirpstack": _chirpstack,
    "weighbridge": _by_id(topics.WEIGHINGS, "weighings", "weighing_id"),
    "driver": _by_id(topics.DRIVER_ACTIONS, "driver_actions", "action_id"),
    "dispatch-actions": _by_id(topics.DISPATCH_ACTIONS, "dispatch_actions", "action_id"),
    "alert-actions": _by_id(topics.ALERT_ACTIONS, "alert_actions", "action_id"),
    "orders": _by_id(topics.ORDERS, "orders", "order_id"),
    "topic": _topic,
    POISON: lambda _: iter(()),  # judged with the dead letters
}
