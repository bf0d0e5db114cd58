"""Which records of the changelog count when states are restored. No Faust, no I/O."""

from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from streams import state


class Record(Protocol):
    """A record of the changelog: a state under its key; no value = forgotten."""

    @property
    def key(self) -> bytes:
        """Key of the table."""

    @property
    def value(self) -> bytes | None:
        """The encoded state."""


def without_older[R: Record](records: Iterable[R], known: Callable[[bytes], bytes | None]) -> Iterator[R]:
    """Leave out late writes of a process that was left for dead: states older than one written before them.

    ``known``: the state the table has under a key.
    """
    newest: dict[bytes, bytes | None] = {}
    for record in records:
        before = newest[record.key] if record.key in newest else known(record.key)
        if before is not None and record.value is not None and is_older(record.value, before):
            continue
        newest[record.key] = record.value
        yield record


def is_older(value: bytes, than: bytes) -> bool:
    """Tell whether a state has folded in less than another of the same truck or bin."""
    return state.stamp(value).is_older_than(state.stamp(than))


def folded(states: Iterable[tuple[int, bytes]]) -> dict[tuple[str, int], int]:
    """Return by topic and partition the offset before which some of these states has folded records in.

    ``states``: each with the number of its partition.
    """
    furthest: dict[tuple[str, int], int] = {}
    for number, value in states:
        for topic, offset in state.stamp(value).offsets.items():
            furthest[topic, number] = max(offset, furthest.get((topic, number), 0))
    return furthest


class AnotherWroteError(RuntimeError):
    """Another process wrote to a partition of the changelog that this one held: one of the two was left for dead."""


def seen_with_own(seen: int, first: int, count: int = 1) -> int:
    """Return the changelog offset up to which the table is restored, after ``count`` own writes from ``first`` on.

    Own writes are in the table already and need no second reading after a rebalance.

    Raises
    ------
    AnotherWroteError
        If another offset lies between: another worker has the partition, or had it meanwhile, and judged the same
        records, perhaps in another order. What was written now is no state anybody may speak of.
    """
    if first > seen + 1:
        raise AnotherWroteError(f"offset {seen + 1} was to be the next, and {first} was given")
    return max(seen, first + count - 1)
