"""A large city for a measurement of the pages: 1,000 trucks with plans, 20,000 bins, and what comes of them each second."""

import math
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from services import bus, clock
from services.city.folder import City
from streams import events
from streams.units import HOUR_MS, MINUTE_MS

CAB: Final = 3
"""The truck whose driver's page is opened. It says that it stands: above 8 km/h the page shows only the way."""
FIX_EVERY_S: Final = 5.0
"""A truck's fixes come so far apart."""
EVERY_S: Final[dict[str, float]] = {"reading": 0.18, "due": 1.0, "action": 1.0, "alert": 2.0, "plan": 2.0}
"""Seconds between two of a kind, of the whole city: 20,000 bins report once an hour; 1,000 trucks, a stop every 17 minutes."""
STOPS: Final = 25
PATH_POINTS: Final = 200
ALERTS_BEFORE: Final = 200
DUE_SHARE: Final = 20
"""One bin in so many is due."""
_SPEED_MPS: Final = 8.0
_METRES: Final = 111_320.0
"""Of a degree of latitude."""
_BEAT_S: Final = 0.05
_HEALTHY: Final = events.SensorHealth(cover="ok", bed="ok", load="ok")


@dataclass
class Sent:
    """What was handed to Kafka's client, and when (wall ms)."""

    places: list[tuple[str, float, float, float]] = field(default_factory=list)
    """Of watched trucks: id, lon, lat, when."""
    alerts: dict[str, float] = field(default_factory=dict)
    plans: dict[str, float] = field(default_factory=dict)
    """By ``truck@version``."""
    fixes: int = 0


class Large:
    """The records of the city. Everything is where the default city is, on its streets or near."""

    def __init__(self, city: City, *, trucks: int, bins: int) -> None:
        self._city, self._known = city, {"tenant_id": city.tenant_id}
        self._rows = [one for one in city.of_kind("bin") if one.lon is not None]
        self.trucks = [f"t{number:04}" for number in range(trucks)]
        self.bins = [f"b{number:05}" for number in range(bins)]
        self._began_ms = clock.wall_now_ms()
        self._versions: dict[str, int] = {}

    def exists(self) -> Iterator[events.Event]:
        """Facilities, depots, sources; trucks on shift; bins."""
        yield from (one for one in self._city.assets if one.kind in ("facility", "depot", "source"))
        for number, truck_id in enumerate(self.trucks):
            yield events.Asset(
                **self._known, id=truck_id, kind="truck", valid_from_ms=0, name=truck_id, plate=f"苏F{number:05}",
                truck_class="compactor", materials=(self._material(number),), payload_kg=10_000.0, volume_l=60_000.0,
                depot_id=f"d-{number % 3 + 1}", contractor_id=f"c{number % 4 + 1}",
            )  # fmt: skip
            yield events.Shift(
                **self._known, shift_id=f"s-{truck_id}", truck_id=truck_id, driver_id=f"dr{number:04}", valid_from_ms=0,
                start_ms=self._began_ms - 2 * HOUR_MS, end_ms=self._began_ms + 6 * HOUR_MS,
            )  # fmt: skip
        for number, bin_id in enumerate(self.bins):
            row, (lon, lat) = self._rows[number % len(self._rows)], self._place(number)
            yield events.Asset(
                **self._known, id=bin_id, kind="bin", valid_from_ms=0, name=f"{row.name} {number // len(self._rows) + 1}",
                material=row.material, lon=lon, lat=lat, volume_l=1_100.0,
            )  # fmt: skip

    def as_it_is(self) -> Iterator[events.Event]:
        """Everybody's last word before the measurement begins."""
        for number in range(len(self.bins)):
            yield self.reading(number)
            if number % DUE_SHARE == 0:
                yield self.due(number)
        for number in range(len(self.trucks)):
            yield self.fix(number)
            yield self.plan(number)
        for number in range(ALERTS_BEFORE):
            yield self.alert(-number - 1, severity="medium")

    def fix(self, number: int) -> events.TruckState:
        """A truck where it is now: each goes round in a circle of its own."""
        now_ms = clock.wall_now_ms()
        lon, lat = self._place(number * 13)
        radius_m = 400.0 + number % 7 * 100
        angle = number + (now_ms - self._began_ms) / 1000 * _SPEED_MPS / radius_m
        return events.TruckState(
            **self._known, truck_id=self.trucks[number], terminal_id=f"terminal-{number}", event_time_ms=now_ms,
            received_time_ms=now_ms, source="jt808",
            lon=round(lon + radius_m * math.cos(angle) / (_METRES * math.cos(math.radians(lat))), 6),
            lat=round(lat + radius_m * math.sin(angle) / _METRES, 6),
            speed_mps=0.0 if number == CAB else _SPEED_MPS, heading_deg=round(-math.degrees(angle) % 360, 1), cover="closed", bed="level",
            load_kg=float(now_ms // 1000 * 7 + number * 131) % 10_000, sensor_health=_HEALTHY, ignition=True, power="main",
            driver_id=f"dr{number:04}",
        )  # fmt: skip

    def reading(self, number: int) -> events.BinReading:
        """A bin's fill."""
        now_ms = clock.wall_now_ms()
        fill = (number * 7919 % 1000) / 1000
        return events.BinReading(
            **self._known,
            bin_id=self.bins[number],
            event_time_ms=now_ms,
            received_time_ms=now_ms,
            fill=fill,
            battery=0.8,
        )

    def due(self, number: int) -> events.CollectionDue:
        """A bin to be collected within some hours."""
        now_ms = clock.wall_now_ms()
        return events.CollectionDue(
            **self._known, place_id=self.bins[number], place_kind="bin", due=True, material=self._bin_material(number),
            at_ms=now_ms, overflow_ms=now_ms + number % 300 * MINUTE_MS, fill_now=0.9, kg=120.0, l=900.0,
        )  # fmt: skip

    def action(self, number: int) -> events.DriverAction:
        """A driver's report that a stop is done."""
        now_ms = clock.wall_now_ms()
        return events.DriverAction(
            **self._known, action_id=f"da-{now_ms}-{number}", truck_id=self.trucks[number], kind="collected",
            event_time_ms=now_ms, received_time_ms=now_ms, stop_id=self.bins[number * 20 % len(self.bins)],
        )  # fmt: skip

    def alert(self, number: int, severity: Any = "critical") -> events.Alert:
        """A dump, seen surely: it stands at the top of every list."""
        now_ms = clock.wall_now_ms() + min(0, number) * MINUTE_MS
        truck = abs(number) % len(self.trucks)
        return events.Alert(
            **self._known, alert_id=f"al-{number}-{self._began_ms}", revision=1, rule="illegal-dump", rule_version="1",
            state="raised", severity=severity, certainty="observed", start_ms=now_ms, raised_ms=now_ms, emitted_ms=now_ms,
            truck_id=self.trucks[truck], driver_id=f"dr{truck:04}", lost_kg=900.0,
            where={"type": "Point", "coordinates": list(self._place(abs(number)))},
            because=(events.Condition(condition="the load fell", measured=900.0, limit=400.0, unit="kg", met=True),),
        )  # fmt: skip

    def plan(self, number: int) -> events.TruckPlan:
        """A truck's plan, each time its next version."""
        truck_id, now_ms = self.trucks[number], clock.wall_now_ms()
        self._versions[truck_id] = self._versions.get(truck_id, 0) + 1
        stops = [(number * 20 + step * 7) % len(self.bins) for step in range(STOPS)]
        visits = tuple(
            events.PlanVisit(
                arrive_ms=now_ms + step * 10 * MINUTE_MS, leave_ms=now_ms + (step * 10 + 3) * MINUTE_MS,
                lon=self._place(stop)[0], lat=self._place(stop)[1], stop_id=self.bins[stop], bin_ids=(self.bins[stop],),
                name=self._rows[stop % len(self._rows)].name, material=self._material(number), load_kg=380.0 * (step + 1),
                why="fill:0.91",
            )
            for step, stop in enumerate(stops)
        )  # fmt: skip
        path = [self._place(stops[at * STOPS // PATH_POINTS] + at % 5) for at in range(PATH_POINTS)]
        return events.TruckPlan(
            **self._known, truck_id=truck_id, plan_version=self._versions[truck_id], made_ms=now_ms, reason="new_due",
            reason_params={"name": visits[0].name or "", "count": 2}, material=self._material(number), visits=visits,
            path={"type": "LineString", "coordinates": [list(place) for place in path]},
            changed=(events.PlanChange(what="added", stop_id=visits[0].stop_id, name=visits[0].name),),
        )  # fmt: skip

    def _place(self, number: int) -> tuple[float, float]:
        row, lap = self._rows[number % len(self._rows)], number // len(self._rows)
        return (
            round((row.lon or 0) + 0.0006 * (lap % 5 - 2), 6),
            round((row.lat or 0) + 0.0006 * (lap // 5 % 5 - 2), 6),
        )

    def _material(self, number: int) -> str:
        return events.MATERIALS[number % len(events.MATERIALS)]

    def _bin_material(self, number: int) -> str:
        return self._rows[number % len(self._rows)].material or "residual"


class Traffic:
    """Sends what comes of the city, from a thread, until closed. ``watched``: trucks whose places are noted."""

    def __init__(self, bootstrap: str, large: Large, watched: list[str]) -> None:
        self.sent = Sent()
        self.watched = watched
        self._large, self._watched = large, frozenset(watched)
        self._producer = bus.Producer(bootstrap, client_id="pages-bench")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="traffic", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End; everything that was sent is confirmed."""
        self._closing.set()
        self._thread.join()
        self._producer.close()

    def _run(self) -> None:
        began_s, counts = time.monotonic(), dict.fromkeys(EVERY_S, 0)
        trucks = len(self._large.trucks)
        while not self._closing.wait(_BEAT_S):
            passed_s = time.monotonic() - began_s
            while self.sent.fixes < passed_s * trucks / FIX_EVERY_S:
                self._send_fix(self.sent.fixes % trucks)
                self.sent.fixes += 1
            for kind, every_s in EVERY_S.items():
                while counts[kind] < int(passed_s / every_s):
                    counts[kind] += 1
                    self._send(kind, counts[kind])

    def _send_fix(self, number: int) -> None:
        fix = self._large.fix(number)
        if fix.truck_id in self._watched:
            self.sent.places.append((fix.truck_id, fix.lon or 0.0, fix.lat or 0.0, _wall_ms()))
        self._producer.send_event(fix)

    def _send(self, kind: str, count: int) -> None:
        large = self._large
        match kind:
            case "reading":
                self._producer.send_event(large.reading(count * 37 % len(large.bins)))
            case "due":
                self._producer.send_event(large.due(count * 41 % len(large.bins)))
            case "action":
                self._producer.send_event(large.action(count * 43 % len(large.trucks)))
            case "alert":
                alert = large.alert(count)
                self.sent.alerts[alert.alert_id] = _wall_ms()
                self._producer.send_event(alert)
            case _:
                plan = large.plan(count * 47 % len(large.trucks))
                self.sent.plans[f"{plan.truck_id}@{plan.plan_version}"] = _wall_ms()
                self._producer.send_event(plan)


def _wall_ms() -> float:
    return time.time_ns() / 1e6
