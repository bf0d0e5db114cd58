"""The planner process on a real broker: records in, plans out for four materials; changes; kill -9 in the middle."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services import bus
from services.city import folder
from services.clock import CityClock, wall_now_ms
from services.planner.roads import build_graph
from streams import codec, events, topics

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
BUILD = ROOT / ".build"
DAY = dt.date(2026, 11, 24)
"""A Tuesday."""
MATERIALS = ("kitchen", "construction", "recyclable", "residual")
TRUCKS_EACH, BINS_EACH = 3, 12


@pytest.fixture(scope="module")
def city() -> folder.City:
    found = folder.read(ROOT / "deploy" / "cities" / "porto")
    build_graph(found.roads, BUILD / "cities" / "porto" / "roads")
    return found


@dataclass
class World:
    """A part of the default city in a tenant of its own, a planner process for it, and what comes out."""

    bootstrap: str
    city: folder.City
    tenant_id: str
    clock: CityClock
    log: Path
    plans: list[events.TruckPlan] = field(default_factory=list)
    runs: list[events.PlanningRun] = field(default_factory=list)
    planner: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.producer = bus.Producer(self.bootstrap, client_id="test")
        self.out = bus.Follower(
            self.bootstrap, [topics.PLANS, topics.PLANNING_RUNS], client_id="test", otherwise="latest"
        )

    @property
    def now_ms(self) -> int:
        """City time."""
        return self.clock.at_wall(wall_now_ms())

    def start(self) -> None:
        """Start a planner process."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("QINGYUN_")} | {
            "KAFKA_BOOTSTRAP": self.bootstrap,
            "DATABASE_URL": "",
            "QINGYUN_TENANT_ID": self.tenant_id,
            "QINGYUN_BUILD_DIR": str(BUILD),
            "QINGYUN_CLOCK_ORIGIN_MS": str(self.clock.origin_ms),
            "QINGYUN_CLOCK_WALL_ORIGIN_MS": str(self.clock.wall_origin_ms),
        }
        code = "from services.planner.run import main; main()"
        with self.log.open("ab") as log:
            self.planner = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stderr=log)

    def kill(self) -> None:
        """End it with -9."""
        assert self.planner is not None
        self.planner.kill()
        self.planner.wait()

    def stop(self) -> int:
        """End it as its supervisor does; returns its exit code."""
        assert self.planner is not None
        self.planner.send_signal(signal.SIGTERM)
        return self.planner.wait(10)

    def close(self) -> None:
        """End everything."""
        if self.planner is not None and self.planner.poll() is None:
            self.kill()
        self.out.close()
        self.producer.close()

    def tell(self, *records: events.Event) -> None:
        """Put records on Kafka, under the tenant of this world."""
        for record in records:
            self.producer.send_event(msgspec.structs.replace(record, tenant_id=self.tenant_id))
        self.producer.flush()

    def wait(self, what: Callable[[], Any], timeout_s: float = 60.0) -> float:
        """Read plans and runs until something is true; returns the wall seconds it took."""
        begun_s = time.monotonic()
        while not what():
            for record in self.out.poll(0.1):
                event = codec.decode(topics.BY_NAME[record.topic], record.value)
                if event.tenant_id == self.tenant_id:
                    (self.plans if isinstance(event, events.TruckPlan) else self.runs).append(event)
            assert self.planner is not None
            assert self.planner.poll() is None, self.log.read_text()[-3000:]
            assert time.monotonic() - begun_s < timeout_s, self.log.read_text()[-3000:]
        return time.monotonic() - begun_s

    def latest(self) -> dict[str, events.TruckPlan]:
        """The plan that holds for each truck."""
        return {plan.truck_id: plan for plan in self.plans}

    def due(self, bin_: events.Asset, *, hours: float = 6.0) -> events.CollectionDue:
        """The forecast's word that a bin is due."""
        litres = 0.9 * (bin_.volume_l or 0)
        return events.CollectionDue(
            place_id=bin_.id, place_kind="bin", due=True, material=bin_.material or "", at_ms=self.now_ms, l=litres,
            overflow_ms=self.now_ms + round(hours * 3_600_000), fill_now=0.9, kg=litres * (bin_.density_kg_per_l or 0),
        )  # fmt: skip

    def press(self, truck_id: str, kind: Any, **more: Any) -> None:
        """A driver presses a button."""
        now_ms = self.now_ms
        self.tell(events.DriverAction(
            action_id=f"{truck_id}-{kind}-{now_ms}", truck_id=truck_id, kind=kind, event_time_ms=now_ms,
            received_time_ms=now_ms, **more,
        ))  # fmt: skip

    def morning(self, materials: tuple[str, ...] = MATERIALS) -> None:
        """Three trucks of each material on shift, twelve due bins each, some bookings."""
        for material in materials:
            trucks = [one for one in self.city.of_kind("truck") if material in one.materials][:TRUCKS_EACH]
            self.tell(*trucks)
            begin_ms, end_ms = self.city.local_ms(DAY, "06:30"), self.city.local_ms(DAY, "14:30")
            for truck in trucks:
                self.tell(events.Shift(
                    shift_id=f"{truck.id}-today", truck_id=truck.id, valid_from_ms=0, start_ms=begin_ms, end_ms=end_ms,
                    overtime_s=3600,
                ))  # fmt: skip
            bins = [one for one in self.city.of_kind("bin") if one.material == material][:BINS_EACH]
            self.tell(*bins)
            self.tell(*(self.due(one) for one in bins))
        for kind in ("facility", "depot", "source"):
            self.tell(*self.city.of_kind(kind))
        self.tell(*self.city.permits, *self.city.calendars)
        bookings = self.city.orders(DAY)
        mine = {one.permit_id for one in self.city.permits if set(one.truck_ids) & set(self.on_shift("construction"))}
        self.tell(*[order for order in bookings if order.permit_id in mine][:4])

    def on_shift(self, material: str) -> list[str]:
        """Trucks of a material in this world."""
        return [one.id for one in self.city.of_kind("truck") if material in one.materials][:TRUCKS_EACH]

    def busy(self, material: str) -> events.TruckPlan:
        """The running plan with the most collections of a material."""
        return max((self.latest()[truck] for truck in self.on_shift(material)), key=lambda plan: len(collects(plan)))


def collects(plan: events.TruckPlan) -> list[str]:
    return [visit.stop_id for visit in plan.visits if visit.kind == "collect" and visit.stop_id is not None]


@pytest.fixture(scope="module")
def world(topics: str, city: folder.City, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A morning with a plan for every truck. The tests share it: each leaves plans that hold, and looks at the newest."""
    clock = CityClock(origin_ms=city.local_ms(DAY, "07:00"), wall_origin_ms=wall_now_ms(), rate=1.0)
    made = World(topics, city, "planner-test", clock, tmp_path_factory.mktemp("planner") / "planner.log")
    made.morning()
    made.start()
    everyone = {truck for material in MATERIALS for truck in made.on_shift(material)}
    made.wait(lambda: everyone <= made.latest().keys() and {run.material for run in made.runs} >= set(MATERIALS))
    yield made
    made.close()


def test_a_plan_for_each_material(world):
    """Each material gets plans that tip where it is accepted, on a road, and the run says what was left out."""
    accepts = {site.id: site.accepts for site in world.city.of_kind("facility")}
    for material in MATERIALS:
        plans = [next(one for one in world.plans if one.truck_id == truck) for truck in world.on_shift(material)]
        assert any(collects(plan) for plan in plans)
        for plan in plans:
            tips = [visit.facility_id for visit in plan.visits if visit.kind == "tip"]
            assert all(material in accepts[site] for site in tips)
            assert bool(tips) == bool(collects(plan))
            assert plan.reason == "first_plan"
            assert not plan.visits or plan.path is not None
        run = next(one for one in world.runs if one.material == material)
        planned = {stop for plan in plans for stop in collects(plan)}
        assert run.stops == len(planned) + len(run.left_out)
        assert run.rejected == ()


def test_changes_reach_the_trucks_they_concern(world):
    """A skipped stop, a breakdown and a closed facility each change the plans they hit, with their reason, and no others."""
    before = world.latest()
    plan = world.busy("kitchen")
    skipped = collects(plan)[1]
    world.press(plan.truck_id, "skipped", stop_id=skipped, exception="blocked")
    world.wait(lambda: world.latest()[plan.truck_id].plan_version > plan.plan_version)
    changed = world.latest()[plan.truck_id]
    assert changed.reason == "stop_skipped"
    assert skipped not in collects(changed)
    assert collects(changed)[0] == collects(plan)[0]  # the stop in hand stays
    others = set(before) - {plan.truck_id}
    assert all(world.latest()[truck] == before[truck] for truck in others)

    plan = world.busy("recyclable")
    world.press(plan.truck_id, "breakdown")
    world.wait(lambda: any(run.material == "recyclable" and run.reason == "breakdown" for run in world.runs))
    assert world.latest()[plan.truck_id].visits == ()
    taken = {stop for truck in world.on_shift("recyclable") for stop in collects(world.latest()[truck])}
    left = {one.stop_id for run in world.runs if run.reason == "breakdown" for one in run.left_out}
    assert set(collects(plan)) <= taken | left
    assert all(world.latest()[truck] == before[truck] for truck in world.on_shift("construction"))

    plan = world.busy("residual")
    site = next(visit.facility_id for visit in plan.visits if visit.kind == "tip")
    closed = world.city.asset["facility", site or ""]
    world.tell(msgspec.structs.replace(
        closed, version=2, valid_from_ms=world.now_ms - 1, closed_until_ms=world.now_ms + 24 * 3_600_000
    ))  # fmt: skip
    world.wait(lambda: any(run.material == "residual" and run.reason == "facility_closed" for run in world.runs))
    moved = world.latest()[plan.truck_id]
    assert moved.reason == "facility_closed"
    assert site not in [visit.facility_id for visit in moved.visits]


def test_killed_and_started_again(world):
    """After kill -9 the same plans go on: no version comes twice, none is missing, and the next change is the next one."""
    before = world.latest()
    world.kill()
    plan = world.busy("kitchen")
    world.press(plan.truck_id, "skipped", stop_id=collects(plan)[1], exception="blocked")  # while nobody listens
    world.start()
    world.wait(lambda: world.latest()[plan.truck_id].plan_version > plan.plan_version)
    assert {truck for truck in before if world.latest()[truck] != before[truck]} == {plan.truck_id}
    versions = [(one.truck_id, one.plan_version) for one in world.plans]
    assert len(versions) == len(set(versions))
    assert world.latest()[plan.truck_id].plan_version == plan.plan_version + 1
    assert world.stop() == 0
