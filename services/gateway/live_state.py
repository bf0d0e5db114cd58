"""What the pages show now: a pure fold of records into things, and which of them changed.

Records may come twice, and the picture from the database may already contain some that Kafka brings again: every rule
here is "the newer wins". No I/O and no clock: time comes in as ``now_ms`` (city time).
"""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec

from services.gateway.geometry import Ground
from services.gateway.handling import acknowledged
from services.gateway.whole import whole
from services.newest import ALERTS_BACK_MS, Picture, rank_ms, reading_rank_ms
from streams import events

ACTIONS_KEPT: Final = 200
"""The newest reports of all drivers, whatever they say; what pages need of older ones stays beside them."""
PLAN_UNAWARE_MS: Final = 10 * 60_000
"""A plan may not know yet what was reported shortly before it was made (`domain/progress.ts` asks the same way)."""
ALERTS_KEPT: Final = 2_000
"""More are kept only if each of them goes on, or waits for somebody to look at it."""
FACILITY_RADIUS_M: Final = 40.0
"""A place without an area is a circle of this radius (contract, ``assets``)."""
DOWN_KINDS: Final = ("breakdown", "sos")

LISTS: Final = {
    "truck": "trucks",
    "bin": "bins",
    "facility": "facilities",
    "depot": "depots",
    "source": "sources",
    "plan": "plans",
    "alert": "alerts",
    "run": "runs",
    "order": "orders",
    "due": "due",
    "action": "actions",
    "zone": "zones",
    "permit": "permits",
}
"""Kinds of things, and the list of the snapshot each stands in."""

Key = tuple[str, str]
"""Kind and id."""


class Change(NamedTuple):
    """A thing as it is now; ``value`` None = it is gone. What it is about decides who may see it."""

    kind: str
    id: str
    value: Any
    truck_ids: tuple[str, ...] = ()
    district_id: str | None = None


class Scope(NamedTuple):
    """What of a tenant's things somebody sees: all, those of a district (and of none), or one truck's."""

    district_id: str | None = None
    truck_id: str | None = None

    def sees(self, change: Change) -> bool:
        """Whether this thing is theirs to see.

        A driver sees the own truck, its plan, actions and permits, and the facilities: where they are, whether open.
        """
        if self.truck_id is not None:
            return change.kind == "facility" or (change.kind in _DRIVER_KINDS and self.truck_id in change.truck_ids)
        return self.district_id is None or change.district_id in (None, self.district_id)


_DRIVER_KINDS: Final = frozenset({"truck", "plan", "action", "permit", "facility"})


class Day(NamedTuple):
    """What a driver has to know. ``plan_seen``: newest plan version the driver accepted."""

    plan: events.TruckPlan | None
    shift: events.Shift | None
    permits: tuple[events.Permit, ...]
    plan_seen: int | None
    down_action_id: str | None

    def version(self) -> str:
        """Return a text that differs when anything here does: records are never changed under their version."""
        plan = f"{self.plan.plan_version}.{self.plan.made_ms}" if self.plan else "-"
        shift = f"{self.shift.shift_id}@{self.shift.version}" if self.shift else "-"
        permits = ",".join(f"{permit.permit_id}@{permit.version}" for permit in self.permits)
        return "|".join((plan, shift, permits, str(self.plan_seen), self.down_action_id or "-"))


@dataclass
class _Truck:
    asset: events.Asset | None = None
    state: events.TruckState | None = None
    lon: float | None = None
    lat: float | None = None
    shifts: dict[str, events.Shift] = field(default_factory=dict)
    shift: events.Shift | None = None
    calls: dict[str, events.DriverAction] = field(default_factory=dict)
    """Breakdown and SOS that stand: of the running shift, and not taken back."""
    inside: str | None = None
    """The facility it stands in."""

    @property
    def down(self) -> events.DriverAction | None:
        """The newest call that stands."""
        return max(self.calls.values(), key=lambda call: (call.event_time_ms, call.action_id), default=None)


@dataclass
class _Bin:
    asset: events.Asset | None = None
    reading: events.BinReading | None = None
    fill: float | None = None


@dataclass
class _Alert:
    alert: events.Alert | None = None
    actions: dict[str, events.AlertAction] = field(default_factory=dict)

    def in_time(self) -> list[events.AlertAction]:
        """What was said about it, in order of time."""
        return sorted(self.actions.values(), key=lambda action: (action.at_ms, action.action_id))

    @property
    def settled(self) -> bool:
        """It was withdrawn, or is over and somebody has seen it; or it is not known, only what was said about it."""
        if self.alert is None or self.alert.state == "cancelled":
            return True
        return self.alert.state == "ended" and acknowledged(self.in_time()) is not None

    @property
    def since_ms(self) -> int:
        """When it was raised; if it is not known, when something was last said about it."""
        return self.alert.raised_ms if self.alert is not None else max(one.at_ms for one in self.actions.values())


class Town:
    """A tenant's things.

    Parameters
    ----------
    midnight_before
        Gives the city's last midnight before a time (both UTC ms): a facility's kilograms are counted from there.
    """

    def __init__(self, midnight_before: Callable[[int], int]) -> None:
        self._midnight_before = midnight_before
        self._trucks: dict[str, _Truck] = {}
        self._bins: dict[str, _Bin] = {}
        self._places: dict[Key, events.Asset] = {}
        self._grounds: dict[str, Ground] = {}
        """Of each facility."""
        self._plans: dict[str, events.TruckPlan] = {}
        self._alerts: dict[str, _Alert] = {}
        self._runs: dict[str, events.PlanningRun] = {}
        self._orders: dict[str, events.Order] = {}
        self._due: dict[str, events.CollectionDue] = {}
        self._not_due_ms: dict[str, int] = {}
        self._zones: dict[str, events.Zone] = {}
        self._permits: dict[str, events.Permit] = {}
        self._actions: dict[str, events.DriverAction] = {}
        self._actions_full = 2 * ACTIONS_KEPT
        self._seen_plans: dict[str, int] = {}
        self._weighed: dict[str, events.Weighing] = {}
        self._kg_from_ms = 0
        self._later: list[tuple[int, int, events.Versioned]] = []
        self._count = itertools.count()
        self._dirty: set[Key] = set()
        self.newest_fix_ms: int | None = None
        """Largest ``received_time_ms`` (else ``event_time_ms``) of a truck's record, city time."""

    # ----------------------------------------------------------------------------------------- records in

    def restore(self, picture: Picture, tenant_id: str, now_ms: int) -> None:
        """Take what the database knows of this tenant."""
        for event in picture.events:
            if event.tenant_id == tenant_id:
                self.apply(event, now_ms)
        for position in picture.positions:
            if position.state.tenant_id == tenant_id:
                self.apply(position.state, now_ms)
                truck = self._truck(position.state.truck_id)
                truck.lon, truck.lat = position.lon, position.lat
        for reading, fill in picture.readings:
            if reading.tenant_id == tenant_id:
                self.apply(reading, now_ms)
                self._bins[reading.bin_id].fill = fill

    def apply(self, event: events.Event, now_ms: int) -> None:
        """Take one record; kinds that no page shows are passed over."""
        if isinstance(event, events.Versioned) and event.valid_from_ms > now_ms:
            heapq.heappush(self._later, (event.valid_from_ms, next(self._count), event))
            return
        take = _TAKE.get(type(event))
        if take is not None:
            take(self, event)

    def advance(self, now_ms: int) -> None:
        """Let time pass: versions become valid, shifts begin and end, a new day begins, old alerts go."""
        while self._later and self._later[0][0] <= now_ms:
            _, _, event = heapq.heappop(self._later)
            self.apply(event, now_ms)
        for truck_id, truck in self._trucks.items():
            self._advance_truck(truck_id, truck, now_ms)
        self._begin_day(now_ms)
        self._drop_old_alerts(now_ms)

    def _take_position(self, state: events.TruckState) -> None:
        truck = self._truck(state.truck_id)
        arrived_ms = state.received_time_ms if state.received_time_ms is not None else state.event_time_ms
        self.newest_fix_ms = max(arrived_ms, self.newest_fix_ms or arrived_ms)
        if truck.state is not None and rank_ms(state) < rank_ms(truck.state):
            return
        truck.state = state
        if state.fix and state.lon is not None and state.lat is not None:
            truck.lon, truck.lat = state.lon, state.lat
            self._find_inside(truck)
        self._dirty.add(("truck", state.truck_id))

    def _take_reading(self, reading: events.BinReading) -> None:
        bin_ = self._bins.setdefault(reading.bin_id, _Bin())
        if bin_.reading is not None and reading_rank_ms(reading) < reading_rank_ms(bin_.reading):
            return
        bin_.reading = reading
        if reading.invalid is None and reading.fill is not None:
            bin_.fill = reading.fill
        self._dirty.add(("bin", reading.bin_id))

    def _take_asset(self, asset: events.Asset) -> None:
        if asset.kind == "truck":
            truck = self._truck(asset.id)
            if _newer(asset, truck.asset):
                truck.asset = asset
                self._dirty.add(("truck", asset.id))
        elif asset.kind == "bin":
            bin_ = self._bins.setdefault(asset.id, _Bin())
            if _newer(asset, bin_.asset):
                bin_.asset = asset
                self._dirty.add(("bin", asset.id))
        elif _newer(asset, self._places.get((asset.kind, asset.id))):
            self._places[asset.kind, asset.id] = asset
            if asset.kind == "facility":
                self._grounds[asset.id] = Ground(asset, FACILITY_RADIUS_M)
            self._dirty.add((asset.kind, asset.id))

    def _take_shift(self, shift: events.Shift) -> None:
        truck = self._truck(shift.truck_id)
        if _newer(shift, truck.shifts.get(shift.shift_id)):
            truck.shifts[shift.shift_id] = shift
            self._dirty.add(("truck", shift.truck_id))

    def _take_zone(self, zone: events.Zone) -> None:
        if zone.kind != "grid" and _newer(zone, self._zones.get(zone.zone_id)):
            self._zones[zone.zone_id] = zone
            self._dirty.add(("zone", zone.zone_id))

    def _take_permit(self, permit: events.Permit) -> None:
        if _newer(permit, self._permits.get(permit.permit_id)):
            self._permits[permit.permit_id] = permit
            self._dirty.add(("permit", permit.permit_id))

    def _take_order(self, order: events.Order) -> None:
        if _newer(order, self._orders.get(order.order_id)):
            self._orders[order.order_id] = order
            self._dirty.add(("order", order.order_id))

    def _take_plan(self, plan: events.TruckPlan) -> None:
        known = self._plans.get(plan.truck_id)
        if known is None or plan.plan_version >= known.plan_version:
            self._plans[plan.truck_id] = plan
            self._dirty.add(("plan", plan.truck_id))

    def _take_run(self, run: events.PlanningRun) -> None:
        known = self._runs.get(run.material)
        if known is None or run.made_ms >= known.made_ms:
            self._runs[run.material] = run
            self._dirty.add(("run", run.material))

    def _take_due(self, due: events.CollectionDue) -> None:
        known = self._due.get(due.place_id)
        known_ms = known.at_ms if known is not None else self._not_due_ms.get(due.place_id)
        if known_ms is not None and due.at_ms < known_ms:
            return
        if due.due:
            self._due[due.place_id] = due
            self._not_due_ms.pop(due.place_id, None)
        else:
            self._due.pop(due.place_id, None)
            self._not_due_ms[due.place_id] = due.at_ms
        self._dirty.add(("due", due.place_id))

    def _take_alert(self, alert: events.Alert) -> None:
        known = self._alerts.setdefault(alert.alert_id, _Alert())
        if known.alert is None or alert.revision >= known.alert.revision:
            known.alert = alert
            self._dirty.add(("alert", alert.alert_id))

    def _take_alert_action(self, action: events.AlertAction) -> None:
        self._alerts.setdefault(action.alert_id, _Alert()).actions[action.action_id] = action
        self._dirty.add(("alert", action.alert_id))

    def _take_action(self, action: events.DriverAction) -> None:
        if action.action_id in self._actions:
            return
        self._actions[action.action_id] = action
        self._dirty.add(("action", action.action_id))
        if len(self._actions) >= self._actions_full:
            self._forget_actions()
        if action.kind == "accepted_plan" and action.plan_version is not None:
            self._seen_plans[action.truck_id] = max(action.plan_version, self._seen_plans.get(action.truck_id, 0))
        self._take_down(action)

    def _forget_actions(self) -> None:
        """Let go of old reports that say nothing any more of where a truck is in its plan."""
        in_time = sorted(self._actions.values(), key=lambda action: action.event_time_ms)
        newest = {(action.truck_id, action.kind): action.action_id for action in in_time}
        kept = {*list(self._actions)[-ACTIONS_KEPT:], *newest.values()}
        kept |= {action_id for action_id, action in self._actions.items() if self._under_plan(action)}
        kept |= {action_id for action_id, action in self._actions.items() if action.corrects in kept}
        self._dirty |= {("action", action_id) for action_id in self._actions if action_id not in kept}
        self._actions = {action_id: action for action_id, action in self._actions.items() if action_id in kept}
        self._actions_full = len(self._actions) + ACTIONS_KEPT

    def _under_plan(self, action: events.DriverAction) -> bool:
        plan = self._plans.get(action.truck_id)
        return plan is not None and action.event_time_ms >= plan.made_ms - PLAN_UNAWARE_MS

    def _take_down(self, action: events.DriverAction) -> None:
        calls = self._truck(action.truck_id).calls
        if action.kind == "corrected" and action.corrects in calls:
            del calls[action.corrects]
        elif action.kind in DOWN_KINDS and not self._taken_back(action):
            calls[action.action_id] = action
        else:
            return
        self._dirty.add(("truck", action.truck_id))

    def _taken_back(self, action: events.DriverAction) -> bool:
        """Whether the correction came before what it corrects."""
        of_it = (action.truck_id, action.action_id)
        return any((one.truck_id, one.corrects) == of_it for one in self._actions.values())

    def _take_weighing(self, weighing: events.Weighing) -> None:
        if weighing.inbound and weighing.accepted and weighing.net_kg is not None:
            self._weighed[weighing.weighing_id] = weighing
            self._dirty.add(("facility", weighing.facility_id))

    # ----------------------------------------------------------------------------------------- time and space

    def _truck(self, truck_id: str) -> _Truck:
        return self._trucks.setdefault(truck_id, _Truck())

    def _advance_truck(self, truck_id: str, truck: _Truck, now_ms: int) -> None:
        running = (s for s in truck.shifts.values() if s.start_ms <= now_ms < s.end_ms and not s.retired)
        shift = max(running, key=lambda s: (s.start_ms, s.version), default=None)
        if shift != truck.shift:
            truck.shift = shift
            self._dirty.add(("truck", truck_id))
        over = [key for key, call in truck.calls.items() if shift is not None and call.event_time_ms < shift.start_ms]
        for action_id in over:
            del truck.calls[action_id]
            self._dirty.add(("truck", truck_id))

    def _begin_day(self, now_ms: int) -> None:
        from_ms = self._midnight_before(now_ms)
        if from_ms == self._kg_from_ms:
            return
        self._kg_from_ms = from_ms
        for weighing in [w for w in self._weighed.values() if w.event_time_ms < from_ms]:
            del self._weighed[weighing.weighing_id]
            self._dirty.add(("facility", weighing.facility_id))

    def _drop_old_alerts(self, now_ms: int) -> None:
        for alert_id, known in list(self._alerts.items()):
            alert = known.alert
            if (
                alert is not None
                and alert.state in ("ended", "cancelled")
                and alert.raised_ms < now_ms - ALERTS_BACK_MS
            ):
                del self._alerts[alert_id]
                self._dirty.add(("alert", alert_id))
        if (surplus := len(self._alerts) - ALERTS_KEPT) > 0:
            settled = [alert_id for alert_id, known in self._alerts.items() if known.settled]
            for alert_id in heapq.nsmallest(surplus, settled, key=lambda alert_id: self._alerts[alert_id].since_ms):
                del self._alerts[alert_id]
                self._dirty.add(("alert", alert_id))

    def _find_inside(self, truck: _Truck) -> None:
        here = None
        if truck.lon is not None and truck.lat is not None:
            grounds = self._grounds.items()
            here = next((place_id for place_id, ground in grounds if ground.holds(truck.lon, truck.lat)), None)
        if here != truck.inside:
            self._dirty |= {("facility", place_id) for place_id in (here, truck.inside) if place_id is not None}
            truck.inside = here

    # ----------------------------------------------------------------------------------------- things out

    def changes(self) -> list[Change]:
        """Return what changed since the last call, as it is now."""
        dirty, self._dirty = self._dirty, set()
        return [self.thing(kind, thing_id) for kind, thing_id in sorted(dirty)]

    def everything(self, scope: Scope) -> dict[str, list[Any]]:
        """Return all things somebody sees, by the snapshot's lists."""
        lists: dict[str, list[Any]] = {name: [] for name in LISTS.values()}
        for kind, thing_id in self._keys():
            if scope.truck_id is not None and kind not in _DRIVER_KINDS:
                continue
            change = self.thing(kind, thing_id)
            if change.value is not None and scope.sees(change):
                lists[LISTS[kind]].append(change.value)
        return lists

    def _keys(self) -> Iterator[Key]:
        things: dict[str, Iterable[str]] = {
            "truck": self._trucks,
            "bin": self._bins,
            "plan": self._plans,
            "alert": self._alerts,
            "run": self._runs,
            "order": self._orders,
            "due": self._due,
            "action": self._actions,
            "zone": self._zones,
            "permit": self._permits,
        }
        yield from self._places
        for kind, ids in things.items():
            yield from ((kind, thing_id) for thing_id in ids)

    def ids(self, kind: str) -> list[str]:
        """Return the ids of a kind's things, in order, also of those that are not shown."""
        return sorted(thing_id for one, thing_id in self._keys() if one == kind)

    def thing(self, kind: str, thing_id: str) -> Change:
        """Return one thing as it is now."""
        view = _VIEWS.get(kind)
        return view(self, thing_id) if view is not None else self._place_view(kind, thing_id)

    def _plan_view(self, truck_id: str) -> Change:
        plan = self._plans.get(truck_id)
        if plan is not None and plan.guide is not None:
            plan = msgspec.structs.replace(plan, guide=None)  # only who drives it reads it, from `GET /driver`
        return Change("plan", truck_id, whole(plan), (truck_id,), self._district_of_truck(truck_id))

    def _action_view(self, action_id: str) -> Change:
        action = self._actions.get(action_id)
        if action is None:
            return Change("action", action_id, None)
        truck_id = action.truck_id
        return Change("action", action_id, whole(action), (truck_id,), self._district_of_truck(truck_id))

    def _permit_view(self, permit_id: str) -> Change:
        permit = self._permits.get(permit_id)
        return Change("permit", permit_id, _shown(permit), permit.truck_ids if permit else ())

    def _due_view(self, place_id: str) -> Change:
        return Change("due", place_id, whole(self._due.get(place_id)), (), self._district_of_bin(place_id))

    def _order_view(self, order_id: str) -> Change:
        order = self._orders.get(order_id)
        return self.order_view(order) if order is not None else Change("order", order_id, None)

    def order_view(self, order: events.Order) -> Change:
        """Return an order as it would be shown, whether it has come by the topic yet or not."""
        source = self._places.get(("source", order.source_id))
        return Change("order", order.order_id, _shown(order), (), source.district_id if source else None)

    def _run_view(self, material: str) -> Change:
        return Change("run", material, whole(self._runs.get(material)))

    def _zone_view(self, zone_id: str) -> Change:
        return Change("zone", zone_id, _shown(self._zones.get(zone_id)))

    def _truck_view(self, truck_id: str) -> Change:
        truck = self._trucks.get(truck_id, _Truck())
        asset, state = truck.asset, truck.state or _NO_STATE
        if truck.asset is None and truck.state is None and truck.down is None:
            return Change("truck", truck_id, None, (truck_id,))
        if asset is not None and asset.retired:
            return Change("truck", truck_id, None, (truck_id,), asset.district_id)
        about = asset or _NO_ASSET
        shift = truck.shift
        value = {
            "truck_id": truck_id,
            "plate": about.plate,
            "class": about.truck_class,
            "materials": list(about.materials),
            "payload_kg": about.payload_kg,
            "volume_l": about.volume_l,
            "contractor_id": about.contractor_id,
            "depot_id": about.depot_id,
            "district_id": about.district_id,
            "lon": truck.lon,
            "lat": truck.lat,
            "fix": state.fix,
            "heading_deg": state.heading_deg,
            "speed_mps": state.speed_mps,
            "event_time_ms": state.event_time_ms if truck.state else None,
            "received_time_ms": state.received_time_ms,
            "cover": state.cover,
            "bed": state.bed,
            "load_state": state.load_state,
            "load_kg": state.load_kg,
            "sensor_health": whole(state.sensor_health),
            "driver_id": state.driver_id or (shift.driver_id if shift else None),
            "shift": {"start_ms": shift.start_ms, "end_ms": shift.end_ms} if shift else None,
            "down": truck.down.kind if truck.down else None,
            "down_action_id": truck.down.action_id if truck.down else None,
        }
        return Change("truck", truck_id, value, (truck_id,), about.district_id)

    def _bin_view(self, bin_id: str) -> Change:
        bin_ = self._bins.get(bin_id, _Bin())
        asset, reading = bin_.asset, bin_.reading
        if asset is None or asset.retired or asset.lon is None or asset.lat is None:
            return Change("bin", bin_id, None, (), asset.district_id if asset else None)
        value = {
            "bin_id": bin_id,
            "name": asset.name,
            "material": asset.material,
            "lon": asset.lon,
            "lat": asset.lat,
            "volume_l": asset.volume_l,
            "fill": bin_.fill,
            "event_time_ms": reading.event_time_ms if reading else None,
            "battery": reading.battery if reading else None,
            "invalid": reading.invalid if reading else None,
            "district_id": asset.district_id,
        }
        return Change("bin", bin_id, value, (), asset.district_id)

    def _place_view(self, kind: str, place_id: str) -> Change:
        asset = self._places.get((kind, place_id))
        if asset is None or asset.retired:
            return Change(kind, place_id, None)
        value = {name: whole(getattr(asset, name)) for name in _PLACE_MEMBERS}
        if kind == "facility":
            weighed = (w for w in self._weighed.values() if w.facility_id == place_id)
            value["today_kg"] = sum(w.net_kg or 0.0 for w in weighed if w.event_time_ms >= self._kg_from_ms)
            value["queue"] = sum(truck.inside == place_id for truck in self._trucks.values())
            return Change(kind, place_id, value)
        return Change(kind, place_id, value, (), asset.district_id)

    def _alert_view(self, alert_id: str) -> Change:
        known = self._alerts.get(alert_id)
        if known is None or known.alert is None:
            return Change("alert", alert_id, None)
        alert = known.alert
        actions = known.in_time()
        acked = acknowledged(actions)
        value = whole(alert) | {
            "acked_by": acked.actor if acked else None,
            "ack_ms": acked.at_ms if acked else None,
            "actions": whole(actions),
        }
        district = self._district_of_truck(alert.truck_id) if alert.truck_id else None
        if alert.bin_id is not None:
            district = self._district_of_bin(alert.bin_id)
        trucks = alert.truck_ids or ((alert.truck_id,) if alert.truck_id else ())
        return Change("alert", alert_id, value, trucks, district)

    def _district_of_truck(self, truck_id: str) -> str | None:
        asset = self._trucks.get(truck_id, _Truck()).asset
        return asset.district_id if asset else None

    def _district_of_bin(self, bin_id: str) -> str | None:
        asset = self._bins.get(bin_id, _Bin()).asset
        return asset.district_id if asset else None

    # ----------------------------------------------------------------------------------------- questions

    def day_of(self, truck_id: str) -> "Day":
        """Return what a driver's day stands on, as records."""
        truck = self._trucks.get(truck_id, _Truck())
        permits = [p for p in self._permits.values() if truck_id in p.truck_ids and not p.retired]
        plan, seen = self._plans.get(truck_id), self._seen_plans.get(truck_id)
        return Day(plan, truck.shift, tuple(permits), seen, truck.down.action_id if truck.down else None)

    def plan_of(self, truck_id: str) -> events.TruckPlan | None:
        """Return a truck's newest plan, as it came."""
        return self._plans.get(truck_id)

    def comers(self, scope: Scope) -> dict[str, tuple[str, int]]:
        """Return who comes to each place and order by the newest plans somebody sees, and when; the first of several."""
        found: dict[str, tuple[str, int]] = {}
        for truck_id, plan in self._plans.items():
            if not scope.sees(Change("plan", truck_id, None, (truck_id,), self._district_of_truck(truck_id))):
                continue
            for visit in plan.visits:
                for place_id in (visit.stop_id, visit.order_id):
                    if place_id is not None:
                        found.setdefault(place_id, (truck_id, visit.arrive_ms))
        return found

    def plates(self) -> dict[str, str]:
        """Return the number plate of each truck that has one: plans name colleagues' trucks."""
        assets = {truck_id: truck.asset for truck_id, truck in self._trucks.items()}
        return {truck_id: asset.plate for truck_id, asset in assets.items() if asset is not None and asset.plate}

    def alert_rule(self, alert_id: str, district_id: str | None) -> str | None:
        """Return the rule of an alert that is shown to people of this district (None = of all); city-wide ones are."""
        known = self._alerts.get(alert_id)
        if known is None or known.alert is None:
            return None
        alert = known.alert
        own = self._district_of_truck(alert.truck_id or "") or self._district_of_bin(alert.bin_id or "")
        return alert.rule if own is None or district_id in (None, own) else None

    def bounds(self) -> tuple[float, float, float, float] | None:
        """Return west, south, east, north of all trucks' last places."""
        lons = [truck.lon for truck in self._trucks.values() if truck.lon is not None]
        lats = [truck.lat for truck in self._trucks.values() if truck.lat is not None]
        return (min(lons), min(lats), max(lons), max(lats)) if lons and lats else None

    def time_zone(self) -> str | None:
        """Return the time zone the trucks' records name."""
        zones = (truck.asset.time_zone for truck in self._trucks.values() if truck.asset is not None)
        return next((zone for zone in zones if zone is not None), None)


def _newer(event: events.Versioned, known: events.Versioned | None) -> bool:
    return known is None or event.version >= known.version


def _shown(event: events.Versioned | None) -> Any:
    return None if event is None or event.retired else whole(event)


_NO_ASSET: Final = events.Asset(id="-", kind="truck", valid_from_ms=0)
_NO_STATE: Final = events.TruckState(truck_id="-", event_time_ms=0, fix=False)
_PLACE_MEMBERS: Final = (
    "id",
    "kind",
    "name",
    "version",
    "district_id",
    "lon",
    "lat",
    "area",
    "windows",
    "days",
    "closed_dates",
    "closed_until_ms",
    "material",
    "responsible",
    "facility_type",
    "accepts",
    "unload_s",
    "daily_kg",
    "docks",
)
_TAKE: Final[dict[type[events.Event], Callable[[Town, Any], None]]] = {
    events.TruckState: Town._take_position,  # noqa: SLF001
    events.BinReading: Town._take_reading,  # noqa: SLF001
    events.Asset: Town._take_asset,  # noqa: SLF001
    events.Shift: Town._take_shift,  # noqa: SLF001
    events.Zone: Town._take_zone,  # noqa: SLF001
    events.Permit: Town._take_permit,  # noqa: SLF001
    events.Order: Town._take_order,  # noqa: SLF001
    events.TruckPlan: Town._take_plan,  # noqa: SLF001
    events.PlanningRun: Town._take_run,  # noqa: SLF001
    events.CollectionDue: Town._take_due,  # noqa: SLF001
    events.Alert: Town._take_alert,  # noqa: SLF001
    events.AlertAction: Town._take_alert_action,  # noqa: SLF001
    events.DriverAction: Town._take_action,  # noqa: SLF001
    events.Weighing: Town._take_weighing,  # noqa: SLF001
}
"""What becomes of each kind of record: the whole list."""

_VIEWS: Final[dict[str, Callable[[Town, str], Change]]] = {
    "truck": Town._truck_view,  # noqa: SLF001
    "bin": Town._bin_view,  # noqa: SLF001
    "plan": Town._plan_view,  # noqa: SLF001
    "alert": Town._alert_view,  # noqa: SLF001
    "run": Town._run_view,  # noqa: SLF001
    "order": Town._order_view,  # noqa: SLF001
    "due": Town._due_view,  # noqa: SLF001
    "action": Town._action_view,  # noqa: SLF001
    "zone": Town._zone_view,  # noqa: SLF001
    "permit": Town._permit_view,  # noqa: SLF001
}
"""How each kind of thing is shown; facilities, depots and sources are places."""
