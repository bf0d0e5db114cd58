"""Reports and plans that lie where their tenant does not work: in the worker and in a replay."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from streams import codec, events, replay, topics, truck
from streams.topics import Topic
from streams.worker.dead_letters import MOST_IN_A_ROW, Limits
from streams.worker.folding import Folded, Partition, partition_of
from tests.unit.streams import town


class Given(NamedTuple):
    """A record as the worker reads it."""

    offset: int
    value: bytes
    key: bytes = b"t1"
    headers: tuple[tuple[str, bytes], ...] = ()


def swapped(fix: events.TruckState) -> events.TruckState:
    """The same report of a terminal whose profile has lon and lat the wrong way round."""
    return replace(fix, lon=fix.lat, lat=fix.lon)


def fold(records: list[events.Event], topic: Topic = topics.TRUCK_STATES) -> Folded:
    """Fold a slice as the worker does."""
    given = [Given(n, codec.encode(record)) for n, record in enumerate(records)]
    return Partition(partition_of("t1"), {}).fold(topic.name, given, town.reference(), truck.DEFAULT_SETTINGS)


def dumping() -> list[events.TruckState]:
    """A load tipped beside the street."""
    drive = town.loaded().go(3_000).go(3_000, 200).wait(60, falling_kg=14_000, bed="raised").wait(70, bed="level")
    return drive.go(5_000).fixes


def rules(said: list[events.Event]) -> list[str]:
    """Which alerts were raised."""
    return [one.rule for one in said if isinstance(one, events.Alert) and one.state == "raised"]


def test_a_swapped_place_is_a_letter_with_its_reason_and_its_bytes() -> None:
    """At stage ``place``; the reason says that the rest of the report counts."""
    first, second, *_ = dumping()
    folded = fold([first, swapped(second)])
    (letter,) = folded.letters
    assert (letter.stage, letter.offset, letter.value) == ("place", 1, codec.encode(swapped(second)))
    assert letter.reason.endswith("expected at most 100 km: are lon and lat swapped?; the rest of the report counts")
    assert folded.lost == []


def test_what_else_a_report_says_is_not_lost_with_its_place() -> None:
    """Every third place is 0, 0: the load still falls, the bed is still raised, no number is missing; the dump is found."""
    fixes = dumping()
    glitches = [replace(fix, lon=0.0, lat=0.0) if n % 3 == 1 else fix for n, fix in enumerate(fixes)]
    folded = fold([*glitches])
    assert rules(folded.said) == rules(fold([*fixes]).said) == ["illegal-dump"]
    assert len(folded.letters) == sum(fix.lon == 0.0 for fix in glitches)
    assert folded.late == 0


@pytest.mark.parametrize("changed", [{"fix": False}, {"mocked": True}, {"lon": None}])
def test_what_says_itself_that_it_is_no_place_is_no_letter(changed: dict[str, object]) -> None:
    """Without a fix, made up, or not there."""
    assert fold([replace(swapped(dumping()[0]), **changed)]).letters == []


def test_one_truck_without_a_believable_place_does_not_stop_the_citys_worker() -> None:
    """A day of its reports alone: each is a letter, none is lost, and none counts. As many that cannot be read do."""
    fix = dumping()[0]
    reports = [
        swapped(replace(fix, seq=n, event_time_ms=fix.event_time_ms + n * 10_000)) for n in range(3 * MOST_IN_A_ROW)
    ]
    folded, limits = fold([*reports]), Limits()
    assert len(folded.letters) == len(reports)
    limits.count("truck-states", 0, range(len(reports)), [letter.offset or 0 for letter in folded.lost])
    broken = [Given(n, b"{}") for n in range(MOST_IN_A_ROW)]
    unread = Partition(partition_of("t1"), {}).fold("truck-states", broken, town.reference(), truck.DEFAULT_SETTINGS)
    assert len(unread.lost) == MOST_IN_A_ROW


@pytest.mark.parametrize("member", ["visits", "path"])
def test_a_plan_that_leads_elsewhere_is_refused_whole(member: str) -> None:
    """It names the visit or the path; one within the area is taken."""
    lon, lat = town.at(4_000)
    visit = events.PlanVisit(arrive_ms=1, leave_ms=2, lon=lon, lat=lat)
    path = {"type": "LineString", "coordinates": [[lon, lat], [lon + 0.01, lat]]}
    plan = events.TruckPlan(
        truck_id="t1", plan_version=3, made_ms=town.START_MS, reason="first_plan", visits=(visit,), path=path
    )
    wrong = {
        "visits": replace(plan, visits=(visit, replace(visit, lon=lat, lat=lon))),
        "path": replace(plan, path={"type": "LineString", "coordinates": [[lat, lon], [lat, lon + 0.01]]}),
    }[member]
    folded = fold([plan, wrong], topics.PLANS)
    (letter,) = folded.lost
    assert (letter.offset, letter.stage) == (1, "apply")
    assert letter.reason.startswith(f"plan 3: {'visits[1]' if member == 'visits' else 'path'} lon 41.16, lat -8.57")


def write_day(folder: Path, existing: list[events.Event], fixes: list[events.TruckState]) -> Path:
    """A recorded day of these records."""
    folder.mkdir()
    by_topic: dict[str, list[bytes]] = {}
    for record in [*existing, *fixes]:
        by_topic.setdefault(codec.topic_of(record).name, []).append(codec.encode(record))
    for name, lines in by_topic.items():
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return folder


def test_a_replay_says_the_same_with_the_line_of_the_file(tmp_path: Path) -> None:
    """And the same alerts as the worker; what exists is known whole before any of it is held against it, also where it is first."""
    fixes = [swapped(fix) if n % 3 == 1 else fix for n, fix in enumerate(dumping())]
    wrong = events.Asset(id="f0", kind="facility", lon=41.16, lat=-8.62, valid_from_ms=0)
    folder = write_day(tmp_path / "day", [wrong, *town.records()], fixes)
    replay.run(folder, tmp_path / "out")
    letters = [json.loads(line) for line in (tmp_path / "out" / "dead-letters.jsonl").read_text().splitlines()]
    found = [(letter["topic"], letter["stage"], letter["line"]) for letter in letters]
    assert found[0] == ("assets", "apply", 1)
    assert "are lon and lat swapped?" in letters[0]["reason"]
    assert found[1:] == [("truck-states", "place", n + 1) for n in range(len(fixes)) if n % 3 == 1]
    alerts = [json.loads(line) for line in (tmp_path / "out" / "alerts.jsonl").read_text().splitlines()]
    assert [one["rule"] for one in alerts if one["state"] == "raised"] == rules(fold([*fixes]).said)
