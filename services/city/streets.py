"""Places on real streets: points sampled from an extract by road class, in metres around a centre."""

import math
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import shapely

from services.city import pbf
from services.city.pbf import LonLat
from streams import geo

Metres = tuple[float, float]
"""East and north of the frame's centre."""


@dataclass(frozen=True)
class Frame:
    """A flat frame around a centre, in the metres of `streams.geo`: good to 0.1 % within 30 km of it."""

    centre: LonLat

    @property
    def _per_lon(self) -> float:
        return geo.metres_per_degree_lon(self.centre[1])

    def to_m(self, place: Sequence[float]) -> Metres:
        """Degrees to metres."""
        return (
            (place[0] - self.centre[0]) * self._per_lon,
            (place[1] - self.centre[1]) * geo.M_PER_DEGREE,
        )

    def to_lonlat(self, place: Sequence[float]) -> LonLat:
        """Metres to degrees, to 0.1 m."""
        return (
            round(self.centre[0] + place[0] / self._per_lon, 6),
            round(self.centre[1] + place[1] / geo.M_PER_DEGREE, 6),
        )

    def polygon(self, ring: Iterable[Metres]) -> dict[str, Any]:
        """Return a GeoJSON polygon, anticlockwise (RFC 7946, 3.1.6), of a ring in metres."""
        oriented = shapely.geometry.polygon.orient(shapely.Polygon(list(ring)))
        return {"type": "Polygon", "coordinates": [[list(self.to_lonlat(point)) for point in oriented.exterior.coords]]}


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A point on a street, in metres, with the street's direction there (radians, anticlockwise from east)."""

    at: Metres
    direction: float
    road: str
    street: str
    """Name of this street, or of the nearest that has one."""

    def beside(self, off_m: float) -> Metres:
        """Return the point ``off_m`` to the right of the street (its direction as drawn)."""
        x, y = self.at
        return x + math.sin(self.direction) * off_m, y - math.cos(self.direction) * off_m


class Unsuitable(ValueError):  # noqa: N818  # a verdict on the network, not a failure of ours
    """No city can be drawn on this road network; the message says why, for people."""


class Streets:
    """The streets of an extract that a truck may use, ready to sample from. Reads the whole file."""

    def __init__(self, path: Path, centre: LonLat | None = None) -> None:
        everything = list(pbf.ways(path))
        self._ways = [way for way in everything if way.tags.get("highway") in pbf.DRIVABLE and _open_to_trucks(way)]
        if not self._ways:
            raise Unsuitable(f"{path} has no streets a truck may use (ways with a highway tag)")
        self.frame = Frame(centre or _middle(self._ways))
        self.lines = [shapely.LineString([self.frame.to_m(point) for point in way.points]) for way in self._ways]
        self._from_centre_m = [math.hypot(*line.centroid.coords[0]) for line in self.lines]
        self.tree = shapely.STRtree(self.lines)
        named = [number for number, way in enumerate(self._ways) if way.tags.get("name")] or [0]
        self._ways[named[0]].tags.setdefault("name", path.stem)
        self._named = [self._ways[number] for number in named]
        self._named_tree = shapely.STRtree([self.lines[number] for number in named])
        self.tunnels = [
            (way, line)
            for way, line in zip(self._ways, self.lines, strict=True)
            if way.tags.get("tunnel", "no") != "no" and line.length >= 150
        ]
        self.pedestrian = [
            (way, shapely.LineString([self.frame.to_m(point) for point in way.points]))
            for way in everything
            if way.tags.get("highway") == "pedestrian"
        ]

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """West, south, east, north, in degrees, of the streets people live on."""
        places = [place for way in self._ways if way.tags["highway"] == "residential" for place in way.points]
        lons, lats = zip(*(places or self._ways[0].points), strict=True)
        return round(min(lons), 4), round(min(lats), 4), round(max(lons), 4), round(max(lats), 4)

    def sample(
        self, count: int, roads: Mapping[str, float], *, scale_m: float, within_m: float, chance: random.Random
    ) -> list[Spot]:
        """Return ``count`` spots; a metre of road class weighs ``roads[class]`` and fades with distance / ``scale_m``."""
        pieces, weights = [], []
        for way, line, middle_m in zip(self._ways, self.lines, self._from_centre_m, strict=True):
            weight = roads.get(way.tags["highway"], 0.0)
            if weight and middle_m <= within_m:
                pieces.append((way, line))
                weights.append(weight * line.length * math.exp(-middle_m / scale_m))
        return [self._spot(way, line, chance.random()) for way, line in chance.choices(pieces, weights, k=count)]

    def _spot(self, way: pbf.Way, line: shapely.LineString, share: float) -> Spot:
        along = share * line.length
        here, before, after = (line.interpolate(m) for m in (along, max(0.0, along - 1), min(line.length, along + 1)))
        return Spot(
            at=(here.x, here.y),
            direction=math.atan2(after.y - before.y, after.x - before.x),
            road=way.tags["highway"],
            street=way.tags.get("name") or self._named[self._named_tree.nearest(here)].tags["name"],
        )

    def crossings(self, area: shapely.Polygon) -> int:
        """Return how many streets run through an area."""
        return len(self.tree.query(area, predicate="intersects"))


def _open_to_trucks(way: pbf.Way) -> bool:
    closed = {"no", "private"}
    return way.tags.get("access") not in closed and way.tags.get("motor_vehicle") not in closed


def _middle(ways: Sequence[pbf.Way]) -> LonLat:
    places = sorted(way.points[0] for way in ways if way.tags["highway"] == "residential") or [ways[0].points[0]]
    return places[len(places) // 2][0], sorted(lat for _, lat in places)[len(places) // 2]
