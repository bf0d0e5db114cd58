"""Two outputs of a replay, compared."""

import json
from pathlib import Path
from typing import Any

import pytest

from streams import codec, events
from streams.__main__ import main
from streams.compare import compare, table
from tests.unit.streams import town
from tests.unit.streams.test_replay import write_day

START_MS = town.START_MS


def alert(rule: str = "off-route", truck_id: str = "t1", start_s: int = 0, **changed: Any) -> events.Alert:
    start_ms = START_MS + start_s * 1_000
    given: dict[str, Any] = {
        "alert_id": events.alert_id(rule, truck_id, start_ms), "revision": 1, "rule": rule, "rule_version": "1",
        "state": "ended", "severity": "high", "certainty": "likely", "truck_id": truck_id, "start_ms": start_ms,
        "raised_ms": start_ms + 60_000, "end_ms": start_ms + 120_000, "emitted_ms": start_ms + 60_300,
        "where": {"type": "LineString", "coordinates": [[-8.6, 41.1], [-8.5, 41.1]]}, "zone_ids": ("g12",),
        "because": (events.Condition(condition="off the corridor", measured=74.0, limit=60.0, unit="s", met=True),),
    }  # fmt: skip
    return events.Alert(**(given | changed))


def out(folder: Path, *alerts: events.Alert) -> Path:
    folder.mkdir()
    (folder / "alerts.jsonl").write_bytes(b"".join(codec.encode(one) + b"\n" for one in alerts))
    return folder


def test_lost_gained_changed_and_the_same_are_told_apart(tmp_path: Path) -> None:
    """By the highest revision; a cancelled one was none; when it left and the rule's version are no difference."""
    same, gone, worse = alert(), alert(start_s=10_000), alert("spillage", start_s=20_000)
    before = out(tmp_path / "a", same, gone, worse, alert("sos", start_s=1, state="cancelled"))
    after = out(
        tmp_path / "b",
        alert(rule_version="2", emitted_ms=START_MS + 99_000, revision=4),
        alert("spillage", start_s=20_000, severity="critical"),
        alert("sos", start_s=1),
        alert(start_s=10_000),
        alert(start_s=10_000, revision=2, state="cancelled"),
    )
    found = compare(before, after)
    assert [one.alert_id for one in found.lost] == [gone.alert_id]
    assert [(one.rule, one.subject) for one in found.gained] == [("sos", "t1")]
    assert [one.changes for one in found.changed] == [{"severity": ("high", "critical")}]
    assert {
        rule: [getattr(tally, name) for name in tally.__struct_fields__] for rule, tally in found.rules.items()
    } == {
        "off-route": [2, 1, 1, 0, 0],
        "sos": [0, 1, 0, 1, 0],
        "spillage": [1, 1, 0, 0, 1],
    }


def test_a_violation_that_begins_elsewhen_is_changed_not_lost_and_gained(tmp_path: Path) -> None:
    """Another threshold moves the start and so the id; the nearest of the same rule and truck is the same violation."""
    before = out(tmp_path / "a", alert(), alert(start_s=400), alert(truck_id="t2"))
    after = out(tmp_path / "b", alert(start_s=30), alert(start_s=2_000), alert(truck_id="t3"))
    found = compare(before, after)
    assert [one.changes["start_ms"] for one in found.changed] == [(START_MS, START_MS + 30_000)]
    assert [(one.subject, one.start_ms) for one in found.lost] == [("t2", START_MS), ("t1", START_MS + 400_000)]
    assert [(one.subject, one.start_ms) for one in found.gained] == [("t3", START_MS), ("t1", START_MS + 2_000_000)]


def test_each_alert_is_named_with_time_truck_place_and_why(tmp_path: Path) -> None:
    """As a person asks, and as JSON for programs."""
    found = compare(out(tmp_path / "a", alert()), out(tmp_path / "b"))
    text = table(found)
    for said in ("2026-06-16 05:00:00 UTC", "off-route", "t1", "-8.60000, 41.10000, zones g12"):
        assert said in text
    assert "off the corridor: 74.0 against 60.0 s" in text


def test_two_settings_of_one_day_are_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Both are replayed; a bed that must be raised for an hour loses the dump; the same settings lose nothing."""
    day = write_day(tmp_path / "day")
    (tmp_path / "now.json").write_text("{}")
    (tmp_path / "strict.json").write_text(
        '{"dump_raised_s": 3600, "dump_bed_fall_share": 1, "dump_load_fall_share": 1}'
    )
    told = tmp_path / "told.json"
    settings = [str(tmp_path / "now.json"), str(tmp_path / "strict.json")]
    asked = ["replay", str(day), "-o", str(tmp_path / "out"), "--compare", "--json", str(told), "--settings"]
    assert main([*asked, *settings]) == 0
    assert "lost: 1" in capsys.readouterr().out
    assert [one["rule"] for one in json.loads(told.read_bytes())["lost"]] == ["illegal-dump"]
    assert main([*asked, settings[0], settings[0]]) == 0
    assert json.loads(told.read_bytes())["lost"] == []
    assert main(["replay", "--compare", str(tmp_path / "out" / "now"), str(tmp_path / "out" / "strict")]) == 0
    assert "lost: 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    "asked", [["DAY"], ["--compare", "DAY"], ["DAY", "DAY", "-o", "OUT"], ["--compare", "DAY", "DAY"]]
)
def test_what_cannot_be_done_is_said(asked: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and a sentence that says what to give."""
    day = tmp_path / "day"
    day.mkdir()
    names = {"DAY": str(day), "OUT": str(tmp_path / "out")}
    assert main(["replay", *(names.get(word, word) for word in asked)]) == 2
    assert "give " in capsys.readouterr().err
