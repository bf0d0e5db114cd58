"""A whole day moved: by whole weeks nothing changes but times, along its parallel nothing but places.

Every rule's input is in it: three trucks of a town with a corridor and hours, and a made day of bins and trucks.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from streams import codec, events, replay
from streams.units import DAY_MS
from tests.labelled import day
from tests.labelled.truth import HARD
from tests.unit.streams import town

Document = dict[str, Any]
WRITTEN = ("alerts", "tickets", "visits", "collections-due")
OURS = ("alert_id", "ticket_id", "visit_id", "evidence_id", "supersedes")
"""Ids made of times."""
DATE = re.compile(r"\d{2}-\d{2} \d{2}:\d{2}")
"""Reasons say local times to people."""
TRUCKS = ("x1", "x2", "x3")


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Document]]:
    """Records of the day by topic."""
    folder = tmp_path_factory.mktemp("day")
    day.make(folder, 6, HARD, size=0.05)
    found = {path.stem: _records(path) for path in folder.glob("*.jsonl")}
    in_hours = {"hours": (("07:00", "20:00"),), "time_zone": "Europe/Lisbon"}
    of_town: list[events.Event] = [
        msgspec.structs.replace(one, **in_hours) if isinstance(one, events.Permit) else one
        for one in town.records(TRUCKS)
    ]
    of_town += [fix for drive in town.drives(TRUCKS) for fix in drive.fixes]
    for one in of_town:
        beside = _in_place(msgspec.to_builtins(one), 0.5)  # the made day has its roads where the town is
        found.setdefault(codec.topic_of(one).name, []).append(beside)
    return found


@pytest.fixture(scope="module")
def said(lived: dict[str, list[Document]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Document]]:
    """What follows from the day as it was."""
    return _replayed(lived, tmp_path_factory.mktemp("said"))


def test_the_day_has_something_to_say(said: dict[str, list[Document]]) -> None:
    """Else nothing would be shown by what follows."""
    rules = {alert["rule"] for alert in said["alerts"]}
    assert len(rules) >= 10, sorted(rules)
    assert all(said[name] for name in WRITTEN)


@pytest.mark.parametrize("weeks", [-7, 5])
def test_moved_by_whole_weeks_nothing_changes_but_times(
    lived: dict[str, list[Document]],
    said: dict[str, list[Document]],
    tmp_path_factory: pytest.TempPathFactory,
    weeks: int,
) -> None:
    """Within one offset from UTC: moved back, all is said as before."""
    shift_ms = weeks * 7 * DAY_MS
    moved = {topic: [_in_time(one, shift_ms) for one in records] for topic, records in lived.items()}
    again = _replayed(moved, tmp_path_factory.mktemp("weeks"))
    for name in WRITTEN:
        back = _sorted(_in_time(one, -shift_ms) for one in again[name])
        differing = set(back) ^ set(_sorted(said[name]))
        assert not differing, (name, *sorted(differing)[:4])
        assert len(back) == len(said[name])


@pytest.mark.parametrize("east_deg", [-31.25, 122.0])
def test_moved_along_its_parallel_nothing_changes_but_places(
    lived: dict[str, list[Document]],
    said: dict[str, list[Document]],
    tmp_path_factory: pytest.TempPathFactory,
    east_deg: float,
) -> None:
    """The time zone is that of the records: ids too are the same, for they are made of trucks and times."""
    moved = {topic: [_in_place(one, east_deg) for one in records] for topic, records in lived.items()}
    again = _replayed(moved, tmp_path_factory.mktemp("east"))
    for name in WRITTEN:
        back = [_in_place(one, -east_deg) for one in again[name]]
        assert [_ids(one) for one in back] == [_ids(one) for one in said[name]], name
        assert _alike(back, said[name]), name


def _replayed(records: dict[str, list[Document]], folder: Path) -> dict[str, list[Document]]:
    for topic, documents in records.items():
        (folder / f"{topic}.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in documents))
    out = folder / "out"
    assert replay.run(folder, out).dead_letters == 0
    return {name: _records(out / f"{name}.jsonl") for name in WRITTEN}


def _records(path: Path) -> list[Document]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _walk(value: Any, change: Callable[[str, Any], Any], name: str = "") -> Any:
    """Return the value with everything in it changed by its member's name."""
    if isinstance(value, dict):
        return {key: _walk(one, change, key) for key, one in value.items()}
    if isinstance(value, list | tuple) and name != "coordinates":
        return [_walk(one, change, name) for one in value]
    return change(name, value)


def _in_time(document: Document, shift_ms: int) -> Document:
    def change(name: str, value: Any) -> Any:
        return value + shift_ms if name.endswith("_ms") and value is not None else value

    found: Document = _walk(document, change)
    if "times" in found:  # of a ticket
        found["times"] = {state: at_ms + shift_ms for state, at_ms in found["times"].items()}
    return found


def _in_place(document: Document, east_deg: float) -> Document:
    def change(name: str, value: Any) -> Any:
        if name == "lon" and value is not None:
            return value + east_deg
        return _coordinates(value, east_deg) if name == "coordinates" else value

    found: Document = _walk(document, change)
    return found


def _coordinates(value: Any, east_deg: float) -> Any:
    if isinstance(value[0], int | float):
        return [value[0] + east_deg, *value[1:]]
    return [_coordinates(one, east_deg) for one in value]


def _ids(document: Document) -> list[Any]:
    return [document.get(name) for name in (*OURS, "revision", "state", "rule")]


def _sorted(documents: Any) -> list[str]:
    """Documents without ids that are made of times, each as text: which of two at one time comes first is an id's matter."""
    kept = ({name: value for name, value in one.items() if name not in OURS} for one in documents)
    return sorted(DATE.sub("a time", json.dumps(one, sort_keys=True)) for one in kept)


def _alike(one: Any, other: Any) -> bool:
    """True if they differ by no more than what coordinates are rounded to."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(_alike(value, other[name]) for name, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, float) and isinstance(other, int | float):
        return abs(one - other) < 3e-6
    return bool(one == other)
