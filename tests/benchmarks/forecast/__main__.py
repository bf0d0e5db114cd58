"""How well the overflow of bins is foreseen, beside simpler forecasts: on real skips, and where the best possible is known.

``python -m tests.benchmarks.forecast``: what is measured, and on what, is in the README beside. Last, the CPU time of a reading.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterable
from typing import Final

from streams import events, filling
from streams.assets import Reference
from streams.units import DAY_MS, HOUR_MS
from tests.benchmarks.forecast import made_up
from tests.benchmarks.forecast.baselines import (
    Bare,
    Forecaster,
    FromErrors,
    LastTwo,
    Mean,
    Ours,
    Rate,
    SinceEmptied,
    WeekdayMean,
)
from tests.benchmarks.forecast.measure import WARM_UP_DAYS, Reading, Score, fate, skips, together

OURS: Final = "streams.filling"
RATES: Final[dict[str, type[Rate]]] = {
    "last two readings": LastTwo,
    "since emptied": SinceEmptied,
    "weekday mean": WeekdayMean,
    "mean": Mean,
}
Scores = dict[str, dict[str, Score]]
"""By model and skip."""


def main() -> None:
    """Print all tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--quick", action="store_true", help="only the real skips")
    quick = arguments.parse_args().quick
    _print_skips(skips())
    if not quick:
        _print_made_up()
    _print_cost()


def _models() -> dict[str, Callable[[], Forecaster]]:
    bare = {f"{name}, bare": (lambda rate=rate: Bare(rate())) for name, rate in RATES.items()}
    fair = {name: (lambda rate=rate: FromErrors(rate())) for name, rate in RATES.items()}
    return {OURS: Ours, **fair, **bare}


def _score(readings: list[Reading], one: Forecaster, from_ms: int, until_ms: int) -> Score:
    score = Score()
    for number, reading in enumerate(readings):
        one.read(reading)
        if reading[1] >= 1.0 or not from_ms <= reading[0] < until_ms:
            continue
        true = fate(readings, number)
        if true.days:
            score.overflow(true, one.full_in())
        for days, fill in true.later.items():
            score.later(days, fill, one.fill_in(days))
    return score


def _scores(found: dict[str, list[Reading]], half: int | None = None) -> Scores:
    """Judge each model on each skip: after the warm-up, or in the first or second half of what follows it."""
    scores: Scores = {}
    for model, made in _models().items():
        scores[model] = {}
        for skip, readings in found.items():
            first_ms, last_ms = readings[0][0] + WARM_UP_DAYS * DAY_MS, readings[-1][0] + 1
            middle_ms = (first_ms + last_ms) // 2
            begin_ms = middle_ms if half == 1 else first_ms
            end_ms = middle_ms if half == 0 else last_ms
            scores[model][skip] = _score(readings, made(), begin_ms, end_ms)
    return scores


def _print_skips(found: dict[str, list[Reading]]) -> None:
    names = list(found)
    scores = _scores(found)
    for title, of in (("all", names), ("chosen by", names[::2]), ("kept apart", names[1::2])):
        _print_models(f"{len(of)} skips, {title}", scores, of)
    for half, title in enumerate(("first", "second")):
        _print_models(f"12 skips, {title} half of their time", _scores(found, half), names)
    print("\nskip by skip, mean pinball loss of the days until full")
    print(f"{'':24}{'n':>5}" + "".join(f"{model:>20}" for model in (OURS, *RATES)))
    for skip in names:
        print(
            f"{skip:24}{scores[OURS][skip].count:>5}"
            + "".join(f"{scores[model][skip].loss_days:>20.3f}" for model in (OURS, *RATES))
        )
    _print_resampled(scores, names)


def _print_models(title: str, scores: Scores, of: Iterable[str]) -> None:
    total = {model: together(by_skip[name] for name in of) for model, by_skip in scores.items()}
    ours = total[OURS]
    print(f"\n{title}: {ours.count} forecasts, {ours.known} of them with a known end")
    print(
        f"{'pinball loss of':26}{'days':>8}{'p10':>7}{'p50':>7}{'p90':>7}{'inside':>8}{'ours':>8}{'fill':>9}{'ours':>8}"
    )
    for model, score in total.items():
        by_quantile = "".join(f"{loss / score.count:>7.3f}" for loss in score.losses)
        print(
            f"{model:26}{score.loss_days:>8.4f}{by_quantile}{score.within / score.known:>8.0%}{ours.loss_days / score.loss_days - 1:>+8.1%}"
            f"{score.loss_fill:>9.4f}{ours.loss_fill / score.loss_fill - 1:>+8.1%}"
        )


def _print_resampled(scores: Scores, names: list[str]) -> None:
    """Say how much of the difference is these twelve skips: drawn again with replacement, a thousand times."""
    chance = random.Random(1)
    print("\nours against each, days until full, nine of ten draws of twelve skips:")
    for model in RATES:
        differences = []
        for _ in range(1_000):
            drawn = chance.choices(names, k=len(names))
            ours = together(scores[OURS][name] for name in drawn).loss_days
            differences.append(ours / together(scores[model][name] for name in drawn).loss_days - 1)
        differences.sort()
        print(f"{model:26}{differences[50]:>+8.1%} to {differences[949]:+.1%}")


def _print_made_up() -> None:
    print("\nmade-up bins, hourly: mean pinball loss in hours (between p10 and p90)")
    compared = {name: rate for name, rate in RATES.items() if rate is not LastTwo}
    print(f"{'':44}" + "".join(f"{name:>20}" for name in ("best possible", OURS, *compared)))
    for title, kind in made_up.BINS.items():
        forecasters: dict[str, Forecaster] = {OURS: Ours()}
        forecasters |= {name: FromErrors(rate()) for name, rate in compared.items()}
        lost = made_up.judged(kind, seed=1, forecasters=forecasters)
        cells = (f"{one.hours:.2f} ({one.within / one.count:.0%})" for one in lost.values())
        print(f"{title:44}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def _print_cost() -> None:
    print("\nCPU of a reading, µs, least and most of five runs:")
    for title, every_ms in (("every ten minutes", HOUR_MS // 6), ("every hour", HOUR_MS), ("every day", DAY_MS)):
        costs = sorted(_cost_us(every_ms) for _ in range(5))
        print(f"{title:26}{costs[0]:>8.1f} {costs[-1]:>8.1f}")


def _cost_us(every_ms: int, count: int = 10_000) -> float:
    chance, fill = random.Random(1), 0.1
    readings = []
    for number in range(count):
        fill += 0.012 * every_ms / HOUR_MS * chance.uniform(0.0, 2.0)
        fill = 0.02 if fill > 0.95 else fill
        at_ms = 1_795_392_000_000 + number * every_ms
        readings.append(events.BinReading(bin_id="b1", event_time_ms=at_ms, fill=fill))
    state, nobody = filling.Filling(bin_id="b1"), Reference()
    began_s = time.process_time()
    for reading in readings:
        filling.step(state, reading, nobody)
    return (time.process_time() - began_s) / count * 1e6


if __name__ == "__main__":
    main()
