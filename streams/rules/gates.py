"""Gates: what must hold before a rule looks at a fix at all. The first that does not hold is why it says nothing.

A rule returns the gate it stopped at where it would return a finding: the reason is told where the judgement is made, not
beside it. What was measured there is asked for by whoever looks into a day (`streams.inspection`), never while judging.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import Struct

from streams.assets import nearest_first
from streams.events import Condition
from streams.moment import RESTING_MPS, Moment
from streams.receipts import Receipt
from streams.rules.thresholds import Thresholds


class Gate[Seen](Struct, frozen=True):
    """One gate of a rule. `said` asks it what was measured, right after the rule stopped at it."""

    condition: str
    """What would have to hold, for people."""
    measured: Callable[[Any, Seen, Thresholds], float | str]
    """From the rule's memory, what it saw, and its limits."""
    limit: Callable[[Thresholds], float] | None = None
    """The threshold that is not reached, or kept; None = it is no number."""
    unit: str | None = None

    def said(self, memory: Any, seen: Seen, limits: Thresholds) -> Condition:
        """Return the condition that does not hold."""
        measured = self.measured(memory, seen, limits)
        return Condition(
            condition=self.condition,
            measured=measured if isinstance(measured, str) else round(float(measured), 1),
            limit=None if self.limit is None else round(self.limit(limits), 1),
            unit=self.unit,
            met=False,
        )


def kmh(moment: Moment) -> float | str:
    """Return the speed as people know it."""
    return "not known" if moment.fix.speed_mps is None else moment.fix.speed_mps * 3.6


def kg(moment: Moment) -> float | str:
    """Return the load of the moment."""
    return "not known" if moment.load.kg is None else moment.load.kg


def _why_no_place(_memory: Any, moment: Moment, _limits: Thresholds) -> str:
    if moment.fix.mocked:
        return "made up, as the device itself says"
    return "a jump no truck can drive" if moment.fix.fix and moment.fix.lon is not None else "no fix"


def _why_unreadable(_memory: Any, moment: Moment, _limits: Thresholds) -> str:
    if moment.fix.sensor_health.load != "ok":
        return moment.fix.sensor_health.load
    if moment.fix.load_kg is None:
        return "no reading"
    return "stuck" if moment.load.stuck else "engine off"


def _silence(moment: Moment) -> float | str:
    """Say for how long nothing came before this fix, and what explains it."""
    lasted_s = (moment.time_ms - moment.since_ms) / 1000
    if moment.after_gap:
        return f"{lasted_s:.0f} s, and reports are missing: the network lost them"
    return f"{lasted_s:.0f} s by a clock that was corrected" if moment.clock_moved else lasted_s


def place_here(moment: Moment) -> str:
    """Name the nearest registered place."""
    here = sorted([*moment.near, *moment.bins()], key=nearest_first)
    return next((f"{place.name} ({distance_m:.0f} m)" for distance_m, place in here), "none near")


NOT_LOADED: Final = Gate[Moment]("loaded", lambda _, moment, __: str(moment.cargo.state))
NO_PLACE: Final = Gate[Moment]("a place that can be believed", _why_no_place)
STANDING: Final = Gate[Moment](
    "driving faster than walking pace", lambda _, moment, __: kmh(moment), lambda _: RESTING_MPS * 3.6, "km/h"
)
MAINTENANCE: Final = Gate[Moment]("not under maintenance", lambda *_: "maintenance")
REPORTS: Final = Gate[Moment](
    "silence of the terminal, no report missing",
    lambda _, moment, __: _silence(moment),
    lambda limits: limits.dark_s,
    "s",
)
LOAD_UNREADABLE: Final = Gate[Moment]("a load sensor that can be read", _why_unreadable)
NO_PERMIT: Final = Gate[Moment]("a permit in force for this load", lambda *_: "none")
NO_PAYLOAD: Final = Gate[Moment]("a permitted load on record", lambda *_: "none")
NOT_TAKEN: Final = Gate[Receipt](
    "a load that the facility took",
    lambda _, receipt, __: "outbound" if not receipt.weighing.inbound else "rejected",
)
