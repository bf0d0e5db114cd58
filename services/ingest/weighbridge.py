"""Weighbridge tickets: the fields of ``weighings`` (contract) without ``received_time_ms``, as JSON."""

from typing import Any, Final

import msgspec

from services.ingest import fields
from services.ingest.intake import Rejected
from services.store.register import Device
from streams.events import LATEST_MS, Weighing

PROTOCOL: Final = "weighbridge"
HEAVIEST_KG: Final = 200_000.0
"""More than any road vehicle weighs: gross limits end near 60 t, road trains near 175 t."""
SCALE_STEP_KG: Final = 50.0
"""Net may differ from gross less tare by one step of a vehicle scale."""


def decode(body: bytes, device: Device, received_time_ms: int) -> Weighing:
    """Return the ticket; raises `intake.Rejected`. ``net_kg`` is computed where only gross and tare came."""
    given = fields.json_object(body)
    facility_id = fields.text(given, "facility_id")
    if facility_id not in (None, device.entity_id):
        raise Rejected(f"facility_id is {facility_id!r}, expected {device.entity_id!r}: this key is that facility's")
    known: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    known |= {
        "facility_id": device.entity_id,
        "tenant_id": device.tenant_id,
        "received_time_ms": received_time_ms,
    }
    try:
        weighing = msgspec.convert(known, Weighing)
    except msgspec.ValidationError as error:
        raise Rejected(str(error)) from error
    _check(weighing)
    if weighing.net_kg is None and weighing.gross_kg is not None and weighing.tare_kg is not None:
        return msgspec.structs.replace(weighing, net_kg=weighing.gross_kg - weighing.tare_kg)
    return weighing


def _check(weighing: Weighing) -> None:
    if not 0 < weighing.event_time_ms <= LATEST_MS:
        raise Rejected(f"event_time_ms is {weighing.event_time_ms}, expected UTC ms")
    for name in ("gross_kg", "tare_kg", "net_kg"):
        value = getattr(weighing, name)
        if value is not None and not 0 <= value <= HEAVIEST_KG:
            raise Rejected(f"{name} is {value}, expected 0 to {HEAVIEST_KG:.0f}")
    gross, tare, net = weighing.gross_kg, weighing.tare_kg, weighing.net_kg
    if gross is None and net is None:
        raise Rejected("gross_kg and net_kg are missing, expected at least one")
    if gross is not None and tare is not None and tare > gross:
        raise Rejected(f"tare_kg is {tare}, expected at most gross_kg {gross}")
    if gross is not None and tare is not None and net is not None and abs(gross - tare - net) > SCALE_STEP_KG:
        raise Rejected(f"net_kg is {net}, expected gross_kg less tare_kg = {gross - tare}")
