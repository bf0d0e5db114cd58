"""What is measured: how long until a skip was full, what it held days later, and what a forecast of that loses."""

import csv
import gzip
import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from streams.units import DAY_MS

Reading = tuple[int, float]
"""Time and fill."""
Quantiles = tuple[float, float, float]

CHANCES: Final = (0.1, 0.5, 0.9)
LONGEST_DAYS: Final = 14.0
"""Times until full are cut here, the true ones and the forecast ones."""
WARM_UP_DAYS: Final = 14
LATER_DAYS: Final = (1, 2, 4, 7)
LONGEST_GAP_DAYS: Final = 7
LEAST_READINGS: Final = 40
_FILE: Final = Path(__file__).with_name("blantyre_skip_fullness.csv.gz")


@dataclass
class Fate:
    """What became of a skip after a reading."""

    days: float
    """Until it was full, …"""
    emptied: bool
    """… or until it was last seen not to be."""
    later: dict[int, float] = field(default_factory=dict)
    """Days later: the fill, as long as it was not emptied."""


def skips() -> dict[str, list[Reading]]:
    """Return the readings of each skip that has enough of them."""
    text = gzip.decompress(_FILE.read_bytes()).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    found = {
        name: [_reading(row["date"], row[name]) for row in rows if row[name] not in {"", "."}]
        for name in list(rows[0])[1:]
    }
    return {name: readings for name, readings in found.items() if len(readings) > LEAST_READINGS}


def _reading(date: str, cubic_metres: str) -> Reading:
    day = datetime.strptime(date, "%d-%b-%y").replace(tzinfo=UTC)
    return int(day.timestamp()) * 1_000 + DAY_MS // 2, min(1.0, float(cubic_metres) / 7.0)


def is_emptied(before: float, after: float) -> bool:
    """Tell an emptying from a skip looked at twice."""
    return before - after >= 0.3 or (before - after >= 0.1 and after <= 0.3 * before)


def breaks(before: Reading, after: Reading) -> bool:
    """Tell whether what a skip gained between two readings cannot be told from them."""
    return is_emptied(before[1], after[1]) or after[0] - before[0] > LONGEST_GAP_DAYS * DAY_MS


def fate(readings: list[Reading], number: int) -> Fate:
    """Return what became of the skip after its reading of that number, which is below full."""
    start_ms = readings[number][0]
    found: Fate | None = None
    later: dict[int, float] = {}
    before = readings[number]
    for after in readings[number + 1 :]:
        days = (after[0] - start_ms) / DAY_MS
        if breaks(before, after) or (found and days > LATER_DAYS[-1]):
            break
        if days in LATER_DAYS:
            later[int(days)] = after[1]
        if found is None and after[1] >= 1.0:
            found = Fate(min(LONGEST_DAYS, (days + (before[0] - start_ms) / DAY_MS) / 2.0), emptied=False)
        if found is None and days >= LONGEST_DAYS:
            found = Fate(LONGEST_DAYS, emptied=False)
        before = after
    found = found or Fate((before[0] - start_ms) / DAY_MS, emptied=True)
    found.later = later
    return found


def pinball(true: float, said: float, chance: float) -> float:
    """Return what a quantile loses."""
    return chance * (true - said) if said < true else (1.0 - chance) * (said - true)


def overflow_losses(true: Fate, said: Quantiles) -> list[float]:
    """Return what each quantile of the time until full loses, days."""
    cut = [min(LONGEST_DAYS, days) for days in said]
    if true.emptied:
        return [chance * max(0.0, true.days - days) for chance, days in zip(CHANCES, cut, strict=True)]
    return [pinball(true.days, days, chance) for chance, days in zip(CHANCES, cut, strict=True)]


@dataclass
class Score:
    """What a model lost, summed."""

    losses: list[float] = field(default_factory=lambda: [0.0] * 3)
    count: int = 0
    within: int = 0
    """Of those whose truth is known: between p10 and p90."""
    known: int = 0
    later_losses: dict[int, float] = field(default_factory=lambda: dict.fromkeys(LATER_DAYS, 0.0))
    later_count: dict[int, int] = field(default_factory=lambda: dict.fromkeys(LATER_DAYS, 0))

    def overflow(self, true: Fate, said: Quantiles) -> None:
        """Take in a forecast of the time until full."""
        self.losses = [sum(pair) for pair in zip(self.losses, overflow_losses(true, said), strict=True)]
        self.count += 1
        if not true.emptied:
            self.known += 1
            self.within += min(LONGEST_DAYS, said[0]) <= true.days <= min(LONGEST_DAYS, said[2])

    def later(self, days: int, fill: float, said: Quantiles) -> None:
        """Take in a forecast of the fill days later."""
        self.later_losses[days] += sum(pinball(fill, one, chance) for one, chance in zip(said, CHANCES, strict=True))
        self.later_count[days] += 1

    @property
    def loss_days(self) -> float:
        """Mean pinball loss of the time until full."""
        return sum(self.losses) / len(CHANCES) / max(1, self.count)

    @property
    def loss_fill(self) -> float:
        """Mean pinball loss of the fill, each number of days alike."""
        means = [self.later_losses[days] / len(CHANCES) / max(1, self.later_count[days]) for days in LATER_DAYS]
        return sum(means) / len(means)


def together(scores: Iterator[Score]) -> Score:
    """Return the scores of several skips as one."""
    total = Score()
    for one in scores:
        total.losses = [sum(pair) for pair in zip(total.losses, one.losses, strict=True)]
        total.count += one.count
        total.within += one.within
        total.known += one.known
        for days in LATER_DAYS:
            total.later_losses[days] += one.later_losses[days]
            total.later_count[days] += one.later_count[days]
    return total
