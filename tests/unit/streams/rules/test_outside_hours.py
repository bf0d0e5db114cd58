"""outside-hours: loaded and driving when no permit's hours hold. The town's day begins at 05:00 UTC, 06:00 in Lisbon."""

import pytest
from msgspec.structs import replace

from streams import events
from streams.units import HOUR_MS
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

RULE = "outside-hours"
LISBON = "Europe/Lisbon"


def permit(hours: tuple[tuple[str, str], ...] | None, zone: str | None = LISBON, **changed: object) -> events.Event:
    """The town's permit with hours."""
    (given,) = (one for one in town.records() if isinstance(one, events.Permit))
    return replace(given, version=2, hours=hours, time_zone=zone, **changed)  # type: ignore[arg-type]


def driving() -> town.Drive:
    """Loaded at 06:06 local, then 11 minutes on the street."""
    return town.loaded().go(7_000)


def test_the_days_first_hour_is_six_in_lisbon() -> None:
    """What the other tests count on."""
    assert town.START_MS % (24 * HOUR_MS) == 5 * HOUR_MS


def test_the_calendar_that_decides_is_named_with_its_version() -> None:
    """Hours that follow a calendar are proven by it: the version valid at the time, not a later one."""
    days = events.Calendar(calendar_id="c", version=3, valid_from_ms=0, dates={})
    later = events.Calendar(calendar_id="c", version=4, valid_from_ms=town.START_MS + 24 * HOUR_MS, dates={})
    given = permit((("07:00", "21:00"),), calendar_id="c")
    (found,) = alerts(driving(), RULE, town.reference(given, days, later))
    assert found.used == {"permit": "p1@2", "calendars": ["c@3"]}


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ((("06:00", "21:00"),), []),
        ((("05:00", "06:00"),), ["raised"]),
        ((("07:00", "21:00"),), ["raised"]),
        ((("20:00", "06:30"),), []),
        ((("20:00", "06:00"),), ["raised"]),
        ((("20:00", "06:00"), ("06:00", "07:00")), []),
        ((("00:00", "24:00"),), []),
        ((), ["raised"]),
        (None, []),
    ],
)
def test_hours(hours: tuple[tuple[str, str], ...] | None, expected: list[str]) -> None:
    """Over midnight, in pieces, all day, never (an empty list) and always (none)."""
    assert states(alerts(driving(), RULE, town.reference(permit(hours)))) == expected


def test_hours_are_local() -> None:
    """The same hours, in the zone of the permit or else of the tenant's facilities; with none known nobody is guilty."""
    hours = (("05:00", "05:59"),)
    assert states(alerts(driving(), RULE, town.reference(permit(hours, LISBON)))) == ["raised"]
    assert alerts(driving(), RULE, town.reference(permit(hours, "UTC"))) == []
    facility = events.Asset(
        id="f1", kind="facility", version=2, valid_from_ms=0, area=town.square(town.STREET_M, 0), time_zone=LISBON
    )
    assert states(alerts(driving(), RULE, town.reference(permit(hours, None), facility))) == ["raised"]
    assert alerts(driving(), RULE, town.reference(permit(hours, None))) == []


def test_days_and_calendar() -> None:
    """2026-06-16 is a Tuesday; a calendar can make it a Sunday."""
    hours = (("00:00", "24:00"),)
    assert alerts(driving(), RULE, town.reference(permit(hours, days=(2,)))) == []
    assert states(alerts(driving(), RULE, town.reference(permit(hours, days=(1, 7))))) == ["raised"]
    feast = events.Calendar(calendar_id="c", valid_from_ms=0, dates={"2026-06-16": "sunday"})
    sundays = permit(hours, days=(7,), calendar_id="c")
    assert alerts(driving(), RULE, town.reference(sundays, feast)) == []
    assert states(alerts(driving(), RULE, town.reference(permit(hours, days=(2,), calendar_id="c"), feast))) == [
        "raised"
    ]


@pytest.mark.parametrize(("driven_m", "expected"), [(3_000, []), (3_200, ["raised"])])
def test_five_minutes_are_granted(driven_m: float, expected: list[str]) -> None:
    """`Thresholds.outside_hours_s` from the first fix on the road."""
    assert states(alerts(town.loaded().go(driven_m), RULE, town.reference(permit(())))) == expected


def test_another_permit_for_the_load_whose_hours_hold() -> None:
    """One is enough."""
    (given,) = (one for one in town.records() if isinstance(one, events.Permit))
    second = replace(given, permit_id="p2", hours=(("06:00", "07:00"),), time_zone=LISBON)
    assert alerts(driving(), RULE, town.reference(permit(()), second)) == []


def test_it_is_over_when_the_hours_begin() -> None:
    """The alert says from and to when nothing was allowed, in local time."""
    found = alerts(driving(), RULE, town.reference(permit((("06:14", "21:00"),))))
    assert states(found) == ["raised", "ended"]
    told = {condition.condition: condition.measured for condition in found[0].because}
    assert told["outside them from and to (local)"] == "06-15 21:00 – 06-16 06:14"
    assert told["hours of its permits"] == "06:14–21:00"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (permit((("6:00", "21:00"),)), "hours has '6:00', expected HH:MM"),
        (permit((("06:00", "25:00"),)), "hours has '25:00'"),
        (permit(None, days=(8,)), "days has 8, expected 1"),
        (permit(None, "Europe/Nowhere"), "time_zone is 'Europe/Nowhere'"),
    ],
)
def test_hours_that_are_none_are_refused_by_name(wrong: events.Event, said: str) -> None:
    """And the rest goes on."""
    known = town.reference()
    with pytest.raises(ValueError, match=said):
        known.apply(wrong)
    assert alerts(driving(), RULE, known) == []


def test_hours_in_a_depot_are_no_driving() -> None:
    """Two minutes before and half a minute after an hour in the depot are two and a half minutes."""
    drive = town.loaded().go(1_400).go(2_000, 500).wait(4_800).go(2_000, 800)
    assert alerts(drive, RULE, town.reference(permit(()))) == []


def test_what_is_said_does_not_depend_on_who_asked_first() -> None:
    """Trucks share a permit: the stretch between its hours is the same for the one that asks on Friday and on Saturday."""
    week = permit((("07:00", "18:00"),), days=(1, 2, 3, 4, 5))
    told = []
    for asked_ms in (0, 30 * HOUR_MS):
        (permission,) = town.reference(week).permissions("t1", town.START_MS)
        zone = permission.hours.zone
        assert zone is not None
        friday_ms = town.START_MS + 3 * 24 * HOUR_MS + 13 * HOUR_MS
        permission.hours.around(friday_ms + asked_ms, zone)
        told.append(permission.hours.around(friday_ms + 24 * HOUR_MS, zone))
    assert told[0] == told[1]
    assert (told[0].until_ms - told[0].since_ms) / HOUR_MS == 61


@pytest.mark.parametrize("time_ms", [events.EARLIEST_MS, events.LATEST_MS, 0])
def test_any_time_has_hours(time_ms: int) -> None:
    """Also the first and the last of the calendar."""
    (permission,) = town.reference(permit((("07:00", "18:00"),), days=(1,))).permissions("t1", town.START_MS)
    assert permission.hours.zone is not None
    assert permission.hours.around(time_ms, permission.hours.zone) is not None
