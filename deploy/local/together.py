"""Work done side by side that never keeps the process from ending.

A pool of `concurrent.futures` is waited for when Python ends, however long its work still takes: after Ctrl-C a download
from a network that is silent would hold the launcher for minutes. These threads end with the process.
"""

import threading
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Final

_AT_ONCE: Final = 8


def together[T](
    works: Sequence[Callable[[], T]], *, at_once: int = _AT_ONCE, on_done: Callable[[int], None] = lambda _: None
) -> list[T]:
    """Do all of them, at most ``at_once`` at a time, and return what they return, in their order.

    Blocks until the last is done or one fails: then raises its error at once, starts no other, and leaves those under way
    alone. ``on_done`` hears how many are done, in the calling thread.
    """
    begun = iter(enumerate(works))
    picking = threading.Lock()
    ended: SimpleQueue[tuple[int, T | None, BaseException | None]] = SimpleQueue()
    failed = threading.Event()

    def work() -> None:
        while not failed.is_set():
            with picking:
                number, do = next(begun, (-1, None))
            if do is None:
                return
            try:
                ended.put((number, do(), None))
            except BaseException as error:  # noqa: BLE001  # whatever it is, the caller raises it
                failed.set()
                ended.put((number, None, error))

    for _ in range(min(at_once, len(works))):
        threading.Thread(target=work, daemon=True).start()
    results: dict[int, T] = {}
    while len(results) < len(works):
        number, result, error = ended.get()
        if error is not None:
            raise error
        results[number] = result  # type: ignore[assignment]  # no error, so there is a result
        on_done(len(results))
    return [results[number] for number in range(len(works))]
