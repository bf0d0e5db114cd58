"""What devices say of what is true: GPS that wanders, load cells that swing with slope and brakes, sonars. Pure."""

import math
from typing import Final

from services.city.folder import BinRow
from services.simulator import noise
from services.simulator.state import Deed, PhoneFix, Report, Truck, Uplink
from streams import geo

GPS_SPREAD_M: Final = 4.0
"""Deviation of each horizontal coordinate under open sky, a usual figure of vehicle receivers in towns."""
GPS_MEMORY_S: Final = 40.0
"""How long an error lasts (autoregressive)."""
LOAD_SPREAD: Final = 0.006
"""Deviation of a load reading, standing, as a share of the payload; axle cells are of about 1 %."""
MOVING_SPREAD: Final = 0.010
"""The same on the road."""
SLOPE_SHARE: Final = 0.012
"""How much a slope swings the reading; the slope itself is made up from the odometer (no heights are known)."""
SLOPE_WAVES_M: Final = (1_700.0, 620.0)
DRIFT_SHARE: Final = 0.0003
"""How far a load reading drifts from one report to the next, as a share of the payload; it comes back slowly."""
DRIFT_STAYS: Final = 0.998
LOADED_SHARE: Final = 0.06
"""From this share of the payload on, the terminal's load bit says "loaded"."""
FULL_SHARE: Final = 0.9

MOVING_EVERY_MS: Final = 10_000
STANDING_EVERY_MS: Final = 30_000
ASLEEP_EVERY_MS: Final = 120_000
PHONE_EVERY_MS: Final = 30_000
SONAR_SPREAD_MM: Final = 9.0
SONAR_NEAREST_MM: Final = 20
FIELD_MPS: Final = 0.5
"""Slower than this a terminal counts as standing."""


def interval_ms(truck: Truck) -> int:
    """City time until a terminal's next report."""
    if not truck.ignition:
        return ASLEEP_EVERY_MS
    return MOVING_EVERY_MS if truck.speed_mps > FIELD_MPS else STANDING_EVERY_MS


def wander(truck: Truck, elapsed_s: float, *keys: int) -> None:
    """Let the truck's GPS error go on by a while."""
    stay = math.exp(-elapsed_s / GPS_MEMORY_S)
    fresh = GPS_SPREAD_M * math.sqrt(1 - stay * stay)
    truck.east_m = truck.east_m * stay + fresh * noise.gauss(*keys, 11)
    truck.north_m = truck.north_m * stay + fresh * noise.gauss(*keys, 12)


def report(truck: Truck, payload_kg: float, now_ms: int, *keys: int) -> Report:
    """Return what the terminal says now."""
    lon, lat = measured_place(truck)
    cover_open = truck.cover == "open"
    load_kg: float | None = _load_kg(truck, payload_kg, *keys)
    if truck.fault is not None:
        cover_open, load_kg = _faulty(truck.fault, cover_open=cover_open, load_kg=load_kg)
    return Report(
        truck_id=truck.truck_id,
        time_ms=now_ms,
        lon=lon,
        lat=lat,
        fix=not truck.in_tunnel,
        speed_mps=max(0.0, truck.speed_mps + (0.15 * noise.gauss(*keys, 13) if truck.speed_mps > FIELD_MPS else 0.0)),
        heading_deg=truck.heading_deg,
        odometer_m=truck.odometer_m,
        cover_open=cover_open,
        bed_raised=truck.bed == "raised",
        loaded=truck.load_kg > LOADED_SHARE * payload_kg,
        full=truck.load_kg > FULL_SHARE * payload_kg,
        load_kg=load_kg,
        ignition=truck.ignition,
        reachable=not truck.in_tunnel and now_ms >= truck.dark_until_ms,
    )


def measured_place(truck: Truck) -> tuple[float, float]:
    """Return where the receiver believes the truck to be."""
    return geo.shifted(truck.lon, truck.lat, truck.east_m, truck.north_m)


def _load_kg(truck: Truck, payload_kg: float, *keys: int) -> float:
    moving = truck.speed_mps > FIELD_MPS
    slope = sum(math.sin(2 * math.pi * truck.odometer_m / wave) for wave in SLOPE_WAVES_M) / 2 if moving else 0.0
    spread = payload_kg * (MOVING_SPREAD if moving else LOAD_SPREAD)
    swing = truck.load_kg * SLOPE_SHARE * slope
    return max(0.0, truck.load_kg + swing + truck.drift_kg + spread * noise.gauss(*keys, 14))


def _faulty(fault: Deed, *, cover_open: bool, load_kg: float | None) -> tuple[bool, float | None]:
    """Return what a broken sensor says: a load cell says nothing, a lid switch says "open" all the time."""
    if fault.kind == "load_sensor":
        return cover_open, None
    return True, load_kg


def phone_fix(truck: Truck, now_ms: int, *keys: int) -> PhoneFix:
    """Return what the driver's phone says: another receiver, another error."""
    shift_m = 6.0
    east_m, north_m = shift_m * noise.gauss(*keys, 21), shift_m * noise.gauss(*keys, 22)
    lon, lat = geo.shifted(truck.lon, truck.lat, east_m, north_m)
    return PhoneFix(
        truck_id=truck.truck_id,
        time_ms=now_ms,
        lon=lon,
        lat=lat,
        speed_mps=truck.speed_mps,
        heading_deg=truck.heading_deg,
        accuracy_m=round(5 + 4 * noise.uniform(*keys, 23), 1),
    )


def uplink(row: BinRow, level_l: float, counter: int, now_ms: int, local_hour: float, *keys: int) -> Uplink:
    """Return what a container's sonar says: the distance to the waste, not the fill."""
    usable_mm = row.depth_mm - row.dead_zone_mm
    distance_mm = usable_mm * (1 - level_l / row.volume_l) + SONAR_SPREAD_MM * noise.gauss(*keys, 31)
    return Uplink(
        bin_id=row.bin_id,
        time_ms=now_ms,
        counter=counter,
        distance_mm=max(SONAR_NEAREST_MM, round(distance_mm)),
        temperature_c=round(14 + 6 * math.sin((local_hour - 9) / 24 * 2 * math.pi) + noise.gauss(*keys, 32), 1),
        battery=round(noise.between(62, 99, keys[1], 33)),
    )
