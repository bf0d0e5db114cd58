"""Entry of the stream part: ``python -m streams worker | replay | bench``."""

import argparse
import sys
from pathlib import Path

from streams import replay, truck
from streams.rules import thresholds

BAD_INPUT = 2


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m streams", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser(
        "worker",
        help="judge live records: Kafka in, Kafka out",
        description="Runs until SIGTERM. Settings come from the environment: see streams/worker/settings.py.",
    )
    again = commands.add_parser(
        "replay",
        help="judge a recorded day: files in, files out",
        description="Reads <topic>.jsonl or .jsonl.gz in FOLDER; writes alerts, tickets, visits, collections-due and "
        "dead letters to OUT, and prints counts and a SHA-256: two runs print the same.",
    )
    again.add_argument("folder", type=Path, metavar="FOLDER", help="a recorded day")
    again.add_argument("-o", "--out", type=Path, required=True, metavar="OUT", help="folder to write to")
    again.add_argument("--thresholds", type=Path, help="JSON object of thresholds that differ from the defaults")
    bench = commands.add_parser("bench", help="measure the core: CPU microseconds a fix, events a core-second")
    bench.add_argument("folder", type=Path, nargs="?", help="a recorded day (default: a made-up one)")
    given = parser.parse_args(arguments)
    match given.command:
        case "worker":
            from streams.worker.run import main as work  # noqa: PLC0415  # Faust is loaded by the worker alone

            return work()
        case "replay":
            return _replay(given)
        case _:
            from streams.bench import main as measure  # noqa: PLC0415

            return measure(given.folder) if given.folder is None or _is_a_day(given.folder) else BAD_INPUT


def _replay(given: argparse.Namespace) -> int:
    if not _is_a_day(given.folder):
        return BAD_INPUT
    limits = thresholds.DEFAULT
    if given.thresholds is not None:
        try:
            limits = thresholds.read(given.thresholds.read_bytes())
        except (OSError, ValueError) as error:
            print(f"{given.thresholds}: {error}", file=sys.stderr)
            return BAD_INPUT
    report = replay.run(given.folder, given.out, truck.Settings(thresholds=limits), on_progress=_show)
    print(file=sys.stderr)
    for name, count in report.read.items():
        print(f"read     {name:16} {count:9}")
    for name, count in report.written.items():
        print(f"written  {name:16} {count:9}")
    print(f"written  {'dead-letters':16} {report.dead_letters:9}")
    records = sum(report.read.values())
    print(f"CPU      {report.cpu_s:.1f} s, {report.cpu_s / max(1, records) * 1e6:.1f} µs a record")
    print(f"SHA-256  {report.sha256}")
    return 0


def _is_a_day(folder: Path) -> bool:
    """Whether the folder holds records; says what is expected if not."""
    found = any(folder.glob("*.jsonl")) or any(folder.glob("*.jsonl.gz"))
    if not found:
        print(
            f"{folder} has no recorded day: give a folder with <topic>.jsonl or <topic>.jsonl.gz files", file=sys.stderr
        )
    return found


def _show(records: int) -> None:
    print(f"\r{records} records", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
