"""What a truck's terminal says of its day, and when that comes: noise, events, blind areas, resends, repeats, a wrong clock."""

import math
import random
from typing import Any

from tests.labelled.truck_life import PAYLOAD_KG, Fault, Life, Now
from tests.labelled.truth import BEGIN_MS, SECOND_MS

Report = dict[str, Any]
LON, LAT = -8.62, 41.16
_M_PER_DEGREE = 111_195.0


def at(x_m: float, y_m: float) -> tuple[float, float]:
    """Return the place so many metres east and north of the town's middle: lon, lat."""
    lon = LON + x_m / (_M_PER_DEGREE * math.cos(math.radians(LAT)))
    return round(lon, 6), round(LAT + y_m / _M_PER_DEGREE, 6)


class Terminal:
    """One truck's terminal: each second it may report; `arrived` in the end."""

    def __init__(self, life: Life, *, road_m: float, every_s: int, bare: frozenset[str], chance: random.Random) -> None:
        self.life, self.road_m, self.every_s, self.bare, self.chance = life, road_m, every_s, bare, chance
        self.arrived: list[Report] = []
        self._stored: list[Report] = []
        self._next_s = 0
        self._seq, self._boots = chance.randrange(60_000), 0
        self._said: tuple[object, ...] = ()
        self._off_m = [0.0, 0.0]
        self._sway = 0.0
        self._stuck_kg: dict[int, float] = {}
        self._blind = self._blind_spans()
        self._alarm_every_s = chance.choice((5, every_s))
        """While an alarm lasts many terminals report more often."""

    def _blind_spans(self) -> list[tuple[int, int]]:
        start_s = self.life.now.at_s
        begins = [start_s + self.chance.randrange(1_800, 24_000) for _ in range(2)]
        return [(begin_s, begin_s + self.chance.randint(90, 260)) for begin_s in begins]

    def run(self) -> list[Report]:
        """Live through the day; return the reports in order of arrival."""
        for now in self.life.seconds():
            self._drift()
            said = (now.power, now.ignition)
            if now.runs and (now.at_s >= self._next_s or said != self._said):
                self._said = said
                usual_s = self.every_s if now.speed_mps > 0 else 3 * self.every_s
                self._next_s = now.at_s + (min(usual_s, self._alarm_every_s) if now.power == "cut" else usual_s)
                self._report(now)
        return sorted(self.arrived, key=lambda one: one["received_time_ms"])

    def _drift(self) -> None:
        scatter_m = self.life.hard.place_m
        self._off_m = [0.985 * off_m + self.chance.gauss(0, 0.17 * scatter_m) for off_m in self._off_m]
        self._sway = 0.95 * self._sway + self.chance.gauss(0, 0.006)

    def _report(self, now: Now) -> None:
        if now.boots > self._boots:
            self._boots, self._seq = now.boots, 0
        self._seq += 1
        report = self._content(now)
        true_ms = BEGIN_MS + now.at_s * SECOND_MS
        report |= {"event_time_ms": true_ms + self.life.clock_ms, "seq": self._seq % 65_536}
        online = now.online and not any(begin_s <= now.at_s < end_s for begin_s, end_s in self._blind)
        if not online:
            self._stored.append(report | {"resent": True})
            return
        for stored in self._stored:  # a batch, before what is new
            self.arrived.append(stored | {"received_time_ms": true_ms + self.chance.randint(50, 150)})
        self._stored.clear()
        if self.chance.random() < self.life.hard.lost_fix:
            return
        delay_ms = round(min(8.0, 0.2 + self.chance.expovariate(2.0)) * SECOND_MS)
        self.arrived.append(report | {"received_time_ms": true_ms + delay_ms})
        if self.chance.random() < 0.01:
            self.arrived.append(report | {"received_time_ms": true_ms + delay_ms + self.chance.randint(500, 9_000)})

    def _content(self, now: Now) -> Report:
        chance = self.chance
        east_m, north_m = (off_m + chance.gauss(0, 1.0) for off_m in self._off_m)
        lon, lat = at(now.x_m + now.jump_m + east_m, self.road_m + now.y_m + north_m)
        speed_mps = max(0.0, now.speed_mps + now.spike_mps + chance.gauss(0, 0.15)) if now.speed_mps > 0 else 0.0
        faults = {one.sensor: one for one in self.life.faults if one.from_s <= now.at_s < one.to_s}
        health = {sensor: self._health(sensor, faults.get(sensor)) for sensor in ("cover", "bed", "load")}
        kg = self._kg(now, faults.get("load")) if health["load"] == "ok" else None
        return {
            "truck_id": self.life.truck_id,
            "terminal_id": f"tm-{self.life.truck_id}",
            "source": "jt808",
            "fix": now.sees_sky,
            "lon": lon if now.sees_sky else None,
            "lat": lat if now.sees_sky else None,
            "accuracy_m": round(self.life.hard.place_m * chance.uniform(1.2, 2.0), 1),
            "speed_mps": round(speed_mps, 2),
            "cover": now.cover if health["cover"] == "ok" else "unknown",
            "bed": now.bed if health["bed"] == "ok" else "unknown",
            "load_kg": kg,
            "load_state": "unknown" if kg is None else "empty" if kg < 0.05 * PAYLOAD_KG else "full",
            "sensor_health": health,
            "maintenance": now.maintenance,
            "ignition": now.ignition,
            "power": now.power,
            "alarms": ["power_cut"] if now.power == "cut" else ["undervoltage"] if now.starved else [],
        }

    def _health(self, sensor: str, fault: Fault | None) -> str:
        if sensor in self.bare:
            return "missing"
        return "ok" if fault is None or fault.says in ("silent", "stuck") else fault.says

    def _kg(self, now: Now, fault: Fault | None) -> float | None:
        if fault is not None and fault.says == "silent":
            return None
        if fault is not None and fault.says == "stuck":
            return self._stuck_kg.setdefault(fault.from_s, round(now.kg, -1) or 11_240.0)
        if now.kg == 0.0:
            return 0.0
        return max(0.0, round(now.kg * (1 + (self._sway if now.speed_mps > 0 else 0.0)), -1))
