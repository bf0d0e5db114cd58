"""In which turn what was fetched is handed out. No Faust, no I/O."""

from collections.abc import Callable, Iterator, Mapping, Sequence


def in_turn[TP, R](
    fetched: Mapping[TP, Sequence[R]], size: int, *, comes_last: Callable[[TP], bool]
) -> Iterator[tuple[TP, Sequence[R]]]:
    """Yield slices of at most ``size`` records, one of each partition in turn; those that come last after all others.

    Ticks come last: after a pause they would otherwise let time pass before the reports that came meanwhile are heard, and
    what waits for one of these would not be waited for.
    """
    others = {tp: records for tp, records in fetched.items() if not comes_last(tp)}
    last = {tp: records for tp, records in fetched.items() if comes_last(tp)}
    for group in (others, last):
        start = 0
        while any(len(records) > start for records in group.values()):
            for tp, records in group.items():
                part = records[start : start + size]
                if part:
                    yield tp, part
            start += size
