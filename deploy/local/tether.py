"""``python -m deploy.local.tether SPEC.json``: become a program that dies with its parent and can be found again.

Between the supervisor and each program stands this moment of Python: it leaves a record of the process (number, start
time, how often it was started), asks the kernel for a signal when the parent dies, and turns into the program. So a
killed supervisor leaves nothing running, and where the kernel cannot promise that, the next start finds the records.
"""

import ctypes
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any, Final

_PR_SET_PDEATHSIG: Final = 1
"""prctl(2), linux/prctl.h."""


def main() -> None:
    """Replace this process by the program of the spec. Returns never, unless the parent is already gone."""
    parent = os.getppid()
    spec = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    if record := spec.get("record"):
        _record(Path(record), spec)
    if spec.get("unprivileged"):
        from deploy.local import unprivileged  # noqa: PLC0415  # one program of ten needs it

        unprivileged.become()
    die_with_parent(signal_number(spec["death_signal"]))  # after the change of user, which would clear it
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")
    os.environ.update(spec["environment"])
    os.chdir(spec["folder"])
    os.execv(spec["argv"][0], spec["argv"])  # noqa: S606  # a program of our own list, no shell


def signal_number(name: str) -> signal.Signals:
    """Return the signal of a name such as SIGTERM."""
    return signal.Signals[name]


def die_with_parent(number: signal.Signals) -> None:
    """Let the kernel send this process ``number`` when the thread that started it ends. Linux only; elsewhere nothing."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _record(path: Path, spec: dict[str, Any]) -> None:
    from deploy.local import leftovers  # noqa: PLC0415  # psutil: 20 ms that initdb and postgres need not pay twice

    leftovers.record(path, stop_signal=spec["stop_signal"])


if __name__ == "__main__":
    main()
