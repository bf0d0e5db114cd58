"""What every engine is: a function from a solution to a better one, within a budget."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution


@dataclass
class Budget:
    """How long an engine may go on: until a moment, for a number of iterations, until somebody says stop."""

    deadline: float | None = None
    """A moment of `time.monotonic`; None: no end."""
    iterations: int | None = None
    done: int = 0
    threads: int = 1
    """At most so many may be used."""
    stopped: Callable[[], bool] = field(default=lambda: False)

    def left_s(self) -> float:
        """Return the seconds that are left, at least 0."""
        return float("inf") if self.deadline is None else max(0.0, self.deadline - time.monotonic())

    def part(self, share: float) -> "Budget":
        """Return a budget of its own for a share of what is left of this one."""
        return Budget(
            deadline=None if self.deadline is None else time.monotonic() + share * self.left_s(),
            iterations=None if self.iterations is None else int(share * (self.iterations - self.done)),
            threads=self.threads,
            stopped=self.stopped,
        )

    def is_over(self) -> bool:
        """Whether to stop now."""
        return (self.iterations is not None and self.done >= self.iterations) or self.is_late()

    def is_late(self) -> bool:
        """Whether to stop now even where no step is counted."""
        return (self.deadline is not None and time.monotonic() >= self.deadline) or self.stopped()


Report = Callable[[Solution], None]
"""Called with every better solution, so that the best one is kept outside the engine."""


class Engine(Protocol):
    """Makes a solution better. Never makes it worse, never breaks a rule, ends soon after the budget is over."""

    def __call__(self, judge: Judge, solution: Solution, budget: Budget, *, seed: int, report: Report) -> Solution:
        """Return a solution at least as good as ``solution``."""
        ...
