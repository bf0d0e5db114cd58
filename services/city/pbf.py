"""The door to osmium: streets and other lines and areas of an OpenStreetMap extract."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import osmium

LonLat = tuple[float, float]

DRIVABLE: Final = frozenset(
    {
        "motorway", "motorway_link", "trunk", "trunk_link", "primary", "primary_link", "secondary", "secondary_link",
        "tertiary", "tertiary_link", "unclassified", "residential", "living_street", "road", "service", "track",
    }
)  # fmt: skip
"""Values of ``highway`` a collection truck may meet."""


class Way(NamedTuple):
    """A way with the places of its nodes."""

    way_id: int
    tags: dict[str, str]
    points: list[LonLat]
    closed: bool


def ways(path: Path) -> Iterator[Way]:
    """Yield the ways that have tags and at least two places. Reads the whole file (Porto: about a second)."""
    for thing in osmium.FileProcessor(str(path)).with_locations():
        if not isinstance(thing, osmium.osm.Way) or not len(thing.tags):
            continue
        points = [(node.lon, node.lat) for node in thing.nodes if node.location.valid()]
        if len(points) > 1:
            yield Way(thing.id, {tag.k: tag.v for tag in thing.tags}, points, thing.is_closed())
