"""What goes wrong: spills, dumps, detours, open covers, dead zones, broken sensors. Pure; seeded; written as truth.

The amounts are chosen to be what enforcement looks for (domain of muck trucks: tonnes, minutes), not to fit a rule.
"""

from collections.abc import Sequence
from typing import Final

from services.simulator import noise
from services.simulator.driving import Drive, LonLat, Ways, drive, metres
from services.simulator.script import DeedKind
from services.simulator.state import Deed, Target, Truck
from streams import geo
from streams.units import MINUTE_MS, SECOND_MS

ON_THE_ROAD: Final = frozenset({"spill", "uncovered", "deviation", "dump"})
"""Misdeeds of a driver with a load; the others are faults of devices."""
OPEN_BODIES: Final = frozenset({"tipper", "hook"})
LOADED_SHARE: Final = 0.4
SPILL_SHARE: Final = (0.10, 0.22)
"""How much of the payload a spill loses."""
SPILL_S: Final = (150, 300)
DUMP_DETOUR_M: Final = (700.0, 4_500.0)
FROM_YARDS_M: Final = 450.0
"""A dump happens farther than this from every facility, site and depot."""
DETOUR_M: Final = 900.0
DARK_S: Final = (180, 420)
FAULT_S: Final = (600, 1_800)


def may_begin(kind: DeedKind, truck: Truck, truck_class: str, payload_kg: float) -> bool:
    """Whether this truck can do it now."""
    if truck.deed is not None or truck.drive is None or truck.speed_mps < 3:
        return False
    if kind not in ON_THE_ROAD:
        return truck.fault is None
    if truck_class not in OPEN_BODIES or truck.load_kg < LOADED_SHARE * payload_kg or truck.target is None:
        return False
    if truck.target.kind != "tip":
        return False
    enough_s = {"spill": SPILL_S[0] + 20, "uncovered": 180, "deviation": 200, "dump": 60}[kind]
    return truck.drive.left_s() > enough_s


def begin(
    kind: DeedKind,
    truck: Truck,
    payload_kg: float,
    now_ms: int,
    *,
    ways: Ways,
    quiet_places: Sequence[LonLat],
    yards: Sequence[LonLat],
    seed: tuple[int, ...],
) -> bool:
    """Begin a deed that may begin; False = no place was found for it."""
    match kind:
        case "spill":
            length_s = noise.between(*SPILL_S, *seed, 1)
            lost_kg = min(truck.load_kg * 0.8, payload_kg * noise.between(*SPILL_SHARE, *seed, 2))
            truck.deed = _deed("spill", now_ms, length_s, rate_kgps=lost_kg / length_s)
            truck.cover = "open"
        case "uncovered":
            truck.deed = _deed("uncovered", now_ms, 3600)
            truck.cover = "open"
        case "deviation":
            return _leave_the_corridor(truck, now_ms, ways, seed)
        case "dump":
            return _turn_off_to_dump(truck, now_ms, ways, quiet_places, yards)
        case "dead_zone":
            truck.dark_until_ms = now_ms + round(noise.between(*DARK_S, *seed, 3)) * SECOND_MS
        case "load_sensor" | "cover_sensor":
            truck.fault = _deed(kind, now_ms, noise.between(*FAULT_S, *seed, 4))
    return True


def _deed(kind: str, now_ms: int, length_s: float, rate_kgps: float = 0.0) -> Deed:
    return Deed(kind=kind, begin_ms=now_ms, end_ms=now_ms + round(length_s) * SECOND_MS, rate_kgps=rate_kgps)


def _leave_the_corridor(truck: Truck, now_ms: int, ways: Ways, seed: tuple[int, ...]) -> bool:
    """Drive on to the same gate by way of a place beside the middle of the way."""
    way, target = truck.drive, truck.target
    if way is None or target is None:
        return False
    lon, lat = way.path[(way.segment + len(way.path)) // 2]
    side = 1 if noise.uniform(*seed, 5) < 0.5 else -1
    by_way_of = geo.shifted(lon, lat, side * DETOUR_M, side * DETOUR_M)
    detour = drive(ways, [(truck.lon, truck.lat), by_way_of, target.lonlat], into=target.yard)
    if detour.ends_m[-1] > way.left_m + 8_000:
        return False
    truck.drive = detour
    truck.deed = _deed("deviation", now_ms, detour.left_s() + 600)
    return True


def _turn_off_to_dump(
    truck: Truck, now_ms: int, ways: Ways, quiet_places: Sequence[LonLat], yards: Sequence[LonLat]
) -> bool:
    here = (truck.lon, truck.lat)
    fitting = [place for place in quiet_places if all(metres(place, yard) > FROM_YARDS_M for yard in yards)]
    near = sorted(fitting, key=lambda place: metres(place, here))
    wanted = [place for place in near if DUMP_DETOUR_M[0] < metres(place, here) < DUMP_DETOUR_M[1]]
    found: list[tuple[float, LonLat, Drive]] = []
    for place in wanted[:6]:
        way = drive(ways, [here, place])
        found.append((way.left_s(), place, way))
    if not found:
        return False
    seconds, place, way = min(found, key=lambda one: one[0])
    truck.drive = way
    truck.target = Target(kind="dump", lonlat=place)
    truck.deed = _deed("dump", now_ms, seconds + 30 * 60)
    return True


def go_on(truck: Truck) -> None:
    """Let a spill lose what it loses in one second of driving."""
    deed = truck.deed
    if deed is None or deed.kind != "spill" or truck.speed_mps < 2:
        return
    lost_kg = min(truck.load_kg, deed.rate_kgps)
    truck.load_l *= 1 - lost_kg / truck.load_kg if truck.load_kg else 1
    truck.load_kg -= lost_kg
    deed.lost_kg += lost_kg
    if not deed.where or metres(deed.where[-1], (truck.lon, truck.lat)) > 50:
        deed.where.append((round(truck.lon, 6), round(truck.lat, 6)))


def is_over(truck: Truck, now_ms: int) -> bool:
    """Whether the running deed ends now: its time is up, or what it belongs to is over.

    A detour is over when its drive is; what the load does (it spills, it lies open) only when somebody works on it: a
    plan that turns the truck round on its way closes no cover.
    """
    deed = truck.deed
    if deed is None:
        return False
    if deed.kind == "dump":
        return (deed.lost_kg > 0 and truck.work is None) or now_ms >= deed.end_ms
    over = truck.drive is None if deed.kind == "deviation" else truck.work is not None
    return now_ms >= deed.end_ms or (over and now_ms > deed.begin_ms + MINUTE_MS // 2)
