"""What exists, by version: trucks, places, zones, permits. An event is judged by what was valid at its own time.

`Reference` is built record by record (`Reference.apply`) and read by the core; it never changes while events are judged.
"""

from bisect import bisect_right, insort
from collections.abc import Iterable, Mapping
from typing import Final
from zoneinfo import ZoneInfo

from streams import events, geo
from streams.hours import Hours, Stretch, zone_of
from streams.service_area import ServiceAreas, named

DEFAULT_RADIUS_M: Final = 40.0
"""Contract: an asset without an area is a circle of 40 m."""
REACH_M: Final = 60.0
"""`Reference.near` finds places up to here: more than the largest buffer a rule uses (50 m)."""
DEFAULT_CORRIDOR_M: Final = 50.0
"""Distance from a permit's corridor that is allowed where the permit names none (vendors' default: 50 m)."""
WIDEST_CORRIDOR_M: Final = 10_000.0
"""A corridor that is wider allows the whole city: it is as if there were none."""
_CORRIDOR_SLACK_M: Final = 30.0
"""Corridors are searched this much farther, so that a fix's accuracy can be granted."""

_ROUNDING_M: Final = 1.0
"""More than degrees to metres may be off over `REACH_M`."""
_WIDE_ZONES: Final = frozenset({"district", "grid", "speed_limit"})
"""Zones that cover much of a city: asked for by `zones_at`, not at each fix."""
_BIN: Final = "bin"


ALWAYS: Final = Hours(None, None, None)


class BadReference(ValueError):  # noqa: N818  # a verdict on a record, not a failure of ours
    """A record of what exists that cannot be used; the message names field, value and what was expected."""


class Place:
    """One version of a place: a facility, source, depot, bin or zone, with its area and its time."""

    __slots__ = (
        "area", "cells", "east", "hours", "kind", "north", "place_id", "record", "south", "tenant_ids", "until_ms",
        "valid_from_ms", "west",
    )  # fmt: skip

    def __init__(self, record: events.Asset | events.Zone, area: geo.Area) -> None:
        self.record = record
        self.area = area
        self.kind: str = record.kind
        self.place_id: str = record.id if isinstance(record, events.Asset) else record.zone_id
        self.tenant_ids: tuple[str, ...] = (record.tenant_id,)
        """Whom it concerns; empty = everybody: a zone that names no tenant is one of the map, not of a city's fleet."""
        if isinstance(record, events.Zone) and record.tenant_id == events.DEFAULT_TENANT:
            self.tenant_ids = ()
        self.hours = ALWAYS
        """When a forbidden zone is one."""
        if isinstance(record, events.Zone) and record.kind == "forbidden":
            self.hours = Hours(record.hours, record.days, record.time_zone)
        self.valid_from_ms = record.valid_from_ms
        self.until_ms: float = float("inf")
        """When the next version begins, UTC ms."""
        self.west, self.south, self.east, self.north = geo.widened(area.bounds(), REACH_M + _ROUNDING_M)
        """Nobody outside this box is within `REACH_M`."""
        self.cells = geo.Cells(area.bounds(), REACH_M, geo.WIDE_CELL_DEG if self.is_wide else geo.CELL_DEG)
        """Where it is listed."""

    def concerns(self, tenant_id: str) -> bool:
        """True if it is a place for this tenant's trucks."""
        return not self.tenant_ids or tenant_id in self.tenant_ids

    @property
    def is_wide(self) -> bool:
        """True if it covers much of a city."""
        return self.kind in _WIDE_ZONES

    @property
    def name(self) -> str:
        """For people."""
        return self.record.name or self.place_id

    @property
    def versioned_id(self) -> str:
        """As `used` of an alert names it."""
        return f"{self.place_id}@{self.record.version}"


class Permission:
    """One version of a permit with its corridor ready to be asked."""

    __slots__ = ("corridor", "corridor_m", "hours", "permit")

    def __init__(self, permit: events.Permit) -> None:
        self.permit = permit
        self.hours = Hours(permit.hours, permit.days, permit.time_zone)
        self.corridor_m = DEFAULT_CORRIDOR_M if permit.corridor_m is None else permit.corridor_m
        if not self.corridor_m > 0:
            raise BadReference(
                f"corridor_m of permit {permit.permit_id} is {permit.corridor_m}, expected metres above 0"
            )
        self.corridor: geo.Road | None = None
        if permit.corridor is not None and self.corridor_m <= WIDEST_CORRIDOR_M:
            self.corridor = geo.Road(geo.lines_of(permit.corridor), self.corridor_m + _CORRIDOR_SLACK_M)

    @property
    def versioned_id(self) -> str:
        """As `used` of an alert names it."""
        return f"{self.permit.permit_id}@{self.permit.version}"


class _History[V]:
    """Versions of one id; of those not after a time, the newest is valid. The highest version settles equal times."""

    __slots__ = ("froms", "newest_from_ms", "versions")

    def __init__(self) -> None:
        self.froms: list[tuple[int, int]] = []
        self.versions: list[V] = []
        self.newest_from_ms = float("inf")
        """From when on the last of them is valid."""

    def put(self, valid_from_ms: int, version: int, value: V) -> None:
        at = bisect_right(self.froms, (valid_from_ms, version))
        if at and self.froms[at - 1] == (valid_from_ms, version):
            self.versions[at - 1] = value
            return
        self.froms.insert(at, (valid_from_ms, version))
        self.versions.insert(at, value)
        self.newest_from_ms = self.froms[-1][0]

    def at(self, time_ms: int) -> V | None:
        if self.newest_from_ms <= time_ms:  # almost always the newest is asked for
            return self.versions[-1]
        n = bisect_right(self.froms, (time_ms, 1 << 62))
        return self.versions[n - 1] if n else None


_Grid = dict[tuple[int, int], list[Place]]


class Reference:
    """Everything that exists, for as many tenants as there are."""

    def __init__(self, records: Iterable[events.Event] = ()) -> None:
        self._trucks: dict[str, _History[events.Asset]] = {}
        self._bins: dict[str, _History[events.Asset]] = {}
        self._places: dict[tuple[str, str], _History[Place]] = {}
        self._grid: _Grid = {}
        self._wide: _Grid = {}
        self._bin_grid: _Grid = {}
        """Bins are most of what exists, and only trucks that stop ask for them."""
        self._permits: dict[str, _History[Permission]] = {}
        self._permits_of: dict[str, list[str]] = {}
        self._shifts: dict[str, _History[events.Shift]] = {}
        self._shifts_of: dict[str, list[str]] = {}
        self._calendars: dict[str, _History[events.Calendar]] = {}
        self._zones: dict[str, dict[str, str]] = {}
        """By tenant, by id, the time zones that its facilities and depots name."""
        self._tenants_with_permits: set[str] = set()
        self._areas = ServiceAreas()
        self.lowest_limit_mps: float | None = None
        """Of all zones ever on record with a speed limit: who drives no faster exceeds none. None = there is none."""
        given = list(records)
        self.learn(given)
        for record in given:
            self.apply(record)

    def learn(self, records: Iterable[events.Event]) -> None:
        """Learn from records of what exists where tenants work, before any of them is applied: their order is chance."""
        for record in records:
            self._areas.learn(record)

    def apply(self, record: events.Event) -> None:
        """Take a record of a reference topic into account; the same again changes nothing.

        Raises
        ------
        BadReference
            If it cannot be used, or lies where its tenant does not work; everything else stays as it was.
        """
        self._areas.learn(record)
        try:
            match record:
                case events.Asset(kind="truck"):
                    self._apply_truck(record)
                case events.Asset() | events.Zone():
                    self._apply_place(record)
                case events.Permit():
                    self._apply_permit(record)
                case events.Shift():
                    self._shifts.setdefault(record.shift_id, _History()).put(
                        record.valid_from_ms, record.version, record
                    )
                    _list_under(self._shifts_of, record.truck_id, record.shift_id)
                case events.Calendar():
                    self._calendars.setdefault(record.calendar_id, _History()).put(
                        record.valid_from_ms, record.version, record
                    )
                case events.Order():
                    pass  # bookings concern the planner
                case _:
                    raise TypeError(f"{type(record).__name__} does not say what exists")
        except BadReference:
            raise
        except ValueError as error:  # geometry, hours, days, time zones
            raise BadReference(f"{named(record)}: {error}") from error

    def _apply_truck(self, truck: events.Asset) -> None:
        for name, kg in (("payload_kg", truck.payload_kg), ("gross_limit_kg", truck.gross_limit_kg)):
            if kg is not None and not kg > 0:
                raise BadReference(f"{name} of truck {truck.id} is {kg}, expected kg above 0")
        self._trucks.setdefault(truck.id, _History()).put(truck.valid_from_ms, truck.version, truck)

    def _apply_place(self, record: events.Asset | events.Zone) -> None:
        place = Place(record, _area(record))  # refused here if it is none: nothing has changed yet
        self._check_area(record)
        if isinstance(record, events.Zone) and record.kind == "speed_limit":
            self._note_limit(record)
        if isinstance(record, events.Asset) and record.time_zone is not None and record.kind in ("facility", "depot"):
            self._zones.setdefault(record.tenant_id, {})[f"{record.kind}:{record.id}"] = zone_of(record.time_zone).key
        if isinstance(record, events.Asset) and record.kind == "bin":
            self._bins.setdefault(record.id, _History()).put(record.valid_from_ms, record.version, record)
        key = (place.kind, place.place_id)
        history = self._places.setdefault(key, _History())
        self._unlist(history.versions)
        history.put(record.valid_from_ms, record.version, place)
        for now, following in zip(history.versions, history.versions[1:], strict=False):
            now.until_ms = following.valid_from_ms
        history.versions[-1].until_ms = float("inf")
        self._list(history.versions)

    def _check_area(self, record: events.Asset | events.Zone | events.Permit) -> None:
        reason = self._areas.check(record)
        if reason is not None:
            raise BadReference(reason)

    def _note_limit(self, zone: events.Zone) -> None:
        if zone.limit_mps is None or not zone.limit_mps > 0:
            raise BadReference(
                f"limit_mps of zone {zone.zone_id} is {zone.limit_mps}, expected metres a second above 0"
            )
        self.lowest_limit_mps = min(zone.limit_mps, self.lowest_limit_mps or zone.limit_mps)

    def _grid_of(self, place: Place) -> _Grid:
        if place.is_wide:
            return self._wide
        return self._bin_grid if place.kind == _BIN else self._grid

    def _list(self, versions: list[Place]) -> None:
        for place in versions:
            if not place.record.retired and place.until_ms > place.valid_from_ms:
                grid = self._grid_of(place)
                for cell in place.cells:
                    grid.setdefault(cell, []).append(place)

    def _unlist(self, versions: list[Place]) -> None:
        for place in versions:
            grid = self._grid_of(place)
            for cell in place.cells:
                listed = grid.get(cell)
                if listed and place in listed:
                    listed.remove(place)
                    if not listed:
                        del grid[cell]

    def _apply_permit(self, permit: events.Permit) -> None:
        permission = Permission(permit)
        self._check_area(permit)
        self._tenants_with_permits.add(permit.tenant_id)
        self._permits.setdefault(permit.permit_id, _History()).put(permit.valid_from_ms, permit.version, permission)
        for truck_id in permit.truck_ids:
            _list_under(self._permits_of, truck_id, permit.permit_id)

    # ----------------------------------------------------------------------------------------- questions

    def why_not_there(self, truck_id: str, time_ms: int, tenant_id: str, lon: float, lat: float) -> str | None:
        """Say why a truck cannot have been, or be sent, to a place; None = it can, as far as anybody knows.

        ``tenant_id``: whose it is where the register does not know the truck.
        """
        history = self._trucks.get(truck_id)
        truck = history.at(time_ms) if history is not None else None
        return self._areas.why_not(tenant_id if truck is None else truck.tenant_id, lon, lat)

    def truck(self, truck_id: str, time_ms: int) -> events.Asset | None:
        """Return the truck as it was then, or None if it is not known."""
        history = self._trucks.get(truck_id)
        return history.at(time_ms) if history is not None else None

    def bin(self, bin_id: str, time_ms: int) -> events.Asset | None:
        """Return the bin as it was then, or None if it is not known or was retired."""
        history = self._bins.get(bin_id)
        found = history.at(time_ms) if history else None
        return None if found is None or found.retired else found

    def bin_from(self, bin_id: str, from_ms: int) -> int | None:
        """Return the first time, not before ``from_ms``, at which the bin and its material are known, by what is known now."""
        history = self._bins.get(bin_id)
        if history is None:
            return None
        times = (from_ms, *(valid_from_ms for valid_from_ms, _ in history.froms if valid_from_ms > from_ms))
        found = ((time_ms, self.bin(bin_id, time_ms)) for time_ms in times)
        return next((time_ms for time_ms, one in found if one is not None and one.material is not None), None)

    def place(self, kind: str, place_id: str, time_ms: int) -> Place | None:
        """Return the place as it was then, or None if it is not known or was retired."""
        history = self._places.get((kind, place_id))
        found = history.at(time_ms) if history else None
        return None if found is None or found.record.retired else found

    def places_at(self, time_ms: int, tenant_id: str) -> list[Place]:
        """Return all places of a tenant as they were then, by kind and id: for maps, not for each fix."""
        found = [history.at(time_ms) for _, history in sorted(self._places.items())]
        return [one for one in found if one is not None and one.concerns(tenant_id) and not one.record.retired]

    def near(self, lon: float, lat: float, time_ms: int, tenant_id: str) -> list[tuple[float, Place]]:
        """Return places within `REACH_M` at that time with their distance (0 = inside), nearest first.

        Districts, grid cells and speed limits are not among them, nor are bins (`bins_near`).
        """
        listed = self._grid.get(geo.cell_of(lon, lat))
        return _within_reach(listed, lon, lat, time_ms, tenant_id) if listed else []

    def bins_near(self, lon: float, lat: float, time_ms: int, tenant_id: str) -> list[tuple[float, Place]]:
        """Return bins as `near` does the other places."""
        listed = self._bin_grid.get(geo.cell_of(lon, lat))
        return _within_reach(listed, lon, lat, time_ms, tenant_id) if listed else []

    def zones_at(
        self, lon: float, lat: float, time_ms: int, tenant_id: str, among: frozenset[str] | None = None
    ) -> tuple[str, ...]:
        """Ids of all zones that hold the place, sorted. ``among``: only these are looked at; None = all."""
        listed = self._grid.get(geo.cell_of(lon, lat), [])
        wide = self._wide.get(geo.cell_of(lon, lat, geo.WIDE_CELL_DEG))
        found = [
            place.place_id
            for place in (listed + wide if wide else listed)
            if (among is None or place.place_id in among)
            and isinstance(place.record, events.Zone)
            and place.west <= lon <= place.east
            and place.south <= lat <= place.north
            and place.concerns(tenant_id)
            and place.valid_from_ms <= time_ms < place.until_ms
            and place.area.holds(lon, lat)
        ]
        return tuple(sorted(found)) if found else ()

    def speed_limit(
        self, lon: float, lat: float, time_ms: int, tenant_id: str, accuracy_m: float
    ) -> tuple[float, Place] | None:
        """Return the lowest limit of the zones that hold the place by more than its accuracy, m/s, and the zone."""
        found = [
            (place.record.limit_mps, place)
            for place in self._wide.get(geo.cell_of(lon, lat, geo.WIDE_CELL_DEG), ())
            if isinstance(place.record, events.Zone)
            and place.record.limit_mps is not None
            and place.kind == "speed_limit"
            and place.concerns(tenant_id)
            and place.valid_from_ms <= time_ms < place.until_ms
            and place.area.depth_m(lon, lat) >= accuracy_m
        ]
        return min(found, key=lambda one: (one[0], one[1].place_id), default=None)

    def nearest(
        self, lon: float, lat: float, time_ms: int, tenant_id: str, kinds: frozenset[str]
    ) -> tuple[float, Place] | None:
        """Return the nearest place of these kinds, however far. Looks at every place: for alerts, not for each fix."""
        found = (
            (place.area.distance_m(lon, lat), place)
            for (kind, _), history in self._places.items()
            if kind in kinds
            and (place := history.at(time_ms)) is not None
            and place.concerns(tenant_id)
            and not place.record.retired
        )
        return min(found, key=nearest_first, default=None)

    def permissions(self, truck_id: str, time_ms: int) -> list[Permission]:
        """Permits of the truck that are in force then, by id."""
        found = []
        for permit_id in self._permits_of.get(truck_id, ()):
            permission = self._permits[permit_id].at(time_ms)
            if permission is None or permission.permit.retired or truck_id not in permission.permit.truck_ids:
                continue
            if permission.permit.valid_to_ms is None or time_ms < permission.permit.valid_to_ms:
                found.append(permission)
        return found

    def knows_permits(self, tenant_id: str) -> bool:
        """True if any permit for the tenant was ever on record: where none is, nothing says that loads need one."""
        return not self._tenants_with_permits.isdisjoint((tenant_id, events.DEFAULT_TENANT))

    def permit_hours(self, permission: Permission, time_ms: int, tenant_id: str) -> Stretch | None:
        """Return the stretch of its hours, or between them, that a moment is in; None = no time zone is known."""
        zone = self.zone(permission.hours, tenant_id)
        if zone is None:
            return None
        return permission.hours.around(time_ms, zone, self._dates(permission.permit.calendar_id, time_ms))

    def is_forbidden(self, place: Place, time_ms: int, tenant_id: str) -> bool | None:
        """Whether a forbidden zone's hours hold; None = no time zone is known."""
        if place.hours.always:
            return True
        zone = self.zone(place.hours, tenant_id)
        return None if zone is None else place.hours.around(time_ms, zone).holds

    def zone(self, hours: Hours, tenant_id: str) -> ZoneInfo | None:
        """Return the time zone of hours: their own, else the tenant's: that of its first facility or depot by id."""
        if hours.zone is not None:
            return hours.zone
        named = self._zones.get(tenant_id)
        return ZoneInfo(named[min(named)]) if named else None

    def city_zone(self, truck_id: str, time_ms: int) -> ZoneInfo | None:
        """Return the time zone of a truck's tenant, else of the first tenant that names one: for people's clocks."""
        known = self.truck(truck_id, time_ms)
        tenants = [*([known.tenant_id] if known else []), *sorted(self._zones)]
        return next((zone for one in tenants if (zone := self.zone(ALWAYS, one)) is not None), None)

    def calendar(self, calendar_id: str | None, time_ms: int) -> events.Calendar | None:
        """Return the calendar as it was then, or None if it is not known, or none is named."""
        history = None if calendar_id is None else self._calendars.get(calendar_id)
        return history.at(time_ms) if history else None

    def _dates(self, calendar_id: str | None, time_ms: int) -> Mapping[str, str] | None:
        calendar = self.calendar(calendar_id, time_ms)
        return calendar.dates if calendar else None

    def last_ended(self, truck_id: str, time_ms: int) -> Permission | None:
        """Return the permit of the truck that ended last before a moment: for alerts, not for each fix."""
        found = None
        for permit_id in self._permits_of.get(truck_id, ()):
            permission = self._permits[permit_id].at(time_ms)
            if permission is None or permission.permit.valid_to_ms is None or permission.permit.valid_to_ms > time_ms:
                continue
            if found is None or permission.permit.valid_to_ms > (found.permit.valid_to_ms or 0):
                found = permission
        return found

    def driver(self, truck_id: str, time_ms: int) -> str | None:
        """Return who drives the truck then by its shifts."""
        for shift_id in self._shifts_of.get(truck_id, ()):
            shift = self._shifts[shift_id].at(time_ms)
            if shift and not shift.retired and shift.truck_id == truck_id and shift.start_ms <= time_ms < shift.end_ms:
                return shift.driver_id
        return None


def _list_under(listed: dict[str, list[str]], key: str, one_id: str) -> None:
    """Put an id among those of a key, in their order, once: they are asked for at each fix."""
    ids = listed.setdefault(key, [])
    if one_id not in ids:
        insort(ids, one_id)


def _within_reach(
    listed: list[Place], lon: float, lat: float, time_ms: int, tenant_id: str
) -> list[tuple[float, Place]]:
    found = []
    for place in listed:
        if not (place.west <= lon <= place.east and place.south <= lat <= place.north):
            continue
        if place.valid_from_ms <= time_ms < place.until_ms and place.concerns(tenant_id):
            distance_m = place.area.distance_m(lon, lat)
            if distance_m <= REACH_M:
                found.append((distance_m, place))
    if len(found) > 1:
        found.sort(key=nearest_first)
    return found


def nearest_first(found: tuple[float, Place]) -> tuple[float, str, str]:
    """Return what places with their distances are sorted by."""
    return found[0], found[1].kind, found[1].place_id


def _area(record: events.Asset | events.Zone) -> geo.Area:
    if record.area is not None:
        return geo.area_of(record.area)
    if isinstance(record, events.Zone):
        raise BadReference(f"zone {record.zone_id} has no area, expected a Polygon or MultiPolygon")
    if record.lon is None or record.lat is None:
        raise BadReference(f"{record.kind} {record.id} has neither area nor lon, lat")
    return geo.Circle(record.lon, record.lat, DEFAULT_RADIUS_M)
