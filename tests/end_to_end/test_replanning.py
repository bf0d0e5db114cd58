"""What people decide changes the plans: bookings, exclusions. And what every plan and every run owes its readers."""

import uuid
from collections.abc import Callable

import pytest

from streams.units import HOUR_MS
from tests.end_to_end.conftest import eventually
from tests.end_to_end.desk import Desk, Json, collections

pytestmark = pytest.mark.end_to_end

WITHIN_S = 60


def _plan_where(desk: Desk, holds: Callable[[Json], bool], what: str) -> Json:
    """Wait for a plan of any truck that holds."""
    return eventually(
        lambda: next((plan for plan in desk.plans().values() if holds(plan)), None), within_s=WITHIN_S, what=what
    )


def _a_busy_truck(desk: Desk, material: str, stops: int = 3) -> Json:
    return eventually(
        lambda: next(
            (plan for plan in desk.plans().values() if plan.get("material") == material and len(collections(plan)) >= stops),
            None,
        ),
        within_s=120,
        what=f"a truck with {stops} stops of {material}",
    )  # fmt: skip


def test_each_material_goes_where_it_is_accepted(desk: Desk) -> None:
    """For each of the four materials some truck's plan tips it, and only at facilities that accept it."""
    accepts = {facility["id"]: facility["accepts"] for facility in desk.live.all("facility")}
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
    source = next(one for one in desk.live.all("source") if one.get("material") == "construction")
    order_id = f"test-{uuid.uuid4()}"
    desk.put(f"/api/v1/orders/{order_id}", {"source_id": source["id"], "material": "construction", "kg": 9000})
    plan = _plan_where(
        desk, lambda plan: any(one.get("order_id") == order_id for one in plan["visits"]), "a booking is planned"
    )
    assert plan["material"] == "construction"


def test_an_excluded_stop_leaves_the_plan(desk: Desk) -> None:
    """What the dispatcher excludes is taken out of the plan, and other trucks' plans stay as they were."""
    plan = _a_busy_truck(desk, "residual")
    stop = collections(plan)[-1]["stop_id"]
    desk.overrule(stop, "exclude", until_ms=desk.now_ms + 8 * HOUR_MS, reason="road works")
    changed = _plan_where(
        desk,
        lambda now: (
            now["truck_id"] == plan["truck_id"]
            and now["plan_version"] > plan["plan_version"]
            and stop not in {visit.get("stop_id") for visit in now["visits"]}
        ),
        "an excluded stop leaves the plan",
    )
    assert changed["reason"]


def test_every_stop_left_out_has_its_reason(desk: Desk) -> None:
    """A stop no truck will visit names its code and a sentence with the numbers that decided."""
    left_out = [left for run in desk.live.all("run") for left in run.get("left_out", ())]
    assert all(left["code"] and left["reason"].endswith(".") for left in left_out)
