"""The plan: who goes where, when, with what on board; what was left out and why."""

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from optimizer.problem import ProblemError, decode, plain

SCHEMA: Final = "qingyun.plan/1"

Kind = Literal["start", "collect", "tip", "break", "end"]
Code = Literal[
    "no_vehicle",
    "material",
    "skill",
    "capacity",
    "window",
    "shift",
    "unreachable",
    "facility_closed",
    "facility_full",
    "locked_vehicle",
    "daily_cap",
    "not_worth_it",
    "no_time_to_search",
]
StrandedCode = Literal["cannot_tip", "break_impossible", "committed_impossible"]


class Visit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One place of a route. ``load_kg``, ``load_l``: all compartments together, on leaving."""

    kind: Kind
    stop: str | None = None
    facility: str | None = None
    break_: str | None = msgspec.field(default=None, name="break")
    compartment: int | None = None
    location: int
    arrive_s: int
    begin_s: int
    leave_s: int
    load_kg: int
    load_l: int


class Route(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one truck does."""

    vehicle: str
    visits: list[Visit]


class Unassigned(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A stop left out: a code for machines, one sentence with the numbers that decided for people."""

    stop: str
    code: Code
    reason: str


class Stranded(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A truck for which no lawful route exists, and the one rule its route is forgiven."""

    vehicle: str
    code: StrandedCode
    reason: str


class Cost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the plan costs. ``moved`` is a number of stops; fewer ``required_left_out`` always wins."""

    total: int
    required_left_out: int
    distance_m: int
    duration_s: int
    overtime_s: int
    fixed: int
    prizes: int
    moved: int

    @property
    def rank(self) -> tuple[int, int]:
        """What plans are compared by: smaller is better."""
        return self.required_left_out, self.total


class Search(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the plan was found."""

    engine: str
    seconds: float
    iterations: int
    seed: int


class Plan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The answer to a problem."""

    schema: str = msgspec.field(default_factory=lambda: SCHEMA)  # a factory, so that it is always written
    cost: Cost
    routes: list[Route]
    unassigned: list[Unassigned]
    stranded: list[Stranded] = []
    search: Search | None = None
    meta: dict[str, Any] = {}


def hhmm(time_s: int) -> str:
    """Return a time as people read it; the day after goes on at 24:00."""
    return f"{time_s // 3600:02}:{time_s % 3600 // 60:02}"


def encode(plan: Plan) -> bytes:
    """Return ``plan`` as JSON, ending in a newline."""
    return msgspec.json.encode(plan) + b"\n"


def parse(data: bytes) -> Plan:
    """Return the plan in ``data``, JSON or gzipped JSON; whether it is a lawful one is `optimizer.check`'s business.

    Raises
    ------
    ProblemError
        For what is no plan at all.
    """
    plan = decode(plain(data), Plan)
    if plan.schema != SCHEMA:
        raise ProblemError("/schema", f"is {plan.schema!r}, expected {SCHEMA!r}")
    return plan
