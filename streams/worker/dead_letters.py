"""How many dead letters are too many: a bad deploy must stop the worker, not empty the topics into `dead-letters`."""

from collections import deque
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

    def count(self, topic: str, partition: int, records: int, dead_offsets: list[int], last_offset: int) -> None:
        """Count a slice of ``records`` whose dead letters stood at ``dead_offsets``.

        Raises
        ------
        TooMany
            Above one of the limits.
        """
        self._count_row(topic, partition, records, dead_offsets, last_offset)
        self._window.append((records, len(dead_offsets)))
        self._records += records
        self._dead += len(dead_offsets)
        while self._window and self._records - self._window[0][0] >= WINDOW:
            gone_records, gone_dead = self._window.popleft()
            self._records -= gone_records
            self._dead -= gone_dead
        if self._dead > MOST_IN_WINDOW:
            raise TooMany(f"{self._dead} of the last {self._records} records are dead letters, last on {topic}")

    def _count_row(self, topic: str, partition: int, records: int, dead_offsets: list[int], last_offset: int) -> None:
        key = (topic, partition)
        if len(dead_offsets) == records:
            row = self._in_a_row.get(key, 0) + records
        else:
            row, offset = 0, last_offset
            for dead in reversed(dead_offsets):
                if dead != offset:
                    break
                row, offset = row + 1, offset - 1
        self._in_a_row[key] = row
        if row > MOST_IN_A_ROW:
            raise TooMany(f"{row} dead letters in a row on {topic}, partition {partition}, up to offset {last_offset}")
