"""What the two crash suites share: seeds one after the other, the checker, a row of results a seed."""

import argparse
import logging
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec
from rich.table import Table

from deploy.local.progress import Reporter
from services.clock import wall_now_ms
from tests.browser import ROOT
from tests.crash import results
from tests.crash.judge import Verdict
from tests.crash.results import Result

SHOWN: Final = 20
"""Findings printed of one run; the results file has all."""
PROMISED_S: Final = 60.0
"""After whatever is done to any one part, everything is whole again within this, by itself."""


def parser(says: str) -> argparse.ArgumentParser:
    """Return a parser of what both suites take: ``--seeds``, ``--data``."""
    made = argparse.ArgumentParser(description=says)
    made.add_argument("--seeds", default="1-3", help="one, such as 7, or a range, such as 1-100")
    made.add_argument("--data", type=Path, default=ROOT / ".data" / "crash", help="results, data of runs")
    return made


def play(
    seeds: str, file: Path, one: Callable[[int, Reporter], Result], show: Callable[[Sequence[Result]], Table]
) -> int:
    """Play the seeds, each a row in ``file``; print them together. Return 1 if anything was found."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended in order
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a broker that is killed is meant to be away
    first, _, last = seeds.partition("-")
    done: list[Result] = []
    with Reporter() as reporter:
        for seed in range(int(first), int(last or first) + 1):
            reporter.say(f"[bold]seed {seed}[/]")
            done.append(one(seed, reporter))
            results.append(file, done[-1])
            reporter.say(f"seed {seed}: {done[-1].took_s:.0f} s, {len(done[-1].findings)} findings")
        reporter.console.print(show(done))
    return 1 if any(result.findings for result in done) else 0


class Seed:
    """One seed being played: its folder, and since when. ``name`` begins the folder's."""

    def __init__(self, name: str, seed: int, data: Path) -> None:
        self._seed = seed
        self._begun_ms, self._begun_s = wall_now_ms(), time.monotonic()
        self.folder = data / f"{name}-{seed}-{self._begun_ms}"

    def judged(self, *how: str) -> Verdict:
        """Let the checker judge what is left, a program of its own; ``how``: where it finds broker and database."""
        argv = [sys.executable, "-m", "tests.crash.check", str(self.folder), *how]
        answer = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
        try:
            return msgspec.json.decode(answer.stdout, type=Verdict)
        except msgspec.DecodeError:
            return Verdict(counts={}, repeats={}, findings=[f"the checker failed: {answer.stderr[-2000:]}"])

    def result(self, reporter: Reporter, verdict: Verdict, whole_s: Mapping[str, float], findings: list[str]) -> Result:
        """Say what was found and return the row; the data stay only if something was."""
        for sentence in findings[:SHOWN]:
            reporter.say(f"[red]×[/] {sentence}")
        if len(findings) > SHOWN:
            reporter.say(f"… and {len(findings) - SHOWN} more")
        if findings:
            reporter.say(f"its data and logs: {self.folder}")
        else:
            shutil.rmtree(self.folder)
        return Result(
            seed=self._seed,
            begun_ms=self._begun_ms,
            took_s=round(time.monotonic() - self._begun_s, 1),
            whole_s={name: round(seconds, 1) for name, seconds in whole_s.items()},
            counts=verdict.counts,
            repeats=verdict.repeats,
            findings=findings,
        )
