"""States that a run of many seeds must reach: a simulator that never gets there proves nothing about them."""

from collections import Counter
from typing import Final

from tests.simulation.options import CRASH_POINTS

RARE: Final = (
    *(f"crashed: {point}" for point in CRASH_POINTS),
    "a blind area is reported later",
    "a commit is not told",
    "a commit is refused",
    "a counter wraps",
    "a dead process's record arrives",
    "a member is expelled",
    "a reading goes to disk",
    "a state is compacted away",
    "it is said which records may go",
    "a state is left out",
    "a state is out of place",
    "a rebalance finds slices under way",
    "a record is offered again",
    "a report is sent again",
    "a report straggles",
    "a successor takes over at once",
    "a terminal reboots",
    "a truck had late reports or other records",
    "a truck is compared with its truth",
    "a write is torn",
    "a wrong clock is judged",
    "a zombie ends itself",
    "all workers are gone for a while",
    "an acknowledgement is lost",
    "another recorder was first",
    "another wrote to the changelog meanwhile",
    "cut from the broker",
    "ended: flush",
    "partitions are handed out anew",
    "restarted as planned",
    "the broker is away",
    "the database is away",
)


def missing(sometimes: Counter[str]) -> list[str]:
    """Return what was never reached."""
    return [name for name in RARE if not sometimes[name]]
