"""What truly happens to one bin in eight days: how it fills, how warm it is, when it lies on its side, when its sensor is broken.

Nothing here knows what a rule asks for. Levels are shares of the usable depth, 1 = to the brim; times are ms from the
begin of the days.

Warmth. Air has 16 to 32 °C. The sun adds up to 45 K under a dark metal lid at noon: 900 W/m² absorbed, given off to the
air at 10 W/m²K on either side; so no sun makes a sensor hotter than 82 °C. The sensor's own housing (200 g of plastic)
follows in a quarter to half an hour. Flames (130 to 300 °C where it hangs) heat it with a time constant of
minutes.
"""

import math
import random
from bisect import bisect_right
from dataclasses import dataclass, field

from tests.labelled.truth import DAY_MS, HOUR_MS, MINUTE_MS, Made

DAYS = 8
END_MS = DAYS * DAY_MS
STEP_MS = 5 * MINUTE_MS
LAWFUL_MOST = 0.85
"""People take their bag to the next bin before a lid does not close; unless the truth says otherwise."""
NOON_MS = round(12.6 * HOUR_MS)
"""Of the sun, UTC."""

Span = tuple[int, int]


@dataclass
class Sensor:
    """What hangs in the bin. Differs by maker."""

    in_mm: bool
    """Says millimetres that tremble; else whole percents, smoothed."""
    in_lid: bool
    """Mounted in the lid: tilts with it."""
    tilt_by_event: bool
    """Says how it stands only when that changes; else with each reading."""
    has_lid_switch: bool
    alarms: bool
    """Measures the warmth each minute and speaks at once above 70 °C."""
    every_ms: int
    first_ms: int
    clock_ms: int = 0
    """By how much its clock is ahead."""


@dataclass
class Fire:
    """Something burns: gas of so many °C above the waste."""

    span: Span
    gas_c: float
    constant_ms: float


@dataclass
class Life:
    """One bin's eight days."""

    bin_id: str
    sensor: Sensor
    depth_mm: int
    daily: float
    """Share of the bin that comes on a usual day."""
    sun_k: float
    shade_until_ms: int
    """Time of day at which the shade of a house has passed."""
    emptied: list[int] = field(default_factory=list)
    idle: list[Span] = field(default_factory=list)
    """Nobody uses it."""
    rises: list[tuple[int, int, int, float]] = field(default_factory=list)
    """From, level reached, emptied, level."""
    tilts: list[Span] = field(default_factory=list)
    lids: list[Span] = field(default_factory=list)
    """Lid open."""
    near: list[Span] = field(default_factory=list)
    """Something hangs in front of the sensor."""
    mute: list[Span] = field(default_factory=list)
    """Steam, dew or a broken transducer: no echo."""
    stuck: list[Span] = field(default_factory=list)
    fires: list[Fire] = field(default_factory=list)
    warm: list[tuple[int, float]] = field(default_factory=list)
    """Hot waste thrown in: when, K."""
    odd_c: dict[int, float] = field(default_factory=dict)
    """By report: what the thermometer says though it is not so."""
    deaf: list[Span] = field(default_factory=list)
    """No network."""
    unheard: set[int] = field(default_factory=set)
    """Times of tilt reports that are lost."""
    ends_ms: int = END_MS
    """The sensor is burnt."""
    busy: list[Span] = field(default_factory=list)
    """When something is made happen: nothing else is, then."""
    fills: list[float] = field(default_factory=list)
    warmth: list[float] = field(default_factory=list)

    def live(self, chance: random.Random) -> None:
        """Let the days pass: fill and warmth, each five minutes."""
        steps = END_MS // STEP_MS + 1
        level, housing_c = chance.uniform(0.05, 0.3), 20.0
        cloud = [chance.choice((0.4, 0.8, 1.0, 1.0)) for _ in range(DAYS + 1)]
        lag = STEP_MS / (chance.uniform(15, 30) * MINUTE_MS)
        emptied = iter(sorted(self.emptied))
        next_ms = next(emptied, END_MS + 1)
        factor = 1.0
        self.tilts += [(at_ms, at_ms + chance.randint(30, 90) * 1_000) for at_ms in self.emptied]
        for step in range(steps):
            at_ms = step * STEP_MS
            if at_ms % DAY_MS == 0:
                factor = math.exp(chance.gauss(0, 0.25))
            rise = next((one for one in self.rises if one[0] <= at_ms < one[2]), None)
            if rise is not None:
                _, full_ms, _, top = rise
                share = 1.0 if at_ms >= full_ms else min(1.0, STEP_MS / (full_ms - at_ms))
                level += share * (top - level)
            elif not within(self.idle, at_ms) and level < LAWFUL_MOST:
                level = min(LAWFUL_MOST, level + self.daily * factor * _rhythm(at_ms) * STEP_MS / DAY_MS)
            while next_ms <= at_ms:
                level, next_ms = 0.02, next(emptied, END_MS + 1)
            self.fills.append(level)
            sun = max(0.0, math.cos((at_ms % DAY_MS - NOON_MS) / (7 * HOUR_MS) * math.pi / 2))
            air_c = 24 - 8 * math.cos((at_ms % DAY_MS - 3 * HOUR_MS) / DAY_MS * 2 * math.pi)
            lit = at_ms % DAY_MS >= self.shade_until_ms and abs(at_ms % DAY_MS - NOON_MS) < 7 * HOUR_MS
            lid_c = air_c + (self.sun_k * cloud[at_ms // DAY_MS] * sun if lit else 0.0)
            housing_c += lag * (lid_c - housing_c)
            self.warmth.append(housing_c)

    def level(self, at_ms: int) -> float:
        """Return the true level."""
        return self.fills[min(at_ms // STEP_MS, len(self.fills) - 1)]

    def celsius(self, at_ms: int) -> float:
        """Return how warm the sensor truly is."""
        base_c = self.warmth[min(at_ms // STEP_MS, len(self.warmth) - 1)]
        for fire in self.fires:
            begin_ms, end_ms = fire.span
            if at_ms >= begin_ms:
                burnt_ms = min(at_ms, end_ms) - begin_ms
                above = (fire.gas_c - base_c) * (1 - math.exp(-burnt_ms / fire.constant_ms))
                base_c += above * math.exp(-max(0, at_ms - end_ms) / (15 * MINUTE_MS))
        for begin_ms, rise_k in self.warm:
            passed_ms = at_ms - begin_ms
            if passed_ms >= 0:
                base_c += (
                    rise_k * (1 - math.exp(-passed_ms / (8 * MINUTE_MS))) * math.exp(-passed_ms / (40 * MINUTE_MS))
                )
        return base_c

    def reports(self) -> list[int]:
        """Return the times at which it would report by its interval."""
        return list(range(self.sensor.first_ms, END_MS, self.sensor.every_ms))

    def report_after(self, at_ms: int) -> int:
        """Return the first report by its interval not before a time."""
        times = self.reports()
        return times[min(bisect_right(times, at_ms - 1), len(times) - 1)]

    def is_free(self, span: Span) -> bool:
        """True if nothing is made happen in it, or within three hours of it."""
        far_ms = 3 * HOUR_MS
        return all(end_ms + far_ms < span[0] or span[1] + far_ms < begin_ms for begin_ms, end_ms in self.busy)


def _rhythm(at_ms: int) -> float:
    """How busy an hour is: little at night, two peaks a day; about 1 on average."""
    hour = at_ms % DAY_MS / HOUR_MS
    return 0.15 + 1.3 * (math.exp(-(((hour - 12) / 3.5) ** 2)) + 0.9 * math.exp(-(((hour - 19) / 2.5) ** 2)))


def within(spans: list[Span], at_ms: int) -> bool:
    """Return whether a time is in one of these."""
    return any(begin_ms <= at_ms < end_ms for begin_ms, end_ms in spans)


def born(bin_id: str, made: Made) -> Life:
    """Return a bin with an everyday life: it fills, and is emptied each morning without anybody saying so."""
    chance = made.chance
    in_lid = chance.random() < 0.3
    every_ms = round(chance.choice((30,) if made.hard.name == "normal" else (15, 30, 30, 60)) * made.slower) * MINUTE_MS
    sensor = Sensor(
        in_mm=chance.random() < 0.6,
        in_lid=in_lid,
        tilt_by_event=chance.random() < 0.25,
        has_lid_switch=not in_lid and chance.random() < 0.4,
        alarms=chance.random() < 0.6,
        every_ms=every_ms,
        first_ms=chance.randrange(every_ms),
        clock_ms=round(chance.choice((0,) * 12 + (-40, -10, 15, 180)) * MINUTE_MS),
    )
    life = Life(
        bin_id=bin_id,
        sensor=sensor,
        depth_mm=chance.choice((1000, 1200, 1500)),
        daily=chance.uniform(0.3, 0.65),
        sun_k=chance.choice((8.0, 15.0, 25.0)),
        shade_until_ms=0,
    )
    for day in range(DAYS):
        at_ms = day * DAY_MS + round(chance.uniform(6, 10) * HOUR_MS)
        life.emptied.append(at_ms)
    return life
