"""A city is a folder of `deploy/cities/`: CSV, JSON and GeoJSON that a person can edit. `read` checks all of it.

Files: `FILES` lists them; `deploy/cities/README.md` says what each column means. Nothing here asks the network or the
clock: what depends on the day (`City.shifts`, `City.orders`) is told the day.
"""

import csv
import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import shapely
from shapely.geometry import shape

from streams import events, geo
from streams.service_area import ServiceArea, first_misplaced
from streams.units import DAY_MS

FILES: Final = (
    "city.json",
    "contractors.csv",
    "trucks.csv",
    "bins.csv",
    "places.geojson",
    "zones.geojson",
    "permits.geojson",
    "shifts.csv",
    "bookings.csv",
    "calendar.csv",
)
"""What every city's folder holds, beside its ``.osm.pbf``. The simulator's own files: `services.simulator.script`."""

LonLat = tuple[float, float]


class FolderError(ValueError):
    """Something in a city's folder cannot be used; the message names file, line or id, and what was expected."""


class Header(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``city.json``. ``valid_from``: the local date from which the folder's content holds."""

    city: str
    tenant_id: str
    name: dict[Literal["zh", "en"], str]
    time_zone: str
    valid_from: dt.date
    centre: tuple[events.Lon, events.Lat]
    bounds: tuple[events.Lon, events.Lat, events.Lon, events.Lat]
    roads: str
    attribution: str
    service_area_km: float
    chirpstack_source: str
    alert_deadlines_min: dict[Literal["critical", "high", "medium", "low"], tuple[int, int]] = {}
    """Of a severity: minutes until an alert is to be acknowledged, and until it is to be settled; the rest is the gateway's."""


class TruckRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``trucks.csv``: the truck, its terminal, its driver and weekly pattern of shifts."""

    truck_id: str
    plate: str
    truck_class: events.TruckClass = msgspec.field(name="class")
    materials: tuple[str, ...] = ()
    """None for a sweeper, whose rounds are streets: no stops are planned for it."""
    payload_kg: float
    gross_limit_kg: float
    volume_l: float
    tare_kg: float
    depot_id: str
    contractor_id: str
    driver_id: str
    shift: str
    phone: str
    terminal_id: str
    header: Literal["2013", "2019"]
    profile: str
    osmand_id: str | None = None


class BinRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``bins.csv``: a container and its sensor."""

    bin_id: str
    name: str
    material: events.Material
    lon: events.Lon
    lat: events.Lat
    volume_l: float
    depth_mm: float
    dead_zone_mm: float
    density_kg_per_l: float
    service_s: int
    dev_eui: str
    sensor: Literal["milesight-em400", "generic"]


class ShiftRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``shifts.csv``: a weekly pattern, local times. ``days`` 1 = Monday … 7, written together (``123456``)."""

    pattern: str
    days: str
    start: str
    end: str
    overtime_s: int
    break_earliest: str
    break_latest: str
    break_s: int


class BookingRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``bookings.csv``: what a source books on each of ``days``, local times of that day."""

    booking_id: str
    source_id: str
    days: str
    kg: float
    l: float  # noqa: E741  # the contract's name for litres
    ready: str
    due: str
    permit_id: str


class CalendarRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``calendar.csv``: a date that counts as a Sunday or as a working day."""

    date: dt.date
    counts_as: Literal["sunday", "working"]


class ContractorRow(msgspec.Struct, frozen=True, kw_only=True):
    """A line of ``contractors.csv``."""

    contractor_id: str
    name: str


@dataclass(frozen=True, kw_only=True)
class City:
    """A city as its folder says, checked. Records are those of `streams.events`, at their first version."""

    path: Path
    header: Header
    contractors: tuple[ContractorRow, ...]
    trucks: tuple[TruckRow, ...]
    bins: tuple[BinRow, ...]
    patterns: tuple[ShiftRow, ...]
    bookings: tuple[BookingRow, ...]
    assets: tuple[events.Asset, ...]
    zones: tuple[events.Zone, ...]
    permits: tuple[events.Permit, ...]
    calendars: tuple[events.Calendar, ...]

    @property
    def tenant_id(self) -> str:
        """Tenant of every record."""
        return self.header.tenant_id

    @property
    def roads(self) -> Path:
        """The road network."""
        return self.path / self.header.roads

    @cached_property
    def zone(self) -> ZoneInfo:
        """The city's time zone."""
        return ZoneInfo(self.header.time_zone)

    @cached_property
    def asset(self) -> Mapping[tuple[str, str], events.Asset]:
        """Assets by (kind, id)."""
        return {(one.kind, one.id): one for one in self.assets}

    def of_kind(self, kind: str) -> list[events.Asset]:
        """Return the assets of a kind, in the folder's order."""
        return [one for one in self.assets if one.kind == kind]

    def local_date(self, at_ms: int) -> dt.date:
        """Return the local date of a moment."""
        return dt.datetime.fromtimestamp(at_ms / 1000, self.zone).date()

    def local_ms(self, day: dt.date, hhmm: str) -> int:
        """Return the moment of a local ``HH:MM`` of a day; ``24:00`` is the next midnight."""
        hours, minutes = map(int, hhmm.split(":"))
        midnight = dt.datetime.combine(day, dt.time(), self.zone)
        # Wall-clock arithmetic: 07:00 stays 07:00 on the days the clocks change.
        return round((midnight + dt.timedelta(hours=hours, minutes=minutes)).timestamp() * 1000)

    def shifts(self, day: dt.date) -> list[events.Shift]:
        """Return the shifts that begin on a local day, one for each truck whose pattern has that day."""
        patterns = {row.pattern: row for row in self.patterns if str(self._counts_as(day)) in row.days}
        return [self._shift(truck, patterns[truck.shift], day) for truck in self.trucks if truck.shift in patterns]

    def _shift(self, truck: TruckRow, pattern: ShiftRow, day: dt.date) -> events.Shift:
        start_ms, end_ms = self.local_ms(day, pattern.start), self.local_ms(day, pattern.end)
        return events.Shift(
            tenant_id=self.tenant_id,
            shift_id=f"{truck.truck_id}-{day.isoformat()}",
            truck_id=truck.truck_id,
            driver_id=truck.driver_id,
            valid_from_ms=self.valid_from_ms,
            start_ms=start_ms,
            end_ms=end_ms if end_ms > start_ms else end_ms + DAY_MS,
            overtime_s=pattern.overtime_s,
            breaks=(
                events.ShiftBreak(
                    earliest_ms=self.local_ms(day, pattern.break_earliest),
                    latest_ms=self.local_ms(day, pattern.break_latest),
                    duration_s=pattern.break_s,
                ),
            ),
        )

    def orders(self, day: dt.date) -> list[events.Order]:
        """Return what is booked for a local day, known from that day's first minute on."""
        permits = {one.permit_id: one for one in self.permits}
        return [
            events.Order(
                tenant_id=self.tenant_id,
                order_id=f"o-{day:%y%m%d}-{row.booking_id}",
                source_id=row.source_id,
                material=_known(permits[row.permit_id].material),
                kg=row.kg,
                l=row.l,
                valid_from_ms=self.local_ms(day - dt.timedelta(days=1), "00:00"),
                ready_ms=self.local_ms(day, row.ready),
                due_ms=self.local_ms(day, row.due),
                windows=self.asset["source", row.source_id].windows,
                facility_ids=permits[row.permit_id].facility_ids,
                permit_id=row.permit_id,
            )
            for row in self.bookings
            if str(self._counts_as(day)) in row.days
        ]

    @property
    def valid_from_ms(self) -> int:
        """Moment from which the folder's content holds."""
        return self.local_ms(self.header.valid_from, "00:00")

    def _counts_as(self, day: dt.date) -> int:
        """Day of the week 1–7, as the calendar sees it: a holiday is a Sunday, a make-up day a Monday."""
        for calendar in self.calendars:
            match calendar.dates.get(day.isoformat()):
                case "sunday":
                    return 7
                case "working" if day.isoweekday() > 5:
                    return 1
                case _:
                    pass
        return day.isoweekday()


def read(path: Path) -> City:
    """Read and check a city's folder.

    Raises
    ------
    FolderError
        With a sentence for the first thing that is wrong.
    """
    for name in FILES:
        if not (path / name).is_file():
            raise FolderError(f"{path / name} is missing; a city's folder has {', '.join(FILES)}")
    header = read_json(path / "city.json", Header)
    try:
        ZoneInfo(header.time_zone)
    except ZoneInfoNotFoundError as error:
        raise FolderError(
            f"city.json: time_zone is {header.time_zone!r}, expected a name such as Europe/Lisbon"
        ) from error
    given = City(
        path=path,
        header=header,
        contractors=tuple(read_rows(path / "contractors.csv", ContractorRow)),
        trucks=tuple(read_rows(path / "trucks.csv", TruckRow)),
        bins=tuple(read_rows(path / "bins.csv", BinRow)),
        patterns=tuple(read_rows(path / "shifts.csv", ShiftRow)),
        bookings=tuple(read_rows(path / "bookings.csv", BookingRow)),
        assets=(),
        zones=(),
        permits=(),
        calendars=(),
    )
    known = {"tenant_id": header.tenant_id, "valid_from_ms": given.valid_from_ms, "time_zone": header.time_zone}
    zones = tuple(_features(path / "zones.geojson", events.Zone, known, "area"))
    city = dataclasses.replace(
        given,
        zones=zones,
        assets=tuple(_assets(given, known, _Districts(zones))),
        permits=tuple(_features(path / "permits.geojson", events.Permit, known, "corridor")),
        calendars=tuple(_calendars(path / "calendar.csv", header, known)),
    )
    _check(city)
    return city


# --------------------------------------------------------------------------------------------- files to records


def read_json[T](path: Path, kind: type[T]) -> T:
    """Read a JSON file into a struct; raises `FolderError`."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except msgspec.DecodeError as error:  # also the parent of ValidationError
        raise FolderError(f"{path.name}: {error}") from error


def read_rows[T: msgspec.Struct](path: Path, kind: type[T]) -> Iterator[T]:
    """Yield the lines of a CSV (`FolderError` for a wrong one); an empty cell is a missing member, a list is separated by spaces."""
    lists = {field.encode_name for field in msgspec.structs.fields(kind) if str(field.type).startswith("tuple")}
    with path.open(encoding="utf-8", newline="") as lines:
        for number, line in enumerate(csv.DictReader(lines), start=2):
            cells = {name: cell.split() if name in lists else cell for name, cell in line.items() if cell}
            try:
                yield msgspec.convert(cells, kind, strict=False)
            except (msgspec.ValidationError, TypeError) as error:
                raise FolderError(f"{path.name} line {number}: {error}") from error


def _features[T: msgspec.Struct](
    path: Path, kind: type[T], known: Mapping[str, Any], geometry_member: str
) -> Iterator[T]:
    """Yield the features of a GeoJSON file: properties are the record's members, the geometry is one of them."""
    try:
        features = json.loads(path.read_text(encoding="utf-8"))["features"]
    except (ValueError, KeyError, TypeError) as error:
        raise FolderError(f"{path.name}: not a GeoJSON FeatureCollection ({error})") from error
    members = {field.encode_name for field in msgspec.structs.fields(kind)}
    for number, feature in enumerate(features, start=1):
        given = {**{name: value for name, value in known.items() if name in members}, **feature["properties"]}
        if unknown := given.keys() - members:
            raise FolderError(f"{path.name} feature {number}: unknown property {', '.join(sorted(unknown))}")
        if feature.get("geometry") is not None:
            given[geometry_member] = feature["geometry"]
        try:
            yield msgspec.convert(given, kind)
        except msgspec.ValidationError as error:
            raise FolderError(f"{path.name} feature {number}: {error}") from error


def _calendars(path: Path, header: Header, known: Mapping[str, Any]) -> Iterator[events.Calendar]:
    dates = {row.date.isoformat(): row.counts_as for row in read_rows(path, CalendarRow)}
    yield events.Calendar(
        tenant_id=header.tenant_id, valid_from_ms=known["valid_from_ms"], calendar_id=header.city, dates=dates
    )


class _Districts:
    """Which district a place is in: the first whose area covers it, or None."""

    def __init__(self, zones: Sequence[events.Zone]) -> None:
        self._zones = [zone for zone in zones if zone.kind == "district"]
        self._tree = shapely.STRtree([shape(zone.area) for zone in self._zones])

    def of(self, lon: float, lat: float) -> str | None:
        found = self._tree.query(shapely.Point(lon, lat), predicate="intersects")
        return self._zones[min(found)].zone_id if len(found) else None


def _assets(given: City, known: Mapping[str, Any], districts: _Districts) -> Iterator[events.Asset]:
    places = list(_features(given.path / "places.geojson", events.Asset, known, "area"))
    for place in places:
        if place.lon is None or place.lat is None:
            raise FolderError(f"places.geojson: {place.kind} {place.id} needs lon and lat (the gate on the road)")
        yield msgspec.structs.replace(place, district_id=districts.of(place.lon, place.lat))
    depots = {place.id: place for place in places if place.kind == "depot"}
    for row in given.trucks:
        yield _truck(row, depots, known, districts)
    for container in given.bins:
        yield _bin(container, known, districts)


def _truck(
    row: TruckRow, depots: Mapping[str, events.Asset], known: Mapping[str, Any], districts: _Districts
) -> events.Asset:
    home = depots.get(row.depot_id)
    if home is None:
        raise FolderError(f"trucks.csv: truck {row.truck_id} has depot_id {row.depot_id!r}, no depot of places.geojson")
    return events.Asset(
        **known,
        id=row.truck_id,
        kind="truck",
        name=row.truck_id,
        district_id=districts.of(_known(home.lon), _known(home.lat)),
        plate=row.plate,
        truck_class=row.truck_class,
        materials=row.materials,
        payload_kg=row.payload_kg,
        gross_limit_kg=row.gross_limit_kg,
        volume_l=row.volume_l,
        tare_kg=row.tare_kg,
        depot_id=row.depot_id,
        terminal_id=row.phone,
        contractor_id=row.contractor_id,
    )


def _bin(row: BinRow, known: Mapping[str, Any], districts: _Districts) -> events.Asset:
    return events.Asset(
        **known,
        id=row.bin_id,
        kind="bin",
        name=row.name,
        district_id=districts.of(row.lon, row.lat),
        lon=row.lon,
        lat=row.lat,
        material=row.material,
        volume_l=row.volume_l,
        depth_mm=row.depth_mm,
        dead_zone_mm=row.dead_zone_mm,
        density_kg_per_l=row.density_kg_per_l,
        service_s=row.service_s,
    )


def _known[T](value: T | None) -> T:
    """Return a value that `_check` has made sure of."""
    if value is None:
        raise FolderError("a member that the checks require is missing")
    return value


# --------------------------------------------------------------------------------------------- checks


def _check(city: City) -> None:
    """Raise `FolderError` for ids given twice, references to nothing, and facilities that take nothing."""
    ids = {
        "asset": [f"{one.kind} {one.id}" for one in city.assets],
        "zone": [one.zone_id for one in city.zones],
        "permit": [one.permit_id for one in city.permits],
        "terminal phone": [one.phone for one in city.trucks],
        "driver": [one.driver_id for one in city.trucks],
        "devEui": [one.dev_eui for one in city.bins],
        "shift pattern": [one.pattern for one in city.patterns],
        "booking": [one.booking_id for one in city.bookings],
    }
    for what, given in ids.items():
        twice = sorted({one for one in given if given.count(one) > 1}) if len(given) != len(set(given)) else []
        if twice:
            raise FolderError(f"{what} {twice[0]} is given twice")
    for file, holder, member, value, allowed in _references(city):
        if value not in allowed:
            raise FolderError(f"{file}: {holder} has {member} {value!r}, which does not exist")
    for truck in city.trucks:
        if not truck.materials and truck.truck_class != "sweeper":
            raise FolderError(
                f"trucks.csv: {truck.truck_id} has no materials, a {truck.truck_class} needs at least one"
            )
    for place in city.of_kind("facility"):
        if place.facility_type is None or not place.accepts:
            raise FolderError(f"places.geojson: facility {place.id} needs facility_type and accepts")
    _check_places(city)
    if not (city.path / city.header.roads).is_file():
        raise FolderError(f"city.json: roads is {city.header.roads!r}, no file of this folder")


def _check_places(city: City) -> None:
    """Raise `FolderError` for the first place that lies where the city does not work, by its header."""
    header = city.header
    area = ServiceArea(city.tenant_id, geo.widened((*header.centre, *header.centre), header.service_area_km * 1000))
    for file, records in (
        ("zones.geojson", city.zones),
        ("places.geojson", [one for one in city.assets if one.kind != "bin"]),
        ("bins.csv", city.of_kind("bin")),
        ("permits.geojson", city.permits),
    ):
        for record in records:
            reason = first_misplaced(record, area.why_not)
            if reason is not None:
                raise FolderError(f"{file}: {reason} (city.json: centre, service_area_km)")


def _references(city: City) -> Iterator[tuple[str, str, str, str, set[str]]]:
    """Yield every reference: file, who refers, by which member, to what, out of what."""
    facilities, sources, trucks = ({one.id for one in city.of_kind(kind)} for kind in ("facility", "source", "truck"))
    zones, permits = {one.zone_id for one in city.zones}, {one.permit_id for one in city.permits}
    contractors, patterns = {one.contractor_id for one in city.contractors}, {one.pattern for one in city.patterns}
    for truck in city.trucks:
        yield "trucks.csv", truck.truck_id, "contractor_id", truck.contractor_id, contractors
        yield "trucks.csv", truck.truck_id, "shift", truck.shift, patterns
        yield from (("trucks.csv", truck.truck_id, "materials", one, set(events.MATERIALS)) for one in truck.materials)
    for bin_ in city.bins:
        yield "bins.csv", bin_.bin_id, "material", bin_.material, set(events.MATERIALS)
    for place in city.of_kind("facility"):
        yield from (("places.geojson", place.id, "accepts", one, set(events.MATERIALS)) for one in place.accepts)
    for zone in city.zones:
        if zone.parent_id is not None:
            yield "zones.geojson", zone.zone_id, "parent_id", zone.parent_id, zones
    for permit in city.permits:
        name = permit.permit_id
        yield from (("permits.geojson", name, "truck_ids", one, trucks) for one in permit.truck_ids)
        yield from (("permits.geojson", name, "facility_ids", one, facilities) for one in permit.facility_ids)
        if permit.source_id is not None:
            yield "permits.geojson", name, "source_id", permit.source_id, sources
    for booking in city.bookings:
        yield "bookings.csv", booking.booking_id, "source_id", booking.source_id, sources
        yield "bookings.csv", booking.booking_id, "permit_id", booking.permit_id, permits
