"""What is made happen to bins: violations and traps of each kind, written into their lives and into the truth.

Each deed is a function of a life without one at that time; it returns False where it does not fit.
"""

import math
import random
from collections.abc import Callable

from tests.labelled.bin_life import DAYS, END_MS, Fire, Life, Span
from tests.labelled.truth import DAY_MS, HOUR_MS, MINUTE_MS, Made, Trap, Truth, Violation

Deed = Callable[[Life, Made], bool]
_LIVES_C = 250.0
GLOWS_MS = 45 * MINUTE_MS
"""After flames."""
OVERFLOW, FIRE, MOVED, FAULT = "bin-overflow", "bin-fire", "bin-moved", "sensor-fault"


def _some_time(life: Life, chance: random.Random, long_ms: int, hours: tuple[float, float] = (0, 24)) -> Span | None:
    """Return a time from the second day on when nothing else is made happen."""
    for _ in range(12):
        begin_ms = chance.randrange(1, DAYS) * DAY_MS + round(chance.uniform(*hours) * HOUR_MS)
        span = begin_ms, begin_ms + long_ms
        if span[1] < END_MS - 2 * HOUR_MS and life.is_free(span):
            life.busy.append(span)
            return span
    return None


def _without_emptying(life: Life, span: Span) -> None:
    life.emptied = [at_ms for at_ms in life.emptied if not span[0] <= at_ms <= span[1]]


def _trap(truth: Truth, life: Life, trap: str, span: Span, *rules: str) -> bool:
    truth.traps.append(Trap(trap=trap, subject=life.bin_id, start_ms=span[0], end_ms=span[1], forbidden_rules=rules))
    return True


def _wrong(truth: Truth, life: Life, rule: str, span: Span, note: str) -> bool:
    truth.violations.append(Violation(rule=rule, subject=life.bin_id, start_ms=span[0], end_ms=span[1], note=note))
    return True


# --------------------------------------------------------------------------------------------- overflow


def overflows(life: Life, made: Made) -> bool:
    """It fills to the brim over hours, and is emptied late."""
    rises_ms = round(made.chance.uniform(4, 9) * HOUR_MS)
    holds_ms = round(made.chance.uniform(3, 14) * HOUR_MS)
    return _to_the_brim(life, made, rises_ms, holds_ms, "full to the brim")


def is_filled_at_once(life: Life, made: Made) -> bool:
    """Somebody puts a mattress on top."""
    return _to_the_brim(life, made, 0, round(made.chance.uniform(5, 14) * HOUR_MS), "filled at once")


def _to_the_brim(life: Life, made: Made, rises_ms: int, holds_ms: int, note: str) -> bool:
    span = _some_time(life, made.chance, rises_ms + holds_ms)
    if span is None:
        return False
    _without_emptying(life, span)
    life.emptied.append(span[1])
    full_ms = span[0] + rises_ms
    life.rises.append((span[0], full_ms, span[1], made.chance.uniform(1.0, 1.12)))
    if life.sensor.has_lid_switch and made.chance.random() < 0.5:
        life.lids.append((full_ms, span[1]))
    return _wrong(made.truth, life, OVERFLOW, (full_ms, span[1]), note)


def is_nearly_full(life: Life, made: Made) -> bool:
    """Nine tenths, for hours; the lid closes."""
    rises_ms = round(made.chance.uniform(4, 8) * HOUR_MS)
    span = _some_time(life, made.chance, rises_ms + round(made.chance.uniform(3, 10) * HOUR_MS))
    if span is None:
        return False
    _without_emptying(life, span)
    life.emptied.append(span[1])
    life.rises.append((span[0], span[0] + rises_ms, span[1], made.chance.uniform(0.85, 0.9)))
    return _trap(made.truth, life, "nearly full", span, OVERFLOW)


def echo_jumps(life: Life, made: Made) -> bool:
    """A bag hangs before the sensor and slides down: one reading, or two in a row, say full."""
    span = _some_time(life, made.chance, 4 * HOUR_MS, (10, 18))
    if span is None:
        return False
    first_ms = life.report_after(span[0])
    spoilt = (first_ms - 1, first_ms + (made.chance.randint(1, made.hard.echoes) - 1) * life.sensor.every_ms + 1)
    life.near.append(spoilt)
    return _trap(made.truth, life, "echo", spoilt, OVERFLOW)


def foams(life: Life, made: Made) -> bool:
    """Foam stands below the sensor for a while."""
    span = _some_time(
        life, made.chance, round(made.chance.uniform(15, 20 + 15 * made.hard.echoes) * MINUTE_MS), (10, 20)
    )
    if span is None:
        return False
    life.near.append(span)
    return _trap(made.truth, life, "foam", span, OVERFLOW)


def lid_stays_open(life: Life, made: Made) -> bool:
    """The lid is left open for hours; its sensor, not in the lid, sees as before."""
    span = _some_time(life, made.chance, round(made.chance.uniform(2, 8) * HOUR_MS)) if not life.sensor.in_lid else None
    if span is None:
        return False
    life.lids.append(span)
    life.sensor.has_lid_switch = True
    return _trap(made.truth, life, "lid open", span, OVERFLOW, MOVED, FAULT)


# --------------------------------------------------------------------------------------------- fire


def burns(life: Life, made: Made) -> bool:
    """Flames, for half an hour or more, then what glows; above 250 °C it is the end of the sensor."""
    span = _some_time(life, made.chance, round(made.chance.uniform(30, 90) * MINUTE_MS))
    if span is None:
        return False
    gas_c, constant_ms = made.chance.uniform(130, 300), made.chance.uniform(4, 9) * MINUTE_MS
    life.fires.append(Fire(span, gas_c, constant_ms))
    life.mute.append((span[0], span[1] + HOUR_MS))
    dies_ms = span[0] + round(-constant_ms * math.log(1 - _LIVES_C / gas_c)) if gas_c > _LIVES_C else END_MS
    if dies_ms < span[1]:
        life.ends_ms = min(life.ends_ms, dies_ms)
        life.busy.append((span[0], END_MS))
    return _wrong(made.truth, life, FIRE, (span[0], span[1] + GLOWS_MS), "flames")


def smoulders(life: Life, made: Made) -> bool:
    """Embers, for hours."""
    span = _some_time(life, made.chance, round(made.chance.uniform(3, 7) * HOUR_MS))
    if span is None:
        return False
    life.fires.append(Fire(span, made.chance.uniform(110, 180), made.chance.uniform(15, 25) * MINUTE_MS))
    return _wrong(made.truth, life, FIRE, span, "embers")


def stands_in_the_sun(life: Life, made: Made) -> bool:
    """A dark metal lid, all days; some come out of a house's shade at noon."""
    if life.sun_k > 30 or life.busy:
        return False
    life.sun_k = made.hard.sun_k - made.chance.uniform(0, 8)
    life.shade_until_ms = round(made.chance.choice((0, 11, 12, 13)) * HOUR_MS)
    life.busy += [(day * DAY_MS + 9 * HOUR_MS, day * DAY_MS + 18 * HOUR_MS) for day in range(DAYS)]
    for day in range(1, DAYS):
        _trap(made.truth, life, "sun on a lid", (day * DAY_MS + 10 * HOUR_MS, day * DAY_MS + 17 * HOUR_MS), FIRE)
    return True


def gets_hot_waste(life: Life, made: Made) -> bool:
    """From a kitchen; steam for an hour."""
    span = _some_time(life, made.chance, 2 * HOUR_MS, (11, 21))
    if span is None:
        return False
    life.warm.append((span[0], made.chance.uniform(25, 35 if made.hard.name == "normal" else 48)))
    life.mute.append((span[0], span[0] + round(made.chance.uniform(0, 40) * MINUTE_MS)))
    return _trap(made.truth, life, "hot waste", span, FIRE, FAULT)


def thermometer_lies(life: Life, made: Made) -> bool:
    """Once: 85 °C, what a DS18B20 says before it has measured (its data sheet), or what no thermometer can measure."""
    span = _some_time(life, made.chance, 2 * HOUR_MS)
    if span is None:
        return False
    at_ms = life.report_after(span[0])
    life.odd_c[at_ms] = made.chance.choice((85.0, 85.0, 85.0, 412.5, 850.0))
    return _trap(made.truth, life, "thermometer", (at_ms, at_ms), FIRE)


# --------------------------------------------------------------------------------------------- moved


def lies_on_its_side(life: Life, made: Made) -> bool:
    """Somebody has thrown it over; it is set up again."""
    span = _some_time(life, made.chance, round(made.chance.uniform(1, 10) * HOUR_MS))
    if span is None:
        return False
    _without_emptying(life, span)
    life.tilts.append(span)
    _trap(made.truth, life, "on its side", span, FAULT, OVERFLOW)
    return _wrong(made.truth, life, MOVED, span, "on its side")


def is_kicked(life: Life, made: Made) -> bool:
    """Tilted for seconds, at a report."""
    span = _some_time(life, made.chance, HOUR_MS)
    if span is None:
        return False
    at_ms = life.report_after(span[0])
    life.tilts.append((at_ms - 2_000, at_ms + made.chance.randint(2, 20) * 1_000))
    return _trap(made.truth, life, "kick", (at_ms, at_ms), MOVED)


def is_shaken(life: Life, made: Made) -> bool:
    """Children, or a storm: tilted again and again, each time for a moment, for an hour."""
    span = _some_time(life, made.chance, round(made.chance.uniform(0.5, 1.5) * HOUR_MS))
    if span is None:
        return False
    for _ in range(made.chance.randint(4, 9)):
        at_ms = made.chance.randrange(*span)
        life.tilts.append((at_ms, at_ms + made.chance.randint(2, 40) * 1_000))
    return _trap(made.truth, life, "shaken", span, MOVED)


def is_set_up_unheard(life: Life, made: Made) -> bool:
    """Says how it stands only when that changes; kicked twice in days, and what it said after the first is lost."""
    first = _some_time(life, made.chance, HOUR_MS) if life.sensor.tilt_by_event else None
    second = _some_time(life, made.chance, HOUR_MS) if first else None
    if first is None or second is None:
        return False
    for begin_ms in sorted((first[0], second[0])):
        life.tilts.append((begin_ms, begin_ms + 30_000))
    life.unheard.add(min(first[0], second[0]) + 30_000)
    return _trap(made.truth, life, "set up unheard", (min(first[0], second[0]), max(first[0], second[0])), MOVED)


def lid_swings(life: Life, made: Made) -> bool:
    """The lid that the sensor is in stands open for minutes."""
    span = _some_time(life, made.chance, round(made.chance.uniform(1, 6) * MINUTE_MS)) if life.sensor.in_lid else None
    if span is None:
        return False
    life.tilts.append(span)
    return _trap(made.truth, life, "lid with the sensor open", span, MOVED)


# --------------------------------------------------------------------------------------------- sensors


def dies(life: Life, made: Made) -> bool:
    """No echo any more, for the rest of the days, or till it is mended."""
    long_ms = round(made.chance.uniform(14, 60) * HOUR_MS)
    span = _some_time(life, made.chance, long_ms)
    if span is None:
        return False
    life.mute.append(span)
    return _wrong(made.truth, life, FAULT, span, "no echo")


def sticks(life: Life, made: Made) -> bool:
    """The same for days, while the bin is filled and emptied. Whole percents must be so for longer to be odd."""
    days = made.chance.uniform(2.5, 3.5) if life.sensor.in_mm else made.chance.uniform(5, 5.7)
    begin_ms = round((7.9 - days) * DAY_MS)
    span = begin_ms, END_MS
    if life.busy or life.sensor.every_ms > HOUR_MS:
        return False
    life.busy.append((0, END_MS))
    life.daily = max(life.daily, 0.45)
    life.stuck.append(span)
    return _wrong(made.truth, life, FAULT, span, "stuck")


def dew_falls(life: Life, made: Made) -> bool:
    """Steam, dew or a film of rain: no echo for hours."""
    span = _some_time(life, made.chance, round(made.chance.uniform(0.6, made.hard.dew_h) * HOUR_MS))
    if span is None:
        return False
    life.mute.append(span)
    return _trap(made.truth, life, "dew", span, FAULT)


def is_not_used(life: Life, made: Made) -> bool:
    """Nobody comes all the days."""
    if life.busy:
        return False
    life.busy.append((0, END_MS))
    life.emptied.clear()
    life.idle.append((0, END_MS))
    return _trap(made.truth, life, "nobody uses it", (0, END_MS), FAULT)


def is_on_holiday(life: Life, made: Made) -> bool:
    """A school's bin: used daily, and not at all from Friday to Monday, or a day longer."""
    if life.busy:
        return False
    life.busy.append((0, END_MS))
    begin_ms = 4 * DAY_MS + round(made.chance.uniform(10, 16) * HOUR_MS)
    span = begin_ms, begin_ms + round(made.chance.uniform(2.3, 3.2) * DAY_MS)
    _without_emptying(life, span)
    life.idle.append(span)
    return _trap(made.truth, life, "holiday", span, FAULT)


def is_not_heard(life: Life, made: Made) -> bool:
    """No network for hours, and bad readings before and behind."""
    span = _some_time(life, made.chance, round(made.chance.uniform(6, 20) * HOUR_MS))
    if span is None:
        return False
    life.deaf.append(span)
    every_ms = life.sensor.every_ms
    life.mute += [(span[0] - every_ms, span[0]), (span[1], span[1] + every_ms)]
    return _trap(made.truth, life, "no network", (span[0] - every_ms, span[1] + every_ms), FAULT, MOVED, OVERFLOW)


DEEDS: dict[str, tuple[tuple[Deed, ...], tuple[Deed, ...]]] = {
    FAULT: ((sticks, dies, dies), (is_not_used, is_on_holiday, dew_falls, is_not_heard)),
    FIRE: ((burns, burns, smoulders), (stands_in_the_sun, gets_hot_waste, thermometer_lies, gets_hot_waste)),
    OVERFLOW: (
        (overflows, overflows, is_filled_at_once),
        (is_nearly_full, echo_jumps, echo_jumps, foams, lid_stays_open),
    ),
    MOVED: ((lies_on_its_side,), (is_kicked, is_shaken, lid_swings, is_set_up_unheard)),
}
"""By kind: violations, traps. What needs a bin of its own for all the days comes first."""
