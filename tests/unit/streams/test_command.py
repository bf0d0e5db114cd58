"""``python -m streams``: what a person can get wrong is said in a sentence, before the work begins."""

import json
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from streams import replay
from streams.__main__ import main
from streams.compare import compare, table
from streams.rules.thresholds import NAMES
from tests.unit.streams.test_compare import alert, out
from tests.unit.streams.test_replay import write_day


def _never(*_: Any, **__: Any) -> replay.Report:
    raise AssertionError("the work began")


def _refused(capsys: pytest.CaptureFixture[str], *asked: object) -> str:
    """Run what cannot be done; return the one sentence that is said."""
    assert main(["replay", *map(str, asked)]) == 2
    (sentence,) = capsys.readouterr().err.splitlines()
    return sentence


@pytest.fixture
def idle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is replayed."""
    monkeypatch.setattr(replay, "run", _never)


@pytest.mark.usefixtures("idle")
def test_where_nothing_can_be_written_is_said_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """OUT is a file, or would be in one; the folder of the state is missing, or the state would be a folder."""
    day = write_day(tmp_path / "day")
    (tmp_path / "file").touch()
    assert "is a file: give a folder" in _refused(capsys, day, "-o", tmp_path / "file")
    assert "cannot be made" in _refused(capsys, day, "-o", tmp_path / "file" / "out")
    asked = (day, "-o", tmp_path / "out", "--state-out")
    assert "there is no folder" in _refused(capsys, *asked, tmp_path / "nodir" / "state.json.gz")
    assert "is a folder: give a file in it" in _refused(capsys, *asked, tmp_path)


@pytest.mark.usefixtures("idle")
def test_a_state_is_not_written_into_its_own_day(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The beginning of the day, or its records, would be gone; by whatever way the folder is named."""
    day = write_day(tmp_path / "day")
    (tmp_path / "link").symlink_to(day)
    for name in ("day/state.json.gz", "link/state.json.gz", "day/../day/truck-states.jsonl.gz"):
        assert "is in the recorded day itself" in _refused(
            capsys, day, "-o", tmp_path / "out", "--state-out", tmp_path / name
        )
    assert not (day / replay.STATE_FILE).exists()


def test_a_state_may_be_written_beside_what_was_said(tmp_path: Path) -> None:
    """OUT is made first."""
    out_folder = tmp_path / "new" / "out"
    assert (
        main(["replay", str(write_day(tmp_path / "day")), "-o", str(out_folder), "--state-out", f"{out_folder}/s.gz"])
        == 0
    )
    assert (out_folder / "s.gz").exists()


@pytest.mark.usefixtures("idle")
def test_a_folder_where_records_should_be_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named, as what it is."""
    day = write_day(tmp_path / "day")
    (day / "plans.jsonl").mkdir()
    assert f"{day / 'plans.jsonl'} is a folder" in _refused(capsys, day, "-o", tmp_path / "out")


@pytest.mark.usefixtures("idle")
def test_a_comparison_that_cannot_end_does_not_begin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No folder for the JSON, no such time zone: said before two days are replayed, and before two outputs are read."""
    day = write_day(tmp_path / "day")
    (tmp_path / "a.json").write_text("{}")
    two_settings = (day, "-o", tmp_path / "out", "--settings", tmp_path / "a.json", tmp_path / "a.json", "--compare")
    two_outputs = ("--compare", out(tmp_path / "x", alert()), out(tmp_path / "y"))
    for asked in (two_settings, two_outputs):
        assert "there is no folder" in _refused(capsys, *asked, "--json", tmp_path / "nodir" / "x.json")
        assert "--time-zone Lisbon is none" in _refused(capsys, *asked, "--time-zone", "Lisbon")


def test_what_breaks_off_a_replay_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk: the outputs are not whole."""

    def run(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(replay, "run", run)
    sentence = _refused(capsys, write_day(tmp_path / "day"), "-o", tmp_path / "out")
    assert "its outputs are not whole: [Errno 28] No space left on device" in sentence


def test_a_line_that_is_no_alert_is_named_with_file_and_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cut off at its end, or with a time in microseconds."""
    before, after = out(tmp_path / "a", alert(), alert(start_s=99)), out(tmp_path / "b")
    path = before / "alerts.jsonl"
    path.write_bytes(path.read_bytes()[:-40])
    sentence = _refused(capsys, "--compare", before, after)
    assert f"{before}: line 2 of alerts is no record: not JSON" in sentence
    assert "replay the day again" in sentence
    raised = json.loads(path.read_bytes().splitlines()[0])
    path.write_text(json.dumps(raised | {"start_ms": raised["start_ms"] * 1_000}))
    assert f"{before}: line 1 of alerts is no record" in _refused(capsys, "--compare", before, after)


def test_alerts_in_a_folder_of_that_name_are_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As for records."""
    before, after = out(tmp_path / "a", alert()), tmp_path / "b"
    (after / "alerts.jsonl").mkdir(parents=True)
    assert "is a folder" in _refused(capsys, "--compare", before, after)


@pytest.mark.parametrize(
    "where",
    [{"coordinates": ["a", "b"]}, {"coordinates": [None, 1]}, {"coordinates": [[[]]]}, {"coordinates": [10**400, 1]}],
)
def test_a_comparison_shows_alerts_of_any_time_and_place(tmp_path: Path, where: dict[str, Any]) -> None:
    """The last millisecond there is, in a zone where it is the year 10,000; a place that is none."""
    last = alert(where=where)
    late = msgspec.structs.replace(last, start_ms=253_402_300_799_999)
    text = table(compare(out(tmp_path / "a", late), out(tmp_path / "b")), ZoneInfo("Asia/Shanghai"))
    assert "253402300799999 ms" in text
    assert "place not known" in text


def test_the_help_says_what_to_give(capsys: pytest.CaptureFixture[str]) -> None:
    """What is read and written, what is a dead letter, where a state may be."""
    with pytest.raises(SystemExit, match="0"):
        main(["replay", "--help"])
    said = " ".join(capsys.readouterr().out.split())
    for words in ("<topic>.jsonl", "more than 31 days", "not in FOLDER", "two output folders"):
        assert words in said


# --------------------------------------------------------------------------------------------- thresholds


def _printed(capsys: pytest.CaptureFixture[str], *asked: object) -> dict[str, str]:
    """Print thresholds; return the lines by name."""
    assert main(["thresholds", *map(str, asked)]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    return {line[2:].split()[0]: line for line in lines}


def test_every_threshold_is_printed_with_unit_default_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    """A line each; what is not the default is marked."""
    lines = _printed(capsys)
    assert tuple(lines) == NAMES
    assert lines["spill_kg"].split()[:4] == ["spill_kg", "400", "kg", "400"]
    assert lines["spill_kg"].endswith("readings of moving trucks are not that good].")
    assert not any(line.startswith("*") for line in lines.values())


def test_what_is_in_force_for_somebody_is_printed_with_who_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The city's own, a class's, a zone's; for others the city's."""
    path = tmp_path / "t.json"
    entries = [{"truck_class": "compactor", "spill_kg": 600}, {"zone_id": "z4", "dump_raised_s": 10}]
    path.write_text(json.dumps({"dark_s": 600, "for": entries}))
    of_compactors = _printed(capsys, "--settings", path, "--truck-class", "compactor", "--zone", "z3", "--zone", "z4")
    of_all = _printed(capsys, "--settings", path)
    found = {name: line for name, line in of_compactors.items() if line.startswith("*")}
    assert list(found) == ["dump_raised_s", "dark_s", "spill_kg"]
    assert found["dump_raised_s"].endswith("[for zone_id z4]")
    assert found["spill_kg"].split()[1:4] == ["spill_kg", "600", "kg"]
    assert [name for name, line in of_all.items() if line.startswith("*")] == ["dark_s"]


def test_settings_that_cannot_be_used_are_named_with_their_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An administrator tries them before the worker does."""
    path = tmp_path / "t.json"
    path.write_text('{"for": [{"truck_class": "lorry", "spill_kg": 1}]}')
    assert main(["thresholds", "--settings", str(path)]) == 2
    assert f'{path}: for[0]: truck_class is "lorry"' in capsys.readouterr().err
    assert main(["thresholds", "--settings", str(tmp_path / "none.json")]) == 2
    assert "none.json" in capsys.readouterr().err


# --------------------------------------------------------------------------------------------- inspect


def _look(capsys: pytest.CaptureFixture[str], *asked: object) -> str:
    """Ask for a page that cannot be made; return the sentence that says why."""
    assert main(["inspect", *map(str, asked)]) == 2
    return capsys.readouterr().err.splitlines()[-1]


def test_a_page_of_a_truck_is_written(tmp_path: Path) -> None:
    """By local time, with a zone or in milliseconds the same, and with other thresholds another."""
    day = write_day(tmp_path / "day")
    times = (
        ("2026-06-16T05:00", "2026-06-16T06:00"),
        ("2026-06-16T13:00+08:00", "2026-06-16T06:00Z"),
        ("1781586000000", "1781589600000"),
    )
    pages = [tmp_path / f"{n}.html" for n in range(3)]
    for page, (since, until) in zip(pages, times, strict=True):
        asked = ["--truck", "t1", "--from", since, "--to", until, "-o", str(page)]
        assert main(["inspect", str(day), *asked]) == 0
    assert pages[0].read_bytes() == pages[1].read_bytes() == pages[2].read_bytes()
    assert "illegal-dump" in pages[0].read_text(encoding="utf-8")
    (tmp_path / "s.json").write_text('{"dump_bed_fall_share": 0.9, "dump_raised_s": 500}')
    asked = ["--truck", "t1", "--settings", str(tmp_path / "s.json"), "-o", str(pages[1])]
    assert main(["inspect", str(day), *asked]) == 0
    assert "(limit 14,400 kg)" in pages[1].read_text(encoding="utf-8")


def test_a_truck_that_is_not_there_is_said_with_some_that_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And no page is written."""
    day = write_day(tmp_path / "day")
    sentence = _look(capsys, day, "--truck", "t9", "-o", tmp_path / "x.html")
    assert sentence == "no truck t9 reports on this day; those that do: t1"
    assert not (tmp_path / "x.html").exists()


def test_times_that_cannot_be_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No moment, the wrong way round, or when the truck said nothing: with when it did."""
    day = write_day(tmp_path / "day")
    asked = (day, "--truck", "t1", "-o", tmp_path / "x.html")
    assert "--from 8:30 is no moment" in _look(capsys, *asked, "--from", "8:30")
    assert "is not after --from" in _look(capsys, *asked, "--from", "2026-06-16T06:00", "--to", "2026-06-16T05:00")
    sentence = _look(capsys, *asked, "--from", "2026-06-17T06:00")
    assert "t1 has no report that was judged in this time; it reports from 2026-06-16 05:00:00 to" in sentence
    assert "there is no folder" in _look(capsys, *asked[:3], "-o", tmp_path / "nodir" / "x.html")
    assert "has no recorded day" in _look(capsys, tmp_path, *asked[1:])


def test_a_comparison_is_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Of two settings from their day; of two outputs from the day that is named, and it must be."""
    day, page = write_day(tmp_path / "day"), tmp_path / "c.html"
    for name, text in (("a", "{}"), ("b", '{"dump_bed_fall_share": 0.99, "dump_raised_s": 500}')):
        (tmp_path / f"{name}.json").write_text(text)
    two_settings = ["--settings", str(tmp_path / "a.json"), str(tmp_path / "b.json"), "--compare", "--html", str(page)]
    assert main(["replay", str(day), "-o", str(tmp_path / "out"), *two_settings]) == 0
    drawn = page.read_text(encoding="utf-8")
    assert "illegal-dump" in drawn
    assert 'class="curve load"' in drawn
    page.unlink()
    capsys.readouterr()
    outs = ("--compare", tmp_path / "out" / "a", tmp_path / "out" / "b", "--html", page)
    assert "give it as --day FOLDER" in _refused(capsys, *outs)
    assert main(["replay", *map(str, outs), "--day", str(day)]) == 0
    assert page.read_text(encoding="utf-8") == drawn
    capsys.readouterr()
    assert "--html" in _refused(capsys, day, "-o", tmp_path / "o", "--html", page)
