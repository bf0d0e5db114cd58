"""The town: one step is one second of city time. No network, no clock, no generator: told the same, it does the same.

`Town.step` moves every truck by a second and returns what devices send and drivers press. `Town.take_plan` is the only
thing it is told. The state (`TownState`) is a value: kept on disk, taken up again, it goes on as if nothing had been.
"""

import heapq
from collections.abc import Iterator
from typing import Final

import shapely
from shapely.geometry import shape

from services.city.folder import City, LonLat
from services.planner.roads import NoWay
from services.simulator import containers, deeds, noise, opening, sensing
from services.simulator.drivers import (
    EMPTY_SHARE,
    FULL_SHARE,
    LOADING_S,
    PATIENCE_MS,
    Places,
    gate_of,
    remaining,
    shift_at,
    take_up,
    target_of,
)
from services.simulator.driving import Ways, advance, drive
from services.simulator.script import DeedKind, Play
from services.simulator.state import Output, Pressed, Target, Ticketed, TownState, Truck, Truth, Work
from streams import events
from streams.units import DAY_MS, MINUTE_MS, SECOND_MS

STEP_MS: Final = SECOND_MS
THINK_EVERY_S: Final = 5
"""How often an idle driver looks up."""
BLOCKED_S: Final = 50
"""How long a driver tries to get at a container that is parked in."""
SCALE_STEP_KG: Final = 20
"""Weighbridges round to it."""
LOADABLE: Final = 1.03
"""Nobody loads more than this share of the payload."""
_WEIGH_IN, _WEIGH_OUT = 0.25, 0.8
"""Shares of an unloading between which the load leaves the truck."""


class Town:
    """The town in motion. ``ways`` is a deterministic function of the road graph."""

    def __init__(self, city: City, play: Play, ways: Ways, state: TownState) -> None:
        self.city, self.play, self.ways, self.state = city, play, ways, state
        self.places = Places(city)
        self._rows = {row.bin_id: row for row in city.bins}
        self._keys = {name: noise.key(name) for name in (*self._rows, *state.trucks)}
        self._trucks = {row.truck_id: row for row in city.trucks}
        self._yards = [gate_of(city.asset[kind, place.id]) for kind in ("facility", "source", "depot") for place in city.of_kind(kind)]  # fmt: skip
        tunnels = [shape(zone.area) for zone in city.zones if zone.kind == "dead_zone"]
        self._tunnels = shapely.STRtree(tunnels)
        self._uplinks = [(one.next_uplink_ms, bin_id) for bin_id, one in state.containers.items()]
        heapq.heapify(self._uplinks)
        self._day: object = None
        self._shifts: dict[str, events.Shift] = {}
        self._offset_ms = 0
        self._look_at_the_calendar()

    # ------------------------------------------------------------------------------------- told and asked

    def take_plan(self, truck_id: str, plan: events.TruckPlan) -> list[Output]:
        """Give a driver a plan; one that is no newer than the driver's is ignored. The driver presses "seen"."""
        truck = self.state.trucks[truck_id]
        before = truck.plan
        if take_up(truck, plan, self.state.now_ms):
            truck.drive = truck.target = None  # turn off: the way is found anew within seconds
            truck.gate = None
        return [] if truck.plan is before else [self._press(truck, "accepted_plan")]

    def set_down(self, truck_id: str, *, down: bool) -> None:
        """Let a truck break down where it is, or go on; what it is busy with while standing it finishes."""
        truck = self.state.trucks[truck_id]
        if down and not truck.down:
            truck.drive = truck.target = None
            truck.speed_mps = 0.0
        truck.down = down

    def on_duty(self, truck_id: str) -> bool:
        """Whether the truck's driver looks at the page now: on a shift, or not home yet."""
        return self.state.trucks[truck_id].on_duty or shift_at(self._shifts, truck_id, self.state.now_ms) is not None

    def step(self) -> list[Output]:
        """Let one second pass; return what devices send and drivers press, in order."""
        self.state.now_ms += STEP_MS
        if self.state.now_ms % MINUTE_MS == 0:
            self._look_at_the_calendar()
        outputs: list[Output] = []
        for truck in self.state.trucks.values():
            outputs += self._live(truck)
        outputs += self._uplink()
        return outputs

    def _look_at_the_calendar(self) -> None:
        now_ms = self.state.now_ms
        day = self.city.local_date(now_ms)
        self._offset_ms = opening.offset_ms(self.city, now_ms)
        if day == self._day:
            return
        self._day = day
        yesterday = self.city.shifts(self.city.local_date(now_ms - DAY_MS))
        self._shifts = {shift.truck_id: shift for shift in self.city.shifts(day)}
        for shift in yesterday:  # over midnight
            if shift.end_ms > now_ms:
                self._shifts[shift.truck_id] = shift

    # ------------------------------------------------------------------------------------- one truck, one second

    def _live(self, truck: Truck) -> Iterator[Output]:
        if truck.drive is not None:
            yield from self._roll(truck)
        elif truck.work is not None:
            yield from self._toil(truck, truck.work)
        elif self.state.now_ms // SECOND_MS % THINK_EVERY_S == self._keys[truck.truck_id] % THINK_EVERY_S:
            yield from self._decide(truck)
        yield from self._misbehave(truck)
        yield from self._tell(truck)

    def _roll(self, truck: Truck) -> Iterator[Output]:
        way = truck.drive
        if way is None:
            return
        before_m = way.at_m
        truck.speed_mps = advance(way, truck.speed_mps)
        truck.odometer_m += way.at_m - before_m
        truck.lon, truck.lat, truck.heading_deg = way.place()
        if truck.speed_mps == 0.0 and way.left_m <= 0.5:
            truck.drive = None
            yield from self._arrive(truck)

    def _arrive(self, truck: Truck) -> Iterator[Output]:
        target, now_ms = truck.target, self.state.now_ms
        if target is None:
            return
        truck.gate = target.lonlat if target.yard is not None else None
        match target.kind:
            case "depot":
                truck.target = None
            case "dump":
                truck.work = Work(kind="dump", begin_ms=now_ms, end_ms=now_ms + 100 * SECOND_MS, from_kg=truck.load_kg)
            case "tip":
                yield self._press(truck, "arrived", facility_id=target.facility_id)
                self._queue_to_tip(truck, target)
            case "collect":
                yield from self._reach_stop(truck, target)

    def _queue_to_tip(self, truck: Truck, target: Target) -> None:
        facility, now_ms = self.places.facilities[target.facility_id or ""], self.state.now_ms
        begin_ms = opening.opens_ms(self.city, facility, now_ms)
        spread = noise.between(0.85, 1.25, *self._seed(truck), 41)
        length_ms = round((facility.unload_s or 300) * spread) * SECOND_MS
        truck.work = Work(kind="tip", begin_ms=begin_ms, end_ms=begin_ms + length_ms, from_kg=truck.load_kg)

    def _reach_stop(self, truck: Truck, target: Target) -> Iterator[Output]:
        begin_ms = max(self.state.now_ms, min(target.not_before_ms or 0, self.state.now_ms + 30 * MINUTE_MS))
        spread = noise.between(0.75, 1.35, *self._seed(truck), 42)
        if target.order_id is not None:
            yield self._press(truck, "arrived", stop_id=target.stop_id, order_id=target.order_id)
            wish_kg = target.kg or self._payload_kg(truck) - truck.load_kg
            loads_kg = max(0.0, min(wish_kg * noise.between(0.94, 1.03, *self._seed(truck), 43), self._room_kg(truck)))
            planned_s = target.service_s if target.service_s is not None and target.service_s > 60 else LOADING_S
            end_ms = begin_ms + round(planned_s * spread) * SECOND_MS
            truck.work = Work(
                kind="load", begin_ms=begin_ms, end_ms=end_ms, from_kg=truck.load_kg, to_kg=truck.load_kg + loads_kg
            )
            return
        if noise.uniform(*self._seed(truck), 44) < self.play.script.skips_per_stop:
            truck.work = Work(kind="blocked", begin_ms=begin_ms, end_ms=begin_ms + BLOCKED_S * SECOND_MS)
            return
        rows = [self._rows[bin_id] for bin_id in target.bin_ids if bin_id in self._rows]
        litres = sum(self.level_l(row.bin_id) for row in rows)
        kg = sum(self.level_l(row.bin_id) * row.density_kg_per_l for row in rows)
        share = min(1.0, self._room_kg(truck) / kg) if kg else 0.0
        end_ms = begin_ms + max(15, round(sum(row.service_s for row in rows) * spread)) * SECOND_MS
        truck.work = Work(
            kind="collect",
            begin_ms=begin_ms,
            end_ms=end_ms,
            from_kg=truck.load_kg,
            to_kg=truck.load_kg + kg * share,
            to_l=truck.load_l + litres * share,
        )

    # ------------------------------------------------------------------------------------- work

    def _toil(self, truck: Truck, work: Work) -> Iterator[Output]:
        truck.speed_mps = 0.0
        now_ms = self.state.now_ms
        if now_ms >= work.end_ms:
            yield from self._finish(truck, work)
            return
        share = max(0.0, (now_ms - work.begin_ms) / (work.end_ms - work.begin_ms))
        tipper = self._class(truck) in deeds.OPEN_BODIES
        match work.kind:
            case "collect" | "load":
                truck.load_kg = work.from_kg + (work.to_kg - work.from_kg) * share
                truck.cover = "open" if tipper else "closed"
            case "tip" | "dump":
                poured = min(1.0, max(0.0, (share - _WEIGH_IN) / (_WEIGH_OUT - _WEIGH_IN)))
                truck.load_kg = work.from_kg * (1 - poured)
                truck.bed = "raised" if _WEIGH_IN - 0.05 < share < _WEIGH_OUT + 0.05 else "level"
                truck.cover = "open" if tipper and 0.05 < share < 0.95 else "closed"
            case _:
                pass

    def _finish(self, truck: Truck, work: Work) -> Iterator[Output]:
        target, now_ms = truck.target, self.state.now_ms
        truck.work, truck.cover, truck.bed = None, "closed", "level"
        if work.kind == "break":
            truck.breaks_taken = [*truck.breaks_taken[-6:], work.break_id or ""]
            yield self._press(truck, "break_end")
        elif work.kind == "dump":
            truck.load_kg = truck.load_l = 0.0
            if truck.deed is not None:
                truck.deed.lost_kg, truck.deed.begin_ms = work.from_kg, work.begin_ms
                truck.deed.where.append((round(truck.lon, 6), round(truck.lat, 6)))
        elif target is not None and work.kind == "tip":
            yield from self._weigh_and_leave(truck, target, work)
        elif target is not None:
            yield self._done(truck, target, work)
        if target is not None and truck.plan is not None and target.plan_version == truck.plan.plan_version:
            truck.next_visit = max(truck.next_visit, target.visit + 1)
        truck.target, truck.idle_since_ms = None, now_ms

    def _weigh_and_leave(self, truck: Truck, target: Target, work: Work) -> Iterator[Output]:
        tare_kg = self._trucks[truck.truck_id].tare_kg + noise.between(-60, 90, *self._seed(truck), 45)
        gross_kg = _on_scale(tare_kg + work.from_kg)
        tare_kg = _on_scale(tare_kg)
        facility_id, now_ms = target.facility_id or "", self.state.now_ms
        yield Ticketed(
            weighing=events.Weighing(
                tenant_id=self.city.tenant_id,
                weighing_id=events.derived_id("weighing", facility_id, truck.truck_id, now_ms),
                facility_id=facility_id,
                truck_id=truck.truck_id,
                event_time_ms=now_ms,
                gross_kg=gross_kg,
                tare_kg=tare_kg,
                net_kg=gross_kg - tare_kg,
                material=truck.material,
            )
        )
        truck.load_kg = truck.load_l = 0.0
        yield self._press(truck, "tipped", facility_id=facility_id)

    def _done(self, truck: Truck, target: Target, work: Work) -> Output:
        now_ms = self.state.now_ms
        if target.stop_id is not None:
            truck.served[target.stop_id] = now_ms
        named = {"stop_id": target.stop_id, "order_id": target.order_id}
        if len(target.bin_ids) == 1:
            named["bin_id"] = target.bin_ids[0]
        if work.kind == "blocked":
            return self._press(truck, "skipped", exception="blocked", **named)
        if work.kind == "collect":
            self._empty(target, work, truck)
        truck.load_kg = work.to_kg
        if work.kind == "load":
            truck.load_l += (work.to_kg - work.from_kg) / 1.4
        return self._press(truck, "collected", **named)

    def _empty(self, target: Target, work: Work, truck: Truck) -> None:
        """Empty the containers of a stop; what the truck had no room for stays in them."""
        levels = {bin_id: self.level_l(bin_id) for bin_id in target.bin_ids if bin_id in self._rows}
        took_l = max(0.0, work.to_l - truck.load_l)
        share = min(1.0, took_l / whole_l) if (whole_l := sum(levels.values())) else 1.0
        for bin_id, level_l in levels.items():
            container = self.state.containers[bin_id]
            container.litres = max(level_l * (1 - share), containers.RESIDUE * self._rows[bin_id].volume_l)
            container.at_ms = self.state.now_ms
        truck.load_l = work.to_l
        truck.material = truck.material or self._trucks[truck.truck_id].materials[0]

    # ------------------------------------------------------------------------------------- what next

    def _decide(self, truck: Truck) -> Iterator[Output]:
        now_ms, shift = self.state.now_ms, shift_at(self._shifts, truck.truck_id, self.state.now_ms)
        truck.speed_mps = 0.0
        if truck.down:
            return
        if shift is None:
            yield from self._go_home(truck)
            return
        if not truck.on_duty:
            truck.on_duty = truck.ignition = True
            truck.idle_since_ms = now_ms
        for index, visit in remaining(truck, now_ms):
            if visit.kind == "break":
                begin_ms = max(now_ms, min(visit.begin_ms or visit.arrive_ms, now_ms + 15 * MINUTE_MS))
                length_ms = max(5 * MINUTE_MS, visit.leave_ms - (visit.begin_ms or visit.arrive_ms))
                truck.work = Work(kind="break", begin_ms=begin_ms, end_ms=begin_ms + length_ms, break_id=visit.break_id)
                yield self._press(truck, "break_start")
                return
            if visit.kind == "tip" and truck.load_kg <= EMPTY_SHARE * self._payload_kg(truck):
                continue
            target = self._target(truck, index, visit)
            if target is None or (target.kind == "depot" and truck.gate == target.lonlat):
                continue
            truck.next_visit = index
            yield from self._set_out(truck, target)
            return
        if self._wants_to_tip(truck):
            nearest = self.places.nearest_for(truck.material, (truck.lon, truck.lat))
            target = self.places.tip_at(nearest.id) if nearest is not None else None
            if target is not None:
                yield from self._set_out(truck, target)

    def _target(self, truck: Truck, index: int, visit: events.PlanVisit) -> Target | None:
        if visit.kind == "end":
            return self.places.home(self._trucks[truck.truck_id].depot_id)
        visits = truck.plan.visits if truck.plan is not None else ()
        target = target_of(visit, visits[index - 1] if index else None, self.places)
        if target is not None and truck.plan is not None:
            target.plan_version, target.visit = truck.plan.plan_version, index
            if visit.kind == "collect" and truck.load_kg <= EMPTY_SHARE * self._payload_kg(truck):
                truck.material = visit.material or truck.plan.material or truck.material
        return target

    def _wants_to_tip(self, truck: Truck) -> bool:
        waited_ms = self.state.now_ms - (truck.idle_since_ms or self.state.now_ms)
        return waited_ms > PATIENCE_MS and truck.load_kg > FULL_SHARE * self._payload_kg(truck)

    def _go_home(self, truck: Truck) -> Iterator[Output]:
        if not truck.on_duty:
            return
        home = self.places.home(self._trucks[truck.truck_id].depot_id)
        if truck.load_kg > 2 * EMPTY_SHARE * self._payload_kg(truck):
            nearest = self.places.nearest_for(truck.material, (truck.lon, truck.lat))
            target = self.places.tip_at(nearest.id) if nearest is not None else None
            if target is not None:
                yield from self._set_out(truck, target)
                return
        if truck.gate != home.lonlat:
            yield from self._set_out(truck, home)
            return
        truck.on_duty = truck.ignition = False
        truck.plan, truck.breaks_taken = None, []
        yield self._press(truck, "off_duty")

    def _set_out(self, truck: Truck, target: Target) -> Iterator[Output]:
        here: LonLat = (truck.lon, truck.lat)
        pace = 1.06 * noise.between(0.94, 1.06, *self._seed(truck), 46)
        try:
            truck.drive = drive(
                self.ways,
                [truck.gate or here, target.lonlat],
                pace=pace,
                out_of=here if truck.gate is not None else None,
                into=target.yard,
            )
        except NoWay:
            truck.served[target.stop_id or ""] = self.state.now_ms
            if target.stop_id is not None:
                yield self._press(
                    truck, "skipped", exception="blocked", stop_id=target.stop_id, order_id=target.order_id
                )
            return
        truck.target, truck.gate, truck.ignition = target, None, True
        truck.trips += 1

    # ------------------------------------------------------------------------------------- what goes wrong

    def _misbehave(self, truck: Truck) -> Iterator[Output]:
        now_ms = self.state.now_ms
        deeds.go_on(truck)
        if truck.fault is not None and now_ms >= truck.fault.end_ms:
            yield Truth(what=truck.fault.kind, truck_id=truck.truck_id, begin_ms=truck.fault.begin_ms, end_ms=now_ms)
            truck.fault = None
        if truck.deed is not None and deeds.is_over(truck, now_ms):
            yield self._truth(truck)
            truck.deed = None
            truck.cover = "open" if truck.work is not None and truck.cover == "open" else "closed"
        if truck.drive is not None and now_ms // SECOND_MS % THINK_EVERY_S == 0:
            self._tempt(truck)

    def _truth(self, truck: Truck) -> Output:
        deed = truck.deed
        details = {} if deed is None else {"lost_kg": round(deed.lost_kg), "where": deed.where}
        begin_ms, kind = (self.state.now_ms, "") if deed is None else (deed.begin_ms, deed.kind)
        return Truth(what=kind, truck_id=truck.truck_id, begin_ms=begin_ms, end_ms=self.state.now_ms, details=details)

    def _tempt(self, truck: Truck) -> None:
        """Begin a planned deed that is due, else one that chance has in store for this drive."""
        since_s = (self.state.now_ms - self.state.begin_ms) // SECOND_MS
        for number, planned in enumerate(self.play.script.planned):
            if (
                planned.truck_id == truck.truck_id
                and since_s >= planned.after_s
                and number not in self.state.planned_done
            ):
                if self._begin(planned.kind, truck):
                    self.state.planned_done.append(number)
                return
        way = truck.drive
        if way is None or not 0.25 < way.at_m / max(1.0, way.ends_m[-1]) < 0.7:
            return
        seed = (self.play.script.seed, self._keys[truck.truck_id], truck.trips)
        roll = noise.uniform(*seed, 51)
        for kind, chance in self.play.script.deeds_per_trip.items():
            if roll < chance:
                if truck.tempted_trip != truck.trips and self._begin(kind, truck):
                    truck.tempted_trip = truck.trips
                return
            roll -= chance

    def _begin(self, kind: DeedKind, truck: Truck) -> bool:
        payload_kg = self._payload_kg(truck)
        if not deeds.may_begin(kind, truck, self._class(truck), payload_kg):
            return False
        try:
            return deeds.begin(
                kind,
                truck,
                payload_kg,
                self.state.now_ms,
                ways=self.ways,
                quiet_places=self.play.quiet_places,
                yards=self._yards,
                seed=(self.play.script.seed, self._keys[truck.truck_id], truck.trips),
            )
        except NoWay:
            return False

    # ------------------------------------------------------------------------------------- what devices say

    def _tell(self, truck: Truck) -> Iterator[Output]:
        now_ms = self.state.now_ms
        changed = truck.reported != (truck.cover, truck.bed)
        if now_ms < truck.next_report_ms and not changed:
            return
        keys = (self.play.script.seed, self._keys[truck.truck_id], now_ms // SECOND_MS)
        sensing.wander(truck, sensing.interval_ms(truck) / 1000, *keys)
        payload_kg = self._payload_kg(truck)
        drift_kg = payload_kg * sensing.DRIFT_SHARE * noise.gauss(*keys, 15)
        truck.drift_kg = sensing.DRIFT_STAYS * truck.drift_kg + drift_kg
        truck.in_tunnel = truck.drive is not None and bool(
            len(self._tunnels.query(shapely.Point(truck.lon, truck.lat), predicate="intersects"))
        )
        yield sensing.report(truck, payload_kg, now_ms, *keys)
        truck.next_report_ms = now_ms + sensing.interval_ms(truck)
        truck.reported = (truck.cover, truck.bed)
        if self._trucks[truck.truck_id].osmand_id is not None and truck.on_duty and now_ms >= truck.next_phone_ms:
            truck.next_phone_ms = now_ms + sensing.PHONE_EVERY_MS
            yield sensing.phone_fix(truck, now_ms, *keys)

    def _uplink(self) -> Iterator[Output]:
        now_ms = self.state.now_ms
        while self._uplinks and self._uplinks[0][0] <= now_ms:
            _, bin_id = heapq.heappop(self._uplinks)
            container, key = self.state.containers[bin_id], self._keys[bin_id]
            container.uplinks += 1
            jitter = noise.between(0.93, 1.07, self.play.script.seed, key, container.uplinks, 61)
            container.next_uplink_ms = now_ms + round(self.play.script.sensor_minutes * MINUTE_MS * jitter)
            heapq.heappush(self._uplinks, (container.next_uplink_ms, bin_id))
            local_hour = (now_ms + self._offset_ms) % DAY_MS / 3_600_000
            yield sensing.uplink(
                self._rows[bin_id],
                self.level_l(bin_id),
                container.uplinks,
                now_ms,
                local_hour,
                self.play.script.seed,
                key,
                container.uplinks,
            )

    def level_l(self, bin_id: str) -> float:
        """Litres in a container now."""
        row, demand = self._rows[bin_id], self.play.demand[bin_id]
        return containers.level_l(
            self.state.containers[bin_id],
            self.state.now_ms,
            litres_per_day=demand.litres_per_day,
            rhythm=demand.rhythm,
            volume_l=row.volume_l,
            seed=self.play.script.seed,
            bin_key=self._keys[bin_id],
            offset_ms=self._offset_ms,
        )

    # ------------------------------------------------------------------------------------- small things

    def _press(self, truck: Truck, kind: events.ActionKind, **named: object) -> Pressed:
        self.state.actions += 1
        now_ms = self.state.now_ms
        plan_version = truck.plan.plan_version if truck.plan is not None else None
        return Pressed(
            action=events.DriverAction(
                tenant_id=self.city.tenant_id,
                action_id=events.derived_id("pressed", truck.truck_id, kind, now_ms, self.state.actions),
                truck_id=truck.truck_id,
                driver_id=self._trucks[truck.truck_id].driver_id,
                kind=kind,
                event_time_ms=now_ms,
                plan_version=plan_version,
                **named,  # type: ignore[arg-type]  # members of DriverAction, named by the callers above
            )
        )

    def _seed(self, truck: Truck) -> tuple[int, int, int]:
        return self.play.script.seed, self._keys[truck.truck_id], self.state.now_ms // SECOND_MS

    def _payload_kg(self, truck: Truck) -> float:
        return self._trucks[truck.truck_id].payload_kg

    def _class(self, truck: Truck) -> str:
        return self._trucks[truck.truck_id].truck_class

    def _room_kg(self, truck: Truck) -> float:
        return max(0.0, LOADABLE * self._payload_kg(truck) - truck.load_kg)


def _on_scale(kg: float) -> float:
    return round(kg / SCALE_STEP_KG) * float(SCALE_STEP_KG)
