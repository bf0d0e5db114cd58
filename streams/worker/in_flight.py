"""What was handed out of each partition and is not done: it decides what may be committed. No Faust, no I/O.

Order decides, not gaps: an offset may be committed when everything handed out before it is done.
"""

from collections import defaultdict, deque
from typing import Protocol


class Message(Protocol):
    """Something handed out, done when ``acked``."""

    offset: int
    """Of its last record."""
    acked: bool


class InFlight[TP]:
    """Slices handed out, by partition (``TP``: topic and number)."""

    def __init__(self) -> None:
        self._waiting: dict[TP, deque[Message]] = defaultdict(deque)
        self._done: dict[TP, int] = {}
        self._next: dict[TP, int] = {}

    def hole(self, tp: TP, first: int, last: int, *, committed: int | None, earliest: int = 0) -> str | None:
        """Note that records ``first`` to ``last`` are being handed out; say so if they do not follow those before.

        Either records between never were handed out, or the log begins anew. ``committed`` None = not known;
        ``earliest``: what retention has left.
        """
        expected = self._next.get(tp, committed)
        self._next[tp] = last + 1
        if expected is not None and first > max(expected, earliest):
            return f"slice starts at {first}, expected {expected}: records were dropped"
        if expected is not None and first < expected:
            return f"slice starts at {first}, expected {expected}: the topic was deleted and made anew, or restored"
        return None

    def hand_out(self, tp: TP, message: Message) -> None:
        """Remember a message until it is done."""
        self._waiting[tp].append(message)

    def committable(self, tp: TP) -> int | None:
        """Return the offset before which everything handed out is done; None = nothing was done yet."""
        waiting = self._waiting[tp]
        while waiting and waiting[0].acked:
            self._done[tp] = waiting.popleft().offset + 1
        return self._done.get(tp)

    def count(self) -> int:
        """Return how many messages are kept, done ones included that nobody asked for yet."""
        return sum(map(len, self._waiting.values()))

    def partitions(self) -> list[TP]:
        """Return the partitions of which something was handed out."""
        return list(self._waiting)

    def forget(self) -> None:
        """Start anew: the partitions are handed out afresh, from what is committed."""
        self._waiting.clear()
        self._done.clear()
        self._next.clear()
