"""``make test``: every test, in two lanes side by side. What mostly waits goes beside what mostly computes.

A lane is a queue of pytest runs, each a process: the whole city and its browser do not last longer than their own tests.
Every line says which run it is from; at the end a line a run. Exit code 1 if any did not pass.
"""

import re
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

TESTS: Final = Path(__file__).parent
LANES: Final = (("end_to_end", "unit property simulation"), ("integration",))
"""Folders of `TESTS`; those of one run are given in one string."""


class Ran(NamedTuple):
    """A pytest run: its folders, exit code, last line and wall seconds."""

    folders: str
    code: int
    said: str
    took_s: float


class Lanes:
    """Runs all lanes at once."""

    def __init__(self) -> None:
        self._printing = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()

    def run(self) -> list[Ran]:
        """Run everything; blocks for minutes. After an interruption everything is ended."""
        with ThreadPoolExecutor(len(LANES)) as lanes:
            try:
                return [ran for lane in lanes.map(self._lane, LANES) for ran in lane]
            except BaseException:
                for process in tuple(self._running):
                    process.terminate()
                raise

    def _lane(self, lane: tuple[str, ...]) -> list[Ran]:
        return [self._one(folders) for folders in lane]

    def _one(self, folders: str) -> Ran:
        began_s, line = time.monotonic(), ""
        # two at once would overwrite each other's cache
        argv = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            *(str(TESTS / one) for one in folders.split()),
        ]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            self._running.add(process)
            for line in process.stdout or ():
                with self._printing:
                    print(f"{folders.split(maxsplit=1)[0]:<11} │ {line}", end="", flush=True)
            code = process.wait()
            self._running.discard(process)
        return Ran(folders, code, re.sub(r"\x1b\[[\d;]*m", "", line).strip(" =\n"), time.monotonic() - began_s)


def main() -> int:
    """Run all tests."""
    forgotten = {path.relative_to(TESTS).parts[0] for path in TESTS.rglob("test_*.py")} - set(
        " ".join(map(" ".join, LANES)).split()
    )
    if forgotten:
        print(f"tests of no lane: {', '.join(sorted(forgotten))}; give them one in {__file__}", file=sys.stderr)
        return 1
    began_s = time.monotonic()
    done = Lanes().run()
    for ran in done:
        print(f"{'×' if ran.code else '√'} {ran.folders:<25} {ran.took_s:4.0f} s  {ran.said}")
    print(f"{'not all passed' if any(ran.code for ran in done) else 'all passed'}, {time.monotonic() - began_s:.0f} s")
    return 1 if any(ran.code for ran in done) else 0


if __name__ == "__main__":
    sys.exit(main())
