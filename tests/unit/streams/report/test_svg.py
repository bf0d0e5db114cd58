"""Lines with gaps, and fewer points than there are."""

import math

from streams import geo
from streams.report import svg


def test_a_gap_in_the_data_is_a_gap_in_the_line() -> None:
    """So is a value that is not known; neither is joined over, and none is drawn as 0."""
    values = [(0.0, 5.0), (1.0, 6.0), (2.0, None), (3.0, 7.0), (9.0, 8.0), (10.0, math.nan), (11.0, 9.0)]
    lines = svg.parted(values, gap=3)
    assert lines == [[(0.0, 5.0), (1.0, 6.0)], [(3.0, 7.0)], [(9.0, 8.0)], [(11.0, 9.0)]]
    assert svg.path(lines) == "M0 5L1 6M3 7h0M9 8h0M11 9h0"


def test_nothing_is_no_line() -> None:
    """No values, or none that is known."""
    assert svg.parted([], gap=1) == []
    assert svg.path(svg.parted([(1.0, None)], gap=1)) == ""


def test_a_thinned_curve_keeps_its_peaks() -> None:
    """A day of fixes is a few thousand points, and the one that matters is among them."""
    line = [(float(n), 1.0) for n in range(17_280)]
    line[9_001] = (9_001.0, 50.0)
    thin = svg.thinned(line, 1_000, 0, 17_280)
    assert len(thin) <= 4_004
    assert (9_001.0, 50.0) in thin
    assert thin == sorted(thin)


def test_a_simplified_way_is_nowhere_farther_away_than_allowed() -> None:
    """A straight road is two points; a corner stays."""
    straight = [(float(n), 0.3 * (n % 2)) for n in range(1_000)]
    assert geo.simplified(straight, 0.5) == [straight[0], straight[-1]]
    corner = [(0.0, 0.0), (5.0, 0.1), (10.0, 0.0), (10.0, 9.0)]
    assert geo.simplified(corner, 0.5) == [(0.0, 0.0), (10.0, 0.0), (10.0, 9.0)]


def test_what_is_no_number_is_never_written() -> None:
    """SVG knows no infinity."""
    assert [svg.number(one) for one in (math.inf, math.nan, 2.0, 2.04)] == ["0", "0", "2", "2"]
