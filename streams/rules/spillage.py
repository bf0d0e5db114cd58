"""spillage: the load falls while the truck drives, with no stop to explain it.

Readings of a moving truck swing by some percent with slope and braking, for half a minute at a time. So means are compared:
of the last minute and a half to six minutes, whichever says it most clearly, with those of a quarter of an hour before. A fall
counts when it is more than both may be wrong by, and has lasted longer than a rough road shakes a sensor: what is lost does
not come back.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import batched
from math import sqrt
from operator import attrgetter
from typing import Final, NamedTuple

from msgspec import Struct, field

from streams import events, geo
from streams.alerts import Finding
from streams.events import RuleName
from streams.load import KG, MOVING_MPS
from streams.moment import Moment
from streams.rules import explain
from streams.rules.gates import LOAD_UNREADABLE, MAINTENANCE, NO_PLACE, NOT_LOADED, Gate, kmh
from streams.rules.thresholds import Thresholds
from streams.units import MINUTE_MS, SECOND_MS

NAME: Final[RuleName] = "spillage"
VERSION: Final = "2"
_WINDOWS_S: Final = (90, 120, 180, 240, 360)
_KEPT_MS: Final = _WINDOWS_S[-1] * SECOND_MS
_APART_MS: Final = 8 * SECOND_MS
"""Readings closer together say the same."""
_BEFORE_MINUTES: Final = 15
"""Minutes before a window that make the level to start from."""
_KEPT_MINUTES: Final = _BEFORE_MINUTES + _WINDOWS_S[-1] // 60 + 1
_MOST_MINUTES: Final = 40
"""… while a spill goes on."""
_FEWEST_BEFORE: Final = 8
_FEWEST: Final = 4
"""Readings of a level."""
_CORRELATED_S: Final = 23.0
"""Readings within this time count as one: measured as what makes means of 1 to 6 minutes scatter as they do on labelled days."""
_SHORT_MS: Final = 50 * SECOND_MS
_STILL_THERE: Final = 0.3
"""The fall began when a short mean was within this share of it for the last time."""
_LONG_STOP_MS: Final = 4 * MINUTE_MS
"""After a stop this long, what the load did is not a spill: a new comparison begins."""
_QUIET_MINUTES: Final = 6
"""Minutes without a further fall after which the spill is over."""
_LATELY_MINUTES: Final = 8
_MILLION: Final = 1_000_000


class Minute(Struct, array_like=True):
    """Readings of one minute of driving: number, sum and sum of squares, and the way."""

    start_ms: int
    n: int = 0
    kg: float = 0.0
    kg2: float = 0.0
    uncovered: bool | None = None
    way: list[int] = field(default_factory=list)
    """Longitude and latitude in turn, in millionths of a degree: most of the state of a truck is this."""


_SUMS: Final = attrgetter("start_ms", "n", "kg")
"""Of a minute."""


class Level(Struct):
    """A mean of readings, and by how much it may be wrong (one standard error)."""

    kg: float
    error_kg: float


class Memory(Struct, array_like=True):
    """What the rule remembers of one truck."""

    minutes: list[Minute] = field(default_factory=list)
    recent: list[tuple[int, float]] = field(default_factory=list)
    """Event time and kg of the readings of the longest window."""
    stood_since_ms: int = 0
    """Since when it reports that it stands; 0 = it drives."""
    start_ms: int = 0
    before_kg: float = 0.0
    lost_kg: float = 0.0
    error_kg: float = 0.0
    quiet: int = 0
    alerted: bool = False
    highest_kg: float = 0.0
    """The largest mean of the minutes before the present one."""


_UNLOADS: Final = Gate[Moment]("the bed level", lambda *_: "raised")
_STANDS: Final = Gate[Moment]("driving", lambda _, moment, __: kmh(moment), lambda _: MOVING_MPS * 3.6, "km/h")
_NO_NEWS: Final = Gate[Moment](
    "a reading long enough after the one before",
    lambda memory, moment, _: (moment.time_ms - memory.recent[-1][0]) / SECOND_MS,
    lambda _: _APART_MS / SECOND_MS,
    "s",
)
_TOO_FEW: Final = Gate[Moment](
    "enough readings on the road to compare",
    lambda memory, _, __: f"{len(memory.recent)} in {len(memory.minutes)} minutes",
)
_STEADY: Final = Gate[Moment](
    "the last readings below the highest minute's by the least share of a fall",
    lambda memory, _, limits: _beside_highest(_lately_kg(memory), memory, limits),
)


_NOWHERE_LOW: Final = Gate[Moment](
    "the mean of one of the windows below the highest minute's by the least share of a fall",
    lambda memory, moment, limits: _beside_highest(_lowest_kg(memory, moment.time_ms), memory, limits),
)


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Judge one fix."""
    if moment.cargo.state != "loaded" or moment.bed_raised or moment.fix.maintenance:
        over = memory.minutes or memory.alerted
        return (_forget(memory, moment, limits) if over else None) or _why_not(moment)
    silent = moment.time_ms - moment.since_ms > _LONG_STOP_MS
    if moment.speed_mps <= MOVING_MPS or silent or memory.stood_since_ms:
        memory.stood_since_ms = memory.stood_since_ms or moment.time_ms
        stopped = silent or moment.time_ms - memory.stood_since_ms > _LONG_STOP_MS
        if moment.speed_mps > MOVING_MPS:
            memory.stood_since_ms = 0
        if stopped and (memory.minutes or memory.alerted):
            return _forget(memory, moment, limits) or _STANDS
        if moment.speed_mps <= MOVING_MPS:
            return _STANDS
    fix = moment.fix
    if fix.load_kg is None or fix.sensor_health.load != "ok" or moment.load.stuck or moment.place is None:
        return NO_PLACE if moment.place is None else LOAD_UNREADABLE
    minute_over = not memory.minutes or moment.time_ms - memory.minutes[-1].start_ms >= MINUTE_MS
    if minute_over:
        _begin_minute(memory, moment.time_ms)
    is_news = _take(memory, moment, fix.load_kg)
    if memory.alerted:
        return _go_on(memory, moment, limits) if minute_over else None
    return _look(memory, moment, limits) if is_news else _NO_NEWS


def _why_not(moment: Moment) -> Gate[Moment]:
    if moment.cargo.state != "loaded":
        return NOT_LOADED
    return _UNLOADS if moment.bed_raised else MAINTENANCE


def thoughts(memory: Memory, moment: Moment, limits: Thresholds) -> tuple[events.Condition, ...]:
    """Return what must be met by the clearest fall of the last minutes."""
    windows = list(_windows(memory, moment.time_ms))
    if not windows:
        return ()
    _, before, after, clearness = _clearest(memory, windows, limits)
    fall_kg = before.kg - after.kg
    lasted_s = (moment.time_ms - _onset_ms(memory, before.kg, fall_kg)) / SECOND_MS if fall_kg > 0 else 0.0
    return (
        _fell(fall_kg, before.kg, limits),
        explain.at_least("the fall in standard errors", clearness, _needed(memory, limits), ""),
        _lasted(lasted_s, limits),
    )


def _begin_minute(memory: Memory, time_ms: int) -> None:
    minutes = memory.minutes
    minutes.append(Minute(time_ms // MINUTE_MS * MINUTE_MS))
    del minutes[: -(_MOST_MINUTES if memory.alerted else _KEPT_MINUTES)]
    memory.highest_kg = max([minute.kg / minute.n for minute in minutes if minute.n], default=0.0)


def _take(memory: Memory, moment: Moment, kg: float) -> bool:
    """Take a fix in; return whether its reading says more than the one before."""
    time_ms, recent, minute = moment.time_ms, memory.recent, memory.minutes[-1]
    if moment.cover_open is not None and not minute.uncovered:
        minute.uncovered = moment.cover_open
    if recent and time_ms - recent[-1][0] < _APART_MS:
        return False
    recent.append((time_ms, kg))
    minute.n += 1
    minute.kg += kg
    minute.kg2 += kg * kg
    if moment.place is not None:
        lon, lat = moment.place
        minute.way += (round(lon * _MILLION), round(lat * _MILLION))
    while time_ms - recent[0][0] > _KEPT_MS:
        del recent[0]
    return True


# --------------------------------------------------------------------------------------------- levels


def _look(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | Gate[Moment] | None:
    """Compare the level of the last minutes, over each window, with the level before it."""
    if len(memory.recent) < _FEWEST or len(memory.minutes) < 2:
        return _TOO_FEW
    low_kg = _highest_kg(memory) * (1 - limits.spill_share)
    if _lately_kg(memory) > low_kg:
        return _STEADY  # as most of the time: no window can have fallen so far
    if _lowest_kg(memory, moment.time_ms) > low_kg:
        return _NOWHERE_LOW  # nor can it here: a level before is a mean of minutes
    windows = list(_windows(memory, moment.time_ms))
    if not any(window.fell(limits) for window in windows):
        return None if windows else _TOO_FEW
    window, before, after, clearness = _clearest(memory, windows, limits)
    fall_kg = before.kg - after.kg
    if clearness < _needed(memory, limits) or not window.fell(limits):
        return None
    onset_ms = _onset_ms(memory, before.kg, fall_kg)
    if moment.time_ms - onset_ms < limits.spill_confirm_s * SECOND_MS:
        return None
    memory.alerted, memory.quiet, memory.start_ms = True, 0, onset_ms
    memory.before_kg, memory.lost_kg = before.kg, fall_kg
    memory.error_kg = sqrt(before.error_kg**2 + after.error_kg**2)
    return _finding("begin", memory, moment, limits)


def _lately_kg(memory: Memory) -> float:
    """Return the mean of the last few readings."""
    return sum(map(KG, memory.recent[-_FEWEST:])) / _FEWEST


def _highest_kg(memory: Memory) -> float:
    """Return the mean of the highest minute."""
    minute = memory.minutes[-1]
    return max(memory.highest_kg, minute.kg / minute.n) if minute.n else memory.highest_kg


def _lowest_kg(memory: Memory, time_ms: int) -> float:
    """Return the lowest mean of the windows, be their readings enough for a level or not."""
    readings_kg = list(map(KG, memory.recent))
    means_kg = []
    for window_s in _WINDOWS_S:
        within_kg = readings_kg[bisect_left(memory.recent, (time_ms - window_s * SECOND_MS,)) :]
        means_kg.append(sum(within_kg) / len(within_kg))
    return min(means_kg)


def _beside_highest(kg: float, memory: Memory, limits: Thresholds) -> str:
    return f"{kg:.0f} kg, {_highest_kg(memory):.0f} kg - {limits.spill_share:.1%}"


def _needed(memory: Memory, limits: Thresholds) -> float:
    """Standard errors that a fall must have."""
    return limits.spill_errors * (1.0 if _uncovered(memory) else limits.spill_closed_factor)


def _least_kg(before_kg: float, limits: Thresholds) -> float:
    return max(limits.spill_kg, limits.spill_share * before_kg)


class _Window(NamedTuple):
    """The last readings, from one on, and the quarter of an hour of whole minutes before them: their places and means."""

    first: int
    begin: int
    end: int
    before_kg: float
    after_kg: float

    def fell(self, limits: Thresholds) -> bool:
        """Whether the load is lower by enough, however clearly."""
        return self.before_kg - self.after_kg >= _least_kg(self.before_kg, limits)


def _windows(memory: Memory, time_ms: int) -> Iterator[_Window]:
    """Yield the windows that have readings enough, in them and before them.

    By sums of slices: this is done at one fix in five, the rest of the judgement at one in hundreds.
    """
    recent, minutes = memory.recent, memory.minutes
    readings_kg = list(map(KG, recent))
    starts_ms, counts, sums_kg = zip(*map(_SUMS, minutes), strict=True)
    for window_s in _WINDOWS_S:
        first = bisect_left(recent, (time_ms - window_s * SECOND_MS,))
        n = len(recent) - first
        if n < _FEWEST or time_ms - recent[first][0] < 0.6 * window_s * SECOND_MS:
            continue
        until_ms = recent[first][0]
        begin = bisect_left(starts_ms, until_ms - _BEFORE_MINUTES * MINUTE_MS)
        end = bisect_right(starts_ms, until_ms - MINUTE_MS)
        n_before, sum_kg = sum(counts[begin:end]), sum(sums_kg[begin:end])
        if n_before >= _FEWEST_BEFORE and sum_kg > 0.0:
            yield _Window(first, begin, end, sum_kg / n_before, sum(readings_kg[first:]) / n)


def _clearest(memory: Memory, windows: list[_Window], limits: Thresholds) -> tuple[_Window, Level, Level, float]:
    """Return the window whose fall is the clearest, as `_weighed` does."""
    return max((_weighed(memory, window, limits) for window in windows), key=lambda weighed: weighed[-1])


def _weighed(memory: Memory, window: _Window, limits: Thresholds) -> tuple[_Window, Level, Level, float]:
    """Return the level before a window, that in it, and how clear the fall is, in standard errors."""
    before = _level_of_minutes(memory.minutes[window.begin : window.end], window.before_kg, limits)
    after = _level_of(memory.recent[window.first :], before.kg, limits)
    return window, before, after, (before.kg - after.kg) / sqrt(before.error_kg**2 + after.error_kg**2)


def _level_of_minutes(whole: list[Minute], kg: float, limits: Thresholds) -> Level:
    n = sum([minute.n for minute in whole])
    scatter_kg = sqrt(max(0.0, sum([minute.kg2 for minute in whole]) / n - kg * kg))
    counted = max(1.0, min(n, len(whole) * 60 / _CORRELATED_S))
    return Level(kg, max(scatter_kg, limits.spill_noise_share * kg) / sqrt(counted))


def _level_of(readings: list[tuple[int, float]], before_kg: float, limits: Thresholds) -> Level:
    """Return the level of readings; they are trusted less where they scatter more than they should."""
    n = len(readings)
    kg = sum([one for _, one in readings]) / n
    usual_kg = limits.spill_noise_share * before_kg
    scatter_kg = sqrt(sum([(one - kg) ** 2 for _, one in readings]) / n)
    lasted_s = (readings[-1][0] - readings[0][0]) / SECOND_MS * n / (n - 1)
    counted = max(1.0, min(n, lasted_s / _CORRELATED_S))
    return Level(kg, (scatter_kg if scatter_kg > 1.3 * usual_kg else usual_kg) / sqrt(counted))


def _onset_ms(memory: Memory, before_kg: float, fall_kg: float) -> int:
    """Return when a short mean was near the old level for the last time."""
    near_kg = before_kg - _STILL_THERE * fall_kg
    recent = memory.recent
    for last in range(len(recent) - 1, -1, -1):
        short = [kg for at_ms, kg in recent[: last + 1] if at_ms > recent[last][0] - _SHORT_MS]
        if sum(short) / len(short) >= near_kg:
            return recent[last][0]
    return recent[0][0]


def _uncovered(memory: Memory) -> bool:
    return any(minute.uncovered for minute in memory.minutes[-_LATELY_MINUTES:])


# --------------------------------------------------------------------------------------------- what is said


def _go_on(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Follow a spill, minute by minute, until the load is steady again."""
    lately = [one for one in memory.recent if moment.time_ms - one[0] <= 3 * MINUTE_MS]
    if len(lately) < _FEWEST:
        lately = memory.recent[-_FEWEST:]  # it reports seldom
    fall_kg = memory.before_kg - _level_of(lately, memory.before_kg, limits).kg
    if fall_kg > 1.1 * memory.lost_kg:
        memory.quiet, memory.lost_kg = 0, fall_kg
        return _finding("change", memory, moment, limits)
    memory.quiet += 1
    if memory.quiet < _QUIET_MINUTES:
        return None
    finding = _finding("end", memory, moment, limits)
    _start_over(memory)
    return finding


def _finding(kind: str, memory: Memory, moment: Moment, limits: Thresholds) -> Finding:
    stretch, lost_kg = _fit(memory)
    lost_kg = max(lost_kg, 0.5 * memory.lost_kg)
    error_kg = max(2 * memory.error_kg, 0.15 * lost_kg)
    uncovered = any(minute.uncovered for minute in stretch)
    return Finding(
        kind=kind,  # type: ignore[arg-type]
        start_ms=memory.start_ms,
        at_ms=moment.time_ms,
        end_ms=max(memory.start_ms, stretch[-1].start_ms + MINUTE_MS) if kind == "end" else None,
        severity="high" if uncovered else "medium",
        certainty="observed" if uncovered else "likely",
        where=geo.line([place for minute in stretch for place in _places(minute)]),
        lost_kg=round(lost_kg, 0),
        lost_low_kg=round(max(0.0, lost_kg - error_kg), 0),
        lost_high_kg=round(lost_kg + error_kg, 0),
        because=(
            explain.known("loaded and driving", f"{memory.before_kg:.0f} kg before"),
            _fell(memory.lost_kg, memory.before_kg, limits),
            _lasted((moment.time_ms - memory.start_ms) / SECOND_MS, limits),
            explain.known("cover", "open or half open" if uncovered else "closed or not known"),
        ),
        unless=("a stop at which the load left", "the load back at its level: rough road, slope"),
        gaps=explain.gaps(moment),
    )


def _fell(fall_kg: float, before_kg: float, limits: Thresholds) -> events.Condition:
    return explain.at_least("the load fell while driving", fall_kg, _least_kg(before_kg, limits), "kg")


def _lasted(lasted_s: float, limits: Thresholds) -> events.Condition:
    return explain.at_least(f"fallen for at least {limits.spill_confirm_s:g} s", lasted_s, limits.spill_confirm_s, "s")


def _places(minute: Minute) -> list[geo.LonLat]:
    return [(lon / _MILLION, lat / _MILLION) for lon, lat in batched(minute.way, 2)]


class _Fit(NamedTuple):
    """How the minutes' means are best told: level until minute ``begin``, an even fall by ``lost_kg`` until ``end``, level."""

    misfit: float
    begin: int
    end: int
    lost_kg: float


def _fit(memory: Memory) -> tuple[list[Minute], float]:
    """Return the minutes in which the load fell, and by how much: the least squares of every stretch. A few milliseconds."""
    minutes = [minute for minute in memory.minutes if minute.n]
    falls = [(minute.n, memory.before_kg - minute.kg / minute.n) for minute in minutes]
    whole = range(len(minutes))
    best = min(_fitted(falls, begin, end) for begin in whole for end in range(begin + 1, len(minutes) + 1))
    return minutes[best.begin : best.end], best.lost_kg


def _fitted(falls: list[tuple[int, float]], begin: int, end: int) -> _Fit:
    shares = [0.0 if at < begin else min(1.0, (at - begin + 0.5) / (end - begin)) for at in range(len(falls))]
    weight = sum([n * share * share for (n, _), share in zip(falls, shares, strict=True)])
    lost_kg = sum([n * share * kg for (n, kg), share in zip(falls, shares, strict=True)]) / weight
    misfit = sum([n * (kg - share * lost_kg) ** 2 for (n, kg), share in zip(falls, shares, strict=True)])
    return _Fit(misfit, begin, end, lost_kg)


def _forget(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """The load is gone, or the truck stood: what was compared no longer can be."""
    finding = None
    if memory.alerted and any(minute.n for minute in memory.minutes):
        finding = _finding("end", memory, moment, limits)
    elif memory.alerted:
        finding = Finding(kind="end", start_ms=memory.start_ms, at_ms=moment.time_ms, end_ms=moment.time_ms)
    _start_over(memory)
    return finding


def _start_over(memory: Memory) -> None:
    memory.minutes, memory.recent = [], []
    memory.start_ms = memory.quiet = 0
    memory.alerted = False
