"""A city is drawn on a road network, the same one for the same seed, and passes its own checks."""

import datetime as dt
import shutil
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from shapely.geometry import shape

from services.city import basemap, folder, make
from services.city.folder import City
from services.city.make import Drawing, Wishes
from services.city.pbf import LonLat
from services.city.streets import Spot, Streets, Unsuitable
from services.planner.roads import Roads
from services.simulator import script

CENTRE = (-8.611, 41.150)


def small(seed: int) -> Wishes:
    """A city small enough to be drawn in a moment."""
    return Wishes(
        city="little", name_en="Little", name_zh="小城", time_zone="Europe/Lisbon", trucks=12, bins=60, sources=4,
        depots=2, seed=seed, valid_from=dt.date(2026, 1, 1),
    )  # fmt: skip


@pytest.fixture(scope="module")
def streets(porto: City) -> Streets:
    """The streets of the default city."""
    return Streets(porto.roads, CENTRE)


@pytest.fixture(scope="module")
def drawn(streets: Streets, roads: Roads) -> Drawing:
    """A small city."""
    return make.draw(small(3), streets, roads, "roads.osm.pbf")


def test_the_same_seed_draws_the_same_city(drawn: Drawing, streets: Streets, roads: Roads) -> None:
    """Drawing is a function of streets and seed."""
    assert make.draw(small(3), streets, roads, "roads.osm.pbf") == drawn
    assert make.draw(small(4), streets, roads, "roads.osm.pbf").tables["bins.csv"] != drawn.tables["bins.csv"]


def test_a_drawn_city_can_be_read(drawn: Drawing, porto: City, tmp_path: Path) -> None:
    """What is written passes all checks of a folder."""
    make.write(drawn, tmp_path)
    shutil.copyfile(porto.roads, tmp_path / "roads.osm.pbf")
    city = folder.read(tmp_path)
    assert (len(city.trucks), len(city.bins), len(city.of_kind("source"))) == (12, 60, 4)
    assert {deed.kind for deed in script.read(city).script.planned} >= {"spill", "dump"}
    assert {truck.materials for truck in city.trucks if truck.truck_class != "sweeper"} == {
        ("residual",),
        ("kitchen",),
        ("construction",),
        ("recyclable",),
    }


def test_plots_do_not_overlap(drawn: Drawing) -> None:
    """No two yards share ground."""
    plots = [shape(feature["geometry"]) for feature in drawn.features["places.geojson"]]
    assert not any(one.intersects(two) for at, one in enumerate(plots) for two in plots[at + 1 :])
    assert all(isinstance(plot, shapely.Polygon) and plot.is_valid for plot in plots)


def test_a_middle_behind_a_gate_does_not_spoil_the_city(streets: Streets) -> None:
    """The spot nearest the centre cannot be reached: the best connected of those near it is taken instead."""

    class Gated:
        @staticmethod
        def matrix(points: Sequence[LonLat]) -> SimpleNamespace:
            seconds = np.zeros((len(points), len(points)), dtype=np.int64)
            seconds[0, 1:] = seconds[1:, 0] = -1
            return SimpleNamespace(duration_s=seconds)

    spots = [Spot(at=(100.0 * number, 0.0), direction=0.0, road="residential", street="") for number in range(6)]
    assert make._Reachable(streets, Gated()).only(spots) == spots[1:]


def test_a_network_without_streets_is_refused(tmp_path: Path) -> None:
    """An extract that has no street for trucks is named, not drawn empty."""
    empty = tmp_path / "empty.osm"
    empty.write_text('<osm version="0.6"></osm>', encoding="utf-8")
    with pytest.raises(Unsuitable, match=r"empty\.osm has no streets a truck may use"):
        Streets(empty)


def test_the_base_map_is_an_archive_with_its_notice(porto: City, tmp_path: Path) -> None:
    """The base map is one PMTiles file; tippecanoe's command line in it names no folder of this machine."""
    archive = tmp_path / "map" / "base.pmtiles"
    basemap.build(porto.roads, archive, "Porto", porto.header.attribution)
    content = archive.read_bytes()
    assert content[:7] == b"PMTiles"
    assert content[7] == 3
    assert str(tmp_path).encode() not in content
    assert [path.name for path in archive.parent.iterdir()] == ["base.pmtiles"]
