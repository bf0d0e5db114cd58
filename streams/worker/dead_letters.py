"""How many dead letters are too many: a bad deploy must stop the worker, not empty the topics into `dead-letters`."""

from collections import deque
from collections.abc import Collection, Sequence
from typing import Final

MOST_IN_A_ROW: Final = 100
"""Dead letters in a row in one partition (Arroyo's DLQ limits are the model; Sentry used 1 % and 1000)."""
WINDOW: Final = 10_000
MOST_IN_WINDOW: Final = WINDOW // 100
"""1 % of the last 10,000 records."""


class TooMany(RuntimeError):  # noqa: N818  # ends the process
    """The worker must stop; the message says where and how many."""


class Limits:
    """Counts dead letters and says when to stop."""

    def __init__(self) -> None:
        self._in_a_row: dict[tuple[str, int], int] = {}
        self._window: deque[tuple[int, int]] = deque()
        self._records = self._dead = 0

    def copy(self) -> "Limits":
        """Return limits that count on without these: what is not kept is read, and counted, again."""
        twin = Limits()
        twin._in_a_row, twin._window = dict(self._in_a_row), deque(self._window)
        twin._records, twin._dead = self._records, self._dead
        return twin

    def count(self, topic: str, partition: int, offsets: Sequence[int], dead_offsets: Collection[int]) -> None:
        """Count a slice whose records stand at ``offsets``; those at ``dead_offsets`` are dead letters.

        Raises
        ------
        TooMany
            Above one of the limits.
        """
        self._count_row(topic, partition, offsets, frozenset(dead_offsets))
        self._window.append((len(offsets), len(dead_offsets)))
        self._records += len(offsets)
        self._dead += len(dead_offsets)
        while self._window and self._records - self._window[0][0] >= WINDOW:
            gone_records, gone_dead = self._window.popleft()
            self._records -= gone_records
            self._dead -= gone_dead
        if self._dead > MOST_IN_WINDOW:
            raise TooMany(f"{self._dead} of the last {self._records} records are dead letters, last on {topic}")

    def _count_row(self, topic: str, partition: int, offsets: Sequence[int], dead: frozenset[int]) -> None:
        key = (topic, partition)
        row = self._in_a_row.get(key, 0) if dead else 0
        for offset in offsets if dead else ():
            row = row + 1 if offset in dead else 0
            if row > MOST_IN_A_ROW:
                raise TooMany(f"{row} dead letters in a row on {topic}, partition {partition}, up to offset {offset}")
        self._in_a_row[key] = row
