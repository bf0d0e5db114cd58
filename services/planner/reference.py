"""What exists, as the planner needs it: the version of everything that holds now, open hours, who may carry what where."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from zoneinfo import ZoneInfo

from services.planner.ways import LonLat
from streams import events, hours
from streams.hours import Interval
from streams.units import DAY_MS

USABLE_SHARE: Final = 0.97
"""Share of the payload that is planned for: loads are estimates, and scales swing by a few per cent."""
UTC: Final = "UTC"
"""Time zone of a record that names none."""


class Versions[T: events.Versioned]:
    """Every version of one thing; the newest with ``valid_from_ms`` not after a moment holds at that moment."""

    def __init__(self) -> None:
        self._by_version: dict[int, T] = {}

    def add(self, record: T) -> None:
        """Take a version; the same again replaces itself."""
        self._by_version[record.version] = record

    def at(self, now_ms: int) -> T | None:
        """Return the version that holds, or None (not yet, or retired)."""
        newest: T | None = None
        for one in self._by_version.values():  # nearly always one
            if one.valid_from_ms <= now_ms and (newest is None or _later(one, newest)):
                newest = one
        return None if newest is None or newest.retired else newest

    def newest(self) -> int:
        """Highest version seen."""
        return max(self._by_version)


def _later(one: events.Versioned, other: events.Versioned) -> bool:
    return (one.valid_from_ms, one.version) > (other.valid_from_ms, other.version)


class Catalogue[T: events.Versioned]:
    """Things of one kind by id."""

    def __init__(self) -> None:
        self._things: dict[str, Versions[T]] = {}

    def add(self, key: str, record: T) -> None:
        """Take a version of ``key``."""
        self._things.setdefault(key, Versions()).add(record)

    def get(self, key: str | None, now_ms: int) -> T | None:
        """Return what holds of ``key``, or None."""
        versions = self._things.get(key) if key is not None else None
        return versions.at(now_ms) if versions else None

    def all(self, now_ms: int) -> Iterator[T]:
        """Yield everything that holds, in order of id."""
        for key in sorted(self._things):
            if (found := self._things[key].at(now_ms)) is not None:
                yield found

    def newest_version(self, key: str) -> int:
        """Highest version seen of ``key``; 0 = never seen."""
        return self._things[key].newest() if key in self._things else 0


@dataclass(frozen=True, kw_only=True)
class Leave:
    """What permits allow for a load: by which trucks and to which facilities (None = any), and when."""

    truck_ids: frozenset[str] | None
    facility_ids: frozenset[str] | None
    windows: tuple[Interval, ...]


@dataclass
class Reference:
    """Everything that exists."""

    trucks: Catalogue[events.Asset] = field(default_factory=Catalogue)
    bins: Catalogue[events.Asset] = field(default_factory=Catalogue)
    depots: Catalogue[events.Asset] = field(default_factory=Catalogue)
    facilities: Catalogue[events.Asset] = field(default_factory=Catalogue)
    sources: Catalogue[events.Asset] = field(default_factory=Catalogue)
    permits: Catalogue[events.Permit] = field(default_factory=Catalogue)
    calendars: Catalogue[events.Calendar] = field(default_factory=Catalogue)
    shifts: Catalogue[events.Shift] = field(default_factory=Catalogue)
    orders: Catalogue[events.Order] = field(default_factory=Catalogue)
    _shifts_of: dict[str, set[str]] = field(default_factory=dict)

    def apply(self, record: events.Event) -> bool:
        """Take a record of what exists; False = it is not one."""
        match record:
            case events.Asset():
                self._assets_of(record.kind).add(record.id, record)
            case events.Permit():
                self.permits.add(record.permit_id, record)
            case events.Calendar():
                self.calendars.add(record.calendar_id, record)
            case events.Shift():
                self.shifts.add(record.shift_id, record)
                self._shifts_of.setdefault(record.truck_id, set()).add(record.shift_id)
            case events.Order():
                self.orders.add(record.order_id, record)
            case _:
                return False
        return True

    def _assets_of(self, kind: str) -> Catalogue[events.Asset]:
        return {
            "truck": self.trucks,
            "bin": self.bins,
            "depot": self.depots,
            "facility": self.facilities,
            "source": self.sources,
        }[kind]

    # ----------------------------------------------------------------------------------------- time and hours

    def zone(self, now_ms: int) -> ZoneInfo:
        """Return the city's time zone: that of its first facility that names one."""
        named = (site.time_zone for site in self.facilities.all(now_ms) if site.time_zone)
        return ZoneInfo(next(named, UTC))

    def open_hours(self, place: events.Asset, within: Interval) -> list[Interval]:
        """Return when a place is open. A facility a dispatcher has closed opens at ``closed_until_ms`` again."""
        if not place.windows and place.days is None and not place.closed_dates and place.closed_until_ms is None:
            return [within]
        open_ = hours.intervals(
            place.windows or None,  # contract: an asset's empty list = always
            within,
            zone=ZoneInfo(place.time_zone) if place.time_zone else self.zone(within[0]),
            days=place.days,
            closed_dates=place.closed_dates,
            calendar=self._dates(None, within[0]) if place.days is not None else None,
        )
        return open_ if place.closed_until_ms is None else hours.without(open_, place.closed_until_ms)

    def order_hours(self, order: events.Order, within: Interval) -> list[Interval]:
        """Return when an order may be loaded: its own hours, its source's, from ``ready_ms`` to ``due_ms``."""
        source = self.sources.get(order.source_id, within[0])
        zone = ZoneInfo(source.time_zone) if source and source.time_zone else self.zone(within[0])
        wished = hours.intervals(order.windows, within, zone=zone)
        if source is not None:
            wished = hours.common(wished, self.open_hours(source, within))
        span = (order.ready_ms or within[0], order.due_ms or within[1])
        return hours.common(wished, [span]) if span[0] <= span[1] else []

    # ----------------------------------------------------------------------------------------- permits

    def leave(
        self, material: str, within: Interval, *, source_id: str | None = None, permit_id: str | None = None
    ) -> Leave:
        """Return what the permits allow for a load of ``material`` from ``source_id``.

        Where no permit at all is on record for the material, none is needed.
        """
        fitting = [one for one in self.permits.all(within[0]) if one.material in (None, material)]
        if not fitting:
            return Leave(truck_ids=None, facility_ids=None, windows=(within,))
        if permit_id is not None:
            fitting = [one for one in fitting if one.permit_id == permit_id]
        else:
            own = [one for one in fitting if one.source_id is not None and one.source_id == source_id]
            fitting = own or [one for one in fitting if one.source_id is None]
        return Leave(
            truck_ids=frozenset(truck for one in fitting for truck in one.truck_ids),
            facility_ids=frozenset(site for one in fitting for site in one.facility_ids),
            windows=tuple(hours.joined(span for one in fitting for span in self._permit_hours(one, within))),
        )

    def _permit_hours(self, permit: events.Permit, within: Interval) -> list[Interval]:
        end_ms = within[1] if permit.valid_to_ms is None else min(within[1], permit.valid_to_ms - 1)
        if end_ms < within[0]:
            return []
        return hours.intervals(
            permit.hours,
            (within[0], end_ms),
            zone=ZoneInfo(permit.time_zone) if permit.time_zone else self.zone(within[0]),
            days=permit.days,
            calendar=self._dates(permit.calendar_id, within[0]) if permit.days is not None else None,
        )

    def _dates(self, calendar_id: str | None, now_ms: int) -> dict[str, str]:
        if calendar_id is not None:
            found = self.calendars.get(calendar_id, now_ms)
            return dict(found.dates) if found else {}
        return {date: kind for one in self.calendars.all(now_ms) for date, kind in one.dates.items()}

    # ----------------------------------------------------------------------------------------- trucks

    def shift(self, truck_id: str, now_ms: int, ahead_ms: int = 0) -> events.Shift | None:
        """Return the truck's shift that goes on (overtime included) or begins within ``ahead_ms``; the earliest."""
        own = (
            one
            for shift_id in self._shifts_of.get(truck_id, ())
            if (one := self.shifts.get(shift_id, now_ms)) is not None
            and one.truck_id == truck_id
            and one.start_ms <= now_ms + ahead_ms
            and now_ms < one.end_ms + one.overtime_s * 1000
        )
        return min(own, key=lambda one: one.start_ms, default=None)


def place_of(asset: events.Asset | None) -> LonLat | None:
    """Where an asset is, or None."""
    return None if asset is None or asset.lon is None or asset.lat is None else (asset.lon, asset.lat)


def compartments_of(truck: events.Asset) -> tuple[events.Compartment, ...]:
    """Return the truck's compartments; by default one of its materials, payload and volume."""
    whole = events.Compartment(materials=truck.materials, kg=truck.payload_kg, l=truck.volume_l)
    return truck.compartments or (whole,)


def usable_kg(part: events.Compartment) -> float | None:
    """What is planned for a compartment; None = no limit."""
    return None if part.kg is None else part.kg * USABLE_SHARE


def day_of(now_ms: int, zone: ZoneInfo) -> Interval:
    """Return the local day of a moment."""
    midnight_ms = hours.local_midnight_ms(now_ms, zone)
    return (midnight_ms, midnight_ms + DAY_MS)
