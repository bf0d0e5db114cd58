"""The simulator holds for its first seeds, finds planted mistakes, and repeats itself. The rest: ``make simulate``."""

from collections import Counter

import pytest

from tests.simulation import rare, truth
from tests.simulation.bugs import BUGS
from tests.simulation.options import of_seed
from tests.simulation.run import run

SEEDS = (*range(1, 21), 2182)
"""The first, and one in which a state that counts for nobody came last, and no worker wrote for minutes."""
FOUND = {
    "torn-tail-kept": 2,
    "no-offset-cas": 1,
    "beside-poison-dropped": 5,
    "visit-never-ends": 1,
    "said-before-kept": 1,
    "commit-before-said": 2,
    "commit-before-confirm": 1,
    "hand-out-in-rebalance": 1,
    "changelog-not-looked-at": 6,
    "decoded-states-kept": 4,
    "outbox-not-kept": 9,
    "poison-dropped": 2,
    "repeats-judged": 1,
    "never-late": 3,
    "late-takes-any": 26,
    "late-takes-in-silence": 26,
    "late-load-counts": 27,
}
"""A planted bug, and a seed that finds it."""


def test_the_first_seeds_hold() -> None:
    """Every invariant, at every step and after the healing; and the seeds do reach what is common."""
    outcomes = [run(of_seed(seed)) for seed in SEEDS]
    assert {outcome.options.seed: outcome.violation for outcome in outcomes if outcome.violation} == {}
    sometimes = sum((outcome.sometimes for outcome in outcomes), Counter[str]())
    assert rare.missing(sometimes, len(SEEDS)) == []


@pytest.mark.parametrize(("name", "seed"), FOUND.items())
def test_a_planted_bug_is_found(name: str, seed: int) -> None:
    """With the mistake in place, the seed that finds it finds it."""
    truth.forget()
    with BUGS[name].planted():
        violation = run(of_seed(seed)).violation
    truth.forget()
    assert violation is not None


def test_a_seed_is_the_same_twice() -> None:
    """What a seed showed once it shows again: the same events, the same rare states."""
    first, second = run(of_seed(5)), run(of_seed(5))
    assert (first.events, first.records, first.sometimes) == (second.events, second.records, second.sometimes)


def test_a_run_that_compares_too_few_trucks_fails() -> None:
    """Whoever leaves nearly all trucks out of the comparison with their truth is told, at the end of fifty seeds."""
    kept = Counter({rare.TRUCKS: 200, rare.COMPARED: 120, rare.LATE: 40, rare.FULL: 40})
    left = Counter({rare.TRUCKS: 200, rare.COMPARED: 20, rare.LATE: 140, rare.FULL: 40})
    reached = Counter(rare.COMMON)
    assert rare.missing(kept + reached, 50) == []
    assert [line.split(": ")[1].split(" (")[0] for line in rare.missing(left + reached, 50)] == [
        rare.COMPARED,
        "left out of the comparison",
    ]
