"""A truck's way on the ground: local metres, north up, a scale bar; registered places, zones and permitted roads round it.

No map lies under it: what is drawn is what the truck said and what the city registered.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from itertools import pairwise
from typing import Any, Final, NamedTuple

from streams import events, geo
from streams.assets import Permission, Place
from streams.geo import LonLat
from streams.inspection import GAP_MS, Fix
from streams.report import svg, words
from streams.report.strips import Axis
from streams.report.words import Clock, Said

WIDE: Final = 1_000
_MARGIN: Final = 40
_LEAST_M: Final = 300.0
"""No map shows less: the jitter of a standing truck is no way."""
_TOLERANCE: Final = 0.6
"""Points of a line nearer to it are left out."""
_MOST_PLACES: Final = 300
_MOST_POINTS: Final = 1_500
"""Of the way that is followed when a strip is pointed at."""
_NAMED: Final = frozenset({"facility", "depot", "source", "forbidden", "workshop", "parking"})
_NOT_DRAWN: Final = frozenset({"bin", "district", "grid", "speed_limit"})
_SCALES_M: Final = tuple(float(step * 10**power) for power in range(6) for step in (1, 2, 5))

KINDS: Final[dict[str, Said]] = {
    "open": Said("载货、篷盖打开或半开", "loaded, cover open or half open"),
    "covered": Said("载货、篷盖关闭", "loaded, cover closed"),
    "uncertain": Said("载货、篷盖未知", "loaded, cover not known"),
    "empty": Said("空载", "empty"),
    "unknown": Said("是否载货未知", "load not known"),
}
"""What the way is coloured by."""


class Mark(NamedTuple):
    """Where something was said: a number, a place or a line."""

    text: str
    where: events.Geometry
    said: Said


class Ground(NamedTuple):
    """What is drawn."""

    fixes: Sequence[Fix]
    places: Sequence[Place]
    permits: Sequence[Permission]
    marks: Sequence[Mark]


def kind(fix: Fix) -> str:
    """Return what a truck is like at a fix, one of `KINDS`: what is not known is neither empty nor closed."""
    if fix.cargo != "loaded":
        return "empty" if fix.cargo == "empty" else "unknown"
    return {"open": "open", "half": "open", "closed": "covered"}.get(fix.cover, "uncertain")


def drawing(ground: Ground, clock: Clock) -> str:
    """Return the map as SVG; a sentence where nothing has a place."""
    places = _places(ground)
    if not places:
        return f"<p>{words.html(Said('这段时间没有可信的位置。', 'No place is known in this time.'))}</p>"
    plane = Plane(places)
    parts = [
        *_zones(ground.places, plane),
        *_corridors(ground.permits, plane),
        *_way(ground.fixes, plane, clock),
        *_names(ground.places, plane),
        *_marks(ground.marks, plane),
        _scale(plane),
        '<circle class="here" r="9" cx="-99" cy="-99"/>',
    ]
    said = escape("the way of the truck", quote=True)
    return f'<svg class="map" viewBox="0 0 {WIDE} {plane.high}" role="img" aria-label="{said}">{"".join(parts)}</svg>'


def followed(ground: Ground, axis: Axis) -> str:
    """Return, for the page's script, where the truck is on the drawing when: a list of moments of the axis and points."""
    places = _places(ground)
    seen = [(fix.time_ms, fix.place) for fix in ground.fixes if fix.place is not None]
    if not seen:
        return "[]"
    plane = Plane(places)
    every = -(-len(seen) // _MOST_POINTS)
    found = [(axis.x(at_ms), *plane.at(place)) for at_ms, place in seen[::every]]
    return f"[{','.join(f'[{svg.number(at)},{svg.number(x)},{svg.number(y)}]' for at, x, y in found)}]"


def _places(ground: Ground) -> list[LonLat]:
    """Return what the drawing must show."""
    places = [fix.place for fix in ground.fixes if fix.place is not None]
    return places + [place for mark in ground.marks for line in lines_of(mark.where) for place in line]


class Plane:
    """Puts places of a city on a drawing: metres, the same east as north."""

    def __init__(self, places: Sequence[LonLat]) -> None:
        west, east = min(lon for lon, _ in places), max(lon for lon, _ in places)
        south, north = min(lat for _, lat in places), max(lat for _, lat in places)
        self._lon, self._lat = (west + east) / 2, (south + north) / 2
        self._per_lon = geo.metres_per_degree_lon(self._lat)
        wide_m = max(_LEAST_M, (east - west) * self._per_lon)
        high_m = max(_LEAST_M * 0.6, (north - south) * geo.M_PER_DEGREE)
        self.per_m = min((WIDE - 2 * _MARGIN) / wide_m, (WIDE * 0.9 - 2 * _MARGIN) / high_m)
        self.high = round(max(WIDE * 0.4, high_m * self.per_m + 2 * _MARGIN))

    def at(self, place: Sequence[float]) -> svg.Point:
        """Return where a place is on the drawing."""
        return (
            WIDE / 2 + (place[0] - self._lon) * self._per_lon * self.per_m,
            self.high / 2 - (place[1] - self._lat) * geo.M_PER_DEGREE * self.per_m,
        )

    def shows(self, point: svg.Point) -> bool:
        """Whether a point is on the drawing, or near its edge."""
        return -100 <= point[0] <= WIDE + 100 and -100 <= point[1] <= self.high + 100


def lines_of(geometry: events.Geometry | None) -> list[list[LonLat]]:
    """Return the places of a GeoJSON geometry as lines; what is none has none."""
    given: Any = (geometry or {}).get("coordinates")
    deep = {"Point": 0, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}.get(
        (geometry or {}).get("type", ""), -1
    )
    if deep < 0:
        return []
    for _ in range(deep, 2):
        given = [given]
    if deep == 3:
        given = [ring for part in given for ring in part]
    return [[place for one in line if (place := _place(one))] for line in given if isinstance(line, list | tuple)]


def _place(given: Any) -> LonLat | None:
    if not isinstance(given, list | tuple) or len(given) < 2:
        return None
    if not all(isinstance(one, int | float) and math.isfinite(one) for one in given[:2]):
        return None
    return (float(given[0]), float(given[1])) if abs(given[1]) <= geo.MOST_LAT else None


def _way(fixes: Sequence[Fix], plane: Plane, clock: Clock) -> Iterator[str]:
    """Draw the way, a line for each stretch of one kind; none over a gap, nor to a fix whose place is not believed."""
    for one in _stretches(fixes):
        points = geo.simplified([plane.at(fix.place) for fix in one if fix.place], _TOLERANCE)
        name = kind(one[0])
        times = f"{clock.time(one[0].time_ms)} – {clock.time(one[-1].time_ms)}"
        said = words.title(Said(f"{KINDS[name].zh}，{times}", f"{KINDS[name].en}, {times}"))
        yield f'<path class="way {name}" d="{svg.path([points])}">{said}</path>'
    seen = [fix for fix in fixes if fix.place]
    for fix, name in ((seen[0], "first"), (seen[-1], "last")) if seen else ():
        x, y = plane.at(fix.place or (0, 0))
        said = words.title(Said(clock.day(fix.time_ms), clock.day(fix.time_ms)))
        yield f'<circle class="{name}" cx="{svg.number(x)}" cy="{svg.number(y)}" r="7">{said}</circle>'


def _stretches(fixes: Sequence[Fix]) -> Iterator[list[Fix]]:
    stretch: list[Fix] = []
    for fix in fixes:
        last = stretch[-1] if stretch else None
        if last is not None and (fix.place is None or fix.time_ms - last.time_ms > GAP_MS):
            yield stretch
            stretch = []
        elif last is not None and kind(fix) != kind(stretch[0]):
            yield [*stretch, fix]
            stretch = []
        if fix.place is not None:
            stretch.append(fix)
    if stretch:
        yield stretch


def _zones(places: Sequence[Place], plane: Plane) -> Iterator[str]:
    for place, points in _drawn(places, plane):
        said = words.title(Said(f"{place.name}（{place.kind}）", f"{place.name} ({place.kind})"))
        yield f'<path class="place {escape(place.kind)}" d="{svg.path(points)}Z">{said}</path>'


def _drawn(places: Sequence[Place], plane: Plane) -> list[tuple[Place, list[svg.Line]]]:
    """Return the places that the drawing shows, with their outlines; the first hundreds."""
    found: list[tuple[Place, list[svg.Line]]] = []
    for place in places:
        if place.kind in _NOT_DRAWN or len(found) == _MOST_PLACES:
            continue
        outline = [geo.simplified([plane.at(one) for one in line], _TOLERANCE) for line in _outline(place)]
        if any(plane.shows(point) for line in outline for point in line):
            found.append((place, outline))
    return found


def _outline(place: Place) -> list[list[LonLat]]:
    if place.record.area is not None:
        return lines_of(place.record.area)
    west, south, east, north = place.area.bounds()
    lon, lat, dx, dy = (west + east) / 2, (south + north) / 2, (east - west) / 2, (north - south) / 2
    turns = [2 * math.pi * n / 16 for n in range(16)]
    return [[(lon + dx * math.cos(turn), lat + dy * math.sin(turn)) for turn in turns]]


def _names(places: Sequence[Place], plane: Plane) -> Iterator[str]:
    """Write the names of places, as far as they do not lie on each other."""
    taken: list[svg.Point] = []
    for place, outline in sorted(_drawn(places, plane), key=lambda one: one[0].kind):
        line = outline[0]
        x, y = sum(one[0] for one in line) / len(line), min(one[1] for one in line) - 4
        free = all(abs(x - other[0]) > 130 or abs(y - other[1]) > 24 for other in taken)
        if place.kind in _NAMED and free and 20 < x < WIDE - 20 and 20 < y < plane.high - 10:
            taken.append((x, y))
            yield f'<text x="{svg.number(x)}" y="{svg.number(y)}">{escape(place.name[:40])}</text>'


def _corridors(permits: Sequence[Permission], plane: Plane) -> Iterator[str]:
    """Draw permitted roads as wide as they are; what is far outside of the drawing is left out."""
    for permission in permits:
        lines: list[svg.Line] = []
        for line in lines_of(permission.permit.corridor):
            points = geo.simplified([plane.at(place) for place in line], _TOLERANCE)
            for a, b in pairwise(points):
                if not (plane.shows(a) or plane.shows(b)):
                    continue
                if not lines or lines[-1][-1] != a:
                    lines.append([a])
                lines[-1].append(b)
        wide = svg.number(max(2.0, 2 * permission.corridor_m * plane.per_m))
        named = permission.versioned_id
        said = words.title(
            Said(
                f"许可路线 {named}，两侧 {permission.corridor_m:g} 米",
                f"permitted road {named}, {permission.corridor_m:g} m to either side",
            )
        )
        yield f'<path class="corridor" stroke-width="{wide}" d="{svg.path(lines)}">{said}</path>'


def _marks(marks: Sequence[Mark], plane: Plane) -> Iterator[str]:
    for mark in marks:
        lines = [geo.simplified([plane.at(place) for place in line], _TOLERANCE) for line in lines_of(mark.where)]
        lines = [line for line in lines if line]
        if not lines:
            continue
        said = words.title(mark.said)
        if len(lines[0]) > 1 or len(lines) > 1:
            yield f'<path class="said" d="{svg.path(lines)}">{said}</path>'
        x, y = lines[0][0]
        yield (
            f'<g class="mark"><circle cx="{svg.number(x)}" cy="{svg.number(y)}" r="14">{said}</circle>'
            f'<text x="{svg.number(x)}" y="{svg.number(y + 6)}">{escape(mark.text)}</text></g>'
        )


def _scale(plane: Plane) -> str:
    long_m = max((step for step in _SCALES_M if step * plane.per_m <= WIDE / 4), default=_SCALES_M[0])
    wide, y = svg.number(long_m * plane.per_m), plane.high - 16
    text = f"{long_m / 1000:g} km" if long_m >= 1000 else f"{long_m:g} m"
    return f'<path class="scale" d="M16 {y}v6h{wide}v-6"/><text class="scale" x="22" y="{y}">{text}</text>'


def legend() -> str:
    """Return what the colours mean."""
    ways = "".join(f'<li><i class="way {name}"></i>{words.html(said)}</li>' for name, said in KINDS.items())
    more: Iterable[tuple[str, Said]] = (
        ("corridor", Said("许可路线", "permitted road")),
        ("place facility", Said("处置场所", "facility")),
        ("place source", Said("产生地", "source")),
        ("place forbidden", Said("禁行区", "forbidden zone")),
        ("place depot", Said("车场、停车、维修", "depot, parking, workshop")),
    )
    return f'<ul class="legend">{ways}{"".join(f"<li><i class={chr(34)}{name}{chr(34)}></i>{words.html(said)}</li>" for name, said in more)}</ul>'
