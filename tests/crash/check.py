"""``python -m tests.crash.check FOLDER``: judge the data a run left, in a program of its own; print the verdict as JSON.

The system has ended: broker and database are started on its data alone, so what is judged is what was kept. Or they still
run, and nobody uses them any more: then their addresses are given.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

from deploy.local import embedded
from tests.crash import history
from tests.crash.judge import Verdict, judge

LEDGERS: Final = ("acknowledged.jsonl", "commands.jsonl")
"""What the simulator's devices, and the desk, were told is kept."""


def check(folder: Path, port: int, ledgers: Sequence[str] = LEDGERS) -> Verdict:
    """Judge the data in ``folder``; ``port``: the one its broker listened on. Blocks for half a minute or less."""
    with (
        embedded.running_kafka(folder, port=port) as kafka,
        embedded.running_postgres(folder) as postgres,
    ):
        return look(folder, kafka.bootstrap, postgres.url, ledgers)


def look(folder: Path, bootstrap: str, database_url: str, ledgers: Sequence[str]) -> Verdict:
    """Judge what broker and database hold, by the ledgers in ``folder``; one that is not there is a finding."""
    verdict = judge(history.read(bootstrap, database_url, [folder / name for name in ledgers]))
    missing = [
        f"the ledger {name} is missing: nothing it said is proved" for name in ledgers if not (folder / name).exists()
    ]
    return msgspec.structs.replace(verdict, findings=[*missing, *verdict.findings])


def main() -> int:
    """Run; return 1 if there is a finding."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--port", type=int, default=0, help="of the broker, as it was")
    parser.add_argument("--bootstrap", help="of a broker that runs, instead; with --database")
    parser.add_argument("--database", help="of a database that runs")
    parser.add_argument(
        "--ledgers", nargs="+", default=LEDGERS, help="files in the folder that say what was acknowledged"
    )
    given = parser.parse_args()
    logging.getLogger("kafka").setLevel(logging.ERROR)
    if given.bootstrap and given.database:
        verdict = look(given.folder, given.bootstrap, given.database, given.ledgers)
    elif given.port:
        verdict = check(given.folder, given.port, given.ledgers)
    else:
        parser.error("expected --port, or --bootstrap and --database")
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(verdict)).decode() + "\n")
    return 1 if verdict.findings else 0


if __name__ == "__main__":
    sys.exit(main())
