"""Moments as people ask for them."""

from zoneinfo import ZoneInfo

import pytest

from streams.asking import moment_ms

LISBON = ZoneInfo("Europe/Lisbon")


@pytest.mark.parametrize(
    "text",
    ["2026-06-16T08:30", "2026-06-16 08:30:00", "2026-06-16T07:30Z", "2026-06-16T15:30+08:00", "1781595000000"],
)
def test_local_time_a_zone_and_milliseconds_are_the_same_moment(text: str) -> None:
    """What names no zone is the city's."""
    assert moment_ms(text, LISBON) == 1_781_595_000_000


@pytest.mark.parametrize("text", ["25:30", "2026-06-16T25:30", "yesterday", "", "9" * 30, "--1", "²"])
def test_what_is_no_moment_is_said_with_what_is_expected(text: str) -> None:
    """Named, with the zone of local time."""
    with pytest.raises(ValueError, match=r"is no moment: give local time \(Europe/Lisbon\)"):
        moment_ms(text, LISBON)
