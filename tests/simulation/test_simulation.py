"""The simulator holds for its first seeds, finds planted mistakes, and repeats itself. The rest: ``make simulate``."""

import pytest

from tests.simulation import truth
from tests.simulation.bugs import BUGS
from tests.simulation.options import of_seed
from tests.simulation.run import run

SEEDS = (*range(1, 9), 2182)
"""The first, and one in which a state that counts for nobody came last, and no worker wrote for minutes."""
FOUND = {
    "no-offset-cas": 2,
    "commit-before-confirm": 2,
    "hand-out-in-rebalance": 1,
    "stamp-not-read": 4,
    "ticks-unheard": 15,
}
"""A planted bug, and a seed that finds it."""


def test_the_first_seeds_hold() -> None:
    """Every invariant, at every step and after the healing; and the seeds do reach crashes and repeats."""
    outcomes = [run(of_seed(seed)) for seed in SEEDS]
    assert {outcome.options.seed: outcome.violation for outcome in outcomes if outcome.violation} == {}
    for reached in ("killed", "a record is offered again", "a state is left out", "another recorder was first"):
        assert any(outcome.sometimes[reached] for outcome in outcomes), reached


@pytest.mark.parametrize(("name", "seed"), FOUND.items())
def test_a_planted_bug_is_found(name: str, seed: int) -> None:
    """With the mistake in the running code, the seed that finds it finds it."""
    truth.forget()
    with BUGS[name].planted():
        violation = run(of_seed(seed)).violation
    truth.forget()
    assert violation is not None


def test_a_seed_is_the_same_twice() -> None:
    """What a seed showed once it shows again: the same events, the same rare states."""
    first, second = run(of_seed(5)), run(of_seed(5))
    assert (first.events, first.records, first.sometimes) == (second.events, second.records, second.sometimes)
