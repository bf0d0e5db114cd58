"""Containers fill as people use them: never less, never over the brim, a week's worth in a week."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator import containers, noise
from services.simulator.containers import HEAPED, Container, days_between, level_l
from streams.units import DAY_MS, HOUR_MS

MONDAY_MS = 1_795_392_000_000
"""2026-11-23 00:00 UTC, a Monday."""
RHYTHMS = sorted(containers._CUMULATED)


def level(container: Container, at_ms: int, *, litres_per_day: float = 400.0, bin_key: int = 1) -> float:
    """Level of a container of 1,100 l."""
    return level_l(
        container, at_ms, litres_per_day=litres_per_day, rhythm="household", volume_l=1100.0, seed=1, bin_key=bin_key,
        offset_ms=0,
    )  # fmt: skip


@pytest.mark.parametrize("rhythm", RHYTHMS)
def test_a_week_holds_seven_average_days(rhythm: str) -> None:
    """Whatever its shape, a rhythm is scaled: seven days' litres come in a week, from any hour on."""
    for begin_ms in (MONDAY_MS, MONDAY_MS + 3 * DAY_MS + 7 * HOUR_MS):
        assert days_between(rhythm, begin_ms, begin_ms + 7 * DAY_MS, 0) == pytest.approx(7.0)


def test_offices_eat_on_working_days() -> None:
    """A canteen's Tuesday brings many times its Sunday, and most of it around lunch, in local time."""
    tuesday, sunday = (
        days_between("canteen", day, day + DAY_MS, 0) for day in (MONDAY_MS + DAY_MS, MONDAY_MS - DAY_MS)
    )
    assert tuesday > 5 * sunday
    lunch = days_between("canteen", MONDAY_MS + 4 * HOUR_MS, MONDAY_MS + 8 * HOUR_MS, 8 * HOUR_MS)
    night = days_between("canteen", MONDAY_MS + 4 * HOUR_MS, MONDAY_MS + 8 * HOUR_MS, -4 * HOUR_MS)
    assert lunch > 10 * night


@given(litres=st.floats(0, 1100), hours=st.lists(st.integers(0, 400), min_size=2, max_size=5), rate=st.floats(1, 3000))
def test_levels_rise_and_stay_in_bounds(litres: float, hours: list[int], rate: float) -> None:
    """A level never falls by itself and never passes what can be heaped on."""
    container = Container(litres=litres, at_ms=MONDAY_MS)
    levels = [level(container, MONDAY_MS + hour * HOUR_MS, litres_per_day=rate) for hour in sorted(hours)]
    assert all(before <= after for before, after in itertools.pairwise(levels))
    assert litres <= levels[0]
    assert levels[-1] <= HEAPED * 1100.0


def test_containers_fill_differently() -> None:
    """Two containers alike on paper do not fill alike, but about as fast: each day has a factor of its own."""
    after = [level(Container(litres=0.0, at_ms=MONDAY_MS), MONDAY_MS + 2 * DAY_MS, bin_key=key) for key in range(200)]
    assert len({round(one) for one in after}) > 100
    assert sum(after) / len(after) == pytest.approx(2 * 0.95 * 400, rel=0.1)


def test_noise_is_what_it_claims() -> None:
    """Uniform numbers are even, normal ones have mean 0 and deviation 1, and both depend on nothing but the keys."""
    even = [noise.uniform(7, number) for number in range(4000)]
    assert 0.0 <= min(even) < 0.01
    assert 0.99 < max(even) < 1.0
    normal = [noise.gauss(7, number) for number in range(4000)]
    assert sum(normal) / 4000 == pytest.approx(0.0, abs=0.06)
    assert sum(one * one for one in normal) / 4000 == pytest.approx(1.0, abs=0.08)
    assert noise.uniform(7, 1) == even[1]
