"""outside-hours: loaded and driving, and the hours of every permit that covers the load are over, or not yet begun.

Hours are local to the permit's time zone, run over midnight, and follow its calendar. A few minutes over are a driver in
traffic: the grace. Where the time zone is not known, nothing is said.
"""

import datetime as dt
from typing import Final

from streams import permits
from streams.alerts import Finding
from streams.assets import Permission
from streams.events import RuleName
from streams.hours import Stretch
from streams.moment import Moment
from streams.rules import explain, on_the_road
from streams.rules.thresholds import Thresholds

NAME: Final[RuleName] = "outside-hours"
VERSION: Final = "1"

Memory = on_the_road.Memory


def judge(memory: Memory, moment: Moment, limits: Thresholds) -> Finding | None:
    """Judge one fix."""
    if not moment.permissions:
        return on_the_road.end(memory, moment) if memory.driving.start_ms and moment.cargo.state != "unknown" else None
    found = _outside(moment)
    if found is None:
        return on_the_road.end(memory, moment) if memory.driving.start_ms else None
    if memory.alerted:
        return None
    lasted_s = on_the_road.drive(memory.driving, moment, limits.off_route_place_m)
    if lasted_s < limits.outside_hours_s:
        return None
    memory.alerted = True
    return _begin(memory, moment, limits, found, lasted_s)


def _outside(moment: Moment) -> tuple[Permission, Stretch] | None:
    """Return a permit and the stretch without it that holds the moment; None = the hours of some permit hold."""
    found = None
    for permission in moment.permissions:
        if permission.hours.always:
            return None
        stretch = moment.reference.permit_hours(permission, moment.time_ms, moment.tenant_id)
        if stretch is None or stretch.holds:
            return None
        found = found or (permission, stretch)
    return found


def _begin(
    memory: Memory, moment: Moment, limits: Thresholds, found: tuple[Permission, Stretch], lasted_s: float
) -> Finding:
    permission, stretch = found
    zone = moment.reference.zone(permission.hours, moment.tenant_id)
    cargo = moment.cargo
    return Finding(
        kind="begin",
        start_ms=memory.driving.start_ms,
        at_ms=moment.time_ms,
        severity="medium",
        certainty="observed" if cargo.source_id else "likely",
        where=on_the_road.where(memory.driving),
        because=(
            explain.known("loaded", cargo.state),
            explain.known("hours of its permits", _hours(permission)),
            explain.known(
                "outside them from and to (local)",
                f"{_local(stretch.since_ms, zone)} – {_local(stretch.until_ms, zone)}",
            ),
            explain.at_least(
                f"driving outside the hours for at least {limits.outside_hours_s:g} s",
                lasted_s,
                limits.outside_hours_s,
                "s",
            ),
        ),
        unless=(
            "hours of another permit for this load",
            f"within {limits.off_route_place_m:g} m of a registered place",
        ),
        gaps=(*explain.gaps(moment), *explain.origin(moment)),
        used={"permit": permits.named(moment.permissions), **_calendars(moment)},
    )


def _calendars(moment: Moment) -> dict[str, list[str]]:
    """Name the calendars whose dates the hours follow."""
    ids = dict.fromkeys(permission.permit.calendar_id for permission in moment.permissions)
    found = [moment.reference.calendar(calendar_id, moment.time_ms) for calendar_id in ids]
    named = [f"{calendar.calendar_id}@{calendar.version}" for calendar in found if calendar is not None]
    return {"calendars": named} if named else {}


def _hours(permission: Permission) -> str:
    hours = permission.hours
    windows = "00:00–24:00" if hours.windows is None else ", ".join("–".join(window) for window in hours.windows)
    return (windows or "never") if hours.days is None else f"{windows or 'never'} ({', '.join(map(str, hours.days))})"


def _local(time_ms: int, zone: dt.tzinfo | None) -> str:
    return dt.datetime.fromtimestamp(time_ms / 1000, zone or dt.UTC).strftime("%m-%d %H:%M")
