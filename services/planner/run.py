"""The planner process: follows the topics, finds what no longer holds, has it planned again, sends the plans.

One planner at a time for a tenant (with a database address: made sure of by a lease). It keeps nothing of its own: its
memory is what stands on Kafka, its own plans included, so it may be killed at any moment. Plans are confirmed before
the record of their run; a crash between the two leads to the same or a newer version, never to two truths.
"""

import logging
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from optimizer.plan import Plan
from services import bus, metrics, program
from services.clock import city_now_ms
from services.planner import build, pricing, translate
from services.planner.bookings import Bookings
from services.planner.geo import distance_m
from services.planner.horizon import LATE_MS, broken
from services.planner.lease import Lease
from services.planner.orders import progressed
from services.planner.progress import lateness_ms, place_of
from services.planner.questions import Questions
from services.planner.roads import NoWay, Roads
from services.planner.rounds import Round, Rounds
from services.planner.situation import Crew, Situation, situation
from services.planner.solver import Answer, Solver
from services.planner.state import PlannerState
from services.planner.turns import Driven, driven
from services.planner.ways import LonLat
from services.settings import Settings
from streams import codec, events, topics
from streams.units import MINUTE_MS

logger = logging.getLogger(__name__)

FOLLOWED: Final = (
    topics.ASSETS,
    topics.PERMITS,
    topics.CALENDARS,
    topics.SHIFTS,
    topics.ORDERS,
    topics.COLLECTIONS_DUE,
    topics.DRIVER_ACTIONS,
    topics.WEIGHINGS,
    topics.DISPATCH_ACTIONS,
    topics.ALERTS,
    topics.PLANS,
    topics.PLANNING_RUNS,
)
"""Read whole, then followed."""
RECENT_FIXES: Final = 2_000
"""Of `truck-states` so many records a partition are read at the start: minutes of four or five trucks."""

LONE_SEARCH_S: Final = 0.5
SEARCH_S: Final = 1.0
FIRST_SEARCH_S: Final = 3.0
"""Wall seconds of a search: for a change of one truck, of several, and for the first plan of a material …"""
SEARCH_S_A_STOP: Final = 0.005
"""… and for each stop in it."""
INSERTING: Final = "baseline"
"""The optimiser's engine that inserts where it is cheapest and leaves the rest as it is."""
MOST_ATTEMPTS: Final = 2
"""Searches for one situation: the second without deadlines that cannot be met, or with more time for what was planned."""
LONGER: Final = 2.0
"""How much longer the second one takes where the first had too little time."""
STUCK_S: Final = 60.0
"""A search that does not come back for so long ends the process."""
LOOK_EVERY_S: Final = 0.3
"""How often the situation is judged."""
LISTEN_S: Final = 0.1
"""How long records are waited for before a dispatcher's question is looked for."""
LATENESS_EVERY_S: Final = 1.5
BOOKINGS_EVERY_S: Final = 1.0
"""How often bookings are looked at: what was written comes back by way of Kafka."""
LAG_EVERY_S: Final = 5.0
READ_TIMEOUT_S: Final = 300.0
PATH_TOLERANCE_M: Final = 3.0
"""A path on Kafka may stray this far from the road's own line; the off-route rule allows 50 m."""
CRUDE_MPS: Final = 5.0
"""Straight-line speed below which a truck may be late, so that the road is asked."""


def main() -> None:
    """Run until SIGTERM."""
    with program.running("planner") as settings:
        stop = program.told_to_stop()
        roads = Roads(Path(settings.build_dir) / "cities" / settings.city / "roads")
        bus.wait_for_broker(settings.kafka_bootstrap)
        with Lease(settings.database_url, f"planner {settings.tenant_id}") as lease:
            if lease.wait(stop):
                run(settings, roads, stop, lease)


def run(settings: Settings, roads: Roads, stop: threading.Event, lease: Lease) -> None:
    """Plan until ``stop``. Raises on anything unexpected."""
    solver = Solver()
    producer = bus.Producer(settings.kafka_bootstrap, client_id="planner")
    inputs = Inputs(settings.kafka_bootstrap)
    questions = Questions(lease.engine, settings.tenant_id)
    try:
        planner = Planner(settings.tenant_id, roads=roads, solver=solver, producer=producer, engine=lease.engine)
        planner.fold(inputs.all_so_far(stop))
        logger.info("caught up", extra={"plans": len(planner.state.plans), "due": len(planner.state.demand.due)})
        next_lag_s = 0.0
        while not stop.is_set():
            planner.fold(inputs.next(LISTEN_S))
            planner.answer(questions)
            planner.round()
            metrics.LAST_PROGRESS.set_to_current_time()
            if time.monotonic() >= next_lag_s:
                next_lag_s = time.monotonic() + LAG_EVERY_S
                lease.renew()
                for topic, lag in inputs.lag().items():
                    metrics.CONSUMER_LAG.labels(topic).set(lag)
    finally:
        questions.close()
        inputs.close()
        producer.close()
        solver.close()


# --------------------------------------------------------------------------------------------- in


class Inputs:
    """The topics as records of the contract."""

    def __init__(self, bootstrap: str) -> None:
        self._whole = bus.Follower(bootstrap, FOLLOWED, client_id="planner", gather_s=LOOK_EVERY_S)
        self._fixes = bus.Follower(bootstrap, [topics.TRUCK_STATES], client_id="planner-fixes", start=_tail(bootstrap))

    def all_so_far(self, stop: threading.Event) -> list[events.Event]:
        """Return all that is there, in the order of its time: a load is collected after it was due.

        May take long on old topics; raises TimeoutError after `READ_TIMEOUT_S`.
        """
        found: list[events.Event] = []
        for follower in (self._whole, self._fixes):
            for record in follower.read_to_end(READ_TIMEOUT_S):
                found.extend(_decoded([record]))
                metrics.LAST_PROGRESS.set_to_current_time()
                if stop.is_set():
                    return []
        return sorted(found, key=merge_time_ms)

    def next(self, timeout_s: float) -> list[events.Event]:
        """Return what has come since, in order within each partition. Waits up to ``timeout_s``."""
        return [*_decoded(self._whole.poll(timeout_s)), *_decoded(self._fixes.poll(0.0))]

    def lag(self) -> dict[str, int]:
        """Records not yet read, by topic."""
        return {**self._whole.lag(), **self._fixes.lag()}

    def close(self) -> None:
        """Disconnect."""
        self._whole.close()
        self._fixes.close()


def _tail(bootstrap: str) -> dict[bus.Partition, int]:
    ends = bus.ends(bootstrap, [topics.TRUCK_STATES], client_id="planner-ends")
    return {partition: max(0, end - RECENT_FIXES) for partition, end in ends.items()}


def _decoded(records: Iterable[bus.Record]) -> list[events.Event]:
    """Decode; what cannot be decoded is counted and named (the recorder sets the record itself aside)."""
    found: list[events.Event] = []
    for record in records:
        topic = topics.BY_NAME[record.topic]
        if record.value is None and topic.compacted:
            continue
        try:
            codec.check_schema(topic, record.headers)
            found.append(codec.decode(topic, record.value))
        except codec.Undecodable as error:
            metrics.DEAD_LETTERS.labels(record.topic, "planner").inc()
            where = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
            logger.warning("undecodable", extra={**where, "reason": str(error)})
    return found


def merge_time_ms(record: events.Event) -> tuple[int, int]:
    """When we learned of a record (contract: a recorded day); what exists comes first."""
    if isinstance(record, events.Versioned):
        return (0, record.valid_from_ms)
    for name in ("received_time_ms", "made_ms", "at_ms", "emitted_ms", "event_time_ms"):
        value = getattr(record, name, None)
        if value is not None:
            return (1, int(value))
    return (1, 0)


# --------------------------------------------------------------------------------------------- the rounds


@dataclass(frozen=True, kw_only=True)
class _Search:
    """A search that goes on."""

    done: Round
    chosen: build.Case
    answer: "Future[Answer]"
    begun_s: float
    attempt: int


class Planner:
    """The edge around the pure middle: asks roads and solver, sends, counts."""

    def __init__(  # the edge's parts, each named
        self, tenant_id: str, *, roads: Roads, solver: Solver, producer: bus.Producer, engine: Any
    ) -> None:
        self.state = PlannerState(tenant_id)
        self._bookings = Bookings(engine, lambda order: self._send([order]))
        self._roads, self._solver, self._producer = roads, solver, producer
        self._rounds = Rounds()
        self._search: _Search | None = None
        self._gave_way: set[str] = set()
        self._late_ms: dict[str, int] = {}
        self._next_look_s = 0.0
        self._next_lateness_s = 0.0
        self._next_bookings_s = 0.0

    def fold(self, records: Iterable[events.Event]) -> None:
        """Take records into account."""
        now_ms = city_now_ms()
        for record in records:
            self.state.apply(record, now_ms)

    def round(self) -> None:
        """Finish a search that is over; judge the situation and begin the next search if something no longer holds."""
        if self._search is not None and self._search.answer.done():
            search, self._search = self._search, None
            self._finish(search)
            self._next_look_s = 0.0
        if self._search is not None and time.monotonic() - self._search.begun_s > STUCK_S:
            raise TimeoutError(f"the search for {self._search.done.material} did not come back within {STUCK_S:.0f} s")
        if self._search is not None or time.monotonic() < self._next_look_s:
            return
        self._next_look_s = time.monotonic() + LOOK_EVERY_S
        now = situation(self.state, city_now_ms())
        self._write_bookings(now)
        self._look_for_late(now)
        due = self._rounds.next(broken(now, self._late_ms), now, time.monotonic())
        if due is not None:
            self._begin(due, now)

    def answer(self, questions: Questions) -> None:
        """Answer a dispatcher's question, if one waits. It changes nothing, so none may end the process."""
        question = questions.next()
        if question is None:
            return
        begun_s = time.monotonic()
        said: pricing.Answer | None = None
        try:
            asked = msgspec.json.decode(question.text, type=pricing.Question)
            said = pricing.answer(asked, situation(self.state, city_now_ms()), self._roads.matrix)
        except Exception:
            logger.exception("not priced", extra={"question_id": question.question_id})
        questions.answer(question.question_id, msgspec.json.encode(said))
        seconds = round(time.monotonic() - begun_s, 3)
        logger.info("priced", extra={"question_id": question.question_id, "seconds": seconds})

    def _begin(
        self, due: Round, now: Situation, last: _Search | None = None, *, longer: bool = False, **wish: frozenset[str]
    ) -> None:
        """Hand a problem to the solver. ``last``: the search for the same situation that must be made again."""
        chosen = build.case(now, due.material, due.truck_ids, **wish)
        problem = build.problem(chosen, self._roads.matrix(chosen.places))
        attempt = 1 if last is None else last.attempt + 1
        engine = INSERTING if due.only_inserts else "auto"
        seconds = _search_s(due, chosen) * (LONGER if longer else 1.0)
        answer = self._solver.ask(problem, seconds=seconds, seed=attempt, engine=engine)
        begun_s = time.monotonic() if last is None else last.begun_s
        self._search = _Search(done=due, chosen=chosen, answer=answer, begun_s=begun_s, attempt=attempt)

    def _again(self, search: _Search, plan: Plan, now: Situation) -> bool:
        """Search once more where bins cannot be reached before they overflow, or time was too short for what was planned.

        If something urgent waits meanwhile, its round comes first, and what this one was about is asked again after it:
        once, so that no material waits for ever.
        """
        if search.attempt >= MOST_ATTEMPTS:
            return False
        late, forgotten = translate.too_late(search.chosen, plan), translate.forgotten(search.chosen, plan)
        if not late and not forgotten:
            return False
        material = search.done.material
        if material not in self._gave_way and self._rounds.urgent_waits(broken(now, self._late_ms), search.done):
            self._gave_way.add(material)
            logger.info("gave way to what is urgent", extra={"material": material, "reason": search.done.reason})
        else:
            unmet = search.chosen.too_late | late
            self._begin(search.done, search.chosen.now, search, longer=forgotten, too_late=unmet)
        return True

    def _finish(self, search: _Search) -> None:
        answer, chosen, due = search.answer.result(), search.chosen, search.done
        now = situation(self.state, city_now_ms())
        if answer.plan is None or answer.broken:
            metrics.PLANS.labels("rejected").inc()
            logger.error("plan rejected", extra={"material": due.material, "broken": answer.broken})
            self._send([translate.rejected(chosen, due, answer.broken)])
        elif self._again(search, answer.plan, now):
            return
        else:
            said = translate.outcome(chosen, due, answer.plan, now, self._way)
            # The run says that its triggers are dealt with: it leaves only when the plans are safe.
            self._send(said.plans)
            self._send([said.run])
            metrics.PLANS.labels("sent").inc(len(said.plans))
            metrics.PLANS.labels("unchanged").inc(said.unchanged)
        self._rounds.tried(due, now.now_ms)
        self._gave_way.discard(due.material)
        self._count(search)

    def _count(self, search: _Search) -> None:
        run, seconds = self.state.runs[search.done.material], time.monotonic() - search.begun_s
        metrics.RUNS.labels(run.material, run.reason, run.engine or "none").inc()
        metrics.RUN_SECONDS.labels(run.material).observe(seconds)
        by_code: dict[str, int] = {}
        for one in run.left_out:
            by_code[one.code] = by_code.get(one.code, 0) + 1
        for code in _codes_seen(run.material, by_code):
            metrics.LEFT_OUT.labels(run.material, code).set(by_code.get(code, 0))
        logger.info("planned", extra={
            "material": run.material, "reason": run.reason, "params": run.reason_params, "stops": run.stops,
            "trucks": run.trucks, "changed": list(run.changed_truck_ids), "left_out": by_code,
            "seconds": round(seconds, 2), "run_id": run.run_id,
        })  # fmt: skip

    def _write_bookings(self, now: Situation) -> None:
        if time.monotonic() < self._next_bookings_s:
            return
        self._next_bookings_s = time.monotonic() + BOOKINGS_EVERY_S
        for order in progressed(now):
            self._bookings.write(order)

    def _send(self, records: Sequence[events.Event]) -> None:
        """Send and wait until Kafka has all of it; then it holds here too. Raises `bus.BusError` otherwise."""
        sent = [self._producer.send_event(record) for record in records]
        if sent:
            self._producer.flush()
        for future in sent:
            future.result()
        self.fold(records)

    def _way(self, places: Sequence[LonLat]) -> Driven | None:
        try:
            return driven(self._roads.route(places, steps=True).legs, PATH_TOLERANCE_M)
        except NoWay:
            return None

    # ----------------------------------------------------------------------------------------- lateness

    def _look_for_late(self, now: Situation) -> None:
        if time.monotonic() < self._next_lateness_s:
            return
        self._next_lateness_s = time.monotonic() + LATENESS_EVERY_S
        self._late_ms = {crew.truck_id: self._lateness_ms(crew, now) for crew in now.crews.values() if crew.works}

    def _lateness_ms(self, crew: Crew, now: Situation) -> int:
        """Ask the road only where a crude look says that the truck may be late."""
        visit = crew.next
        fix = crew.truck.fix
        if visit is None or now.now_ms < crew.shift.start_ms or visit.kind == "break":
            return 0
        if fix is None:
            return lateness_ms(visit, None, None, now.now_ms)
        crude_s = distance_m(fix.place, place_of(visit)) / CRUDE_MPS
        crude_ms = lateness_ms(visit, fix.place, crude_s, now.now_ms)
        if crude_ms < LATE_MS - 5 * MINUTE_MS:
            return crude_ms
        try:
            travel_s = self._roads.route([fix.place, place_of(visit)]).duration_s
        except NoWay:
            travel_s = crude_s
        return lateness_ms(visit, fix.place, travel_s, now.now_ms)


def _search_s(due: Round, chosen: build.Case) -> float:
    least_s = SEARCH_S if len(chosen.crews) > 1 else LONE_SEARCH_S
    if due.reason == translate.FIRST:
        least_s = FIRST_SEARCH_S
    return least_s + SEARCH_S_A_STOP * len(chosen.stops)


_seen_codes: dict[str, set[str]] = {}


def _codes_seen(material: str, by_code: Iterable[str]) -> set[str]:
    """Every code a material's gauge was ever set for, so that one that is over goes back to 0."""
    seen = _seen_codes.setdefault(material, set())
    seen.update(by_code)
    return seen
