"""What people and registers get wrong: named and set aside, or taken for unknown; the rest of the day goes on."""

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from streams import codec, events, replay, topics, truck
from streams.rules import scoped
from streams.topics import Topic
from tests.unit.streams import town
from tests.unit.streams.judging import alerts, states

DUMP = "illegal-dump"


def dumping() -> town.Drive:
    """A drive along the street that ends in a dump beside it."""
    drive = town.loaded().go(3_000).go(3_000, 200)
    return drive.wait(60, falling_kg=14_000, bed="raised").wait(90, bed="level").go(5_000)


def day(folder: Path, *wrong: tuple[Topic, bytes]) -> Path:
    """A day with that drive, and records that are wrong behind those that are right."""
    folder.mkdir()
    lines: dict[str, list[bytes]] = {}
    for record in [*town.records(), *dumping().fixes]:
        lines.setdefault(codec.topic_of(record).name, []).append(codec.encode(record))
    for topic, line in wrong:
        lines.setdefault(topic.name, []).append(line)
    for name, of_it in lines.items():
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(of_it) + b"\n")
    return folder


def zone(*corners: tuple[float, float]) -> bytes:
    """A forbidden zone of these corners."""
    area = {"type": "Polygon", "coordinates": [[list(corner) for corner in (*corners, corners[0])]]}
    return codec.encode(events.Zone(zone_id="z9", kind="forbidden", area=area, valid_from_ms=0))


def asset(**members: Any) -> bytes:
    """The next version of a truck of the register."""
    return json.dumps({"id": "t1", "kind": "truck", "version": 2, "valid_from_ms": 0} | members).encode()


@pytest.mark.parametrize(
    ("topic", "line", "stage", "said"),
    [
        (topics.ZONES, zone((0, 0), (1, 1), (1, 0), (0, 1)), "apply", "zone z9: area is not valid: Self-intersection[0.5 0.5], expected rings that do not cross"),
        (topics.ZONES, zone((179.9, 0), (-179.9, 0), (-179.9, 1), (179.9, 1)), "apply", "zone z9: geometry crosses the 180th meridian: cut it there into two parts"),
        (topics.ZONES, zone((179.9, 0), (180.1, 0), (180.1, 1), (179.9, 1)), "apply", "zone z9: geometry leaves the earth: coordinates[0][1] is [180.1, 0"),
        (topics.ASSETS, asset(payload_kg=0), "apply", "payload_kg of truck t1 is 0.0, expected kg above 0"),
        (topics.ASSETS, asset(gross_limit_kg=-1), "apply", "gross_limit_kg of truck t1 is -1.0, expected kg above 0"),
        (topics.ASSETS, asset(**{"class": "lorry"}), "decode", "$.class"),
        (topics.PERMITS, b'{"permit_id":"p1","version":2,"valid_from_ms":0,"corridor_m":0}', "apply", "corridor_m of permit p1 is 0.0, expected metres above 0"),
    ],
    ids=["crosses itself", "over the date line", "beyond the date line", "rated load 0", "gross limit below 0", "unknown class", "corridor of 0 m"],
)  # fmt: skip
def test_a_record_that_cannot_be_is_named_and_set_aside(
    topic: Topic, line: bytes, stage: str, said: str, tmp_path: Path
) -> None:
    """Its version before stays, and everything else is judged as if it had not come."""
    replay.run(day(tmp_path / "right"), tmp_path / "a")
    replay.run(day(tmp_path / "wrong", (topic, line)), tmp_path / "b")
    (letter,) = [json.loads(one) for one in (tmp_path / "b" / "dead-letters.jsonl").read_bytes().splitlines()]
    assert (letter["topic"], letter["stage"]) == (topic.name, stage)
    assert said in letter["reason"]
    told = (tmp_path / "b" / "alerts.jsonl").read_bytes()
    assert told == (tmp_path / "a" / "alerts.jsonl").read_bytes()
    assert b"illegal-dump" in told


def test_a_permit_without_a_corridor_allows_any_road() -> None:
    """Contract: null. Nor is there no permit."""
    (permit,) = (one for one in town.records() if isinstance(one, events.Permit))
    anywhere = town.reference(replace(permit, version=2, corridor=None, corridor_m=None))
    drive = town.loaded().go(2_000).go(2_000, 400).go(6_000, 400)
    assert states(alerts(drive, "off-route")) == ["raised"]
    assert alerts(drive, "off-route", anywhere) == []
    assert alerts(drive, "no-permit", anywhere) == []


def test_a_truck_without_a_class_is_judged_as_one_that_may_tip() -> None:
    """Unknown is no compactor: its raised bed is one, and what is said of classes is not said of it."""
    known = town.reference(replace(town.truck(), version=2, truck_class=None))
    of_classes = scoped.read(
        json.dumps({"for": [{"truck_class": one, "dump_bed_fall_share": 1} for one in scoped.CLASSES]}).encode()
    )
    assert states(alerts(dumping(), DUMP, known, thresholds=of_classes)) == ["raised", "ended"]
    assert alerts(dumping(), DUMP, known, thresholds=of_classes)[0].used.keys() == {"truck", "depot"}


def test_a_truck_without_a_rated_load_is_judged_by_what_needs_none() -> None:
    """Null is not 0: of the fall no share can be told, the bed that stays raised still speaks."""
    known = town.reference(replace(town.truck(), version=2, payload_kg=None))
    raised, *_ = alerts(dumping(), DUMP, known)
    assert raised.certainty == "likely"
    assert alerts(dumping(), "overload", known) == []


def test_a_replay_judges_by_the_thresholds_of_some(tmp_path: Path) -> None:
    """Tippers are granted what others are not: the day's dump is none; of vans it says nothing."""
    folder = day(tmp_path / "day")
    for truck_class, dumps in (("tipper", 0), ("van", 2)):
        entry = {"truck_class": truck_class, "dump_bed_fall_share": 1, "dump_raised_s": 600}
        settings = truck.Settings(thresholds=scoped.read(json.dumps({"for": [entry]}).encode()))
        replay.run(folder, tmp_path / truck_class, settings)
        told = (tmp_path / truck_class / "alerts.jsonl").read_bytes()
        assert told.count(b'"rule":"illegal-dump"') == dumps
