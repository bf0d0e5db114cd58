"""How what a page noted becomes the numbers of the pages' benchmark."""

import pytest

from tests.benchmarks.pages import measures

_METRE = 1 / 111_320


def test_a_truck_is_late_until_it_stands_where_it_said():
    """Seen to move on when it comes nearer; arrived when it is drawn at the reported place; a quicker next fix cuts it short."""
    sent = [("t1", 0.0, 0.0, 1_000.0), ("t1", 0.0, 40 * _METRE, 6_000.0), ("t1", 0.0, 80 * _METRE, 11_000.0)]
    drawn = {"t1": [(900, 0.0, -40 * _METRE), (1_300, 0.0, -20 * _METRE), (1_900, 0.0, 0.0), (6_400, 0.0, 10 * _METRE)]}

    moved, arrived = measures.drawn_after(sent, drawn, until_ms=20_000)

    assert moved == [300, 400]
    assert arrived == [900, 5_000]


def test_what_was_sent_too_late_or_before_the_map_stood_is_not_asked_for():
    """A fix whose truck was not drawn yet says nothing of the page, nor does one after the end."""
    sent = [("t1", 0.0, 0.0, 1_000.0), ("t1", 0.0, 40 * _METRE, 6_000.0)]

    assert measures.drawn_after(sent, {"t1": [(1_500, 0.0, 0.0)]}, until_ms=20_000) == ([], [])
    assert measures.drawn_after(sent, {"t1": [(500, 1.0, 1.0), (1_500, 0.0, 0.0)]}, until_ms=5_000) == ([], [])


def test_a_press_the_browser_did_not_note_was_quick():
    """It counts as the shortest time that is noted, so that the 95th percentile is one of all presses."""
    noted = [{"took": 200}, {"took": 48}]

    assert sorted(measures.presses(noted, issued=4)) == [16, 16, 48, 200]


def test_what_never_came_is_not_forgotten():
    """An alert that no row showed counts as longer than the whole time; one sent outside it is not asked for."""
    took = measures.shown_after({"a": 100.0, "b": 200.0, "c": 5_000.0}, {"a": 400.0, "b": 0}, from_ms=0, until_ms=1_000)

    assert took == [300, 1_800]


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (1.0, 10)])
def test_a_percentile_is_a_value_that_was_measured(share, expected):
    """The smallest that is not below that share of all; of nothing there is none."""
    assert measures.share_of(range(1, 11), share) == expected
    assert measures.share_of([], share) is None


def test_a_line_says_whether_it_is_as_asked():
    """√ at the limit, × above and where nothing was measured, nothing where nothing was asked."""
    signs = [
        measures.Line("x", asked, measured, "ms").sign for asked, measured in ((1, 1), (1, 1.1), (1, None), (None, 5))
    ]

    assert signs == ["√", "×", "×", " "]
