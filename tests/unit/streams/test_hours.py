"""Local hours become moments, over midnight and over the days the clocks change."""

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from streams.hours import common, intervals, joined, local_midnight_ms, without
from streams.units import DAY_MS, HOUR_MS

UTC = ZoneInfo("UTC")
LISBON = ZoneInfo("Europe/Lisbon")
TUESDAY_MS = 1_795_478_400_000
"""2026-11-24 00:00 UTC."""
DAY = (TUESDAY_MS, TUESDAY_MS + DAY_MS)


def test_hours_of_a_day():
    """Opening hours are an interval of the local day."""
    found = intervals([("07:00", "18:00")], DAY, zone=UTC)
    assert found == [(TUESDAY_MS + 7 * HOUR_MS, TUESDAY_MS + 18 * HOUR_MS)]


def test_no_hours_given_is_always():
    """Without hours, days or closed dates a place is always open."""
    assert intervals(None, DAY, zone=UTC) == [DAY]


def test_over_midnight_belongs_to_the_day_it_begins():
    """22:00 to 06:00 of Mondays covers Tuesday's first hours, and nothing of Tuesday's evening."""
    found = intervals([("22:00", "06:00")], DAY, zone=UTC, days=(1,))
    assert found == [(TUESDAY_MS, TUESDAY_MS + 6 * HOUR_MS)]


def test_the_whole_day_may_be_written_as_24():
    """00:00 to 24:00 is the day."""
    assert intervals([("00:00", "24:00")], DAY, zone=UTC) == [DAY]


def test_closed_dates_and_other_days():
    """A closed date and a day that is not named have no hours."""
    assert intervals([("07:00", "18:00")], DAY, zone=UTC, closed_dates=("2026-11-24",)) == []
    assert intervals([("07:00", "18:00")], DAY, zone=UTC, days=(1, 3)) == []
    assert intervals(None, DAY, zone=UTC, days=(3,)) == [
        (DAY[1], DAY[1])
    ]  # the span's last moment is Wednesday's first


def test_a_holiday_counts_as_sunday():
    """A calendar's Sunday has Sunday's hours, whatever the day of the week."""
    calendar = {"2026-11-24": "sunday"}
    span = (TUESDAY_MS, TUESDAY_MS + DAY_MS - 1)
    assert intervals([("07:00", "18:00")], span, zone=UTC, days=(2,), calendar=calendar) == []
    assert len(intervals([("07:00", "18:00")], span, zone=UTC, days=(7,), calendar=calendar)) == 1


def test_hours_stay_when_the_clocks_change():
    """07:00 is seven o'clock on the day the clocks go back, though that day has 25 hours."""
    midnight_ms = local_midnight_ms(1_792_929_600_000, LISBON)  # 2026-10-25 12:00 UTC
    found = intervals([("07:00", "08:00")], (midnight_ms, midnight_ms + DAY_MS), zone=LISBON)
    assert found == [(midnight_ms + 8 * HOUR_MS, midnight_ms + 9 * HOUR_MS)]


def test_closed_until():
    """A place that is closed until three opens at three."""
    assert without([(0, 10), (20, 30)], 15) == [(20, 30)]
    assert without([(0, 10), (20, 30)], 25) == [(25, 30)]


SPANS = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 20)).map(lambda s: (s[0], s[0] + s[1])), max_size=6)


@given(first=SPANS, second=SPANS)
def test_common_is_what_both_have(first, second):
    """A moment is common exactly when both have it."""
    both = common(joined(first), joined(second))
    for moment in range(75):
        expected = all(any(a <= moment <= b for a, b in spans) for spans in (first, second))
        assert any(a <= moment <= b for a, b in both) == expected
