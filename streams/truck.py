"""One truck: `step` folds a record into its state and says what follows from it.

Records are put in order first (`streams.watermark`); each released fix becomes a `Moment` and is judged by visits and
rules. What drivers say is heard at once. Nothing here reads a clock: time is in the records, and in ticks.

`step` owns the state it is given: it changes it and hands it back. Keep the bytes (`streams.state.encode`) to go back.
"""

from typing import Final

from msgspec import Struct

from streams import alerts, cargo, events, load, plans, position, rules, visits, watermark
from streams.assets import Reference
from streams.moment import Moment
from streams.rules.thresholds import DEFAULT, Thresholds
from streams.state import Truck, memory_name
from streams.watermark import Bounds, Released

TruckRecord = events.TruckState | events.DriverAction | events.Weighing | events.TruckPlan | events.Tick
Outputs = list[events.Event]


class Settings(Struct, frozen=True, kw_only=True):
    """What a city may set."""

    bounds: Bounds = Bounds()
    thresholds: Thresholds = DEFAULT


DEFAULT_SETTINGS: Final = Settings()
_JUDGES: Final = tuple((rule, memory_name(rule.NAME), rule.judge) for rule in rules.RULES)


def step(
    state: Truck, event: TruckRecord, reference: Reference, settings: Settings = DEFAULT_SETTINGS
) -> tuple[Truck, Outputs]:
    """Fold one record in; return the state and the alerts and visits that follow.

    Raises
    ------
    streams.geo.BadGeometry
        If a plan's path cannot be used; the state is unchanged.
    """
    match event:
        case events.TruckState():
            arrival_ms = event.event_time_ms if event.received_time_ms is None else event.received_time_ms
            state.newest_arrival_ms = max(state.newest_arrival_ms, arrival_ms)
            released = watermark.arrive(state.order, event, state.newest_arrival_ms, settings.bounds)
            return state, _judge_all(state, released, reference, settings)
        case events.Tick():
            state.newest_arrival_ms = max(state.newest_arrival_ms, event.at_ms)
            if not state.order.waiting:
                return state, []
            released = watermark.release(state.order, state.newest_arrival_ms, settings.bounds)
            return state, _judge_all(state, released, reference, settings)
        case events.DriverAction():
            state.newest_arrival_ms = max(state.newest_arrival_ms, event.received_time_ms or event.event_time_ms)
            return state, _hear(state, event, reference)
        case events.Weighing():
            state.newest_arrival_ms = max(state.newest_arrival_ms, event.received_time_ms or event.event_time_ms)
            cargo.weighed(state.cargo, event)
            return state, []
        case events.TruckPlan():
            plans.keep(state.plans, event)
            state.newest_arrival_ms = max(state.newest_arrival_ms, event.made_ms)
            return state, []


def waits(state: Truck) -> bool:
    """True if the passing of time alone may release something. Worker and replay let time pass for no other truck."""
    return bool(state.order.waiting)


def _judge_all(state: Truck, released: list[Released], reference: Reference, settings: Settings) -> Outputs:
    outputs: Outputs = []
    for one in released:
        if one.late:
            outputs += _reconsider(state, one, reference)
        else:
            _judge(state, one, reference, settings.thresholds, outputs)
    return outputs


def _judge(state: Truck, released: Released, reference: Reference, limits: Thresholds, outputs: Outputs) -> None:
    """Judge one fix in order."""
    moment = _moment(state, released, reference)
    outputs += visits.follow(state.visits, moment)
    memories = state.memories
    for rule, name, judge in _JUDGES:
        finding = judge(getattr(memories, name), moment, limits)
        if finding is not None:
            _tell(state, rule, finding, outputs, time_ms=moment.time_ms, reference=reference)


def _moment(state: Truck, released: Released, reference: Reference) -> Moment:
    fix, time_ms = released.fix, released.time_ms
    truck = reference.truck(state.truck_id, time_ms)
    tenant_id = state.tenant_id = truck.tenant_id if truck else fix.tenant_id
    place = position.locate(state.position, fix, time_ms)
    near = reference.near(*place, time_ms, tenant_id) if place else []
    load.read(state.load, fix, time_ms)
    cargo.follow(state.cargo, fix, time_ms, near, state.load, truck.payload_kg if truck else None)
    since_ms, state.last_ms = state.last_ms or time_ms, time_ms
    return Moment(
        fix=fix,
        time_ms=time_ms,
        since_ms=since_ms,
        after_gap=released.after_gap,
        clock_offset_ms=released.clock_offset_ms,
        place=place,
        speed_mps=fix.speed_mps or 0.0,
        near=near,
        truck=truck,
        tenant_id=tenant_id,
        load=state.load,
        cargo=state.cargo,
        plans=state.plans,
        reference=reference,
    )


def _hear(state: Truck, action: events.DriverAction, reference: Reference) -> Outputs:
    outputs: Outputs = []
    at = state.position
    place = None if at.lon is None or at.lat is None else (at.lon, at.lat)
    for rule in rules.HEARING:
        finding = rule.hear(getattr(state.memories, memory_name(rule.NAME)), action, place)
        if finding is not None:
            at_ms, by = action.event_time_ms, action.driver_id
            _tell(state, rule, finding, outputs, time_ms=at_ms, reference=reference, driver_id=by)
    return outputs


def _reconsider(state: Truck, late: Released, reference: Reference) -> Outputs:
    """A late fix adds nothing to what was judged in order; it may take the ground from an alert."""
    outputs: Outputs = []
    for rule in rules.RECONSIDERING:
        alert = state.ledger.last.get(rule.NAME)
        if alert is not None and alert.state != "cancelled":
            finding = rule.reconsider(alert, late.fix, late.time_ms)
            if finding is not None:
                _tell(state, rule, finding, outputs, time_ms=late.time_ms, reference=reference)
    return outputs


def _tell(
    state: Truck,
    rule: rules.Rule,
    finding: alerts.Finding,
    outputs: Outputs,
    *,
    time_ms: int,
    reference: Reference,
    driver_id: str | None = None,
) -> None:
    subject = _subject(state, finding, time_ms, reference, driver_id)
    alert = alerts.record(
        state.ledger, rule.NAME, rule.VERSION, finding, subject=subject, now_ms=state.newest_arrival_ms
    )
    if alert is not None:
        outputs.append(alert)


def _subject(
    state: Truck, finding: alerts.Finding, time_ms: int, reference: Reference, driver_id: str | None
) -> alerts.Subject:
    truck = reference.truck(state.truck_id, time_ms)
    tenant_id = truck.tenant_id if truck else state.tenant_id
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
