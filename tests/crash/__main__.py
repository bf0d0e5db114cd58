"""``python -m tests.crash --seeds 1-3``: hit each process of the whole system, then judge all that is left."""

import sys
from pathlib import Path

from deploy.local.progress import Reporter
from tests.crash import campaign, results, run
from tests.crash.campaign import PROMISED_S, Asked, Seed
from tests.crash.results import Result
from tests.crash.system import NotWholeError
from tests.whole_system import RATE, NotRunningError


def main() -> int:
    """Run the seeds; return 1 if anything was found."""
    parser = campaign.parser(__doc__)
    parser.add_argument("--rate", type=int, default=RATE, help="city seconds a wall second: fewer on a busy machine")
    given = parser.parse_args()
    asked = Asked(
        given.seeds,
        given.data / "results.jsonl",
        run.SORTS,
        options={} if given.rate == RATE else {"rate": str(given.rate)},
    )
    return campaign.play(
        asked, lambda seed, reporter: _one(run.Done(seed, given.rate), given.data, reporter), results.table
    )


def _one(done: run.Done, data: Path, reporter: Reporter) -> Result:
    """Run one seed and have it judged; its data stay only if something was found."""
    seed = Seed("seed", done.seed, data)
    findings: list[str] = []
    try:
        run.run(done, seed.folder, reporter)
    except (NotWholeError, NotRunningError) as error:
        findings.append(str(error))
    findings += [f"{name} needed {s:.0f} s" for name, s in done.whole_s.items() if s > PROMISED_S]
    findings += [f"a command was refused: {sentence}" for sentence in done.refused]
    findings += done.untold
    with reporter.step("judge") as detail:
        detail("broker and database start on what was kept")
        verdict = seed.judged("--port", str(done.kafka_port))
    return seed.result(reporter, verdict, done.whole_s, findings, planned=done.planned, done=list(done.whole_s))


if __name__ == "__main__":
    sys.exit(main())
