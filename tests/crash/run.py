"""One run of the crash suite: start everything, hit each process in an order of the seed, end in order."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, Literal, NamedTuple

from deploy.local.progress import Reporter
from services.clock import wall_now_ms
from tests.crash import system
from tests.crash.desk import Desk
from tests.crash.page import Page
from tests.crash.system import System
from tests.whole_system import RATE

KILLED: Final = (
    "kafka",
    "postgres",
    "ingest",
    "worker",
    "recorder",
    "planner",
    "gateway",
    "metronome",
    "simulator",
    "evidence",
)
"""Every program of the local start, each once a run."""
PAUSED: Final = ("kafka", "postgres", "ingest", "worker", "recorder", "planner", "gateway")
"""Programs of which some are paused: what wakes believes itself to be at work still, and others have taken over."""
MOST_PAUSES, MOST_STOPS = 2, 2
PAUSE_S: Final = (3.0, 20.0)
"""Shorter and longer than a consumer's session (10 s)."""
SORTS: Final = (
    *(f"kill -9 {name}" for name in KILLED),
    *(f"pause {name}" for name in PAUSED),
    *(f"stop {name}" for name in KILLED),
    *(f"silence {name}" for name in system.STORES),
)
"""All there is to do (`Blow.sort`)."""
DESK_LEDGER: Final = "commands.jsonl"


class Blow(NamedTuple):
    """What is done to a program. ``pause_s`` is of a pause."""

    kind: Literal["kill -9", "pause", "stop", "silence"]
    name: str
    pause_s: float = 0.0

    @property
    def sort(self) -> str:
        """What must be done in some seed."""
        return f"{self.kind} {self.name}"


def blows(random: Random) -> list[Blow]:
    """Every program is killed; some are paused as well, some asked to stop; a server falls silent; in any order."""
    planned = [Blow("kill -9", name) for name in KILLED]
    paused = random.sample(PAUSED, random.randint(1, MOST_PAUSES))
    planned += [Blow("pause", name, random.uniform(*PAUSE_S)) for name in paused]
    planned += [Blow("stop", name) for name in random.sample(KILLED, random.randint(1, MOST_STOPS))]
    planned += [Blow("silence", random.choice(system.STORES))]
    random.shuffle(planned)
    return planned


@dataclass
class Done:
    """What a run did so far. ``whole_s``: wall seconds from each blow until whole again, in their order.

    Of a pause they count from its end.
    """

    seed: int
    rate: int = RATE
    kafka_port: int = 0
    planned: list[str] = field(default_factory=list)
    whole_s: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)
    """Silences that nobody spoke of in time."""


def run(done: Done, folder: Path, reporter: Reporter) -> None:
    """Run ``done.seed``, its data in ``folder``, which must not exist; fill in ``done``. Leaves nothing running.

    Blocks for minutes.

    Raises
    ------
    system.NotWholeError
        If the system does not come back.
    """
    random = Random(done.seed)
    planned = blows(random)
    done.planned = [blow.sort for blow in planned]
    with system.started(folder, done.rate) as under_test:
        done.kafka_port = under_test.local.kafka_port
        _follow(reporter, "start, until every material has a plan", under_test.wait_until_planned())
        with Desk(under_test.running, folder / DESK_LEDGER, random) as desk:
            done.refused = desk.refused
            for blow in planned:
                time.sleep(random.uniform(0.0, 2.0))  # not always at the same moment of everybody's rounds
                done.whole_s[blow.sort] = _strike(blow, done, under_test, reporter)
        _follow(reporter, "wind down, until nobody is behind", under_test.wind_down())


def _strike(blow: Blow, done: Done, under_test: System, reporter: Reporter) -> float:
    whole_s = 0.0
    title = f"{blow.kind} {blow.name}" + (f" for {blow.pause_s:.0f} s" if blow.pause_s else "")
    with reporter.step(title) as detail:
        struck_s = wall_now_ms() / 1000
        gone = _done_to(blow, under_test, detail)
        if blow.kind == "silence":
            silent_s, struck_s = wall_now_ms() / 1000 - struck_s, wall_now_ms() / 1000
            if silent_s > system.TOLD_S:
                done.untold.append(f"{blow.name} was silent for {silent_s:.0f} s until all who need it said so")
        for whole_s, wrong in under_test.wait_until_whole(blow.name, gone, struck_s + blow.pause_s):
            detail(f"{whole_s:.0f} s, {wrong}")
    reporter.say(f"  whole again after [bold]{whole_s:.1f} s[/]")
    return whole_s


def _done_to(blow: Blow, under_test: System, detail: Callable[[str], None]) -> int | None:
    """Do it; return the process id that must not be there any more, or None after a pause."""
    match blow.kind:
        case "kill -9":
            return under_test.kill(blow.name)
        case "stop":
            return under_test.stop(blow.name)
        case "pause":
            with under_test.paused(blow.name):
                time.sleep(blow.pause_s)
            return None
        case "silence":
            with Page(under_test.running) as page, under_test.paused(blow.name):
                for untold in under_test.wait_until_told(blow.name, page):
                    detail(untold)
            return None


def _follow(reporter: Reporter, title: str, waiting: Iterator[str]) -> None:
    with reporter.step(title) as detail:
        for missing in waiting:
            detail(missing)
