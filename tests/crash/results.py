"""One row a run: what was done to whom, how long until whole again, what was compared, what was found."""

import subprocess
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from rich.table import Table

from tests.browser import ROOT


class Result(msgspec.Struct, kw_only=True, frozen=True):
    """A run and its verdict. ``whole_s``: wall seconds until whole again by blow, in their order."""

    seed: int
    begun_ms: int
    took_s: float
    whole_s: dict[str, float]
    counts: dict[str, int]
    repeats: dict[str, int]
    """Records that stand on a topic twice with the same content: sent again, taken once."""
    findings: list[str]
    planned: list[str] = []
    done: list[str] = []
    """What was planned, and what of it really happened: kinds, exact points, in their order."""
    ended: list[str] = []
    """Who ended by himself, and had to."""
    revision: str = ""
    dirty: bool = False
    """The code differed from its revision."""
    setting: dict[str, bool] = {}
    asked: dict[str, str] = {}
    """What was asked for on the command line beside the seeds."""


class Revision(NamedTuple):
    """Which code was run."""

    name: str
    dirty: bool


def revision() -> Revision:
    """Return the revision of this tree; ``unknown`` outside git."""
    try:
        name = _git("rev-parse", "--short=12", "HEAD")
        return Revision(name, dirty=bool(_git("status", "--porcelain")))
    except (OSError, subprocess.CalledProcessError):
        return Revision("unknown", dirty=False)


def _git(*asks: str) -> str:
    return subprocess.run(["git", *asks], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


def append(file: Path, result: Result) -> None:
    """Add a row to the results."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        out.write(msgspec.json.encode(result) + b"\n")


def of_revision(file: Path, which: Revision) -> list[Result]:
    """Return the rows that this code has made."""
    rows = [msgspec.json.decode(line, type=Result) for line in file.read_bytes().splitlines()]
    return [row for row in rows if (row.revision, row.dirty) == which]


class Total(NamedTuple):
    """What all runs of one revision did together."""

    seeds: int
    """Distinct ones, of those that were played whole."""
    findings: int
    done: Mapping[str, int]
    never: list[str]
    """What is to be done and never was."""


def total(rows: Sequence[Result], every: Collection[str]) -> Total:
    """Return what these runs did together; ``every``: all there is to do."""
    done = Counter(one for row in rows for one in row.done)
    whole = {row.seed for row in rows if not row.asked}
    return Total(len(whole), sum(len(row.findings) for row in rows), done, [one for one in every if not done[one]])


def table(results: Sequence[Result]) -> Table:
    """Return seconds until whole again by blow and seed, then what was compared and found."""
    shown = Table("", *(f"seed {result.seed}" for result in results), box=None, header_style="dim")
    for name in sorted({name for result in results for name in result.whole_s}):
        shown.add_row(name, *(_seconds(result.whole_s.get(name)) for result in results))
    for name in dict.fromkeys(name for result in results for name in result.counts):
        shown.add_row(name, *(f"{result.counts.get(name, 0):,}" for result in results))
    shown.add_row("sent again", *(f"{sum(result.repeats.values()):,}" for result in results))
    shown.add_row("findings", *(f"[red]{len(r.findings)}[/]" if r.findings else "0" for r in results))
    return shown


def _seconds(whole_s: float | None) -> str:
    return "–" if whole_s is None else f"{whole_s:.1f} s"
