"""What programs share that keep in the database what they read from Kafka: they wait while it is away, and know if they get on.

One that does not get on though records are there ends itself, and its supervisor starts it again; what has gone from the broker's
log people must decide about.
"""

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from services import metrics, store

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 5.0
"""How often it is looked how far behind the tables are."""
NO_PROGRESS_S: Final = 30.0
"""Records to take, none taken for so long: the process ends (a consumer can hang without an error)."""
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 5.0


class StalledError(RuntimeError):
    """Records were there, but none was taken."""


class GoneError(RuntimeError):
    """The broker's log is not the one the tables were filled from: deleted, made anew or restored; people must decide."""


class Patience:
    """Asks the database until it answers, and knows when the work last went on.

    Parameters
    ----------
    stop
        Set when the program is told to end: then nothing is waited for.
    first_wait_s, longest_wait_s
        Wall seconds between two askings: twice as long each time.
    """

    def __init__(
        self, stop: threading.Event, *, first_wait_s: float = FIRST_WAIT_S, longest_wait_s: float = LONGEST_WAIT_S
    ) -> None:
        self._stop = stop
        self._first_wait_s, self._longest_wait_s = first_wait_s, longest_wait_s
        self._progress_s = time.monotonic()

    def ask[T](self, what: Callable[[], T]) -> T | None:
        """Return the answer; while the database is away, wait and ask again. None = told to stop meanwhile."""
        wait_s = self._first_wait_s
        while not self._stop.is_set():
            try:
                answer = what()
            except store.Away as error:
                metrics.UNHEALTHY.labels("database away").set(1)
                logger.warning("the database is away, waiting %.1f s: %s", wait_s, str(error).splitlines()[0])
                self.waits()
                self._stop.wait(wait_s)
                wait_s = min(2 * wait_s, self._longest_wait_s)
            else:
                metrics.UNHEALTHY.labels("database away").set(0)
                return answer
        return None

    def waits(self) -> None:
        """The reason why nothing goes on is known."""
        self.progress()

    def progress(self) -> None:
        """Something was taken, or nothing was there, or the reason is known."""
        self._progress_s = time.monotonic()
        metrics.LAST_PROGRESS.set_to_current_time()

    def since_progress_s(self) -> float:
        """Wall seconds."""
        return time.monotonic() - self._progress_s
