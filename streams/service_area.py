"""Where a tenant works, learned from what it has registered. A place farther than 100 km from there is a mistake.

Districts, grid cells, depots, facilities, sources and bins say where that is, whatever order they are read in: the area begins
at their middle and takes in what lies within `MARGIN_M` of it, again and again. What is filled in by another hand has a vote
of its own, so neither one place with lon and lat swapped nor a whole file of bins moves the middle. Where the hands disagree,
or too little is registered, nothing is known, and nothing is refused.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from streams import events, geo

MARGIN_M: Final = 100_000.0
"""So far outside a place is still believed: a landfill of the next county, a truck that is repaired elsewhere."""
_FEWEST: Final = 3
"""Places that make an area: of two, nobody can say which is the wrong one."""
_HAND: Final[Mapping[str, str]] = {
    "district": "zones", "grid": "zones", "depot": "places", "facility": "places", "source": "places", "bin": "bins",
}  # fmt: skip
"""Who is asked where the tenant works, by whose hand fills it in: a file is swapped as a whole."""
_Key = tuple[str, str, int]
_Places = tuple[geo.LonLat, ...]
_Box = tuple[float, float, float, float]


class ServiceArea:
    """The box in which a tenant works: west, south, east, north."""

    __slots__ = ("_box", "_east", "_north", "_south", "_tenant_id", "_west")

    def __init__(self, tenant_id: str, box: _Box) -> None:
        self._tenant_id, self._box = tenant_id, box
        self._west, self._south, self._east, self._north = geo.widened(box, MARGIN_M)

    def is_near(self, lon: float, lat: float) -> bool:
        """True inside, and up to `MARGIN_M` outside."""
        return self._west <= lon <= self._east and self._south <= lat <= self._north

    def why_not(self, lon: float, lat: float) -> str | None:
        """Say why a place cannot be one of the tenant's; None = it can."""
        if self._west <= lon <= self._east and self._south <= lat <= self._north:  # `is_near`, as asked at each fix
            return None
        west, south, east, north = self._box
        away_m = _great_circle_m(lon, lat, min(max(lon, west), east), min(max(lat, south), north))
        return (
            f"lon {lon:g}, lat {lat:g} lies {away_m / 1000:,.0f} km outside the service area of {self._tenant_id}, "
            f"expected at most {MARGIN_M / 1000:.0f} km{': are lon and lat swapped?' if self.is_near(lat, lon) else ''}"
        )


class ServiceAreas:
    """The areas of all tenants."""

    def __init__(self) -> None:
        self._registered: dict[str, dict[str, dict[_Key, _Places]]] = {}
        """By tenant and hand, each version of what is registered: its places, the one to vote with first."""
        self._known: dict[str, ServiceArea | None] = {}

    def learn(self, record: events.Event) -> None:
        """Take a record of what exists into account, whether or not it can be used; the same again changes nothing.

        A zone that names no tenant is one of the map: it says nothing of where anybody works.
        """
        if isinstance(record, events.Asset):
            key: _Key = (record.kind, record.id, record.version)
        elif isinstance(record, events.Zone) and record.tenant_id != events.DEFAULT_TENANT:
            key = (record.kind, record.zone_id, record.version)
        else:
            return
        hand = _HAND.get(record.kind)
        places = _voting(record) if hand is not None else ()
        if hand is None or not places:
            return
        listed = self._registered.setdefault(record.tenant_id, {}).setdefault(hand, {})
        if listed.get(key) != places:
            listed[key] = places
            self._known.pop(record.tenant_id, None)

    def of(self, tenant_id: str) -> ServiceArea | None:
        """Return where a tenant works; None = not known."""
        if tenant_id in self._known:
            return self._known[tenant_id]
        registered = self._registered.get(tenant_id)
        if registered is None:
            return None
        area = self._known[tenant_id] = _area_of(tenant_id, registered)
        return area

    def why_not(self, tenant_id: str, lon: float, lat: float) -> str | None:
        """Say why a place of the tenant's cannot be; None = it can, or it is not known where the tenant works."""
        area = self._known.get(tenant_id) or self.of(tenant_id)
        return None if area is None else area.why_not(lon, lat)

    def check(self, record: events.Versioned) -> str | None:
        """Say which place of a record of what exists cannot be, and why; None = all can."""
        if isinstance(record, events.Zone) and record.tenant_id == events.DEFAULT_TENANT:
            return first_misplaced(record, self._why_not_on_the_map)
        area = self.of(record.tenant_id)
        return None if area is None else first_misplaced(record, area.why_not)

    def _why_not_on_the_map(self, lon: float, lat: float) -> str | None:
        """Say whose place one of the map would be if it were not swapped. Else a map may reach as far as it likes."""
        areas = [area for tenant_id in sorted(self._registered) if (area := self.of(tenant_id)) is not None]
        if any(area.is_near(lon, lat) for area in areas):
            return None
        return next((area.why_not(lon, lat) for area in areas if area.is_near(lat, lon)), None)


def first_misplaced(record: events.Versioned, why_not: Callable[[float, float], str | None]) -> str | None:
    """Say which place of a record of what exists cannot be; None = all can. What is retired may lie anywhere."""
    if record.retired:
        return None
    for member, lon, lat in _places_of(record):
        reason = why_not(lon, lat)
        if reason is not None:
            return f"{named(record)}: {member} {reason}"
    return None


def named(record: events.Event) -> str:
    """Name a record of what exists, for people."""
    match record:
        case events.Asset():
            return f"{record.kind} {record.id}"
        case events.Zone():
            return f"zone {record.zone_id}"
        case events.Permit():
            return f"permit {record.permit_id}"
    return type(record).__name__


def _area_of(tenant_id: str, registered: Mapping[str, Mapping[_Key, _Places]]) -> ServiceArea | None:
    middle = _middle([_middle([places[0] for places in listed.values()]) for listed in registered.values()])
    box = (*middle, *middle)
    apart = [place for listed in registered.values() for places in listed.values() for place in places]
    while True:
        reach = geo.widened(box, MARGIN_M)
        near = [place for place in apart if _is_in(reach, place)]
        if not near:
            break
        box = _around(box, near)
        apart = [place for place in apart if not _is_in(reach, place)]
    inside = {
        key[:2] for listed in registered.values() for key, places in listed.items() if _is_in(box, places[0])
    }  # fmt: skip
    west, _, east, _ = geo.widened(box, MARGIN_M)
    return ServiceArea(tenant_id, box) if len(inside) >= _FEWEST and west >= -180.0 and east <= 180.0 else None


def _is_in(box: _Box, place: geo.LonLat) -> bool:
    return box[0] <= place[0] <= box[2] and box[1] <= place[1] <= box[3]


def _around(box: _Box, places: Iterable[geo.LonLat]) -> _Box:
    west, south, east, north = box
    for lon, lat in places:
        west, south, east, north = min(west, lon), min(south, lat), max(east, lon), max(north, lat)
    return west, south, east, north


def _middle(places: Sequence[geo.LonLat]) -> geo.LonLat:
    """Return the lower median of each coordinate: fewer than half may be anywhere; two that are at odds give neither."""
    half = (len(places) - 1) // 2
    return sorted(lon for lon, _ in places)[half], sorted(lat for _, lat in places)[half]


def _voting(record: events.Asset | events.Zone) -> _Places:
    """Return where a record says that the tenant works, its middle first; of an asset only its middle."""
    if isinstance(record, events.Asset) and record.lon is not None and record.lat is not None:
        return ((record.lon, record.lat),)
    corners = list(_corners(record.area))
    if not corners:
        return ()
    return (_middle(corners), *(corners if isinstance(record, events.Zone) else ()))


def _places_of(record: events.Versioned) -> Iterator[tuple[str, float, float]]:
    """Yield each place of a record of what exists, and the member that names it."""
    if isinstance(record, events.Asset) and record.lon is not None and record.lat is not None:
        yield "place", record.lon, record.lat
    member = "corridor" if isinstance(record, events.Permit) else "area"
    for lon, lat in _corners(getattr(record, member, None)):
        yield member, lon, lat


def _corners(geometry: Any) -> Iterator[geo.LonLat]:
    """Yield the places of a geometry, however deep; what is none is not this module's to refuse."""
    parts: list[Any] = [geometry.get("coordinates")] if isinstance(geometry, dict) else []
    while parts:
        part = parts.pop()
        if not isinstance(part, list | tuple):
            continue
        if len(part) < 2 or not all(type(one) in {int, float} for one in part[:2]):
            parts += reversed(part)
        elif abs(part[0]) <= 180 and abs(part[1]) <= 90:
            yield part[0], part[1]


def _great_circle_m(lon: float, lat: float, to_lon: float, to_lat: float) -> float:
    """Distance over the earth, however far, m (haversine)."""
    north, east = math.radians(to_lat - lat), math.radians(to_lon - lon)
    half = (
        math.sin(north / 2) ** 2
        + math.cos(math.radians(lat)) * math.cos(math.radians(to_lat)) * math.sin(east / 2) ** 2
    )
    return 2 * geo.EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(half)))
