"""Days made with known truth, replayed: what is found, cried in vain, told twice; and a day without violations."""

from pathlib import Path

import pytest

from streams import replay
from tests.labelled import day
from tests.labelled.score import score, table
from tests.labelled.truth import HARD, NORMAL, Hardness


@pytest.mark.parametrize("hard", [NORMAL, HARD], ids=["normal", "hard"])
def test_the_bars_hold_on_a_day_of_each_difficulty(tmp_path: Path, hard: Hardness) -> None:
    """Precision, recall, false alarms, traps and repeats; more seeds: ``python -m tests.labelled --seeds 11-20``."""
    truth = day.make(tmp_path / "day", 4, hard, size=0.3)
    replay.run(tmp_path / "day", tmp_path / "out")
    found = score(truth, tmp_path / "out" / "alerts.jsonl")
    assert found.shortcomings(hard.name) == [], table(found)
    assert min(rule.must for name, rule in found.rules.items() if name != "dark-truck") >= 3


def test_silence_and_noise_miss_the_bars(tmp_path: Path) -> None:
    """The scorer can fail: nothing said is nothing found, and an alert of nobody is one too many."""
    truth = day.make(tmp_path / "day", 4, NORMAL, size=0.1)
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text("")
    assert any("recall" in line for line in score(truth, nothing).shortcomings("normal"))
    noise = tmp_path / "noise.jsonl"
    noise.write_text(
        '{"alert_id":"a","revision":1,"rule":"overspeed","state":"raised","truck_id":"t99","start_ms":1,"raised_ms":2,'
        '"emitted_ms":3}\n'
    )
    short = score(truth, noise).shortcomings("normal")
    assert any("overspeed: precision 0.000" in line for line in short)
    assert any("do not say why" in line for line in short)


@pytest.mark.parametrize("seed", [4, 5])
def test_a_day_without_violations_yields_no_alert(tmp_path: Path, seed: int) -> None:
    """Every trap, and nothing wrong: not one word, of any rule."""
    truth = day.make(tmp_path / "day", seed, NORMAL, size=0.2, lawful=True)
    assert truth["violations"] == []
    assert len(truth["traps"]) > 30
    replay.run(tmp_path / "day", tmp_path / "out")
    assert (tmp_path / "out" / "alerts.jsonl").read_text() == ""


def test_the_same_seed_makes_the_same_day(tmp_path: Path) -> None:
    """And another seed another one."""
    for name, seed in (("one", 1), ("again", 1), ("other", 2)):
        day.make(tmp_path / name, seed, NORMAL, size=0.1)
    one, again, other = ((tmp_path / name / "bin-readings.jsonl").read_bytes() for name in ("one", "again", "other"))
    assert one == again
    assert one != other
