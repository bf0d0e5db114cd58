"""What a bin sensor's payload says, by model: one function a model in `SENSORS`. Missing is not zero.

Sources: Milesight-IoT/SensorDecoders (EM310-UDL, EM400-UDL/MUD: payload tables), Dragino's LDDS75 and Netvox's
R718X decoders for The Things Network (their texts in place of numbers).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from services.ingest import fields
from services.ingest.intake import Rejected


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What one payload says; None = not said. ``fault`` = why the sensor measured nothing, in its own words."""

    distance_mm: float | None = None
    fill: float | None = None
    weight_kg: float | None = None
    temperature_c: float | None = None
    tilted: bool | None = None
    lid_open: bool | None = None
    battery: float | None = None
    fault: str | None = None


Sensor = Callable[[Mapping[str, Any], bytes], Measured]
"""(decoded object of ChirpStack's codec or {}, payload bytes) → what was measured."""

_NUMBER_FIRST: Final = re.compile(r"\s*(-?\d+(?:\.\d+)?)")
_POSITIONS: Final = {"normal": False, "tilt": True}


def milesight(decoded: Mapping[str, Any], payload: bytes) -> Measured:
    """EM310-UDL and EM400-UDL/MUD: by ChirpStack's codec if there is one, else from the bytes."""
    given = decoded or _milesight_bytes(payload)
    position = fields.text(given, "position")
    if position is not None and position not in _POSITIONS:
        raise Rejected(f"position is {position!r}, expected normal or tilt")
    return Measured(
        distance_mm=fields.number(given, "distance"),
        temperature_c=fields.number(given, "temperature"),
        tilted=None if position is None else _POSITIONS[position],
        battery=_fraction(given, "battery"),
    )


_MILESIGHT_CHANNELS: Final[dict[tuple[int, int], tuple[str, int]]] = {
    (0x01, 0x75): ("battery", 1),
    (0x03, 0x67): ("temperature", 2),
    (0x03, 0x82): ("distance", 2),
    (0x04, 0x82): ("distance", 2),
    (0x04, 0x00): ("position", 1),
    (0x05, 0x00): ("position", 1),
    (0x06, 0x88): ("location", 9),
    (0x83, 0x67): ("temperature", 3),
    (0x84, 0x82): ("distance", 3),
}
"""(channel, type) → member and length; the third byte of an alarm is its kind. Little-endian."""


def _milesight_bytes(payload: bytes) -> dict[str, Any]:
    return dict(_milesight_members(payload))


def _milesight_members(payload: bytes) -> Iterator[tuple[str, Any]]:
    at = 0
    while at + 2 <= len(payload):
        channel = payload[at], payload[at + 1]
        if channel not in _MILESIGHT_CHANNELS:
            raise Rejected(f"data has channel {channel[0]:02x} {channel[1]:02x}, expected one of EM310 or EM400")
        name, length = _MILESIGHT_CHANNELS[channel]
        value = payload[at + 2 : at + 2 + length]
        if len(value) < length:
            raise Rejected(f"data ends inside {name}")
        at += 2 + length
        if name == "position":
            yield name, "tilt" if value[0] else "normal"
        elif name == "temperature":
            yield name, int.from_bytes(value[:2], "little", signed=True) / 10
        elif name != "location":
            yield name, int.from_bytes(value[:2], "little")


def dragino(decoded: Mapping[str, Any], _: bytes) -> Measured:
    """LDDS75 (by ChirpStack's codec): mm, as a number, as text ("1840 mm"), or as the reason why there is none."""
    value = decoded.get("Distance", decoded.get("distance"))
    if not isinstance(value, str):
        return Measured(distance_mm=fields.number({"Distance": value}, "Distance"))
    found = _NUMBER_FIRST.match(value)
    return Measured(fault=value.strip()[:80]) if found is None else Measured(distance_mm=float(found[1]))


def netvox(decoded: Mapping[str, Any], _: bytes) -> Measured:
    """R718X (by its codec): mm and percent. ``Volt`` may be text such as "3.1(low battery)": no fraction is known."""
    percent = fields.number(decoded, "FillLevel")
    return Measured(
        distance_mm=fields.number(decoded, "Distance"),
        fill=None if percent is None else percent / 100,
        temperature_c=fields.number(decoded, "Temp"),
    )


def generic(decoded: Mapping[str, Any], _: bytes) -> Measured:
    """Any codec that names its members as `Measured` does (``distance`` also stands for mm, ``battery`` is percent)."""
    distance_mm = fields.number(decoded, "distance_mm")
    position = decoded.get("position")
    return Measured(
        distance_mm=fields.number(decoded, "distance") if distance_mm is None else distance_mm,
        fill=fields.number(decoded, "fill"),
        weight_kg=fields.number(decoded, "weight_kg"),
        temperature_c=fields.number(decoded, "temperature"),
        tilted=_POSITIONS.get(position) if isinstance(position, str) else fields.flag(decoded, "tilted"),
        lid_open=fields.flag(decoded, "lid_open"),
        battery=_fraction(decoded, "battery"),
    )


SENSORS: Final[dict[str, Sensor]] = {
    "milesight-em310": milesight,
    "milesight-em400": milesight,
    "dragino-ldds75": dragino,
    "netvox-r718x": netvox,
    "generic": generic,
}
"""Every model, by the name a device's profile gives as ``sensor``."""


def named(name: object) -> Sensor:
    """Return a model; raises `Rejected` for one that is not known."""
    sensor = SENSORS.get(str(name))
    if sensor is None:
        raise Rejected(f"sensor is {name!r}, expected one of {', '.join(SENSORS)}")
    return sensor


def _fraction(given: Mapping[str, Any], name: str) -> float | None:
    """Percent to 0-1; what is no percentage is unknown (255 = not measured on several models)."""
    percent = fields.number(given, name)
    return percent / 100 if percent is not None and 0 <= percent <= 100 else None
