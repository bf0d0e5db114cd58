"""bin-moved: a bin lies on its side, or is carried off: tilted at two readings. A truck that empties it tilts it for a minute.

Some sensors say how they stand only when that changes: tilted twice, with readings between that do not say, is two tilts.
"""

from typing import Final

from msgspec import Struct

from streams.alerts import Finding
from streams.bin_moment import BinMoment
from streams.events import RuleName
from streams.rules import explain
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "bin-moved"
VERSION: Final = "2"


class Memory(Struct, array_like=True):
    """What the rule remembers of one bin."""

    since_ms: int = 0
    """Since when it is tilted; 0 = it is not."""
    alerted: bool = False


def judge(memory: Memory, moment: BinMoment, limits: Thresholds) -> Finding | None:
    """Judge one reading, also one whose fill cannot be used."""
    tilted = moment.reading.tilted
    if tilted is None:
        if not memory.alerted:
            memory.since_ms = 0
        return None
    if not tilted:
        start_ms, alerted = memory.since_ms, memory.alerted
        memory.since_ms, memory.alerted = 0, False
        return explain.over(start_ms, moment.time_ms) if alerted else None
    memory.since_ms = memory.since_ms or moment.time_ms
    lasted_s = (moment.time_ms - memory.since_ms) / 1000
    if memory.alerted or lasted_s < limits.moved_s:
        return None
    memory.alerted = True
    return Finding(
        kind="begin",
        start_ms=memory.since_ms,
        at_ms=moment.time_ms,
        severity="low",
        certainty="likely",
        because=(
            explain.known("position", "tilted"),
            explain.at_least(f"tilted for at least {limits.moved_s:g} s", lasted_s, limits.moved_s, "s"),
        ),
        unless=("a truck that empties it",),
    )
