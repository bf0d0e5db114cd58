"""A recorded day, replayed."""

import base64
import gzip
import hashlib
import json
from pathlib import Path

import pytest

from streams import codec, events, recorded, replay, topics, truck
from streams.__main__ import main
from streams.assets import Reference
from streams.city_state import BadState, CityState
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
    assert main(["replay", str(folder), "-o", str(tmp_path / "out"), "--settings", str(tmp_path / "t.json")]) == 2
    assert "t.json" in capsys.readouterr().err


def test_a_day_is_not_written_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What was said live stands in the same folder: it stays."""
    folder = write_day(tmp_path / "day")
    assert main(["replay", str(folder), "-o", str(folder)]) == 2
    assert "is the recorded day itself" in capsys.readouterr().err
    assert not (folder / "alerts.jsonl").exists()


def written(out: Path, name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (out / f"{name}.jsonl").read_bytes().splitlines()]


def put(folder: Path, topic: topics.Topic, *lines: events.Event | bytes) -> Path:
    """Write a file of a recorded day: records, and bytes as they are."""
    folder.mkdir(exist_ok=True)
    raw = [line if isinstance(line, bytes) else codec.encode(line) for line in lines]
    (folder / f"{topic.name}.jsonl").write_bytes(b"".join(line + b"\n" for line in raw))
    return folder


def read(folder: Path, tmp_path: Path) -> tuple[list[recorded.Line], list[recorded.Letter]]:
    letters: list[recorded.Letter] = []
    return list(recorded.records(folder, tmp_path, letters.append)), letters


def test_merge_time_is_the_first_of_arrival_making_saying_validity_and_event() -> None:
    """``received_time_ms``, else ``made_ms``, ``at_ms``, ``valid_from_ms``, ``event_time_ms``."""
    fix = events.TruckState(truck_id="t", event_time_ms=5, received_time_ms=9)
    due = events.CollectionDue(place_id="b", place_kind="bin", due=True, material="residual", at_ms=4)
    assert recorded.merge_ms(fix) == 9
    assert recorded.merge_ms(events.TruckState(truck_id="t", event_time_ms=5)) == 5
    assert recorded.merge_ms(events.TruckPlan(truck_id="t", plan_version=1, made_ms=7, reason="shift")) == 7
    assert recorded.merge_ms(due) == 4
    assert recorded.merge_ms(town.truck()) == 0
    assert recorded.merge_ms(events.Permit(permit_id="p", valid_from_ms=3, received_time_ms=8)) == 8


def test_ties_are_settled_by_topic_then_line(tmp_path: Path) -> None:
    """At one moment what exists comes before plans, plans before fixes, and so on; lines of one file keep their order."""
    folder = tmp_path / "day"
    at = {"event_time_ms": 1, "received_time_ms": 100}
    put(folder, topics.BIN_READINGS, events.BinReading(bin_id="b", **at))
    put(folder, topics.WEIGHINGS, events.Weighing(weighing_id="w", facility_id="f", truck_id="t", **at))
    put(folder, topics.DRIVER_ACTIONS, events.DriverAction(action_id="a", truck_id="t", kind="sos", **at))
    put(folder, topics.TRUCK_STATES, *(events.TruckState(truck_id=f"t{n}", **at) for n in (2, 1)))
    put(folder, topics.PLANS, events.TruckPlan(truck_id="t", plan_version=1, made_ms=100, reason="shift"))
    known = {"valid_from_ms": 0, "received_time_ms": 100}
    put(folder, topics.ORDERS, events.Order(order_id="o", source_id="s", material="residual", kg=1.0, **known))
    put(folder, topics.SHIFTS, events.Shift(shift_id="s", truck_id="t", start_ms=0, end_ms=1, **known))
    put(folder, topics.CALENDARS, events.Calendar(calendar_id="c", **known))
    put(folder, topics.PERMITS, events.Permit(permit_id="p", **known))
    put(folder, topics.ZONES, events.Zone(zone_id="z", kind="parking", **known))
    put(folder, topics.ASSETS, events.Asset(id="t1", kind="truck", **known))
    lines, letters = read(folder, tmp_path)
    assert not letters
    assert [type(line.record).__name__ for line in lines] == [
        "Asset", "Zone", "Permit", "Calendar", "Shift", "Order", "TruckPlan",
        "TruckState", "TruckState", "DriverAction", "Weighing", "BinReading",
    ]  # fmt: skip
    assert [line.record.truck_id for line in lines if isinstance(line.record, events.TruckState)] == ["t2", "t1"]


def test_a_file_out_of_order_is_sorted_stably_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Larger than what is sorted in memory: by merge time, equal times as they stood."""
    times = [5, 3, 5, 7, 3, 0, 5] * 30
    folder = put(
        tmp_path / "day", topics.TRUCK_STATES,
        *(events.TruckState(truck_id=f"t{n}", event_time_ms=time_ms) for n, time_ms in enumerate(times)),
    )  # fmt: skip
    monkeypatch.setattr(recorded, "SORTED_BYTES", 900)
    lines, _ = read(folder, tmp_path)
    assert [(line.merge_ms, line.number) for line in lines] == sorted((t, n) for n, t in enumerate(times, start=1))
    assert [path.name for path in tmp_path.iterdir()] == ["day"]


def test_every_broken_line_is_a_dead_letter_with_the_number_it_has_in_the_file(tmp_path: Path) -> None:
    """Blank lines count, in files in and out of order; a wrong time, no JSON, no object; the others are read."""
    good = [events.TruckState(truck_id="t", event_time_ms=time_ms) for time_ms in (10, 20, 5)]
    broken = (b"{", b"[1]", b'{"truck_id": "t", "event_time_ms": "x"}', b"\xff\xfe", b"7" * 5000)
    for name, ends in (("ordered", good[:2]), ("mixed", good)):
        folder = put(tmp_path / name, topics.TRUCK_STATES, good[0], b"", *broken, *ends[1:])
        lines, letters = read(folder, tmp_path)
        assert sorted(line.number for line in lines) == [1, *range(8, 7 + len(ends))]
        assert sorted(letter.line for letter in letters) == [3, 4, 5, 6, 7]
        assert {letter.value for letter in letters} == set(broken)


def test_what_cannot_be_applied_is_a_dead_letter_with_the_bytes_that_came(tmp_path: Path) -> None:
    """Members this program does not know, and the writer's own spacing, are in it."""
    raw = b'{"permit_id": "p9",  "valid_from_ms": 0, "corridor_m": -1, "colour": "green"}'
    bad_path = b'{"truck_id":"t1","plan_version":1,"made_ms":9,"reason":"shift","path":{"type":"Point"},"x":[1, 2]}'
    folder = put(tmp_path / "day", topics.PERMITS, raw)
    put(folder, topics.PLANS, bad_path)
    replay.run(folder, tmp_path / "out")
    letters = {str(one["topic"]): one for one in written(tmp_path / "out", "dead-letters")}
    assert {name: one["stage"] for name, one in letters.items()} == {"permits": "apply", "plans": "apply"}
    assert base64.b64decode(str(letters["permits"]["bytes_b64"])) == raw
    assert base64.b64decode(str(letters["plans"]["bytes_b64"])) == bad_path


WEEK_MS = 7 * 86_400_000


@pytest.mark.timeout(60)
@pytest.mark.parametrize("shuffled", [False, True])
def test_a_record_that_is_of_no_such_day_is_a_dead_letter(tmp_path: Path, *, shuffled: bool) -> None:
    """Seconds taken for milliseconds, a clock of the year 2106: neither lets years pass, and the day says what it says without."""
    known = {"kind": "bin", "material": "residual", "lon": town.LON, "lat": town.LAT, "valid_from_ms": 0}
    day: list[events.Event | bytes] = [
        events.BinReading(bin_id=f"b{n}", event_time_ms=town.START_MS + hour * 3_600_000 + n, fill=0.1 + 0.02 * hour)
        for hour in range(12)
        for n in range(50)
    ]
    astray = [
        events.BinReading(bin_id="b1", event_time_ms=town.START_MS, received_time_ms=town.START_MS // 1_000, fill=0.2),
        events.BinReading(bin_id="b1", event_time_ms=2**32 * 1_000, fill=0.9),
    ]
    for name, lines in (("good", day), ("mixed", [day[0], *astray, *day[1:]] if shuffled else [*day, *astray])):
        folder = put(tmp_path / name, topics.BIN_READINGS, *lines)
        put(folder, topics.ASSETS, *(events.Asset(id=f"b{n}", **known) for n in range(50)))
        replay.run(folder, tmp_path / f"out-{name}")
    letters = written(tmp_path / "out-mixed", "dead-letters")
    assert {str(one["stage"]) for one in letters} == {"merge"}
    assert [str(one["reason"]).split(",")[0] for one in letters] == [
        "received_time_ms is 1781586000", "event_time_ms is 4294967296000",
    ]  # fmt: skip
    assert "more than 31 days from the other records" in str(letters[0]["reason"])
    assert base64.b64decode(str(letters[1]["bytes_b64"])) == codec.encode(astray[1])
    assert written(tmp_path / "out-mixed", "collections-due") == written(tmp_path / "out-good", "collections-due")


def test_a_quiet_week_is_part_of_a_day(tmp_path: Path) -> None:
    """Nothing was measured for a week, or for four: all of it is the recorded day, and time passes through it."""
    at = (0, 1, WEEK_MS, 5 * WEEK_MS)
    fixes = [events.TruckState(truck_id="t", event_time_ms=town.START_MS + time_ms) for time_ms in at]
    report = replay.run(put(tmp_path / "day", topics.TRUCK_STATES, *fixes), tmp_path / "out")
    assert report.read == {"truck-states": 4}
    assert report.dead_letters == 0


def test_what_exists_may_be_as_old_as_it_is(tmp_path: Path) -> None:
    """A yard of 1970, a permit of next year: their times are no measurement's."""
    folder = write_day(tmp_path / "day")
    put(
        folder, topics.SHIFTS, events.Shift(shift_id="h", truck_id="t1", start_ms=0, end_ms=1, valid_from_ms=4 * 10**12)
    )
    report = replay.run(folder, tmp_path / "out")
    assert (report.read["shifts"], report.read["assets"]) == (1, 4)
    assert {one["stage"] for one in written(tmp_path / "out", "dead-letters")} == {"decode", "apply"}


@pytest.mark.timeout(60)
def test_a_bin_that_is_not_in_the_register_does_not_hold_up_the_day() -> None:
    """Its forecast is past: it is not looked at with each tick, but once the register knows it."""
    day = replay.Day(Reference(), truck.DEFAULT_SETTINGS)
    day.pass_time(town.START_MS)
    for hour in range(24):
        day.fold(events.BinReading(bin_id="b", event_time_ms=town.START_MS + hour * 3_600_000, fill=0.05 + 0.02 * hour))
    assert day.pass_time(town.START_MS + 4 * WEEK_MS) == []
    assert day._wakes == []
    there = {"id": "b", "kind": "bin", "material": "residual", "lon": town.LON, "lat": town.LAT}
    day.fold(events.Asset(**there, valid_from_ms=town.START_MS + 5 * WEEK_MS + 1))
    (told,) = day.pass_time(town.START_MS + 6 * WEEK_MS)
    assert isinstance(told, events.CollectionDue)
    assert told.at_ms == town.START_MS + 5 * WEEK_MS + 10_000


def test_an_archive_that_is_cut_off_ends_there_and_is_said(tmp_path: Path) -> None:
    """What could be read is read; where it ended is a dead letter."""
    folder = tmp_path / "day"
    folder.mkdir()
    whole = gzip.compress(
        b"".join(codec.encode(events.TruckState(truck_id=f"t{n}", event_time_ms=n)) + b"\n" for n in range(20_000))
    )
    (folder / "truck-states.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    report = replay.run(folder, tmp_path / "out")
    assert 0 < report.read["truck-states"] < 20_000
    letters = written(tmp_path / "out", "dead-letters")
    assert letters[-1]["stage"] == "read"
    assert "damaged after line" in str(letters[-1]["reason"])


def test_the_hash_is_that_of_the_outputs_as_canonical_json(tmp_path: Path) -> None:
    """Each topic's name, then its lines with sorted keys in sorted order: whoever has the outputs can print it."""
    report = replay.run(write_day(tmp_path / "day"), tmp_path / "out")
    digest = hashlib.sha256()
    for name in ("alerts", "tickets", "visits", "collections-due", "dead-letters"):
        lines = sorted(json.dumps(document, sort_keys=True) for document in written(tmp_path / "out", name))
        digest.update("".join(line + "\n" for line in [name, *lines]).encode())
    assert report.sha256 == digest.hexdigest()
    assert report.written["alerts"] > 0


def test_time_goes_on_for_the_lateness_bound_and_ten_minutes(tmp_path: Path) -> None:
    """A report that waits for a missing one at the end of the day is judged; a bin due in nine minutes is told."""
    sos = {"truck_id": "t1", "terminal_id": "x", "source": "jt808", "alarms": ("sos",)}
    put(
        tmp_path / "day", topics.TRUCK_STATES,
        events.TruckState(**sos | {"alarms": ()}, seq=1, event_time_ms=town.START_MS),
        events.TruckState(**sos, seq=5, event_time_ms=town.START_MS + 10_000),
    )  # fmt: skip
    replay.run(tmp_path / "day", tmp_path / "out")
    (alert,) = written(tmp_path / "out", "alerts")
    assert alert["rule"] == "sos"
    assert alert["emitted_ms"] == (town.START_MS + 10_000) // 10_000 * 10_000 + 30_000


def test_the_state_at_the_start_is_taken_up(tmp_path: Path) -> None:
    """A day cut in two says what the whole says: the second half starts from the first's state, ticks and all."""
    whole = write_day(tmp_path / "whole")
    replay.run(whole, tmp_path / "all")
    lines = gzip.decompress((whole / "truck-states.jsonl.gz").read_bytes()).splitlines()
    cut = len(lines) * 2 // 3
    for name, part in (("one", lines[:cut]), ("two", lines[cut:])):
        folder = tmp_path / name
        folder.mkdir()
        for path in whole.iterdir():
            (folder / path.name).write_bytes(path.read_bytes())
        (folder / "truck-states.jsonl.gz").write_bytes(gzip.compress(b"\n".join(part) + b"\n"))
    replay.run(tmp_path / "one", tmp_path / "out-1", state_out=tmp_path / "two" / replay.STATE_FILE)
    replay.run(tmp_path / "two", tmp_path / "out-2")
    for name in ("alerts", "visits"):
        said = {json.dumps(one, sort_keys=True) for out in ("out-1", "out-2") for one in written(tmp_path / out, name)}
        assert said == {json.dumps(one, sort_keys=True) for one in written(tmp_path / "all", name)}
    assert written(tmp_path / "out-2", "alerts")


def test_a_state_that_cannot_be_read_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 2 and a sentence; nothing is replayed from half a state."""
    folder = write_day(tmp_path / "day")
    for broken in (b"no archive", gzip.compress(b"{}"), gzip.compress(b'{"at_ms":1,"trucks":{"t1":"AAA="},"bins":{}}')):
        (folder / replay.STATE_FILE).write_bytes(broken)
        assert main(["replay", str(folder), "-o", str(tmp_path / "out")]) == 2
        assert "is no state this program can start from" in capsys.readouterr().err


def test_a_state_later_than_the_day_is_said(tmp_path: Path) -> None:
    """The state of another day would judge this one by what came after it."""
    folder = write_day(tmp_path / "day")
    CityState(town.START_MS + 86_400_000, {}, {}).write(folder / replay.STATE_FILE)
    with pytest.raises(BadState, match="stands at"):
        replay.run(folder, tmp_path / "out")


def test_a_state_of_long_before_the_day_is_said(tmp_path: Path) -> None:
    """Years of ticks would pass from it to the first record. What was sorted on disk is gone, though the error is kept."""
    folder = write_day(tmp_path / "day")
    CityState(town.START_MS // 1_000, {}, {}).write(folder / replay.STATE_FILE)
    with pytest.raises(BadState, match="more than 31 days before the first record") as error:
        replay.run(folder, tmp_path / "out")
    assert error.tb is not None
    assert not list((tmp_path / "out").glob("sorting-*"))
