"""Who forecasts: the product, and what is simpler. All read one reading after the other and know no more."""

import math
from typing import Final, Protocol

from msgspec import structs

from streams import events, filling
from streams.assets import Reference
from streams.units import DAY_MS
from tests.benchmarks.forecast.measure import CHANCES, LATER_DAYS, LONGEST_DAYS, Quantiles, Reading, breaks

QUARTER: Final = 0.25
_FEWEST_ERRORS: Final = 5
_SHORTEST_DAYS: Final = 0.25


class Forecaster(Protocol):
    """What is measured."""

    def read(self, reading: Reading) -> None:
        """Hear a reading."""

    def full_in(self) -> Quantiles:
        """Say in how many days the bin will be full."""

    def fill_in(self, days: int) -> Quantiles:
        """Say what it will read so many days from now, in quarters."""


class Ours:
    """`streams.filling`, as the worker asks it."""

    def __init__(self) -> None:
        self.state = filling.Filling(bin_id="b")
        self._nobody = Reference()

    def read(self, reading: Reading) -> None:
        """Hear a reading."""
        at_ms, fill = reading
        filling.step(self.state, events.BinReading(bin_id="b", event_time_ms=at_ms, fill=fill), self._nobody)

    def full_in(self) -> Quantiles:
        """Say what `filling.forecast` says; what it does not foresee is never."""
        return self._gains_in(1.0 - self.state.fill)

    def _gains_in(self, room: float) -> Quantiles:
        said = filling.forecast(structs.replace(self.state, fill=1.0 - room))
        low, middle, high = (
            math.inf if at_ms is None else (at_ms - self.state.last_ms) / DAY_MS
            for at_ms in (said.p10_ms, said.p50_ms, said.p90_ms)
        )
        return low, middle, high

    def fill_in(self, days: int) -> Quantiles:
        """Say the highest quarter that is reached by then with a chance of 0.9, 0.5, 0.1."""
        reached = [self.state.fill] * 3
        for number in (0, 1, 2):
            while (level := reached[number] + QUARTER) <= 1.0 + 1e-9:
                if self._gains_in(level - self.state.fill)[2 - number] > days:
                    break
                reached[number] = level
        return reached[0], reached[1], reached[2]


class Rate:
    """A rate that goes on: what the simple models have in common."""

    def __init__(self) -> None:
        self.last: Reading | None = None

    def read(self, reading: Reading) -> None:
        """Learn from two readings between which nobody emptied it and it was not full; begin anew after others."""
        before, self.last = self.last, reading
        if before is None or breaks(before, reading):
            self.begin(reading)
        elif before[1] < 1.0:
            self.learn(before, reading)

    def begin(self, reading: Reading) -> None:
        """Hear the first reading, or the first after an emptying."""

    def learn(self, before: Reading, reading: Reading) -> None:
        """Hear another one."""
        raise NotImplementedError

    def rate_on(self, weekday: int) -> float:
        """Return the rise a day on that day of the week."""
        raise NotImplementedError

    def full_in(self) -> float:
        """Return in how many days the rate fills the bin, `LONGEST_DAYS` at most."""
        assert self.last
        room, day = 1.0 - self.last[1], self.last[0] // DAY_MS
        for number in range(int(LONGEST_DAYS)):
            rate = self.rate_on((day + 1 + number) % 7)
            if rate > 0.0 and rate >= room:
                return max(_SHORTEST_DAYS, number + room / rate)
            room -= rate
        return LONGEST_DAYS

    def fill_in(self, days: int) -> float:
        """Return the fill so many days from now."""
        assert self.last
        day = self.last[0] // DAY_MS
        return min(1.0, self.last[1] + sum(self.rate_on((day + 1 + number) % 7) for number in range(days)))


class LastTwo(Rate):
    """The rate between the last two readings."""

    rate = 0.0

    def learn(self, before: Reading, reading: Reading) -> None:
        """Forget the one before."""
        self.rate = max(0.0, (reading[1] - before[1]) / ((reading[0] - before[0]) / DAY_MS))

    def rate_on(self, weekday: int) -> float:
        """Return the same for each day."""
        del weekday
        return self.rate


class SinceEmptied(LastTwo):
    """The rate since the bin was emptied; right after that, the one of before."""

    start: Reading

    def begin(self, reading: Reading) -> None:
        """Remember what it was emptied to."""
        self.start = reading

    def learn(self, before: Reading, reading: Reading) -> None:
        """Draw a line from there."""
        del before
        super().learn(self.start, reading)


class WeekdayMean(Rate):
    """The mean rise of each weekday so far; of all days where there is none yet."""

    def __init__(self) -> None:
        super().__init__()
        self.gained, self.days = [0.0] * 7, [0.0] * 7

    def learn(self, before: Reading, reading: Reading) -> None:
        """Count a rise to the day of its reading."""
        days = (reading[0] - before[0]) / DAY_MS
        if days < 1.5:
            weekday = reading[0] // DAY_MS % 7
            self.gained[weekday] += reading[1] - before[1]
            self.days[weekday] += days

    def rate_on(self, weekday: int) -> float:
        """Return its mean."""
        if not self.days[weekday]:
            return self.mean()
        return max(0.0, self.gained[weekday] / self.days[weekday])

    def mean(self) -> float:
        """Return the mean of all days."""
        return max(0.0, sum(self.gained) / sum(self.days)) if any(self.days) else 0.0


class Mean(WeekdayMean):
    """The mean rise so far, whatever the day."""

    def rate_on(self, weekday: int) -> float:
        """Return the same for each day."""
        del weekday
        return self.mean()


class Bare:
    """A rate's one number for all quantiles."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate

    def read(self, reading: Reading) -> None:
        """Hear a reading."""
        self.rate.read(reading)

    def full_in(self) -> Quantiles:
        """Say it three times."""
        days = self.rate.full_in()
        return days, days, days

    def fill_in(self, days: int) -> Quantiles:
        """Say it three times."""
        fill = round(self.rate.fill_in(days) / QUARTER) * QUARTER
        return fill, fill, fill


class FromErrors:
    """A rate with quantiles from its own errors so far: what it said, remembered until it is known what came of it."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._open: list[tuple[int, float]] = []
        self._ratios: list[float] = []
        self._open_fills: dict[int, list[tuple[int, float]]] = {days: [] for days in LATER_DAYS}
        self._fill_errors: dict[int, list[float]] = {days: [] for days in LATER_DAYS}

    def read(self, reading: Reading) -> None:
        """Settle what is known now, learn, and remember what is said now."""
        before = self.rate.last
        if before is not None:
            self._settle(before, reading)
        self.rate.read(reading)
        if reading[1] < 1.0:
            self._open.append((reading[0], self.rate.full_in()))
            for days, said in self._open_fills.items():
                said.append((reading[0], self.rate.fill_in(days)))

    def _settle(self, before: Reading, reading: Reading) -> None:
        if breaks(before, reading):
            self._close(before[0])
            self._open_fills = {days: [] for days in LATER_DAYS}
            return
        if reading[1] >= 1.0:
            self._close((before[0] + reading[0]) / 2.0)
        long_ago_ms = reading[0] - int(LONGEST_DAYS) * DAY_MS
        self._ratios += [LONGEST_DAYS / days for at_ms, days in self._open if at_ms <= long_ago_ms]
        self._open = [one for one in self._open if one[0] > long_ago_ms]
        for days, said in self._open_fills.items():
            then_ms = reading[0] - days * DAY_MS
            self._fill_errors[days] += [reading[1] - fill for at_ms, fill in said if at_ms == then_ms]
            self._open_fills[days] = [one for one in said if one[0] > then_ms]

    def _close(self, at_ms: float) -> None:
        """Note what all open forecasts would have had to say: the bin is full, or emptied, and that is known of it."""
        self._ratios += [
            min(LONGEST_DAYS, (at_ms - said_ms) / DAY_MS) / days for said_ms, days in self._open if at_ms > said_ms
        ]
        self._open = []

    def full_in(self) -> Quantiles:
        """Say the rate's number times quantiles of what it should have been times."""
        days = self.rate.full_in()
        low, middle, high = (days * ratio for ratio in quantiles(self._ratios, default=1.0))
        return low, middle, high

    def fill_in(self, days: int) -> Quantiles:
        """Say the rate's number plus quantiles of its errors, in quarters."""
        fill = self.rate.fill_in(days)
        low, middle, high = (
            round(min(1.0, max(0.0, fill + error)) / QUARTER) * QUARTER
            for error in quantiles(self._fill_errors[days], default=0.0)
        )
        return low, middle, high


def quantiles(values: list[float], default: float) -> Quantiles:
    """Return the three quantiles, between neighbours by the line; the default where there are too few."""
    if len(values) < _FEWEST_ERRORS:
        return default, default, default
    ordered = sorted(values)
    found = []
    for chance in CHANCES:
        place = chance * (len(ordered) - 1)
        number = min(int(place), len(ordered) - 2)
        found.append(ordered[number] + (place - number) * (ordered[number + 1] - ordered[number]))
    return found[0], found[1], found[2]
