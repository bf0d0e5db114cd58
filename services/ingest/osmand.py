"""OsmAnd protocol: drivers' phones and the Traccar client. Form parameters (speed in knots) or JSON (speed in m/s).

Source: traccar/traccar, ``OsmAndProtocolDecoder.java``. A phone knows nothing of cover, bed and load.
"""

from collections.abc import Mapping
from typing import Any

from services.ingest import fields, intake
from services.ingest.intake import Rejected
from services.store.register import Device
from streams.events import TruckState
from streams.units import knots_to_mps

PROTOCOL = "osmand"
MAX_ALARMS = 16


def device_id(params: Mapping[str, Any], body: bytes) -> str | None:
    """Return who says to speak: ``id`` or ``deviceid``, or ``device_id`` of the JSON form; None if nobody is named."""
    named = fields.text(params, "id") or fields.text(params, "deviceid")
    if named is None and body.lstrip()[:1] == b"{":
        return fields.text(fields.json_object(body), "device_id")
    return named


def decode(params: Mapping[str, Any], body: bytes, device: Device, received_time_ms: int) -> TruckState:
    """Return the fix in a request; raises `intake.Rejected`.

    ``params``: query and form parameters. ``body``: the JSON form, if it is one.
    """
    if body.lstrip()[:1] == b"{":
        return _from_json(fields.json_object(body), device, received_time_ms)
    return _from_form(params, device, received_time_ms)


def _from_form(params: Mapping[str, Any], device: Device, received_time_ms: int) -> TruckState:
    fixed = fields.flag(params, "valid") is not False
    speed_knots = _measured(fields.number(params, "speed"))
    lon, lat = _form_place(params, fixed=fixed)
    heading = fields.number(params, "bearing")
    return TruckState(
        tenant_id=device.tenant_id,
        truck_id=device.entity_id,
        terminal_id=device.device_id,
        event_time_ms=fields.time_ms(params, "timestamp") or received_time_ms,
        received_time_ms=received_time_ms,
        source=PROTOCOL,
        lon=lon,
        lat=lat,
        fix=fixed,
        accuracy_m=_measured(fields.number(params, "accuracy")),
        mocked=fields.flag(params, "mock") is True,
        speed_mps=None if speed_knots is None else round(intake.speed(knots_to_mps(speed_knots)), 3),
        heading_deg=_heading(fields.number(params, "heading") if heading is None else heading),
        ignition=fields.flag(params, "ignition"),
        alarms=_alarms(fields.text(params, "alarm")),
        driver_id=fields.text(params, "driverUniqueId"),
    )


def _from_json(given: Mapping[str, Any], device: Device, received_time_ms: int) -> TruckState:
    location = fields.member(given, "location")
    coords = fields.member(location, "coords")
    lon = fields.required(fields.number(coords, "longitude"), "location.coords.longitude")
    lat = fields.required(fields.number(coords, "latitude"), "location.coords.latitude")
    speed_mps = _measured(fields.number(coords, "speed"))
    extras = fields.member(location, "extras")
    lon, lat = intake.place(lon, lat)
    return TruckState(
        tenant_id=device.tenant_id,
        truck_id=device.entity_id,
        terminal_id=device.device_id,
        event_time_ms=fields.time_ms(location, "timestamp") or received_time_ms,
        received_time_ms=received_time_ms,
        source=PROTOCOL,
        lon=lon,
        lat=lat,
        accuracy_m=_measured(fields.number(coords, "accuracy")),
        mocked=fields.flag(location, "mock") is True,
        speed_mps=None if speed_mps is None else intake.speed(speed_mps),
        heading_deg=_heading(fields.number(coords, "heading")),
        odometer_m=_measured(fields.number(location, "odometer")),
        alarms=_alarms(fields.text(extras, "alarm")),
        driver_id=fields.text(extras, "driverUniqueId"),
    )


def _form_place(params: Mapping[str, Any], *, fixed: bool) -> tuple[float | None, float | None]:
    together = fields.text(params, "location")
    given = dict(zip(("lat", "lon"), together.split(","), strict=False)) if together else params
    lon, lat = fields.number(given, "lon"), fields.number(given, "lat")
    if not fixed and (lon is None or lat is None):
        return None, None
    return intake.place(fields.required(lon, "lon"), fields.required(lat, "lat"))


def _measured(value: float | None) -> float | None:
    """Phones say -1 where they have measured nothing."""
    return None if value is None or value < 0 else value


def _heading(value: float | None) -> float | None:
    return value % 360 if value is not None and 0 <= value <= 360 else None


def _alarms(names: str | None) -> tuple[str, ...]:
    found = tuple(name.strip().lower() for name in (names or "").split(",") if name.strip())
    if len(found) > MAX_ALARMS:
        raise Rejected(f"alarm names {len(found)} alarms, expected at most {MAX_ALARMS}")
    return found
