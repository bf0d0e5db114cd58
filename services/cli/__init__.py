"""The command line of the services: `COMMANDS` is the whole list; each is one file here, loaded only when called."""

import importlib
import sys
from typing import Final

import typer

PROCESSES: Final = {
    "ingest": "devices in: JT/T 808, OsmAnd, ChirpStack, weighbridges -> Kafka",
    "recorder": "Kafka -> PostgreSQL, exactly once",
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
    "users": "demo users, new users",
    "terminals": "trucks' terminals: who has a code, let one register once more",
    "replay-real": "play real garbage trucks' recorded fixes through the real doors",
}
"""Tools that do one thing and end: ``services.cli.<name>:app``."""

USAGE_ERROR: Final = 2


def main() -> None:
    """Run the program or tool named by the first argument."""
    name = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if name in PROCESSES:
        importlib.import_module(f"services.{name}.run").main()
    elif name in COMMANDS:
        tool: typer.Typer = importlib.import_module(f"services.cli.{name.replace('-', '_')}").app
        tool(args=sys.argv[2:], prog_name=f"python -m services {name}")
    else:
        _explain(name)


def _explain(name: str) -> None:
    wide = max(map(len, [*PROCESSES, *COMMANDS]))
    print("python -m services NAME [--help]\n\nPrograms that run until stopped (settings come from the environment):")
    print("\n".join(f"  {key:<{wide}}  {text}" for key, text in PROCESSES.items()))
    print("\nTools:")
    print("\n".join(f"  {key:<{wide}}  {text}" for key, text in COMMANDS.items()))
    if name not in ("--help", "-h", "help"):
        print(f"\nThere is no {name!r}: take one of the names above.", file=sys.stderr)
        raise SystemExit(USAGE_ERROR)
