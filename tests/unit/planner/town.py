"""A town small enough to see: three kitchen trucks on a street that runs east, six bins, two facilities, one site."""

from dataclasses import dataclass, field
from itertools import count

import numpy as np

from services.planner.geo import distance_m
from services.planner.horizon import Trigger, broken
from services.planner.situation import Situation, situation
from services.planner.state import PlannerState
from services.planner.ways import Matrix
from streams import events
from streams.events import PlanVisit
from streams.units import HOUR_MS, MINUTE_MS

SEVEN_MS = 1_795_503_600_000
"""2026-11-24 07:00 UTC, a Tuesday."""
MIDNIGHT_MS = SEVEN_MS - 7 * HOUR_MS
LAT = 41.15
TENANT = "town"
_ids = count(1)


def lon(number: float) -> float:
    """Longitude of house ``number`` of the street: a hundred of them to a hundredth of a degree."""
    return -8.6 + number / 10_000


BINS = {f"b{n}": lon(100 * n) for n in range(1, 7)}
TRUCKS = ("t1", "t2", "t3")


def asset(kind: str, id_: str, at: float = 0.0, **more: object) -> events.Asset:
    given = {"name": id_.upper(), "lon": at, "lat": LAT, "valid_from_ms": 0, "tenant_id": TENANT, **more}
    if kind == "truck":
        given = {**given, "lon": None, "lat": None}
    return events.Asset(kind=kind, id=id_, **given)


@dataclass
class Town:
    """Folds records at a time of its own."""

    now_ms: int = SEVEN_MS
    state: PlannerState = field(default_factory=lambda: PlannerState(TENANT))

    def __post_init__(self) -> None:
        self.take(asset("depot", "d1", lon(0)), asset("facility", "f1", lon(800), accepts=("kitchen",), unload_s=600))
        self.take(asset("facility", "f2", lon(-300), accepts=("kitchen",), unload_s=600))
        for bin_id, at in BINS.items():
            self.take(asset("bin", bin_id, at, material="kitchen", volume_l=600, density_kg_per_l=0.5, service_s=60))
        for truck_id in TRUCKS:
            self.truck(truck_id)

    def truck(self, truck_id: str, *, materials: tuple[str, ...] = ("kitchen",), **more: object) -> None:
        """A truck with its shift from 06:00 to 14:00."""
        given = {"payload_kg": 4_000, "volume_l": 8_000, "depot_id": "d1", **more}
        self.take(asset("truck", truck_id, materials=materials, **given), self.shift(truck_id))

    def shift(self, truck_id: str, **more: object) -> events.Shift:
        """The truck's shift of the day, 06:00 to 14:00 with an hour of overtime."""
        begin_ms, end_ms = MIDNIGHT_MS + 6 * HOUR_MS, MIDNIGHT_MS + 14 * HOUR_MS
        given = {"start_ms": begin_ms, "end_ms": end_ms, "overtime_s": 3600, "valid_from_ms": 0, **more}
        return events.Shift(tenant_id=TENANT, shift_id=f"{truck_id}-day", truck_id=truck_id, **given)

    # ------------------------------------------------------------------------------------- what happens

    def take(self, *records: events.Event) -> None:
        """Fold records."""
        for record in records:
            self.state.apply(record, self.now_ms)

    def later(self, minutes: float = 1.0) -> None:
        """Let time pass."""
        self.now_ms += round(minutes * MINUTE_MS)

    def due(self, *bin_ids: str, due: bool = True, overflow_h: float | None = 8.0, **more: object) -> None:
        """The forecast calls bins due."""
        overflow_ms = None if overflow_h is None else self.now_ms + round(overflow_h * HOUR_MS)
        for bin_id in bin_ids:
            given = {"tenant_id": TENANT, "material": "kitchen", "kg": 300.0, "l": 600.0, "fill_now": 0.85, **more}
            self.take(events.CollectionDue(
                overflow_ms=overflow_ms, place_id=bin_id, place_kind="bin", due=due, at_ms=self.now_ms, **given
            ))  # fmt: skip

    def fix(self, truck_id: str, at: float, load_kg: float | None = None, **more: object) -> None:
        """A truck reports where it is, and its load if it has a sensor."""
        health = events.SensorHealth(load="missing" if load_kg is None else "ok")
        self.take(events.TruckState(
            tenant_id=TENANT, truck_id=truck_id, event_time_ms=self.now_ms, lon=at, lat=LAT, load_kg=load_kg,
            sensor_health=health, **more,
        ))  # fmt: skip

    def press(self, truck_id: str, kind: str, **more: object) -> events.DriverAction:
        """A driver presses a button."""
        action = events.DriverAction(
            tenant_id=TENANT, action_id=f"a{next(_ids)}", truck_id=truck_id, kind=kind, event_time_ms=self.now_ms,
            received_time_ms=self.now_ms, **more,
        )  # fmt: skip
        self.take(action)
        return action

    def overrule(self, subject_id: str, kind: str, **more: object) -> None:
        """A dispatcher overrules the planner."""
        self.take(events.DispatchAction(
            tenant_id=TENANT, action_id=f"a{next(_ids)}", subject_id=subject_id, actor="ana", kind=kind,
            at_ms=self.now_ms, **more,
        ))  # fmt: skip

    def weigh(self, truck_id: str, facility_id: str, net_kg: float, **more: object) -> None:
        """A weighbridge sends a ticket."""
        self.take(events.Weighing(
            tenant_id=TENANT, weighing_id=f"w{next(_ids)}", facility_id=facility_id, truck_id=truck_id,
            event_time_ms=self.now_ms, net_kg=net_kg, **more,
        ))  # fmt: skip

    def order(self, order_id: str = "o1", *, source: bool = True, **more: object) -> events.Order:
        """A building site books a pick-up."""
        if source:
            self.take(asset("source", "s1", lon(300), material="construction", windows=(("06:00", "20:00"),)))
        given = {"kg": 10_000.0, "l": 8_000.0, "version": 1, **more}
        order = events.Order(
            tenant_id=TENANT, order_id=order_id, source_id="s1", material="construction", valid_from_ms=0, **given
        )
        self.take(order)
        return order

    def plan(
        self, truck_id: str, *places: str, version: int = 1, pace_min: int = 10, **more: object
    ) -> events.TruckPlan:
        """A running plan, made now: bins by id, facilities by id, ``break``; a visit every ``pace_min`` minutes."""
        begin_ms, end_ms = self.now_ms, self.now_ms + (len(places) + 1) * pace_min * MINUTE_MS
        visits = [PlanVisit(kind="start", arrive_ms=begin_ms, leave_ms=begin_ms, lon=lon(0), lat=LAT)]
        load_kg = 0.0
        for number, place in enumerate(places, start=1):
            at_ms = begin_ms + number * pace_min * MINUTE_MS
            load_kg = load_kg + 300.0 if place in BINS else 0.0
            visits.append(self._visit(place, at_ms, load_kg))
        visits.append(PlanVisit(kind="end", arrive_ms=end_ms, leave_ms=end_ms, lon=lon(0), lat=LAT))
        given = {"reason": "first_plan", "material": "kitchen", **more}
        plan = events.TruckPlan(
            tenant_id=TENANT,
            truck_id=truck_id,
            plan_version=version,
            made_ms=self.now_ms,
            visits=tuple(visits),
            **given,
        )
        self.take(plan)
        return plan

    def _visit(self, place: str, at_ms: int, load_kg: float) -> PlanVisit:
        times = {"arrive_ms": at_ms, "begin_ms": at_ms, "leave_ms": at_ms + MINUTE_MS, "lat": LAT, "load_kg": load_kg}
        if place in BINS:
            return PlanVisit(
                kind="collect", stop_id=place, bin_ids=(place,), name=place.upper(), lon=BINS[place], **times
            )
        if place == "break":
            return PlanVisit(kind="break", break_id="t-day/break/0", lon=lon(0), **times)
        site = self.state.reference.facilities.get(place, self.now_ms)
        return PlanVisit(kind="tip", facility_id=place, name=place.upper(), lon=site.lon if site else 0.0, **times)

    def run(self, material: str = "kitchen", **more: object) -> None:
        """The record of a run, made now."""
        self.take(events.PlanningRun(
            tenant_id=TENANT, run_id=f"r{next(_ids)}", material=material, made_ms=self.now_ms, reason="first_plan", **more
        ))  # fmt: skip

    def planned(self) -> None:
        """The usual morning: six due bins, two each for the three trucks, then a tip; all said by a run."""
        self.due(*BINS)
        for number, truck_id in enumerate(TRUCKS):
            self.plan(truck_id, f"b{2 * number + 1}", f"b{2 * number + 2}", "f1")
        self.run()
        self.later()

    # ------------------------------------------------------------------------------------- what is seen

    def now(self) -> Situation:
        """The situation as the planner sees it."""
        return situation(self.state, self.now_ms)

    def triggers(self, late_ms: dict[str, int] | None = None) -> list[Trigger]:
        """What of the running plans no longer holds."""
        return broken(self.now(), late_ms or {})

    def reasons(self, late_ms: dict[str, int] | None = None) -> set[str]:
        """The reasons of all triggers."""
        return {one.reason for one in self.triggers(late_ms)}


def straight(places: tuple[tuple[float, float], ...]) -> Matrix:
    """The matrix of a town without corners: straight lines at 8 m/s."""
    metres = np.array([[round(distance_m(a, b)) for b in places] for a in places], dtype=np.int64)
    return Matrix(duration_s=np.rint(metres / 8).astype(np.int64), distance_m=metres)
