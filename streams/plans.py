"""What a truck's plans allow: near the path of the plan in force, leaving the permit's corridor is lawful."""

from typing import Final

from msgspec import Struct

from streams import events, geo

EXEMPT_M: Final = 50.0
"""Contract: within 50 m of a plan's path counts as allowed."""
KEPT: Final = 6
"""Plans kept in state; more than arrive within any lateness that is waited for."""
MOST_POINTS: Final = 20_000
"""Of one path: 400 km at 20 m. A longer one is no truck's day."""
_MOST_KEPT: Final = 40_000
"""Points of all paths kept together: they are part of the state (400 kB)."""


class KeptPlan(Struct, array_like=True):
    """The part of a plan that rules need. ``path`` is packed (`streams.geo.pack_lines`); None exempts nothing."""

    made_ms: int
    version: int
    path: tuple[tuple[int, ...], ...] | None


def keep(plans: list[KeptPlan], plan: events.TruckPlan) -> None:
    """Take a plan in, by its time; the same again changes nothing.

    Raises
    ------
    BadGeometry
        If its path is none.
    """
    if any(kept.version == plan.plan_version for kept in plans):
        return
    path = None if plan.path is None else geo.pack_lines(geo.lines_of(plan.path))
    if (points := _points(path)) > MOST_POINTS:
        raise geo.BadGeometry(f"the path has {points} points, at most {MOST_POINTS} are followed: leave out some")
    plans.append(KeptPlan(plan.made_ms, plan.plan_version, path))
    plans.sort(key=lambda kept: (kept.made_ms, kept.version))
    del plans[:-KEPT]
    while len(plans) > 1 and sum(_points(kept.path) for kept in plans) > _MOST_KEPT:
        del plans[0]


def _points(path: tuple[tuple[int, ...], ...] | None) -> int:
    return sum(len(line) for line in path or ()) // 2


def in_force(plans: list[KeptPlan], time_ms: int) -> KeptPlan | None:
    """Return the newest plan made not after ``time_ms``."""
    for kept in reversed(plans):
        if kept.made_ms <= time_ms:
            return kept
    return None


def exempts(plans: list[KeptPlan], time_ms: int, place: geo.LonLat, handover_ms: int) -> bool:
    """True if the place is within `EXEMPT_M` of the path of the plan in force.

    For ``handover_ms`` after a new plan was made the one before counts as well: the driver is still on its road, and
    hears of the new one only when the phone does.
    """
    made_ms = time_ms
    for kept in reversed(plans):
        if kept.made_ms > time_ms:
            continue
        if time_ms - made_ms > handover_ms:
            return False
        if kept.path is not None and geo.packed_road(kept.path, EXEMPT_M).distance_m(*place) is not None:
            return True
        made_ms = kept.made_ms
    return False
