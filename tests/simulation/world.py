"""Virtual time: one heap of (time, seeded tie-break), and processes that live, sleep, are paused and die in it.

A process runs generators; ``yield ms`` sleeps. Nothing else moves time, and nothing reads a clock.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final

from tests.simulation.options import Options

_LOOKS_MS: Final = 5_000.0
"""A paused process looks so often whether it is awake."""

Task = Generator[float, None, None]


class Violation(AssertionError):  # noqa: N818  # names what does not hold
    """An invariant does not hold."""


class Crashed(Exception):  # noqa: N818  # what happened
    """The process dies here, as by kill -9."""


class Ended(Exception):  # noqa: N818  # what happened
    """The process ends itself without a commit (exit 70)."""


class World:
    """Time, chance, and what happened so far."""

    def __init__(self, options: Options, start_ms: int) -> None:
        self.options = options
        self.chance = random.Random(options.seed)
        self.now_ms: float = start_ms
        self.faults = True
        """False: everything heals, no more crashes, cuts or losses."""
        self.broker_away_until_ms: float = 0.0
        self.sometimes: Counter[str] = Counter()
        self.events = 0
        self._heap: list[tuple[float, float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0

    def after(self, delay_ms: float, call: Callable[..., None], *values: object) -> None:
        """Call once ``delay_ms`` have passed."""
        self._number += 1
        heapq.heappush(self._heap, (self.now_ms + delay_ms, self.chance.random(), self._number, call, values))

    def run(self, until_ms: float) -> None:
        """Let time pass."""
        heap = self._heap
        while heap and heap[0][0] <= until_ms:
            self.now_ms, _, _, call, values = heapq.heappop(heap)
            self.events += 1
            call(*values)
        self.now_ms = until_ms

    def happens(self, share: float) -> bool:
        """Decide a fault; none happens once all heals."""
        return self.faults and share > 0.0 and self.chance.random() < share

    def between(self, low_ms: float, high_ms: float) -> float:
        """Return a delay."""
        return self.chance.uniform(low_ms, high_ms)

    @property
    def broker_up(self) -> bool:
        """Whether the broker answers."""
        return self.now_ms >= self.broker_away_until_ms


class Process:
    """Something that can be killed: its tasks end where they are, and what `on_death` says happens."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.alive = True
        self.paused_until_ms: float = 0.0
        self.cut_until_ms: float = 0.0
        """Until then nothing passes between it and the broker."""
        self.on_death: list[Callable[[], None]] = []

    @property
    def connected(self) -> bool:
        """Whether it reaches the broker now."""
        return self.world.broker_up and self.world.now_ms >= self.cut_until_ms

    def start(self, task: Task, delay_ms: float = 0.0) -> None:
        """Run a task of this process."""
        self.world.after(delay_ms, self._step, task)

    def point(self, name: str) -> None:
        """A place at which a process may die."""
        self.world.sometimes[f"passed: {name}"] += 1
        if self.world.happens(self.world.options.crash_at.get(name, 0.0)):
            self.world.sometimes[f"crashed: {name}"] += 1
            raise Crashed(name)

    def die(self) -> None:
        """End now."""
        if self.alive:
            self.alive = False
            for call in self.on_death:
                call()

    def _step(self, task: Task) -> None:
        if not self.alive:
            task.close()
            return
        if self.world.now_ms < self.paused_until_ms:
            wait_ms = min(self.paused_until_ms - self.world.now_ms, _LOOKS_MS)  # healing wakes whoever is paused
            self.world.after(wait_ms, self._step, task)
            return
        try:
            delay_ms = next(task)
        except StopIteration:
            return
        except Crashed:
            self.die()
        except Ended as reason:
            self.world.sometimes[f"ended: {str(reason).split(':')[0]}"] += 1
            self.die()
        else:
            self.world.after(delay_ms, self._step, task)


def supervise(world: World, begin: Callable[[], Process], processes: list[Process]) -> None:
    """Start a process, and another each time it dies."""
    process = begin()
    processes.append(process)

    def again() -> None:
        processes.remove(process)
        world.after(world.between(500, 3_000), supervise, world, begin, processes)

    process.on_death.append(again)


def shuffled[T](chance: random.Random, things: Iterable[T]) -> list[T]:
    """Return the things in another order."""
    mixed = list(things)
    chance.shuffle(mixed)
    return mixed
