"""What the tools make of the times, bytes and letters they are given."""

from collections import Counter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import typer

from services import clock
from services.cli import dead_letters, export, tool
from services.store.letters import Letter
from streams import truck
from streams.units import HOUR_MS

LISBON = ZoneInfo("Europe/Lisbon")
NOW_MS = 1_795_500_000_000


@pytest.mark.parametrize(
    ("text", "utc_ms"),
    [
        ("2026-01-15", 1_768_435_200_000),
        ("2026-07-15", 1_784_070_000_000),  # an hour earlier: summer time
        ("2026-07-15T06:30", 1_784_093_400_000),
        ("2026-07-15T06:30+08:00", 1_784_068_200_000),  # said with its offset
    ],
)
def test_days_begin_at_midnight_of_the_city(text: str, utc_ms: int) -> None:
    """Times are local unless they say otherwise."""
    assert export._time_ms(text, LISBON) == utc_ms


def test_a_day_of_the_change_to_summer_time_has_23_hours() -> None:
    """From midnight to midnight, as people count."""
    assert export._time_ms("2026-03-30", LISBON) - export._time_ms("2026-03-29", LISBON) == 23 * HOUR_MS


@pytest.mark.parametrize(("text", "zone"), [("yesterday", "Europe/Lisbon"), ("2026-01-15", "Europe/Lisboa")])
def test_a_time_or_zone_that_is_none_ends_the_tool(text: str, zone: str, capsys: pytest.CaptureFixture[str]) -> None:
    """With a sentence that says what is expected."""
    with pytest.raises(typer.Exit):
        export._time_ms(text, export._zone(zone, "porto"))
    assert "expected" in capsys.readouterr().err


def test_since_is_a_span_or_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Minutes, hours and days ago; or a time, UTC unless it says otherwise."""
    monkeypatch.setattr(clock, "wall_now_ms", lambda: NOW_MS)
    assert tool.moment_ms("6h") == NOW_MS - 6 * HOUR_MS
    assert tool.moment_ms("2d") == NOW_MS - 48 * HOUR_MS
    assert tool.moment_ms("30m", 1_800_000) == 0
    assert tool.moment_ms("2026-01-15") == 1_768_435_200_000
    with pytest.raises(typer.BadParameter, match="'soon' is no time"):
        tool.moment_ms("soon")


def test_bytes_that_are_no_text_are_shown_as_hex() -> None:
    """Control characters and what is not UTF-8; Chinese is text."""
    assert dead_letters._text("垃圾".encode()) == "垃圾"
    assert dead_letters._text(b"a\x00") == "0x6100"
    assert dead_letters._hex(b"ab\xff" + bytes(15)).splitlines()[1].startswith("00000010  00 00")


def letter(number: int, **changed: Any) -> Letter:
    given: dict[str, Any] = {
        "tenant_id": "porto", "letter_id": f"l{number}", "origin": f"o{number}", "topic": "truck-states", "partition": 1,
        "offset": number, "stage": "decode", "reason": "why", "key": b"t1", "value": b"{}", "headers": {}, "at_ms": 1,
        "begun_ms": None, "confirmed_ms": None,
    }  # fmt: skip
    return Letter(**(given | changed))


@pytest.mark.parametrize(
    ("changed", "why_not"),
    [
        ({"topic": "raw-frames"}, "no topic of records"),
        ({"topic": "ticks"}, "no topic of records"),
        ({"topic": "assets"}, "compacted"),
        ({"begun_ms": 5, "confirmed_ms": 6}, "sent before"),
        ({"begun_ms": 5}, "not known"),
        ({"dropped_ms": 7, "dropped_by": "ana", "dropped_because": "why"}, "dropped"),
        ({"headers": {"original-replay-attempt": b"1"}}, "failed again"),
    ],
)
def test_what_must_not_be_sent_again_is_counted_with_its_reason(changed: dict[str, Any], why_not: str) -> None:
    """And the others are sent."""
    counts: Counter[str] = Counter()
    found = [letter(1), letter(2, **changed), letter(3)]
    chosen = list(dead_letters._chosen(found, counts, 10, again=False, unconfirmed=False))
    assert [one.letter_id for one in chosen] == ["l1", "l3"]
    assert [said for said in counts if why_not in said]


def test_one_record_is_sent_once_whatever_the_number_of_its_letters() -> None:
    """And no more than asked for."""
    counts: Counter[str] = Counter()
    found = [letter(1), letter(2, origin="o1"), letter(3), letter(4)]
    chosen = list(dead_letters._chosen(found, counts, 2, again=False, unconfirmed=False))
    assert [one.letter_id for one in chosen] == ["l1", "l3"]
    assert counts == {"not sent: the same record as another letter": 1, "or more left: at most 2 a run": 1}


def test_the_state_at_the_start_is_judged_as_the_worker_judges(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the worker's own setting, or the file that is given; one that cannot be read is said."""
    assert export._core(None) == truck.DEFAULT_SETTINGS
    worker, given = tmp_path / "worker.json", tmp_path / "given.json"
    worker.write_text('{"dump_raised_s": 33}')
    given.write_text('{"dump_raised_s": 44}')
    monkeypatch.setenv("QINGYUN_WORKER_THRESHOLDS", str(worker))
    assert export._core(None).thresholds.everywhere.limits.dump_raised_s == 33
    assert export._core(given).thresholds.everywhere.limits.dump_raised_s == 44
    given.write_text('{"dump_raised_s": "long"}')
    with pytest.raises(typer.Exit):
        export._core(given)
    assert "given.json" in capsys.readouterr().err
