"""What a dispatcher's move would come to: kilometres, minutes, minutes of overflow, and the first rule in the way.

Reckoned on the planner's own problem of the moment, with one thing made free: the stops that are asked about or moved are
locked to nobody, left out by nobody, and in nobody's hand. Deadlines are off for all: that a bin overflows first is no
rule here, it is what the minutes of overflow say.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec
from msgspec import Struct

from optimizer.moves import Hindrance, Outlook, Quote, quote
from optimizer.problem import Problem
from services.planner import build
from services.planner.demand import Stop
from services.planner.situation import Crew, Situation
from services.planner.ways import LonLat, Matrix

NOT_AT_WORK: Final = "no_vehicle"
"""Code of a truck that no plan is made for now."""


class Move(Struct, frozen=True, kw_only=True):
    """A stop that is to go to a truck."""

    stop_id: str
    truck_id: str


class Question(Struct, frozen=True, kw_only=True):
    """What a dispatcher has in the draft (``moves``), and what is asked besides: whom ``stop_ids`` could go to.

    ``give_away``: a truck; asked is then who could take all that it still has to collect, shared out. ``among``: only these
    trucks are offered anything; None = all.
    """

    moves: tuple[Move, ...] = ()
    stop_ids: tuple[str, ...] = ()
    give_away: str | None = None
    among: tuple[str, ...] | None = None


class Price(Struct, frozen=True, kw_only=True):
    """A difference between two plans; negative = saved.

    ``overflow_s``: how long bins stand overflowing until somebody comes, all together; a bin nobody comes to overflows
    until the last shift of its kind of waste is over. ``cost``: in the unit of `services.planner.costs`.
    """

    distance_m: int
    duration_s: int
    overtime_s: int
    overflow_s: int
    cost: int


class Rule(Struct, frozen=True, kw_only=True):
    """The first rule in the way: the optimiser's code and sentence. ``stop_id``: which of several stops it hits."""

    stop_id: str
    code: str
    reason: str


class Offer(Struct, frozen=True, kw_only=True):
    """One truck. With a ``rule`` it cannot; the ``price`` is then what it would be without. ``at_ms``: when it would come."""

    truck_id: str
    price: Price | None = None
    at_ms: int | None = None
    rule: Rule | None = None


class Resting(Struct, frozen=True, kw_only=True):
    """Why a stop is not planned at all now; including ``subject_id`` again ends that. ``after``: see `Drafted`."""

    code: str
    reason: str
    subject_id: str
    after: str | None = None


class Asked(Struct, frozen=True, kw_only=True):
    """A stop as it is now: which truck has it by the running plans, which it is locked to; None = none."""

    stop_id: str
    truck_id: str | None
    locked_to: str | None
    resting: Resting | None


class Drafted(Struct, frozen=True, kw_only=True):
    """A move of the draft, reckoned with those before it. With a ``rule`` it cannot be had; it is not in the price.

    ``after``: id of the newest action of a dispatcher about the stop, None = none: what somebody says later is news.
    """

    stop_id: str
    truck_id: str
    from_truck_id: str | None
    at_ms: int | None = None
    rule: Rule | None = None
    resting: Resting | None = None
    after: str | None = None


class Answer(Struct, frozen=True, kw_only=True):
    """What it comes to, by the situation at ``made_ms``.

    ``plan_versions``: of every truck whose plan a move in the draft changes, and of ``give_away``'s sharing; 0 = it has none.
    ``gone``: stops nobody waits for any more. ``price``: of the whole draft. ``shared``: where ``give_away`` would put each
    stop, ``shared_price`` what that adds, ``left``: what nobody can take.
    """

    made_ms: int
    plan_versions: dict[str, int]
    gone: tuple[str, ...]
    price: Price
    moves: tuple[Drafted, ...]
    asked: tuple[Asked, ...] = ()
    offers: tuple[Offer, ...] = ()
    shared: tuple[Drafted, ...] = ()
    shared_price: Price | None = None
    left: tuple[str, ...] = ()


NOTHING: Final = Price(distance_m=0, duration_s=0, overtime_s=0, overflow_s=0, cost=0)


def answer(question: Question, now: Situation, matrix: Callable[[Sequence[LonLat]], Matrix]) -> Answer:
    """Return what a question comes to now. ``matrix`` gives the roads between places."""
    wanted = _asked(question, now)
    moves = {move.stop_id: move.truck_id for move in question.moves if move.stop_id in now.stops}
    materials = sorted({now.stops[stop_id].material for stop_id in (*moves, *wanted)})
    parts = [_Part(question, now, material, moves, wanted, matrix) for material in materials]
    drafted = [one for part in parts for one in part.drafted()]
    order = {stop_id: number for number, stop_id in enumerate(moves)}
    shared = [one for part in parts for one in part.shared()]
    given = {one.stop_id for one in shared}
    return Answer(
        made_ms=now.now_ms,
        plan_versions=_versions(now, (*drafted, *shared)),
        gone=tuple(dict.fromkeys(
            one for one in (*(move.stop_id for move in question.moves), *question.stop_ids) if one not in now.stops
        )),
        price=_sum(part.price() for part in parts),
        moves=tuple(sorted(drafted, key=lambda one: order[one.stop_id])),
        asked=tuple(_as_it_is(now.stops[stop_id], now) for stop_id in wanted),
        offers=tuple(offer for part in parts for offer in part.offers()),
        shared=tuple(shared),
        shared_price=_sum(part.shared_price() for part in parts) if question.give_away else None,
        left=tuple(stop_id for stop_id in wanted if question.give_away and stop_id not in given),
    )  # fmt: skip


def _asked(question: Question, now: Situation) -> tuple[str, ...]:
    """The stops that are asked about, of one kind of waste: no truck carries two in a shift."""
    named = question.stop_ids
    if question.give_away is not None:
        crew = now.crews.get(question.give_away)
        named = tuple(v.stop_id for v in crew.left if v.kind == "collect" and v.stop_id is not None) if crew else ()
        moved = {move.stop_id for move in question.moves}
        named = tuple(stop_id for stop_id in named if stop_id not in moved)
    known = [stop_id for stop_id in dict.fromkeys(named) if stop_id in now.stops]
    return tuple(one for one in known if now.stops[one].material == now.stops[known[0]].material)


class _Part:
    """The answer for one kind of waste."""

    def __init__(  # noqa: PLR0917  # what the question is made of
        self,
        question: Question,
        now: Situation,
        material: str,
        moves: Mapping[str, str],
        wanted: Sequence[str],
        matrix: Callable[[Sequence[LonLat]], Matrix],
    ) -> None:
        self._now, self._material, self._question = now, material, question
        self._moves = {stop: truck for stop, truck in moves.items() if now.stops[stop].material == material}
        self._wanted = [stop for stop in wanted if now.stops[stop].material == material]
        free = frozenset((*self._moves, *self._wanted))
        self._chosen = what_if(now, material, free)
        self._at_work = {crew.truck_id for crew in self._chosen.crews}
        self._quote: Quote = quote(
            problem(self._chosen, free, matrix(self._chosen.places)),
            {stop: truck for stop, truck in self._moves.items() if truck in self._at_work},
            self._wanted,
            keep_off=self._keep_off(),
            spread=question.give_away is not None,
        )

    def _keep_off(self) -> frozenset[str]:
        """The trucks that are not asked: not the asker's, the one that is to be relieved, the one that has all of it anyway."""
        among = self._question.among
        others = frozenset() if among is None else frozenset(self._now.crews) - frozenset(among)
        if self._question.give_away is not None:
            return others | {self._question.give_away}
        holders = {self._moves.get(stop) or self._now.planned.get(stop) for stop in self._wanted}
        return others | {holder for holder in holders if holder is not None and len(holders) == 1}

    def price(self) -> Price:
        return self._between(self._quote.before, self._quote.drafted)

    def drafted(self) -> list[Drafted]:
        begin_s = self._quote.drafted.begin_s
        return [
            self._move(stop, truck, None if rule else begin_s.get(stop), rule)
            for stop, truck in self._moves.items()
            for rule in [self._refusal(stop, truck)]
        ]

    def offers(self) -> list[Offer]:
        if not self._wanted or self._question.give_away is not None:
            return []
        found = [
            Offer(
                truck_id=one.vehicle,
                price=None if one.outlook is None else self._between(self._quote.drafted, one.outlook),
                at_ms=None if one.outlook is None else self._moment_ms(one.outlook.begin_s.get(self._wanted[0])),
                rule=None if one.hindrance is None else _rule(one.hindrance),
            )
            for one in self._quote.offers
        ]
        keep_off = self._keep_off()
        return found + [
            Offer(truck_id=crew.truck_id, rule=_not_at_work(self._wanted[0], crew))
            for crew in self._now.crews_of(self._material)
            if crew.truck_id not in self._at_work | keep_off
        ]

    def shared(self) -> list[Drafted]:
        spread = self._quote.spread
        if spread is None:
            return []
        holders, begin_s = spread.holders, spread.begin_s
        relieved = self._question.give_away
        return [
            self._move(stop, holders[stop], begin_s.get(stop), None)
            for stop in self._wanted
            if holders.get(stop, relieved) != relieved
        ]

    def shared_price(self) -> Price:
        spread = self._quote.spread
        return NOTHING if spread is None else self._between(self._quote.drafted, spread)

    def _move(self, stop: str, truck: str, begin_s: int | None, rule: Rule | None) -> Drafted:
        now = self._now
        return Drafted(
            stop_id=stop, truck_id=truck, from_truck_id=now.planned.get(stop), at_ms=self._moment_ms(begin_s), rule=rule,
            resting=_resting(now.stops[stop], now), after=now.state.demand.newest_word(stop),
        )  # fmt: skip

    def _refusal(self, stop: str, truck: str) -> Rule | None:
        if truck not in self._at_work:
            crew = self._now.crews.get(truck)
            mine = crew is not None and crew.material == self._material
            return _not_at_work(stop, crew if mine else None, truck)
        refused = self._quote.refused.get(stop)
        return None if refused is None else _rule(refused)

    def _moment_ms(self, at_s: int | None) -> int | None:
        return None if at_s is None else self._chosen.moment_ms(at_s)

    def _between(self, before: Outlook, after: Outlook) -> Price:
        one, other = before.cost, after.cost
        return Price(
            distance_m=other.distance_m - one.distance_m,
            duration_s=other.duration_s - one.duration_s,
            overtime_s=other.overtime_s - one.overtime_s,
            overflow_s=overflow_s(self._chosen, after.begin_s) - overflow_s(self._chosen, before.begin_s),
            cost=other.total - one.total,
        )


def what_if(now: Situation, material: str, free: frozenset[str]) -> build.Case:
    """Return the planner's case of a material, its ``free`` stops in nobody's hand.

    Without the stops that are in no plan and not asked about: they would change no difference, and cost time.
    """
    stops = {stop_id: stop for stop_id, stop in now.stops.items() if stop_id in now.planned or stop_id in free}
    resting = {stop_id: why for stop_id, why in now.resting.items() if stop_id not in free}
    chosen = build.case(replace(now, stops=stops, resting=resting), material, too_late=frozenset(stops))
    heads = {
        truck_id: tuple(visit for visit in head if visit.stop_id not in free) for truck_id, head in chosen.heads.items()
    }
    return replace(chosen, heads=heads, fair_stops=now.fair_stops(material))


def problem(chosen: build.Case, free: frozenset[str], matrix: Matrix) -> Problem:
    """Return the problem of `what_if`: ``free`` stops may go to every truck that their permit allows."""
    written: dict[str, Any] = build.problem(chosen, matrix)
    stops = {stop.stop_id: stop for stop in chosen.stops}
    for one in written["stops"]:
        if one["id"] in free:
            one["vehicles"] = build.permitted_trucks(chosen, stops[one["id"]])
    return msgspec.convert(written, type=Problem)


def overflow_s(chosen: build.Case, begin_s: Mapping[str, int]) -> int:
    """How long bins stand overflowing from now on until somebody comes, all together."""
    ends_s = max((chosen.second(crew.shift.end_ms) for crew in chosen.crews), default=0)
    now_s = chosen.second(chosen.now.now_ms)
    total_s = 0
    for stop in chosen.stops:
        if stop.overflow_ms is not None:
            over_s = max(now_s, chosen.second(stop.overflow_ms))
            total_s += max(0, begin_s.get(stop.stop_id, ends_s) - over_s)
    return total_s


def _versions(now: Situation, moves: Iterable[Drafted]) -> dict[str, int]:
    trucks = {truck for one in moves for truck in (one.truck_id, one.from_truck_id) if truck is not None}
    plans = {truck: now.state.plans.get(truck) for truck in sorted(trucks)}
    return {truck: plan.plan_version if plan else 0 for truck, plan in plans.items()}


def _as_it_is(stop: Stop, now: Situation) -> Asked:
    return Asked(
        stop_id=stop.stop_id,
        truck_id=now.planned.get(stop.stop_id),
        locked_to=now.state.demand.lock_of(stop, now.now_ms),
        resting=_resting(stop, now),
    )


def _resting(stop: Stop, now: Situation) -> Resting | None:
    why = now.resting.get(stop.stop_id)
    if why is None:
        return None
    exclusion = now.state.demand.exclusion_of(stop, now.now_ms)
    subject = stop.stop_id if exclusion is None else exclusion.subject_id
    after = now.state.demand.newest_word(subject)
    return Resting(code=why.code, reason=why.reason, subject_id=subject, after=after)


def _rule(hindrance: Hindrance) -> Rule:
    return Rule(stop_id=hindrance.stop, code=hindrance.code, reason=hindrance.reason)


def _not_at_work(stop_id: str, crew: Crew | None, truck_id: str = "") -> Rule:
    who = crew.truck_id if crew else truck_id
    said = f"{who} is not on shift for this waste."
    if crew is not None:
        said = {
            "breakdown": f"{who} has broken down.",
            "sos": f"{who} has called for help.",
            "off_duty": f"{who} has gone home.",
        }.get(crew.out or "", f"The place of {who} is not known.")
    return Rule(stop_id=stop_id, code=NOT_AT_WORK, reason=said)


def _sum(prices: Iterable[Price]) -> Price:
    total = NOTHING
    for one in prices:
        total = Price(
            distance_m=total.distance_m + one.distance_m,
            duration_s=total.duration_s + one.duration_s,
            overtime_s=total.overtime_s + one.overtime_s,
            overflow_s=total.overflow_s + one.overflow_s,
            cost=total.cost + one.cost,
        )
    return total
