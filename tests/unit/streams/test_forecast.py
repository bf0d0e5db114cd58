"""The forecast against simpler ones, on real skips: the benchmark's measure (tests/benchmarks/forecast), kept from slipping."""

from collections.abc import Callable

import pytest

from streams.units import DAY_MS
from tests.benchmarks.forecast import measure
from tests.benchmarks.forecast.baselines import Forecaster, FromErrors, Ours, SinceEmptied, WeekdayMean


def lost_days(made: Callable[[], Forecaster]) -> float:
    """Return the mean pinball loss of the days until full, over all skips."""
    return measure.together(_score(readings, made()) for readings in measure.skips().values()).loss_days


def _score(readings: list[measure.Reading], one: Forecaster) -> measure.Score:
    score = measure.Score()
    begin_ms = readings[0][0] + measure.WARM_UP_DAYS * DAY_MS
    for number, reading in enumerate(readings):
        one.read(reading)
        if reading[1] < 1.0 and reading[0] >= begin_ms and (true := measure.fate(readings, number)).days:
            score.overflow(true, one.full_in())
    return score


def test_whoever_draws_a_line_or_knows_weekdays_loses_more() -> None:
    """Both corrected by their own errors so far; ours loses at least 15 % less than either on the Blantyre skips."""
    ours = lost_days(Ours)
    assert ours < 0.85 * lost_days(lambda: FromErrors(SinceEmptied()))
    assert ours < 0.85 * lost_days(lambda: FromErrors(WeekdayMean()))


DAYS = [(number * DAY_MS, fill) for number, fill in enumerate((0.25, 0.5, 1.0, 1.0, 0.0, 0.25, 0.0, 0.5))]


@pytest.mark.parametrize(
    ("number", "days", "emptied", "later"),
    [
        (0, 1.5, False, {1: 0.5, 2: 1.0}),
        (1, 0.5, False, {1: 1.0, 2: 1.0}),
        (4, 1.0, True, {1: 0.25}),
        (6, 1.0, True, {1: 0.5}),
        (7, 0.0, True, {}),
    ],
    ids=["full between two readings", "full at the next", "emptied before", "the end of the series", "the last"],
)
def test_what_became_of_a_skip(number: int, days: float, emptied: bool, later: dict[int, float]) -> None:
    """Until when it is known, and the fills up to its emptying."""
    assert measure.fate(DAYS, number) == measure.Fate(days, emptied, later)


def test_a_skip_emptied_early_says_only_that_it_was_not_full() -> None:
    """A quantile before that loses by its chance, one after it nothing."""
    assert measure.overflow_losses(measure.Fate(4.0, emptied=True), (1.0, 4.0, 9.0)) == pytest.approx([0.3, 0.0, 0.0])
    assert measure.overflow_losses(measure.Fate(4.0, emptied=False), (1.0, 4.0, 9.0)) == pytest.approx([0.3, 0.0, 0.5])
