"""One row a run: what was done to whom, how long until whole again, what was compared, what was found."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.table import Table


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


def append(file: Path, result: Result) -> None:
    """Add a row to the results."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("ab") as out:
        out.write(msgspec.json.encode(result) + b"\n")


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
