"""Whether ``search.c`` is compiled for this machine, and where that is kept.

Compiling takes seconds, once a machine and version of the source: ``python -m optimizer build`` (`make setup` does it). A solve
never compiles; where nothing is built, another engine searches.
"""

import hashlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path
from typing import Final

FOLDER_VARIABLE: Final = "QINGYUN_OPTIMIZER_BUILD"
"""Environment: folder of the compiled search. Default: ``.build/optimizer`` beside the package."""
HOW: Final = "python -m optimizer build"
OLD_S: Final = 14 * 86_400
"""Age of libraries of other versions, checkouts or machines that share the folder."""
HERE: Final = Path(__file__).resolve().parent
FLAGS: Final = (
    "-std=c11", "-O3", "-march=native",
    "-ffp-contract=off",  # fused operations round differently: plans would differ between machines
    "-fvisibility=hidden", "-shared", "-fPIC", "-Wall", "-Wextra", "-Wconversion", "-Werror",
)  # fmt: skip


@cache
def library() -> Path:
    """Return where the library of exactly this source, these flags and this machine is kept."""
    said = hashlib.sha256()
    for source in sorted([*HERE.glob("*.h"), *HERE.glob("*.c")]):
        said.update(source.read_bytes())
    said.update(f"{FLAGS} {platform.system()} {platform.machine()} {_processor()}".encode())
    given = os.environ.get(FOLDER_VARIABLE)
    folder = Path(given) if given else HERE.parents[2] / ".build" / "optimizer"
    return folder / f"search-{said.hexdigest()[:16]}.so"


def is_built() -> bool:
    """Whether a solve may use it."""
    return library().is_file()


def build() -> None:
    """Compile, unless it is there; libraries nobody made lately go. Blocks for seconds.

    Raises
    ------
    subprocess.CalledProcessError
        The compiler's words are on standard error.
    """
    if is_built():
        return
    folder = library().parent
    folder.mkdir(parents=True, exist_ok=True)
    # the compiler's stores would otherwise be in the home folder
    with tempfile.TemporaryDirectory(dir=folder) as place:
        made = Path(place) / "search.so"
        compiler = [sys.executable, "-m", "ziglang", "cc"]
        stores = {"ZIG_GLOBAL_CACHE_DIR": place, "ZIG_LOCAL_CACHE_DIR": place}
        command = [*compiler, *FLAGS, str(HERE / "search.c"), "-o", str(made), "-lm"]
        subprocess.run(command, check=True, env={**os.environ, **stores})
        made.replace(library())
    for old in folder.glob("search-*.so"):
        if time.time() - old.stat().st_mtime > OLD_S:  # noqa: TID251  # the age of a file, not of an event
            old.unlink(missing_ok=True)  # a process that has it loaded keeps it


def _processor() -> str:
    """Return what the machine says of its processor: the library uses all it can do."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return "".join(line for line in lines[:40] if line.startswith(("model name", "flags", "Features")))
