"""What each known fault does to plain Faust, and to us, on the same fixes: real Kafka. ``make bench-streams``.

Each fault is done to the same small program in both shells: `peers/plain_faust.py` and `peers/ours.py` count the fixes of
500 trucks. Ours must be exact; that plain Faust is not says why our shell exists, and will say so when Faust has mended
it. Exit code 1 if ours is not.
"""

import argparse
import signal
import sys
import time
from pathlib import Path
from typing import Final

from tests.benchmarks.faults import ways
from tests.benchmarks.faults.catalogue import FAULTS, FIXES, tried
from tests.benchmarks.faults.trial import OURS, PLAIN
from tests.benchmarks.traffic import fill

COLUMNS: Final = {
    "lost": "committed and in no state",
    "doubled": "in a state more than once",
    "unread": f"never read: nothing moved any more (of {FIXES:,} fixes)",
    "unsaid": "went wrong, and there was no dead letter and no end of the process",
}


def main() -> int:
    """Print a line a fault and program; 1 if ours is not exact."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended too
    print(f"{'':12} {'':49} {'':15}", *(f"{name:>7}" for name in COLUMNS), f"{'s':>4}", flush=True)
    wrong = [name for name in given.only or FAULTS if not _is_as_wanted(name, given.logs)]
    if wrong:
        print(f"× ours is not exact: {', '.join(wrong)}")
    return 1 if wrong else 0


def _is_as_wanted(name: str, logs: Path | None) -> bool:
    """Do a fault to both, on a broker of its own; tell whether ours left what it must."""
    fault = FAULTS[name]
    with ways.running() as way:
        fill(way.bootstrap, FIXES)
        fault.put(way.bootstrap)
        for program in (PLAIN, OURS):
            began_s = time.monotonic()
            found = tried(fault, program, way, logs=logs and logs / name)
            took_s = time.monotonic() - began_s
            print(
                f"{name:12} {fault.title:49} {program.script:15}", *(f"{one:7}" for one in found), f"{took_s:4.0f}",
                flush=True,
            )  # fmt: skip
    return found == fault.wanted


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(
            [
                "faults:",
                *(f"  {name:12} {fault.title}" for name, fault in FAULTS.items()),
                "",
                "columns, all to be 0 with ours (but it leaves unread what it must not start with: changelog):",
                *(f"  {name:12} {meaning}" for name, meaning in COLUMNS.items()),
                "",
                "example: python -m tests.benchmarks.faults --only refused --logs /tmp/faults",
            ]
        ),
    )
    parser.add_argument("--only", metavar="NAME", choices=FAULTS, action="append", help="one fault; may be repeated")
    parser.add_argument("--logs", metavar="FOLDER", type=Path, help="keep what the programs say here")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
