"""The door to OSRM: the road graph of a city, ways and matrices on it. One engine everywhere, so all seconds agree.

A graph is a folder with the files ``roads.osrm.*`` and a ``stamp``. Places are ``(lon, lat)`` in WGS-84 degrees.
© OpenStreetMap contributors, ODbL: whatever is made here from map data carries this notice where it is shown.
"""

import hashlib
import importlib.metadata
import os
import shutil
import subprocess
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final

import numpy as np
import osrm
from numpy.typing import NDArray

from services.planner.ways import NO_WAY, Leg, LonLat, Matrix, Route, Step

PROFILE: Final = Path(__file__).parent / "profiles" / "truck.lua"
BASE_NAME: Final = "roads.osrm"
MAX_SNAP_M: Final = 1_000.0
"""A place farther than this from every road cannot be driven to; OSRM alone would quietly use the nearest road."""
_STAMP: Final = "stamp"
_OSRM: Final = Path(osrm.__file__).parent
_KEPT_MATRICES: Final = 16


class NoGraph(ValueError):  # noqa: N818  # what is missing, in one sentence
    """There is no usable road graph here; the message says how to make one."""


class NoWay(ValueError):  # noqa: N818  # a fact about the city, not a failure of ours
    """There is no way between two of the places; the message names them."""


def build_graph(pbf: Path, out: Path, say: Callable[[str], None] = lambda _: None) -> None:
    """Build the road graph of an OpenStreetMap extract in the folder ``out`` (contraction hierarchies).

    Does nothing when ``out`` was built from the same extract, profile and engine. Replaces ``out`` only when the new
    graph is whole. Takes seconds for a town (Porto: 14 s on two cores, 93 MB of memory); ``say`` gets one line a stage.

    Raises
    ------
    NoGraph
        If the extract cannot be read or holds no road a truck may use.
    """
    stamp = _stamp(pbf)
    if _read_stamp(out) == stamp:
        return
    _clear_killed(out)
    fresh = out.with_name(f"{out.name}.{os.getpid()}.part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        base = str(fresh / BASE_NAME)
        say("reading the streets")
        _run("osrm-extract", str(pbf), "--profile", str(PROFILE), "--output", base)
        say("building the road graph")
        _run("osrm-contract", base)
        (fresh / _STAMP).write_text(stamp)
        shutil.rmtree(out, ignore_errors=True)
        fresh.rename(out)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _clear_killed(out: Path) -> None:
    """Remove what builders left that were killed: their number is in the name."""
    for part in out.parent.glob(f"{out.name}.*.part"):
        try:
            os.kill(int(part.name.split(".")[-2]), 0)
        except ProcessLookupError:
            shutil.rmtree(part, ignore_errors=True)
        except (PermissionError, ValueError):  # somebody else's
            continue


def _stamp(pbf: Path) -> str:
    if not pbf.is_file():
        raise NoGraph(f"there is no OpenStreetMap extract {pbf}")
    digest = hashlib.sha256(importlib.metadata.version("osrm-bindings").encode())
    for source in (pbf, PROFILE):
        digest.update(source.read_bytes())
    return digest.hexdigest()


def _read_stamp(folder: Path) -> str | None:
    stamp = folder / _STAMP
    return stamp.read_text() if stamp.is_file() else None


def _run(program: str, *arguments: str) -> None:
    profiles = _OSRM / "share" / "profiles"
    done = subprocess.run(
        [str(_OSRM / "bin" / program), *arguments],
        env={**os.environ, "LUA_PATH": f"{profiles}/?.lua;;"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        last = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()][-1:]
        raise NoGraph(f"{program} ended with code {done.returncode} on {arguments[0]}: {''.join(last)}")


class Roads:
    """Ways and matrices on one graph. Calls are quick (a route 1–10 ms, a matrix of 500² 0.2 s) and run in the caller.

    Parameters
    ----------
    graph
        The folder `build_graph` wrote.

    Raises
    ------
    NoGraph
        If nothing usable is there.
    """

    def __init__(self, graph: Path) -> None:
        stamp = _read_stamp(graph)
        if stamp is None:
            raise NoGraph(f"there is no road graph in {graph}: run `python -m services city prepare <city>`")
        self.stamp: Final = stamp
        """Names the graph: changes with the extract, the profile and the engine."""
        self._engine = osrm.OSRM(
            storage_config=str(graph / BASE_NAME),
            algorithm="CH",
            use_shared_memory=False,
            max_locations_distance_table=-1,
            max_locations_viaroute=-1,
        )
        self._matrices: OrderedDict[tuple[LonLat, ...], Matrix] = OrderedDict()

    def matrix(self, points: Sequence[LonLat]) -> Matrix:
        """Return seconds and metres between all points; the last few matrices are kept."""
        key = tuple(points)
        found = self._matrices.get(key)
        if found is None:
            found = self._matrices[key] = self._table(key)
            if len(self._matrices) > _KEPT_MATRICES:
                self._matrices.popitem(last=False)
        self._matrices.move_to_end(key)
        return found

    def _table(self, points: tuple[LonLat, ...]) -> Matrix:
        if not points:
            empty = np.zeros((0, 0), dtype=np.int64)
            return Matrix(duration_s=empty, distance_m=empty)
        asked = osrm.TableParameters(
            coordinates=list(points), annotations=["duration", "distance"], generate_hints=False
        )
        answer = self._engine.Table(asked)
        away = np.array([place["distance"] > MAX_SNAP_M for place in answer["sources"]])
        return Matrix(duration_s=_integers(answer["durations"], away), distance_m=_integers(answer["distances"], away))

    def route(self, points: Sequence[LonLat], *, steps: bool = False) -> Route:
        """Return the quickest way through the points, in their order; ``steps`` adds the turns.

        A truck may turn round at a place it visits, as in the matrix: both say the same seconds.

        Raises
        ------
        NoWay
            If there is none between two of them, or one is more than `MAX_SNAP_M` from every road.
        """
        if len(points) < 2:
            return Route(duration_s=0.0, distance_m=0.0, path=list(points), legs=[])
        asked = osrm.RouteParameters(
            coordinates=list(points),
            steps=steps,
            annotations=["duration"],
            geometries="geojson",
            overview="full",
            continue_straight=False,
            generate_hints=False,
        )
        try:
            answer = self._engine.Route(asked)
        except RuntimeError as error:  # the binding has one type for everything
            raise NoWay(f"no way through {list(points)}: {error}") from error
        for point, snapped in zip(points, answer["waypoints"], strict=True):
            if snapped["distance"] > MAX_SNAP_M:
                raise NoWay(f"{point} is {snapped['distance']:.0f} m from the nearest road")
        return _route(answer["routes"][0])

    def nearest(self, lon: float, lat: float) -> LonLat:
        """Return the nearest place on a road, however far."""
        asked = osrm.NearestParameters(coordinates=[(lon, lat)], generate_hints=False)
        snapped = self._engine.Nearest(asked)["waypoints"][0]["location"]
        return (snapped[0], snapped[1])


def _integers(rows: Any, away: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Read OSRM's nested arrays; numpy cannot take them whole, one flat pass is the quickest way (20 ms for 500²)."""
    size = len(away)
    values: Iterable[float | None] = chain.from_iterable(rows)
    flat = np.fromiter((NO_WAY if value is None else value for value in values), dtype=float, count=size * size)
    numbers: NDArray[np.int64] = np.rint(flat).astype(np.int64).reshape(size, size)
    numbers[away, :] = NO_WAY
    numbers[:, away] = NO_WAY
    np.fill_diagonal(numbers, 0)
    return numbers


def _route(answer: Any) -> Route:
    path = [(place[0], place[1]) for place in answer["geometry"]["coordinates"]]
    legs: list[Leg] = []
    begin = 0
    for leg in answer["legs"]:
        durations_s = list(leg["annotation"]["duration"])
        end = begin + len(durations_s)
        legs.append(
            Leg(
                duration_s=leg["duration"],
                distance_m=leg["distance"],
                path=path[begin : end + 1],
                durations_s=_with_turns(durations_s, leg["duration"]),
                steps=tuple(_step(step) for step in leg["steps"]),
            )
        )
        begin = end
    return Route(duration_s=answer["duration"], distance_m=answer["distance"], path=path, legs=legs)


def _with_turns(durations_s: list[float], whole_s: float) -> list[float]:
    """Stretch the segments to the leg's time: OSRM leaves the seconds lost in turns out of them."""
    moving_s = sum(durations_s)
    return [duration * whole_s / moving_s for duration in durations_s] if moving_s else durations_s


def _step(step: Any) -> Step:
    maneuver = step["maneuver"]
    members = set(maneuver)
    return Step(
        maneuver=maneuver["type"],
        modifier=maneuver["modifier"] if "modifier" in members else None,
        name=step["name"] or _reference(step),
        lon=maneuver["location"][0],
        lat=maneuver["location"][1],
        duration_s=step["duration"],
        distance_m=step["distance"],
        exit=int(maneuver["exit"]) if "exit" in members else None,  # the binding gives it as 2.0
    )


def _reference(step: Any) -> str:
    """Return the number of a road that has no name, such as N 12."""
    return str(step["ref"]) if "ref" in set(step) else ""
