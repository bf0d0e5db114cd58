"""The real recording is carried whole and keeps its weekdays and hours."""

import datetime as dt

import pytest

from services.simulator import recording
from services.simulator.recording import ZONE


def test_it_is_whole() -> None:
    """7,971 fixes of 68 trucks over 58.9 hours, in order, around Jersey City."""
    fixes = recording.read()
    assert len(fixes) == 7971
    assert len({fix.vehicle for fix in fixes}) == 68
    assert [fix.local_time for fix in fixes] == sorted(fix.local_time for fix in fixes)
    assert (fixes[-1].local_time - fixes[0].local_time).total_seconds() / 3600 == pytest.approx(58.9, abs=0.05)
    assert all(-74.3 < fix.lon < -73.9 and 40.6 < fix.lat < 40.9 for fix in fixes)


@pytest.mark.parametrize("now", ["2026-11-24T12:00:00", "2026-07-01T00:00:00", "2026-03-12T22:36:04"])
def test_times_move_by_whole_weeks(now: str) -> None:
    """Whatever the day, in summer too, a fix keeps its weekday and local hour, and the last is at most a week old."""
    fixes = recording.read()[::500]
    now_ms = round(dt.datetime.fromisoformat(now).replace(tzinfo=ZONE).timestamp() * 1000)
    times_ms = recording.shifted_ms(fixes, now_ms)
    for fix, time_ms in zip(fixes, times_ms, strict=True):
        local = dt.datetime.fromtimestamp(time_ms / 1000, ZONE)
        assert (local.weekday(), local.time()) == (fix.local_time.weekday(), fix.local_time.time())
    assert 0 <= now_ms - max(times_ms) < 7 * 86_400_000 + 3_600_000


def test_trucks_and_phones_are_of_their_own_tenant() -> None:
    """Ids cannot be mistaken for those of the city that runs beside it."""
    (truck,) = recording.trucks(["E-7"], 5)
    assert (truck.id, truck.tenant_id, truck.kind, truck.valid_from_ms) == ("jc-E-7", "jersey-city", "truck", 5)
    assert recording.device_id("E-7") == "jersey-city-E-7"
