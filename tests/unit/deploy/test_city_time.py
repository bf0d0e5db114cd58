"""The city clock from start to start."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.local.city_time import Shown, begin
from deploy.local.failure import LocalStartError

LISBON = "Europe/Lisbon"


def _wall_ms(text, zone="UTC"):
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("today", "begins"),
    [
        ("2026-11-24T15:30", "2026-11-24T07:00"),  # a Tuesday
        ("2026-11-24T05:00", "2026-11-24T07:00"),  # before the trucks leave: still today
        ("2026-11-28T12:00", "2026-11-27T07:00"),  # Saturday: Friday
        ("2026-11-29T12:00", "2026-11-27T07:00"),  # Sunday: Friday
        ("2026-03-30T00:30", "2026-03-30T07:00"),  # the Monday after the clocks went forward
    ],
)
def test_a_new_city_begins_at_seven_of_the_newest_weekday_of_its_own_time_zone(today, begins):
    """A new city begins at 07:00 local time of the newest Monday to Friday that is not after today."""
    clock = begin(None, wall_ms=_wall_ms(today, LISBON), rate=10, time_zone=LISBON)

    assert clock.origin_ms == _wall_ms(begins, LISBON)


def test_the_day_is_that_of_the_city_not_of_utc():
    """At 16:30 UTC on Sunday it is Monday in Shanghai, so the city begins on that Monday."""
    clock = begin(None, wall_ms=_wall_ms("2026-11-29T16:30"), rate=1, time_zone="Asia/Shanghai")

    assert clock.origin_ms == _wall_ms("2026-11-30T07:00", "Asia/Shanghai")


@given(
    shown_ms=st.integers(1_700_000_000_000, 1_900_000_000_000),
    ran_on_s=st.floats(0, 20),
    later_s=st.floats(0, 1e7),
    rate=st.floats(1, 60),
    ended=st.booleans(),
)
def test_the_clock_never_goes_back(shown_ms, ran_on_s, later_s, rate, ended):
    """Whatever was stamped before the end, the next start begins later; also if programs outlived the launcher by 20 s."""
    wall_ms = 1_800_000_000_000
    last_stamp_ms = shown_ms if ended else shown_ms + round(min(ran_on_s, later_s) * rate * 1000)
    shown = Shown(city_ms=shown_ms, wall_ms=wall_ms, ended=ended)

    clock = begin(shown, wall_ms=wall_ms + round(later_s * 1000), rate=rate, time_zone=LISBON)

    assert clock.origin_ms > last_stamp_ms


def test_a_night_off_is_no_night_in_the_city():
    """The city stands still while nothing runs: a start twelve hours later goes on a second's worth after the end."""
    shown = Shown(city_ms=1_000_000, wall_ms=5_000_000, ended=True)

    clock = begin(shown, wall_ms=5_000_000 + 12 * 3_600_000, rate=10, time_zone=LISBON)

    assert clock.origin_ms == 1_000_000 + 10_000


def test_a_wall_clock_set_back_does_not_turn_the_city_back():
    """If the machine's clock was set back since the last record, the city still goes on from the record."""
    shown = Shown(city_ms=1_000_000, wall_ms=5_000_000, ended=False)

    assert begin(shown, wall_ms=4_000_000, rate=10, time_zone=LISBON).origin_ms > 1_000_000


def test_the_record_is_read_as_it_was_written(tmp_path):
    """What is written is read again, and no record is no error."""
    path = tmp_path / "run" / "clock.json"
    assert Shown.read(path) is None
    shown = Shown(city_ms=1, wall_ms=2, ended=True)

    shown.write(path)

    assert Shown.read(path) == shown


def test_a_record_that_cannot_be_read_is_not_taken_for_none(tmp_path):
    """Beginning anew would turn the clock back, so a damaged record ends the start with a sentence."""
    path = tmp_path / "clock.json"
    path.write_text('{"city_ms": 17')

    with pytest.raises(LocalStartError, match="make reset"):
        Shown.read(path)
