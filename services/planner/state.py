"""The fold of all records into what the planner knows. No I/O, no clock: who reads the topics hands records in."""

from dataclasses import dataclass, field
from typing import Final

from services.planner.demand import Demand, Stop
from services.planner.fleet import REMEMBERED_MS, Carried, Truck
from services.planner.reference import Reference, day_of
from streams import events
from streams.hours import Interval
from streams.units import HOUR_MS

LOOKAHEAD_MS: Final = 20 * HOUR_MS
"""Hours, permits and windows are read this far ahead: the longest shift with its overtime, begun in two hours."""


@dataclass
class PlannerState:
    """What is known. ``tenant_id``: records of other tenants change nothing."""

    tenant_id: str
    reference: Reference = field(default_factory=Reference)
    demand: Demand = field(default_factory=Demand)
    trucks: dict[str, Truck] = field(default_factory=dict)
    plans: dict[str, events.TruckPlan] = field(default_factory=dict)
    runs: dict[str, events.PlanningRun] = field(default_factory=dict)
    weighings: dict[str, events.Weighing] = field(default_factory=dict)
    _seen: dict[str, int] = field(default_factory=dict)
    _folded: int = 0

    def apply(self, record: events.Event, now_ms: int) -> None:
        """Take a record; one seen before, or too old to matter to a running shift, changes nothing."""
        if record.tenant_id != self.tenant_id or self.reference.apply(record):
            return
        self._folded += 1
        if self._folded % 10_000 == 0:
            self._forget(now_ms - REMEMBERED_MS)
        if not (self._measured(record, now_ms) or self._acted(record, now_ms)):
            self._concluded(record, now_ms)

    def truck(self, truck_id: str) -> Truck:
        """Return what is known of a truck; nothing yet = a new fold."""
        return self.trucks.setdefault(truck_id, Truck(truck_id))

    def span(self, now_ms: int) -> Interval:
        """From now as far as windows are read."""
        return (now_ms, now_ms + LOOKAHEAD_MS)

    def wanted(self, now_ms: int) -> dict[str, Stop]:
        """Return every stop that is due and not collected, by id; also those that rest or are excluded now."""
        return {stop.stop_id: stop for stop in self.demand.wanted(self.reference, self.span(now_ms))}

    def weighed_today_kg(self, facility_id: str, now_ms: int) -> float:
        """What a facility has taken in since local midnight."""
        midnight_ms = day_of(now_ms, self.reference.zone(now_ms))[0]
        return sum(
            one.net_kg or 0.0
            for one in self.weighings.values()
            if one.facility_id == facility_id and one.event_time_ms >= midnight_ms and one.inbound and one.accepted
        )

    # ----------------------------------------------------------------------------------------- one kind each

    def _measured(self, record: events.Event, now_ms: int) -> bool:
        match record:
            case events.TruckState():
                self.truck(record.truck_id).apply_state(record)
            case events.Weighing():
                if self._news(record.weighing_id, record.event_time_ms, now_ms):
                    self._weighing(record, now_ms)
            case _:
                return False
        return True

    def _acted(self, record: events.Event, now_ms: int) -> bool:
        match record:
            case events.DriverAction():
                if self._news(record.action_id, record.event_time_ms, now_ms):
                    self._driver(record, now_ms)
                elif record.kind == "collected":
                    self.demand.apply_closing(record)  # a booking may take many days
            case events.DispatchAction():
                self.demand.apply_dispatch(record)
            case _:
                return False
        return True

    def _concluded(self, record: events.Event, now_ms: int) -> None:
        match record:
            case events.CollectionDue():
                self.demand.apply_due(record)
            case events.TruckPlan():
                self._plan(record)
            case events.PlanningRun():
                self._run(record)
            case events.Alert(rule="sos" | "breakdown", truck_id=str(truck_id)):
                if record.start_ms >= now_ms - REMEMBERED_MS:
                    self.truck(truck_id).apply_alert(record)
            case _:
                pass

    def _news(self, key: str, at_ms: int, now_ms: int) -> bool:
        if at_ms < now_ms - REMEMBERED_MS or key in self._seen:
            return False
        self._seen[key] = at_ms
        return True

    def _forget(self, before_ms: int) -> None:
        self._seen = {key: at_ms for key, at_ms in self._seen.items() if at_ms >= before_ms}
        self.weighings = {key: one for key, one in self.weighings.items() if one.event_time_ms >= before_ms}
        for truck in self.trucks.values():
            truck.forget_before(before_ms)

    def _driver(self, action: events.DriverAction, now_ms: int) -> None:
        truck = self.truck(action.truck_id)
        if action.kind == "corrected":
            # With a corrected time the action stands, only its time was wrong; a truck that was down works again.
            if action.corrects is not None:
                truck.works_again(action.corrects)
                if action.corrected_time_ms is None:
                    truck.correct(action.corrects)
                    self.demand.reopen(action.corrects, action.truck_id)
            return
        if action.action_id in truck.corrected:
            return
        if action.kind == "collected":
            self._load_up(truck, action)
        self.demand.apply_closing(action)
        truck.apply_action(action, self._accepts(action.facility_id, now_ms))

    def _load_up(self, truck: Truck, action: events.DriverAction) -> None:
        stop_id = action.stop_id or action.bin_id
        span = self.span(action.event_time_ms)
        stop = self.demand.stop(stop_id, self.reference, span) if stop_id else None
        if stop is None:
            return
        kg = stop.kg if action.weight_kg is None else action.weight_kg
        truck.load_up(
            Carried(
                stop_id=stop.stop_id,
                material=stop.material,
                kg=kg,
                l=stop.l,
                facility_ids=stop.facility_ids,
                at_ms=action.event_time_ms,
                action_id=action.action_id,
            )
        )

    def _weighing(self, weighing: events.Weighing, now_ms: int) -> None:
        self.weighings[weighing.weighing_id] = weighing
        self.truck(weighing.truck_id).apply_weighing(weighing, self._accepts(weighing.facility_id, now_ms))

    def _accepts(self, facility_id: str | None, now_ms: int) -> tuple[str, ...] | None:
        site = self.reference.facilities.get(facility_id, now_ms)
        return site.accepts if site else None

    def _plan(self, plan: events.TruckPlan) -> None:
        known = self.plans.get(plan.truck_id)
        if known is None or plan.plan_version > known.plan_version:
            self.plans[plan.truck_id] = plan

    def _run(self, run: events.PlanningRun) -> None:
        known = self.runs.get(run.material)
        if known is None or run.made_ms >= known.made_ms:
            self.runs[run.material] = run
