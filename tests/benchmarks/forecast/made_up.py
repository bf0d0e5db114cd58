"""Made-up bins whose rate is known, so that the least possible loss is too.

What is gained in an hour is a gamma-distributed sum of jumps of a hundredth (mean rate 0.29 a day, more at noon). The
sensor's reading has noise. Futures are drawn from the true fill and the true rates: the quantiles of these lose least.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streams.units import DAY_MS, HOUR_MS
from tests.benchmarks.forecast.baselines import Forecaster, quantiles
from tests.benchmarks.forecast.measure import CHANCES, LONGEST_DAYS, WARM_UP_DAYS, Quantiles, pinball

DAYS: Final = 90
JUMP: Final = 0.01
FUTURES: Final = 150
_MONDAY_MS: Final = 1_795_392_000_000
"""2026-11-23 00:00 UTC."""
_OF_DAY: Final = tuple(0.2 if hour < 6 else 1.8 if 10 <= hour < 14 else 1.1 for hour in range(24))
_RATE_PER_H: Final = 0.012 * 24 / sum(_OF_DAY)


@dataclass(frozen=True)
class Bin:
    """One kind of bin."""

    busy: Callable[[int], float] = lambda day: 1.0 + 0.0 * day
    """How much more than usual comes on a day since the beginning."""
    noise: float = 0.005
    reads: Callable[[int], bool] = lambda day: day >= 0

    def rate_per_h(self, hour: int) -> float:
        """Return the mean rise in that hour since the beginning."""
        return _RATE_PER_H * _OF_DAY[hour % 24] * self.busy(hour // 24)


BINS: Final = {
    "steady": Bin(),
    "two busy weekdays": Bin(busy=lambda day: 1.6 if day % 7 in {1, 2} else 0.76),
    "twice as much from day 45 on": Bin(busy=lambda day: 2.0 if day >= 45 else 1.0),
    "a festival: four days three times as much": Bin(busy=lambda day: 3.0 if 40 <= day < 44 else 1.0),
    "1 % more each day": Bin(busy=lambda day: 1.0 + 0.01 * day),
    "noise of 2 %": Bin(noise=0.02),
    "silent six days of each fortnight": Bin(reads=lambda day: day % 14 < 8),
}


@dataclass
class Loss:
    """What one forecaster lost, in hours."""

    losses: list[float]
    within: float = 0.0
    count: int = 0

    def take(self, futures: list[float], said: Quantiles) -> None:
        """Compare quantiles with what may come, days."""
        cut = [min(LONGEST_DAYS, days) for days in said]
        for number, (days, chance) in enumerate(zip(cut, CHANCES, strict=True)):
            self.losses[number] += 24 * sum(pinball(true, days, chance) for true in futures) / len(futures)
        self.within += sum(cut[0] <= true <= cut[2] for true in futures) / len(futures)
        self.count += 1

    @property
    def hours(self) -> float:
        """Mean pinball loss."""
        return sum(self.losses) / len(CHANCES) / self.count


def judged(kind: Bin, seed: int, forecasters: dict[str, Forecaster]) -> dict[str, Loss]:
    """Return what each forecaster lost on a bin, at 5 and 17 o'clock after the warm-up, and what the best would have."""
    chance, fill = random.Random(seed), 0.0
    lost = {name: Loss([0.0] * 3) for name in ("best possible", *forecasters)}
    for hour in range(24 * DAYS):
        fill += chance.gammavariate(kind.rate_per_h(hour) / JUMP, JUMP)
        if (fill >= 1.0 and chance.random() < 0.3) or chance.random() < 0.002:
            fill = 0.0
        read = min(1.0, max(0.0, min(1.0, fill) + chance.gauss(0.0, kind.noise)))
        if not kind.reads(hour // 24):
            continue
        for one in forecasters.values():
            one.read((_MONDAY_MS + hour * HOUR_MS, read))
        if hour < 24 * WARM_UP_DAYS or hour % 12 != 5 or max(fill, read) >= 1.0:
            continue
        futures = _futures(kind, hour, fill, random.Random(hour))
        lost["best possible"].take(futures, quantiles(futures, default=0.0))
        for name, one in forecasters.items():
            lost[name].take(futures, one.full_in())
    return lost


def _futures(kind: Bin, hour: int, fill: float, chance: random.Random) -> list[float]:
    """Return, for some futures, the days until the bin is full."""
    found = []
    for _ in range(FUTURES):
        then, level = hour, fill
        while level < 1.0 and then < hour + 24 * LONGEST_DAYS:
            then += 1
            level += chance.gammavariate(kind.rate_per_h(then) / JUMP, JUMP)
        found.append((then - hour) * HOUR_MS / DAY_MS)
    return found
