"""What each known fault does to plain Faust, and to us, on the same fixes: real Kafka. ``make bench-streams``.

Each fault is done to the same small program in both shells: `peers/plain_faust.py` and `peers/ours.py` count the fixes of
500 trucks; where plain Faust has to be used in another way to have the fault, `other_agents.py` does. Ours must leave what
it must; that plain Faust is hurt, as declared in `catalogue.py`, says why our shell exists, and that it is not any more,
that Faust has mended it. Exit code 1 if either is not so.
"""

import argparse
import signal
import sys
from pathlib import Path
from typing import Final

from tests.benchmarks.faults.catalogue import FAULTS, FIXES, beside, not_as_declared

COLUMNS: Final = {
    "lost": "committed and in no state",
    "doubled": "in a state more than once",
    "unread": f"never read: nothing moved any more (of {FIXES:,} fixes)",
    "unsaid": "went wrong, and there was no dead letter, no end of the process; or no end when it was asked to",
    "again": "MB that were read once more by who had them (where that is looked at)",
}


def main() -> int:
    """Print a line a fault and program; 1 if one is not as declared."""
    given = _arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended too
    print(f"{'':12} {'':50} {'':15}", *(f"{name:>7}" for name in COLUMNS), f"{'s':>4}", flush=True)
    wrong = [f"{name}: {what}" for name in given.only or FAULTS for what in _tried(name, given.logs)]
    for line in wrong:
        print(f"× {line}")
    return 1 if wrong else 0


def _tried(name: str, logs: Path | None) -> list[str]:
    """Do a fault to both; return what is not as declared."""
    fault, wrong = FAULTS[name], []
    for left in beside(fault, logs=logs and logs / name):
        print(
            f"{name:12} {fault.title:50} {left.program.name:15}", *(f"{one:7}" for one in left.found),
            f"{left.took_s:4.0f}", flush=True,
        )  # fmt: skip
        wrong += not_as_declared(fault, left)
    return wrong


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.faults",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="\n".join(
            [
                "faults, and what plain Faust suffers of them (what is a matter of luck is not judged):",
                *(f"  {name:12} {fault.title}: {_suffered(name)}" for name, fault in FAULTS.items()),
                "",
                "columns, all to be 0 with ours (but it leaves unread what it must not begin, or go on, with):",
                *(f"  {name:12} {meaning}" for name, meaning in COLUMNS.items()),
                "",
                "example: python -m tests.benchmarks.faults --only refused --logs /tmp/faults",
            ]
        ),
    )
    parser.add_argument("--only", metavar="NAME", choices=FAULTS, action="append", help="one fault; may be repeated")
    parser.add_argument("--logs", metavar="FOLDER", type=Path, help="keep what the programs say here")
    return parser.parse_args()


def _suffered(name: str) -> str:
    fault = FAULTS[name]
    return ", ".join([*fault.hurts, *(f"sometimes {hurt}" for hurt in fault.sometimes)])


if __name__ == "__main__":
    sys.exit(main())
