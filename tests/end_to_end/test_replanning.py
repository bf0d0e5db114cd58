"""What changes in the city changes the plans: the right reason, the right trucks, and nobody else's."""

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from tests.end_to_end.conftest import System, eventually

pytestmark = pytest.mark.end_to_end

Json = dict[str, Any]
WITHIN_S = 60
"""Far above the ten seconds we aim for: tests wait for what happens, `make bench` measures how fast."""


class Desk:
    """A dispatcher at the API, and the drivers' own keys."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.client = system.client("dispatcher")
        self.keys: dict[str, str] = json.loads((system.data / "secrets" / "devices.json").read_text())["driver_keys"]

    def live(self) -> Json:
        """Return the live state of the city now."""
        return self.system.snapshot(self.client)

    def plans(self) -> dict[str, Json]:
        """Return each truck's newest plan."""
        return {plan["truck_id"]: plan for plan in self.live()["plans"]}

    def put(self, path: str, body: Json) -> None:
        """Send a command; fail with the gateway's own words."""
        answer = self.client.put(path, json=body)
        assert answer.is_success, answer.text

    def report(self, truck_id: str, **report: Any) -> str:
        """Send a report of that truck's driver; return its id."""
        action_id = str(uuid.uuid4())
        answer = httpx.put(
            f"{self.system.address}/api/v1/driver-actions/{action_id}",
            headers={"Authorization": f"Bearer {self.keys[truck_id]}"},
            json={"event_time_ms": self.live()["now_ms"], **report},
        )
        assert answer.is_success, answer.text
        return action_id

    def plan_where(self, holds: Callable[[Json], bool], what: str) -> Json:
        """Wait for a plan of any truck that holds."""
        return eventually(
            lambda: next((plan for plan in self.plans().values() if holds(plan)), None), within_s=WITHIN_S, what=what
        )


@pytest.fixture(scope="module")
def desk(system: System) -> Iterator[Desk]:
    """Give a desk at which every material is planned."""
    desk = Desk(system)
    eventually(
        lambda: (
            {plan.get("material") for plan in desk.plans().values() if _collections(plan)}
            >= {"kitchen", "construction", "recyclable", "residual"}
        ),
        within_s=180,
        what="a plan for each of the four materials",
    )
    yield desk
    desk.client.close()


def _collections(plan: Json) -> list[Json]:
    return [visit for visit in plan.get("visits", ()) if visit.get("kind", "collect") == "collect"]


def _a_busy_truck(desk: Desk, material: str, stops: int = 3) -> Json:
    return eventually(
        lambda: next(
            (plan for plan in desk.plans().values() if plan.get("material") == material and len(_collections(plan)) >= stops),
            None,
        ),
        within_s=120,
        what=f"a truck with {stops} stops of {material}",
    )  # fmt: skip


def test_each_material_goes_where_it_is_accepted(desk: Desk) -> None:
    """For each of the four materials some truck's plan tips it, and only at facilities that accept it."""
    accepts = {facility["id"]: facility["accepts"] for facility in desk.live()["facilities"]}
    tipped = {
        (plan["material"], visit["facility_id"])
        for plan in desk.plans().values()
        for visit in plan["visits"]
        if visit.get("kind") == "tip"
    }
    assert {material for material, _ in tipped} == {"kitchen", "construction", "recyclable", "residual"}
    assert [pair for pair in tipped if pair[0] not in accepts[pair[1]]] == []


def test_a_booking_becomes_stops(desk: Desk) -> None:
    """A building site's booking is cut into truckloads and planned for trucks its permit allows."""
    source = next(one for one in desk.live()["sources"] if one.get("material") == "construction")
    order_id = f"test-{uuid.uuid4()}"
    desk.put(f"/api/v1/orders/{order_id}", {"source_id": source["id"], "material": "construction", "kg": 9000})
    plan = desk.plan_where(
        lambda plan: any(visit.get("order_id") == order_id for visit in plan["visits"]), "a booking is planned"
    )
    assert plan["material"] == "construction"


def test_an_excluded_stop_leaves_the_plan(desk: Desk) -> None:
    """What the dispatcher excludes is taken out of the plan, and other trucks' plans stay as they were."""
    plan = _a_busy_truck(desk, "residual")
    stop = _collections(plan)[-1]["stop_id"]
    action = {
        "subject_id": stop,
        "kind": "exclude",
        "until_ms": desk.live()["now_ms"] + 8 * 3_600_000,
        "reason": "road works",
    }
    desk.put(f"/api/v1/dispatch-actions/{uuid.uuid4()}", action)
    changed = desk.plan_where(
        lambda now: (
            now["truck_id"] == plan["truck_id"]
            and now["plan_version"] > plan["plan_version"]
            and stop not in {visit.get("stop_id") for visit in now["visits"]}
        ),
        "an excluded stop leaves the plan",
    )
    assert changed["reason"]


def test_a_breakdown_gives_the_stops_away(desk: Desk) -> None:
    """A truck that breaks down has no stops left; others take them, with that reason."""
    plan = _a_busy_truck(desk, "recyclable")
    down = desk.report(plan["truck_id"], kind="breakdown")
    try:
        taken = desk.plan_where(
            lambda now: now["truck_id"] != plan["truck_id"] and now["reason"] == "breakdown", "a breakdown moves stops"
        )
        assert taken["material"] == "recyclable"
        eventually(
            lambda: not _collections(desk.plans()[plan["truck_id"]]), within_s=WITHIN_S, what="the truck has no stops left"
        )  # fmt: skip
    finally:
        now_ms = desk.live()["now_ms"]
        desk.report(plan["truck_id"], kind="corrected", corrects=down, corrected_time_ms=now_ms)


def test_a_closed_facility_is_left_out_of_every_plan(desk: Desk) -> None:
    """When the dispatcher closes a facility, no plan tips there; what cannot be served says why."""
    facility = next(
        visit["facility_id"]
        for plan in desk.plans().values()
        if plan.get("material") == "residual"
        for visit in plan["visits"]
        if visit.get("kind") == "tip"
    )
    closure = f"/api/v1/facilities/{facility}/closure"
    desk.put(closure, {"closed_until_ms": desk.live()["now_ms"] + 12 * 3_600_000, "reason": "fire drill"})
    try:
        desk.plan_where(lambda plan: plan["reason"] == "facility_closed", "a closed facility changes plans")
        eventually(lambda: not _tips_ahead(desk, facility), within_s=WITHIN_S, what=f"no plan tips at {facility}")
    finally:
        desk.put(closure, {"closed_until_ms": None, "reason": "open again"})


def _tips_ahead(desk: Desk, facility: str) -> list[str]:
    live = desk.live()
    return [
        plan["truck_id"]
        for plan in live["plans"]
        for visit in plan["visits"]
        if visit.get("facility_id") == facility and visit["arrive_ms"] > live["now_ms"] + 300_000
    ]


def test_every_stop_left_out_has_its_reason(desk: Desk) -> None:
    """A stop no truck will visit names its code and a sentence with the numbers that decided."""
    left_out = [left for run in desk.live()["runs"] for left in run.get("left_out", ())]
    assert all(left["code"] and left["reason"].endswith(".") for left in left_out)
