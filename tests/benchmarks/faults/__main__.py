"""What each known fault does to plain Faust, and to us, on the same fixes: real Kafka. ``make bench-streams``.

Each fault is done to the same small program in both shells: `peers/plain_faust.py` and `peers/ours.py` count the fixes of
500 trucks. Ours must be exact; that plain Faust is not says why our shell exists, and will say so when Faust has mended
it. Exit code 1 if ours is not.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.benchmarks.faults import of_brokers, of_groups, of_programs, of_records, ways
from tests.benchmarks.faults.trial import OURS, PLAIN, Found, Program, Trial
from tests.benchmarks.traffic import fill

FIXES: Final = 10_000
EXACT: Final = Found(lost=0, doubled=0, unread=0, unsaid=0)
COSTLY: Final = {"BENCH_FIX_MS": "1"}
"""So that both programs still have something to do when the fault comes."""


class Fault(NamedTuple):
    """What is done to a program while it reads."""

    title: str
    do: Callable[[Trial], int]
    """Does it, waits for what follows, and returns how much went wrong unsaid."""
    put: Callable[[str], None] = lambda _: None
    """Puts further records on the topics, of a broker at this address."""
    settings: Mapping[str, str] = {}
    wanted: Found = EXACT
    """What ours must leave."""


FAULTS: Final = {
    "exception": Fault("one fix raises, once", of_programs.exception, settings={"BENCH_RAISE_ONCE": "raised"}),
    "kill": Fault("killed with -9, three times", of_programs.kill),
    "hang": Fault(
        "one fix never returns, once", of_programs.hang, settings={"BENCH_HANG_ONCE": "hung", "QINGYUN_WORKER_STALL_S": "5"}
    ),
    "silent": Fault("broker silent for 10 s", of_brokers.silent, settings=COSTLY),
    "slow-writes": Fault(
        "broker takes states slowly, then kill -9",
        of_brokers.slow_writes,
        settings=COSTLY | {"BENCH_STATE_BYTES": "4000"},
    ),
    "refused": Fault("broker refuses states for a while", of_brokers.refused, settings=COSTLY),
    "rebalance": Fault("a second one joins and leaves, twice", of_groups.rebalance, settings=COSTLY),
    "suspended": Fault("one of two suspended beyond its session", of_groups.suspended, settings=COSTLY),
    "poison": Fault(f"{of_records.BAD} records are none", of_records.set_aside, put=of_records.put_poison),
    "astray": Fault(f"{of_records.BAD} fixes in another key's partition", of_records.set_aside, put=of_records.put_astray),
    "changelog": Fault(
        "changelog with twice the partitions", of_records.other_changelog, wanted=EXACT._replace(unread=FIXES)
    ),
}


def main() -> int:
    """Print a line a fault and program; 1 if ours is not exact."""
    given = _arguments()
    print(f"{'':12} {'':42} {'':16} {'lost':>7} {'doubled':>7} {'unread':>7} {'unsaid':>7} {'s':>5}", flush=True)
    wrong = [name for name in given.only or FAULTS if not _is_as_wanted(name, given.logs)]
    if wrong:
        print(f"× ours is not exact: {', '.join(wrong)}")
    return 1 if wrong else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(
            [
                "faults:",
                *(f"  {name:12} {fault.title}" for name, fault in FAULTS.items()),
                "",
                "columns, of 10,000 fixes:",
                "  lost     committed and in no state",
                "  doubled  in a state more than once",
                "  unread   never read any more",
                "  unsaid   went wrong, and there was no dead letter and no end of the process",
            ]
        ),
    )
    parser.add_argument("--only", metavar="NAME", choices=FAULTS, action="append", help="one fault; may be repeated")
    parser.add_argument("--logs", metavar="FOLDER", type=Path, help="keep what the programs say here")
    return parser.parse_args()


def _is_as_wanted(name: str, logs: Path | None) -> bool:
    fault = FAULTS[name]
    with ways.running() as way:
        fill(way.bootstrap, FIXES)
        fault.put(way.bootstrap)
        for program in (PLAIN, OURS):
            began_s = time.monotonic()
            found = tried(program, fault, way, logs and logs / name)
            took_s = time.monotonic() - began_s
            print(
                f"{name:12} {fault.title:42} {program.script:16} {found.lost:7} {found.doubled:7} {found.unread:7} "
                f"{found.unsaid:7} {took_s:5.0f}",
                flush=True,
            )
    return found == fault.wanted


def tried(program: Program, fault: Fault, way: ways.Ways, logs: Path | None = None) -> Found:
    """Do a fault to a program; return what it left."""
    with tempfile.TemporaryDirectory(prefix="qingyun-bench-") as scratch:
        log = (logs or Path(scratch)) / f"{program.script}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with Trial(program, way, Path(scratch), log, FIXES, fault.settings) as trial:
            unsaid = fault.do(trial)
            trial.stop_all()
            return trial.found(unsaid)


if __name__ == "__main__":
    sys.exit(main())
