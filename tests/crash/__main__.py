"""``python -m tests.crash --seeds 1-3``: hit each process of the whole system, then judge all that is left."""

import argparse
import logging
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from deploy.local.progress import Reporter
from services.clock import wall_now_ms
from tests.browser import ROOT
from tests.crash import results, run
from tests.crash.judge import Verdict
from tests.crash.results import Result
from tests.crash.system import NotWholeError
from tests.whole_system import RATE, NotRunningError

SHOWN: Final = 20
"""Findings printed of one run; the results file has all."""
PROMISED_S: Final = 60.0
"""After the kill, stop or pause of any one process the system is whole again within this, by itself."""


def main() -> int:
    """Run the seeds; return 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="1-3", help="one, such as 7, or a range, such as 1-3")
    parser.add_argument("--data", type=Path, default=ROOT / ".data" / "crash", help="results.jsonl, data of runs")
    parser.add_argument("--rate", type=int, default=RATE, help="city seconds a wall second: fewer on a busy machine")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended in order
    logging.getLogger("kafka").setLevel(logging.CRITICAL)  # a broker that is killed is meant to be away
    first, _, last = given.seeds.partition("-")
    done: list[Result] = []
    with Reporter() as reporter:
        for seed in range(int(first), int(last or first) + 1):
            done.append(_one(run.Done(seed, given.rate), given.data, reporter))
            results.append(given.data / "results.jsonl", done[-1])
        reporter.console.print(results.table(done))
    return 1 if any(result.findings for result in done) else 0


def _one(done: run.Done, data: Path, reporter: Reporter) -> Result:
    """Run one seed and have it judged; its data stay only if something was found."""
    reporter.say(f"[bold]seed {done.seed}[/]")
    begun_ms, begun_s = wall_now_ms(), time.monotonic()
    folder = data / f"seed-{done.seed}-{begun_ms}"
    findings: list[str] = []
    try:
        run.run(done, folder, reporter)
    except (NotWholeError, NotRunningError) as error:
        findings.append(str(error))
    findings += [f"{name} needed {s:.0f} s" for name, s in done.whole_s.items() if s > PROMISED_S]
    findings += [f"a command was refused: {sentence}" for sentence in done.refused]
    with reporter.step("judge") as detail:
        detail("broker and database start on what was kept")
        verdict = _judged(folder, done.kafka_port)
    findings += verdict.findings
    for sentence in findings[:SHOWN]:
        reporter.say(f"[red]×[/] {sentence}")
    if len(findings) > SHOWN:
        reporter.say(f"… and {len(findings) - SHOWN} more")
    if findings:
        reporter.say(f"its data: {folder}")
    else:
        shutil.rmtree(folder)
    return Result(
        seed=done.seed,
        begun_ms=begun_ms,
        took_s=round(time.monotonic() - begun_s, 1),
        whole_s={name: round(seconds, 1) for name, seconds in done.whole_s.items()},
        counts=verdict.counts,
        repeats=verdict.repeats,
        findings=findings,
    )


def _judged(folder: Path, port: int) -> Verdict:
    """Let the checker judge, a program of its own."""
    argv = [sys.executable, "-m", "tests.crash.check", str(folder), "--port", str(port)]
    answer = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        return msgspec.json.decode(answer.stdout, type=Verdict)
    except msgspec.DecodeError:
        return Verdict(counts={}, repeats={}, findings=[f"the checker failed: {answer.stderr[-2000:]}"])


if __name__ == "__main__":
    sys.exit(main())
