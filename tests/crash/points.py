"""``python -m tests.crash.points POINT TIMES MODULE …``: become a program that ends at once at an exact moment of its life.

The moment is a function of the running program, wrapped here, from outside: the program knows nothing of it. At the
so-manieth passing the process is gone, as with ``kill -9`` (nothing is flushed, closed or said), with a code of its own.
"""

import os
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pkgutil import resolve_name
from typing import Any, Final, NamedTuple

from aiokafka.protocol.commit import OffsetCommitRequest

DIED: Final = 137
"""Exit code of who died at its point; no program of ours ends with it by itself."""


class Passing:
    """Counts how often the moment comes by, and ends the process at the one that was asked for."""

    def __init__(self, times: int) -> None:
        self._left = times

    def __call__(self) -> None:
        """The moment comes by."""
        self._left -= 1
        if self._left == 0:
            os._exit(DIED)


Function = Callable[..., Any]
Wrap = Callable[[Function, Passing], Function]
"""Makes of a function one by which the moment comes."""


class Point(NamedTuple):
    """One moment."""

    name: str
    owner: str
    """Module, or ``module:Class``, of the function; loaded by whoever becomes the program."""
    function: str
    wrap: Wrap
    most: int
    """A seed takes one of so many passings."""
    company: bool = False
    """It takes another member of the group that comes."""

    def arm(self, passing: Passing) -> None:
        """Have the moment come by in this process."""
        owner = resolve_name(self.owner)
        setattr(owner, self.function, self.wrap(getattr(owner, self.function), passing))


# --------------------------------------------------------------------------------------------- ways to wrap


def _before(when: Callable[..., bool] = lambda *_: True) -> Wrap:
    """The moment is before the function is called (its coroutine made), ``when`` its arguments are such."""

    def wrap(original: Function, passing: Passing) -> Function:
        @wraps(original)
        def called(*args: Any, **kwargs: Any) -> Any:
            if when(*args):
                passing()
            return original(*args, **kwargs)

        return called

    return wrap


def _after(when: Callable[..., bool] = lambda *_: True) -> Wrap:
    """The moment is after the function has returned, ``when`` its result and arguments are such."""

    def wrap(original: Function, passing: Passing) -> Function:
        @wraps(original)
        def called(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if when(result, *args):
                passing()
            return result

        return called

    return wrap


def _after_awaited(when: Callable[..., bool] = lambda *_: True) -> Wrap:
    """The moment is after the coroutine has ended, ``when`` its result and arguments are such."""

    def wrap(original: Function, passing: Passing) -> Function:
        @wraps(original)
        async def called(*args: Any, **kwargs: Any) -> Any:
            result = await original(*args, **kwargs)
            if when(result, *args):
                passing()
            return result

        return called

    return wrap


def _between_records(fold: Function, passing: Passing) -> Function:
    """The moment is between two records of one slice."""

    def broken(records: Any) -> Iterator[Any]:
        for number, record in enumerate(records):
            if number:
                passing()
            yield record

    @wraps(fold)
    def called(self: Any, topic: str, records: Any, *args: Any) -> Any:
        return fold(self, topic, broken(records), *args)

    return called


def _before_its_end(transaction: Function, passing: Passing) -> Function:
    """The moment is at the end of a ``with`` block, before what its manager does then."""

    @contextmanager
    def called(*args: Any) -> Iterator[Any]:
        with transaction(*args) as connection:
            yield connection
            passing()

    return called


def _is_something(result: Any, *_: Any) -> bool:
    return bool(result)


def _gets_something(_: Any, given: Any) -> bool:
    return bool(given)


# --------------------------------------------------------------------------------------------- the lists

_PARTITION: Final = "streams.worker.folding:Partition"
_PRODUCER: Final = "streams.worker.producing:Producer"
_CONSUMER: Final = "streams.worker.slices:Consumer"
_CONNECTION: Final = "aiokafka.conn:AIOKafkaConnection"
_RECORDER: Final = "services.recorder.recorder:Recorder"
_SINK: Final = "services.store.sink"

_COMMITS: Final = _after(lambda _answer, _self, request, *_: isinstance(request, OffsetCommitRequest))
"""The request is with the kernel; whether the broker takes it is its own affair."""
_CHANGES: Final = _after(lambda folded, *_: bool(folded.changed))
_HAD_SOME: Final = _before(lambda consumer: bool(consumer._in_flight.partitions()))  # see its point
"""What was in flight is done and committed, and not yet forgotten."""

OF_WORKER: Final = (
    Point("in the middle of a slice", _PARTITION, "fold", _between_records, 8),
    Point("a slice is folded, nothing queued", _PARTITION, "fold", _CHANGES, 20),
    Point("states are queued, not confirmed", _PRODUCER, "_keep", _after_awaited(_is_something), 20),
    Point("states are kept, nothing is said", _PRODUCER, "_sent", _before(), 5),
    Point("an output is sent, not confirmed", _PRODUCER, "_sent", _after_awaited(), 5),
    Point("all is confirmed, nothing committed", _CONSUMER, "_commit", _before(), 6),
    Point("the commit is sent, not answered", _CONNECTION, "send", _COMMITS, 6),
    Point("committed, not noted", _CONSUMER, "_commit", _after_awaited(_is_something), 6),
    Point("restoring", _CONSUMER, "_restore", _after(), 12),
    Point("restored, not begun", _CONSUMER, "perform_seek", _before(), 1),
    Point(
        "told to give partitions back", _CONSUMER, "on_partitions_revoked", _before(_gets_something), 1, company=True
    ),
    Point("given back, not forgotten", _CONSUMER, "_forget", _HAD_SOME, 1, company=True),
)
OF_RECORDER: Final = (
    Point("polled, not written", _RECORDER, "take", _before(_gets_something), 5),
    # in the transaction the offsets come first
    Point("offsets are moved, no rows", _SINK, "_advance", _after(), 5),
    Point("among the rows", _SINK, "_write", _after(), 20),
    Point("rows and offsets, not committed", _SINK, "_transaction", _before_its_end, 5),
    Point("committed, not noted", _SINK, "take", _after(), 5),
    Point("taken, not polled again", _RECORDER, "take", _after(_is_something), 5),
    Point("handed out, nothing read", _RECORDER, "positions_from", _after(_is_something), 1),
    Point("taken away", _RECORDER, "forget", _before(_gets_something), 1, company=True),
)


def named(name: str, program: str) -> Point:
    """Return a point of a program (``worker`` or ``recorder``)."""
    return next(point for point in (OF_RECORDER if program == "recorder" else OF_WORKER) if point.name == name)


def main() -> None:
    """Become the program, doomed."""
    name, times, module, *arguments = sys.argv[1:]
    named(name, "recorder" if "recorder" in arguments else "worker").arm(Passing(int(times)))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
