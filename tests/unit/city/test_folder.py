"""A city's folder is checked whole: what it says exists, and what refers to what."""

import dataclasses
import datetime as dt
import json
import shutil
from pathlib import Path
from typing import get_args

import pytest
import shapely
from shapely.geometry import shape

from services.city import folder
from services.city.folder import City, FolderError
from services.planner.roads import Roads
from services.simulator.driving import metres
from streams import events, geo


def test_the_default_city_has_what_is_promised(porto: City) -> None:
    """50 trucks of every class, 1,500 containers, one of each facility type, every material from container or site to a facility."""
    assert len(porto.trucks) == 50
    assert len(porto.bins) == 1500
    types = [place.facility_type for place in porto.of_kind("facility")]
    assert sorted(types) == sorted(
        ["kitchen_centre", "incineration", "construction_yard", "sorting_centre", "transfer_station", "landfill"]
    )
    accepted = {material for place in porto.of_kind("facility") for material in place.accepts}
    carried = {material for truck in porto.trucks for material in truck.materials}
    assert {truck.truck_class for truck in porto.trucks} == set(get_args(events.TruckClass))
    assert accepted == carried == set(events.MATERIALS)
    assert {row.material for row in porto.bins} | {"construction"} == set(events.MATERIALS)


def test_both_headers_are_in_the_fleet(porto: City) -> None:
    """Terminals of the 2013 and of the 2019 standard are on the road, and two phones beside them."""
    assert {row.header for row in porto.trucks} == {"2013", "2019"}
    assert sum(row.osmand_id is not None for row in porto.trucks) == 2


def test_everything_lies_in_a_district(porto: City) -> None:
    """Every container, place and truck has a district, for access by district would otherwise hide it from all."""
    assert all(asset.district_id is not None for asset in porto.assets)


def test_gates_lie_on_streets_and_yards_beside_them(porto: City, roads: Roads) -> None:
    """A place's gate is on a street and in its own area: the road engine and the geofence agree where it is."""
    for kind in ("facility", "source", "depot"):
        for place in porto.of_kind(kind):
            assert place.lon is not None
            assert place.lat is not None
            assert metres(roads.nearest(place.lon, place.lat), (place.lon, place.lat)) < 15
            assert shape(place.area).covers(shapely.Point(place.lon, place.lat))


def test_containers_stand_at_streets(porto: City, roads: Roads) -> None:
    """No container is farther than 60 m from a street a truck may use (every tenth is looked at)."""
    far = [row.bin_id for row in porto.bins[::10] if metres(roads.nearest(row.lon, row.lat), (row.lon, row.lat)) > 60]
    assert far == []


def test_a_corridor_is_the_way_the_road_engine_takes(porto: City, roads: Roads) -> None:
    """Driving a load from its site to a permitted facility stays within the permit's corridor, metre by metre."""
    permits = [permit for permit in porto.permits if permit.corridor is not None]
    assert len(permits) == len(porto.of_kind("source"))
    for permit in permits[::5]:
        corridor = shape(permit.corridor)
        source = porto.asset["source", permit.source_id or ""]
        for facility_id in permit.facility_ids:
            sink = porto.asset["facility", facility_id]
            way = roads.route([(source.lon or 0, source.lat or 0), (sink.lon or 0, sink.lat or 0)])
            farthest_degrees = max(corridor.distance(shapely.Point(place)) for place in way.path)
            assert farthest_degrees * geo.M_PER_DEGREE < (permit.corridor_m or 0)


def test_shifts_of_a_day(porto: City) -> None:
    """On a working day every truck has one shift of its own driver, eight hours or so, with a break inside it."""
    shifts = porto.shifts(dt.date(2026, 11, 24))
    assert sorted(shift.truck_id for shift in shifts) == sorted(row.truck_id for row in porto.trucks)
    for shift in shifts:
        assert 7 * 3_600_000 <= shift.end_ms - shift.start_ms <= 9 * 3_600_000
        (owed,) = shift.breaks
        assert shift.start_ms < owed.earliest_ms < owed.latest_ms < shift.end_ms


def test_local_hours_stay_on_days_the_clocks_change(porto: City) -> None:
    """07:00 is 07:00 local the day summer time begins, though that day has 23 hours."""
    before, after = (porto.local_ms(dt.date(2026, 3, day), "07:00") for day in (28, 29))
    assert after - before == 23 * 3_600_000


def test_a_holiday_is_a_sunday(porto: City) -> None:
    """A calendar's Sunday has Sunday's shifts and bookings: only the late pattern works, no site books."""
    holiday = events.Calendar(calendar_id="c", valid_from_ms=0, dates={"2026-12-08": "sunday"})
    city = dataclasses.replace(porto, calendars=(holiday,))
    day = dt.date(2026, 12, 8)
    assert {porto.asset["truck", shift.truck_id].id for shift in city.shifts(day)} == {
        row.truck_id for row in porto.trucks if row.shift == "late"
    }
    assert city.orders(day) == []
    assert porto.orders(day) != []


def test_bookings_become_orders_under_a_permit(porto: City) -> None:
    """A working day has about 25 bookings of 10 to 60 t, each with the facilities its permit names."""
    orders = porto.orders(dt.date(2026, 11, 24))
    assert 20 <= len(orders) <= 30
    assert all(10_000 <= order.kg <= 60_000 for order in orders)
    permits = {permit.permit_id: permit for permit in porto.permits}
    for order in orders:
        permit = permits[order.permit_id or ""]
        assert (permit.source_id, permit.facility_ids) == (order.source_id, order.facility_ids)
        assert (order.ready_ms or 0) < (order.due_ms or 0)


@pytest.fixture
def copy(tmp_path: Path, porto: City) -> Path:
    """A copy of the folder to be spoilt."""
    return Path(shutil.copytree(porto.path, tmp_path / "porto"))


@pytest.mark.parametrize(
    ("file", "before", "after", "says"),
    [
        ("bins.csv", ",residual,", ",resiudal,", "bin .* has material 'resiudal', which does not exist|resiudal"),
        ("trucks.csv", ",c1,", ",c9,", r"trucks.csv: t01 has contractor_id 'c9', which does not exist"),
        ("trucks.csv", ",10000,", ",ten,", r"trucks.csv line 2: .*payload_kg|trucks.csv line 2: Expected `float`"),
        ("trucks.csv", ",d-2,", ",d-9,", r"truck t01 has depot_id 'd-9'"),
        ("permits.geojson", '"f-landfill"', '"f-moon"', r"permits.geojson: p-s-01 has facility_ids 'f-moon'"),
        ("places.geojson", '"unload_s"', '"unlaod_s"', r"unknown property unlaod_s"),
        ("city.json", "Europe/Lisbon", "Europe/Lisboa", r"time_zone is 'Europe/Lisboa'"),
        ("bookings.csv", "s-01,s-01", "s-01,s-99", r"bookings.csv: s-01 has source_id 's-99'"),
    ],
)
def test_a_wrong_line_is_named(copy: Path, file: str, before: str, after: str, says: str) -> None:
    """What cannot be used is refused with file, line or id, and the value."""
    text = (copy / file).read_text(encoding="utf-8")
    assert before in text
    (copy / file).write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(FolderError, match=says):
        folder.read(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    """A folder without one of its files is no city."""
    (copy / "shifts.csv").unlink()
    with pytest.raises(FolderError, match=r"shifts\.csv is missing"):
        folder.read(copy)


def test_an_id_given_twice_is_refused(copy: Path) -> None:
    """Two containers cannot have one id: readings would be mixed up."""
    text = (copy / "bins.csv").read_text(encoding="utf-8")
    (copy / "bins.csv").write_text(text + text.splitlines()[1] + "\n", encoding="utf-8")
    with pytest.raises(FolderError, match="bin b0001 is given twice"):
        folder.read(copy)


def test_what_lies_on_the_wrong_side_of_the_earth_is_named(copy: Path) -> None:
    """Columns, or the places of a geometry, the wrong way round: the file, whose, both values, and what happened."""
    bins, places = copy / "bins.csv", copy / "places.geojson"
    columns = bins.read_text()
    bins.write_text(columns.replace(",lon,lat,", ",lat,lon,", 1))
    with pytest.raises(
        FolderError, match=r"bins.csv: bin b0001: place lon 41\.\d+, lat -8\.\d+ lies .* swapped\? \(city.json"
    ):
        folder.read(copy)
    bins.write_text(columns)
    collection = json.loads(places.read_text())
    plot = collection["features"][0]["geometry"]["coordinates"][0]
    plot[:] = [[lat, lon] for lon, lat in plot]
    places.write_text(json.dumps(collection))
    with pytest.raises(FolderError, match=r"places.geojson: facility .*: area lon 41\.\d+, lat -8\.\d+ lies"):
        folder.read(copy)
