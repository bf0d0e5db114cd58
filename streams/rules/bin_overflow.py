"""bin-overflow: a bin is full to the brim, by two readings: one alone may be an echo of the lid.

A level that has jumped there may be a bag before the sensor, or foam: these go; what was thrown on top stays. And a full bin's
waste is in the sensor's dead zone, where one echo in some is false: a single low reading is none.
"""

from typing import Final

from msgspec import Struct

from streams import events
from streams.alerts import Finding
from streams.bin_moment import BinMoment
from streams.events import RuleName
from streams.rules import explain
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "bin-overflow"
VERSION: Final = "2"
_JUMPED_READINGS: Final = 3
_LOW_READINGS: Final = 4
"""In a row: it is not full, or not any more; …"""
_EMPTIED_READINGS: Final = 3
_EMPTIED_FILL: Final = 0.3
"""… of an emptied bin three are enough."""


class Memory(Struct, array_like=True):
    """What the rule remembers of one bin."""

    since_ms: int = 0
    """Since when it reads full; 0 = it does not."""
    alerted: bool = False
    readings: int = 0
    """That read full since then."""
    low_ms: int = 0
    """Since when it reads lower again; 0 = it does not."""
    low: int = 0
    jumped: bool = False
    """Not known to have been nearly full before."""
    before: float | None = None
    """What it read last below full."""


def judge(memory: Memory, moment: BinMoment, limits: Thresholds) -> Finding | None:
    """Judge one reading."""
    fill = moment.fill
    if fill is None:
        return None
    if fill < (limits.overflow_left_fill if memory.alerted else limits.overflow_fill):
        return _lower(memory, moment, fill)
    memory.low = memory.low_ms = 0
    if not memory.since_ms:
        memory.since_ms, memory.readings = moment.time_ms, 0
        memory.jumped = memory.before is None or fill - memory.before > limits.overflow_jump
    memory.readings += 1
    lasted_s = (moment.time_ms - memory.since_ms) / 1000
    least_s = limits.overflow_jump_s if memory.jumped else limits.overflow_s
    if memory.alerted or lasted_s < least_s or (memory.jumped and memory.readings < _JUMPED_READINGS):
        return None
    memory.alerted = True
    return Finding(
        kind="begin",
        start_ms=memory.since_ms,
        at_ms=moment.time_ms,
        severity="medium",
        certainty="observed" if moment.reading.lid_open else "likely",
        because=(
            explain.at_least("fill", fill * 100, limits.overflow_fill * 100, "%"),
            explain.at_least(f"full for at least {least_s:g} s", lasted_s, least_s, "s"),
            *_lid(moment.reading),
        ),
        unless=("an echo of the lid: the next reading is lower",),
    )


def _lid(reading: events.BinReading) -> tuple[events.Condition, ...]:
    return (explain.known("lid", "open"),) if reading.lid_open else ()


def _lower(memory: Memory, moment: BinMoment, fill: float) -> Finding | None:
    """Take a reading that is lower; several in a row end it."""
    memory.low += 1
    memory.low_ms = memory.low_ms or moment.time_ms
    emptied = memory.low >= _EMPTIED_READINGS and max(fill, memory.before or 0.0) <= _EMPTIED_FILL
    memory.before = fill
    if memory.since_ms and not emptied and memory.low < _LOW_READINGS:
        return None
    start_ms, end_ms, alerted = memory.since_ms, memory.low_ms, memory.alerted
    memory.since_ms, memory.alerted = 0, False
    return Finding(kind="end", start_ms=start_ms, at_ms=moment.time_ms, end_ms=end_ms) if alerted else None
