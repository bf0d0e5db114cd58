"""Which records of the changelog count when states are restored. No Faust, no I/O.

Each record says at which offset its writer expected it: right behind all that this writer had read and written itself. A
record that stands elsewhere is displaced: one of two wrote it that both believed to have the partition. It counts for nobody,
and who wrote it learns so from the broker, and ends. What counts is one line, each state made by somebody who knew those before.

Compaction knows nothing of this, and in time would keep the displaced record for being the last of its key. So whoever
restores and meets one writes the state that counts again, behind it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, Protocol

from streams import state

PLACE: Final = "at"
"""Header of a record of the changelog: the offset its writer expected it to have, in decimal digits."""

LOOK_EVERY_S: Final = 60.0
"""How often a worker asks whether another wrote: well below the time in which nothing is compacted (`topics_check.CHANGELOG`)."""


class Record(Protocol):
    """A record of the changelog: a state under its key; no value = forgotten."""

    @property
    def key(self) -> bytes:
        """Key of the table."""

    @property
    def offset(self) -> int:
        """Where the broker put it."""

    @property
    def headers(self) -> Iterable[tuple[str, bytes | None]]:
        """What it says beside its state."""


def place(offset: int) -> list[tuple[str, bytes]]:
    """Return the header that says where a record is expected to stand."""
    return [(PLACE, b"%d" % offset)]


def in_place[R: Record](records: Iterable[R]) -> tuple[list[R], set[bytes]]:
    """Return the records that count, in their order, and the keys of those that are displaced."""
    kept, displaced = list[R](), set[bytes]()
    for record in records:
        if is_in_place(record.offset, dict(record.headers)):
            kept.append(record)
        else:
            displaced.add(record.key)
    return kept, displaced


def is_in_place(offset: int, headers: Mapping[str, bytes | None]) -> bool:
    """Tell whether a record stands where its writer expected it; one that does not say where does (before 2026-11-27)."""
    expected = headers.get(PLACE)
    return expected is None or expected == b"%d" % offset


def folded(states: Iterable[tuple[int, bytes]]) -> dict[tuple[str, int], int]:
    """Return by topic and partition the offset before which some of these states has folded records in.

    ``states``: each with the number of its partition.
    """
    furthest: dict[tuple[str, int], int] = {}
    for number, value in states:
        for topic, offset in state.stamp(value).offsets.items():
            furthest[topic, number] = max(offset, furthest.get((topic, number), 0))
    return furthest
