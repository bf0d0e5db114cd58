"""Which of several things to do has stood longest. No Faust, no I/O."""

from collections.abc import Hashable, Mapping
from time import monotonic


class Standing:
    """Since when which of several things to do has stood longest."""

    def __init__(self) -> None:
        self._moved: dict[Hashable, tuple[int, float]] = {}
        self.where: Hashable | None = None
        """None = nothing is to be done, or all of it goes on."""
        self.since_s = monotonic()

    def note(self, behind: Mapping[Hashable, int], now_s: float) -> None:
        """Take note of what is to be done now: of each a number that changes whenever some of it is done."""
        self._moved = {
            one: moved if (moved := self._moved.get(one)) is not None and moved[0] == done else (done, now_s)
            for one, done in behind.items()
        }
        self.where = min(self._moved, key=lambda one: self._moved[one][1], default=None)
        self.since_s = now_s if self.where is None else self._moved[self.where][1]
        if self.since_s == now_s:
            self.where = None
