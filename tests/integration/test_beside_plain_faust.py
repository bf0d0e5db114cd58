"""Why there is a shell of our own: one known fault of plain Faust, on a real broker. More: ``tests/benchmarks/faults``."""

import pytest

from tests.benchmarks.faults import ways
from tests.benchmarks.faults.catalogue import EXACT, FAULTS, tried
from tests.benchmarks.faults.trial import OURS, PLAIN
from tests.benchmarks.traffic import TRUCKS, fill

pytestmark = pytest.mark.integration

FIXES = 2 * TRUCKS


def test_a_fix_that_raises_is_lost_by_plain_faust_and_not_by_us() -> None:
    """A fix raises, once: plain Faust commits past it and no state has it; ours has every fix, once."""
    with ways.running() as way:
        fill(way.bootstrap, FIXES)
        plain = tried(FAULTS["exception"], PLAIN, way, fixes=FIXES)
        ours = tried(FAULTS["exception"], OURS, way, fixes=FIXES)

    assert plain.lost > 0  # sometimes it also stops reading the partition: that is no part of the claim
    assert ours == EXACT
