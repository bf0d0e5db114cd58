"""How a bin fills, when it overflows, when it is due."""

import random

import pytest
from msgspec import structs

from streams import events, filling
from streams.assets import Reference
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS
from tests.unit.streams import town

BIN = events.Asset(
    id="b1",
    kind="bin",
    tenant_id="porto",
    material="residual",
    volume_l=1_000,
    density_kg_per_l=0.1,
    lon=town.LON,
    lat=town.LAT,
    valid_from_ms=0,
)
KNOWN = Reference([BIN])
NOON_MS = town.START_MS // DAY_MS * DAY_MS + 12 * HOUR_MS


def read(one: filling.Filling, fills: list[tuple[int, float]], known: Reference = KNOWN) -> list[events.CollectionDue]:
    """Fold readings ``(event time, fill)`` in; return what was told."""
    told: list[events.Event] = []
    for at_ms, fill in fills:
        _, said = filling.step(one, events.BinReading(bin_id="b1", event_time_ms=at_ms, fill=fill), known)
        told += said
    return [record for record in told if isinstance(record, events.CollectionDue)]


def steady(rate_per_h: float, hours: int, *, start: float = 0.05, noise: float = 0.0) -> list[tuple[int, float]]:
    """Hourly readings of a bin that fills evenly."""
    chance = random.Random(3)
    return [(NOON_MS + n * HOUR_MS, min(1.0, start + rate_per_h * n + chance.gauss(0, noise))) for n in range(hours)]


@pytest.mark.parametrize(("fill", "due"), [(0.79, False), (0.80, True)])
def test_a_bin_is_due_from_four_fifths_whatever_the_forecast(fill: float, due: bool) -> None:
    """Both sides, with the first reading: nothing is known of its rate."""
    told = read(filling.Filling(bin_id="b1"), [(NOON_MS, fill)])
    assert [record.due for record in told] == ([True] if due else [])


def test_the_overflow_of_an_even_filling_is_where_the_line_ends() -> None:
    """2 % an hour from 5 %: full after 47.5 hours; the quantiles are in order."""
    one = filling.Filling(bin_id="b1")
    read(one, steady(0.02, 24))
    overflow = filling.forecast(one)
    assert overflow.p10_ms is not None
    assert overflow.p50_ms is not None
    assert overflow.p90_ms is not None
    assert overflow.p10_ms <= overflow.p50_ms <= overflow.p90_ms
    assert overflow.p50_ms == pytest.approx(NOON_MS + 47.5 * HOUR_MS, abs=1.5 * HOUR_MS)


def test_jumps_widen_the_forecast() -> None:
    """As much a day, an eighth at a time or evenly: what comes in jumps overflows less surely."""
    calm, jumpy = filling.Filling(bin_id="b1"), filling.Filling(bin_id="b1")
    read(calm, _in_jumps_of(1)[:325])
    read(jumpy, _in_jumps_of(12)[:325])
    assert calm.fill == pytest.approx(jumpy.fill)
    assert _width_ms(jumpy) > 1.5 * _width_ms(calm)


def _in_jumps_of(hours: int, days: int = 14) -> list[tuple[int, float]]:
    """Hourly readings of a bin emptied at 0.85 that gains 1 % an hour, all of so many hours at once."""
    return [(NOON_MS + n * HOUR_MS, 0.05 + n % 84 // hours * hours * 0.01) for n in range(24 * days)]


def test_noise_of_the_sensor_is_no_jump() -> None:
    """A fall of 3 % by noise is followed by a rise of 3 %: neither says that anything was thrown in."""
    calm, noisy = filling.Filling(bin_id="b1"), filling.Filling(bin_id="b1")
    chance = random.Random(3)
    read(calm, _in_jumps_of(1))
    read(noisy, [(at_ms, max(0.0, fill + chance.gauss(0, 0.03))) for at_ms, fill in _in_jumps_of(1)])
    assert noisy.rate_per_h == pytest.approx(0.01, rel=0.15)
    assert noisy.jump < 0.09  # a step of 1 % with noise looks like 0.18 if the noise is taken for jumps
    assert calm.jump < 0.02


def _width_ms(one: filling.Filling) -> int:
    overflow = filling.forecast(one)
    assert overflow.p10_ms is not None
    assert overflow.p90_ms is not None
    return overflow.p90_ms - overflow.p10_ms


def test_only_crossings_are_told_and_emptying_is_one() -> None:
    """Due once, moved at most by what counts, no longer due when emptied; kg and l follow from volume and density."""
    one = filling.Filling(bin_id="b1")
    told = read(one, [*steady(0.02, 44), (NOON_MS + 44 * HOUR_MS, 0.03), (NOON_MS + 45 * HOUR_MS, 0.05)])
    assert told[0].due
    assert told[-1].due is False
    assert told[-1].why == "emptied"
    assert sum(not record.due for record in told) == 1
    assert len(told) <= 4
    first = told[0]
    assert first.fill_now is not None
    assert first.l == pytest.approx(first.fill_now * 1_000)
    assert first.kg == pytest.approx(first.fill_now * 100)
    assert first.tenant_id == "porto"


def test_time_alone_makes_a_bin_due() -> None:
    """No further reading comes; a tick six hours before the expected overflow says so."""
    one = filling.Filling(bin_id="b1")
    assert read(one, steady(0.02, 24)) == []
    overflow_ms = filling.forecast(one).p50_ms
    assert overflow_ms is not None
    before, at = overflow_ms - 6 * HOUR_MS - MINUTE_MS, overflow_ms - 6 * HOUR_MS
    assert filling.step(one, events.Tick(at_ms=before), KNOWN)[1] == []
    (told,) = filling.step(one, events.Tick(at_ms=at), KNOWN)[1]
    assert isinstance(told, events.CollectionDue)
    assert told.due
    assert told.overflow_ms == overflow_ms
    assert filling.step(one, events.Tick(at_ms=at + 10_000), KNOWN)[1] == []


def test_an_overflow_that_moves_is_told_again_only_beyond_half_an_hour() -> None:
    """A due bin that fills faster than thought."""
    one = filling.Filling(bin_id="b1")
    read(one, steady(0.02, 42))
    assert one.due
    start_ms = one.last_ms
    told = read(one, [(start_ms + HOUR_MS, min(0.99, one.fill + 0.12))])
    assert [record.why for record in told] == ["overflow moved"]
    assert read(one, [(start_ms + HOUR_MS + 10 * MINUTE_MS, one.fill)]) == []


def test_an_invalid_reading_is_health_not_fill() -> None:
    """Neither level nor rate nor due change."""
    one = filling.Filling(bin_id="b1")
    read(one, steady(0.02, 24))
    fill, rate = one.fill, one.rate_per_h
    broken = events.BinReading(bin_id="b1", event_time_ms=one.last_ms + HOUR_MS, fill=1.0, invalid="echo lost")
    assert filling.step(one, broken, KNOWN)[1] == []
    assert (one.fill, one.rate_per_h, one.invalid) == (fill, rate, 1)


def test_a_repeated_or_late_reading_changes_nothing() -> None:
    """Same event time, or an earlier one."""
    one = filling.Filling(bin_id="b1")
    readings = steady(0.02, 24)
    read(one, readings)
    fill = one.fill
    read(one, [readings[-1], (readings[3][0], 0.9)])
    assert one.fill == fill
    assert one.ignored == 2


def test_frequent_readings_learn_the_same_rate() -> None:
    """Every two minutes or every hour: 2 % an hour."""
    one = filling.Filling(bin_id="b1")
    read(one, [(NOON_MS + n * 2 * MINUTE_MS, 0.05 + 0.02 * n / 30) for n in range(30 * 20)])
    assert one.rate_per_h == pytest.approx(0.02, rel=0.1)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", [1_000, 1_000_000])
def test_a_time_in_other_units_is_no_time(unit: int) -> None:
    """Microseconds or nanoseconds, first or after a good one: the reading is ignored, the bin hears the next one."""
    for before in ([], steady(0.02, 24)):
        one, other = filling.Filling(bin_id="b1"), filling.Filling(bin_id="b1")
        read(one, before)
        assert read(one, [((NOON_MS + DAY_MS) * unit, 0.9)]) == []
        after = [(NOON_MS + 25 * HOUR_MS, 0.52)]
        assert read(one, after) == read(other, [*before, *after])
        assert structs.replace(one, ignored=0) == other


@pytest.mark.timeout(60)
def test_after_a_month_of_silence_a_bin_begins_anew() -> None:
    """What was learnt stays, the silence teaches nothing, and no hour of it is walked through; up to then all as always."""
    one = filling.Filling(bin_id="b1")
    read(one, steady(0.02, 24))
    learnt = _learnt(one)
    late_ms = events.LATEST_MS - DAY_MS
    told = read(one, [(late_ms, 0.55)])
    assert _learnt(one) == learnt
    assert (one.last_ms, one.anchor_ms, told) == (late_ms, late_ms, [])
    read(one, [(late_ms + HOUR_MS, 0.59)])
    assert one.rate_per_h is not None
    assert one.rate_per_h > 0.02
    for silence_ms, learns in ((31 * DAY_MS, True), (31 * DAY_MS + 1, False)):
        known = filling.Filling(bin_id="b1")
        read(known, [*steady(0.0, 24), (NOON_MS + 23 * HOUR_MS + silence_ms, 0.55)])
        assert (known.rate_per_h != 0.0) is learns


def _learnt(one: filling.Filling) -> tuple[object, ...]:
    means = one.rate_per_h, one.fast_per_h, one.slow_per_h, one.learnt_h
    return *means, one.jump, one.jump_gain, one.waver, list(one.weights), list(one.weekdays), one.grain


def test_what_cannot_be_read_teaches_nothing() -> None:
    """A bin stands full for a fortnight: what it gains then is above full. Emptied, it fills as before."""
    one = filling.Filling(bin_id="b1")
    read(one, steady(0.02, 49))
    before = _learnt(one)
    full_ms = one.last_ms
    read(one, [(full_ms + n * HOUR_MS, 1.0) for n in range(1, 24 * 14)])
    assert _learnt(one) == before
    read(one, [(full_ms + 15 * DAY_MS, 0.0)])
    overflow_ms = filling.forecast(one).p50_ms
    assert overflow_ms is not None
    assert overflow_ms - one.last_ms == pytest.approx(50 * HOUR_MS, rel=0.1)


def test_a_bin_read_full_was_full_before() -> None:
    """Always full a day after it was emptied: it needs less than a day, not just one."""
    one = filling.Filling(bin_id="b1")
    read(one, [(NOON_MS + n * DAY_MS, n % 2.0) for n in range(40)])
    assert one.rate_per_h == pytest.approx(1 / 12, rel=0.1)


def test_a_bin_emptied_unseen_keeps_its_rate() -> None:
    """It reports every second week, fills in four days, and is emptied meanwhile: the difference says nothing."""
    one = filling.Filling(bin_id="b1")
    silent = [
        (NOON_MS + n * HOUR_MS, 0.05 + n % 90 * 0.01) for n in range(24 * 7 * 12) if n // (24 * 7) % 2 == 0
    ]  # fmt: skip
    read(one, silent)
    assert one.rate_per_h == pytest.approx(0.01, rel=0.1)


def test_a_rate_that_was_wrong_is_given_up_even_if_the_bin_should_have_been_emptied() -> None:
    """One that filled each day is used no longer: a month of daily readings that stay ends the belief."""
    one = filling.Filling(bin_id="b1")
    read(one, [(NOON_MS + n * 12 * HOUR_MS, n % 3 * 0.45) for n in range(90)])
    before = one.rate_per_h
    assert before is not None
    start_ms = one.last_ms
    read(one, [(start_ms + n * DAY_MS, 0.2) for n in range(1, 60)])
    assert one.rate_per_h is not None
    assert one.rate_per_h < before / 4


def test_a_new_level_is_believed_within_days() -> None:
    """2 % an hour instead of 1 % after a quiet month: within four days the forecast has it, for chance would not."""
    one = filling.Filling(bin_id="b1")
    read(one, _in_jumps_of(1, days=42))
    start_ms = one.last_ms
    read(one, [(start_ms + n * HOUR_MS, 0.05 + n % 42 * 0.02) for n in range(1, 24 * 5)])
    assert one.slow_per_h == pytest.approx(0.011, rel=0.1)
    assert one.rate_per_h is not None
    assert one.rate_per_h > 0.016


def test_hours_of_the_day_and_weekdays_are_learnt() -> None:
    """A market: it fills twice as fast on two weekdays, and never at night. Weekdays are believed slowly: most are alike."""
    one, level = filling.Filling(bin_id="b1"), 0.0
    readings = []
    for hour in range(24 * 7 * 12):
        level = 0.0 if level > 0.9 else level
        day, at = divmod(NOON_MS // HOUR_MS + hour, 24)
        level += (0.02 if 8 <= at < 20 else 0.0) * (2 if day % 7 in {1, 2} else 1)
        readings.append((NOON_MS + (hour + 1) * HOUR_MS, level))
    read(one, readings)
    busy, quiet = one.weekdays[1:3], [one.weekdays[0], *one.weekdays[3:]]
    assert min(busy) > 1.4 * max(quiet)
    assert min(one.weights[8:20]) > 4 * max(*one.weights[:8], *one.weights[20:])


@pytest.mark.parametrize("step", [0.25, 0.1, 0.05])
def test_readings_in_steps_show_the_next_step_half_a_step_early(step: float) -> None:
    """A rounding sensor reads full half a step before it is: the forecast is of what will be read."""
    fine, coarse = filling.Filling(bin_id="b1"), filling.Filling(bin_id="b1")
    readings = _in_jumps_of(1)
    read(fine, readings)
    read(coarse, [(at_ms, round(round(fill / step) * step, 6)) for at_ms, fill in readings])
    assert coarse.grain == pytest.approx(step)
    assert fine.grain <= 0.01 + 1e-9


def test_a_fill_too_small_to_reckon_with_is_none() -> None:
    """1e-200 an hour, and a sensor stuck for 165 readings 71 hours apart: no forecast, and no end of the worker."""
    one = filling.Filling(bin_id="b1")
    read(one, [(NOON_MS, 0.0), (NOON_MS + HOUR_MS, 1e-200)])
    assert filling.forecast(one) == filling.Overflow()
    stuck = filling.Filling(bin_id="b1")
    read(stuck, [(NOON_MS + n * 71 * HOUR_MS, 0.5 if n else 0.1) for n in range(400)])
    assert filling.forecast(stuck) == filling.Overflow()


def test_a_bin_nobody_knows_sleeps_until_somebody_does() -> None:
    """Its overflow is past, yet time alone has nothing to tell; from the moment the register knows it, it has."""
    one, known = filling.Filling(bin_id="b1"), Reference()
    read(one, steady(0.02, 24), known)
    late_ms = NOON_MS + 10 * DAY_MS
    assert (filling.wakes_ms(one, known, NOON_MS), filling.wakes_ms(one, known, late_ms)) == (one.check_ms, None)
    before = structs.replace(one, newest_arrival_ms=late_ms)
    assert filling.step(one, events.Tick(at_ms=late_ms), known)[1] == []
    assert one == before
    known.apply(structs.replace(BIN, valid_from_ms=late_ms + HOUR_MS))
    assert filling.wakes_ms(one, known, late_ms) == late_ms + HOUR_MS
    (told,) = filling.step(one, events.Tick(at_ms=late_ms + HOUR_MS), known)[1]
    assert isinstance(told, events.CollectionDue)
    assert told.due


def test_a_bin_nobody_knows_is_not_sent_for() -> None:
    """Without a register entry nobody could go there; it is told as soon as there is one."""
    one = filling.Filling(bin_id="b1")
    assert read(one, [(NOON_MS, 0.9)], Reference()) == []
    assert read(one, [(NOON_MS + HOUR_MS, 0.91)])[0].due
