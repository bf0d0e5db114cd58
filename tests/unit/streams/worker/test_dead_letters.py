"""How many dead letters are too many."""

import pytest

from streams.worker.dead_letters import MOST_IN_A_ROW, MOST_IN_WINDOW, Limits, TooMany


def test_a_hundred_in_a_row_pass_and_one_more_stops() -> None:
    """Counted over slices of one partition."""
    limits = Limits()
    limits.count("t", 0, MOST_IN_A_ROW, list(range(MOST_IN_A_ROW)), MOST_IN_A_ROW - 1)
    with pytest.raises(TooMany, match="partition 0"):
        limits.count("t", 0, 1, [MOST_IN_A_ROW], MOST_IN_A_ROW)


def test_one_per_cent_of_the_last_ten_thousand_stops() -> None:
    """Good records between; old ones are forgotten."""
    limits, offset = Limits(), 0
    for _ in range(3 * MOST_IN_WINDOW):  # one in two hundred: half of the limit
        limits.count("t", 0, 200, [offset], offset + 199)
        offset += 200
    with pytest.raises(TooMany, match="of the last"):
        _count_one_in_fifty(limits, offset)


def test_a_good_record_breaks_a_row() -> None:
    """Ninety dead, one good, ninety dead: no row of a hundred."""
    limits = Limits()
    limits.count("t", 0, 90, list(range(90)), 89)
    limits.count("t", 0, 10, [], 99)
    limits._window.clear()
    limits._dead = limits._records = 0
    limits.count("t", 0, 90, list(range(100, 190)), 189)


def _count_one_in_fifty(limits: Limits, offset: int) -> None:
    for _ in range(2 * MOST_IN_WINDOW):
        limits.count("t", 0, 50, [offset], offset + 49)
        offset += 50
