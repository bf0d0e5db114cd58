"""States that a run must reach, and shares it must keep: a simulator that never gets there proves nothing about them."""

from collections import Counter
from typing import Final, NamedTuple

from tests.simulation.options import CRASH_POINTS

ENOUGH: Final = 200
"""A run of so many seeds must have reached every rare state."""
SOME: Final = 20
"""A run of so many must have reached the common ones."""
ENOUGH_FOR_SHARES: Final = 50

COMMON: Final = (
    "a dead process's record arrives",
    "a record is offered again",
    "a report is sent again",
    "a state is left out",
    "a state is out of place",
    "a truck is compared with its truth",
    "another recorder was first",
    "it is said which records may go",
    "killed",
    "partitions are handed out anew",
    "the database is away",
    "too much is under way",
)
RARE: Final = (
    *COMMON,
    *(f"crashed: {point}" for point in CRASH_POINTS),
    "a blind area is reported later",
    "a clock jumps",
    "a commit is not told",
    "a commit is overtaken",
    "a commit is refused",
    "a counter wraps",
    "a late report takes away an alert",
    "a member is expelled",
    "a reading goes to disk",
    "a state is compacted away",
    "a rebalance finds slices under way",
    "a report straggles",
    "a slice is overtaken",
    "a successor takes over at once",
    "a terminal reboots",
    "a tick is read before an earlier report",
    "a write is torn",
    "a wrong clock is judged",
    "a zombie ends itself",
    "all workers are gone for a while",
    "an acknowledgement is lost",
    "another wrote to the changelog meanwhile",
    "cut from the broker",
    "ended: changelog",
    "ended: fenced",
    "ended: flush",
    "restarted as planned",
    "restoring is interrupted",
    "stopped by rule: states are gone",
    "the broker is away",
)

TRUCKS: Final = "a truck drove"
COMPARED: Final = "a truck is compared with its truth"
FAST: Final = "a wrong clock is judged"
FULL: Final = "left out of the comparison: actions, weighings, plans beside"
LATE: Final = "left out of the comparison: a report came late"
SLOW: Final = "left out of the comparison: a clock that is slow"
JUMPED: Final = "left out of the comparison: a clock that jumped"
AHEAD: Final = "left out of the comparison: a tick was read before an earlier report"


TAKEN: Final = "an alert of a silence is taken away, and the late reports show what it said"
OPEN: Final = (TAKEN,)
"""Where the product says what is not so, and is not mended yet: counted, and said at the end of a run."""


class Share(NamedTuple):
    """How many of the trucks may be of a kind."""

    kind: str
    least: float
    most: float


SHARES: Final = (
    Share(COMPARED, 0.5, 1.0),
    Share(FAST, 0.0, 0.2),
    Share(FULL, 0.0, 0.3),
    Share(LATE, 0.0, 0.3),
    Share(SLOW, 0.0, 0.1),
    Share(JUMPED, 0.0, 0.1),
    Share(AHEAD, 0.0, 0.1),
)
"""Who changes what is compared with the truth must say so here."""


def missing(sometimes: Counter[str], seeds: int) -> list[str]:
    """Return what a run of so many seeds had to reach and did not, and the shares it did not keep."""
    wanted = RARE if seeds >= ENOUGH else COMMON if seeds >= SOME else ()
    never = [name for name in wanted if not sometimes[name]]
    return never + (_out_of_share(sometimes) if seeds >= ENOUGH_FOR_SHARES else [])


def _out_of_share(sometimes: Counter[str]) -> list[str]:
    """Return the shares that are not kept, even if the fewer trucks there are, the more is granted to chance."""
    trucks = max(1, sometimes[TRUCKS])
    chance = 1 / trucks**0.5
    return [
        f"{share.least:.0%} to {share.most:.0%} of the trucks: {share.kind} ({sometimes[share.kind] / trucks:.0%})"
        for share in SHARES
        if not share.least - chance <= sometimes[share.kind] / trucks <= share.most + chance
    ]
