"""ChirpStack v4 uplinks (HTTP integration, JSON) to bin readings.

Source: chirpstack/chirpstack, HTTP and Kafka integrations; members are camelCase. A reading that cannot be used is
still an event: ``invalid`` says why, for the sensor's health.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any, Final, TypeGuard

from services.ingest import fields, sensors
from services.ingest.intake import Rejected, profile_number
from services.ingest.sensors import Measured
from services.store.register import Device
from streams.events import BinReading

PROTOCOL: Final = "chirpstack"
FARTHEST_MM: Final = 20_000.0
"""No bin is deeper; ultrasonic sensors end at 4 to 10 m."""
HEAVIEST_KG: Final = 50_000.0
"""No container weighs more."""
COLDEST_C, HOTTEST_C = -60.0, 300.0
"""Beyond these a temperature is a fault of the sensor (a burning bin is hotter, but then the sensor is gone)."""


@dataclass(frozen=True)
class Uplink:
    """The envelope of an uplink; the payload is read once the device is known."""

    dev_eui: str
    event_time_ms: int | None
    counter: int | None
    decoded: dict[str, Any]
    payload: bytes


def envelope(body: bytes) -> Uplink:
    """Read who sent what; raises `intake.Rejected`."""
    given = fields.json_object(body)
    dev_eui = fields.text(fields.member(given, "deviceInfo"), "devEui", longest=32)
    if dev_eui is None:
        raise Rejected("deviceInfo.devEui is missing, expected 16 hex digits")
    return Uplink(
        dev_eui=dev_eui.lower(),
        event_time_ms=fields.time_ms(given, "time"),
        counter=_counter(fields.number(given, "fCnt")),
        decoded=fields.member(given, "object"),
        payload=_payload(fields.text(given, "data", longest=2000)),
    )


def is_sensor(device: Device | None, tenant_id: str) -> TypeGuard[Device]:
    """Whether the register knows it as the sensor of a bin of this tenant."""
    return device is not None and device.entity_kind == "bin" and device.tenant_id == tenant_id


def decode(uplink: Uplink, device: Device, received_time_ms: int) -> BinReading:
    """Return the reading of the device's bin. What the sensor could not measure, or not in earnest, is `invalid`."""
    try:
        measured = sensors.named(device.profile.get("sensor", "generic"))(uplink.decoded, uplink.payload)
        invalid = _invalid(measured)
        fill = None if invalid is not None else _fill(measured, device)
    except Rejected as rejected:
        measured, invalid, fill = Measured(), str(rejected), None
    return BinReading(
        tenant_id=device.tenant_id,
        bin_id=device.entity_id,
        event_time_ms=uplink.event_time_ms or received_time_ms,
        received_time_ms=received_time_ms,
        seq=uplink.counter,
        source=PROTOCOL,
        fill=fill,
        distance_mm=measured.distance_mm,
        weight_kg=measured.weight_kg,
        temperature_c=measured.temperature_c,
        tilted=measured.tilted,
        lid_open=measured.lid_open,
        battery=measured.battery,
        invalid=invalid,
    )


def _invalid(measured: Measured) -> str | None:
    """Why this is no reading of a bin; None = it is one."""
    if measured.fault is not None:
        return f"the sensor says {measured.fault!r}"
    if measured.distance_mm is None and measured.fill is None and measured.weight_kg is None:
        return "no distance, fill or weight came"
    return _out_of_range(measured) or (
        "the sensor is tilted: it does not look into the bin" if measured.tilted else None
    )


def _out_of_range(measured: Measured) -> str | None:
    if measured.distance_mm is not None and not 0 < measured.distance_mm <= FARTHEST_MM:
        return f"distance is {measured.distance_mm:.0f} mm, expected above 0 to {FARTHEST_MM:.0f}"
    if measured.fill is not None and not 0 <= measured.fill <= 1:
        return f"fill is {measured.fill}, expected 0 to 1"
    if measured.weight_kg is not None and not 0 <= measured.weight_kg <= HEAVIEST_KG:
        return f"weight is {measured.weight_kg} kg, expected 0 to {HEAVIEST_KG:.0f}"
    if measured.temperature_c is not None and not COLDEST_C <= measured.temperature_c <= HOTTEST_C:
        return f"temperature is {measured.temperature_c} °C, expected {COLDEST_C:.0f} to {HOTTEST_C:.0f}"
    return None


def _fill(measured: Measured, device: Device) -> float | None:
    """Fill of the usable depth: the sensor's own, else from the distance to the waste, clipped to 0-1."""
    if measured.fill is not None or measured.distance_mm is None:
        return measured.fill
    depth_mm, dead_zone_mm = profile_number(device, "depth_mm"), profile_number(device, "dead_zone_mm") or 0.0
    if depth_mm is None:
        return None
    usable_mm = depth_mm - dead_zone_mm
    if usable_mm <= 0:
        raise Rejected(f"dead_zone_mm {dead_zone_mm:.0f} leaves nothing of depth_mm {depth_mm:.0f}")
    return round(min(1.0, max(0.0, (usable_mm - measured.distance_mm) / usable_mm)), 4)


def _counter(value: float | None) -> int | None:
    return None if value is None or value < 0 else int(value)


def _payload(data: str | None) -> bytes:
    try:
        return base64.b64decode(data or "", validate=True)
    except binascii.Error as error:
        raise Rejected(f"data is not base64: {error}") from error
