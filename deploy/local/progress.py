"""What the person sees while something takes long: live lines on a terminal, plain lines elsewhere."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Self

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

_EVERY_S: Final = 5.0
"""How often a plain line repeats that something is still under way."""

Detail = Callable[[str], None]
"""Says how far a step is: ``detail("12 of 45 jars")``."""


class Reporter:
    """Shows steps that may run side by side. Use as a context manager; safe to call from threads."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)
        self._lock = threading.Lock()
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
        """End; what is done stays on the screen."""
        if self._live:
            self._live.stop()

    def say(self, text: str) -> None:
        """Print a line of its own."""
        with self._lock:
            self.console.print(text)
        sys.stdout.flush()

    @contextmanager
    def step(self, title: str) -> Iterator[Detail]:
        """Show that something is under way until the block ends; yields a function that says how far it is.

        A block that ends within a tenth of a second is not worth a line.
        """
        begun = time.monotonic()
        with self._shown(title, begun) as detail:
            try:
                yield detail
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
