"""What of the running plans no longer holds, and why: `broken`. Each is a reason to plan again.

Nothing here remembers events: a trigger is a fact about the situation (a bin that is due and in nobody's plan), so a
planner that was killed finds the same triggers again, and one whose plan was sent finds none.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from services.planner.demand import Stop, overflows_earlier
from services.planner.situation import Crew, Situation, does_not_fit, planned_tips_kg
from streams.events import LeftOut
from streams.units import MINUTE_MS

LATE_MS: Final = 15 * MINUTE_MS
"""A truck later than this against its plan is planned again."""
ROUTINE_MS: Final = 30 * MINUTE_MS
"""Each material is planned again at least this often while stops wait: urgency grows, what was left out may fit."""

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
            why: dict[str, Any] = _why_resting(now, resting)
            version = crew.plan and crew.plan.plan_version
            yield _about(now.stops[resting.stop_id], reason, crew, alone=True, fact=version, **why)
            continue
        stop = now.stops.get(visit.stop_id or "")
        if stop is None:
            continue
        lock = now.state.demand.lock_of(stop, now.now_ms)
        if lock not in (None, crew.truck_id):
            yield _about(stop, "dispatcher", crew, fact=lock)
        if overflows_earlier(stop, visit):
            yield _about(stop, "overflow_earlier", crew, fact=stop.overflow_ms, overflow_ms=stop.overflow_ms or 0)
    yield from _vanished(now, crew)


def _why_resting(now: Situation, resting: LeftOut) -> dict[str, str]:
    closed = now.state.demand.closed.get(resting.stop_id)
    if resting.code == "skipped" and closed is not None and closed.exception is not None:
        return {"exception": closed.exception}
    exclusion = now.state.demand.exclusion_of(now.stops[resting.stop_id], now.now_ms)
    return {"actor": exclusion.actor} if exclusion else {}


def _vanished(now: Situation, crew: Crew) -> Iterator[Trigger]:
    """Yield stops of the plan that nobody wants any more, though nobody collected them."""
    for visit in crew.plan.visits if crew.plan else ():
        stop_id = visit.stop_id
        if visit.kind == "collect" and stop_id not in now.stops and stop_id not in now.state.demand.closed:
            reason = "dispatcher" if visit.order_id else "horizon"
            name = visit.name or str(stop_id)
            yield _of(crew, reason, alone=True, subject_id=str(stop_id), fact="not wanted", name=name)


def _closed_sites(now: Situation, crew: Crew) -> Iterator[Trigger]:
    for visit in crew.left:
        if visit.kind != "tip" or visit.facility_id is None:
            continue
        site = now.state.reference.facilities.get(visit.facility_id, now.now_ms)
        begin_ms = max(visit.begin_ms or visit.arrive_ms, now.now_ms)
        open_ = now.state.reference.open_hours(site, now.state.span(now.now_ms)) if site else []
        if not any(begin <= begin_ms <= end for begin, end in open_):
            until_ms = site.closed_until_ms if site and (site.closed_until_ms or 0) > begin_ms else None
            name = (site.name if site else None) or visit.facility_id
            told: dict[str, Any] = {} if until_ms is None else {"closed_until_ms": until_ms}
            yield _of(crew, "facility_closed", subject_id=visit.facility_id, fact=(until_ms, crew.truck_id),
                      facility_id=visit.facility_id, name=name, **told)  # fmt: skip
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
            # Less than nothing is no news: the loads already on their way go in, one by one.
            yield _of(now.crews[truck_id], "facility_full", subject_id=site.id, fact=(max(0.0, round(room_kg, -3)), truck_id),
                      facility_id=site.id, name=site.name or site.id)  # fmt: skip


def _unplanned(now: Situation) -> Iterator[Trigger]:
    """Yield stops in nobody's plan, unless the last run of their material has already said why."""
    for stop_id, stop in now.stops.items():
        if stop_id in now.planned or stop_id in now.resting:
            continue
        run = now.state.runs.get(stop.material)
        overruled_ms = _overruled_ms(now, stop)
        if run is not None and overruled_ms > run.made_ms:
            yield _stop(stop, "dispatcher", fact=overruled_ms)
            continue
        said = None if run is None else next((one for one in run.left_out if one.stop_id == stop_id), None)
        unfinished = run.made_ms if run and said and said.code == UNFINISHED else None
        if run is None or said is None or said.code in _NO_ANSWER or stop.since_ms > run.made_ms:
            reason = "new_order" if stop.place_kind == "order" else "new_due"
            yield _stop(stop, reason, fact=(stop.since_ms, unfinished))


UNFINISHED: Final = "no_time_to_search"
"""The optimiser's code for a stop it did not come to: the next round goes on from the plan so far."""
_NO_ANSWER: Final = ("skipped", "excluded", UNFINISHED)
"""Codes that do not say whether a truck could have taken the stop."""


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
        reason = "shift" if any(crew.plan for crew in crews) else "first_plan"
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
    stop: Stop, reason: str, crew: Crew, *, alone: bool = False, fact: object = None, **params: str | float
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
