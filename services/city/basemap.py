"""The base map: an extract's streets, water and green as one PMTiles archive, made by tippecanoe.

Layers (what a map style may name): ``roads`` (``class``: motorway, primary, secondary, tertiary, minor, service, path;
``name``, ``ref``, ``bridge``, ``tunnel``), ``water`` (areas and rivers), ``green`` (parks, woods), ``buildings``,
``rail``. A layer is there when the extract has such things. © OpenStreetMap contributors, ODbL: the archive says so.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from services.city import pbf

LAYERS: Final = ("green", "water", "buildings", "rail", "roads")
MIN_ZOOM: Final = 6
MAX_ZOOM: Final = 14
_COORDINATE_DIGITS: Final = 6

_CLASS: Final = {
    "motorway": "motorway", "trunk": "motorway", "motorway_link": "motorway", "trunk_link": "motorway",
    "primary": "primary", "primary_link": "primary", "secondary": "secondary", "secondary_link": "secondary",
    "tertiary": "tertiary", "tertiary_link": "tertiary", "residential": "minor", "unclassified": "minor",
    "living_street": "minor", "road": "minor", "pedestrian": "minor", "service": "service", "track": "service",
    "footway": "path", "path": "path", "steps": "path", "cycleway": "path",
}  # fmt: skip
_FROM_ZOOM: Final = {
    "motorway": 6,
    "primary": 8,
    "secondary": 10,
    "tertiary": 11,
    "minor": 12,
    "service": 13,
    "path": 13,
}
_GREEN_LANDUSE: Final = frozenset({"forest", "grass", "meadow", "recreation_ground", "cemetery", "village_green"})
_GREEN_LEISURE: Final = frozenset({"park", "garden", "golf_course", "nature_reserve", "pitch"})


def build(roads: Path, out: Path, name: str, attribution: str) -> None:
    """Write the archive ``out`` from the extract ``roads``. Takes seconds (Porto: about 8); replaces ``out`` at the end.

    Raises
    ------
    RuntimeError
        If tippecanoe fails, with what it said.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    made, archive = [], out.with_name("base-new.pmtiles")
    files = {layer: out.with_name(f"{layer}.geojsonl") for layer in LAYERS}
    handles = {layer: path.open("w", encoding="utf-8") for layer, path in files.items()}
    try:
        for way in pbf.ways(roads):
            for layer, feature in _features(way):
                handles[layer].write(json.dumps(feature, ensure_ascii=False, separators=(",", ":")) + "\n")
    finally:
        for handle in handles.values():
            handle.close()
    made = [layer for layer, path in files.items() if path.stat().st_size]
    # Relative names: tippecanoe writes its command line into the archive.
    layers = [f"--named-layer={layer}:{files[layer].name}" for layer in made]
    command = [
        sys.executable, "-m", "cubao_tippecanoe", "tippecanoe", "--force", "--quiet", f"--output={archive.name}", f"--name={name}",
        f"--attribution={attribution}", f"--minimum-zoom={MIN_ZOOM}", f"--maximum-zoom={MAX_ZOOM}",
        "--drop-densest-as-needed", "--simplification=4", "--no-tile-stats", *layers,
    ]  # fmt: skip
    ran = subprocess.run(command, cwd=out.parent, capture_output=True, text=True, check=False)
    for path in files.values():
        path.unlink()
    if ran.returncode:
        raise RuntimeError(f"tippecanoe could not make {out}: {ran.stderr.strip()[-500:]}")
    archive.replace(out)


def _features(way: pbf.Way) -> Iterator[tuple[str, dict[str, Any]]]:
    tags = way.tags
    if (road := _CLASS.get(tags.get("highway", ""))) is not None:
        properties = {"class": road, "name": tags.get("name"), "ref": tags.get("ref")}
        properties |= {flag: "yes" for flag in ("bridge", "tunnel") if tags.get(flag, "no") != "no"}
        yield "roads", _feature("LineString", way.points, properties, from_zoom=_FROM_ZOOM[road])
    elif "railway" in tags:
        yield "rail", _feature("LineString", way.points, {"class": tags["railway"]}, from_zoom=11)
    elif way.closed and (area := _area_layer(tags)) is not None:
        yield (
            area,
            _feature("Polygon", [way.points], {"name": tags.get("name")}, from_zoom=13 if area == "buildings" else 8),
        )
    elif "waterway" in tags:
        yield "water", _feature("LineString", way.points, {"name": tags.get("name")}, from_zoom=9)


def _area_layer(tags: dict[str, str]) -> str | None:
    if tags.get("natural") == "water" or tags.get("waterway") == "riverbank" or tags.get("landuse") == "reservoir":
        return "water"
    if (
        tags.get("landuse") in _GREEN_LANDUSE
        or tags.get("leisure") in _GREEN_LEISURE
        or tags.get("natural") in {"wood", "scrub", "grassland"}
    ):
        return "green"
    return "buildings" if tags.get("building", "no") != "no" else None


def _feature(kind: str, coordinates: Any, properties: dict[str, Any], *, from_zoom: int) -> dict[str, Any]:
    return {
        "type": "Feature",
        "tippecanoe": {"minzoom": from_zoom},
        "properties": {name: value for name, value in properties.items() if value is not None},
        "geometry": {"type": kind, "coordinates": _rounded(coordinates)},
    }


def _rounded(value: Any) -> Any:
    return round(value, _COORDINATE_DIGITS) if isinstance(value, float) else [_rounded(one) for one in value]
