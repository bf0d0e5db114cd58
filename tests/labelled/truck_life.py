"""What one truck truly does on its day, second by second: it loads, drives, tips and drives back, and what happens on the way.

Each truck has a road of its own, running east: a depot, a site at 0 m, three zones with a speed limit, one along a parallel
road, a workshop aside, a tunnel, a zone that holds from the middle of the day on, a yard. Nothing here knows what a rule asks for.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.labelled.truth import DAY_MS, HOUR_MS, SECOND_MS, Hardness, Trap, Truth, Violation

BEGINS_S = (2 * DAY_MS + 5 * HOUR_MS) // SECOND_MS
"""When trucks start: on the third day at 05:00 UTC."""
DEPOT_M, YARD_M, WORKSHOP_M = -700.0, 9_000.0, 4_600.0
TUNNEL_M = (5_300.0, 6_100.0)
ZONES: dict[str, tuple[float, float, float]] = {
    "50": (1_400.0, 2_900.0, 50 / 3.6),
    "30": (3_300.0, 4_300.0, 30 / 3.6),
    "40": (6_400.0, 7_700.0, 40 / 3.6),
}
"""From, to along the road, limit m/s."""
BESIDE_M = (4_450.0, 5_200.0)
"""A zone of 30 km/h along a parallel road."""
LATER_M = (8_000.0, 8_700.0)
LATER_FROM_MS = 2 * DAY_MS + 8 * HOUR_MS + HOUR_MS // 2
"""From then on 30 km/h hold there."""
LOW_MPS = 30 / 3.6
PAYLOAD_KG = 16_000.0
FREE_MPS = (11.5, 15.5)
"""How fast people drive where nothing limits them."""
TOLERATED = 1.10
"""Speedometers and receivers are allowed a tenth."""
TOO_FAST_S, GLANCE_S = 45, 15
"""So long above that is too fast; shorter than a glance, nothing; in between nobody can blame either judgement."""


@dataclass
class Now:
    """One second of the truck."""

    at_s: int
    x_m: float
    y_m: float = 0.0
    speed_mps: float = 0.0
    kg: float = 0.0
    cover: str = "closed"
    bed: str = "level"
    ignition: bool = True
    maintenance: bool = False
    power: Literal["main", "cut"] = "main"
    starved: bool = False
    """Its voltage is low, but there."""
    online: bool = True
    """Reports find a network."""
    runs: bool = True
    """The terminal does."""
    boots: int = 0
    spike_mps: float = 0.0
    """The receiver is wrong about the speed by so much …"""
    jump_m: float = 0.0
    """… or about the place."""

    @property
    def sees_sky(self) -> bool:
        """Whether the receiver has a place."""
        return not TUNNEL_M[0] < self.x_m < TUNNEL_M[1]


@dataclass
class Way:
    """What is made happen between site and yard: of driving, of power."""

    kind: str = ""
    zone: str = ""
    factor: float = 1.0
    power: Callable[["Life", float], Iterator[Now]] | None = None


@dataclass
class Fault:
    """What is wrong with a sensor, from when to when."""

    from_s: int
    to_s: int
    sensor: str
    says: str
    """A word of `sensor_health`; of the load also silent, stuck."""


@dataclass
class Life:
    """One truck's day."""

    truck_id: str
    hard: Hardness
    truth: Truth
    chance: random.Random
    trips: list[tuple[Way, Way]]
    faults: list[Fault] = field(default_factory=list)
    clock_ms: int = 0
    """By how much its terminal's clock is ahead."""

    def __post_init__(self) -> None:
        self.now = Now(BEGINS_S + self.chance.randrange(600), DEPOT_M)
        self.base_mps = self.chance.uniform(*FREE_MPS)
        self._fast_since: tuple[str, int] | None = None

    def seconds(self) -> Iterator[Now]:
        """Yield each second of the day: one object, changed."""
        yield from self.stand(300, ignition=False)
        yield from self.stand(60, ignition=True)
        yield from self.drive(0.0)
        for out, back in self.trips:
            yield from self._load()
            yield from self._way(YARD_M, out)
            yield from self._tip()
            yield from self._way(0.0, back)
        yield from self.drive(DEPOT_M)
        yield from self.stand(120)
        yield from self.stand(600, ignition=False)

    def _load(self) -> Iterator[Now]:
        kg, seconds = self.chance.uniform(0.7, 0.93) * PAYLOAD_KG, self.chance.randint(240, 360)
        yield from self.stand(40, cover="open")
        for _ in range(seconds):
            yield from self.stand(1, kg=self.now.kg + kg / seconds)
        yield from self.stand(40, cover="closed")

    def _tip(self) -> Iterator[Now]:
        kg = self.now.kg
        yield from self.stand(60)
        self.now.cover, self.now.bed = "open", "raised"
        for _ in range(60):
            yield from self.stand(1, kg=max(0.0, self.now.kg - kg / 60))
        yield from self.stand(60, bed="level", kg=0.0)
        yield from self.stand(20, cover="closed")

    def _way(self, to_m: float, way: Way) -> Iterator[Now]:
        start_s = self.now.at_s
        if way.power is not None:
            yield from way.power(self, to_m)
        yield from self.drive(to_m, way)
        if way.kind and way.kind != "too fast":
            self.trap(way.kind, start_s, "overspeed")
        elif to_m == YARD_M and start_s < BEGINS_S + 3_600:
            self.trap("along a zone, through one to be, over its edges", start_s, "overspeed")

    def stand(self, seconds: int, **changed: Any) -> Iterator[Now]:
        """Stand; what is changed stays changed."""
        now = self.now
        for name, value in changed.items():
            setattr(now, name, value)
        now.speed_mps = 0.0
        self._is_fast()
        for _ in range(seconds):
            now.at_s += 1
            yield now

    def drive(self, to_m: float, way: Way | None = None) -> Iterator[Now]:
        """Drive to a place of the road, as fast as this driver does and the signs say, unless the way says otherwise."""
        way = way or Way()
        now, chance, hurry = self.now, self.chance, 0.0
        towards = 1 if to_m > now.x_m else -1
        lights = sorted((chance.uniform(300, 8_700) for _ in range(2)), reverse=towards < 0)
        peak_s = chance.randint(8, 13)
        while (ahead_m := abs(to_m - now.x_m)) > 0.5:
            hurry = 0.97 * hurry + chance.gauss(0, 0.05)
            wanted_mps = self._wanted_mps(way, towards, hurry, peak_s)
            wanted_mps = min(wanted_mps, (2.4 * max(0.0, ahead_m - 1)) ** 0.5 + 0.6)
            now.speed_mps += min(0.9, max(-1.4, wanted_mps - now.speed_mps))
            now.x_m += towards * min(now.speed_mps, ahead_m)
            now.at_s += 1
            peak_s -= self._is_fast() and way.kind == "downhill"
            self._mislead(way)
            yield now
            if lights and (now.x_m - lights[0]) * towards > 0:
                lights.pop(0)
                if way.kind != "too fast":
                    yield from self.stand(chance.randint(15, 50))
        now.speed_mps = now.spike_mps = now.jump_m = 0.0
        self._is_fast()

    def _wanted_mps(self, way: Way, towards: int, hurry: float, peak_s: int) -> float:
        now = self.now
        here, coming = zone_at(now.x_m, now.at_s), zone_at(now.x_m + 25 * towards, now.at_s)
        if here is not None and here[0] == way.zone:
            if way.kind in ("too fast", "tolerated"):
                return here[1] * way.factor
            if way.kind == "downhill" and peak_s > 0:
                return here[1] * 1.25
        limit_mps = min((found[1] for found in (here, coming) if found), default=99.0)
        return min(max(5.0, self.base_mps + hurry), 0.93 * limit_mps + 0.3 * hurry)

    def _is_fast(self) -> bool:
        """Note how long it is too fast in one zone; True while it is faster than the limit."""
        now = self.now
        zone = zone_at(now.x_m, now.at_s)
        name = zone[0] if zone is not None and now.speed_mps > TOLERATED * zone[1] else ""
        if self._fast_since is not None and self._fast_since[0] != name:
            (was, start_s), self._fast_since = self._fast_since, None
            lasted_s = now.at_s - start_s
            if lasted_s > GLANCE_S:
                must: Literal["alert", "either"] = "alert" if lasted_s >= TOO_FAST_S else "either"
                self.wrong("overspeed", start_s, f"too fast in the zone of {was}", must_be=must)
        if name and self._fast_since is None:
            self._fast_since = name, now.at_s
        return zone is not None and now.speed_mps > zone[1]

    def _mislead(self, way: Way) -> None:
        """Have the receiver be wrong, where the way says so."""
        now = self.now
        now.spike_mps = way.factor if way.kind == "spike" and zone_at(now.x_m, now.at_s) and now.at_s % 60 < 8 else 0.0
        jumps = way.kind == "jump" and 4_320 < now.x_m < 4_320 + way.factor
        now.jump_m = -400.0 if jumps else 0.0

    # ---------------------------------------------------------------------------------------- for deeds

    def until(self, to_m: float, x_m: float) -> Iterator[Now]:
        """Drive to a place on the way to another, unless it is behind."""
        if (x_m - self.now.x_m) * (to_m - self.now.x_m) > 0:
            yield from self.drive(x_m)

    def wrong(
        self, rule: str, start_s: int, note: str, *accept: str, must_be: Literal["alert", "either"] = "alert"
    ) -> None:
        """Note a violation that ends now."""
        start_ms, end_ms = start_s * SECOND_MS, self.now.at_s * SECOND_MS
        self.truth.violations.append(
            Violation(
                rule=rule,
                subject=self.truck_id,
                start_ms=start_ms,
                end_ms=end_ms,
                note=note,
                accept=accept,
                must_be=must_be,
            )
        )

    def trap(self, trap: str, start_s: int, *rules: str) -> None:
        """Note a trap that ends now."""
        start_ms, end_ms = start_s * SECOND_MS, self.now.at_s * SECOND_MS
        self.truth.traps.append(
            Trap(trap=trap, subject=self.truck_id, start_ms=start_ms, end_ms=end_ms, forbidden_rules=rules)
        )


def zone_at(x_m: float, at_s: int) -> tuple[str, float] | None:
    """Return the zone of the truck's own road that holds there and then, and its limit, m/s."""
    for name, (from_m, to_m, limit_mps) in ZONES.items():
        if from_m <= x_m <= to_m:
            return name, limit_mps
    if LATER_M[0] <= x_m <= LATER_M[1] and at_s * SECOND_MS >= LATER_FROM_MS:
        return "later", LOW_MPS
    return None
