"""The door to ``search.c``: compiled once a machine, loaded in a millisecond. Everything it works on is owned here."""

import ctypes
from ctypes import POINTER, byref, c_double, c_int64, c_uint64, c_void_p
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.engines.compiled import built
from optimizer.engines.compiled.tables import CLASS, NEVER, STOP, TRUCK, Numbers, Tables

SETS: Final = 16
PLACE: Final = np.dtype(
    [
        ("node", "i8"), ("first", "i8"), ("chain", "f8"), ("leg", "f8"), ("tipped", "f8"), ("fresh", "f8"), ("going", "f8"), ("after", "f8"),
        ("rest", "f8"), ("kg", "f8"), ("litres", "f8"),
    ]
)  # fmt: skip
ROUTE: Final = np.dtype([("length", "i8"), ("cost", "f8"), ("count", "i8"), ("tips", "i8")])
WHERE: Final = np.dtype([("truck", "i8"), ("place", "i8")])
WAY: Final = np.dtype([("truck", "i8"), ("place", "i8"), ("bound", "f8"), ("known", "i8")])
REST: Final = np.dtype([("leave", "f8", SETS), ("taken", "i1", SETS), ("pauses", "i8")])
TIP: Final = np.dtype([("facility", "i8"), ("begin", "f8"), ("leave", "f8")])
CHANGE: Final = np.dtype([("at", "f8"), ("more", "i8"), ("truck", "i8")])
FAILED: Final = np.dtype([("look", "i8"), ("count", "i8")])
BESIDE: Final = 20
"""Neighbours beside which a stop is tried, at most."""


class Manner(NamedTuple):
    """How a step is done: stops taken out on average, of one string at most, and beside how many neighbours each is tried."""

    removed: float
    longest: float
    beside: int


_SIZES: Final = ("stops", "facilities", "trucks", "nodes", "classes", "near", "width", "limited", "docked")
_TABLES: Final = (
    "cost", "time", "over", "beside", "stop", "truck", "klass", "window_from", "window", "neighbour", "serve", "break_s", "remaining_kg",
    "docks", "fixed", "fixed_from", "free_from",
)  # fmt: skip


class _Tables(ctypes.Structure):
    _fields_ = (*((name, c_int64) for name in _SIZES), *((name, c_void_p) for name in _TABLES))


_ARRAYS: Final = (
    "row", "route", "given_kg", "given_all_kg", "now", "touched", "where", "looked", "visits", "best", "best_visits",
    "best_tips", "best_tip_count", "tips", "change", "changes", "hours", "free",
    "trial", "trial_visits", "trial_kg", "trial_tips", "rest", "queue", "todo", "order", "way", "failed",
)  # fmt: skip


class _State(ctypes.Structure):
    _fields_ = (
        *((name, c_void_p) for name in _ARRAYS),
        ("energy", c_double),
        ("best_energy", c_double),
        ("beside", c_int64),
        ("looks", c_int64),
        ("improved", c_int64),
        ("trial_count", c_int64),
        ("trial_tip_count", c_int64),
        ("trial_from", c_int64),
        ("trial_until", c_int64),
        ("chance", c_uint64),
    )


def _library() -> Any:
    return _loaded(built.library())


@cache
def _loaded(path: Path) -> Any:
    library = ctypes.CDLL(str(path))
    records = (STOP, CLASS, TRUCK, PLACE, ROUTE, WHERE, WAY, REST, TIP, CHANGE, FAILED)
    ours = [ctypes.sizeof(_Tables), ctypes.sizeof(_State), *(record.itemsize for record in records)]
    if ours != list((c_int64 * len(ours)).in_dll(library, "sizes")):
        raise RuntimeError("native.py and tables.py do not have the records of search.c")
    tables, state = POINTER(_Tables), POINTER(_State)
    library.start.argtypes = (tables, state, c_void_p, c_void_p)
    library.start.restype = None
    library.search.argtypes = (tables, state, c_int64, c_double, c_double, c_double, c_int64)
    library.search.restype = None
    library.best_visits.argtypes = (tables, state, c_int64, c_void_p)
    library.best_visits.restype = c_int64
    library.forwards.argtypes = (tables, c_int64, c_void_p, c_int64, c_void_p, c_int64)
    library.forwards.restype = c_double
    library.backwards.argtypes = (tables, c_int64, c_void_p, c_int64, c_void_p, c_int64)
    library.backwards.restype = None
    library.with_one_more.argtypes = (tables, c_int64, c_void_p, c_int64, c_int64, c_int64)
    library.with_one_more.restype = c_double
    return library


class Search:
    """A plan that is searched. Not to be used by two threads at once; two searches may be."""

    def __init__(self, t: Tables, seed: int) -> None:
        k, n, m, width = len(t.truck), t.stops, t.facilities, t.width
        self.tables = t
        self._native = _library()
        self._t = _Tables(
            n, m, k, t.cost.shape[-1], len(t.klass), t.neighbour.shape[1], width, bool(t.remaining_kg.size), t.docked,
            *(getattr(t, name).ctypes.data for name in _TABLES),
        )  # fmt: skip
        self.where = np.full(n, -1, dtype=WHERE)
        self.best: Numbers = np.zeros((k, width), dtype=np.int64)  # of each truck: how many stops, and they
        self.routes = np.zeros((k, 2), dtype=ROUTE)
        self.now: Numbers = np.zeros(k, dtype=np.int64)
        self._best_tips = np.zeros((k, width), dtype=TIP)
        self._best_tip_count: Numbers = np.zeros(k, dtype=np.int64)
        long = 2 * width + 2  # visits of a row at most
        self._arrays = {
            "row": np.zeros((k, 2, width), dtype=PLACE), "route": self.routes, "given_kg": np.zeros((k, 2, m)),
            "given_all_kg": np.zeros(m), "now": self.now, "touched": np.zeros(k, dtype=np.int64), "where": self.where,
            "looked": np.zeros((k, width), dtype=np.int64), "visits": np.zeros((k, 2, long), dtype=np.int64),
            "best": self.best, "best_visits": np.zeros((k, long + 1), dtype=np.int64),
            "best_tips": self._best_tips, "best_tip_count": self._best_tip_count, "tips": np.zeros((k, 2, width), dtype=TIP),
            "change": np.zeros((m, 2 * (n + k + len(t.fixed))), dtype=CHANGE), "changes": np.zeros(m, dtype=np.int64),
            "hours": np.zeros((len(t.window_from), 2), dtype=np.int64), "free": np.zeros((int(t.free_from[-1]), 2)),
            "trial": np.zeros(width, dtype=PLACE), "trial_visits": np.zeros(long, dtype=np.int64),
            "trial_kg": np.zeros(m), "trial_tips": np.zeros(width, dtype=TIP), "rest": np.zeros(long, dtype=REST), "queue": np.zeros(width, dtype=np.int64),
            "todo": np.zeros(n, dtype=np.int64), "order": np.zeros(n), "way": np.zeros(2 * BESIDE + 2 * k, dtype=WAY),
            "failed": np.zeros(k, dtype=FAILED),
        }  # fmt: skip
        chance = (seed * 0x9E3779B97F4A7C15 + 0x1234567) % (1 << 64) or 1
        self._s = _State(
            *(self._arrays[name].ctypes.data for name in _ARRAYS), NEVER, NEVER, BESIDE, 0, 0, 0, 0, 1, 0, chance
        )
        self._visits: Numbers = np.zeros(long, dtype=np.int64)

    @property
    def energy(self) -> float:
        """Cost of the best plan, with the prices of what it leaves out."""
        return float(self._s.best_energy)

    @property
    def cost_of_ways(self) -> float:
        """Cost of the plan that counts, without prices and what it costs to use a truck at all."""
        now = self.routes[np.arange(len(self.now)), self.now]
        return float((now["cost"] - np.where(now["length"] > 0, self.tables.truck["fixed"], 0.0)).sum())

    @property
    def assigned(self) -> int:
        """Stops that the plan that counts serves."""
        return int((self.where["truck"] >= 0).sum())

    @property
    def improved(self) -> int:
        """How often there was a better plan."""
        return int(self._s.improved)

    def start(self, elsewhere: NDArray[np.bool_], rows: Numbers) -> None:
        """Set the plan; ``elsewhere``: stops that no truck here may serve; ``rows`` as `best`."""
        self._native.start(byref(self._t), byref(self._s), elsewhere.ctypes.data, rows.ctypes.data)

    def search(self, steps: int, temperature: float, manner: Manner) -> None:
        """Go so many steps. Blocks; other Python threads go on."""
        self._native.search(
            byref(self._t),
            byref(self._s),
            steps,
            temperature,
            manner.removed,
            manner.longest,
            min(manner.beside, BESIDE),
        )

    def visits(self, truck: int) -> list[int] | None:
        """Return a truck's visits in the best plan; None if its tips find no place."""
        count = self._native.best_visits(byref(self._t), byref(self._s), truck, self._visits.ctypes.data)
        return None if count < 0 else self._visits[:count].tolist()

    def tips(self, truck: int) -> list[tuple[int, int, int]]:
        """Return facility, begin and leave (s) of a truck's unloadings in the best plan where docks are counted."""
        rows = self._best_tips[truck, : self._best_tip_count[truck]].tolist()
        return [(facility, int(begin), int(leave)) for facility, begin, leave in rows]
