"""Which records of the changelog count when states are restored, and which may go. No Faust, no I/O.

Each record's key says at which offset its writer expected it: right behind all that this writer had read and written itself.
A record that stands elsewhere is displaced: one of two wrote it that both believed to have the partition. It counts for nobody,
and who wrote it learns so from the broker, and ends. What counts is one line, each state made by somebody who knew those before.

Compaction knows nothing of this: under one key it would keep a displaced record for being the last, and drop the one that
counts. So no two records have the same key (it names offset and writer beside the state), and compaction drops only what a
worker says may go: what is displaced, and a state when the next one of its truck or bin is there, confirmed and in its place.
"""

from collections.abc import Iterable
from typing import Final, Protocol

from streams import state

_APART: Final = b"\0"
"""Between a state's key, offset and writer. The last two have none, whatever an id has."""
_ANYWHERE: Final = -1
"""Where a record was expected that does not say (before 2026-11-27): it counts as it stands, until one comes that says."""


class Record(Protocol):
    """A record of the changelog: a state under its key; no value = the record under that key may go."""

    @property
    def key(self) -> bytes | None:
        """See `record_key`."""

    @property
    def value(self) -> bytes | None:
        """A state, encoded."""

    @property
    def offset(self) -> int:
        """Where the broker put it."""


def record_key(key: bytes, offset: int, writer: bytes) -> bytes:
    """Return the key of the record with a state that ``writer``, one life of a worker, expects at ``offset``."""
    return b"%s\0%d\0%s" % (key, offset, writer)


def state_key(key: bytes) -> bytes:
    """Return whose state is in a record with this key: ``truck:…``, ``bin:…`` or ``site:…``."""
    return _read(key)[0]


def is_in_place(offset: int, key: bytes) -> bool:
    """Tell whether a state stands where its writer expected it."""
    return _read(key)[1] in (offset, _ANYWHERE)


def _read(key: bytes) -> tuple[bytes, int]:
    """Return whose state it is, and where it was expected."""
    parts = key.rsplit(_APART, 2)
    return (parts[0], int(parts[1])) if len(parts) == 3 and parts[1].isdigit() else (key, _ANYWHERE)


class Line:
    """One partition of the changelog, as far as it was read and written: the record that counts of each state, and what may go."""

    def __init__(self) -> None:
        self._counts: dict[bytes, tuple[int, bytes]] = {}
        self._may_go: dict[bytes, None] = {}  # in order
        self._end = 0
        self.displaced = 0
        """Records read that count for nobody."""

    def read(self, records: Iterable[Record]) -> dict[bytes, bytes]:
        """Take note of records in their order; return the states that count by key of the table, each the last of its key.

        Whoever reads from the beginning again has lost the partition meanwhile: what was known is forgotten.
        """
        states: dict[bytes, bytes] = {}
        for record in records:
            key = record.key or b""
            name, at = _read(key)
            if record.offset < self._end:
                self._counts.clear()
                self._may_go.clear()
            self._end = record.offset + 1
            if record.value is None:
                self._may_go.pop(key, None)  # somebody has said so already
            elif at not in (record.offset, _ANYWHERE):
                self.displaced += 1
                self._may_go[key] = None
            elif self._counts_as(name, at, key):
                states[name] = record.value
        return states

    def counts(self, key: bytes) -> bool:
        """Take note of a record in its place, read or confirmed by the broker; return whether it is its state's last.

        The one before it may go.
        """
        return self._counts_as(*_read(key), key)

    def _counts_as(self, name: bytes, at: int, key: bytes) -> bool:
        before_at, before = self._counts.get(name, (_ANYWHERE, key))
        if at < before_at:
            self._may_go[key] = None
            return False
        self._counts[name] = (at, key)
        self._may_go.pop(key, None)
        if before != key:
            self._may_go[before] = None
        return True

    def take_what_may_go(self, most: int) -> list[bytes]:
        """Return keys of records that may go, at most so many; whoever takes them writes so."""
        taken = [key for key, _ in zip(self._may_go, range(most), strict=False)]
        for key in taken:
            del self._may_go[key]
        return taken


def folded(states: Iterable[tuple[int, bytes]]) -> dict[tuple[str, int], int]:
    """Return by topic and partition the offset before which some of these states has folded records in.

    ``states``: each with the number of its partition.
    """
    furthest: dict[tuple[str, int], int] = {}
    for number, value in states:
        for topic, offset in state.stamp(value).offsets.items():
            furthest[topic, number] = max(offset, furthest.get((topic, number), 0))
    return furthest
