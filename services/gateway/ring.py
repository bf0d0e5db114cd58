"""The last changes of a tenant, numbered: who was away for a moment gets what was missed, and no more is kept."""

from collections import deque
from typing import Final, NamedTuple

import msgspec

from services.gateway.live_state import Change

MAX_BATCHES: Final = 960
"""Four minutes at four batches a second."""
MAX_BYTES: Final = 16 * 1024 * 1024


class Written(NamedTuple):
    """A change with its value as JSON: written once, sent to many."""

    change: Change
    json: bytes


class Batch(NamedTuple):
    """Changes that leave together. ``stale_since_ms`` as it was then."""

    number: int
    now_ms: int
    changes: tuple[Written, ...]
    stale_since_ms: int | None

    @property
    def size_bytes(self) -> int:
        """Bytes of all values."""
        return sum(len(written.json) for written in self.changes)


class Ring:
    """Keeps batches by number; ids of the stream are ``<epoch>-<number>``, and an epoch is one life of the process."""

    def __init__(self, epoch: str) -> None:
        self.epoch = epoch
        self.newest = 0
        """Number of the newest batch; a snapshot taken now contains it."""
        self._batches: deque[Batch] = deque()
        self._bytes = 0

    def add(self, changes: list[Change], now_ms: int, stale_since_ms: int | None) -> None:
        """Append a batch; the oldest go when there are too many or they are too large."""
        self.newest += 1
        written = tuple(Written(change, msgspec.json.encode(change.value)) for change in changes)
        batch = Batch(self.newest, now_ms, written, stale_since_ms)
        self._batches.append(batch)
        self._bytes += batch.size_bytes
        while len(self._batches) > 1 and (len(self._batches) > MAX_BATCHES or self._bytes > MAX_BYTES):
            self._bytes -= self._batches.popleft().size_bytes

    def id_of(self, number: int) -> str:
        """Return the stream's id of a batch."""
        return f"{self.epoch}-{number}"

    def number_of(self, event_id: str | None) -> int | None:
        """Return the number in an id of this epoch, if what came after it is all still here; else None."""
        epoch, _, text = (event_id or "").rpartition("-")
        if epoch != self.epoch or not (text.isascii() and text.isdigit()):
            return None
        number = int(text)
        return number if self._oldest() - 1 <= number <= self.newest else None

    def after(self, number: int) -> list[Batch] | None:
        """Return the batches after this one, in order; None = some of them are gone."""
        if number < self._oldest() - 1:
            return None
        missing = self.newest - number
        return list(self._batches)[len(self._batches) - missing :] if missing else []

    def _oldest(self) -> int:
        return self._batches[0].number if self._batches else self.newest + 1
