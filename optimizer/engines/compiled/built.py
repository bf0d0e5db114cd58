"""Whether the loops are compiled on this machine, and where that is kept. Knows nothing of the compiler: it is quick.

Compiling takes a minute or more, once a machine and version of these files: ``python -m optimizer build`` (`make setup` does
it). A solve never compiles; where nothing is built, another engine searches.
"""

import hashlib
import os
import platform
import sys
from functools import cache
from pathlib import Path
from typing import Final

FOLDER_VARIABLE: Final = "QINGYUN_OPTIMIZER_BUILD"
"""Environment: folder of the compiled loops. Default: ``.build/optimizer`` beside the package."""
HOW: Final = "python -m optimizer build"
SHARE: Final = 0.7
"""Of the time for a solve, loading the loops may take so much."""
SOURCES: Final = ("drive", "jit", "search", "tables", "trips")
"""What is compiled, and what that is made from."""


@cache
def folder() -> Path:
    """Return where the loops of exactly these `SOURCES`, compiler and machine are kept."""
    here = Path(__file__).resolve().parent
    said = hashlib.sha256()
    for name in SOURCES:
        said.update((here / f"{name}.py").read_bytes())
    said.update(f"{sys.version} {platform.machine()} {_processor()} {_compiler()}".encode())
    given = os.environ.get(FOLDER_VARIABLE)
    kept = Path(given) if given else here.parents[2] / ".build" / "optimizer"
    return kept / said.hexdigest()[:16]


def is_built(left_s: float = float("inf")) -> bool:
    """Whether a solve with so many seconds left may use the compiled loops.

    Not if loading them would take more than `SHARE` of the time; in a process that has them loaded it takes none.
    """
    if "optimizer.engines.compiled.engine" in sys.modules:
        return (folder() / "built").is_file()
    try:
        return float((folder() / "built").read_text(encoding="ascii")) <= SHARE * left_s
    except (FileNotFoundError, ValueError):
        return False


def note(loading_s: float) -> None:
    """Say that everything in `folder` is compiled, and how long a new process takes to load it."""
    (folder() / "built").write_text(f"{loading_s:.3f}", encoding="ascii")


def _compiler() -> str:
    """Return the compiler's version without importing it, which takes half a second."""
    from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415  # only where it is asked

    try:
        return version("numba")
    except PackageNotFoundError:
        return "none"


def _processor() -> str:
    """Return what the machine says of its processor: compiled loops use all it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return "".join(line for line in lines[:40] if line.startswith(("model name", "flags", "Features")))
