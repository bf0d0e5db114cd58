"""How many dead letters are too many."""

import pytest

from streams.worker.dead_letters import MOST_IN_A_ROW, MOST_IN_WINDOW, Limits, TooMany


def count(limits: Limits, first: int, records: int, dead: range | tuple[int, ...], topic: str = "t") -> int:
    """Count a slice; return the offset after it."""
    limits.count(topic, 0, range(first, first + records), dead)
    return first + records


def test_a_hundred_in_a_row_pass_and_one_more_stops() -> None:
    """Counted over slices of one partition."""
    limits = Limits()
    after = count(limits, 0, MOST_IN_A_ROW, range(MOST_IN_A_ROW))
    with pytest.raises(TooMany, match=r"101 dead letters in a row on t, partition 0, up to offset 100$"):
        count(limits, after, 1, (after,))


def test_a_row_that_ends_in_the_middle_of_a_slice_is_a_row() -> None:
    """Sixty dead at the end of one slice, fifty at the beginning of the next; other partitions in between do not help."""
    limits = Limits()
    after = count(limits, 0, 500, range(440, 500))
    for n in range(30):
        count(limits, n * 500, 500, (), topic="other")
    with pytest.raises(TooMany, match="in a row"):
        count(limits, after, 500, range(after, after + 50))


def test_one_per_cent_of_the_last_ten_thousand_stops() -> None:
    """Good records between; old ones are forgotten."""
    limits, offset = Limits(), 0
    for _ in range(3 * MOST_IN_WINDOW):  # one in two hundred: half of the limit
        offset = count(limits, offset, 200, (offset,))
    with pytest.raises(TooMany, match="of the last"):
        _count_one_in_fifty(limits, offset)


def test_a_good_record_breaks_a_row() -> None:
    """Ninety dead, one good, ninety dead: no row of a hundred."""
    limits = Limits()
    count(limits, 0, 90, range(90))
    count(limits, 90, 10, ())
    limits._window.clear()
    limits._dead = limits._records = 0
    count(limits, 100, 90, range(100, 190))


def _count_one_in_fifty(limits: Limits, offset: int) -> None:
    for _ in range(2 * MOST_IN_WINDOW):
        offset = count(limits, offset, 50, (offset,))
