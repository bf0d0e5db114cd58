"""What people decide changes the plans: bookings, exclusions. And what every plan and every run owes its readers."""

import re
import uuid
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from streams.units import HOUR_MS
from tests.end_to_end.conftest import LogIn, eventually
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
    """What the dispatcher excludes is taken out of the plan, which says so; no other truck gets it, or a plan for its sake."""
    stop = _exclude_a_stop(desk, "residual", "road works")

    def leaves(plan: Json) -> bool:
        gone = {"what": "removed", "stop_id": stop, "why": "dispatcher"}
        return any(gone.items() <= change.items() for change in plan["changed"])

    changed = _plan_where(desk, leaves, "a plan says that the excluded stop is taken out")
    assert not any(change.get("to_truck_id") for change in changed["changed"] if change.get("stop_id") == stop)
    holders = [plan["truck_id"] for plan in desk.plans().values() if stop in {v.get("stop_id") for v in plan["visits"]}]
    assert holders == []
    told = {
        plan["truck_id"]
        for plan in desk.live.plans_so_far()
        if plan["reason"] == "dispatcher" and plan.get("reason_params", {}).get("stop_id") == stop
    }
    assert told == {changed["truck_id"]}


def test_every_stop_left_out_has_its_reason(desk: Desk) -> None:
    """A stop no truck will visit names its code and says why in a sentence; so does one that was just excluded."""
    stop = _exclude_a_stop(desk, "recyclable", "market day")

    def left_out() -> list[Json]:
        found = [left for run in desk.live.all("run") for left in run.get("left_out", ())]
        return found if any(left["stop_id"] == stop for left in found) else []

    found = eventually(left_out, within_s=WITHIN_S, what="a run names the excluded stop")
    assert [left for left in found if not left["code"] or not left["reason"].endswith(".")] == []
    [excluded] = [left for left in found if left["stop_id"] == stop]
    assert excluded["code"] == "excluded"
    assert "market day" in excluded["reason"]


def _exclude_a_stop(desk: Desk, material: str, reason: str) -> str:
    """Exclude the last stop of a busy truck's plan and return its id."""
    stop = str(collections(_a_busy_truck(desk, material))[-1]["stop_id"])
    desk.overrule(stop, "exclude", until_ms=desk.now_ms + 8 * HOUR_MS, reason=reason)
    return stop


def test_a_move_has_its_price_before_it_is_sent_and_can_be_taken_back(desk: Desk, log_in: LogIn) -> None:
    """At the desk: "Move to…", the cheapest truck that can, the draft with its price, Send, Undo; the plans follow both."""
    plan = _a_busy_truck(desk, "residual", stops=4)
    stop, had = collections(plan)[-1]["stop_id"], plan["truck_id"]
    page = log_in("dispatcher", draws_maps=False)
    page.goto(f"{desk.system.address}/dispatch?truck={had}")
    to = _draft_to_the_cheapest(page, stop)
    expect(page.get_by_test_id("draft-price")).to_contain_text("km")
    page.get_by_test_id("draft-send").click()
    page.get_by_test_id("done").hover()  # it stays as long as somebody is at it
    expect(page.get_by_test_id("draft")).to_be_hidden()
    _plan_where(desk, lambda one: one["truck_id"] == to and _holds(one, stop), "the chosen truck has the stop")
    page.get_by_test_id("undo").click()
    _plan_where(desk, lambda one: one["truck_id"] == had and _holds(one, stop), "the stop is back")


def _draft_to_the_cheapest(page: Page, stop: str) -> str:
    """Put a stop into the draft for the cheapest truck that can, until the draft can be sent; return the truck's id.

    The town goes on between the offer and the draft's price: who could a moment ago may be too full or too late by then.
    """
    draft, said = page.get_by_test_id("draft"), ""
    for _ in range(3):
        page.get_by_test_id("truck-stops").locator(f'li[data-stop-id="{stop}"]').get_by_test_id("move").click()
        offer = page.locator('[data-testid="offer"][data-rule=""]').first
        expect(offer).to_be_visible(timeout=15_000)
        to = str(offer.get_attribute("data-truck-id"))
        offer.get_by_test_id("give").click()
        expect(draft).to_have_attribute("data-waits-for", re.compile("^(rule)?$"), timeout=15_000)
        if draft.get_attribute("data-waits-for") == "":
            return to
        said = draft.inner_text()
        page.get_by_test_id("draft-discard").click()
    raise AssertionError(f"thrice a rule forbade what had just been offered for {stop}: {said}")


def _holds(plan: Json, stop: str) -> bool:
    return any(visit["stop_id"] == stop for visit in collections(plan))
