"""A recorded day, looked at: the same judgement as in a replay, and why rules said nothing."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from streams import codec, events, inspection, recorded, replay, rules, topics
from streams.inspection import Span
from streams.units import DAY_MS
from tests.unit.streams import town

ALWAYS = (0, 10**14)


def write(folder: Path, *drives: town.Drive, more: tuple[events.Event, ...] = ()) -> Path:
    """A day of these drives in the town."""
    folder.mkdir()
    by_topic: dict[str, list[bytes]] = {}
    registered = town.records(tuple(drive.truck_id for drive in drives))
    for record in [*registered, *more, *(fix for drive in drives for fix in drive.fixes)]:
        by_topic.setdefault(codec.topic_of(record).name, []).append(codec.encode(record))
    for name, lines in by_topic.items():
        (folder / f"{name}.jsonl").write_bytes(b"\n".join(lines) + b"\n")
    return folder


def spans(day: Path, rule: str, truck_id: str = "t1") -> list[Span]:
    """What a rule thought of a truck all day."""
    return inspection.follow(day, {truck_id: [ALWAYS]}).trucks[truck_id].spans[rule]


def dump() -> town.Drive:
    return (
        town.loaded().go(3_000).go(3_000, 200).wait(60, falling_kg=14_000, bed="raised").wait(70, bed="level").go(5_000)
    )


ZONES: tuple[events.Event, ...] = (
    events.Zone(zone_id="z1", kind="forbidden", valid_from_ms=0, area=town.square(6_000, 0, 300)),
    events.Zone(zone_id="z2", kind="speed_limit", valid_from_ms=0, limit_mps=8.0, area=town.square(4_000, 0, 900)),
    events.Permit(
        permit_id="p2", truck_ids=("t2",), source_id="s1", valid_from_ms=0, hours=(), time_zone="Europe/Lisbon"
    ),
)


def _flapping() -> town.Drive:
    drive = town.loaded().go(1_000)
    for n in range(1, 16):
        drive.go(1_000 + n * 300, cover="open" if n % 3 else "closed")
    return drive


def _mocked() -> town.Drive:
    drive = town.loaded().go(2_000)
    drive.state["mocked"] = True
    return drive.go(4_000)


def _dark_dump() -> town.Drive:
    drive = town.loaded().go(3_000).silence(600)
    drive.kg = 0.0
    return drive.go(5_000)


VARIED = {
    "dump": dump,
    "uncovered": lambda: (
        town.loaded().go(1_500).go(3_000, cover="half").go(3_500, cover="closed").go(7_000, cover="open")
    ),
    "flapping": _flapping,
    "off its road": lambda: town.loaded().go(2_000).go(2_000, 300).go(4_500, 300).go(4_500, 0).go(6_000),
    "spill": lambda: town.loaded(noise_kg=250).go(5_000).go(1_000, falling_kg=2_500).go(7_000),
    "overload": lambda: town.loaded(kg=18_000).go(7_000),
    "made up": _mocked,
    "power cut": lambda: town.loaded().go(3_000).go(4_000, power="cut"),
    "silence": lambda: town.loaded().go(3_000).silence(400).go(4_000),
    "faulty": lambda: town.loaded().go(7_900, sensor_health=events.SensorHealth(cover="open", bed="ok", load="ok")),
    "dark dump": _dark_dump,
    "no bed sensor": lambda: town.loaded().go(3_000).wait(120, falling_kg=14_000, bed="unknown").go(5_000),
}


@pytest.mark.parametrize("name", VARIED)
def test_a_rule_speaks_when_all_it_stated_is_met_and_not_before(tmp_path: Path, name: str) -> None:
    """At no fix were all conditions met without an alert; and each alert is seen in its rule's band."""
    drive = VARIED[name]()
    day = write(tmp_path / "day", drive, more=ZONES)
    seen = inspection.follow(day, {"t1": [ALWAYS]}).trucks["t1"]
    assert [(rule, one) for rule, found in seen.spans.items() for one in found if one.stage == "met"] == []
    assert set(seen.spans) == {rule.NAME for rule in rules.JUDGING}
    assert seen.alerts
    for revisions in seen.alerts.values():
        assert any(one.stage == "told" for one in seen.spans[revisions[0].rule])


def test_it_is_the_same_judgement_as_in_a_replay(tmp_path: Path) -> None:
    """The same revisions, byte for byte, though other trucks of the day are only heard; among them what time alone says."""
    drives = [*town.drives(("t1", "t2", "t3")), town.loaded("t4").go(3_000)]
    drives[0].silence(1_900).go(6_000)
    day = write(tmp_path / "day", *drives, more=ZONES)
    replay.run(day, tmp_path / "out")
    told = list(recorded.values(tmp_path / "out", topics.ALERTS))
    assert any(one.rule == "illegal-dump" for one in told)
    for truck_id in ("t1", "t2", "t3", "t4"):
        seen = inspection.follow(day, {truck_id: [ALWAYS]}).trucks[truck_id]
        mine = [codec.encode(one) for revisions in seen.alerts.values() for one in revisions]
        assert sorted(mine) == sorted(codec.encode(one) for one in told if one.truck_id == truck_id)


def test_the_first_gate_that_held_is_the_reason(tmp_path: Path) -> None:
    """Tipping in the yard is no dump because of the yard; empty, a truck is not uncovered; a truck that stands is not off."""
    drive = (
        town.loaded().go(7_960).wait(60, falling_kg=14_000, bed="raised", cover="open").wait(60, bed="level").go(7_000)
    )
    day = write(tmp_path / "day", drive)
    (raised,) = [one for one in spans(day, "illegal-dump") if _first(one).startswith("away from every place")]
    assert (raised.stage, raised.conditions[0].measured, raised.conditions[0].met) == ("gate", "Yard (0 m)", False)
    assert spans(day, "uncovered-load")[-1].conditions[0] == events.Condition(
        condition="loaded", measured="empty", met=False
    )
    (standing, *_) = [one for one in spans(day, "off-route") if _first(one).startswith("driving faster")]
    assert (standing.conditions[0].measured, standing.conditions[0].limit, standing.conditions[0].unit) == (
        0.0,
        5.0,
        "km/h",
    )


def test_a_sensor_that_cannot_be_believed_is_the_reason(tmp_path: Path) -> None:
    """Said with what it says of itself."""
    faulty = events.SensorHealth(cover="short", bed="ok", load="ok")
    day = write(tmp_path / "day", town.loaded().go(3_000, cover="open", sensor_health=faulty))
    last = spans(day, "uncovered-load")[-1]
    assert (last.stage, last.conditions[0].measured) == ("gate", "short")


def test_what_is_watched_is_shown_where_it_was_nearest(tmp_path: Path) -> None:
    """Forty seconds uncovered: no alert, but how near it came."""
    day = write(tmp_path / "day", town.loaded().go(1_500).go(1_900, cover="open").go(6_000, cover="closed"))
    watching = [one for one in spans(day, "uncovered-load") if one.stage == "watching"]
    nearest = max(watching, key=lambda one: inspection.nearness(one.conditions))
    assert (nearest.conditions[0].measured, nearest.conditions[0].limit) == (40.0, 60.0)


def test_a_gap_ends_a_stretch(tmp_path: Path) -> None:
    """What a rule thought before a silence it does not think in it."""
    day = write(tmp_path / "day", town.loaded().go(3_000).silence(1_000, reports_lost=9).go(4_000))
    for one in spans(day, "no-permit"):
        assert one.until_ms - one.since_ms < 1_000_000
    assert len(spans(day, "sos")) == 2


def test_only_the_time_asked_for_is_noted(tmp_path: Path) -> None:
    """And it is judged in the knowledge of all before."""
    drive = dump()
    from_ms = drive.fixes[-20].event_time_ms
    day = write(tmp_path / "day", drive)
    seen = inspection.follow(day, {"t1": [(from_ms, ALWAYS[1])]}).trucks["t1"]
    assert len(seen.fixes) == 20
    assert seen.fixes[0].cargo == "empty"
    assert (seen.reports, seen.first_ms) == (20, drive.fixes[0].event_time_ms)


def test_without_thoughts_there_are_fixes_and_alerts(tmp_path: Path) -> None:
    """As maps of a comparison need them; other trucks are named."""
    day = write(tmp_path / "day", *town.drives(("t1", "t2")))
    followed = inspection.follow(day, {"t1": [ALWAYS]}, thinking=False)
    seen = followed.trucks["t1"]
    assert (bool(seen.fixes), bool(seen.alerts), seen.spans) == (True, True, {})
    assert followed.other_ids == {"t2"}


def test_what_is_not_known_stays_so(tmp_path: Path) -> None:
    """No sensor is neither closed nor level nor empty; no speed is not 0."""
    drive = town.Drive()
    drive.fix(cover="unknown", bed="unknown", load_kg=None, ignition=None, sensor_health=events.SensorHealth())
    drive.fixes[0] = replace(drive.fixes[0], speed_mps=None)
    seen = inspection.follow(write(tmp_path / "day", drive), {"t1": [ALWAYS]}).trucks["t1"]
    (fix,) = seen.fixes
    assert (fix.cover, fix.bed, fix.cargo, fix.ignition) == ("unknown", "unknown", "unknown", None)
    assert (fix.load_kg, fix.reading_kg, fix.speed_mps) == (None, None, None)


def _first(one: Span) -> Any:
    return one.conditions[0].condition if one.conditions else ""


def test_a_place_that_cannot_be_is_one_letter_whoever_reports_after_it(tmp_path: Path) -> None:
    """Reports of trucks nobody looks at are none."""
    drive = town.loaded().go(400)
    last = drive.fixes[-1]
    drive.fixes[-1] = replace(last, lon=last.lat, lat=last.lon)
    others = [replace(fix, truck_id="t2", event_time_ms=fix.event_time_ms + DAY_MS) for fix in drive.fixes[:20]]
    day = write(tmp_path / "day", drive, more=tuple(replace(fix, received_time_ms=fix.event_time_ms) for fix in others))
    assert inspection.follow(day, {"t1": [ALWAYS]}).dead_letters == 1
