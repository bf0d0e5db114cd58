"""``python -m tests.crash.check FOLDER``: judge the data a run left, in a program of its own; print the verdict as JSON.

The system has ended: broker and database are started on its data alone, so what is judged is what was kept.
"""

import argparse
import logging
import sys
from pathlib import Path
from typing import Final

import msgspec

from deploy.local import embedded
from tests.crash import history
from tests.crash.judge import Verdict, judge

LEDGERS: Final = ("acknowledged.jsonl", "commands.jsonl")
"""What the simulator's devices, and the desk, were told is kept."""


def check(folder: Path, port: int) -> Verdict:
    """Judge the data in ``folder``; ``port``: the one its broker listened on. Blocks for half a minute or less."""
    with (
        embedded.running_kafka(folder, port=port) as kafka,
        embedded.running_postgres(folder) as postgres,
    ):
        found = history.read(kafka.bootstrap, postgres.url, [folder / name for name in LEDGERS])
    return judge(found)


def main() -> int:
    """Run; return 1 if there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, required=True, help="of the broker, as it was")
    given = parser.parse_args()
    logging.getLogger("kafka").setLevel(logging.ERROR)
    verdict = check(given.folder, given.port)
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(verdict)).decode() + "\n")
    return 1 if verdict.findings else 0


if __name__ == "__main__":
    sys.exit(main())
