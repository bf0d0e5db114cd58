"""JT/T 808 as a terminal writes it: frames of 2013 and 2019, registration, authentication, locations. Pure.

Written from the published format (header, escaping, check: SmallChi/JT808 and yezhihao/jt808-server, which agree;
status bits 28-31 and item 0xE1: the terminal profile ``muck-truck-a``). Ingest reads the standard by itself: the two
share no code, so a wrong reading of it shows.
"""

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

from services.simulator.state import Report

Header = Literal["2013", "2019"]

REGISTER: Final = 0x0100
AUTHENTICATE: Final = 0x0102
HEARTBEAT: Final = 0x0002
LOCATION: Final = 0x0200
LOCATIONS: Final = 0x0704
ACKNOWLEDGED: Final = 0x8001
REGISTERED: Final = 0x8100

MAX_BODY_BYTES: Final = 1023
BATCH_REPORTS: Final = 20
"""Reports in one 0x0704: 42 bytes each, so that a batch fits one frame."""
_FLAG: Final = 0x7E
_GMT8: Final = dt.timezone(dt.timedelta(hours=8))
_BIT_2019: Final = 1 << 14
_LEGACY_WIDTHS: Final = (5, 20, 7)
_WIDTHS_2019: Final = (11, 30, 30)
"""Bytes of maker, model and terminal id in 0x0100."""


class Answer(NamedTuple):
    """A frame of the platform."""

    message_id: int
    body: bytes


# --------------------------------------------------------------------------------------------- frames


def frame(message_id: int, body: bytes, *, phone: str, serial: int, header: Header) -> bytes:
    """Return the bytes on the wire: flag, escaped header + body + check, flag.

    Raises
    ------
    ValueError
        For a body longer than one frame holds.
    """
    if len(body) > MAX_BODY_BYTES:
        raise ValueError(f"body has {len(body)} bytes, expected at most {MAX_BODY_BYTES}")
    attributes = len(body) | (_BIT_2019 if header == "2019" else 0)
    number = bytes.fromhex(phone.zfill(20)) if header == "2019" else bytes.fromhex(phone.zfill(12))
    version = b"\x01" if header == "2019" else b""
    content = message_id.to_bytes(2) + attributes.to_bytes(2) + version + number + serial.to_bytes(2) + body
    check = 0
    for byte in content:
        check ^= byte
    # 7d first: the other way round it would escape the escapes.
    escaped = (content + bytes((check,))).replace(b"\x7d", b"\x7d\x01").replace(b"\x7e", b"\x7d\x02")
    return b"\x7e" + escaped + b"\x7e"


class Answers:
    """Takes the platform's bytes as they come and yields its whole frames; broken ones are left out."""

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> Iterator[Answer]:
        """Take bytes; yield the frames they complete."""
        *complete, self._held = (self._held + data).split(bytes((_FLAG,)))
        for escaped in complete:
            content = escaped.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
            check = 0
            for byte in content:
                check ^= byte
            if len(content) < 13 or check:
                continue
            attributes = int.from_bytes(content[2:4])
            body_at = 17 if attributes & _BIT_2019 else 12
            yield Answer(int.from_bytes(content[:2]), content[body_at : body_at + (attributes & MAX_BODY_BYTES)])


# --------------------------------------------------------------------------------------------- bodies


def registration(terminal_id: str, plate: str, header: Header) -> bytes:
    """Body of 0x0100; province and city are left open, the plate is yellow (colour 2: a large vehicle)."""
    maker, model, own_id = _WIDTHS_2019 if header == "2019" else _LEGACY_WIDTHS
    return (
        bytes(4)
        + b"QYSIM".ljust(maker, b"\0")[:maker]
        + b"TOWN-1".ljust(model, b"\0")[:model]
        + terminal_id.encode("gbk").ljust(own_id, b"\0")[:own_id]
        + b"\x02"
        + plate.encode("gbk")
    )


def authentication(code: str, header: Header) -> bytes:
    """Body of 0x0102: 2013 the code alone, 2019 its length, the code, an IMEI and a software version."""
    if header == "2013":
        return code.encode("gbk")
    return bytes((len(code),)) + code.encode("gbk") + b"860000000000000" + b"TOWN-1".ljust(20, b"\0")


def location(report: Report) -> bytes:
    """Body of 0x0200 with items 0x01 (odometer, 0.1 km) and 0xE1 (load, kg; all ones = not measured)."""
    status = (
        report.ignition
        | report.fix << 1
        | (report.lat < 0) << 2
        | (report.lon < 0) << 3
        | (0b11 if report.full else 0b01 if report.loaded else 0) << 8
        | 1 << 18  # GPS in use
        | report.loaded << 28
        | report.cover_open << 29
        | report.bed_raised << 30
    )
    load = 0xFFFFFFFF if report.load_kg is None else round(report.load_kg)
    return (
        bytes(4)
        + status.to_bytes(4)
        + round(abs(report.lat) * 1e6).to_bytes(4)
        + round(abs(report.lon) * 1e6).to_bytes(4)
        + report.altitude_m.to_bytes(2)
        + round(report.speed_mps * 36).to_bytes(2)
        + (round(report.heading_deg) % 360).to_bytes(2)
        + bcd_time(report.time_ms)
        + b"\x01\x04"
        + round(report.odometer_m / 100).to_bytes(4)
        + b"\xe1\x04"
        + load.to_bytes(4)
    )


def locations(reports: Sequence[Report]) -> bytes:
    """Body of 0x0704, type 1: a blind-area resend."""
    bodies = [location(report) for report in reports]
    return len(bodies).to_bytes(2) + b"\x01" + b"".join(len(body).to_bytes(2) + body for body in bodies)


def bcd_time(at_ms: int) -> bytes:
    """BCD ``YYMMDDhhmmss`` in GMT+8, as the standard has it everywhere."""
    return bytes.fromhex(dt.datetime.fromtimestamp(at_ms // 1000, _GMT8).strftime("%y%m%d%H%M%S"))
