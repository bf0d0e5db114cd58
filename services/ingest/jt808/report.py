"""A location report to a truck state: units to SI, bits to words, unknown stays unknown."""

from typing import Final, NamedTuple

from services.ingest import intake
from services.ingest.jt808.messages import Location
from services.ingest.jt808.profiles import BedSensor, CoverSensor, Fault, LoadSensor, Profile
from services.store.register import Terminal
from streams.events import Bed, Cover, Health, LoadState, SensorHealth, TruckState
from streams.units import kmh_to_mps

ALARMS: Final = {
    0: "sos",
    1: "overspeed",
    2: "fatigue",
    3: "danger",
    4: "gnss_fault",
    5: "antenna_cut",
    6: "antenna_short",
    7: "undervoltage",
    8: "power_cut",
    9: "display_fault",
    10: "tts_fault",
    11: "camera_fault",
    12: "card_reader_fault",
    13: "overspeed_warning",
    14: "fatigue_warning",
    18: "driving_time_over",
    19: "parked_too_long",
    20: "area_in_out",
    21: "route_in_out",
    22: "section_time",
    23: "route_deviation",
    24: "speed_sensor_fault",
    25: "fuel_abnormal",
    26: "stolen",
    27: "illegal_ignition",
    28: "illegal_movement",
    29: "collision",
    30: "rollover",
    31: "illegal_door",
}
"""Alarm bits of the standard (2013). Bits 15-17 differ between versions and makers: they are not read."""

MILEAGE_ITEM: Final = 0x01
HUNDREDS_OF_METRES: Final = 100.0
IGNITION, FIXED, SOUTH, WEST, ENCRYPTED = 0, 1, 2, 3, 5
"""Status bits."""
POWER_CUT: Final = 8
"""Alarm bit."""
STANDARD_LOAD: Final[dict[int, LoadState]] = {0b01: "half", 0b11: "full"}
"""Status bits 8-9; 00 is also what a terminal sends that knows nothing of its load, 10 is reserved."""
HEAVIEST_LOAD_KG: Final = 100_000.0
"""More than any truck carries: the item is not a weight."""


class Load(NamedTuple):
    """What is known of a load, and whether its sensor can be believed."""

    state: LoadState
    kg: float | None
    health: Health


def truck_state(
    location: Location, terminal: Terminal, profile: Profile, *, seq: int, received_time_ms: int, resent: bool
) -> TruckState:
    """Return what a report says of its truck; raises `intake.Rejected` for a place or speed no truck can have.

    A wrong clock is no reason to refuse a fix: the worker corrects it by the offset seen at arrival.
    """
    fixed = _bit(location.status, FIXED) and not _bit(location.status, ENCRYPTED)
    lon, lat = _place(location, fixed=fixed)
    load = _load(location, profile.load)
    return TruckState(
        tenant_id=terminal.tenant_id,
        truck_id=terminal.truck_id,
        terminal_id=terminal.phone,
        event_time_ms=location.time_ms,
        received_time_ms=received_time_ms,
        seq=seq,
        source="jt808",
        resent=resent,
        lon=lon,
        lat=lat,
        fix=fixed,
        speed_mps=round(intake.speed(kmh_to_mps(location.speed_dkmh / 10)), 3),
        heading_deg=float(location.heading_deg % 360) if location.heading_deg <= 360 else None,
        odometer_m=_odometer_m(location.items.get(MILEAGE_ITEM)),
        cover=_cover(location, profile.cover),
        bed=_bed(location, profile.bed),
        load_state=load.state,
        load_kg=load.kg,
        sensor_health=SensorHealth(
            cover=_health(location, profile.cover), bed=_health(location, profile.bed), load=load.health
        ),
        maintenance=profile.maintenance is not None
        and _word_bit(location, profile.maintenance.item, profile.maintenance.bit) is True,
        ignition=_bit(location.status, IGNITION),
        power="cut" if _bit(location.alarm, POWER_CUT) else "main",
        alarms=tuple(name for bit, name in ALARMS.items() if _bit(location.alarm, bit)),
    )


def _bit(word: int, position: int) -> bool:
    return bool(word >> position & 1)


def _word_bit(location: Location, item: int | None, position: int) -> bool | None:
    """Return a bit of the status word or of an item; None if the report has no such item or it is too short."""
    if item is None:
        return _bit(location.status, position)
    value = location.items.get(item)
    return None if value is None or position >= 8 * len(value) else _bit(int.from_bytes(value), position)


def _place(location: Location, *, fixed: bool) -> tuple[float | None, float | None]:
    lat = location.lat_e6 / 1e6 * (-1 if _bit(location.status, SOUTH) else 1)
    lon = location.lon_e6 / 1e6 * (-1 if _bit(location.status, WEST) else 1)
    if fixed:
        return intake.place(lon, lat)
    if _bit(location.status, ENCRYPTED):
        return None, None
    try:  # without a fix this is the last good place, or nothing
        return intake.place(lon, lat)
    except intake.Rejected:
        return None, None


def _odometer_m(value: bytes | None) -> float | None:
    return None if value is None or len(value) != 4 else int.from_bytes(value) * HUNDREDS_OF_METRES


def _cover(location: Location, sensor: CoverSensor | None) -> Cover:
    on = None if sensor is None else _word_bit(location, sensor.item, sensor.bit)
    if sensor is None or on is None:
        return "unknown"
    return sensor.on if on else sensor.off


def _bed(location: Location, sensor: BedSensor | None) -> Bed:
    on = None if sensor is None else _word_bit(location, sensor.item, sensor.bit)
    if sensor is None or on is None:
        return "unknown"
    return sensor.on if on else sensor.off


def _health(location: Location, sensor: CoverSensor | BedSensor | None) -> Health:
    if sensor is None or _word_bit(location, sensor.item, sensor.bit) is None:
        return "missing"
    return _fault(location, sensor.faults) or "ok"


def _fault(location: Location, faults: tuple[Fault, ...]) -> Health | None:
    return next((fault.health for fault in faults if _word_bit(location, fault.item, fault.bit)), None)


def _load(location: Location, sensor: LoadSensor | None) -> Load:
    """Join what bit, standard bits and item say; where they contradict each other the state is unknown."""
    if sensor is None:
        return Load("unknown", None, "missing")
    kg, kg_health = _load_kg(location, sensor)
    by_bit: LoadState = "unknown"
    if sensor.bit is not None:
        by_bit = sensor.on if _bit(location.status, sensor.bit) else sensor.off
    standard = STANDARD_LOAD.get(location.status >> 8 & 0b11) if sensor.standard_bits else None
    if standard is not None and by_bit == "empty":
        return Load("unknown", kg, "suspect")
    return Load(standard or by_bit, kg, _fault(location, sensor.faults) or kg_health)


def _load_kg(location: Location, sensor: LoadSensor) -> tuple[float | None, Health]:
    if sensor.item is None:
        return None, "ok"
    value = location.items.get(sensor.item)
    if not value:
        return None, "missing"
    kg = int.from_bytes(value) * sensor.kg_per_unit
    if value == b"\xff" * len(value) or kg > HEAVIEST_LOAD_KG:
        return None, "suspect"
    return kg, "ok"
