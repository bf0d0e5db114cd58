"""One bin: how it fills, when it will overflow, when it is due. `step` folds a reading, or the passing of time.

Filling is a drift with scatter: the fill rises by ``rate`` an hour on average, its variance by ``scatter`` an hour, and
hours of the day have their own weight (a kitchen fills at noon). All three are learnt with exponential forgetting. The
time to overflow is solved in "busy hours" (hours times their weight) and mapped back to the clock: p50 by the drift
alone, p10 and p90 by the drift with 1.2816 standard deviations of scatter against or for it.

Only crossings are told: now due, no longer due, overflow moved. An invalid reading is health, never a fill.
"""

import math
from typing import Final

from msgspec import Struct, field

from streams import events
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
    memory_ms: int = 3 * DAY_MS
    """Time constant of what is learnt."""
    least_interval_ms: int = 5 * MINUTE_MS
    """Readings closer together than this say nothing about the rate."""


DEFAULT: Final = Settings()
_Z90: Final = 1.2816
"""Standard normal quantile of 0.9."""
_CLIP: Final = 4.0
"""A step farther than this many standard deviations from the expected is taken as this many."""
_LONGEST_FORECAST_H: Final = 24 * 30
_LONGEST_SILENCE_MS: Final = 31 * DAY_MS
"""A reading after a longer one begins anew: how the bin filled in between is not known, nor walked through hour by hour."""
_LEAST_RATE_PER_H: Final = 1e-9
"""A bin that rises less (it would be full in a hundred thousand years) does not fill: a float cannot say when it will be."""
_HOURS: Final = 24


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
    """Mean rise of the fill a busy hour; None = not known yet."""
    scatter_per_h: float = 0.0
    """Variance of the fill gained in a busy hour."""
    learnt_h: float = 0.0
    """Hours of filling seen, up to the memory's time constant."""
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
    elif state.anchor_ms and time_ms - state.anchor_ms < settings.least_interval_ms:
        return False
    elif state.anchor_ms and time_ms - state.anchor_ms <= _LONGEST_SILENCE_MS:
        _learn(state, state.anchor_ms, time_ms, fill - state.anchor_fill, settings)
    state.anchor_ms, state.anchor_fill = time_ms, fill
    return emptied


def _is_emptied(before: float, fill: float, settings: Settings) -> bool:
    nearly_all = before - fill >= settings.emptied_least and fill <= settings.emptied_left * before
    return nearly_all or before - fill >= settings.emptied_drop


def _learn(state: Filling, since_ms: int, time_ms: int, gained: float, settings: Settings) -> None:
    hours = (time_ms - since_ms) / HOUR_MS
    busy_h = max(0.05, _busy_hours(state, since_ms, time_ms))
    rate = gained / busy_h
    if state.rate_per_h is None:
        state.rate_per_h, state.scatter_per_h, state.learnt_h = max(0.0, rate), max(rate, 0.005) ** 2, hours
        return
    spread = math.sqrt(state.scatter_per_h / busy_h) + 0.02 / busy_h
    rate = min(max(rate, state.rate_per_h - _CLIP * spread), state.rate_per_h + _CLIP * spread)
    memory_h = settings.memory_ms / HOUR_MS
    state.learnt_h = min(memory_h, state.learnt_h + hours)
    share = min(1.0, hours / state.learnt_h)
    error = rate - state.rate_per_h
    state.rate_per_h = max(0.0, state.rate_per_h + share * error)
    state.scatter_per_h += share * (error * error * busy_h - state.scatter_per_h)
    _learn_weight(state, since_ms, time_ms, gained / hours, share=min(0.2, hours / (7 * _HOURS)))


def _learn_weight(state: Filling, since_ms: int, time_ms: int, rate: float, share: float) -> None:
    """Move the weights of the hours between two readings towards what was seen; their mean stays 1."""
    if not state.rate_per_h or time_ms - since_ms > 12 * HOUR_MS:
        return
    seen = min(5.0, max(0.0, rate / state.rate_per_h))
    hours = {at_ms // HOUR_MS % _HOURS for at_ms in range(since_ms, time_ms, HOUR_MS)}
    for hour in hours:
        state.weights[hour] += share * (seen - state.weights[hour])
    mean = sum(state.weights) / _HOURS
    state.weights = [round(max(0.05, weight / mean), 4) for weight in state.weights]


def _busy_hours(state: Filling, since_ms: int, until_ms: int) -> float:
    """Hours between two times, each by its weight."""
    total, at_ms = 0.0, since_ms
    while at_ms < until_ms:
        hour_end_ms = min(until_ms, (at_ms // HOUR_MS + 1) * HOUR_MS)
        total += state.weights[at_ms // HOUR_MS % _HOURS] * (hour_end_ms - at_ms) / HOUR_MS
        at_ms = hour_end_ms
    return total


def forecast(state: Filling) -> Overflow:
    """Say when the bin will be full, from the last reading on."""
    room = 1.0 - state.fill
    if state.last_ms == 0:
        return Overflow()
    if room <= 0.0:
        return Overflow(state.last_ms, state.last_ms, state.last_ms)
    if state.rate_per_h is None or state.rate_per_h < _LEAST_RATE_PER_H:
        return Overflow()
    return Overflow(*(_at_busy_hours(state, _busy_to_fill(state, room, z)) for z in (_Z90, 0.0, -_Z90)))


def _busy_to_fill(state: Filling, room: float, z: float) -> float:
    """Busy hours ``h`` with ``rate h + z sqrt(scatter h) = room``: a quadratic in ``sqrt(h)``."""
    rate = state.rate_per_h or 0.0
    half = z * math.sqrt(state.scatter_per_h)
    root = (-half + math.sqrt(half * half + 4.0 * rate * room)) / (2.0 * rate)
    return root * root


def _at_busy_hours(state: Filling, busy_h: float) -> int | None:
    at_ms, last_ms = state.last_ms, state.last_ms + _LONGEST_FORECAST_H * HOUR_MS
    day_h = sum(state.weights)
    at_ms += int(busy_h // day_h) * DAY_MS
    busy_h %= day_h
    while at_ms < last_ms:
        hour_end_ms = (at_ms // HOUR_MS + 1) * HOUR_MS
        weight = state.weights[at_ms // HOUR_MS % _HOURS]
        here_h = weight * (hour_end_ms - at_ms) / HOUR_MS
        if here_h >= busy_h:
            return round(at_ms + busy_h / weight * HOUR_MS)
        busy_h -= here_h
        at_ms = hour_end_ms
    return None


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
