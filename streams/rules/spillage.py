"""spillage: the load falls while the truck drives, with no stop to explain it.

Readings of a moving truck swing by some percent, for up to half a minute. So the rule compares levels: medians of whole
minutes, five before against the last five. The fall must exceed what this truck's own minutes scatter by, and must
still be there two minutes later: rough road passes, a lost load does not come back.
"""

from itertools import pairwise
from typing import Final

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.load import median
from streams.moment import Moment
from streams.rules import explain
from streams.rules.thresholds import Thresholds
from streams.units import MINUTE_MS

NAME: Final[RuleName] = "spillage"
VERSION: Final = "1"
_KEPT_MINUTES: Final = 30
_FEWEST_MINUTES: Final = 2
"""Minutes that make a level to start from."""
_LEAST_READINGS: Final = 3
"""Readings in a minute that make it count."""
_SCATTERS: Final = 1.5
"""A fall must exceed this many standard errors of the difference of two levels."""
_STILL_GONE: Final = 0.6
"""Share of the fall that the last two minutes must still show: rough road passes."""
_MOVING_MPS: Final = 2.0
_LONG_STOP_MS: Final = 4 * MINUTE_MS
"""After a stop this long, what the load did is not a spill: a new comparison begins."""
_QUIET_MINUTES: Final = 4
"""Minutes without a further fall after which the spill is over."""


class Minute(Struct, array_like=True):
    """Readings of one minute of driving."""

    start_ms: int
    kg: float
    """Median of its readings."""
    uncovered: bool | None
    place: geo.LonLat


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    minutes: list[Minute] = field(default_factory=list)
    minute_ms: int = 0
    readings: list[float] = field(default_factory=list)
    places: list[geo.LonLat] = field(default_factory=list)
    stood_since_ms: int = 0
    """Since when it reports that it stands; 0 = it drives."""
    suspected_ms: int = 0
    """Since when a fall is suspected and waits for its confirmation; 0 = none."""
    start_ms: int = 0
    before_kg: float = 0.0
    lost_kg: float = 0.0
    quiet: int = 0
    alerted: bool = False


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Judge one fix."""
    if moment.cargo.state != "loaded" or moment.bed_raised() or moment.fix.maintenance:
        return _forget(memory, moment) if memory.minutes or memory.readings else None
    if moment.speed_mps <= _MOVING_MPS:
        memory.stood_since_ms = memory.stood_since_ms or moment.time_ms
        stopped = moment.time_ms - memory.stood_since_ms > _LONG_STOP_MS
        return _forget(memory, moment) if stopped and memory.minutes else None
    memory.stood_since_ms = 0
    fix = moment.fix
    if fix.load_kg is None or fix.sensor_health.load != "ok" or moment.load.stuck or moment.place is None:
        return None
    minute_ms = moment.time_ms // MINUTE_MS * MINUTE_MS
    finding = None
    if minute_ms != memory.minute_ms:
        if len(memory.readings) >= _LEAST_READINGS:
            finding = _close_minute(memory, moment, limits)
        memory.minute_ms = minute_ms
        memory.readings, memory.places = [], []
    memory.readings.append(fix.load_kg)
    memory.places.append(moment.place)
    return finding


def _close_minute(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    minutes = memory.minutes
    place = memory.places[len(memory.places) // 2]
    minutes.append(Minute(memory.minute_ms, median(memory.readings), moment.cover_open(), place))
    if len(minutes) > _KEPT_MINUTES:
        del minutes[0]
    return _go_on(memory, moment, limits) if memory.alerted else _look(memory, moment, limits)


def _look(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Compare the level of the last minutes with the highest before."""
    minutes = memory.minutes
    kept_kg = [minute.kg for minute in minutes]
    width = _width(limits)
    earlier_kg, lately_kg = kept_kg[:-width], median(kept_kg[-width:])
    if len(earlier_kg) < _FEWEST_MINUTES:
        return None
    if max(earlier_kg) - lately_kg < limits.spill_kg * min(1.0, limits.spill_closed_factor):
        memory.suspected_ms = 0  # as almost always: no level before can be high enough
        return None
    before_kg, of_minutes = _highest(earlier_kg, width)
    fall_kg = before_kg - lately_kg
    back = before_kg - median(kept_kg[-2:]) < _STILL_GONE * fall_kg
    if back or fall_kg < _least_fall(minutes, before_kg, of_minutes, limits):
        memory.suspected_ms = 0
        return None
    if memory.suspected_ms == 0:
        memory.suspected_ms = moment.time_ms
    if moment.time_ms - memory.suspected_ms < limits.spill_confirm_s * 1000:
        return None
    memory.alerted, memory.quiet = True, 0
    memory.before_kg, memory.lost_kg = before_kg, fall_kg
    memory.start_ms = _onset_ms(minutes, before_kg, fall_kg)
    return _finding("begin", memory, moment, limits)


def _width(limits: Thresholds) -> int:
    return round(limits.spill_window_s / 60)


def _highest(earlier_kg: list[float], width: int) -> tuple[float, int]:
    """Return the highest earlier level and of how many minutes it is; a short journey's start must do with fewer."""
    if len(earlier_kg) <= width:
        return median(earlier_kg), len(earlier_kg)
    return max([median(earlier_kg[n : n + width]) for n in range(len(earlier_kg) - width + 1)]), width


def _least_fall(minutes: list[Minute], before_kg: float, of_minutes: int, limits: Thresholds) -> float:
    """Return the fall that counts: more where the level before is of few minutes, or the cover is closed."""
    width = _width(limits)
    fewer = ((1 / of_minutes + 1 / width) * width / 2) ** 0.5
    least = max(limits.spill_kg, limits.spill_share * before_kg, _SCATTERS * _error_kg(minutes, width)) * fewer
    uncovered = any(minute.uncovered for minute in minutes[-2 * width :])
    return float(least if uncovered else least * limits.spill_closed_factor)


def _level(minutes: list[Minute]) -> float:
    return median([minute.kg for minute in minutes])


def _error_kg(minutes: list[Minute], width: int) -> float:
    """Standard error of the difference of two levels, from how neighbouring minutes differ."""
    steps = sorted([abs(b.kg - a.kg) for a, b in pairwise(minutes)])
    scatter = steps[len(steps) // 2] / 0.954  # the median of |difference of two normals| is 0.954 standard deviations
    return float(scatter * 1.2533 * (2 / width) ** 0.5)  # a median's error is 1.2533 of a mean's


def _onset_ms(minutes: list[Minute], before_kg: float, fall_kg: float) -> int:
    """Start of the first minute after which no minute is near the old level again."""
    start = len(minutes) - 1
    while start > 0 and minutes[start - 1].kg < before_kg - 0.25 * fall_kg:
        start -= 1
    return minutes[start].start_ms


def _go_on(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Follow a spill until the load is steady again."""
    fall_kg = memory.before_kg - _level(memory.minutes[-3:])
    if fall_kg > memory.lost_kg + 0.1 * memory.lost_kg:
        memory.quiet, memory.lost_kg = 0, fall_kg
        return _finding("change", memory, moment, limits)
    memory.quiet += 1
    if memory.quiet < _QUIET_MINUTES:
        return None
    memory.lost_kg = max(0.0, memory.before_kg - _level(memory.minutes[-_QUIET_MINUTES - 1 :]))
    finding = _finding("end", memory, moment, limits)
    _start_over(memory)
    return finding


def _finding(kind: str, memory: Memory, moment: Moment, limits: Thresholds) -> Finding:
    error_kg = max(_error_kg(memory.minutes, _width(limits)), 0.1 * memory.lost_kg)
    stretch = _stretch(memory)
    uncovered = any(minute.uncovered for minute in stretch)
    end_ms = stretch[-1].start_ms + MINUTE_MS
    return Finding(
        kind=kind,  # type: ignore[arg-type]
        start_ms=memory.start_ms,
        at_ms=moment.time_ms,
        end_ms=end_ms if kind == "end" else None,
        severity="high" if uncovered else "medium",
        certainty="observed" if uncovered else "likely",
        where=geo.line([minute.place for minute in stretch]),
        lost_kg=round(memory.lost_kg, 0),
        lost_low_kg=round(max(0.0, memory.lost_kg - 2 * error_kg), 0),
        lost_high_kg=round(memory.lost_kg + 2 * error_kg, 0),
        because=_because(memory, limits, uncovered=uncovered),
        unless=("a stop at which the load left", "the load back at its level: rough road, slope"),
        gaps=explain.gaps(moment),
    )


def _stretch(memory: Memory) -> list[Minute]:
    """Minutes between the onset and the moment the load had fallen to where it is now."""
    fallen_kg = memory.before_kg - 0.9 * memory.lost_kg
    stretch = [minute for minute in memory.minutes if minute.start_ms >= memory.start_ms] or memory.minutes[-1:]
    for n, minute in enumerate(stretch):
        if minute.kg <= fallen_kg:
            return stretch[: n + 1]
    return stretch


def _because(memory: Memory, limits: Thresholds, *, uncovered: bool) -> tuple[events.Condition, ...]:
    least_kg = _least_fall(memory.minutes, memory.before_kg, _width(limits), limits)
    return (
        explain.known("loaded and driving", f"{memory.before_kg:.0f} kg before"),
        explain.at_least("the load fell while driving", memory.lost_kg, least_kg, "kg"),
        explain.known("cover", "open or half open" if uncovered else "closed or not known"),
    )


def _forget(memory: Memory, moment: Moment) -> Finding | None:
    """The load is gone, or the truck stood: what was compared no longer can be."""
    alerted, start_ms = memory.alerted, memory.start_ms
    end_ms = memory.minutes[-1].start_ms + MINUTE_MS if memory.minutes else moment.time_ms
    _start_over(memory)
    if not alerted:
        return None
    return Finding(kind="end", start_ms=start_ms, at_ms=moment.time_ms, end_ms=end_ms)


def _start_over(memory: Memory) -> None:
    memory.minutes, memory.readings, memory.places = [], [], []
    memory.suspected_ms = memory.start_ms = memory.quiet = 0
    memory.alerted = False
