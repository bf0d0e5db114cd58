"""What is fetched or built once and kept, side by side: Kafka's jars, pages, the city's roads and map, the search."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from deploy.local import kafka, maps, web
from deploy.local.commands import Commands
from deploy.local.progress import Detail, Reporter
from deploy.local.settings import Local
from deploy.local.together import together

_BROWSER: Final = "from tests.browser import chromium; print(chromium()[0])"


@dataclass(frozen=True, kw_only=True)
class Work:
    """One thing to prepare; ``do`` blocks until it is there and returns at once if it already is."""

    title: str
    do: Callable[[Detail], None]


def works(local: Local, commands: Commands, *, for_tests: bool = False) -> list[Work]:
    """Return what this system needs; with ``for_tests``, also what `make test` needs."""
    city = local.services.city
    found = [
        Work(title="pages", do=lambda _: web.build(commands, local.build)),
        Work(title=f"road graph and base map of {city}", do=lambda _: maps.build(commands, local)),
        Work(title="search for routes", do=lambda _: _compile_search(commands)),
    ]
    if for_tests or not local.kafka_is_given:
        found.append(Work(title="Kafka", do=lambda detail: kafka.fetch(local.build / "kafka", detail)))
    return found


def prepare(local: Local, reporter: Reporter, commands: Commands, *, for_tests: bool = False) -> None:
    """Do all that is missing. The first failure ends the rest.

    Raises
    ------
    LocalStartError
        If something cannot be had; what was finished is kept, nothing half-done is taken for whole.
    """
    together([partial(_do, work, reporter) for work in works(local, commands, for_tests=for_tests)])
    if for_tests:
        with reporter.step("browser for the tests"):
            commands.run([sys.executable, "-c", _BROWSER], what="finding a Chromium", environment={})


def _compile_search(commands: Commands) -> None:
    commands.run([sys.executable, "-m", "optimizer", "build"], what="compiling the search for routes", environment={})


def _do(work: Work, reporter: Reporter) -> None:
    with reporter.step(work.title) as detail:
        work.do(detail)
