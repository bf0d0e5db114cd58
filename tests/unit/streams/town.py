"""A small town and drives through it, for tests: one street, a site, a yard, a depot, a workshop, a truck with a permit.

The street runs east from (-8.62, 41.16); `at(x_m, y_m)` is the place so many metres along and off it.
"""

import random
from collections.abc import Sequence
from typing import Any

from streams import events, geo
from streams.assets import Reference
from streams.units import SECOND_MS

LON, LAT = -8.62, 41.16
START_MS = 1_781_586_000_000
STREET_M = 8_000.0
HEALTHY = events.SensorHealth(cover="ok", bed="ok", load="ok")


def at(x_m: float, y_m: float = 0.0) -> geo.LonLat:
    """Place ``x_m`` east along the street and ``y_m`` north of it."""
    return LON + x_m / geo.metres_per_degree_lon(LAT), LAT + y_m / geo.M_PER_DEGREE


def square(x_m: float, y_m: float, half_m: float = 50.0) -> dict[str, Any]:
    """GeoJSON square round a place."""
    corners = [(-1, -1), (1, -1), (1, 1), (-1, 1), (-1, -1)]
    return {"type": "Polygon", "coordinates": [[list(at(x_m + a * half_m, y_m + b * half_m)) for a, b in corners]]}


def truck(truck_id: str = "t1", truck_class: str = "tipper", **changed: Any) -> events.Asset:
    """A truck of 16 t payload."""
    given = {"materials": ("construction",), "payload_kg": 16_000.0, "contractor_id": "c1"} | changed
    return events.Asset(id=truck_id, kind="truck", truck_class=truck_class, valid_from_ms=0, **given)  # type: ignore[arg-type]


def records(truck_ids: tuple[str, ...] = ("t1",)) -> list[events.Event]:
    """What exists: a site at 0 m, a yard at 8 km, a depot and a workshop beside the street."""
    lon, lat = at(0)
    return [
        events.Asset(
            id="s1", kind="source", material="construction", lon=lon, lat=lat, area=square(0, 0), valid_from_ms=0
        ),
        events.Asset(
            id="f1", kind="facility", name="Yard", accepts=("construction",), area=square(STREET_M, 0), valid_from_ms=0
        ),
        events.Asset(id="d1", kind="depot", area=square(2_000, 500), valid_from_ms=0),
        events.Zone(zone_id="w1", kind="workshop", area=square(4_000, 500), valid_from_ms=0),
        *(truck(truck_id) for truck_id in truck_ids),
        events.Permit(
            permit_id="p1",
            truck_ids=truck_ids,
            source_id="s1",
            facility_ids=("f1",),
            material="construction",
            valid_from_ms=0,
            corridor={"type": "LineString", "coordinates": [list(at(0)), list(at(STREET_M))]},
            corridor_m=50.0,
        ),
    ]


def reference(*more: events.Event, truck_ids: tuple[str, ...] = ("t1",)) -> Reference:
    """The town, and whatever else a test needs (a later version replaces)."""
    return Reference([*records(truck_ids), *more])


class Drive:
    """Makes the fixes of one truck, one call after the other. Readings have seeded noise."""

    def __init__(self, truck_id: str = "t1", *, seed: int = 1, noise_kg: float = 150.0, every_s: int = 10) -> None:
        self.fixes: list[events.TruckState] = []
        self.truck_id = truck_id
        self.time_ms = START_MS
        self.seq = 100
        self.every_s = every_s
        self.x_m, self.y_m = 0.0, 0.0
        self.kg = 0.0
        self.state: dict[str, Any] = {"cover": "closed", "bed": "level", "ignition": True, "sensor_health": HEALTHY}
        self._noise_kg = noise_kg
        self._chance = random.Random(seed)

    def fix(self, speed_mps: float = 0.0, **changed: Any) -> "Drive":
        """Report once, now."""
        lon, lat = at(self.x_m, self.y_m)
        noise_kg = self._chance.gauss(0, self._noise_kg) if speed_mps > 0 else 0.0
        given = self.state | {"speed_mps": speed_mps, "lon": lon, "lat": lat, "load_kg": max(0.0, self.kg + noise_kg)}
        self.fixes.append(
            events.TruckState(
                truck_id=self.truck_id,
                terminal_id=f"tm-{self.truck_id}",
                source="jt808",
                event_time_ms=self.time_ms,
                received_time_ms=self.time_ms + 300,
                seq=self.seq % 65_536,
                **(given | changed),
            )
        )
        self.seq += 1
        return self

    def wait(self, seconds: float, *, every_s: int | None = None, falling_kg: float = 0.0, **changed: Any) -> "Drive":
        """Stand; the load falls by ``falling_kg`` over the time. What is changed stays changed."""
        self.state |= changed
        steps = max(1, round(seconds / (every_s or self.every_s)))
        for _ in range(steps):
            self.time_ms += round(seconds / steps * SECOND_MS)
            self.kg -= falling_kg / steps
            self.fix()
        return self

    def go(
        self,
        to_x_m: float,
        to_y_m: float | None = None,
        *,
        speed_mps: float = 10.0,
        falling_kg: float = 0.0,
        **changed: Any,
    ) -> "Drive":
        """Drive in a straight line; the load falls by ``falling_kg`` on the way. What is changed stays changed."""
        self.state |= changed
        to_y_m = self.y_m if to_y_m is None else to_y_m
        dx, dy = to_x_m - self.x_m, to_y_m - self.y_m
        steps = max(1, round((dx * dx + dy * dy) ** 0.5 / speed_mps / self.every_s))
        from_x_m, from_y_m = self.x_m, self.y_m
        for n in range(1, steps + 1):
            self.time_ms += self.every_s * SECOND_MS
            self.x_m, self.y_m = from_x_m + dx * n / steps, from_y_m + dy * n / steps
            self.kg -= falling_kg / steps
            self.fix(speed_mps)
        return self

    def silence(self, seconds: float, *, reports_lost: int = 0) -> "Drive":
        """Say nothing; ``reports_lost`` are numbered but never come."""
        self.time_ms += round(seconds * SECOND_MS)
        self.seq += reports_lost
        return self

    def load(self, kg: float = 14_000.0) -> "Drive":
        """Be loaded at the place where it stands: five minutes."""
        return self.wait(300, falling_kg=-kg, cover="open").wait(30, cover="closed")


def drives(truck_ids: Sequence[str], first_seed: int = 0) -> list[Drive]:
    """A drive of each truck: it loads; every third dumps, the others drive uncovered or off the street."""
    found = []
    for number, truck_id in enumerate(truck_ids):
        drive = loaded(truck_id, seed=first_seed + number).go(2_000)
        if number % 3 == 0:
            drive.go(2_000, 200).wait(60, falling_kg=14_000, bed="raised").wait(70, bed="level").go(4_000)
        elif number % 3 == 1:
            drive.go(4_000, cover="open").go(6_000, cover="closed")
        else:
            drive.go(2_000, 300).go(4_500, 300).go(4_500, 0).go(6_000)
        found.append(drive)
    return found


def loaded(truck_id: str = "t1", kg: float = 14_000.0, seed: int = 1, noise_kg: float = 150.0) -> Drive:
    """A truck that was loaded at the site and stands there."""
    drive = Drive(truck_id, seed=seed, noise_kg=noise_kg)
    drive.fix()
    return drive.wait(30).load(kg)
