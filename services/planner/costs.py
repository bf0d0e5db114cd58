"""The cost model: what a metre, a second, a stop left out and a moved stop are worth. One unit is about 0.1 cent.

Figures are assumptions of the usual order, here in one place to be argued about; `README.md` says how they were chosen.
"""

from typing import Final

from services.planner.demand import Stop
from streams.units import HOUR_MS

PER_M: Final = 1
"""A truck's kilometre costs about 1 € (fuel, tyres, wear)."""
PER_S: Final = 2
"""An hour of a crew's time costs 7.2 €: what it could do else. Its wage is paid for the whole shift anyway."""
PER_OVERTIME_S: Final = 15
"""An hour of overtime costs 54 €: two people, with supplements."""
PER_MOVED_STOP: Final = 3_000
"""Moving a stop to another truck must save 3 km: people plan their day, and a page that changes is a page to read."""

FAIR_SHARE: Final = 1.5
"""Nobody's plan holds more than this many times the mean number of stops: metres alone would send one truck round the
whole city while the others stand, and the last bins of its round would overflow."""
LEAST_STOPS: Final = 6
"""… but so many always."""

REQUIRED_AHEAD_MS: Final = 4 * HOUR_MS
"""A bin that overflows within this time must be emptied in this plan, whatever it costs."""
REQUIRED_FILL: Final = 0.97
"""A bin this full overflows now, whatever its forecast says."""
ORDER_AHEAD_MS: Final = 10 * HOUR_MS
"""An order promised within this time must be collected in this plan."""
PRIZE_DUE: Final = 8_000
"""Leaving a due bin for later costs at least this: a detour of about 4 km with its time."""
PRIZE_URGENT: Final = 30_000
"""… and up to this more, the nearer the overflow; an order earns it whole."""
PLANNED: Final = 10_000
"""Dropping a stop that is in a running plan costs this more: plans are to be kept."""
PRIZE_FADES_MS: Final = 20 * HOUR_MS


def required(stop: Stop, now_ms: int) -> bool:
    """Whether a stop may be left out only if it cannot be helped."""
    if stop.place_kind == "order":
        return stop.due_ms is not None and stop.due_ms <= now_ms + ORDER_AHEAD_MS
    if stop.fill is not None and stop.fill >= REQUIRED_FILL:
        return True
    return stop.overflow_ms is not None and stop.overflow_ms <= now_ms + REQUIRED_AHEAD_MS


def prize(stop: Stop, now_ms: int) -> int:
    """What leaving out an optional stop costs."""
    if stop.place_kind == "order":
        return PRIZE_DUE + PRIZE_URGENT
    # No forecast is not a late one: such a bin counts as half urgent.
    ahead_ms = PRIZE_FADES_MS / 2 if stop.overflow_ms is None else stop.overflow_ms - now_ms - REQUIRED_AHEAD_MS
    urgency = min(1.0, max(0.0, 1.0 - ahead_ms / PRIZE_FADES_MS))
    return PRIZE_DUE + round(PRIZE_URGENT * urgency)
