"""One bin: how it fills, when it will overflow, when it is due. `step` folds a reading, or the passing of time.

A bin fills in jumps (`crossing.py`): by ``rate`` a busy hour on average, by ``jump`` at a time; busy hours are hours times
the weight of their hour of the day and of their weekday (a kitchen fills at noon, a market on Saturdays). The rate is a mean
of months, moved to that of the last days as far as these differ by more than chance. p10, p50 and p90 are those of the first
passage, widened by what the rate was wrong by, a good part of a filling later, and towards the mean of months where
the last days were slower or faster. What happens above full cannot be read: a full bin teaches nothing.

Only crossings are told: now due, no longer due, overflow moved. An invalid reading is health, never a fill.
"""

import bisect
import itertools
import math
from typing import Final

from msgspec import Struct, field

from streams import crossing, events
from streams.assets import Reference
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS

BinRecord = events.BinReading | events.Tick


class Settings(Struct, frozen=True, kw_only=True):
    """What a city may set. Defaults are proposals of this project unless a source is named."""

    horizon_ms: int = 6 * HOUR_MS
    """A bin whose overflow is expected (p50) within this is due."""
    full_share: float = 0.8
    """Fill from which a bin is due whatever the forecast says (Devlinx-s/SMWCS: >= 80 % is high)."""
    moved_ms: int = 30 * MINUTE_MS
    """A due bin is told again when its overflow moved by more than this (contract)."""
    emptied_drop: float = 0.3
    """A fall of the fill by this much or more between two readings is an emptying, not noise."""
    emptied_least: float = 0.1
    """… and so is a smaller fall of at least this much, …"""
    emptied_left: float = 0.3
    """… if it leaves at most this share of what was in the bin."""
    not_due_share: float = 0.7
    """A due bin below this fill and beyond twice the horizon is no longer due (its forecast was corrected)."""
    fast_ms: int = 5 * DAY_MS
    """Busy time over which the rate of the last days is a mean, …"""
    slow_ms: int = 60 * DAY_MS
    """… and that of the last months."""
    least_interval_ms: int = 5 * MINUTE_MS
    """Readings closer together than this say nothing about the rate."""


DEFAULT: Final = Settings()
_CLIP: Final = 4.0
"""A step farther than this many standard deviations from the expected is taken as this many."""
_NOISE: Final = 0.02
"""What a reading may be wrong by without saying anything of the rate."""
_FULL: Final = 0.95
"""From here on a reading may be cut off (as in the rule `bin-overflow`): what is gained above is not known."""
_LEAST_BUSY_H: Final = 0.05
_UNSEEN_WEIGHT: Final = 0.1
"""What time in which a bin may have been emptied unseen counts for."""
_LEAST_JUMP: Final = 0.002
_JUMP_MEMORY: Final = 6.0
"""Fillings of which the jump is a mean."""
_WAVER_DUE: Final = 0.3
"""The rate is judged by what is gained while it lets expect this much, …"""
_WAVER_LEAST_DUE: Final = 0.05
"""… or, at an emptying, at least this much."""
_WAVER_SHARE: Final = 0.3
_HOUR_SPREAD: Final = 0.5
"""Variance of the weights of hours before anything is known of them: the less, the slower they are believed."""
_DAY_SPREAD: Final = 0.03
"""The same of weekdays: on most bins they hardly differ."""
_HOUR_MEMORY_DAYS: Final = 28.0
_DAY_MEMORY_WEEKS: Final = 8.0
_LEAST_WEIGHT: Final = 0.05
_LONGEST_FORECAST_H: Final = 24 * 30
_LONGEST_SILENCE_MS: Final = 31 * DAY_MS
"""A reading after a longer one begins anew: how the bin filled in between is not known, nor walked through hour by hour."""
_LEAST_RATE_PER_H: Final = 1e-9
"""A bin that rises less (it would be full in a hundred thousand years) does not fill: a float cannot say when it will be."""
_HOURS: Final = 24
_WEEK: Final = 7


class Filling(Struct, array_like=True):
    """State of one bin."""

    bin_id: str
    newest_arrival_ms: int = 0
    last_ms: int = 0
    """Event time of the last valid reading; 0 = none yet."""
    fill: float = 0.0
    anchor_ms: int = 0
    """Event time of the reading from which the next step is learnt; 0 = none."""
    anchor_fill: float = 0.0
    rate_per_h: float | None = None
    """Rise of the fill a busy hour that is expected; None = not known yet."""
    jump: float = 0.1
    """Variance of what is gained, by the gain: the size of what is thrown in at a time."""
    learnt_h: float = 0.0
    """Busy hours of filling seen, up to the longer of the means."""
    weights: list[float] = field(default_factory=lambda: [1.0] * _HOURS)
    """How busy each hour of the day (UTC) is; 1 = as the mean."""
    emptied_ms: int = 0
    due: bool = False
    check_ms: int = 0
    """Before this time the passing of time alone cannot make it due."""
    told_overflow_ms: int | None = None
    invalid: int = 0
    """Invalid readings in a row."""
    ignored: int = 0
    """Readings that were late or repeated, or whose time is none."""
    weekdays: list[float] = field(default_factory=lambda: [1.0] * _WEEK)
    """How busy each day of the week (UTC, from Thursday, as 1970 began) is; 1 = as the mean."""
    fast_per_h: float = 0.0
    """Mean rise a busy hour of the last days."""
    slow_per_h: float = 0.0
    """The same of the last months."""
    jump_gain: float = 0.5
    """Fillings from which the jump is known; its default counts as half a one."""
    waver: float = 0.36
    """Variance of what the rate becomes in a filling, by its square."""
    mark_per_h: float = 0.0
    """The rate that is being judged, …"""
    mark_due: float = 0.0
    """… what it let expect since, …"""
    mark_gained: float = 0.0
    """… and what was gained."""
    grain: float = 0.0
    """Step in which the readings come, if they do (quarters, tenths); 0 = none is known."""


class Overflow(Struct, frozen=True):
    """When a bin will be full, UTC ms; None = not within a month, or not known."""

    p10_ms: int | None = None
    p50_ms: int | None = None
    p90_ms: int | None = None


def step(
    state: Filling, event: BinRecord, reference: Reference, settings: Settings = DEFAULT
) -> tuple[Filling, list[events.Event]]:
    """Fold one record in; return the state and what is to be told. The state given is changed and handed back."""
    if isinstance(event, events.Tick):
        state.newest_arrival_ms = max(state.newest_arrival_ms, event.at_ms)
        wake_ms = wakes_ms(state, reference, event.at_ms)
        if wake_ms is None or event.at_ms < wake_ms:
            return state, []
        return state, _tell(state, event.at_ms, reference, settings, emptied=False)
    time_ms = time_of(event)
    if time_ms is None:
        state.ignored += 1
        return state, []
    state.newest_arrival_ms = max(state.newest_arrival_ms, events.came_ms(event))
    if event.invalid is not None or event.fill is None:
        state.invalid += 1
        return state, []
    if time_ms <= state.last_ms:
        state.ignored += 1
        return state, []
    emptied = _read(state, time_ms, event.fill, settings)
    state.invalid = 0
    return state, _tell(state, time_ms, reference, settings, emptied=emptied)


def time_of(reading: events.BinReading) -> int | None:
    """Return a reading's own time; one from the future has a wrong clock. None: as time it would be the newest for ever."""
    arrival_ms = events.came_ms(reading)
    return (
        None
        if arrival_ms > events.LATEST_MS
        else min(reading.event_time_ms, arrival_ms + 2 * MINUTE_MS, events.LATEST_MS)
    )


def wakes_ms(state: Filling, reference: Reference, now_ms: int) -> int | None:
    """Return from when on, not before ``now_ms``, the passing of time may have something to tell; None = only a record may.

    A bin nobody could be sent to has nothing to tell, however full: it sleeps until the register knows it.
    """
    if state.last_ms == 0 or state.due:
        return None
    return state.check_ms if state.check_ms > now_ms else reference.bin_from(state.bin_id, now_ms)


def _read(state: Filling, time_ms: int, fill: float, settings: Settings) -> bool:
    """Take a valid reading in; return whether the bin was emptied before it."""
    before, state.fill, state.last_ms = state.fill, fill, time_ms
    emptied = state.anchor_ms > 0 and _is_emptied(before, fill, settings)
    if emptied:
        state.emptied_ms = time_ms
        _judge_rate(state, least_due=_WAVER_LEAST_DUE)
    elif state.anchor_ms and time_ms - state.anchor_ms < settings.least_interval_ms:
        return False
    elif _teaches(state, time_ms):
        _learn(state, state.anchor_ms, time_ms, fill - state.anchor_fill, settings)
    state.anchor_ms, state.anchor_fill = time_ms, fill
    return emptied


def _teaches(state: Filling, time_ms: int) -> bool:
    """What a bin gained since its anchor can be told from two readings: not above full, not after a month of silence."""
    return state.anchor_ms > 0 and state.anchor_fill < _FULL and time_ms - state.anchor_ms <= _LONGEST_SILENCE_MS


def _is_emptied(before: float, fill: float, settings: Settings) -> bool:
    nearly_all = before - fill >= settings.emptied_least and fill <= settings.emptied_left * before
    return nearly_all or before - fill >= settings.emptied_drop


def _learn(state: Filling, since_ms: int, time_ms: int, gained: float, settings: Settings) -> None:
    """Learn from what was gained between two readings, the first of a bin that was not full."""
    busy_h = max(_LEAST_BUSY_H, _busy_hours(state, since_ms, time_ms))
    if state.fill >= 1.0:
        busy_h /= 2.0  # it was full before it was read so: on average since half of the time
    if state.rate_per_h is None:
        state.rate_per_h = state.fast_per_h = state.slow_per_h = max(0.0, gained / busy_h)
        state.learnt_h = busy_h
        return
    if state.fill < 1.0:
        state.grain = _common_step(state.grain, abs(gained))
    expected = state.rate_per_h * busy_h
    spread = math.sqrt(state.jump * expected + state.waver * expected * expected) + _NOISE
    if state.fill < 1.0 <= state.anchor_fill + expected and gained < expected - spread:
        # emptied unseen, more likely than not; yet if that goes on, the rate was wrong
        _learn_rate(state, max(0.0, gained) / busy_h, busy_h * _UNSEEN_WEIGHT, settings)
        return
    state.mark_due += state.mark_per_h * busy_h
    state.mark_gained += gained
    _judge_rate(state, least_due=_WAVER_DUE)
    gained = min(max(gained, expected - _CLIP * spread), expected + _CLIP * spread)
    if expected > _LEAST_RATE_PER_H:
        _learn_jump(state, expected, gained)
    _learn_rate(state, gained / busy_h, busy_h, settings)
    if expected > _LEAST_RATE_PER_H:
        _learn_weights(state, since_ms, time_ms, gained / expected, expected)


def _learn_rate(state: Filling, rate: float, busy_h: float, settings: Settings) -> None:
    """Move both means. The last days count as far as they differ from the months by more than twice what chance does."""
    state.learnt_h = min(settings.slow_ms / HOUR_MS, state.learnt_h + busy_h)
    fast_h = min(settings.fast_ms / HOUR_MS, state.learnt_h)
    state.slow_per_h = max(0.0, state.slow_per_h + min(1.0, busy_h / state.learnt_h) * (rate - state.slow_per_h))
    state.fast_per_h = max(0.0, state.fast_per_h + min(1.0, busy_h / fast_h) * (rate - state.fast_per_h))
    apart = state.fast_per_h - state.slow_per_h
    by_chance = 4.0 * state.jump * state.slow_per_h / (2.0 * fast_h)
    surely = apart * apart / (apart * apart + by_chance) if apart * apart > 0.0 else 0.0
    state.rate_per_h = max(0.0, state.slow_per_h + surely * apart)


def _learn_jump(state: Filling, expected: float, gained: float) -> None:
    """Compare a step with the expected one. A fall is noise, and rises have as much of it: together no jump at all."""
    error, fall = gained - expected, min(0.0, gained)
    seen = min(max((error * error - 2.0 * fall * fall) / expected, -1.0), 4.0)
    weight = min(expected, 0.5)
    state.jump_gain = min(_JUMP_MEMORY, state.jump_gain + weight)
    state.jump = max(_LEAST_JUMP, state.jump + weight / state.jump_gain * (seen - state.jump))


def _judge_rate(state: Filling, least_due: float) -> None:
    """Compare what was gained, jumps apart, with what the rate of then let expect; begin anew with the rate of now.

    Waits until ``least_due`` was to be expected: by time, not by what came, or fast fillings would count more often.
    """
    due = state.mark_due
    if due < least_due and state.mark_per_h > 0.0:
        return
    if due >= _WAVER_LEAST_DUE:
        error = state.mark_gained - due
        seen = min(max((error * error - state.jump * due) / (due * due), -1.0), 4.0)
        state.waver = min(max(state.waver + _WAVER_SHARE / (1.0 + state.jump_gain) * (seen - state.waver), 0.02), 1.0)
    state.mark_per_h, state.mark_due, state.mark_gained = state.rate_per_h or 0.0, 0.0, 0.0


def _common_step(grain: float, gained: float) -> float:
    """Return a step that all differences of readings are multiples of, after one more; below a hundredth it matters to nobody.

    One division of Euclid's algorithm for each.
    """
    if gained < 1e-6:
        return grain
    small, large = sorted((grain or gained, gained))
    if small < 0.01:
        return small
    rest = large % small
    rest = min(rest, small - rest)
    return small if rest < 0.05 * small else rest


def _learn_weights(state: Filling, since_ms: int, time_ms: int, seen: float, expected: float) -> None:
    """Move the weights between two readings towards what was ``seen``, in shares of the expected; their means stay 1.

    By how much: a step that lets expect little tells little, and the weights are not believed at once (``_…_SPREAD``).
    """
    seen, days = min(5.0, max(0.0, seen)), state.learnt_h / _HOURS
    if time_ms - since_ms <= DAY_MS // 2:
        hours = [at_ms // HOUR_MS % _HOURS for at_ms in range(since_ms, time_ms, HOUR_MS)]
        part = min(1.0, (time_ms - since_ms) / HOUR_MS)
        doubt = state.jump * len(hours) * part / (_HOUR_SPREAD * expected)
        factor = 1.0 + part / (doubt + min(days, _HOUR_MEMORY_DAYS) + 1.0) * (seen - 1.0)
        state.weights = _moved_weights(state.weights, hours, factor)
    if time_ms - since_ms <= DAY_MS * 3 // 2:
        part = min(1.0, (time_ms - since_ms) / DAY_MS)
        doubt = state.jump * part / (_DAY_SPREAD * expected)
        factor = 1.0 + part / (doubt + min(days / _WEEK, _DAY_MEMORY_WEEKS) + 1.0) * (seen - 1.0)
        weekday = (since_ms + time_ms) // 2 // DAY_MS % _WEEK
        state.weekdays = _moved_weights(state.weekdays, [weekday], factor)


def _moved_weights(weights: list[float], places: list[int], factor: float) -> list[float]:
    for place in places:
        weights[place] *= factor
    by = len(weights) / sum(weights)
    return [max(_LEAST_WEIGHT, weight * by) for weight in weights]


def _busy_hours(state: Filling, since_ms: int, until_ms: int) -> float:
    """Hours between two times, each by its weight."""
    total, at_ms = 0.0, since_ms
    while at_ms < until_ms:
        hour_end_ms = min(until_ms, (at_ms // HOUR_MS + 1) * HOUR_MS)
        total += _weight(state, at_ms) * (hour_end_ms - at_ms) / HOUR_MS
        at_ms = hour_end_ms
    return total


def _weight(state: Filling, at_ms: int) -> float:
    return state.weights[at_ms // HOUR_MS % _HOURS] * state.weekdays[at_ms // DAY_MS % _WEEK]


def forecast(state: Filling) -> Overflow:
    """Say when the bin will be full, from the last reading on."""
    room = 1.0 - state.fill
    if state.last_ms == 0:
        return Overflow()
    if room <= 0.0:
        return Overflow(state.last_ms, state.last_ms, state.last_ms)
    if state.rate_per_h is None or state.rate_per_h < _LEAST_RATE_PER_H:
        return Overflow()
    of_day_h = [0.0, *itertools.accumulate(state.weights)]
    return Overflow(
        *(_at_busy_hours(state, busy_h, of_day_h) for busy_h in _busy_to_fill(state, room, state.rate_per_h))
    )


def _busy_to_fill(state: Filling, room: float, rate_per_h: float) -> tuple[float, float, float]:
    """Busy hours until the bin reads full: those of the first passage, and as much again as the rate is not sure.

    Readings that come in steps show the next one half a step early. On a scale of logarithms three things widen the
    quantiles, as squares: the jumps, how the rate wavered, and that it may return from the last days' to the months'.
    """
    room = max(room / 2.0, room - state.grain / 2.0)
    low, middle, high = crossing.gains_until(room, state.jump)
    back = math.log(max(state.slow_per_h, _LEAST_RATE_PER_H) / rate_per_h)
    waver = crossing.Z90 * crossing.Z90 * state.waver
    sooner = math.sqrt(math.log(middle / low) ** 2 + waver + max(0.0, back) ** 2)
    later = math.sqrt(math.log(high / middle) ** 2 + waver + min(0.0, back) ** 2)
    middle_h = middle / rate_per_h
    return middle_h * math.exp(-sooner), middle_h, middle_h * math.exp(later)


def _at_busy_hours(state: Filling, busy_h: float, of_day_h: list[float]) -> int | None:
    """Return when so many busy hours have passed since the last reading; None = later than is foreseen.

    ``of_day_h``: how many have passed at each full hour of a day whose weight is 1.
    """
    day, since_midnight_ms = divmod(state.last_ms, DAY_MS)
    hour, rest_ms = divmod(since_midnight_ms, HOUR_MS)
    latest_ms = state.last_ms + _LONGEST_FORECAST_H * HOUR_MS
    busy_h += (of_day_h[hour] + state.weights[hour] * rest_ms / HOUR_MS) * state.weekdays[day % _WEEK]
    while busy_h > (whole_h := of_day_h[-1] * state.weekdays[day % _WEEK]):
        busy_h, day = busy_h - whole_h, day + 1
        if day * DAY_MS > latest_ms:
            return None
    of_day = busy_h / state.weekdays[day % _WEEK]
    hour = min(max(bisect.bisect_left(of_day_h, of_day) - 1, 0), _HOURS - 1)
    at_ms = day * DAY_MS + round((hour + (of_day - of_day_h[hour]) / state.weights[hour]) * HOUR_MS)
    return None if at_ms > latest_ms else max(state.last_ms, at_ms)


def _tell(
    state: Filling, now_ms: int, reference: Reference, settings: Settings, *, emptied: bool
) -> list[events.Event]:
    """Say so if the bin is now due, no longer due, or its overflow moved."""
    overflow = forecast(state)
    due = _is_due(state, overflow, now_ms, settings, emptied=emptied)
    state.check_ms = now_ms + DAY_MS if overflow.p50_ms is None else overflow.p50_ms - settings.horizon_ms
    moved = due and state.due and _moved(state.told_overflow_ms, overflow.p50_ms, settings.moved_ms)
    if due == state.due and not moved:
        return []
    asset = reference.bin(state.bin_id, now_ms)
    if asset is None or asset.material is None:
        return []  # not in the register: nobody could be sent; told once it is
    why = _why(state, overflow, settings, due=due, was_due=state.due, emptied=emptied)
    state.due, state.told_overflow_ms = due, overflow.p50_ms
    litres = None if asset.volume_l is None else state.fill * asset.volume_l
    mass_kg = None if litres is None or asset.density_kg_per_l is None else litres * asset.density_kg_per_l
    return [
        events.CollectionDue(
            place_id=state.bin_id,
            tenant_id=asset.tenant_id,
            place_kind="bin",
            due=due,
            material=asset.material,
            at_ms=now_ms,
            received_time_ms=state.newest_arrival_ms,
            overflow_ms=overflow.p50_ms,
            overflow_p10_ms=overflow.p10_ms,
            overflow_p90_ms=overflow.p90_ms,
            fill_now=state.fill,
            kg=None if mass_kg is None else round(mass_kg, 1),
            l=None if litres is None else round(litres, 1),
            why=why,
        )
    ]


def _is_due(state: Filling, overflow: Overflow, now_ms: int, settings: Settings, *, emptied: bool) -> bool:
    if state.fill >= settings.full_share:
        return True
    soon = overflow.p50_ms is not None and overflow.p50_ms - now_ms <= settings.horizon_ms
    if not state.due:
        return soon
    if emptied:
        return soon
    far = overflow.p50_ms is None or overflow.p50_ms - now_ms > 2 * settings.horizon_ms
    return not (far and state.fill < settings.not_due_share)


def _moved(told_ms: int | None, now_ms: int | None, by_ms: int) -> bool:
    if told_ms is None or now_ms is None:
        return told_ms is not now_ms
    return abs(now_ms - told_ms) > by_ms


def _why(state: Filling, overflow: Overflow, settings: Settings, *, due: bool, was_due: bool, emptied: bool) -> str:
    if not due:
        return "emptied" if emptied else "forecast corrected"
    if was_due:
        return "overflow moved"
    if state.fill >= settings.full_share:
        return f"fill {state.fill:.2f} is {settings.full_share:g} or more"
    hours = settings.horizon_ms / HOUR_MS
    return f"overflow expected within {hours:g} h" if overflow.p50_ms else "due"
