"""Which of several things to do has stood longest, and since when nothing at all was done. No Faust, no I/O."""

from collections.abc import Hashable, Mapping
from time import monotonic


class Standing:
    """What there is to do, each with since when nothing of it was done."""

    def __init__(self) -> None:
        self._moved: dict[Hashable, tuple[int, float]] = {}
        self.where: Hashable | None = None
        """What has stood longest; None = nothing is to be done."""
        self.one_s = self.all_s = monotonic()
        """Since when that has stood; since when all of it has. Now, if there is nothing to do."""

    def note(self, behind: Mapping[Hashable, int], now_s: float) -> None:
        """Take note of what is to be done now: of each a number that changes whenever some of it is done."""
        self._moved = {
            one: moved if (moved := self._moved.get(one)) is not None and moved[0] == done else (done, now_s)
            for one, done in behind.items()
        }
        since_s = {one: moved_s for one, (_, moved_s) in self._moved.items()}
        self.where = min(since_s, key=since_s.__getitem__, default=None)
        self.one_s = min(since_s.values(), default=now_s)
        self.all_s = max(since_s.values(), default=now_s)
