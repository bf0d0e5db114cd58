"""Local hours to moments: ``[["07:00", "18:00"]]`` on the days it holds, in a time zone, as intervals of UTC ms.

Contract: an interval whose end is not after its start runs over midnight and belongs to the day it begins; ``24:00``
is allowed; ``days`` 1 = Monday … 7; a calendar says which dates count as Sunday (7) or as a working day (Monday).
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from streams.events import EARLIEST_MS, LATEST_MS, Window
from streams.units import DAY_MS

Interval = tuple[int, int]
"""First and last moment, UTC ms."""

_DAY: Final = dt.timedelta(days=1)
_SEEN_DAYS: Final = 8
"""How far before and after a moment's local day `Hours` looks: days repeat by the week."""
_FIRST_MS: Final = EARLIEST_MS + 10 * DAY_MS
_LAST_MS: Final = LATEST_MS - 10 * DAY_MS
_HHMM: Final = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


class Stretch(NamedTuple):
    """A stretch of time in which hours hold or do not; cut a week before and after its moment's day."""

    holds: bool
    since_ms: int
    until_ms: int
    """The first moment after it."""


class Hours:
    """When something holds, asked moment by moment: it remembers the stretch it found last.

    Raises
    ------
    ValueError
        Naming what is no hour, day or time zone.
    """

    __slots__ = ("_dates", "_found", "_zone", "days", "windows", "zone")

    def __init__(self, windows: Sequence[Window] | None, days: Sequence[int] | None, time_zone: str | None) -> None:
        self.windows, self.days = windows, days
        for window in windows or ():
            for hhmm in window:
                if not _HHMM.fullmatch(hhmm):
                    raise ValueError(f"hours has {hhmm!r}, expected HH:MM from 00:00 to 24:00")
        for day in days or ():
            if not 1 <= day <= 7:
                raise ValueError(f"days has {day}, expected 1 (Monday) to 7")
        self.zone = None if time_zone is None else zone_of(time_zone)
        """None = that of the tenant."""
        self._zone: ZoneInfo | None = None
        self._dates: Mapping[str, str] | None = None
        self._found = Stretch(holds=True, since_ms=0, until_ms=0)

    @property
    def always(self) -> bool:
        """True if they hold at any time."""
        return self.windows is None and self.days is None

    def around(self, time_ms: int, zone: ZoneInfo, dates: Mapping[str, str] | None = None) -> Stretch:
        """Return the stretch that a moment is in. ``dates``: those that count as Sunday or as a working day."""
        found = self._found
        if found.since_ms <= time_ms < found.until_ms and zone is self._zone and dates is self._dates:
            return found
        self._zone, self._dates = zone, dates
        day_ms = local_midnight_ms(min(max(time_ms, _FIRST_MS), _LAST_MS), zone)
        within = (day_ms - _SEEN_DAYS * DAY_MS, day_ms + _SEEN_DAYS * DAY_MS)
        holding = intervals(self.windows, within, zone=zone, days=self.days, calendar=dates)
        self._found = _stretch(holding, time_ms, within)
        return self._found


def _stretch(holding: list[Interval], time_ms: int, within: Interval) -> Stretch:
    since_ms = within[0]
    for begin_ms, end_ms in holding:
        if time_ms < begin_ms:
            return Stretch(holds=False, since_ms=since_ms, until_ms=begin_ms)
        if time_ms < end_ms:
            return Stretch(holds=True, since_ms=begin_ms, until_ms=end_ms)
        since_ms = end_ms
    return Stretch(holds=False, since_ms=since_ms, until_ms=within[1])


def zone_of(name: str) -> ZoneInfo:
    """Return a time zone.

    Raises
    ------
    ValueError
        If there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"time_zone is {name!r}, expected a name such as Asia/Shanghai") from error


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
