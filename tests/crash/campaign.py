"""What the two crash suites share: seeds one after the other, the checker, a row of results a seed."""

import argparse
import logging
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

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
ENOUGH: Final = 100
"""After so many distinct seeds of one revision everything there is to do must have been done."""
COMPARED: Final = ("acknowledged", "rows", "states", "alerts")
"""A run that has none of one of these proves nothing."""


def parser(says: str) -> argparse.ArgumentParser:
    """Return a parser of what both suites take: ``--seeds``, ``--data``."""
    made = argparse.ArgumentParser(description=says)
    made.add_argument("--seeds", default="1-3", help="one, such as 7, or a range, such as 1-100")
    made.add_argument("--data", type=Path, default=ROOT / ".data" / "crash", help="results, data of runs")
    return made


class Asked(NamedTuple):
    """What a campaign is to do. ``every``: all kinds and points there are; ``impossible``: those this machine cannot do."""

    seeds: str
    file: Path
    every: Sequence[str]
    impossible: Mapping[str, str] = {}
    options: Mapping[str, str] = {}
    """What the rows say was asked for, if not whole seeds."""


def play(asked: Asked, one: Callable[[int, Reporter], Result], show: Callable[[Sequence[Result]], Table]) -> int:
    """Play the seeds, each a row in the file; print them together, then all that this revision did.

    Return 1 if anything was found, or if enough seeds were played and something was never done.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended in order
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a broker that is killed is meant to be away
    first, _, last = asked.seeds.partition("-")
    which = results.revision()
    done: list[Result] = []
    with Reporter() as reporter:
        for seed in range(int(first), int(last or first) + 1):
            reporter.say(f"[bold]seed {seed}[/]")
            played = _played(seed, one, reporter)
            done.append(
                msgspec.structs.replace(played, revision=which.name, dirty=which.dirty, asked=dict(asked.options))
            )
            results.append(asked.file, done[-1])
            reporter.say(f"seed {seed}: {done[-1].took_s:.0f} s, {len(done[-1].findings)} findings")
        reporter.console.print(show(done))
        complete = _together(asked, which, reporter)
    return 1 if any(result.findings for result in done) or not complete else 0


def _played(seed: int, one: Callable[[int, Reporter], Result], reporter: Reporter) -> Result:
    """Play one; whatever goes wrong with it is a finding of its row, and the campaign goes on."""
    begun_ms, begun_s = wall_now_ms(), time.monotonic()
    try:
        return one(seed, reporter)
    except Exception:  # noqa: BLE001  # nobody foresaw it, so nobody may pass it over
        wrong = traceback.format_exc()
        reporter.say(f"[red]×[/] {wrong[-2000:]}")
        return Result(
            seed=seed,
            begun_ms=begun_ms,
            took_s=round(time.monotonic() - begun_s, 1),
            whole_s={},
            counts={},
            repeats={},
            findings=[f"the run itself failed: {wrong}"],
        )


def _together(asked: Asked, which: results.Revision, reporter: Reporter) -> bool:
    """Say what all runs of this revision did; False if they were enough and something was never done."""
    every = [one for one in asked.every if one not in asked.impossible]
    total = results.total(results.of_revision(asked.file, which), every)
    name = f"{which.name}{' and changes' if which.dirty else ''}"
    reporter.say(f"{name}, all of {asked.file}: {total.seeds} whole seeds, {total.findings} findings; done, times:")
    reporter.say(", ".join(f"{one} {times}" for one, times in sorted(total.done.items())) or "nothing")
    for one, why in asked.impossible.items():
        reporter.say(f"cannot be done here: {one} ({why})")
    if total.never:
        reporter.say(f"never done: {', '.join(total.never)}")
    return not total.never or total.seeds < ENOUGH


def vacuous(counts: Mapping[str, int]) -> list[str]:
    """Return a finding for each thing a run must have had to lose, and had not."""
    return [f"there was nothing to lose among {name}: nothing is proved" for name in COMPARED if not counts.get(name)]


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

    def result(
        self,
        reporter: Reporter,
        verdict: Verdict,
        whole_s: Mapping[str, float],
        findings: list[str],
        *,
        planned: Sequence[str],
        done: Sequence[str],
    ) -> Result:
        """Say what was found and return the row; the data stay only if something was. Nothing done or compared is too."""
        findings = [*findings, *verdict.findings]
        if not findings:
            findings = vacuous(verdict.counts)
            findings += [] if done else ["nothing was done to anybody: nothing is proved"]
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
            planned=list(planned),
            done=list(done),
        )
