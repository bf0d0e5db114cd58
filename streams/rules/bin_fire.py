"""bin-fire: hot as no sun makes a bin, by one reading; or as the sun may, but so suddenly, or for so long, as it does not."""

from typing import Final

from msgspec import Struct

from streams import events
from streams.alerts import Finding
from streams.bin_moment import BinMoment
from streams.events import RuleName
from streams.rules import explain
from streams.rules.thresholds import Thresholds
from streams.units import HOUR_MS

NAME: Final[RuleName] = "bin-fire"
VERSION: Final = "2"
_COLDEST_C: Final = -100.0
_HOTTEST_C: Final = 300.0
"""What a sensor lives through, and the edge takes: beyond it the thermometer is broken."""
_UNMEASURED_C: Final = 85.0
"""What a DS18B20 says before it has measured (its data sheet: power-on reset value): alone it is no measurement."""


class Memory(Struct, array_like=True):
    """What the rule remembers of one bin."""

    last_c: float | None = None
    last_ms: int = 0
    hot_ms: int = 0
    """Since when it is hot; 0 = it is not."""
    alerted: bool = False


def judge(memory: Memory, moment: BinMoment, limits: Thresholds) -> Finding | None:
    """Judge one reading, also one whose fill cannot be used."""
    hot_c = moment.reading.temperature_c
    if hot_c is None or not _COLDEST_C < hot_c <= _HOTTEST_C or (hot_c == _UNMEASURED_C and not memory.hot_ms):
        return None
    before_c, before_ms = memory.last_c, memory.last_ms
    memory.last_c, memory.last_ms = hot_c, moment.time_ms
    if memory.alerted:
        return _end(memory, moment) if hot_c < limits.fire_over_c else None
    if hot_c < limits.fire_c:
        memory.hot_ms = 0
        return None
    memory.hot_ms = memory.hot_ms or moment.time_ms
    lasted_h = (moment.time_ms - memory.hot_ms) / HOUR_MS
    signs: list[events.Condition] = []
    if hot_c >= limits.fire_sure_c:
        signs.append(explain.at_least("hotter than the sun makes a bin", hot_c, limits.fire_sure_c, "°C"))
    if before_c is not None and moment.time_ms - before_ms <= limits.fire_rise_s * 1000:
        rise_c = hot_c - before_c
        if rise_c >= limits.fire_rise_c:
            signs.append(explain.at_least("risen since the reading before", rise_c, limits.fire_rise_c, "°C"))
    if lasted_h >= limits.fire_lasts_h:
        signs.append(explain.at_least("hot for hours", lasted_h, limits.fire_lasts_h, "h"))
    return _begin(memory, moment, hot_c, limits, signs) if signs else None


def _begin(
    memory: Memory, moment: BinMoment, hot_c: float, limits: Thresholds, signs: list[events.Condition]
) -> Finding:
    memory.alerted = True
    return Finding(
        kind="begin",
        start_ms=memory.hot_ms,
        at_ms=moment.time_ms,
        severity="critical",
        certainty="observed" if len(signs) > 1 or memory.hot_ms < moment.time_ms else "likely",
        because=(explain.at_least("temperature", hot_c, limits.fire_c, "°C"), *signs),
        unless=("a sensor in the sun: it warms slowly, and less",),
    )


def _end(memory: Memory, moment: BinMoment) -> Finding:
    start_ms, memory.hot_ms, memory.alerted = memory.hot_ms, 0, False
    return explain.over(start_ms, moment.time_ms)
