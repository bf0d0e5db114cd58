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
from typing import Any, Final, NamedTuple

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


Arming = Callable[[Passing], None]


class Point(NamedTuple):
    """One moment. ``most``: a seed takes one of so many passings; ``company``: it takes another member that comes."""

    name: str
    arm: Arming
    most: int
    company: bool = False


# --------------------------------------------------------------------------------------------- ways to wrap


def _wrapped(owner: Any, name: str, made: Callable[[Any], Any]) -> None:
    setattr(owner, name, made(getattr(owner, name)))


def _before(owner: Any, name: str, passing: Passing, when: Callable[..., bool] = lambda *_: True) -> None:
    """The moment is before a function is called (its coroutine made), ``when`` its arguments are such."""

    def made(original: Any) -> Any:
        @wraps(original)
        def called(*args: Any, **kwargs: Any) -> Any:
            if when(*args):
                passing()
            return original(*args, **kwargs)

        return called

    _wrapped(owner, name, made)


def _after(owner: Any, name: str, passing: Passing, when: Callable[[Any], bool] = lambda _: True) -> None:
    """The moment is after a function has returned, ``when`` its result is such."""

    def made(original: Any) -> Any:
        @wraps(original)
        def called(*args: Any, **kwargs: Any) -> Any:
            result = original(*args, **kwargs)
            if when(result):
                passing()
            return result

        return called

    _wrapped(owner, name, made)


def _after_awaited(owner: Any, name: str, passing: Passing, when: Callable[[Any], bool] = lambda _: True) -> None:
    """The moment is after a coroutine has ended, ``when`` its result is such."""

    def made(original: Any) -> Any:
        @wraps(original)
        async def called(*args: Any, **kwargs: Any) -> Any:
            result = await original(*args, **kwargs)
            if when(result):
                passing()
            return result

        return called

    _wrapped(owner, name, made)


# --------------------------------------------------------------------------------------------- the worker


def _within_a_slice(passing: Passing) -> None:
    """Between two records of one slice."""
    from streams.worker.folding import Partition  # noqa: PLC0415  # each program is loaded by whoever becomes it

    def made(original: Any) -> Any:
        @wraps(original)
        def fold(self: Any, topic: str, records: Any, *args: Any) -> Any:
            return original(self, topic, _broken(records), *args)

        return fold

    def _broken(records: Any) -> Iterator[Any]:
        for number, record in enumerate(records):
            if number:
                passing()
            yield record

    _wrapped(Partition, "fold", made)


def _folded(passing: Passing) -> None:
    from streams.worker.folding import Partition  # noqa: PLC0415

    _after(Partition, "fold", passing, lambda folded: bool(folded.changed))


def _states_queued(passing: Passing) -> None:
    from streams.worker.producing import Producer  # noqa: PLC0415

    _after_awaited(Producer, "_keep", passing, bool)


def _states_kept(passing: Passing) -> None:
    from streams.worker.producing import Producer  # noqa: PLC0415

    _before(Producer, "_sent", passing)


def _output_sent(passing: Passing) -> None:
    from streams.worker.producing import Producer  # noqa: PLC0415

    _after_awaited(Producer, "_sent", passing)


def _nothing_committed(passing: Passing) -> None:
    from streams.worker.slices import Consumer  # noqa: PLC0415

    _before(Consumer, "_commit", passing)


def _commit_sent(passing: Passing) -> None:
    """The request is with the kernel; whether the broker takes it is its own affair."""
    from aiokafka.conn import AIOKafkaConnection  # noqa: PLC0415
    from aiokafka.protocol.commit import OffsetCommitRequest  # noqa: PLC0415

    def made(original: Any) -> Any:
        @wraps(original)
        def send(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            answer = original(self, request, *args, **kwargs)
            if isinstance(request, OffsetCommitRequest):
                passing()
            return answer

        return send

    _wrapped(AIOKafkaConnection, "send", made)


def _committed(passing: Passing) -> None:
    from streams.worker.slices import Consumer  # noqa: PLC0415

    _after_awaited(Consumer, "_commit", passing, bool)


def _restoring(passing: Passing) -> None:
    from streams.worker.slices import Consumer  # noqa: PLC0415

    _after(Consumer, "_restore", passing)


def _restored(passing: Passing) -> None:
    from streams.worker.slices import Consumer  # noqa: PLC0415

    _before(Consumer, "perform_seek", passing)


def _told_to_give_back(passing: Passing) -> None:
    from streams.worker.slices import Consumer  # noqa: PLC0415

    _before(Consumer, "on_partitions_revoked", passing, lambda _, revoked: bool(revoked))


def _given_back(passing: Passing) -> None:
    """What was in flight is done and committed, and not yet forgotten."""
    from streams.worker.slices import Consumer  # noqa: PLC0415

    _before(Consumer, "_forget", passing, lambda self: bool(self._in_flight.partitions()))


# --------------------------------------------------------------------------------------------- the recorder


def _polled(passing: Passing) -> None:
    from services.recorder.recorder import Recorder  # noqa: PLC0415

    _before(Recorder, "take", passing, lambda _, polled: bool(polled))


def _offset_moved(passing: Passing) -> None:
    """In the transaction the offsets come first; the rows are not yet there."""
    from services.store import sink  # noqa: PLC0415

    _after(sink, "_advance", passing)


def _among_rows(passing: Passing) -> None:
    from services.store import sink  # noqa: PLC0415

    _after(sink, "_write", passing)


def _not_committed(passing: Passing) -> None:
    """All rows are written; the transaction's commit is next."""
    from services.store import sink  # noqa: PLC0415

    def made(original: Any) -> Any:
        @contextmanager
        def transaction(*args: Any) -> Iterator[Any]:
            with original(*args) as connection:
                yield connection
                passing()

        return transaction

    _wrapped(sink, "_transaction", made)


def _not_noted(passing: Passing) -> None:
    from services.store import sink  # noqa: PLC0415

    _after(sink, "take", passing)


def _taken(passing: Passing) -> None:
    from services.recorder.recorder import Recorder  # noqa: PLC0415

    _after(Recorder, "take", passing, bool)


def _positions_known(passing: Passing) -> None:
    from services.recorder.recorder import Recorder  # noqa: PLC0415

    _after(Recorder, "positions_from", passing, bool)


def _partitions_taken_away(passing: Passing) -> None:
    from services.recorder.recorder import Recorder  # noqa: PLC0415

    _before(Recorder, "forget", passing, lambda _, partitions: bool(partitions))


# --------------------------------------------------------------------------------------------- the lists

OF_WORKER: Final = (
    Point("in the middle of a slice", _within_a_slice, 8),
    Point("a slice is folded, nothing queued", _folded, 20),
    Point("states are queued, not confirmed", _states_queued, 20),
    Point("states are kept, nothing is said", _states_kept, 5),
    Point("an output is sent, not confirmed", _output_sent, 5),
    Point("all is confirmed, nothing committed", _nothing_committed, 6),
    Point("the commit is sent, not answered", _commit_sent, 6),
    Point("committed, not noted", _committed, 6),
    Point("restoring", _restoring, 12),
    Point("restored, not begun", _restored, 1),
    Point("told to give partitions back", _told_to_give_back, 1, company=True),
    Point("given back, not forgotten", _given_back, 1, company=True),
)
OF_RECORDER: Final = (
    Point("polled, not written", _polled, 5),
    Point("offsets are moved, no rows", _offset_moved, 5),
    Point("among the rows", _among_rows, 20),
    Point("rows and offsets, not committed", _not_committed, 5),
    Point("committed, not noted", _not_noted, 5),
    Point("taken, not polled again", _taken, 5),
    Point("handed out, nothing read", _positions_known, 1),
    Point("taken away", _partitions_taken_away, 1, company=True),
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
