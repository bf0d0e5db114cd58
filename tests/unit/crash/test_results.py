"""The file of results is read back: what all runs of one revision did together, and whether that was enough."""

from pathlib import Path

import pytest

from deploy.local.progress import Reporter
from tests.crash import campaign, results
from tests.crash.campaign import Asked, Seed
from tests.crash.judge import Verdict
from tests.crash.results import Result, Revision

COUNTS = dict.fromkeys(campaign.COMPARED, 1)


def _result(seed: int, done: list[str], findings: list[str] | None = None) -> Result:
    return Result(
        seed=seed, begun_ms=1, took_s=1.0, whole_s={}, counts=COUNTS, repeats={}, findings=findings or [], done=done
    )


@pytest.fixture
def _code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "revision", lambda: Revision("abc", dirty=False))


def _play(file: Path, seeds: str, done: list[str], *, impossible: dict[str, str] | None = None) -> int:
    asked = Asked(seeds, file, ["kill", "pause", "disk full"], impossible or {})
    return campaign.play(asked, lambda seed, _: _result(seed, done), results.table)


@pytest.mark.usefixtures("_code")
def test_a_hundred_seeds_that_never_did_something_fail(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Fewer only say so; what the machine cannot do is named and left out."""
    file = tmp_path / "rows.jsonl"
    assert _play(file, "1-99", ["kill", "disk full"]) == 0
    assert "never done: pause" in capsys.readouterr().out
    assert _play(file, "99", ["kill", "disk full"]) == 0
    assert _play(file, "100", ["kill", "disk full"]) == 1
    assert _play(file, "101", ["pause"]) == 0
    other = tmp_path / "others.jsonl"
    assert _play(other, "1-100", ["kill", "pause"]) == 1
    assert _play(other, "1", ["kill"], impossible={"disk full": "no root"}) == 0
    assert "cannot be done here: disk full (no root)" in capsys.readouterr().out


def test_only_rows_of_this_code_count(tmp_path: Path) -> None:
    """Another revision, and one with changes, proves nothing about this one; nor do seeds that were not played whole."""
    file = tmp_path / "rows.jsonl"
    for revision, asked in (("abc", {}), ("abc", {"among": "kill"}), ("other", {})):
        row = {"revision": revision, "asked": asked}
        results.append(file, Result(**{name: getattr(_result(1, ["kill"]), name) for name in _KEPT}, **row))
    rows = results.of_revision(file, Revision("abc", dirty=False))
    assert results.total(rows, ["kill", "pause"]) == (1, 0, {"kill": 2}, ["pause"])
    assert results.of_revision(file, Revision("abc", dirty=True)) == []


_KEPT = ("seed", "begun_ms", "took_s", "whole_s", "counts", "repeats", "findings", "done")


@pytest.mark.usefixtures("_code")
def test_a_run_that_fails_is_a_row_and_the_next_is_played(tmp_path: Path) -> None:
    """Whatever it was."""
    file = tmp_path / "rows.jsonl"

    def one(seed: int, _: Reporter) -> Result:
        if seed == 1:
            raise KeyError("nobody foresaw this")
        return _result(seed, ["kill"])

    assert campaign.play(Asked("1-2", file, ["kill"]), one, results.table) == 1
    first, second = results.of_revision(file, Revision("abc", dirty=False))
    assert "nobody foresaw this" in first.findings[0]
    assert second.findings == []


@pytest.mark.parametrize(
    ("counts", "done", "sentence"),
    [
        (COUNTS, [], "nothing was done to anybody"),
        (COUNTS | {"states": 0}, ["kill"], "nothing to lose among states"),
        ({}, ["kill"], "nothing to lose among acknowledged"),
    ],
)
def test_a_run_that_proves_nothing_is_a_finding(
    counts: dict[str, int], done: list[str], sentence: str, tmp_path: Path
) -> None:
    """Nothing done, or nothing there that could have been lost."""
    seed = Seed("x", 1, tmp_path)
    seed.folder.mkdir()
    verdict = Verdict(counts=counts, repeats={}, findings=[])
    with Reporter() as reporter:
        result = seed.result(reporter, verdict, {}, [], planned=["kill"], done=done)
    assert sentence in result.findings[0]
    assert seed.folder.exists()
