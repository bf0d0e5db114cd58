"""What every program does around its work: read settings, log, serve metrics; end when it is told to.

A program's `main` is ``with running("recorder") as settings:`` and its work; when to end it learns from `told_to_stop`
(threads) or `when_told_to_stop` (asyncio).
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvloop

from services import logs, metrics
from services.settings import Settings

logger = logging.getLogger(__name__)

_STOPS: Final = (signal.SIGTERM, signal.SIGINT)
"""The supervisor's word, and Ctrl-C's."""


@contextmanager
def running(name: str) -> Iterator[Settings]:
    """Set a program up and give its settings; ``name`` stands in every line of its log. What the work raises passes.

    Raises
    ------
    settings.SettingError
        If the environment holds a setting that cannot be used.
    """
    settings = Settings.from_env(os.environ)
    logs.set_up(settings.log_level, name)
    metrics.serve(settings.metrics_port, settings.host)
    logger.info("started", extra={"settings": settings.described()})
    yield settings
    logger.info("ended")


def looping[T](work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` in an event loop of its own, which is in C, and return what it returns. Blocks; what it raises passes."""
    return uvloop.run(work)


def told_to_stop() -> threading.Event:
    """Return what is set at SIGTERM or SIGINT. To be called in the main thread."""
    stop = threading.Event()
    for number in _STOPS:
        signal.signal(number, lambda *_: stop.set())
    return stop


def when_told_to_stop(call: Callable[[], None]) -> None:
    """Have the running event loop call this at SIGTERM or SIGINT."""
    for number in _STOPS:
        asyncio.get_running_loop().add_signal_handler(number, call)
