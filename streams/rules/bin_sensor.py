"""sensor-fault of bins: a sensor whose readings cannot be used for hours, or are the same for days.

An echo trembles by millimetres even where nobody comes, and so falls a little now and then: one that did and does not is frozen.
Whole percents only rise until the bin is emptied; there only a bin that used to fill makes it odd. A sensor that does not look
into the bin, for the bin lies on its side, is well.
"""

from typing import Final

from msgspec import Struct

from streams import events
from streams.alerts import Finding
from streams.bin_moment import BinMoment
from streams.events import RuleName
from streams.rules import explain
from streams.rules.thresholds import Thresholds
from streams.units import HOUR_MS

NAME: Final[RuleName] = "sensor-fault"
VERSION: Final = "2"
_STANDS_READINGS: Final = 6
_EMPTIED_FALL: Final = 0.1
_REMEMBERED: Final = 96
"""Readings over which it is learnt how a sensor trembles."""


class Memory(Struct, array_like=True):
    """What the rule remembers of one bin."""

    invalid_ms: int = 0
    """Since when no reading can be used; 0 = they can."""
    invalid: int = 0
    same_ms: int = 0
    """Since when the reading is the same."""
    same: int = 0
    reading: tuple[float | None, float | None] = (None, None)
    """Fill and millimetres."""
    rate_per_h: float = 0.0
    """How it filled when the reading began to be the same: what is learnt since is that it does not."""
    alerted: bool = False
    tilted: bool = False
    """As it said last, until readings that can be used show that it stands."""
    usable: int = 0
    """In a row."""
    trembles: float = 0.0
    """Share of the readings that were a little lower than the one before."""
    seen: int = 0
    """Readings of which that is."""


def judge(memory: Memory, moment: BinMoment, limits: Thresholds) -> Finding | None:
    """Judge one reading."""
    if moment.reading.tilted is not None:
        memory.tilted = moment.reading.tilted
    memory.usable = 0 if moment.reading.invalid is not None or moment.reading.tilted else memory.usable + 1
    if moment.reading.invalid is not None and memory.tilted:
        return None  # what `bin-moved` is for
    if moment.reading.invalid is None and moment.reading.fill is None:
        return None  # not measured is no fault
    if moment.reading.invalid is not None:
        memory.invalid_ms = memory.invalid_ms or moment.time_ms
        memory.invalid += 1
        return _say(memory, moment, _unusable(memory, moment, limits))
    invalid_ms, memory.invalid_ms, memory.invalid = memory.invalid_ms, 0, 0
    memory.tilted = memory.tilted and memory.usable < _STANDS_READINGS
    reading = (moment.fill, moment.reading.distance_mm)
    if reading != memory.reading or invalid_ms:
        _learn(memory, moment.fill)
        was_alerted, start_ms = memory.alerted, invalid_ms or memory.same_ms
        memory.reading, memory.same_ms, memory.same, memory.alerted = reading, moment.time_ms, 1, False
        memory.rate_per_h = moment.filling.rate_per_h or 0.0
        if was_alerted:
            return explain.over(start_ms, moment.time_ms)
        return None
    memory.same += 1
    return _say(memory, moment, _stuck(memory, moment, limits))


def _learn(memory: Memory, fill: float | None) -> None:
    """Learn how the sensor trembles, now that a run of equal readings is over: at its end it fell a little, or did not."""
    equal, before = min(memory.same, _REMEMBERED), memory.reading[0]
    if equal and fill is not None and before is not None:
        fell = 0.0 < before - fill < _EMPTIED_FALL
        memory.seen = min(_REMEMBERED, memory.seen + equal)
        memory.trembles += equal / memory.seen * (fell / equal - memory.trembles)


def _unusable(memory: Memory, moment: BinMoment, limits: Thresholds) -> tuple[events.Condition, ...] | None:
    lasted_h = (moment.time_ms - memory.invalid_ms) / HOUR_MS
    if lasted_h < limits.bin_invalid_h or memory.invalid < limits.bin_invalid_readings:
        return None
    return (
        explain.known("why it cannot be used", moment.reading.invalid or "no fill"),
        explain.at_least("readings in a row that cannot be used", memory.invalid, limits.bin_invalid_readings, "times"),
        explain.at_least("for hours", lasted_h, limits.bin_invalid_h, "h"),
    )


def _stuck(memory: Memory, moment: BinMoment, limits: Thresholds) -> tuple[events.Condition, ...] | None:
    """A reading that does not move: that it trembled before, or what the bin would have gained by now, says how odd that is."""
    lasted_h = (moment.time_ms - memory.same_ms) / HOUR_MS
    if memory.same < limits.bin_stuck_readings:
        return None
    same = explain.at_least("readings in a row that are the same", memory.same, limits.bin_stuck_readings, "times")
    trembled = memory.seen >= limits.bin_stuck_readings and memory.trembles >= limits.bin_trembles
    if trembled and lasted_h >= limits.bin_frozen_h and moment.filling.fill < 1.0:
        return (
            same,
            explain.at_least("for hours", lasted_h, limits.bin_frozen_h, "h"),
            explain.at_least("readings that trembled before", memory.trembles * 100, limits.bin_trembles * 100, "%"),
        )
    if lasted_h < limits.bin_stuck_h:
        return None
    if moment.filling.fill >= 1.0 or memory.rate_per_h * lasted_h < limits.bin_stuck_gain:
        return None
    return (
        same,
        explain.at_least("for hours", lasted_h, limits.bin_stuck_h, "h"),
        explain.known("fill it gained a day before", f"{memory.rate_per_h * 24 * 100:.0f} %"),
    )


def _say(memory: Memory, moment: BinMoment, because: tuple[events.Condition, ...] | None) -> Finding | None:
    if because is None or memory.alerted:
        return None
    memory.alerted = True
    return Finding(
        kind="begin",
        start_ms=memory.invalid_ms or memory.same_ms,
        at_ms=moment.time_ms,
        severity="low",
        certainty="observed" if memory.invalid_ms else "possible",
        because=because,
        unless=("a bin that nobody uses",),
    )
