"""Streams and tables under seeded harm, on real Kafka and PostgreSQL; ``make crash-streams`` runs more of them."""

import gc
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from gateway_trial import FORGIVING

from deploy.local.progress import Reporter
from tests.crash import harm, streams
from tests.crash.harm import Harm
from tests.crash.results import Result
from tests.faults import Disk

pytestmark = [pytest.mark.integration, FORGIVING]

TOLD: Final = {
    "w1": ("states are kept, nothing is said", "the commit is sent, not answered"),
    "recorder": ("rows and offsets, not committed", "taken, not polled again"),
}
"""Points between what is done and what is told of it: where something would be lost or doubled first."""


@pytest.fixture(autouse=True)
def _forgiven(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """What the client forgot to close while the broker was away is collected here, where that is forgiven.

    Its log lines would hold on to it, and to nothing else: a broker that is away is meant to be.
    """
    with caplog.at_level(logging.CRITICAL, "kafka"):
        yield
    gc.collect()


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if number else []) for number, seed in enumerate(harm.SHORT)]
)
def test_nothing_is_lost_or_doubled_whatever_is_done_to_them(seed: int, tmp_path: Path) -> None:
    """Afterwards all that was confirmed has its one effect, and what nobody can use its one dead letter.

    Done, in two seeds: a worker is killed between what it keeps and what it says, a COMMIT that the database has is never
    answered, one way of a worker is silent; a recorder is killed, a worker pauses past its session and has an heir, the
    broker is silent. All the while reports overtake each other, come late or twice, and records come that nobody can use.
    """
    result = _played(seed, tmp_path, harm.SHORT[seed])

    assert result.findings == []
    assert result.done == result.planned
    assert result.counts["by poison"] > 0
    assert result.counts["rows"] > 500


@pytest.mark.long
def test_a_crash_between_doing_and_telling_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """A worker and a recorder gone exactly there; ``make crash-streams`` has every point."""
    harms = [Harm("crash point", name, point=point, times=2) for name, each in TOLD.items() for point in each]
    result = _played(1, tmp_path, harms)

    assert result.findings == []
    assert result.done == result.planned


@pytest.mark.long
@pytest.mark.skipif(bool(Disk.impossible()), reason=Disk.impossible() or "there can be one")
def test_a_full_disk_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """The database refuses, the broker ends; with room again, all that was confirmed has its one effect."""
    harms = [Harm("disk full", "postgres", 2.0), Harm("disk full", "kafka", 2.0)]
    result = _played(2, tmp_path, harms)

    assert result.findings == []
    assert result.done == result.planned


def _played(seed: int, data: Path, harms: list[Harm]) -> Result:
    with Reporter() as reporter:
        return streams.one(seed, data, reporter, harms, promised_s=streams.LONGEST_S)
