"""Gathers triggers into rounds: one call of the optimiser each. When it is time, and which trucks take part.

Ten bins that become due make one plan. What a round could not mend is not asked about again at once.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.planner.costs import REQUIRED_AHEAD_MS
from services.planner.demand import Stop
from services.planner.geo import distance_m
from services.planner.horizon import Key, Trigger
from services.planner.situation import Crew, Situation
from streams.units import MINUTE_MS

RETRY_MS: Final = 10 * MINUTE_MS
"""What the last round could not mend is tried again after this."""
NEARBY: Final = 4
"""How many trucks are planned anew for a new stop: those that already pass nearest to it."""

URGENCY: Final = (
    "sos",
    "breakdown",
    "facility_closed",
    "facility_full",
    "truck_full",
    "stop_skipped",
    "dispatcher",
    "truck_late",
    "overflow_earlier",
    "first_plan",
    "shift",
    "new_order",
    "new_due",
    "horizon",
)
"""Reasons by urgency: the first of a round is the round's."""
GATHER_S: Final[Mapping[str, float]] = {
    "new_due": 2.5,
    "new_order": 2.0,
    "overflow_earlier": 2.0,
    "first_plan": 1.5,
    "shift": 1.5,
    "horizon": 2.5,
}
"""Wall seconds a reason waits for others to share its plan; those not named wait `GATHER_URGENT_S`."""
GATHER_URGENT_S: Final = 0.2


_INSERTED: Final = ("new_due", "new_order", "stop_skipped")


@dataclass(frozen=True, kw_only=True)
class Round:
    """One call of the optimiser to make. ``truck_ids`` None = all trucks of the material."""

    material: str
    reason: str
    params: Mapping[str, str | int | float]
    triggers: tuple[Trigger, ...]
    truck_ids: frozenset[str] | None

    @property
    def only_inserts(self) -> bool:
        """Whether stops only come or go one by one: then no other truck, and no order of stops, needs to change."""
        return all(one.reason in _INSERTED for one in self.triggers)

    def reason_for(self, truck_id: str) -> Trigger | None:
        """Return the most urgent trigger that hits a truck itself, or None."""
        return self._first(one for one in self.triggers if truck_id in one.truck_ids)

    def reason_why(self, truck_id: str, added: Collection[str]) -> tuple[str, Mapping[str, str | int | float]]:
        """Return why a truck has a new plan, and its parameters. ``added``: stops it did not have before.

        What hits the truck itself, else what brought it a stop or all trucks have to help with, whichever is more
        urgent; what concerns other trucks alone only where nothing else is left.
        """
        own = self.reason_for(truck_id)
        if own is not None:
            return own.reason, own.params
        other = self._first(
            one for one in self.triggers if one.stop_id in added or (one.reason in _ALL_TRUCKS and not one.alone)
        ) or self._first(one for one in self.triggers if not one.alone)
        if other is None or other.reason == self.reason:
            return self.reason, self.params
        return other.reason, other.params

    def _first(self, triggers: Iterable[Trigger]) -> Trigger | None:
        return min(triggers, key=_urgency, default=None)


def _urgency(trigger: Trigger) -> int:
    return URGENCY.index(trigger.reason)


@dataclass
class Rounds:
    """Gathers triggers into rounds. Wall seconds are handed in; nothing here is kept over a restart, or needs to be."""

    _first_seen_s: dict[Key, float] = field(default_factory=dict)
    _tried_until_ms: dict[Key, int] = field(default_factory=dict)

    def next(self, triggers: Iterable[Trigger], now: Situation, wall_s: float) -> Round | None:
        """Return the most urgent round whose time to gather is over, or None."""
        asking = {one.key: one for one in triggers}
        self._tried_until_ms = {
            key: until_ms for key, until_ms in self._tried_until_ms.items() if key in asking and now.now_ms < until_ms
        }
        live = {key: one for key, one in asking.items() if key not in self._tried_until_ms}
        self._first_seen_s = {key: self._first_seen_s.get(key, wall_s) for key in live}
        ripe = [one for one in live.values() if wall_s - self._first_seen_s[one.key] >= _gather_s(one.reason)]
        if not ripe:
            return None
        material = min(ripe, key=lambda one: (_urgency(one), self._first_seen_s[one.key])).material
        return _round([one for one in live.values() if one.material == material], now, material)

    def urgent_waits(self, triggers: Iterable[Trigger], at_work: Round) -> bool:
        """Whether something that waits for nobody, and was not just tried, is more urgent than the round at work."""
        limit = URGENCY.index(at_work.reason)
        return any(
            one.reason not in GATHER_S and _urgency(one) < limit and one.key not in self._tried_until_ms
            for one in triggers
        )

    def tried(self, done: Round, now_ms: int) -> None:
        """Take note that a round was made: its triggers are not asked again for a while, should they remain."""
        for one in done.triggers:
            self._tried_until_ms[one.key] = now_ms + RETRY_MS
            self._first_seen_s.pop(one.key, None)


def _gather_s(reason: str) -> float:
    return GATHER_S.get(reason, GATHER_URGENT_S)


def _round(triggers: list[Trigger], now: Situation, material: str) -> Round:
    lead = min(triggers, key=_urgency)
    alike = sum(one.reason == lead.reason for one in triggers)
    return Round(
        material=material, reason=lead.reason, params={**lead.params, "count": alike}, triggers=tuple(triggers),
        truck_ids=_whom(triggers, now, material),
    )  # fmt: skip


_ALL_TRUCKS: Final = frozenset(
    {"first_plan", "shift", "horizon", "sos", "breakdown", "facility_closed", "facility_full", "truck_late"}
)


def _whom(triggers: Iterable[Trigger], now: Situation, material: str) -> frozenset[str] | None:
    """Which trucks a round plans anew: those that are hit, and for a stop those that pass nearest; None = all."""
    crews = [crew for crew in now.crews_of(material) if crew.works]
    chosen: set[str] = set()
    for one in triggers:
        stop = now.stops.get(one.stop_id or "")
        if (one.reason in _ALL_TRUCKS and not one.alone) or (one.reason == "dispatcher" and stop is None):
            return None
        chosen |= one.truck_ids
        if stop is not None and not one.alone:
            chosen |= _nearest(stop, crews, now)
    return None if len(chosen) >= len(crews) else frozenset(chosen)


def _nearest(stop: Stop, crews: Iterable[Crew], now: Situation) -> set[str]:
    lock = now.state.demand.lock_of(stop, now.now_ms)
    if lock is not None:
        return {lock}
    able = [crew for crew in crews if stop.truck_ids is None or crew.truck_id in stop.truck_ids]
    fair = now.fair_stops(stop.material)
    able = [crew for crew in able if sum(visit.kind == "collect" for visit in crew.left) < fair] or able
    if stop.overflow_ms is not None and stop.overflow_ms <= now.now_ms + REQUIRED_AHEAD_MS and len(able) <= 2 * NEARBY:
        return {crew.truck_id for crew in able}
    return {crew.truck_id for crew in sorted(able, key=lambda crew: _passes_m(crew, stop, now))[:NEARBY]}


def _passes_m(crew: Crew, stop: Stop, now: Situation) -> float:
    """How near a truck's running plan passes a stop, in a straight line."""
    place = crew.place(now.state, now.now_ms)
    places = [(visit.lon, visit.lat) for visit in crew.left] + ([place] if place else [])
    return min((distance_m(one, stop.place) for one in places), default=float("inf"))
