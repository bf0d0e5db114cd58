"""The rules. `RULES` is the whole list; each is one file that knows none of the others.

A rule is a module with ``NAME``, ``VERSION``, a ``Memory`` (what it remembers of one truck) and ``judge``: one fix in,
at most one finding out. Rules of safety also ``hear`` what drivers say; `call` is what these two share, `on_the_road` what those of
permits do, `explain` what all do. A rule of time also judges silence, or
``look``s at loads that stay open; rules that ``weigh`` judge receipts, some nothing else. To
add a rule: its file, its word in `JUDGING` or `WEIGHING`.
"""

from collections.abc import Sequence
from typing import Any, Final, Protocol, runtime_checkable

from msgspec import defstruct, field

from streams import events, geo
from streams.alerts import Finding
from streams.bin_moment import BinMoment
from streams.events import RuleName
from streams.moment import Moment
from streams.overdue import Look
from streams.receipts import Receipt
from streams.rules import (
    bin_fire,
    bin_moved,
    bin_overflow,
    bin_sensor,
    breakdown,
    dark_truck,
    forbidden_zone,
    illegal_dump,
    mass_balance,
    no_permit,
    off_route,
    outside_hours,
    overload,
    overspeed,
    sensor_fault,
    sos,
    spillage,
    tamper,
    uncovered_load,
    wrong_facility,
)
from streams.rules.gates import Gate
from streams.rules.thresholds import Thresholds
from streams.silence import Silence


class Remembering(Protocol):
    """What every rule's module offers."""

    __name__: str

    @property
    def NAME(self) -> RuleName:  # noqa: N802  # a module's constant
        """Name of the rule, as the contract has it."""

    @property
    def VERSION(self) -> str:  # noqa: N802  # a module's constant
        """Changes with every change of judgement."""

    @property
    def Memory(self) -> Any:  # noqa: N802  # a module's class
        """What the rule remembers of one truck or bin; made without arguments."""


class Rule(Remembering, Protocol):
    """A rule that judges fixes."""

    def judge(self, memory: Any, moment: Moment, limits: Thresholds, /) -> Finding | Gate[Moment] | None:
        """Judge one fix of a truck; fixes come in order of event time.

        Returns
        -------
        What is to be said now; or the gate that the fix did not pass; or None: the rule watches, or has spoken, and there is
        nothing new to say.
        """


@runtime_checkable
class ThinkingRule(Protocol):
    """A rule that can tell how near it is to speaking. All that judge fixes do, but those that speak at once."""

    def thoughts(self, memory: Any, moment: Moment, limits: Thresholds, /) -> tuple[events.Condition, ...]:
        """Return the conditions of what it watches, where `judge` returned None and it has not spoken: it speaks when all are met.

        `judge` decides by the same ones, and tells them in ``because``.
        """


class HearingRule(Rule, Protocol):
    """A rule that also judges what drivers say."""

    def hear(self, memory: Any, action: events.DriverAction, place: geo.LonLat | None, /) -> Finding | None:
        """Judge a driver's action at once, whatever fixes are still waited for."""

    def calls(self, fix: events.TruckState, /) -> events.Condition | None:
        """Return what calls for help on a fix; None = nothing does."""


class ReconsideringRule(Rule, Protocol):
    """A rule that a late fix may take the ground from: from its last alert, or from what it is about to say."""

    def reconsider(
        self, memory: Any, alert: events.Alert | None, fix: events.TruckState, time_ms: int, /
    ) -> Finding | None:
        """Judge again, knowing a fix that came too late to be judged in order. ``alert``: the last, not cancelled."""


class TimedRule(Rule, Protocol):
    """A rule that also judges that nothing comes."""

    def pass_time(self, memory: Any, silence: Silence, limits: Thresholds, /) -> Finding | None:
        """Judge that a loaded truck was not heard of for `Thresholds.dark_unheard_s`: once a silence."""


class BinRule(Remembering, Protocol):
    """A rule of bins."""

    def judge(self, memory: Any, moment: BinMoment, limits: Thresholds, /) -> Finding | None:
        """Judge one reading of a bin; readings come in order of event time."""


class WeighingRule(Remembering, Protocol):
    """A rule that judges receipts."""

    def weigh(self, memory: Any, receipt: Receipt, limits: Thresholds, /) -> Finding | Gate[Receipt]:
        """Judge one receipt of a load: what is to be said, or why there is nothing."""


class OpenLoadsRule(Remembering, Protocol):
    """A rule that judges what of loads stays open."""

    def look(self, memory: Any, seen: Look, limits: Thresholds, /) -> list[Finding]:
        """Judge open loads: when time has passed, a receipt came, or a load's way is over."""


BIN_RULES: Final[tuple[BinRule, ...]] = (bin_fire, bin_overflow, bin_moved, bin_sensor)
HEARING: Final[tuple[HearingRule, ...]] = (sos, breakdown)
TIMED: Final[tuple[TimedRule, ...]] = (dark_truck,)
WEIGHING: Final[tuple[WeighingRule, ...]] = (overload, mass_balance, wrong_facility)
LOOKING: Final[tuple[OpenLoadsRule, ...]] = (mass_balance,)
RECONSIDERING: Final[tuple[ReconsideringRule, ...]] = (illegal_dump, dark_truck)
JUDGING: Final[tuple[Rule, ...]] = (
    *HEARING,
    illegal_dump,
    spillage,
    uncovered_load,
    off_route,
    forbidden_zone,
    outside_hours,
    no_permit,
    overload,
    tamper,
    overspeed,
    sensor_fault,
    dark_truck,
)
RULES: Final[tuple[Remembering, ...]] = tuple(dict.fromkeys((*JUDGING, *WEIGHING)))
"""All of trucks."""


def memory_name(rule: Remembering) -> str:
    """Name of a rule's memory among `memories_of`, and in stored states: its module's."""
    return rule.__name__.rpartition(".")[2]


def memories_of(rules: Sequence[Remembering], module: str) -> Any:
    """Return the struct of what each of these rules remembers. A rule that is new starts without memory."""
    fields = [(memory_name(rule), rule.Memory, field(default_factory=rule.Memory)) for rule in rules]
    return defstruct("Memories", fields, module=module)
