"""One exception, once, for programs that are to survive it."""

import os
from pathlib import Path

_MARKER = os.environ.get("BENCH_RAISE_ONCE", "")
"""A file that does not exist: the first fix of truck t007 raises, and makes it. Empty = none does."""


def once(truck_id: str) -> None:
    """Raise if this is the fix that shall."""
    if _MARKER and truck_id == "t007" and not Path(_MARKER).exists():
        Path(_MARKER).touch()
        raise RuntimeError("for this benchmark")
