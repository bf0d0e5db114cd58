"""bin-overflow: a bin is full to the brim, by two readings: one alone may be an echo of the lid."""

from typing import Final

from msgspec import Struct

from streams import events
from streams.alerts import Finding
from streams.bin_moment import BinMoment
from streams.events import RuleName
from streams.rules import explain
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "bin-overflow"
VERSION: Final = "1"


class Memory(Struct, array_like=True):
    """What the rule remembers of one bin."""

    since_ms: int = 0
    """Since when it reads full; 0 = it does not."""
    alerted: bool = False


def judge(memory: Memory, moment: BinMoment, limits: Thresholds) -> Finding | None:
    """Judge one reading."""
    fill = moment.fill
    if fill is None:
        return None
    if fill < (limits.overflow_left_fill if memory.alerted else limits.overflow_fill):
        return _end(memory, moment) if memory.since_ms else None
    if not memory.since_ms:
        memory.since_ms = moment.time_ms
        return None
    lasted_s = (moment.time_ms - memory.since_ms) / 1000
    if memory.alerted or lasted_s < limits.overflow_s:
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
            explain.at_least(f"full for at least {limits.overflow_s:g} s", lasted_s, limits.overflow_s, "s"),
            *_lid(moment.reading),
        ),
        unless=("an echo of the lid: the next reading is lower",),
    )


def _lid(reading: events.BinReading) -> tuple[events.Condition, ...]:
    return (explain.known("lid", "open"),) if reading.lid_open else ()


def _end(memory: Memory, moment: BinMoment) -> Finding | None:
    start_ms, alerted = memory.since_ms, memory.alerted
    memory.since_ms, memory.alerted = 0, False
    return explain.over(start_ms, moment.time_ms) if alerted else None
