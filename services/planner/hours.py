"""Local hours to moments: ``[["07:00", "18:00"]]`` on the days it holds, in a time zone, as intervals of UTC ms.

Contract: an interval whose end is not after its start runs over midnight and belongs to the day it begins; ``24:00``
is allowed; ``days`` 1 = Monday … 7; a calendar says which dates count as Sunday (7) or as a working day (Monday).
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from streams.events import Window

Interval = tuple[int, int]
"""First and last moment, UTC ms."""

_DAY: Final = dt.timedelta(days=1)


def local_midnight_ms(at_ms: int, zone: ZoneInfo) -> int:
    """Return the beginning of the local day of a moment."""
    return _moment_ms(_date(at_ms, zone), "00:00", zone)


def intervals(
    windows: Sequence[Window] | None,
    within: Interval,
    *,
    zone: ZoneInfo,
    days: Sequence[int] | None = None,
    closed_dates: Sequence[str] = (),
    calendar: Mapping[str, str] | None = None,
) -> list[Interval]:
    """Return when the hours hold inside ``within``, in order, joined where they touch. ``windows`` None = all day."""
    if windows is None and days is None and not closed_dates:
        return [within]
    found: list[Interval] = []
    for day in _days(within, zone):
        if day.isoformat() in closed_dates or not (days is None or _counts_as(day, calendar or {}) in days):
            continue
        for begin, end in [("00:00", "24:00")] if windows is None else windows:
            begin_ms, end_ms = _moment_ms(day, begin, zone), _moment_ms(day, end, zone)
            if end_ms <= begin_ms:
                end_ms = _moment_ms(day + _DAY, end, zone)
            found.append((begin_ms, end_ms))
    return common(joined(found), [within])


def joined(given: Iterable[Interval]) -> list[Interval]:
    """Return the same moments with overlapping or touching intervals made one."""
    result: list[Interval] = []
    for begin, end in sorted(given):
        if result and begin <= result[-1][1]:
            result[-1] = (result[-1][0], max(result[-1][1], end))
        else:
            result.append((begin, end))
    return result


def common(first: Sequence[Interval], second: Sequence[Interval]) -> list[Interval]:
    """Return the moments both have; each must be in order and apart."""
    pairs = ((max(a, c), min(b, d)) for a, b in first for c, d in second)
    return sorted((begin, end) for begin, end in pairs if begin <= end)


def without(given: Sequence[Interval], until_ms: int) -> list[Interval]:
    """Return the moments from ``until_ms`` on."""
    return [(max(begin, until_ms), end) for begin, end in given if end >= until_ms]


def _days(within: Interval, zone: ZoneInfo) -> Iterator[dt.date]:
    day = _date(within[0], zone) - _DAY  # an interval of yesterday may run over midnight
    while day <= _date(within[1], zone):
        yield day
        day += _DAY


def _date(at_ms: int, zone: ZoneInfo) -> dt.date:
    return dt.datetime.fromtimestamp(at_ms / 1000, zone).date()


def _moment_ms(day: dt.date, hhmm: str, zone: ZoneInfo) -> int:
    hours, minutes = map(int, hhmm.split(":"))
    # Wall-clock arithmetic: 07:00 stays 07:00 on the days the clocks change.
    local = dt.datetime.combine(day, dt.time(), zone) + dt.timedelta(hours=hours, minutes=minutes)
    return round(local.timestamp() * 1000)


def _counts_as(day: dt.date, calendar: Mapping[str, str]) -> int:
    match calendar.get(day.isoformat()):
        case "sunday":
            return 7
        case "working":
            return day.isoweekday() if day.isoweekday() <= 5 else 1
        case _:
            return day.isoweekday()
