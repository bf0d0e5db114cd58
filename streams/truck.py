"""One truck: `step` folds a record into its state and says what follows from it.

Records are put in order first (`streams.watermark`); each released fix becomes a `Moment` and is judged by visits and
rules. What drivers say is heard at once. Nothing here reads a clock: time is in the records, and in ticks.

`step` owns the state it is given: it changes it and hands it back. Keep the bytes (`streams.state.encode`) to go back.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from msgspec import Struct
from msgspec.structs import astuple

from streams import (
    alerts,
    cargo,
    events,
    load,
    overdue,
    permits,
    plans,
    position,
    receipts,
    rules,
    sites,
    tickets,
    visits,
    watermark,
)
from streams.alerts import Finding
from streams.assets import Reference
from streams.moment import Moment, bed_raised, cover_open
from streams.receipts import Receipt
from streams.rules import call, memory_name
from streams.rules.gates import Gate
from streams.rules.scoped import CITY, CityThresholds, InForce
from streams.rules.thresholds import Thresholds
from streams.silence import Silence
from streams.state import Truck
from streams.units import DAY_MS, SECOND_MS
from streams.watermark import Bounds, Released

TruckRecord = events.TruckState | events.DriverAction | events.Weighing | events.TruckPlan | events.Tick
Outputs = list[events.Event]


class Settings(Struct, frozen=True, kw_only=True):
    """What a city may set."""

    bounds: Bounds = Bounds()
    thresholds: CityThresholds = CITY


DEFAULT_SETTINGS: Final = Settings()
_CLOCK_STEP_MS: Final = 60 * SECOND_MS
"""A clock that is corrected by so much more or less than before has been set."""
_LONGEST_SILENCE_MS: Final = 31 * DAY_MS
"""A record without a time of arrival that is further ahead of the last than this was made by a wrong clock."""


class Judges(NamedTuple):
    """Who judges. Whoever looks into a day puts itself between (`streams.inspection`)."""

    fixes: tuple[tuple[rules.Rule, Callable[[Any, Moment, Thresholds], Finding | Gate[Moment] | None]], ...]
    """In the order of `rules.JUDGING`, in which memories begin: they are taken in turn, not by name, at each fix."""
    receipts: tuple[tuple[rules.WeighingRule, str, Callable[[Any, Receipt, Thresholds], Finding | Gate[Receipt]]], ...]
    """Each with the name of its memory."""


JUDGES: Final = Judges(
    tuple((rule, rule.judge) for rule in rules.JUDGING),
    tuple((rule, memory_name(rule), rule.weigh) for rule in rules.WEIGHING),
)


def step(
    state: Truck,
    event: TruckRecord,
    reference: Reference,
    settings: Settings = DEFAULT_SETTINGS,
    judges: Judges = JUDGES,
) -> tuple[Truck, Outputs]:
    """Fold one record in; return the state and the alerts and visits that follow.

    Raises
    ------
    streams.geo.BadGeometry
        If a plan's path cannot be used; the state is unchanged.
    """
    match event:
        case events.TruckState():
            _arrived(state, event)
            released = watermark.arrive(state.order, event, state.newest_arrival_ms, settings.bounds)
            return state, _judge_all(state, released, reference, settings, judges) if released else []
        case events.Tick():
            state.newest_arrival_ms = max(state.newest_arrival_ms, event.at_ms)
            if not heeds(state, event):
                return state, []
            released = watermark.release(state.order, state.newest_arrival_ms, settings.bounds)
            outputs = _judge_all(state, released, reference, settings, judges)
            outputs += _judge_silence(state, event, reference, settings.thresholds)
            return state, outputs + _judge_open_loads(state, event, reference, settings.thresholds)
        case events.DriverAction():
            _arrived(state, event)
            return state, _hear(state, event, reference)
        case events.Weighing():
            _arrived(state, event)
            cargo.weighed(state.cargo, event, state.newest_arrival_ms)
            return state, _judge_receipt(state, event, reference, settings.thresholds, judges)
        case events.TruckPlan():
            plans.keep(state.plans, event)
            state.newest_arrival_ms = max(state.newest_arrival_ms, event.made_ms)
            return state, []


def _arrived(state: Truck, event: events.TruckState | events.DriverAction | events.Weighing) -> None:
    """Note when a record arrived; where nobody says so its own time stands for that, unless its clock runs far ahead.

    A terminal whose numbers go on was switched off in between: its clock is believed.
    """
    arrival_ms = event.received_time_ms
    if arrival_ms is None:
        arrival_ms = event.event_time_ms
        far_ahead = state.newest_arrival_ms and arrival_ms - state.newest_arrival_ms > _LONGEST_SILENCE_MS
        if far_ahead and not (isinstance(event, events.TruckState) and watermark.goes_on(state.order, event)):
            return
    state.newest_arrival_ms = max(state.newest_arrival_ms, arrival_ms)


def waits(state: Truck) -> bool:
    """True if the passing of time alone may say something, now or later. For no other truck need time pass."""
    return bool(state.order.waiting) or state.wake_ms > 0 or state.loads.due_ms > 0


def heeds(state: Truck, tick: events.Tick) -> bool:
    """True if this tick may change anything but the time. Worker and replay give it to no other truck."""
    return bool(state.order.waiting) or 0 < state.wake_ms <= tick.at_ms or 0 < state.loads.due_ms <= tick.at_ms


def _judge_all(
    state: Truck, released: list[Released], reference: Reference, settings: Settings, judges: Judges
) -> Outputs:
    outputs: Outputs = []
    for one in released:
        if one.late:
            outputs += _reconsider(state, one, reference)
        else:
            _judge(state, one, reference, settings.thresholds, outputs, judges)
    return outputs


def _judge(  # noqa: PLR0917  # called once a fix; names at the call cost
    state: Truck,
    released: Released,
    reference: Reference,
    thresholds: CityThresholds,
    outputs: Outputs,
    judges: Judges,
) -> None:
    """Judge one fix in order."""
    moment = _moment(state, released, reference)
    in_force = thresholds.everywhere
    if thresholds.overrides:  # else nothing differs for anybody
        in_force = _in_force(state, moment.truck, moment.time_ms, reference, thresholds)
    limits = in_force.limits
    outputs += visits.follow(state.visits, moment)
    outputs += tickets.follow(state.tickets, moment)
    for (rule, judge), memory in zip(judges.fixes, astuple(state.memories)):  # noqa: B905  # a name costs at each fix
        said = judge(memory, moment, limits)
        if type(said) is Finding:
            in_force.note(said, rule.NAME)
            _tell(state, rule, said, outputs, time_ms=moment.time_ms, reference=reference)
    if overdue.follow(state.loads, state.tickets, moment, limits.balance_receipt_h, limits.balance_open_h):
        outputs += _look(state, reference, in_force, by=moment.fix, by_ms=moment.time_ms)
    loaded = state.cargo.state == "loaded"
    # from when the report came, not from the newest arrival: ticks move that, for some trucks only
    state.wake_ms = events.came_ms(released.fix) + round(limits.dark_unheard_s * SECOND_MS) if loaded else 0


def _in_force(
    state: Truck, truck: events.Asset | None, time_ms: int, reference: Reference, thresholds: CityThresholds
) -> InForce:
    """Return the thresholds in force for a truck at a time, where it was last believed to be."""
    at = state.position
    zone_ids: tuple[str, ...] = ()
    if thresholds.truck_zone_ids and at.lon is not None and at.lat is not None:
        zone_ids = reference.zones_at(at.lon, at.lat, time_ms, state.tenant_id, thresholds.truck_zone_ids)
    return thresholds.at(
        tenant_id=state.tenant_id,
        truck_class=truck.truck_class if truck else None,
        contractor_id=truck.contractor_id if truck else None,
        zone_ids=zone_ids,
    )


def _judge_silence(state: Truck, tick: events.Tick, reference: Reference, thresholds: CityThresholds) -> Outputs:
    """Judge, once a silence, that nothing was heard for as long as it may last, by somebody who hears others all the while."""
    at_ms = tick.at_ms
    if not 0 < state.wake_ms <= at_ms:
        return []
    # as of the last report: `wake_ms` was reckoned by its limits
    in_force = _in_force(state, reference.truck(state.truck_id, state.last_ms), state.last_ms, reference, thresholds)
    limits = in_force.limits
    heard_ms = state.wake_ms - round(limits.dark_unheard_s * SECOND_MS)
    if tick.hearing_ms is not None and tick.hearing_ms > heard_ms:
        state.wake_ms += tick.hearing_ms - heard_ms
        return []
    outputs: Outputs = []
    silence = Silence(
        since_ms=state.last_ms,
        lasted_s=(at_ms - heard_ms) / SECOND_MS,
        tenant_id=state.tenant_id,
        reference=reference,
    )
    for rule in rules.TIMED:
        finding = rule.pass_time(getattr(state.memories, memory_name(rule)), silence, limits)
        if finding is not None:
            in_force.note(finding, rule.NAME)
            _tell(state, rule, finding, outputs, time_ms=state.last_ms, reference=reference)
    state.wake_ms = 0
    return outputs


def _judge_open_loads(state: Truck, tick: events.Tick, reference: Reference, thresholds: CityThresholds) -> Outputs:
    """Judge loads that are due, by somebody who hears trucks: after an outage their receipts come late, too."""
    if not 0 < state.loads.due_ms <= tick.at_ms:
        return []
    if tick.hearing_ms is not None and tick.at_ms - tick.hearing_ms < overdue.HEARD_MS:
        state.loads.due_ms = tick.hearing_ms + overdue.HEARD_MS
        return []
    known = reference.truck(state.truck_id, state.last_ms)
    in_force = _in_force(state, known, state.last_ms, reference, thresholds)
    return _look(state, reference, in_force, by=None, by_ms=tick.at_ms)


def _look(
    state: Truck,
    reference: Reference,
    in_force: InForce,
    *,
    by: events.TruckState | events.Weighing | None,
    by_ms: int,
) -> Outputs:
    """Look at open loads: when one is due, or when what came may close one."""
    at = state.position
    place = None if at.lon is None or at.lat is None else (at.lon, at.lat)
    seen = overdue.look(state.truck_id, state.loads, state.tickets.now, by, by_ms, place, reference)
    outputs: Outputs = []
    for rule in rules.LOOKING:
        for finding in rule.look(getattr(state.memories, memory_name(rule)), seen, in_force.limits):
            in_force.note(finding, rule.NAME)
            _tell(state, rule, finding, outputs, time_ms=finding.start_ms, reference=reference)
    return outputs


def _moment(state: Truck, released: Released, reference: Reference) -> Moment:
    fix, time_ms, offset_ms = released.fix, released.time_ms, released.clock_offset_ms
    truck = reference.truck(state.truck_id, time_ms)
    tenant_id = state.tenant_id = truck.tenant_id if truck else fix.tenant_id
    place = position.locate(state.position, fix, time_ms)
    near = reference.near(place[0], place[1], time_ms, tenant_id) if place else []
    load.read(state.load, fix, time_ms)
    cargo.follow(state.cargo, fix, time_ms, near, state.load, truck)
    since_ms, state.last_ms = state.last_ms or time_ms, time_ms
    clock_moved = False
    if offset_ms != state.last_offset_ms:
        clock_moved = abs(offset_ms - state.last_offset_ms) > _CLOCK_STEP_MS
        state.last_offset_ms = offset_ms
    return Moment(
        fix=fix,
        time_ms=time_ms,
        since_ms=since_ms,
        after_gap=released.after_gap,
        clock_offset_ms=offset_ms,
        clock_moved=clock_moved,
        silent_ms=0 if released.after_gap or clock_moved else time_ms - since_ms,
        place=place,
        speed_mps=fix.speed_mps or 0.0,
        near=near,
        truck=truck,
        tenant_id=tenant_id,
        load=state.load,
        cargo=state.cargo,
        permissions=permits.covering(reference, state.truck_id, time_ms, state.cargo),
        plans=state.plans,
        reference=reference,
        cover_open=cover_open(fix, state.cargo),
        bed_raised=bed_raised(fix),
    )


def _hear(state: Truck, action: events.DriverAction, reference: Reference) -> Outputs:
    outputs: Outputs = []
    at = state.position
    place = None if at.lon is None or at.lat is None else (at.lon, at.lat)
    for rule in rules.HEARING:
        finding = rule.hear(getattr(state.memories, memory_name(rule)), action, place)
        if finding is not None:
            at_ms, by = action.event_time_ms, action.driver_id
            _tell(state, rule, finding, outputs, time_ms=at_ms, reference=reference, driver_id=by)
    return outputs


def _judge_receipt(
    state: Truck, weighing: events.Weighing, reference: Reference, thresholds: CityThresholds, judges: Judges
) -> Outputs:
    """Join a receipt to its load, and judge it at once, whatever fixes are still waited for."""
    # not the newest arrival: ticks move that, for some trucks only
    time_ms = min(weighing.event_time_ms, events.came_ms(weighing))
    known = reference.truck(state.truck_id, time_ms)
    state.tenant_id = known.tenant_id if known else events.known_tenant(weighing.tenant_id)
    joined = tickets.weighed(state.tickets, weighing, time_ms, state.tenant_id)
    if joined is None:
        return []
    ticket, earlier, revisions = joined
    outputs: Outputs = [*revisions]
    receipt = receipts.of(weighing, ticket, earlier, reference, time_ms=time_ms)
    in_force = _in_force(state, known, time_ms, reference, thresholds)
    for rule, name, weigh in judges.receipts:
        said = weigh(getattr(state.memories, name), receipt, in_force.limits)
        if isinstance(said, Finding):
            in_force.note(said, rule.NAME)
            _tell(state, rule, said, outputs, time_ms=time_ms, reference=reference)
    overdue.weighed(state.loads, state.tickets.now, weighing, time_ms)
    return outputs + _look(state, reference, in_force, by=weighing, by_ms=time_ms)


def _reconsider(state: Truck, late: Released, reference: Reference) -> Outputs:
    """A late fix may take the ground from an alert, and a call for help is heard, however late; no more is judged anew."""
    outputs: Outputs = []
    for caller in rules.HEARING:
        because = caller.calls(late.fix)
        if because is not None:
            memory, apart = getattr(state.memories, memory_name(caller)), alerts.Ledger()
            for finding in call.came_late(memory, late.fix, late.time_ms, because):
                _tell(state, caller, finding, outputs, time_ms=late.time_ms, reference=reference, ledger=apart)
    for rule in rules.RECONSIDERING:
        alert = state.ledger.last.get(rule.NAME)
        if alert is not None and alert.state == "cancelled":
            alert = None
        memory = getattr(state.memories, memory_name(rule))
        withdrawn = rule.reconsider(memory, alert, late.fix, late.time_ms)
        if withdrawn is not None:
            _tell(state, rule, withdrawn, outputs, time_ms=late.time_ms, reference=reference)
    return outputs


def _tell(
    state: Truck,
    rule: rules.Remembering,
    finding: alerts.Finding,
    outputs: Outputs,
    *,
    time_ms: int,
    reference: Reference,
    driver_id: str | None = None,
    ledger: alerts.Ledger | None = None,
) -> None:
    """Say what a rule found. ``ledger``: another than the truck's, for what is of before its last alerts."""
    subject = _subject(state, finding, time_ms, reference, driver_id)
    alert = alerts.record(
        ledger or state.ledger, rule.NAME, rule.VERSION, finding, subject=subject, now_ms=state.newest_arrival_ms
    )
    if alert is None:
        return
    outputs.append(alert)
    outputs += sites.seen_in(alert)
    if finding.at_once:
        over = alerts.Finding(kind="end", start_ms=finding.start_ms, at_ms=finding.at_ms, end_ms=finding.end_ms)
        _tell(state, rule, over, outputs, time_ms=time_ms, reference=reference, driver_id=driver_id, ledger=ledger)


def _subject(
    state: Truck, finding: alerts.Finding, time_ms: int, reference: Reference, driver_id: str | None
) -> alerts.Subject:
    truck = reference.truck(state.truck_id, time_ms)
    tenant_id = truck.tenant_id if truck else events.known_tenant(state.tenant_id)
    at = state.position
    zone_ids = () if at.lon is None or at.lat is None else reference.zones_at(at.lon, at.lat, time_ms, tenant_id)
    return alerts.Subject(
        tenant_id=tenant_id,
        truck_id=state.truck_id,
        driver_id=driver_id or reference.driver(state.truck_id, finding.start_ms),
        contractor_id=truck.contractor_id if truck else None,
        source_id=state.cargo.source_id,
        zone_ids=zone_ids,
    )
