"""A recorded day, replayed."""

import base64
import gzip
import json
from pathlib import Path

import pytest

from streams import codec, events, replay
from streams.__main__ import main
from tests.unit.streams import town


def write_day(folder: Path) -> Path:
    """A day with a dump, a broken line and a permit that cannot be used."""
    folder.mkdir()
    drive = (
        town.loaded().go(3_000).go(3_000, 200).wait(60, falling_kg=14_000, bed="raised").wait(70, bed="level").go(5_000)
    )
    by_topic: dict[str, list[bytes]] = {}
    for record in [*town.records(), *drive.fixes]:
        by_topic.setdefault(codec.topic_of(record).name, []).append(codec.encode(record))
    by_topic["permits"].append(codec.encode(events.Permit(permit_id="bad", valid_from_ms=0, corridor_m=-1.0)))
    by_topic["truck-states"].insert(5, b'{"truck_id": 7}')
    for name, lines in by_topic.items():
        with gzip.open(folder / f"{name}.jsonl.gz", "wb") as file:
            file.write(b"\n".join(lines) + b"\n")
    return folder


def test_two_runs_write_the_same(tmp_path: Path) -> None:
    """Same alerts, same ids, same SHA-256."""
    folder = write_day(tmp_path / "day")
    first, second = replay.run(folder, tmp_path / "a"), replay.run(folder, tmp_path / "b")
    assert first.sha256 == second.sha256
    alerts = (tmp_path / "a" / "alerts.jsonl").read_bytes()
    assert alerts == (tmp_path / "b" / "alerts.jsonl").read_bytes()
    assert b"illegal-dump" in alerts


def test_a_broken_line_is_a_dead_letter_with_its_line_and_bytes(tmp_path: Path) -> None:
    """One that is not decodable, one that cannot be applied; the day goes on."""
    replay.run(write_day(tmp_path / "day"), tmp_path / "out")
    letters = [json.loads(line) for line in (tmp_path / "out" / "dead-letters.jsonl").read_text().splitlines()]
    assert {(letter["topic"], letter["stage"], letter["line"]) for letter in letters} == {
        ("truck-states", "decode", 6),
        ("permits", "apply", 2),
    }
    broken = next(letter for letter in letters if letter["stage"] == "decode")
    assert base64.b64decode(broken["bytes_b64"]) == b'{"truck_id": 7}'


def test_the_order_of_lines_in_a_file_does_not_matter(tmp_path: Path) -> None:
    """Files are sorted by merge time before they are merged."""
    folder = write_day(tmp_path / "day")
    path = folder / "truck-states.jsonl.gz"
    lines = [line for line in gzip.decompress(path.read_bytes()).splitlines() if b'"truck_id": 7' not in line]
    path.write_bytes(gzip.compress(b"\n".join(lines)))
    straight = replay.run(folder, tmp_path / "a")
    path.write_bytes(gzip.compress(b"\n".join(reversed(lines))))
    assert replay.run(folder, tmp_path / "b").sha256 == straight.sha256


def test_the_command_prints_counts_and_the_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a person sees."""
    folder = write_day(tmp_path / "day")
    assert main(["replay", str(folder), "-o", str(tmp_path / "out")]) == 0
    printed = capsys.readouterr().out
    assert "SHA-256" in printed
    assert "alerts" in printed


def test_a_folder_that_is_none_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and a sentence."""
    assert main(["replay", str(tmp_path / "nothing"), "-o", str(tmp_path / "out")]) == 2
    assert "has no recorded day" in capsys.readouterr().err


@pytest.mark.parametrize("document", ["[]", '{"dump_raised_s": -1}', '{"dump_raised": 5}', '{"dump_raised_s": "x"}'])
def test_thresholds_that_cannot_be_used_are_named(
    document: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Not an object, below zero, unknown, of the wrong kind."""
    (tmp_path / "t.json").write_text(document)
    folder = write_day(tmp_path / "day")
    assert main(["replay", str(folder), "-o", str(tmp_path / "out"), "--thresholds", str(tmp_path / "t.json")]) == 2
    assert "t.json" in capsys.readouterr().err
