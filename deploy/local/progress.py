"""What the person sees while something takes long: live lines on a terminal, plain lines elsewhere."""

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from deploy.local.failure import Interrupted

_EVERY_S: Final = 5.0
"""How often a plain line repeats that something is still under way."""

Detail = Callable[[str], None]
"""Says how far a step is: ``detail("12 of 45 jars")``."""


def nobody_reads() -> None:
    """Let every further word go nowhere, for the whole process: its output is gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nowhere, output)
    os.close(nowhere)


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """Go on without a reader; rich itself would end the process here, with everything half-ended."""
        nobody_reads()


class Reporter:
    """Shows steps that may run side by side. Use as a context manager; safe to call from threads.

    Nobody may be there to read: a terminal that was closed, a pipe whose reader ended. That is no reason to fail.
    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or _Screen(highlight=False, soft_wrap=True)
        self._lock = threading.Lock()
        self._ended = False
        self._live: Progress | None = None
        if self.console.is_terminal:
            columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
            self._live = Progress(*columns, console=self.console, transient=True)

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End; what is done stays on the screen, and threads left to themselves say nothing more."""
        with self._lock:
            self._ended = True
            if self._live:
                self._live.stop()

    def say(self, text: Any) -> None:
        """Print a line of its own, or a table."""
        with self._lock:
            if self._ended:
                return
            try:
                self.console.print(text)
                sys.stdout.flush()
            except OSError:
                nobody_reads()

    @contextmanager
    def step(self, title: str) -> Iterator[Detail]:
        """Show that something is under way until the block ends; yields a function that says how far it is.

        A block that ends within a tenth of a second is not worth a line.
        """
        begun = time.monotonic()
        with self._shown(title, begun) as detail:
            try:
                yield detail
            except Interrupted:
                raise
            except BaseException:
                self.say(f"[red]×[/] {title}")
                raise
        took_s = time.monotonic() - begun
        if took_s >= 0.1:
            self.say(f"[green]√[/] {title} [dim]{took_s:.1f} s[/]")

    @contextmanager
    def _shown(self, title: str, begun: float) -> Iterator[Detail]:
        if self._live:
            live = self._live
            task = live.add_task(title)
            try:
                yield lambda text: live.update(task, description=f"{title}: {text}")
            finally:
                live.remove_task(task)
        else:
            yield self._plainly(title, begun)

    def _plainly(self, title: str, begun: float) -> Detail:
        said = begun

        def detail(text: str) -> None:
            nonlocal said
            if time.monotonic() - said >= _EVERY_S:
                said = time.monotonic()
                self.say(f"· {title}: {text} [dim]{said - begun:.0f} s[/]")

        return detail
