"""What is true of a made day, as `truth.json` has it: violations, traps, what neither counts for nor against.

Everything here is known before the first report is made, but for `Violation.knowable_ms`: when the reports have shown it.
"""

import random
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
BEGIN_MS = 1_781_481_600_000
"""Monday, 2026-06-15, 00:00 UTC."""


@dataclass(kw_only=True)
class Violation:
    """One thing that is wrong. ``must_be`` alert: missing it is a miss; either: neither alert nor silence counts."""

    rule: str
    subject: str
    """Id of the truck or bin."""
    start_ms: int
    end_ms: int
    note: str
    must_be: Literal["alert", "either"] = "alert"
    accept: tuple[str, ...] = ()
    """Rules that count as finding it; empty = its own only."""
    knowable_ms: int | None = None

    def __post_init__(self) -> None:
        self.accept = self.accept or (self.rule,)


@dataclass(kw_only=True)
class Trap:
    """Something lawful that looks like a violation."""

    trap: str
    subject: str
    start_ms: int
    end_ms: int
    forbidden_rules: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Hardness:
    """How imperfect sensors, networks and people are."""

    name: Literal["normal", "hard"]
    surface: float
    """Scatter of a fill reading: waste is no water (share of the depth)."""
    lost_echo: float
    """Share of readings of a bin full to the brim, in the sensor's dead zone, that have no echo …"""
    false_echo: float
    """… or that of a wall, twice as far."""
    echoes: int
    """Readings in a row that a bag in front of the sensor may spoil."""
    dew_h: float
    """Longest time for which steam or dew swallows the echo."""
    sun_k: float
    """By how much the sun warms the sensor under a dark metal lid, at most."""
    lost: float
    """Share of a bin's readings that never come."""
    place_m: float
    """Scatter of a truck's fixes."""
    beside_m: float
    """Least distance of a parallel road from a zone."""
    crank_s: int
    """Longest time for which a starting engine starves the terminal."""
    lost_fix: float
    """Share of a truck's reports that never come."""


NORMAL = Hardness(
    name="normal", surface=0.01, lost_echo=0.08, false_echo=0.04, echoes=1, dew_h=2.5, sun_k=38, lost=0.01,
    place_m=4, beside_m=22, crank_s=5, lost_fix=0.001,
)  # fmt: skip
HARD = Hardness(
    name="hard", surface=0.018, lost_echo=0.2, false_echo=0.12, echoes=2, dew_h=5, sun_k=44, lost=0.05,
    place_m=7, beside_m=14, crank_s=12, lost_fix=0.005,
)  # fmt: skip


@dataclass
class Truth:
    """Everything true of a day that is judged."""

    violations: list[Violation] = field(default_factory=list)
    traps: list[Trap] = field(default_factory=list)

    def document(self, meta: dict[str, Any]) -> dict[str, Any]:
        """Return `truth.json`: trucks' and bins' ids under the names of the contract."""
        violations = [_named(one) | {"id": f"v{n}"} for n, one in enumerate(self.violations)]
        return {"meta": meta, "violations": violations, "traps": [_named(one) for one in self.traps]}


@dataclass(frozen=True, kw_only=True)
class Made:
    """A day that is made: what is true of it so far, how hard it is, its chance, and what it is to have."""

    truth: Truth
    hard: Hardness
    chance: random.Random
    violations: int
    """Of each kind."""
    traps: int
    slower: float
    """Factor on all reporting intervals."""


def _named(one: Violation | Trap) -> dict[str, Any]:
    found = asdict(one)
    subject = found.pop("subject")
    return found | {"truck_id" if subject.startswith("t") else "bin_id": subject}
