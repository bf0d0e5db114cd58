"""``make test``: every test, in lanes of pytest runs side by side. What only computes takes the time in which others wait.

Each run is a process: the whole city and its browser do not last longer than their own tests. Every line says which run
it is from; at the end a line a run, and once more what failed. Exit code 1 if any did not pass.
"""

import re
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, NamedTuple

import psutil

TESTS: Final = Path(__file__).parent
LANES: Final = (("city", "starts"), ("processes",), ("parts", "doors"))
"""Runs one behind the other in each lane: no two at once that start a whole city."""
RUNS: Final = {
    "city": ("end_to_end/test_*.py",),
    "starts": ("integration/test_[bdlp]*.py", "integration/test_simulator.py", "integration/test_worker.py"),
    "processes": (
        "integration/test_[eir]*.py",
        "integration/test_st*.py",
        "integration/test_tr*.py",
        "integration/test_worker_*.py",
    ),
    "doors": ("integration/test_[agh]*.py", "integration/test_to*.py"),
    "parts": ("unit/**/test_*.py", "property/**/test_*.py", "simulation/test_*.py"),
}
"""Each run's files."""
ASIDE: Final = {"parts": 10}
"""Runs that stand back (nice): they compute, and nobody waits for them."""


FAILED: Final = re.compile(r"(FAILED|ERROR) tests/|E {3}\S|tests/\S+:\d+: ")
"""What pytest writes of a failure, in short: the test, what was raised, and where."""


class Ran(NamedTuple):
    """A pytest run: its name, exit code, what it wrote of failures, last line and wall seconds."""

    name: str
    code: int
    failed: list[str]
    said: str
    took_s: float


class Runs:
    """Runs everything, so many at once."""

    def __init__(self) -> None:
        self._printing = threading.Lock()
        self._running: set[subprocess.Popen[str]] = set()
        self._ending = False

    def all(self) -> list[Ran]:
        """Run everything; blocks for minutes. After an interruption everything is ended."""
        with ThreadPoolExecutor(len(LANES)) as slots:
            try:
                return [ran for lane in slots.map(self._lane, LANES) for ran in lane]
            except BaseException:
                self._ending = True
                slots.shutdown(wait=False, cancel_futures=True)
                for process in tuple(self._running):
                    process.terminate()
                raise

    def _lane(self, names: tuple[str, ...]) -> list[Ran]:
        return [self._one(name) for name in names if not self._ending]

    def _one(self, name: str) -> Ran:
        began_s, line, failed = time.monotonic(), "", list[str]()
        # two at once would overwrite each other's cache
        argv = [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-m",
            "not long and not beside",
            *map(str, files_of(name)),
        ]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            self._running.add(process)
            psutil.Process(process.pid).nice(ASIDE.get(name, 0))
            for coloured in process.stdout or ():
                with self._printing:
                    print(f"{name:<9} │ {coloured}", end="", flush=True)
                line = re.sub(r"\x1b\[[\d;]*m", "", coloured)
                if FAILED.match(line):
                    failed.append(line.rstrip())
            code = process.wait()
            self._running.discard(process)
        return Ran(name, code, failed, line.strip(" =\n"), time.monotonic() - began_s)


def files_of(name: str) -> list[Path]:
    """Return the files of a run."""
    return sorted(path for pattern in RUNS[name] for path in TESTS.glob(pattern))


def main() -> int:
    """Run all tests."""
    forgotten = set(TESTS.rglob("test_*.py")) - {path for name in RUNS for path in files_of(name)}
    if forgotten:
        print(f"of no run: {', '.join(map(str, sorted(forgotten)))}; name them in {__file__}", file=sys.stderr)
        return 1
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what runs is ended too
    began_s = time.monotonic()
    done = Runs().all()
    for ran in done:
        for line in ran.failed:
            print(f"{ran.name:<9} × {line}")
    for ran in done:
        print(f"{'×' if ran.code else '√'} {ran.name:<10} {ran.took_s:4.0f} s  {ran.said}")
    failed = any(ran.code for ran in done)
    print(f"{'not all passed' if failed else 'all passed'}, {time.monotonic() - began_s:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
