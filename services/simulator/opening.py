"""How a play begins: what stands where, and how full, at its first second. Also the city's hours. Pure, seeded."""

import datetime as dt
from collections.abc import Iterable
from typing import Final

from services.city.folder import City, TruckRow
from services.planner.roads import NoWay
from services.simulator import noise
from services.simulator.containers import Container
from services.simulator.drivers import Places, gate_of, shift_at
from services.simulator.driving import Ways, drive, metres
from services.simulator.script import Play
from services.simulator.state import TownState, Truck
from streams import events
from streams.units import DAY_MS, MINUTE_MS, SECOND_MS

FULL_TRUCKS: Final = 2
"""So many trucks of each material are nearly full at the begin, close to where they tip."""
NEARLY_FULL: Final = (0.93, 0.97)
PART_LOADED: Final = (0.12, 0.55)
CLOSE_M: Final = (1_200.0, 3_500.0)
FILLED: Final = (0.03, 1.0)
"""Containers at the begin: any share between these (collected as they get full, their fills are spread evenly)."""


def begin(city: City, play: Play, ways: Ways, now_ms: int) -> TownState:
    """Return a plausible town at a moment: early shifts are out and part-loaded, the others at their depots."""
    now_ms -= now_ms % SECOND_MS
    state = TownState(begin_ms=now_ms, now_ms=now_ms, trucks={}, containers=_containers(city, play, now_ms))
    cast = _Cast(city, play, ways, now_ms)
    for row in city.trucks:
        state.trucks[row.truck_id] = cast.truck(row)
    return state


def _containers(city: City, play: Play, now_ms: int) -> dict[str, Container]:
    seed, every_ms = play.script.seed, play.script.sensor_minutes * MINUTE_MS
    found = {}
    for row in city.bins:
        key = noise.key(row.bin_id)
        found[row.bin_id] = Container(
            litres=row.volume_l * noise.between(*FILLED, seed, key, 71),
            at_ms=now_ms,
            # The first uplinks come within a third of the interval: a town is not dark at its begin.
            next_uplink_ms=now_ms + round(every_ms / 3 * noise.uniform(seed, key, 72)),
        )
    return found


class _Cast:
    """Gives each truck its place in the first scene."""

    def __init__(self, city: City, play: Play, ways: Ways, now_ms: int) -> None:
        self._city, self._play, self._ways, self._now_ms = city, play, ways, now_ms
        self._places = Places(city)
        self._shifts = {shift.truck_id: shift for shift in city.shifts(city.local_date(now_ms))}
        self._full: dict[str, int] = {}
        self._wicked = {
            deed.truck_id for deed in play.script.planned if deed.kind in ("spill", "dump", "deviation", "uncovered")
        }

    def truck(self, row: TruckRow) -> Truck:
        truck = self._at_home(row)
        shift = shift_at(self._shifts, row.truck_id, self._now_ms)
        if shift is None or shift.start_ms > self._now_ms - 20 * MINUTE_MS or not row.materials:
            return truck
        truck.on_duty = truck.ignition = True
        truck.idle_since_ms = self._now_ms
        material = truck.material = row.materials[0]
        nearly_full = self._full.get(material, 0) < FULL_TRUCKS
        wicked = row.truck_id in self._wicked
        if nearly_full and not wicked:
            self._full[material] = self._full.get(material, 0) + 1
        share = noise.between(*(NEARLY_FULL if nearly_full or wicked else PART_LOADED), *self._seed(row), 73)
        if material == "construction":
            if nearly_full or wicked:
                self._loaded_at_site(truck, row, share, far=wicked)
            return truck
        truck.load_kg = share * row.payload_kg
        truck.load_l = share * row.volume_l * 0.9
        self._among_bins(truck, row, close=nearly_full)
        return truck

    def _seed(self, row: TruckRow) -> tuple[int, int]:
        return self._play.script.seed, noise.key(row.truck_id)

    def _at_home(self, row: TruckRow) -> Truck:
        gate = gate_of(self._city.asset["depot", row.depot_id])
        lon, lat = self._places.yard_at(gate) or gate
        # Side by side in the yard, not on top of each other: 4 m apart.
        lon += (noise.uniform(*self._seed(row), 74) - 0.5) * 6e-4
        lat += (noise.uniform(*self._seed(row), 75) - 0.5) * 3e-4
        return Truck(
            truck_id=row.truck_id,
            lon=lon,
            lat=lat,
            gate=gate,
            odometer_m=round(noise.between(20_000, 380_000, *self._seed(row), 76)) * 1000.0,
            next_report_ms=self._now_ms + round(noise.between(20_000, 60_000, *self._seed(row), 77)),
        )

    def _among_bins(self, truck: Truck, row: TruckRow, *, close: bool) -> None:
        """Stand at a container of the truck's material; a nearly full one close to its facility."""
        bins = [one for one in self._city.bins if one.material == truck.material]
        tip = self._places.nearest_for(truck.material, (truck.lon, truck.lat))
        if close and tip is not None:
            gate = gate_of(tip)
            bins = [one for one in bins if CLOSE_M[0] < metres((one.lon, one.lat), gate) < CLOSE_M[1]] or bins
        there = bins[int(noise.uniform(*self._seed(row), 78) * len(bins))]
        truck.lon, truck.lat, truck.gate = there.lon, there.lat, None

    def _loaded_at_site(self, truck: Truck, row: TruckRow, share: float, *, far: bool) -> None:
        """Leave a site with a load, along its permit's corridor, for the yard the permit names first."""
        ways = [
            (way_m, permit)
            for permit in self._city.permits
            if permit.source_id is not None and row.truck_id in permit.truck_ids
            for way_m in [self._way_m(permit)]
        ]
        if not ways:
            return
        ordered = sorted(ways, key=lambda one: -one[0])
        pick = int(noise.uniform(*self._seed(row), 79) * max(1, len(ordered) // 3))
        permit = ordered[pick if far else len(ordered) // 3 + pick][1]
        gate = gate_of(self._city.asset["source", permit.source_id or ""])
        target = self._places.tip_at(permit.facility_ids[0])
        yard = self._places.yard_at(gate)
        if target is None:
            return
        try:
            truck.drive = drive(self._ways, [gate, target.lonlat], out_of=yard, into=target.yard)
        except NoWay:
            return
        truck.target, truck.gate = target, None
        truck.lon, truck.lat = yard or gate
        truck.load_kg = share * row.payload_kg
        truck.load_l = truck.load_kg / 1.4

    def _way_m(self, permit: events.Permit) -> float:
        source = gate_of(self._city.asset["source", permit.source_id or ""])
        return metres(source, gate_of(self._places.facilities[permit.facility_ids[0]]))


# --------------------------------------------------------------------------------------------- the city's hours


def offset_ms(city: City, at_ms: int) -> int:
    """Local time less UTC."""
    shift = dt.datetime.fromtimestamp(at_ms / 1000, city.zone).utcoffset()
    return 0 if shift is None else round(shift.total_seconds()) * SECOND_MS


def opens_ms(city: City, place: events.Asset, at_ms: int) -> int:
    """Return when a place takes trucks next: now if it is open, else the next begin of its hours within a day."""
    windows = place.windows
    if not windows:
        return at_ms
    today = city.local_date(at_ms)
    spans = [
        (city.local_ms(day, begins), city.local_ms(day, ends))
        for day in (today, today + dt.timedelta(days=1))
        for begins, ends in windows
    ]
    return next_open_ms(((begin, end if end > begin else end + DAY_MS) for begin, end in spans), at_ms)


def next_open_ms(spans: Iterable[tuple[int, int]], at_ms: int) -> int:
    """Return ``at_ms`` if a span holds it, else the earliest begin after it (``at_ms`` if there is none)."""
    later = []
    for begin_ms, end_ms in spans:
        if begin_ms <= at_ms < end_ms:
            return at_ms
        if begin_ms > at_ms:
            later.append(begin_ms)
    return min(later, default=at_ms)
