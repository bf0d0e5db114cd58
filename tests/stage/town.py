"""A made-up moment of the default city: everything a page can show, so that every part of every page is there to look at.

Places, trucks, shifts, bookings and permits are those of the city's folder. Where trucks are, how full bins are, plans and
alerts are made up from fixed numbers: the same moment is the same records. Reasons and conditions are in the rules' and the
optimiser's own phrases, so that both languages have to say them. Pure; `stage.running` puts it on real topics.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from msgspec.structs import replace

from services.city.folder import City
from streams import events
from streams.units import HOUR_MS, MINUTE_MS, SECOND_MS

LonLat = tuple[float, float]
Way = Callable[[Sequence[LonLat]], list[LonLat]]
"""The road through some places."""

DRIVER_TRUCK: Final = "t03"
"""The truck whose driver logs in: it has a plan that changed and is not confirmed."""
BROKEN_TRUCK: Final = "t09"
DUMPING_TRUCK: Final = "t26"
SPILLING_TRUCK: Final = "t31"
SILENT_TRUCK: Final = "t14"
NEVER_HEARD: Final = "t40"
_STOPS: Final = 8
_FIX_EVERY_MS: Final = 10 * SECOND_MS
_BACK_MS: Final = 40 * MINUTE_MS
"""How far the two trucks' fixes reach back: an alert's chart shows the minutes around it."""

PLAIN: Final[Sequence[str]] = ()
HARD: Final[Sequence[str]] = (
    '<img src=x onerror="window.broken=1">Rua do Almada',
    "</script><script>window.broken=1</script>",
    '"><svg onload=window.broken=1>',
    "شارع الحرية ١٢ — حاوية",
    "רחוב הרצל \u202e12 abc",
    "👩🏽\u200d🚒🚛 Größe 🗑\ufe0f",
    "{{7*7}} ${window.broken=1} %s",
    "南通市崇川区工农路街道文峰社区居民委员会生活垃圾分类收集点（东门南侧第二个，靠近公交站台与菜市场之间）",
    "Abfallwirtschaftsbetriebsgesellschaftshauptniederlassungsgrundstückseinfahrt 17",
    "a\u0301\u0301\u0301\u0301 zalgo\u0300\u0301\u0302 ﷽",
)
"""Names that break pages which write them as HTML, count letters, or trust directions and lengths."""


def moment(city: City, now_ms: int, *, way: Way = list, names: Sequence[str] = PLAIN) -> list[events.Event]:
    """Return the records of a moment, in the order in which they came.

    ``way``: the road through some places; without one, straight lines. ``names``: given in turn to everything that has a
    name; none = the city's own.
    """
    town = _Town(city, now_ms, way)
    records = [*town.exists(), *town.measured(), *town.planned(), *town.alerts(), *town.done()]
    return [_renamed(record, names, at) for at, record in enumerate(records)] if names else records


class _Town:
    def __init__(self, city: City, now_ms: int, way: Way) -> None:
        self._city, self._now_ms, self._way = city, now_ms, way
        self._known = {"tenant_id": city.tenant_id}
        self._shifts = city.shifts(city.local_date(now_ms))
        self._orders = city.orders(city.local_date(now_ms))
        self._bins = {
            material: [one for one in city.of_kind("bin") if one.material == material] for material in events.MATERIALS
        }
        self._trucks = city.of_kind("truck")
        self._numbers = {truck.id: number for number, truck in enumerate(self._trucks)}
        self._plans = {plan.truck_id: plan for plan in self._made_plans()}

    # ------------------------------------------------------------------------------------------------ what exists

    def exists(self) -> Iterator[events.Event]:
        """What the city's folder says, a closed facility, and the day's bookings in every state."""
        for asset in self._city.assets:
            closed = asset.id == "f-landfill"
            yield replace(asset, version=2, closed_until_ms=self._now_ms + 2 * HOUR_MS) if closed else asset
        yield from self._city.zones
        yield from self._city.permits
        yield from self._city.calendars
        yield from self._shifts
        states = ("open", "planned", "planned", "collected", "open", "cancelled")
        for number, order in enumerate(self._orders):
            yield replace(order, state=states[number % len(states)])

    # --------------------------------------------------------------------------------------------- what is measured

    def measured(self) -> Iterator[events.Event]:
        """Fixes of all trucks but one, two of them with their last minutes; fills of most bins."""
        for truck_id, falls in ((DUMPING_TRUCK, True), (SPILLING_TRUCK, False)):
            yield from self._minutes_of(truck_id, at_once=falls)
        for number, truck in enumerate(self._trucks):
            if truck.id not in (NEVER_HEARD, DUMPING_TRUCK, SPILLING_TRUCK):
                yield self._fix(truck, number)
        for number, container in enumerate(self._city.of_kind("bin")):
            if number % 23:
                yield self._reading(container.id, number)
        for number, truck in enumerate(self._trucks[:12]):
            yield events.Weighing(
                **self._known,
                weighing_id=f"w-{number}",
                facility_id=("f-incineration", "f-transfer-station", "f-sorting-centre")[number % 3],
                truck_id=truck.id,
                event_time_ms=self._now_ms - (number + 1) * 11 * MINUTE_MS,
                net_kg=4_200.0 + 310 * number,
            )

    def _fix(self, truck: events.Asset, number: int) -> events.TruckState:
        ago_ms = 19 * MINUTE_MS if truck.id == SILENT_TRUCK else number % 7 * SECOND_MS
        lon, lat = self._place_of(truck.id)
        doubtful = number % 17 == 5
        load = 0.0 if number % 9 == 0 else (number * 37 % 100) / 100 * (truck.payload_kg or 0)
        return self._fixed(
            truck.id,
            self._now_ms - ago_ms,
            (lon, lat),
            # above 8 km/h the cab shows only the way
            speed_mps=0.0 if number % 4 == 0 or truck.id == DRIVER_TRUCK else 3.0 + number % 11,
            heading_deg=float(number * 53 % 360),
            load_kg=None if number % 13 == 4 else load,
            sensor_health=events.SensorHealth(cover="ok", bed="ok", load="suspect" if doubtful else "ok"),
            cover="open" if number % 15 == 3 else "closed",
            driver_id=f"dr{number + 1:02}",
        )

    def _fixed(self, truck_id: str, at_ms: int, place: LonLat, **more: Any) -> events.TruckState:
        usual = {"source": "jt808", "accuracy_m": 4.0, "bed": "level", "ignition": True, "power": "main"}
        return events.TruckState(
            **self._known,
            truck_id=truck_id,
            terminal_id=f"terminal-{truck_id}",
            seq=at_ms // SECOND_MS % 65_536,
            event_time_ms=at_ms,
            received_time_ms=at_ms + 400,
            lon=round(place[0], 6),
            lat=round(place[1], 6),
            **(usual | more),
        )

    def _minutes_of(self, truck_id: str, *, at_once: bool) -> Iterator[events.TruckState]:
        """A loaded truck that drives, and loses its load standing, at once; or on the way, slowly."""
        path = self._way(self._turning_points(truck_id))
        count = _BACK_MS // _FIX_EVERY_MS
        for step in range(count + 1):
            share = step / count
            stands = at_once and 0.5 < share < 0.6
            gone = max(0.0, min(1.0, (share - 0.52) / (0.03 if at_once else 0.25)))
            yield self._fixed(
                truck_id,
                self._now_ms - _BACK_MS + step * _FIX_EVERY_MS,
                _along(path, min(share, 0.5) if stands else share),
                speed_mps=0.0 if stands else round(8.0 + 5.0 * math.sin(step / 6), 1),
                heading_deg=90.0,
                load_kg=round(14_800 - gone * (9_600 if at_once else 1_500) + 40 * math.sin(step), 0),
                sensor_health=events.SensorHealth(cover="ok", bed="ok", load="ok"),
                cover="closed" if at_once else "half",
                bed="raised" if stands else "level",
                driver_id=f"dr{self._numbers[truck_id] + 1:02}",
            )

    def _turning_points(self, truck_id: str) -> list[LonLat]:
        bins, number = self._bins["residual"], self._numbers[truck_id]
        return [_place(bins[(number * 29 + step * 97) % len(bins)]) for step in range(4)]

    def _place_of(self, truck_id: str) -> LonLat:
        plan = self._plans.get(truck_id)
        if plan is not None and plan.path is not None:
            return _along(plan.path["coordinates"], 0.04)
        truck = self._trucks[self._numbers[truck_id]]
        home = self._city.asset.get(("depot", truck.depot_id or ""))
        return _place(home) if home is not None else self._city.header.centre

    def _reading(self, bin_id: str, number: int) -> events.BinReading:
        return events.BinReading(
            **self._known,
            bin_id=bin_id,
            event_time_ms=self._now_ms - number % 50 * MINUTE_MS,
            fill=_fill(number),
            battery=0.2 + number % 8 / 10,
        )

    # ---------------------------------------------------------------------------------------------- what is planned

    def planned(self) -> Iterator[events.Event]:
        """What is due, each truck's plan, the last planning of each kind of waste with what was left out."""
        for number, container in enumerate(self._city.of_kind("bin")):
            if number % 23 and _fill(number) > 0.86:
                yield self._due(container, number)
        yield from self._plans.values()
        for material in events.MATERIALS:
            yield self._run(material)

    def _due(self, container: events.Asset, number: int) -> events.CollectionDue:
        overflow_ms = self._now_ms + (number * 7 % 400 - 20) * MINUTE_MS
        return events.CollectionDue(
            **self._known,
            place_id=container.id,
            place_kind="bin",
            due=True,
            material=container.material or "residual",
            at_ms=self._now_ms - 5 * MINUTE_MS,
            overflow_ms=None if number % 11 == 0 else overflow_ms,
            fill_now=_fill(number),
            kg=round(90 + number % 60, 0),
        )

    def _made_plans(self) -> Iterator[events.TruckPlan]:
        at_work = {one.truck_id for one in self._shifts if one.start_ms <= self._now_ms < one.end_ms}
        for number, truck in enumerate(self._trucks):
            if truck.id in at_work and truck.materials and truck.id != NEVER_HEARD:
                yield self._plan(truck, number)

    def _plan(self, truck: events.Asset, number: int) -> events.TruckPlan:
        material = truck.materials[0]
        visits = list(self._visits(material, truck, number))
        reason, params = self._reason(number, visits)
        first, second = visits[0], visits[1]
        return events.TruckPlan(
            **self._known,
            truck_id=truck.id,
            plan_version=2 + number % 5,
            made_ms=self._now_ms - (3 + number * 5 % 40) * MINUTE_MS,
            reason=reason,
            reason_params=params,
            material=material,
            visits=tuple(visits),
            path={"type": "LineString", "coordinates": self._way([(one.lon, one.lat) for one in visits])},
            changed=(
                events.PlanChange(what="added", stop_id=first.stop_id, name=first.name, why=reason),
                events.PlanChange(what="moved", stop_id=second.stop_id, name=second.name, position=2),
                events.PlanChange(what="removed", stop_id="b0001", to_truck_id="t05", why="truck_full"),
            ),
            run_id=f"run-{material}",
        )

    def _visits(self, material: str, truck: events.Asset, number: int) -> Iterator[events.PlanVisit]:
        at_ms = self._now_ms - (25 if number % 8 == 2 else -6) * MINUTE_MS
        places = self._sites(number) if material == "construction" else self._nearest(material, number)
        for step, place in enumerate(places):
            yield events.PlanVisit(
                arrive_ms=at_ms,
                leave_ms=at_ms + 4 * MINUTE_MS,
                lon=_place(place)[0],
                lat=_place(place)[1],
                stop_id=place.id,
                bin_ids=(place.id,) if place.kind == "bin" else (),
                name=place.name,
                material=material,
                load_kg=round((truck.payload_kg or 0) * (step + 1) / (_STOPS + 1), 0),
                why=f"overflow:{at_ms + HOUR_MS}" if step % 3 == 0 else "fill:0.91" if step % 3 == 1 else None,
            )
            at_ms += (9 + step % 4) * MINUTE_MS
            if step == 3:
                yield events.PlanVisit(
                    kind="break",
                    arrive_ms=at_ms,
                    leave_ms=at_ms + 30 * MINUTE_MS,
                    lon=_place(place)[0],
                    lat=_place(place)[1],
                )
                at_ms += 30 * MINUTE_MS
        site = next(one for one in self._city.of_kind("facility") if material in one.accepts)
        home = self._city.asset["depot", truck.depot_id or "d-1"]
        for kind, place in (("tip", site), ("end", home)):
            yield events.PlanVisit(
                kind=kind,
                arrive_ms=at_ms,
                leave_ms=at_ms + 12 * MINUTE_MS,
                lon=_place(place)[0],
                lat=_place(place)[1],
                facility_id=place.id if kind == "tip" else None,
                name=place.name,
                material=material if kind == "tip" else None,
            )
            at_ms += 25 * MINUTE_MS

    def _nearest(self, material: str, number: int) -> list[events.Asset]:
        bins = self._bins[material]
        start = _place(bins[number * 37 % len(bins)])
        return sorted(bins, key=lambda one: math.dist(start, _place(one)))[:_STOPS]

    def _sites(self, number: int) -> list[events.Asset]:
        sources = self._city.of_kind("source")
        return [sources[(number + step) % len(sources)] for step in range(4)]

    def _reason(self, number: int, visits: list[events.PlanVisit]) -> tuple[str, dict[str, Any]]:
        first = visits[0]
        where = {"stop_id": first.stop_id or "", "name": first.name or ""}
        known: list[tuple[str, dict[str, Any]]] = [
            ("new_due", {**where, "count": 8}),
            ("overflow_earlier", {**where, "overflow_ms": self._now_ms + HOUR_MS}),
            ("breakdown", {"truck_id": BROKEN_TRUCK}),
            ("facility_closed", {"facility_id": "f-landfill", "closed_until_ms": self._now_ms + 2 * HOUR_MS}),
            ("truck_late", {"truck_id": self._trucks[number].id, "late_s": 1_500}),
            ("stop_skipped", {**where, "exception": "blocked"}),
            ("dispatcher", {"actor": "陈"}),
        ]
        return known[number % len(known)]

    def _run(self, material: str) -> events.PlanningRun:
        mine = [plan for plan in self._plans.values() if plan.material == material]
        return events.PlanningRun(
            **self._known,
            run_id=f"run-{material}",
            material=material,
            made_ms=self._now_ms - 3 * MINUTE_MS,
            reason="new_due",
            reason_params={"name": "Rua do Almada", "count": 3},
            search_s=4.0,
            stops=sum(len(plan.visits) for plan in mine),
            trucks=len(mine),
            distance_m=84_000,
            changed_truck_ids=tuple(plan.truck_id for plan in mine[:3]),
            left_out=tuple(self._left_out(material)) if material in ("residual", "construction") else (),
            stranded=(
                events.StrandedTruck(
                    truck_id="t27",
                    code="cannot_tip",
                    reason="It has 9200 kg on board from 10:20 on and cannot tip them anywhere: no facility may take all "
                    "of it within site hours, what the site still takes, and its shift until 14:30.",
                ),
            )
            if material == "construction"
            else (),
        )

    def _left_out(self, material: str) -> Iterator[events.LeftOut]:
        said = (
            ("capacity", ("It is 480 kg and 3400 l; t03, which comes closest, has room for 120 kg and 900 l on one of its "
             "trips and no time for another.")),
            ("window", ("It must begin by 11:30; the first truck for residual waste, t05, can be there at 12:05 with what "
             "it has to do.")),
            ("shift", "With it, t12 would be back at 13:25; its shift ends at 13:00 and 10 min of overtime are allowed."),
            ("not_worth_it", "Serving it costs at least 1840 with t11, leaving it out 900."),
        )  # fmt: skip
        for number, (code, reason) in enumerate(said):
            place = self._bins["residual"][number * 61]
            yield events.LeftOut(
                stop_id=f"{material}-{place.id}",
                place_kind="bin",
                place_id=place.id,
                code=code,
                reason=reason,
                material=material,
                name=place.name,
            )

    # ------------------------------------------------------------------------------------------------ what is wrong

    def alerts(self) -> Iterator[events.Event]:
        """Alerts of every severity and state, some of them handled."""
        for number, alert in enumerate(self._made_alerts()):
            yield alert
            kinds: tuple[tuple[Any, str | None], ...] = {
                4: (("ack", None),),
                5: (("ack", None), ("confirm", None)),
                6: (("dismiss", "authorised"), ("note", "现场已核实，不构成案件。")),
            }.get(number, ())
            for step, (kind, reason) in enumerate(kinds):
                yield events.AlertAction(
                    **self._known,
                    action_id=f"aa-{number}-{step}",
                    alert_id=alert.alert_id,
                    actor="officer",
                    kind=kind,
                    at_ms=self._now_ms - (9 - step) * MINUTE_MS,
                    reason=reason,
                    alert_revision=1,
                )

    def _made_alerts(self) -> Iterator[events.Alert]:
        turning = self._turning_points(DUMPING_TRUCK)
        spilled = self._way(self._turning_points(SPILLING_TRUCK))
        stretch = {"type": "LineString", "coordinates": spilled[len(spilled) // 2 : len(spilled) * 3 // 4 + 2]}
        met = [
            _condition("bed raised for at least 20 s", 74.0, 20.0, "s"),
            _condition("away from every place where unloading is lawful", 412.0, 60.0, "m"),
            _condition("the load fell", 9_580.0, 400.0, "kg"),
        ]
        yield self._alert(
            "breakdown",
            "critical",
            "observed",
            8,
            truck_id=BROKEN_TRUCK,
            where=_point(self._place_of(BROKEN_TRUCK)),
            because=(events.Condition(condition="the truck cannot go on", measured="the driver's app", met=True),),
        )
        yield self._alert(
            "illegal-dump",
            "high",
            "observed",
            19,
            truck_id=DUMPING_TRUCK,
            where=_point(turning[2]),
            lost_kg=9_580.0,
            lost_kg_low=9_000.0,
            lost_kg_high=10_100.0,
            because=tuple(met),
            contractor_id="c3",
            unless=("inside a facility, source, depot or workshop area (nearest: 412 m, Aterro Rua da Agra)",),
            gaps=("cover sensor: suspect", "where it was loaded is not known"),
            used={"truck": f"{DUMPING_TRUCK}@1"},
            end=4,
        )
        yield self._alert(
            "spillage", "high", "likely", 17, truck_id=SPILLING_TRUCK, where=stretch, lost_kg=1_500.0, contractor_id="c3",
            lost_kg_low=1_200.0, lost_kg_high=1_900.0, end=9,
            because=(
                events.Condition(condition="loaded and driving", measured="14800 kg before", met=True),
                _condition("the load fell while driving", 1_500.0, 400.0, "kg"),
                events.Condition(condition="cover", measured="open or half open", met=True),
            ),
            unless=("a stop at which the load left", "the load back at its level: rough road, slope"),
        )  # fmt: skip
        yield self._alert("dark-truck", "high", "possible", 12, truck_id=SILENT_TRUCK)
        yield self._alert("off-route", "medium", "likely", 26, truck_id="t28", where=stretch)
        yield self._alert("uncovered-load", "medium", "observed", 33, truck_id="t30", end=30)
        yield self._alert("overspeed", "low", "observed", 41, truck_id="t08", end=40)
        yield self._alert("sensor-fault", "low", "likely", 52, truck_id="t06")
        yield self._alert(
            "bin-fire",
            "critical",
            "possible",
            2,
            bin_id="b0042",
            where=_point(_place(self._city.asset["bin", "b0042"])),
        )
        for number in range(6):
            bin_id = f"b{100 + 31 * number:04}"
            where = _point(_place(self._city.asset["bin", bin_id]))
            yield self._alert("bin-overflow", "medium", "likely", 5 + number, bin_id=bin_id, where=where)
        yield self._alert(
            "tamper", "medium", "possible", 60, truck_id="t33", state="cancelled",
            reason="truck-states t33 1764000000000: the terminal did report, its fix came late",
        )  # fmt: skip

    def _alert(
        self, rule: Any, severity: Any, certainty: Any, minutes_ago: int, *, end: int | None = None, **more: Any
    ) -> events.Alert:
        start_ms = self._now_ms - minutes_ago * MINUTE_MS
        truck_id = more.get("truck_id")
        usual: dict[str, Any] = {"state": "raised" if end is None else "ended"}
        if truck_id is not None:
            usual["driver_id"] = f"dr{self._numbers[truck_id] + 1:02}"
        return events.Alert(
            **self._known,
            alert_id=events.alert_id(rule, truck_id or more.get("bin_id", "-"), start_ms),
            revision=1,
            rule=rule,
            rule_version="1",
            severity=severity,
            certainty=certainty,
            start_ms=start_ms,
            raised_ms=start_ms + 40 * SECOND_MS,
            emitted_ms=start_ms + 41 * SECOND_MS,
            end_ms=None if end is None else self._now_ms - end * MINUTE_MS,
            **(usual | more),
        )

    # ------------------------------------------------------------------------------------------ what drivers report

    def done(self) -> Iterator[events.Event]:
        """A breakdown, and of the driver that logs in: an older plan accepted, a stop collected."""
        yield self._action(BROKEN_TRUCK, "breakdown", 8)
        plan = self._plans[DRIVER_TRUCK]
        yield self._action(DRIVER_TRUCK, "accepted_plan", 50, plan_version=plan.plan_version - 1)
        for truck_id in list(self._plans)[6:12]:
            first = self._plans[truck_id].visits[0]
            yield self._action(truck_id, "collected", 1, stop_id=first.stop_id, bin_id=first.stop_id)

    def _action(self, truck_id: str, kind: Any, minutes_ago: int, **more: Any) -> events.DriverAction:
        at_ms = self._now_ms - minutes_ago * MINUTE_MS
        return events.DriverAction(
            **self._known,
            action_id=f"da-{truck_id}-{kind}-{minutes_ago}",
            truck_id=truck_id,
            kind=kind,
            event_time_ms=at_ms,
            received_time_ms=at_ms + 300,
            driver_id=f"dr{self._numbers[truck_id] + 1:02}",
            **more,
        )


def _fill(number: int) -> float:
    return round((number * 7919 % 1000) / 1000, 3)


def _condition(condition: str, measured: float, limit: float, unit: str) -> events.Condition:
    return events.Condition(condition=condition, measured=measured, limit=limit, unit=unit, met=measured >= limit)


def _place(asset: events.Asset) -> LonLat:
    return (asset.lon or 0.0, asset.lat or 0.0)


def _point(place: LonLat) -> events.Geometry:
    return {"type": "Point", "coordinates": list(place)}


def _along(path: Sequence[Sequence[float]], share: float) -> LonLat:
    """Return the place at a share of the points' way (by number of points, not by metres)."""
    at = share * (len(path) - 1)
    before = min(int(at), len(path) - 2) if len(path) > 1 else 0
    if len(path) == 1:
        return (path[0][0], path[0][1])
    rest = at - before
    (lon, lat), (to_lon, to_lat) = path[before][:2], path[before + 1][:2]
    return (lon + (to_lon - lon) * rest, lat + (to_lat - lat) * rest)


def _renamed(record: events.Event, names: Sequence[str], at: int) -> events.Event:
    """Give what has a name another one; a plate, a driver and an officer too."""
    name = names[at % len(names)]
    changes: dict[str, Any] = {}
    match record:
        case events.Asset():
            changes = {"name": name, "plate": None if record.plate is None else name[:200]}
        case events.Zone():
            changes = {"name": name}
        case events.TruckState() | events.Alert():
            changes = {"driver_id": name[:200]}
        case events.TruckPlan():
            visits = enumerate(record.visits, start=at)
            changes = {
                "visits": tuple(replace(one, name=names[step % len(names)]) for step, one in visits),
                "changed": tuple(replace(one, name=name) for one in record.changed if not isinstance(one, str)),
            }
        case events.PlanningRun():
            changes = {"left_out": tuple(replace(one, name=name, reason=name) for one in record.left_out)}
        case events.AlertAction():
            changes = {"actor": name[:200], "reason": record.reason and name}
    return replace(record, **changes)
