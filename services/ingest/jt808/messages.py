"""Bodies of the messages we read (0x0100, 0x0102, 0x0200, 0x0704) and write (0x8001, 0x8100)."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from services.ingest.intake import Rejected


class Up(IntEnum):
    """Messages of a terminal."""

    ACKNOWLEDGE = 0x0001
    HEARTBEAT = 0x0002
    REGISTER = 0x0100
    AUTHENTICATE = 0x0102
    LOCATION = 0x0200
    LOCATIONS = 0x0704


class Down(IntEnum):
    """Messages of the platform."""

    ACKNOWLEDGE = 0x8001
    REGISTERED = 0x8100


class Result(IntEnum):
    """What an acknowledgement (0x8001) says."""

    DONE = 0
    FAILED = 1
    WRONG = 2
    UNSUPPORTED = 3


GMT8_MS: Final = 8 * 3_600_000
"""The standard says GMT+8, wherever the terminal is."""
FIXED_BYTES: Final = 28
"""Fixed part of a location report."""


@dataclass(frozen=True)
class Registration:
    """Who a terminal says it is (0x0100)."""

    terminal_id: str
    plate: str
    maker: str
    model: str


@dataclass(frozen=True)
class Authentication:
    """The code given at registration (0x0102); ``imei`` only from 2019 terminals."""

    code: str
    imei: str | None


@dataclass(frozen=True)
class Location:
    """A location report (0x0200) in the units of the wire; `report` turns it into a truck state."""

    alarm: int
    status: int
    lat_e6: int
    lon_e6: int
    altitude_m: int
    speed_dkmh: int
    """Tenths of km/h."""
    heading_deg: int
    time_ms: int
    """UTC ms, converted from the terminal's GMT+8."""
    items: dict[int, bytes]


@dataclass(frozen=True)
class Locations:
    """A batch of location reports (0x0704); ``resent`` = from a blind area, late."""

    resent: bool
    locations: tuple[bytes, ...]
    """Bodies of 0x0200: one that is wrong must not spoil the others."""


def bcd_time_ms(digits: bytes) -> int:
    """UTC ms of BCD ``YYMMDDhhmmss`` in GMT+8; raises `Rejected` for digits that are no time."""
    text = digits.hex()
    if not text.isdecimal():
        raise Rejected(f"time is {text}, expected BCD digits")
    year, month, day, hour, minute, second = (int(text[at : at + 2]) for at in range(0, 12, 2))
    try:
        local = dt.datetime(2000 + year, month, day, hour, minute, second, tzinfo=dt.UTC)
    except ValueError as error:
        raise Rejected(f"time is {text}, expected YYMMDDhhmmss: {error}") from error
    return round(local.timestamp()) * 1000 - GMT8_MS


def registration(body: bytes, *, v2019: bool) -> Registration:
    """Read 0x0100. Text is GBK, padded with zero bytes (some makers pad with blanks)."""
    maker_bytes, model_bytes, id_bytes = (11, 30, 30) if v2019 else (5, 20, 7)
    plate_at = 4 + maker_bytes + model_bytes + id_bytes + 1
    if len(body) < plate_at:
        raise Rejected(f"registration has {len(body)} bytes, expected at least {plate_at}")
    model_at, id_at = 4 + maker_bytes, 4 + maker_bytes + model_bytes
    return Registration(
        terminal_id=_text(body[id_at : id_at + id_bytes], "terminal id"),
        plate=_text(body[plate_at:], "plate"),
        maker=_text(body[4:model_at], "maker"),
        model=_text(body[model_at:id_at], "model"),
    )


def authentication(body: bytes, *, v2019: bool) -> Authentication:
    """Read 0x0102: 2013 = the code alone; 2019 = length, code, IMEI[15], software version[20]."""
    if not v2019:
        return Authentication(_text(body, "authentication code"), None)
    if not body or len(body) < 1 + body[0] + 15:
        raise Rejected(f"authentication has {len(body)} bytes, expected length, code, 15 of IMEI")
    code, imei = body[1 : 1 + body[0]], body[1 + body[0] : 1 + body[0] + 15]
    return Authentication(_text(code, "authentication code"), _text(imei, "IMEI"))


def location(body: bytes) -> Location:
    """Read 0x0200: the fixed part and the additional items (id, length, value, to the end)."""
    if len(body) < FIXED_BYTES:
        raise Rejected(f"location report has {len(body)} bytes, expected at least {FIXED_BYTES}")
    number: Callable[[int, int], int] = lambda start, end: int.from_bytes(body[start:end])  # noqa: E731
    return Location(
        alarm=number(0, 4),
        status=number(4, 8),
        lat_e6=number(8, 12),
        lon_e6=number(12, 16),
        altitude_m=number(16, 18),
        speed_dkmh=number(18, 20),
        heading_deg=number(20, 22),
        time_ms=bcd_time_ms(body[22:28]),
        items=_items(body[FIXED_BYTES:]),
    )


def _items(data: bytes) -> dict[int, bytes]:
    items: dict[int, bytes] = {}
    at = 0
    while at < len(data):
        if at + 1 >= len(data) or at + 2 + data[at + 1] > len(data):
            raise Rejected(f"additional item {data[at]:#04x} ends after the report, expected id, length, value")
        items[data[at]] = data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
    return items


def locations(body: bytes) -> Locations:
    """Read 0x0704: count, type (0 normal, 1 blind-area resend), then length and body of each report."""
    if len(body) < 3:
        raise Rejected(f"batch has {len(body)} bytes, expected count and type")
    count, kind = int.from_bytes(body[:2]), body[2]
    if kind not in (0, 1):
        raise Rejected(f"batch type is {kind}, expected 0 (normal) or 1 (resent)")
    found: list[bytes] = []
    at = 3
    while at < len(body):
        end = at + 2 + int.from_bytes(body[at : at + 2])
        if at + 2 > len(body) or end > len(body):
            raise Rejected(f"report {len(found) + 1} of the batch ends after the message")
        found.append(body[at + 2 : end])
        at = end
    if len(found) != count:
        raise Rejected(f"batch count is {count}, but {len(found)} reports follow")
    return Locations(kind == 1, tuple(found))


def acknowledgement(serial: int, message_id: int, result: Result) -> bytes:
    """Body of 0x8001."""
    return serial.to_bytes(2) + message_id.to_bytes(2) + result.to_bytes(1)


def registered(serial: int, code: str) -> bytes:
    """Body of 0x8100 with the new authentication code."""
    return serial.to_bytes(2) + b"\x00" + code.encode("ascii")


def _text(data: bytes, name: str) -> str:
    try:
        return data.decode("gbk").strip("\x00 ")
    except UnicodeDecodeError as error:
        raise Rejected(f"{name} is {data.hex()}, expected GBK text") from error
