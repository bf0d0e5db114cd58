"""Draw a city on a road network: trucks, containers, sites, yards, zones, permits, bookings. Everything is generated.

`draw` is a pure function of the streets, the way on them and a seed; `write` puts the drawing into files that a person
then edits. No demand data exist for most cities, so the places are sampled from real streets by road class, denser
towards the centre; amounts are assumptions, listed in `deploy/cities/README.md`.
"""

import csv
import datetime as dt
import json
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import shapely

from services.city.kinds import (
    BOOKING_KG,
    CONTAINERS,
    DEEDS,
    FACILITIES,
    FIRST_DEEDS,
    FLEET,
    PATTERNS,
    WORDS,
    BookingKind,
    ContainerKind,
)
from services.city.pbf import LonLat
from services.city.streets import Metres, Spot, Streets, Unsuitable

CORRIDOR_M: Final = 60.0
"""Allowed distance from a permit's corridor."""
_CORRIDOR_TOLERANCE_M: Final = 3.0
_GRID_M: Final = 1000.0
_WITHIN_M: Final = 9_500.0
_HOMES: Final = {"residential": 1.0, "living_street": 1.0, "unclassified": 0.5, "tertiary": 0.6, "secondary": 0.3}
_SHOPS: Final = {"residential": 0.5, "living_street": 1.0, "tertiary": 1.0, "secondary": 1.0, "primary": 0.4}
_EDGES: Final = {"unclassified": 1.0, "tertiary": 0.5, "residential": 0.4, "service": 0.3}
_QUIET: Final = {"track": 2.0, "unclassified": 1.0, "service": 0.5}


class Ways(Protocol):
    """What drawing needs of the road engine (`services.planner.roads.Roads`)."""

    def matrix(self, points: Sequence[LonLat]) -> Any:
        """Return seconds and metres between all points; -1 = no way."""

    def route(self, points: Sequence[LonLat]) -> Any:
        """Return the way through the points."""


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What a new city is to have."""

    city: str
    name_en: str
    name_zh: str
    time_zone: str
    language: str = "en"
    trucks: int = 50
    bins: int = 1500
    sources: int = 30
    depots: int = 3
    seed: int = 7
    valid_from: dt.date


@dataclass(kw_only=True)
class Drawing:
    """The content of a city's folder, file by file: rows of CSV, features of GeoJSON, members of JSON."""

    header: dict[str, Any]
    town: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    features: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def draw(wishes: Wishes, streets: Streets, ways: Ways, roads_file: str) -> Drawing:
    """Return a whole city. Takes about ten seconds for 1,500 containers; the same seed gives the same city."""
    pen = _Pen(wishes, streets, ways)
    places = [*pen.facilities(), *pen.depots(), *pen.sources()]
    trucks = pen.trucks()
    permits = pen.permits(trucks)
    bins, demand = pen.bins()
    return Drawing(
        header=pen.header(roads_file),
        town=pen.town(trucks),
        tables={
            "contractors.csv": pen.contractors(),
            "trucks.csv": trucks,
            "bins.csv": bins,
            "demand.csv": demand,
            "shifts.csv": [pattern._asdict() for pattern in PATTERNS],
            "bookings.csv": pen.bookings(permits),
            "calendar.csv": [],
            "quiet_places.csv": pen.quiet_places(),
        },
        features={"places.geojson": places, "zones.geojson": pen.zones(), "permits.geojson": permits},
    )


class _Pen:
    """Draws one city; remembers where things already are."""

    def __init__(self, wishes: Wishes, streets: Streets, ways: Ways) -> None:
        self.wishes, self.streets, self.ways = wishes, streets, ways
        self.frame = streets.frame
        self.chance = random.Random(wishes.seed)  # noqa: S311  # a seeded drawing wants repeatable chance
        self.yards: list[_Yard] = []
        self.areas: list[shapely.Polygon] = []
        self.reachable = _Reachable(streets, ways)

    # ----------------------------------------------------------------------------------------- places

    def facilities(self) -> list[dict[str, Any]]:
        """One of each type of the contract, at the city's edges, apart from each other."""
        near = self._near_m()
        spots = self._spots(700, _EDGES, scale_m=40_000)
        features = []
        for kind in FACILITIES:
            yard = self._settle(
                spots, f"f-{kind.facility_type.replace('_', '-')}", kind.from_centre * near, kind.width_m, kind.depth_m
            )
            features.append(
                yard.feature(
                    kind="facility",
                    name=self._called(kind.facility_type, yard.spot),
                    facility_type=kind.facility_type,
                    accepts=kind.accepts,
                    windows=kind.windows,
                    unload_s=kind.unload_s,
                    daily_kg=kind.daily_kg,
                    docks=kind.docks,
                )
            )
        return features

    def depots(self) -> list[dict[str, Any]]:
        """Depots about half way out, apart from each other."""
        spots = self._spots(400, _EDGES, scale_m=40_000)
        yards = [
            self._settle(spots, f"d-{number}", 0.45 * self._near_m(), 130.0, 90.0)
            for number in range(1, self.wishes.depots + 1)
        ]
        return [yard.feature(kind="depot", name=self._called("depot", yard.spot)) for yard in yards]

    def sources(self) -> list[dict[str, Any]]:
        """Building sites: denser towards the centre, each a plot beside a street."""
        features = []
        spots = self._spots(60 * self.wishes.sources, _HOMES | {"unclassified": 1.0}, scale_m=4_000)
        for number in range(1, self.wishes.sources + 1):
            yard = self._plot(spots, f"s-{number:02d}", 55.0, 40.0)
            features.append(
                yard.feature(
                    kind="source",
                    name=self._called("source", yard.spot),
                    material="construction",
                    windows=[["06:00", "20:00"]],
                    responsible=self._called("office", yard.spot),
                )
            )
        return features

    def _word(self, key: str) -> str:
        return WORDS[self.wishes.language].get(key, key.replace("_", " ").capitalize())

    def _called(self, key: str, spot: Spot) -> str:
        return f"{self._word(key)} {spot.street}"

    def _near_m(self) -> float:
        west, south, east, north = self.streets.bounds
        left, right = self.frame.to_m((west, south)), self.frame.to_m((east, north))
        return min(_WITHIN_M, min(right[0] - left[0], right[1] - left[1]) / 2)

    def _settle(
        self, spots: list[Spot], place_id: str, from_centre_m: float, width_m: float, depth_m: float
    ) -> "_Yard":
        """Take the free plot whose distance from the centre is nearest the wish and that is apart from other yards."""

        def unfit(spot: Spot) -> float:
            apart = min((math.dist(spot.at, yard.gate) for yard in self.yards), default=math.inf)
            return abs(math.hypot(*spot.at) - from_centre_m) + max(0.0, 3_000 - apart) * 1.5

        return self._plot(sorted(spots, key=unfit), place_id, width_m, depth_m)

    def _plot(self, spots: Iterable[Spot], place_id: str, width_m: float, depth_m: float) -> "_Yard":
        """Take the first spot beside which a plot lies free of streets and of other plots."""
        for spot in spots:
            for side in (1.0, -1.0):
                ring = _plot_ring(spot, side, width_m, depth_m)
                area = shapely.Polygon(ring)
                inner = shapely.Polygon(_plot_ring(spot, side, width_m, depth_m, from_m=9.0))
                if self.streets.crossings(inner) or any(area.distance(other) < 60 for other in self.areas):
                    continue
                yard = _Yard(place_id, spot, self.frame.to_lonlat(spot.at), self.frame.polygon(ring))
                self.yards.append(yard)
                self.areas.append(area)
                return yard
        raise Unsuitable(
            f"no free plot of {width_m:.0f} × {depth_m:.0f} m for {place_id}: the road network is too small"
        )

    def _spots(self, count: int, roads: dict[str, float], *, scale_m: float) -> list[Spot]:
        sampled = self.streets.sample(count, roads, scale_m=scale_m, within_m=self._near_m() * 1.2, chance=self.chance)
        return self.reachable.only(sampled)

    # ----------------------------------------------------------------------------------------- containers

    def bins(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Containers, and how much a day goes into each (what the simulator believes; nobody else reads it)."""
        rows: list[dict[str, Any]] = []
        demand: list[dict[str, Any]] = []
        homes: list[Spot] = []
        for kind in CONTAINERS:
            wanted = round(self.wishes.bins * kind.share)
            spots = self._bin_spots(kind, wanted, homes)
            homes = homes or spots
            for spot in spots:
                row = self._bin(kind, spot, f"b{len(rows) + 1:04d}")
                rows.append(row)
                days = self.chance.uniform(*kind.days_to_fill)
                rhythm = self.chance.choice(kind.rhythms)
                demand.append(
                    {"bin_id": row["bin_id"], "litres_per_day": round(row["volume_l"] / days), "rhythm": rhythm}
                )
        return rows, demand

    def _bin_spots(self, kind: ContainerKind, wanted: int, homes: Sequence[Spot]) -> list[Spot]:
        shared = self.chance.sample(homes, k=min(len(homes), round(wanted * kind.beside_homes))) if homes else []
        roads = _SHOPS if kind.material == "kitchen" else _HOMES
        own: list[Spot] = []
        while len(own) + len(shared) < wanted:
            more = self._spots((wanted - len(own)) * 2, roads, scale_m=kind.scale_m)
            forbidden = self._forbidden()
            own += [spot for spot in more if not forbidden.contains(shapely.Point(spot.at))]
        return [*shared, *own][:wanted]

    def _bin(self, kind: ContainerKind, spot: Spot, bin_id: str) -> dict[str, Any]:
        volume_l, depth_mm = self.chance.choice(kind.sizes)
        side = 1 if self.chance.random() < 0.7 else -1
        lon, lat = self.frame.to_lonlat(spot.beside(side * self.chance.uniform(4.0, 7.0)))
        return {
            "bin_id": bin_id,
            "name": self._called(kind.material, spot),
            "material": kind.material,
            "lon": lon,
            "lat": lat,
            "volume_l": volume_l,
            "depth_mm": depth_mm,
            "dead_zone_mm": 150,
            "density_kg_per_l": kind.density_kg_per_l,
            "service_s": kind.service_s,
            "dev_eui": f"24e124{int(bin_id[1:]):010x}",
            "sensor": kind.sensor,
        }

    # ----------------------------------------------------------------------------------------- trucks and permits

    def contractors(self) -> list[dict[str, Any]]:
        """Four contractors."""
        return [
            {"contractor_id": f"c{number}", "name": f"{self._word('contractor')} {'ABCD'[number - 1]}"}
            for number in range(1, 5)
        ]

    def trucks(self) -> list[dict[str, Any]]:
        """The fleet, by class; terminals of both headers, two of the drivers with a phone that reports too."""
        rows: list[dict[str, Any]] = []
        counts = _shares([kind.share for kind in FLEET], self.wishes.trucks)
        for kind, count in zip(FLEET, counts, strict=True):
            for nth in range(count):
                rows.append(self._truck(kind, nth, len(rows) + 1))
        return rows

    def _truck(self, kind: Any, nth: int, number: int) -> dict[str, Any]:
        header = "2019" if number % 3 == 0 else "2013"
        letters = "".join(self.chance.choice("ABCDEFGHIJLMNPQRSTUVXZ") for _ in range(4))
        return {
            "truck_id": f"t{number:02d}",
            "plate": f"{letters[:2]}-{self.chance.randrange(100):02d}-{letters[2:]}",
            "class": kind.truck_class,
            "materials": " ".join(kind.materials),
            "payload_kg": kind.payload_kg,
            "gross_limit_kg": kind.payload_kg + kind.tare_kg,
            "volume_l": kind.volume_l,
            "tare_kg": kind.tare_kg,
            "depot_id": f"d-{number % self.wishes.depots + 1}",
            "contractor_id": kind.contractors[nth % len(kind.contractors)],
            "driver_id": f"dr{number:02d}",
            "shift": kind.shifts[nth % len(kind.shifts)],
            "phone": f"{13900000000 + number:012d}",
            "terminal_id": f"QY{number:05d}",
            "header": header,
            "profile": "muck-truck-a",
            "osmand_id": f"phone-dr{number:02d}" if number in (5, 20) else None,
        }

    def permits(self, trucks: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """A corridor from every building site to the yard and the landfill; collectors may go anywhere in the city."""
        sinks = [yard for yard in self.yards if yard.place_id in ("f-construction-yard", "f-landfill")]
        tippers = [row for row in trucks if "construction" in row["materials"].split()]
        teams = sorted({row["contractor_id"] for row in tippers})
        features = []
        for number, site in enumerate(yard for yard in self.yards if yard.place_id.startswith("s-")):
            team = teams[number % len(teams)]
            features.append(
                self._permit(
                    f"p-{site.place_id}",
                    [row["truck_id"] for row in tippers if row["contractor_id"] == team],
                    "construction",
                    [sink.place_id for sink in sinks],
                    source_id=site.place_id,
                    corridor=[self._corridor(site, sink) for sink in sinks],
                )
            )
        for material in ("kitchen", "recyclable", "residual"):
            carriers = [row["truck_id"] for row in trucks if material in row["materials"].split()]
            features.append(self._permit(f"p-{material}", carriers, material, _accepting(material)))
        return features

    def _permit(
        self,
        permit_id: str,
        truck_ids: list[str],
        material: str,
        facility_ids: list[str],
        *,
        source_id: str | None = None,
        corridor: list[list[LonLat]] | None = None,
    ) -> dict[str, Any]:
        properties: dict[str, Any] = {
            "permit_id": permit_id,
            "truck_ids": truck_ids,
            "material": material,
            "facility_ids": facility_ids,
        }
        if source_id is not None:
            properties |= {"source_id": source_id, "hours": [["06:00", "21:00"]], "corridor_m": CORRIDOR_M}
        geometry = {"type": "MultiLineString", "coordinates": corridor} if corridor else None
        return {"type": "Feature", "properties": properties, "geometry": geometry}

    def _corridor(self, site: "_Yard", sink: "_Yard") -> list[LonLat]:
        route = self.ways.route([site.lonlat, sink.lonlat])
        line = shapely.LineString([self.frame.to_m(place) for place in route.path])
        return [self.frame.to_lonlat(point) for point in line.simplify(_CORRIDOR_TOLERANCE_M).coords]

    def bookings(self, permits: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the building sites book: about four in five of them each working day."""
        rows = []
        for permit in permits:
            source_id = permit["properties"].get("source_id")
            if source_id is None or self.chance.random() > 0.85:
                continue
            kind: BookingKind = self.chance.choice(BOOKING_KG)
            tonnes = self.chance.randrange(kind.low_kg // 1000, kind.high_kg // 1000 + 1)
            rows.append(
                {
                    "booking_id": source_id,
                    "source_id": source_id,
                    "days": kind.days,
                    "kg": tonnes * 1000,
                    "l": round(tonnes * 1000 / kind.density_kg_per_l),
                    "ready": kind.ready,
                    "due": kind.due,
                    "permit_id": permit["properties"]["permit_id"],
                }
            )
        return rows

    # ----------------------------------------------------------------------------------------- zones

    def zones(self) -> list[dict[str, Any]]:
        """Districts, grid cells, a zone closed to trucks by day, tunnels without signal, service places, approaches."""
        districts = self._districts()
        return [
            *(_zone(zone_id, "district", name, self.frame.polygon(ring)) for zone_id, name, ring in districts),
            *self._grid(districts),
            *self._closed_by_day(),
            *self._tunnels(),
            *self._service_places(),
            *self._approaches(),
        ]

    def _districts(self) -> list[tuple[str, str, list[Metres]]]:
        """The centre, and the rest cut along the diagonals through it."""
        half, inner = 15_000.0, 0.28 * self._near_m()
        corners = [(1, 1), (-1, 1), (-1, -1), (1, -1)]
        found = [("centre", self._word("centre"), [(x * inner, y * inner) for x, y in corners])]
        for number, key in enumerate(("north", "west", "south", "east")):
            one, two = corners[number], corners[(number + 1) % 4]
            ring = [(x * inner, y * inner) for x, y in (one, two)] + [(x * half, y * half) for x, y in (two, one)]
            found.append((key, self._word(key), ring))
        return found

    def _grid(self, districts: Sequence[tuple[str, str, list[Metres]]]) -> Iterator[dict[str, Any]]:
        """Square cells of about 1 km that have streets, each a child of the district its middle is in."""
        shapes = [(zone_id, shapely.Polygon(ring)) for zone_id, _, ring in districts]
        west, south, east, north = self.streets.bounds
        (left, bottom), (right, top) = self.frame.to_m((west, south)), self.frame.to_m((east, north))
        for column in range(math.ceil((right - left) / _GRID_M)):
            for row in range(math.ceil((top - bottom) / _GRID_M)):
                cell = shapely.box(
                    left + column * _GRID_M,
                    bottom + row * _GRID_M,
                    left + (column + 1) * _GRID_M,
                    bottom + (row + 1) * _GRID_M,
                )
                if not self.streets.crossings(cell):
                    continue
                parent = next((zone_id for zone_id, area in shapes if area.covers(cell.centroid)), None)
                ring = [(x, y) for x, y in cell.exterior.coords]
                yield _zone(f"g-{column:02d}-{row:02d}", "grid", None, self.frame.polygon(ring), parent_id=parent)

    def _forbidden(self) -> shapely.Polygon:
        """The square kilometre's heart with most pedestrian streets, 160 m around; empty where there are none."""
        cells: dict[tuple[int, int], float] = {}
        for _, line in self.streets.pedestrian:
            x, y = line.centroid.coords[0]
            cell = (round(x / 250), round(y / 250))
            cells[cell] = cells.get(cell, 0.0) + line.length
        if not cells:
            return shapely.Polygon()
        column, row = max(cells, key=lambda cell: cells[cell])
        return shapely.Point(column * 250, row * 250).buffer(160, quad_segs=4)

    def _closed_by_day(self) -> Iterator[dict[str, Any]]:
        area = self._forbidden()
        if not area.is_empty:
            ring = [(x, y) for x, y in area.exterior.coords]
            yield _zone(
                "z-pedestrian", "forbidden", self._word("pedestrian"), self.frame.polygon(ring),
                applies_to="all", hours=[["10:00", "20:00"]],
            )  # fmt: skip

    def _tunnels(self) -> Iterator[dict[str, Any]]:
        for way, line in self.streets.tunnels:
            ring = [(x, y) for x, y in line.buffer(25, cap_style="flat", quad_segs=2).simplify(2).exterior.coords]
            yield _zone(
                f"z-tunnel-{way.way_id}",
                "dead_zone",
                way.tags.get("name", self._word("tunnel")),
                self.frame.polygon(ring),
            )

    def _service_places(self) -> Iterator[dict[str, Any]]:
        """Workshop, fuel and parking, on plots of their own."""
        spots = self._spots(300, _EDGES, scale_m=6_000)
        for zone_id, kind in (
            ("z-workshop-1", "workshop"),
            ("z-fuel-1", "fuel"),
            ("z-fuel-2", "fuel"),
            ("z-parking-1", "parking"),
        ):
            yard = self._plot(spots, zone_id, 60.0, 40.0)
            yield _zone(zone_id, kind, self._called(kind, yard.spot), yard.area)

    def _approaches(self) -> Iterator[dict[str, Any]]:
        """Where trucks queue: 150 m around each facility's gate."""
        for yard in self.yards:
            if yard.place_id.startswith("f-"):
                around = shapely.Point(yard.gate).buffer(150, quad_segs=4)
                ring = [(x, y) for x, y in around.exterior.coords]
                yield _zone(
                    f"z-approach-{yard.place_id[2:]}",
                    "approach",
                    None,
                    self.frame.polygon(ring),
                    owner_id=yard.place_id,
                )

    def quiet_places(self) -> list[dict[str, Any]]:
        """Lonely roadsides, 500 m or more from every yard: where the simulator's dumps happen."""
        lonely = [
            spot
            for spot in self._spots(400, _QUIET, scale_m=40_000)
            if all(math.dist(spot.at, yard.gate) > 500 for yard in self.yards)
        ]
        return [dict(zip(("lon", "lat"), self.frame.to_lonlat(spot.at), strict=True)) for spot in lonely[:150]]

    def town(self, trucks: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """``town.json``: what the simulator plays. The first misdeeds come early, the others by chance."""
        tippers = [row["truck_id"] for row in trucks if row["class"] == "tipper" and row["shift"] == "site"]
        planned = [
            {"kind": kind, "truck_id": truck_id, "after_s": after_s}
            for truck_id, (kind, after_s) in zip(tippers, FIRST_DEEDS, strict=False)
        ]
        return {"seed": self.wishes.seed, "planned": planned, **DEEDS}

    # ----------------------------------------------------------------------------------------- city.json

    def header(self, roads_file: str) -> dict[str, Any]:
        """``city.json``."""
        wishes = self.wishes
        return {
            "city": wishes.city,
            "tenant_id": wishes.city,
            "name": {"zh": wishes.name_zh, "en": wishes.name_en},
            "time_zone": wishes.time_zone,
            "valid_from": wishes.valid_from.isoformat(),
            "centre": [round(degrees, 5) for degrees in self.frame.centre],
            "bounds": list(self.streets.bounds),
            "roads": roads_file,
            "attribution": "© OpenStreetMap contributors, ODbL",
            "service_area_km": round(self._near_m() / 1000, 1),
            "chirpstack_source": f"{wishes.city}-bins",
        }


@dataclass(frozen=True)
class _Yard:
    """A plot beside a street; its gate is the point on the street."""

    place_id: str
    spot: Spot
    lonlat: LonLat
    area: dict[str, Any]

    @property
    def gate(self) -> Metres:
        return self.spot.at

    def feature(self, **properties: Any) -> dict[str, Any]:
        lon, lat = self.lonlat
        return {
            "type": "Feature",
            "properties": {"id": self.place_id, **properties, "lon": lon, "lat": lat},
            "geometry": self.area,
        }


class _Reachable:
    """Keeps spots a truck can get to and away from, probed against a spot near the centre.

    Of the nearest ones the best connected is taken: the very nearest may lie in a yard or behind a gate.
    """

    NEAREST: Final = 12

    def __init__(self, streets: Streets, ways: Ways) -> None:
        self._frame, self._ways = streets.frame, ways

    def only(self, spots: Sequence[Spot]) -> list[Spot]:
        if not spots:
            return []
        seconds = self._ways.matrix([self._frame.to_lonlat(spot.at) for spot in spots]).duration_s
        both_ways = (seconds >= 0) & (seconds.T >= 0)
        nearest = sorted(range(len(spots)), key=lambda number: math.hypot(*spots[number].at))[: self.NEAREST]
        heart = max(nearest, key=lambda number: int(both_ways[number].sum()))
        kept = [spot for spot, connected in zip(spots, both_ways[heart], strict=True) if connected]
        if len(kept) * 2 < len(spots):
            raise Unsuitable(
                f"only {len(kept)} of {len(spots)} sampled streets can be reached from the centre:"
                " is the extract whole? Else name another middle with --centre LON,LAT"
            )
        return kept


def _plot_ring(spot: Spot, side: float, width_m: float, depth_m: float, *, from_m: float = -4.0) -> list[Metres]:
    """Return the corners of a plot beside a street: from the kerb inwards, half its width to either side of the gate."""
    along = math.cos(spot.direction), math.sin(spot.direction)
    near, far = spot.beside(side * from_m), spot.beside(side * depth_m)
    half = width_m / 2
    return [
        (near[0] - along[0] * half, near[1] - along[1] * half),
        (near[0] + along[0] * half, near[1] + along[1] * half),
        (far[0] + along[0] * half, far[1] + along[1] * half),
        (far[0] - along[0] * half, far[1] - along[1] * half),
    ]


def _zone(zone_id: str, kind: str, name: str | None, area: dict[str, Any], **more: Any) -> dict[str, Any]:
    properties = {"zone_id": zone_id, "kind": kind, "name": name, **more}
    kept = {member: value for member, value in properties.items() if value is not None}
    return {"type": "Feature", "properties": kept, "geometry": area}


def _accepting(material: str) -> list[str]:
    return [f"f-{kind.facility_type.replace('_', '-')}" for kind in FACILITIES if material in kind.accepts]


def _shares(shares: Sequence[float], total: int) -> list[int]:
    """Split ``total`` by shares, each at least 1; the largest takes the rest."""
    counts = [max(1, round(share * total)) for share in shares]
    counts[counts.index(max(counts))] += total - sum(counts)
    return counts


def write(drawing: Drawing, folder: Path) -> None:
    """Write a drawing into a folder (made if need be)."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, document in (("city.json", drawing.header), ("town.json", drawing.town)):
        text = json.dumps(document, ensure_ascii=False, indent=2)
        (folder / name).write_text(text + "\n", encoding="utf-8")
    for name, rows in drawing.tables.items():
        columns = list(rows[0]) if rows else ["date", "counts_as"]
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, columns, lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    for name, features in drawing.features.items():
        lines = ",\n".join(json.dumps(feature, ensure_ascii=False) for feature in features)
        (folder / name).write_text(f'{{"type": "FeatureCollection", "features": [\n{lines}\n]}}\n', encoding="utf-8")
