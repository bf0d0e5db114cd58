"""Streams and tables under seeded harm, on real Kafka and PostgreSQL; ``make crash-streams`` runs more of them."""

from functools import partial
from pathlib import Path

import pytest

from deploy.local.progress import Reporter
from tests.crash import harm, streams

pytestmark = pytest.mark.integration

SHORT_S = 10.0
"""Two or three harms a seed: the build plays whole ones."""


@pytest.mark.parametrize("seed", [1, 5])
def test_nothing_is_lost_or_doubled_whatever_is_done_to_them(seed: int, tmp_path: Path) -> None:
    """Kills, pauses, silent and broken ways, unknown commits: afterwards all that was confirmed has its one effect."""
    with Reporter() as reporter:
        result = streams.one(
            seed, tmp_path, reporter, promised_s=streams.LONGEST_S, harms=partial(harm.planned, budget_s=SHORT_S)
        )

    assert result.findings == []
    assert result.counts["alerts"] > 0
    assert result.counts["rows"] > 500
