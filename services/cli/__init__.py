"""The command line of the services: `COMMANDS` is the whole list; each is one file here, loaded only when called."""

import importlib
import sys
from typing import Final, NoReturn

import typer

from services.cli import explain

PROCESSES: Final = {
    "ingest": "devices in: JT/T 808, OsmAnd, ChirpStack, weighbridges -> Kafka",
    "recorder": "Kafka -> PostgreSQL, exactly once",
    "evidence": "alerts and the measurements around them -> sealed documents in PostgreSQL",
    "planner": "collections due, positions, orders -> plans",
    "gateway": "pages, API and live events for people; their commands -> Kafka",
    "metronome": "ticks of the city clock -> Kafka",
    "simulator": "a town whose devices speak the real protocols",
}
"""Programs that run until they are told to stop: ``services.<name>.run:main()``."""

COMMANDS: Final = {
    "topics": "provision Kafka's topics, show them",
    "database": "migrate the database, show its state",
    "city": "prepare, load or make a city",
    "export": "the recorder's tables -> a recorded day, to be replayed",
    "trial": "rules and thresholds beside the live ones: what they would have said",
    "dead-letters": "what was set aside and why; send it again",
    "evidence-check": "what alerts were judged from: is it all there, and as it was sealed?",
    "users": "demo users, new users",
    "terminals": "trucks' terminals: who has a code, let one register once more",
    "replay-real": "play real garbage trucks' recorded fixes through the real doors",
}
"""Tools that do one thing and end: ``services.cli.<name>:app``."""

FAILED, USAGE_ERROR = 1, 2
_HELP: Final = ("--help", "-h", "help")


def main() -> None:
    """Run the program or tool named by the first argument; what the surroundings refuse is one sentence."""
    name, *rest = sys.argv[1:] or ["--help"]
    try:
        _run(name, rest)
    except Exception as error:
        sentence = explain.failure(error, of_a_tool=name in COMMANDS)
        if sentence is None:
            raise
        print(sentence, file=sys.stderr)
        raise SystemExit(FAILED) from None


def _run(name: str, rest: list[str]) -> None:
    if name in COMMANDS:
        tool: typer.Typer = importlib.import_module(f"services.cli.{name.replace('-', '_')}").app
        tool(args=rest, prog_name=f"python -m services {name}")
    elif name in PROCESSES and not rest:
        importlib.import_module(f"services.{name}.run").main()
    elif name in PROCESSES and rest[0] in _HELP:
        print(explain.program(name, PROCESSES[name]))
    elif name in PROCESSES:
        _misused(f"{name} takes no {rest[0]!r}: it has settings only, see python -m services {name} --help")
    else:
        print(explain.names(PROCESSES, COMMANDS))
        if name not in _HELP:
            _misused(f"\nThere is no {name!r}: take one of the names above.")


def _misused(sentence: str) -> NoReturn:
    print(sentence, file=sys.stderr)
    raise SystemExit(USAGE_ERROR)
