"""Quantiles of the first passage of what rises in jumps, against the gamma distribution itself."""

import math

import pytest

from streams import crossing


def reached(gain: float, level: float) -> float:
    """Chance that a gamma-distributed sum of mean ``gain`` (jumps of 1) is above a level: the regularised upper tail.

    By its power series; both are small enough here.
    """
    term = total = 1.0 / gain
    number = gain
    while term > total * 1e-15:
        number += 1.0
        term *= level / number
        total += term
    return 1.0 - total * math.exp(-level + gain * math.log(level) - math.lgamma(gain))


@pytest.mark.parametrize("level", [0.007, 0.02, 0.1, 0.33, 0.7, 1.0, 1.5, 2.2, 5.0, 17.0, 60.0, 140.0, 149.0, 300.0])
def test_each_quantile_is_reached_with_its_chance(level: float) -> None:
    """Between the entries of the table and above its end: within 1.2 % of the chance."""
    for gain, chance in zip(crossing.gains_until(level, 1.0), (0.1, 0.5, 0.9), strict=True):
        assert reached(gain, level) == pytest.approx(chance, abs=0.012)


def test_more_takes_longer_and_jumps_only_scale() -> None:
    """Quantiles are in order and rise with the level, from less than any jump to thousands; twice of both is twice."""
    before = (0.0, 0.0, 0.0)
    for number in range(-60, 80):
        gains = crossing.gains_until(math.exp(number / 8), 1.0)
        assert gains[0] < gains[1] < gains[2]
        assert all(one >= earlier for one, earlier in zip(gains, before, strict=True))
        assert crossing.gains_until(2 * math.exp(number / 8), 2.0) == pytest.approx([2 * one for one in gains])
        before = gains


def test_many_small_jumps_are_a_line() -> None:
    """A thousandth at a time: half full after half of the mean time, all quantiles within a twentieth of it."""
    low, middle, high = crossing.gains_until(0.5, 0.001)
    assert middle == pytest.approx(0.5, rel=0.001)
    assert (high - low) / middle < 0.12
