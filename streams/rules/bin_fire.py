"""bin-fire: hot as no sun makes a bin: by a sudden rise at once, else by two readings."""

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
VERSION: Final = "1"


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
    if hot_c is None or not -100.0 < hot_c < 1_000.0:
        return None
    rise_c = _rise_c(memory, moment, hot_c)
    memory.last_c, memory.last_ms = hot_c, moment.time_ms
    if memory.alerted:
        return _end(memory, moment) if hot_c < limits.fire_over_c else None
    if hot_c < limits.fire_c:
        memory.hot_ms = 0
        return None
    was_hot, memory.hot_ms = memory.hot_ms, memory.hot_ms or moment.time_ms
    sudden = rise_c is not None and rise_c >= limits.fire_rise_c
    if not was_hot and not sudden:
        return None
    memory.alerted = True
    because = [explain.at_least("temperature", hot_c, limits.fire_c, "°C")]
    if sudden and rise_c is not None:
        because.append(explain.at_least("risen since the reading before", rise_c, limits.fire_rise_c, "°C"))
    else:
        because.append(explain.known("hot at the reading before as well", "hot"))
    return _begin(memory, moment, tuple(because), two_signals=sudden and bool(was_hot))


def _rise_c(memory: Memory, moment: BinMoment, hot_c: float) -> float | None:
    """Degrees since the reading before, if that was within two hours: the sun takes longer."""
    if memory.last_c is None or moment.time_ms - memory.last_ms > 2 * HOUR_MS:
        return None
    return hot_c - memory.last_c


def _begin(memory: Memory, moment: BinMoment, because: tuple[events.Condition, ...], *, two_signals: bool) -> Finding:
    return Finding(
        kind="begin",
        start_ms=memory.hot_ms,
        at_ms=moment.time_ms,
        severity="critical",
        certainty="observed" if two_signals else "likely",
        because=because,
        unless=("a sensor in the sun: it warms slowly, and less",),
    )


def _end(memory: Memory, moment: BinMoment) -> Finding:
    start_ms, memory.hot_ms, memory.alerted = memory.hot_ms, 0, False
    return explain.over(start_ms, moment.time_ms)
