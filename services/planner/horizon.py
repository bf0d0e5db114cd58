"""When to plan again, why, and which trucks. `broken` finds what of the running plans no longer holds.

Nothing here remembers events: a trigger is a fact about the situation (a bin that is due and in nobody's plan), so a
planner that was killed finds the same triggers again, and one whose plan was sent finds none. `Rounds` gathers them for
a moment, so ten bins make one plan, and does not ask again at once for what the last round could not mend.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from services.planner.costs import REQUIRED_AHEAD_MS
from services.planner.demand import Stop
from services.planner.geo import distance_m
from services.planner.situation import Crew, Situation, does_not_fit, planned_tips_kg
from streams.units import MINUTE_MS

LATE_MS: Final = 15 * MINUTE_MS
"""A truck later than this against its plan is planned again."""
ROUTINE_MS: Final = 30 * MINUTE_MS
"""Each material is planned again at least this often while stops wait: urgency grows, what was left out may fit."""
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
    "new_due": 4.0,
    "new_order": 2.0,
    "overflow_earlier": 2.0,
    "first_plan": 1.5,
    "shift": 1.5,
    "horizon": 4.0,
}
"""Wall seconds a reason waits for others to share its plan; those not named wait `GATHER_URGENT_S`."""
GATHER_URGENT_S: Final = 0.2

Key = tuple[str, str, object]


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """One thing that no longer holds. ``fact`` tells two such things of one subject apart; ``truck_ids`` = whom it hits.

    ``alone``: only these trucks need a new plan; else others may have to help.
    """

    reason: str
    material: str
    subject_id: str
    fact: object = None
    truck_ids: frozenset[str] = frozenset()
    alone: bool = False
    params: Mapping[str, str | int | float] = field(default_factory=dict)
    stop_id: str | None = None

    @property
    def key(self) -> Key:
        """What this trigger is about."""
        return (self.reason, self.subject_id, self.fact)


@dataclass(frozen=True, kw_only=True)
class Round:
    """One call of the optimiser to make. ``truck_ids`` None = all trucks of the material."""

    material: str
    reason: str
    params: Mapping[str, str | int | float]
    triggers: tuple[Trigger, ...]
    truck_ids: frozenset[str] | None

    def reason_for(self, truck_id: str) -> Trigger | None:
        """Return the most urgent trigger that hits a truck itself, or None."""
        own = [one for one in self.triggers if truck_id in one.truck_ids]
        return min(own, key=_urgency, default=None)


# --------------------------------------------------------------------------------------------- what no longer holds


def broken(now: Situation, late_ms: Mapping[str, int]) -> list[Trigger]:
    """Return everything of the running plans that no longer holds. ``late_ms``: lateness of trucks, where known."""
    found: list[Trigger] = []
    for crew in now.crews.values():
        found.extend(_crew(now, crew, late_ms.get(crew.truck_id, 0)))
    found.extend(_facilities_full(now))
    found.extend(_unplanned(now))
    for material in now.materials():
        found.extend(_material(now, material))
    return found


def _crew(now: Situation, crew: Crew, late_ms: int) -> Iterator[Trigger]:
    busy = any(visit.kind != "end" for visit in crew.left)
    if not crew.works:
        if busy:
            reason = crew.out if crew.out in ("sos", "breakdown") else "shift"
            yield _of(crew, str(reason), fact=crew.plan and crew.plan.plan_version)
        return
    if crew.plan is None:
        return  # `_material` asks for a plan
    if not crew.left and crew.plan.reason in ("sos", "breakdown"):
        yield _of(crew, "shift", fact=crew.plan.plan_version)  # it works again
    yield from _stops_of(now, crew)
    yield from _closed_sites(now, crew)
    if busy and late_ms > LATE_MS:
        minutes = round(late_ms / MINUTE_MS)
        yield _of(crew, "truck_late", fact=crew.plan.plan_version, minutes=minutes)


def _stops_of(now: Situation, crew: Crew) -> Iterator[Trigger]:
    in_hand = crew.next
    stop = now.stops.get(in_hand.stop_id or "") if in_hand and in_hand.kind == "collect" else None
    if stop is not None and does_not_fit(crew, stop, now.now_ms):
        fact = (crew.plan and crew.plan.plan_version, stop.stop_id)
        yield _of(crew, "truck_full", alone=True, fact=fact, load_kg=round(crew.load_kg))
    for visit in crew.left:
        resting = now.resting.get(visit.stop_id or "")
        if resting is not None:
            reason = "stop_skipped" if resting.code == "skipped" else "dispatcher"
            yield _about(
                now.stops[resting.stop_id], reason, crew, alone=True, fact=now.state.plans[crew.truck_id].plan_version
            )
            continue
        stop = now.stops.get(visit.stop_id or "")
        if stop is None:
            continue
        lock = now.state.demand.lock_of(stop)
        if lock not in (None, crew.truck_id):
            yield _about(stop, "dispatcher", crew, fact=lock)
        if _overflows_before(crew, stop, visit.arrive_ms):
            yield _about(stop, "overflow_earlier", crew, fact=stop.overflow_ms, overflow_ms=stop.overflow_ms or 0)
    yield from _vanished(now, crew)


def _overflows_before(crew: Crew, stop: Stop, arrive_ms: int) -> bool:
    """Whether news since the plan say that the bin overflows before the truck comes."""
    made_ms = crew.plan.made_ms if crew.plan else 0
    return stop.overflow_ms is not None and stop.overflow_ms < arrive_ms and stop.since_ms > made_ms


def _vanished(now: Situation, crew: Crew) -> Iterator[Trigger]:
    """Yield stops of the plan that nobody wants any more, though nobody collected them."""
    for visit in crew.plan.visits if crew.plan else ():
        stop_id = visit.stop_id
        if visit.kind == "collect" and stop_id not in now.stops and stop_id not in now.state.demand.closed:
            reason = "new_order" if visit.order_id else "new_due"
            yield _of(
                crew, reason, alone=True, subject_id=str(stop_id), fact="not wanted", name=visit.name or str(stop_id)
            )


def _closed_sites(now: Situation, crew: Crew) -> Iterator[Trigger]:
    for visit in crew.left:
        if visit.kind != "tip" or visit.facility_id is None:
            continue
        site = now.state.reference.facilities.get(visit.facility_id, now.now_ms)
        begin_ms = max(visit.begin_ms or visit.arrive_ms, now.now_ms)
        open_ = now.state.reference.open_hours(site, now.state.span(now.now_ms)) if site else []
        if not any(begin <= begin_ms <= end for begin, end in open_):
            until_ms = site.closed_until_ms if site else None
            name = (site.name if site else None) or visit.facility_id
            yield _of(crew, "facility_closed", subject_id=visit.facility_id, fact=(until_ms, crew.truck_id),
                      facility_id=visit.facility_id, name=name)  # fmt: skip
            return


def _facilities_full(now: Situation) -> Iterator[Trigger]:
    coming = planned_tips_kg(now.crews.values())
    for site in now.state.reference.facilities.all(now.now_ms):
        if site.daily_kg is None or not coming.get(site.id):
            continue
        room_kg = site.daily_kg - now.state.weighed_today_kg(site.id, now.now_ms)
        # A plan fits when it is made; weights then differ a little from what was expected.
        if sum(coming[site.id].values()) <= room_kg + 0.01 * site.daily_kg:
            continue
        for truck_id in coming[site.id]:
            yield _of(now.crews[truck_id], "facility_full", subject_id=site.id, fact=(round(room_kg, -3), truck_id),
                      facility_id=site.id, name=site.name or site.id)  # fmt: skip


def _unplanned(now: Situation) -> Iterator[Trigger]:
    """Yield stops in nobody's plan, unless the last run of their material has already said why."""
    for stop_id, stop in now.stops.items():
        if stop_id in now.planned or stop_id in now.resting:
            continue
        run = now.state.runs.get(stop.material)
        said = run is not None and any(one.stop_id == stop_id and one.code not in _OURS for one in run.left_out)
        overruled_ms = _overruled_ms(now, stop)
        if run is not None and overruled_ms > run.made_ms:
            yield _stop(stop, "dispatcher", fact=overruled_ms)
        elif run is None or not said or stop.since_ms > run.made_ms:
            yield _stop(stop, "new_order" if stop.place_kind == "order" else "new_due", fact=stop.since_ms)


_OURS: Final = ("skipped", "excluded")
"""Codes of stops that were not offered to the optimiser."""


def _overruled_ms(now: Situation, stop: Stop) -> int:
    """When a dispatcher last overruled something about a stop; 0 = never."""
    demand = now.state.demand
    found = [
        kept[key].at_ms
        for key in (stop.stop_id, stop.place_id)
        for kept in (demand.locks, demand.excluded)
        if key in kept
    ]
    return max(found, default=0)


def _material(now: Situation, material: str) -> Iterator[Trigger]:
    crews = [crew for crew in now.crews_of(material) if crew.works]
    waiting = now.open_stops(material)
    new = [crew for crew in crews if crew.plan is None and (waiting or crew.load_kg)]
    if new:
        reason = "first_plan" if len(new) == len(crews) else "shift"
        yield Trigger(
            reason=reason, material=material, subject_id=material, fact=tuple(crew.truck_id for crew in new),
            truck_ids=frozenset(crew.truck_id for crew in new),
        )  # fmt: skip
    run = now.state.runs.get(material)
    wish = now.state.demand.replan.get(material)
    if wish is not None and (run is None or wish.at_ms > run.made_ms):
        yield Trigger(reason="dispatcher", material=material, subject_id=material, fact=wish.action_id)
    if run is not None and waiting and crews and now.now_ms - run.made_ms >= ROUTINE_MS:
        yield Trigger(reason="horizon", material=material, subject_id=material, fact=run.made_ms)


def _of(
    crew: Crew, reason: str, *, alone: bool = False, subject_id: str | None = None, fact: object = None,
    **params: str | float,
) -> Trigger:  # fmt: skip
    return Trigger(
        reason=reason, material=crew.material, subject_id=subject_id or crew.truck_id, fact=fact,
        truck_ids=frozenset({crew.truck_id}), alone=alone, params={"truck_id": crew.truck_id, **params},
    )  # fmt: skip


def _about(
    stop: Stop, reason: str, crew: Crew, *, alone: bool = False, fact: object = None, **params: float
) -> Trigger:
    return Trigger(
        reason=reason, material=stop.material, subject_id=stop.stop_id, fact=fact, stop_id=stop.stop_id,
        truck_ids=frozenset({crew.truck_id}), alone=alone,
        params={"stop_id": stop.stop_id, "name": stop.name or stop.stop_id, "truck_id": crew.truck_id, **params},
    )  # fmt: skip


def _stop(stop: Stop, reason: str, fact: object) -> Trigger:
    return Trigger(
        reason=reason, material=stop.material, subject_id=stop.stop_id, fact=fact, stop_id=stop.stop_id,
        params={"stop_id": stop.stop_id, "name": stop.name or stop.stop_id},
    )  # fmt: skip


def _urgency(trigger: Trigger) -> int:
    return URGENCY.index(trigger.reason)


# --------------------------------------------------------------------------------------------- gathering


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

    def tried(self, done: Round, now_ms: int) -> None:
        """Take note that a round was made: its triggers are not asked again for a while, should they remain."""
        for one in done.triggers:
            self._tried_until_ms[one.key] = now_ms + RETRY_MS
            self._first_seen_s.pop(one.key, None)


def _gather_s(reason: str) -> float:
    return GATHER_S.get(reason, GATHER_URGENT_S)


def _round(triggers: list[Trigger], now: Situation, material: str) -> Round:
    lead = min(triggers, key=_urgency)
    return Round(
        material=material, reason=lead.reason, params=lead.params, triggers=tuple(triggers),
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
        if one.reason in _ALL_TRUCKS or (one.reason == "dispatcher" and stop is None):
            return None
        chosen |= one.truck_ids
        if stop is not None and not one.alone:
            chosen |= _nearest(stop, crews, now)
    return None if len(chosen) >= len(crews) else frozenset(chosen)


def _nearest(stop: Stop, crews: Iterable[Crew], now: Situation) -> set[str]:
    lock = now.state.demand.lock_of(stop)
    if lock is not None:
        return {lock}
    able = [crew for crew in crews if stop.truck_ids is None or crew.truck_id in stop.truck_ids]
    if stop.overflow_ms is not None and stop.overflow_ms <= now.now_ms + REQUIRED_AHEAD_MS and len(able) <= 2 * NEARBY:
        return {crew.truck_id for crew in able}
    return {crew.truck_id for crew in sorted(able, key=lambda crew: _passes_m(crew, stop, now))[:NEARBY]}


def _passes_m(crew: Crew, stop: Stop, now: Situation) -> float:
    """How near a truck's running plan passes a stop, in a straight line."""
    place = crew.place(now.state, now.now_ms)
    places = [(visit.lon, visit.lat) for visit in crew.left] + ([place] if place else [])
    return min((distance_m(one, stop.place) for one in places), default=float("inf"))
