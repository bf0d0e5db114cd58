"""One run of the crash suite: start everything, kill each process in an order of the seed, end in order."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from deploy.local.progress import Reporter
from services.clock import wall_now_ms
from tests.crash import system
from tests.crash.desk import Desk
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
)
"""Every program of the local start, each once a run."""
DESK_LEDGER: Final = "commands.jsonl"


@dataclass
class Done:
    """What a run did so far. ``whole_s``: wall seconds from the kill until whole again, in the order of killing."""

    seed: int
    rate: int = RATE
    kafka_port: int = 0
    whole_s: dict[str, float] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)


def run(done: Done, folder: Path, reporter: Reporter) -> None:
    """Run ``done.seed``, its data in ``folder``, which must not exist; fill in ``done``. Leaves nothing running.

    Blocks for minutes.

    Raises
    ------
    system.NotWholeError
        If the system does not come back.
    """
    random = Random(done.seed)
    order = random.sample(KILLED, len(KILLED))
    with system.started(folder, done.rate) as under_test:
        done.kafka_port = under_test.local.kafka_port
        _follow(reporter, "start, until every material has a plan", under_test.wait_until_planned())
        with Desk(under_test.running, folder / DESK_LEDGER, random) as desk:
            done.refused = desk.refused
            for name in order:
                time.sleep(random.uniform(0.0, 2.0))  # not always at the same moment of everybody's rounds
                done.whole_s[name] = _kill(name, under_test, reporter)
        _follow(reporter, "wind down, until nobody is behind", under_test.wind_down())


def _kill(name: str, under_test: System, reporter: Reporter) -> float:
    whole_s = 0.0
    with reporter.step(f"kill -9 {name}") as detail:
        killed_s = wall_now_ms() / 1000
        pid = under_test.kill(name)
        for whole_s, wrong in under_test.wait_until_whole(name, pid, killed_s):
            detail(f"{whole_s:.0f} s, {wrong}")
    reporter.say(f"  {name} whole again after [bold]{whole_s:.1f} s[/]")
    return whole_s


def _follow(reporter: Reporter, title: str, waiting: Iterator[str]) -> None:
    with reporter.step(title) as detail:
        for missing in waiting:
            detail(missing)
