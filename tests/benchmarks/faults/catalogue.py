"""Every fault that is tried: what is done, to programs that are set how, what plain Faust suffers, and what ours must leave."""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal, NamedTuple

from tests.benchmarks.faults import of_brokers, of_groups, of_programs, of_records, of_topics, ways
from tests.benchmarks.faults.trial import MORE, OURS, PLAIN, Found, Program, Trial, other
from tests.benchmarks.traffic import fill

FIXES: Final = 10_000
EXACT: Final = Found(lost=0, doubled=0, unread=0, unsaid=0, again_mb=0)
COSTLY: Final = {"BENCH_FIX_MS": "1"}
"""So that both programs still have something to do when the fault comes."""

Hurt = Literal["lost", "doubled", "unread", "unsaid", "again_mb"]
"""A column of `Found` that is not 0."""


class Fault(NamedTuple):
    """What is done to a program while it reads."""

    title: str
    do: Callable[[Trial], int]
    """Does it, waits for what follows, and returns how much went wrong unsaid."""
    hurts: tuple[Hurt, ...]
    """What plain Faust suffers each time: if it does not, Faust has mended it, or the fault is none any more."""
    sometimes: tuple[Hurt, ...] = ()
    """What plain Faust may suffer besides: a matter of the moment, so it is not judged."""
    put_first: Callable[[str], None] = lambda _: None
    """Puts records on the topics before the fixes, of a broker at this address."""
    put: Callable[[str], None] = lambda _: None
    """Puts further records on the topics, behind the fixes."""
    settings: Mapping[str, str] = {}
    """Of the program's environment."""
    plain: Program = PLAIN
    wanted: Found = EXACT
    """What ours must leave."""


class Left(NamedTuple):
    """What a fault left of one program, and the wall seconds that took."""

    program: Program
    found: Found
    took_s: float


FAULTS: Final = {
    "exception": Fault(
        "one fix raises, once",
        of_programs.exception,
        hurts=("lost",),
        sometimes=("unread", "unsaid"),  # the agent does not always get going again
        # a static member's successor does not wait for the session to end
        settings={"BENCH_RAISE_ONCE": "raised", "QINGYUN_WORKER_INSTANCE": "w1"},
    ),
    "batch": Fault(
        "one fix raises in a batch (take), once",
        of_programs.exception,
        hurts=("lost",),
        sometimes=("unread", "unsaid"),
        settings={"BENCH_RAISE_ONCE": "raised", "QINGYUN_WORKER_INSTANCE": "w1"},
        plain=other("takes"),
    ),
    "kill": Fault(f"killed with -9, {of_programs.KILLS} times", of_programs.kill, hurts=("doubled",), settings=COSTLY),
    "at-once": Fault(
        "two at once, one of them slow, then kill -9",
        of_programs.kill_in_hand,
        hurts=("lost",),
        sometimes=("doubled",),
        settings={"BENCH_HANG_ONCE": of_programs.HUNG, "QINGYUN_WORKER_STALL_S": "120"},
        plain=other("counts", BENCH_AT_ONCE="2"),
    ),
    "hang": Fault(
        "one fix never returns, once",
        of_programs.hang,
        hurts=("unread", "unsaid"),
        settings={"BENCH_HANG_ONCE": of_programs.HUNG, "QINGYUN_WORKER_STALL_S": "12"},
    ),
    "stop": Fault(
        "asked to stop while one fix is in hand",
        of_programs.stop_in_hand,
        hurts=("unsaid",),
        sometimes=("doubled",),
        settings={"BENCH_HANG_ONCE": of_programs.HUNG, "QINGYUN_WORKER_STALL_S": "12"},
        plain=other("counts"),
    ),
    "silent": Fault(
        f"broker silent for {of_brokers.SILENT_S:.0f} s", of_brokers.silent, hurts=("doubled",), settings=COSTLY
    ),
    "silent-stop": Fault(
        "asked to stop while the broker is silent",
        of_brokers.stop_in_silence,
        hurts=("unsaid",),
        sometimes=("doubled",),
        settings=COSTLY,
    ),
    "slow-writes": Fault(
        "broker takes states of 4 kB slowly, then kill -9",
        of_brokers.slow_writes,
        hurts=(),
        sometimes=("lost", "doubled"),
        settings=COSTLY | {"BENCH_STATE_BYTES": "4000"},
    ),
    "refused": Fault(
        "broker refuses states for a while",
        of_brokers.refused,
        hurts=("lost",),
        sometimes=("doubled",),
        settings=COSTLY,
    ),
    "large": Fault(
        "states of 1.2 MB",
        of_brokers.too_large,
        hurts=("unread",),
        settings={"BENCH_STATE_BYTES": "1200000"},
        wanted=EXACT._replace(unread=FIXES),
    ),
    "large-let": Fault(
        "states of 1.2 MB, let out by the client",
        of_brokers.too_large,
        hurts=("lost", "unsaid"),
        settings={"BENCH_STATE_BYTES": "1200000"},
        plain=other("counts", BENCH_REQUEST_BYTES="10000000"),
        wanted=EXACT._replace(unread=FIXES),
    ),
    "rebalance": Fault(
        "a second one joins and leaves, twice",
        of_groups.rebalance,
        hurts=(),
        sometimes=("lost", "doubled"),
        settings=COSTLY,
    ),
    "suspended": Fault(
        "one of two suspended beyond its session",
        of_groups.suspended,
        hurts=("doubled",),
        sometimes=("lost",),
        settings=COSTLY,
    ),
    "expelled": Fault("put out of its group, three times", of_groups.expelled, hurts=("doubled",), settings=COSTLY),
    "again": Fault(
        "put out of its group with 40 MB of states written",
        of_groups.expelled_when_done,
        hurts=("again_mb",),
        settings={"BENCH_STATE_BYTES": "4000"},
    ),
    "poison": Fault(
        f"{of_records.BAD} records are none", of_records.set_aside, hurts=("unsaid",), put=of_records.put_poison
    ),
    "batch-poison": Fault(
        f"{of_records.BAD} records are none, read in batches (take)",
        of_records.set_aside,
        hurts=("unread", "unsaid"),
        put_first=of_records.put_poison,
        plain=other("takes"),
    ),
    "astray": Fault(
        f"{of_records.BAD} fixes in another partition than their key's",
        of_records.set_aside,
        hurts=("unsaid",),
        put=of_records.put_astray,
    ),
    "deleted": Fault(
        f"{MORE} fixes deleted before they are read",
        of_records.deleted_unread,
        hurts=("lost", "unsaid"),
        wanted=EXACT._replace(unread=2 * MORE),
    ),
    "no-output": Fault(
        "the topic of an output is not there",
        of_topics.no_output,
        hurts=("unread", "unsaid"),
        settings={"QINGYUN_WORKER_START_S": "3"},
        plain=other("says"),
        wanted=EXACT._replace(unread=FIXES),
    ),
    "changelog": Fault(
        "changelog with twice the partitions",
        of_topics.other_changelog,
        hurts=("lost", "unsaid"),
        wanted=EXACT._replace(unread=FIXES),
    ),
    "uncompacted": Fault(
        "a changelog as it makes it: compacted within a day?", of_topics.uncompacted, hurts=("unsaid",)
    ),
    # last: nobody can have what the fault itself takes away
    "states-gone": Fault(
        "changelog made anew while it is stopped",
        of_topics.changelog_made_anew,
        hurts=("lost", "unsaid"),
        wanted=EXACT._replace(lost=FIXES, unread=MORE),
    ),
}


def beside(fault: Fault, *, fixes: int = FIXES, logs: Path | None = None) -> Iterator[Left]:
    """Do a fault to plain Faust, then to ours, each on a broker of its own; yield what that left.

    ``fixes``: how many there are, of all trucks together; ``logs``: a folder for what the programs say.
    """
    for program in (fault.plain, OURS):
        began_s = time.monotonic()
        with ways.running() as way:
            fault.put_first(way.bootstrap)
            fill(way.bootstrap, fixes)
            fault.put(way.bootstrap)
            found = _tried(fault, program, way, fixes, logs)
        yield Left(program, found, time.monotonic() - began_s)


def not_as_declared(fault: Fault, left: Left) -> list[str]:
    """Return what is not as the fault says: empty if ours left what it must, or plain Faust is hurt so."""
    name, found = left.program.name, left.found
    if left.program is OURS:
        return [] if found == fault.wanted else [f"{name} left {found}, wanted {fault.wanted}"]
    return [f"{name} is not hurt: {hurt} is 0" for hurt in fault.hurts if not getattr(found, hurt)]


def _tried(fault: Fault, program: Program, way: ways.Ways, fixes: int, logs: Path | None) -> Found:
    """Do a fault to a program that reads what is on the broker."""
    with tempfile.TemporaryDirectory(prefix="qingyun-bench-") as scratch:
        log = (logs or Path(scratch)) / f"{program.name}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        with Trial(program, way, folder=Path(scratch), log=log, fixes=fixes, settings=fault.settings) as trial:
            unsaid = fault.do(trial)
            trial.stop_all()
            return trial.found(unsaid)
