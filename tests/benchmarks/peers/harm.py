"""What a fix may do to the program that counts it: cost time, fill its state, raise, hang. The environment says which."""

import os
import random
import threading
import time
from pathlib import Path

_COST_S = float(os.environ.get("BENCH_FIX_MS", "0")) / 1_000
"""What each fix costs, so that a program still has something to do when a fault comes."""
PADDING = random.Random(7).randbytes(int(os.environ.get("BENCH_STATE_BYTES", "0")) // 2).hex()
"""What each state holds beside its count: a truck's has some 4 kB."""
_RAISE, _HANG = os.environ.get("BENCH_RAISE_ONCE", ""), os.environ.get("BENCH_HANG_ONCE", "")
"""A file that does not exist: the first fix of truck t007 raises, or never returns, and makes it. Empty = none does."""


def meet(truck_id: str) -> None:
    """Do what this fix shall."""
    if _COST_S:
        time.sleep(_COST_S)
    if truck_id != "t007":
        return
    if _first(_RAISE):
        raise RuntimeError("for this benchmark")
    if _first(_HANG):
        threading.Event().wait()


def _first(marker: str) -> bool:
    if not marker or Path(marker).exists():
        return False
    Path(marker).touch()
    return True
