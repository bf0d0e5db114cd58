"""Every fault that is tried: what is done, to programs that are set how, and what ours must leave."""

import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.benchmarks.faults import of_brokers, of_groups, of_programs, of_records, ways
from tests.benchmarks.faults.trial import Found, Program, Trial

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
    """Of the program's environment."""
    wanted: Found = EXACT
    """What ours must leave."""


FAULTS: Final = {
    "exception": Fault(
        "one fix raises, once",
        of_programs.exception,
        # a static member's successor does not wait for the session to end
        settings={"BENCH_RAISE_ONCE": "raised", "QINGYUN_WORKER_INSTANCE": "w1"},
    ),
    "kill": Fault(f"killed with -9, {of_programs.KILLS} times", of_programs.kill, settings=COSTLY),
    "hang": Fault(
        "one fix never returns, once",
        of_programs.hang,
        settings={"BENCH_HANG_ONCE": "hung", "QINGYUN_WORKER_STALL_S": "5"},
    ),
    "silent": Fault(f"broker silent for {of_brokers.SILENT_S:.0f} s", of_brokers.silent, settings=COSTLY),
    "slow-writes": Fault(
        "broker takes states of 4 kB slowly, then kill -9",
        of_brokers.slow_writes,
        settings=COSTLY | {"BENCH_STATE_BYTES": "4000"},
    ),
    "refused": Fault("broker refuses states for a while", of_brokers.refused, settings=COSTLY),
    "rebalance": Fault("a second one joins and leaves, twice", of_groups.rebalance, settings=COSTLY),
    "suspended": Fault("one of two suspended beyond its session", of_groups.suspended, settings=COSTLY),
    "poison": Fault(f"{of_records.BAD} records are none", of_records.set_aside, put=of_records.put_poison),
    "astray": Fault(
        f"{of_records.BAD} fixes in another partition than their key's", of_records.set_aside, put=of_records.put_astray
    ),
    "changelog": Fault(
        "changelog with twice the partitions", of_records.other_changelog, wanted=EXACT._replace(unread=FIXES)
    ),
}


def tried(fault: Fault, program: Program, way: ways.Ways, *, fixes: int = FIXES, logs: Path | None = None) -> Found:
    """Do a fault to a program that reads what is on the broker; return what that left.

    ``fixes``: how many are there, of all trucks together; ``logs``: a folder for what the program says.
    """
    with tempfile.TemporaryDirectory(prefix="qingyun-bench-") as scratch:
        log = (logs or Path(scratch)) / f"{program.script}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with Trial(program, way, folder=Path(scratch), log=log, fixes=fixes, settings=fault.settings) as trial:
            unsaid = fault.do(trial)
            trial.stop_all()
            return trial.found(unsaid)
