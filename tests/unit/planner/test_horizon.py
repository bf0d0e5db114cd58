"""Each trigger: what happens, which reason it gives, which trucks are planned again."""

import msgspec
import pytest

from services.planner.horizon import LATE_MS, ROUTINE_MS, Trigger
from services.planner.rounds import GATHER_S, GATHER_URGENT_S, RETRY_MS, URGENCY, Round, Rounds
from streams import events
from streams.events import PLAN_REASONS, LeftOut
from streams.units import HOUR_MS, MINUTE_MS
from tests.unit.planner.town import BINS, LAT, TENANT, Town, asset, lon


@pytest.fixture
def town() -> Town:
    made = Town()
    made.planned()
    return made


def next_round(town: Town, late_ms: dict[str, int] | None = None) -> Round | None:
    """The round that is due when everything has had its time to gather."""
    rounds, now = Rounds(), town.now()
    rounds.next(town.triggers(late_ms), now, 0.0)
    return rounds.next(town.triggers(late_ms), now, 60.0)


def only(town: Town, reason: str) -> Round:
    found = next_round(town)
    assert found is not None
    assert found.reason == reason
    return found


def test_plans_that_hold_are_left_alone(town):
    """With every due bin in a plan and every truck on time, nothing is planned again."""
    assert town.triggers() == []


def test_reasons_are_those_of_the_contract():
    """Every reason a round can have is one the pages know, and none is missing."""
    assert sorted(URGENCY) == sorted(PLAN_REASONS)


def test_a_morning_without_plans_is_planned_whole():
    """Bins are due and nobody has a plan: the first plan is for all trucks."""
    town = Town()
    town.due("b1", "b2")
    assert only(town, "first_plan").truck_ids is None


def test_no_plan_is_asked_for_where_nothing_waits():
    """A truck on shift with nothing to collect and nothing on board needs no plan."""
    assert Town().triggers() == []


def test_a_loaded_truck_is_planned_even_where_nothing_waits():
    """What is on board must be tipped before the shift ends, so a loaded truck needs a plan."""
    town = Town()
    town.fix("t1", lon(50), load_kg=2_000)
    assert only(town, "first_plan").truck_ids is None


def test_a_truck_whose_shift_begins_joins(town):
    """A truck that comes on shift while the others are out is planned, and they with it."""
    town.truck("t4")
    assert only(town, "shift").truck_ids is None


def test_a_new_due_bin_concerns_the_trucks_that_pass_nearest(town):
    """A bin that becomes due is offered to the few trucks whose routes pass nearest, not to the whole fleet."""
    for number in range(4, 12):
        town.truck(f"t{number}")
        town.fix(f"t{number}", lon(-5_000))
        town.plan(f"t{number}")
    town.run()
    town.later()
    town.take(asset("bin", "b9", lon(210), material="kitchen", volume_l=600, density_kg_per_l=0.5))
    town.due("b9", overflow_h=20.0)
    found = only(town, "new_due")
    assert found.truck_ids is not None
    assert {"t1", "t2"} <= found.truck_ids
    assert len(found.truck_ids) == 4
    assert found.params["stop_id"] == "b9"


def test_a_stop_the_last_run_left_out_is_not_asked_about_again(town):
    """What the last run left out with a reason waits for news, not for the next look."""
    town.take(asset("bin", "b9", lon(210), material="kitchen", volume_l=600))
    town.due("b9")
    town.later()
    left = LeftOut(stop_id="b9", place_kind="bin", place_id="b9", code="not_worth_it", reason="Too far.")
    town.run(left_out=(left,))
    assert town.triggers() == []
    town.later()
    town.due("b9", overflow_h=1.0)  # the forecast moved
    assert town.reasons() == {"new_due"}


def test_overflow_earlier_than_the_truck_comes(town):
    """A forecast that moves before the planned arrival has the truck and those near it planned again."""
    town.due("b6", overflow_h=0.05)
    found = only(town, "overflow_earlier")
    assert found.reason_for("t3") is not None
    assert found.params["stop_id"] == "b6"


def test_overflow_still_after_the_truck_comes(town):
    """A forecast that moves but stays after the planned arrival changes nothing."""
    town.due("b6", overflow_h=3.0)
    assert town.triggers() == []


def test_news_that_were_on_their_way_while_the_plan_was_made():
    """A reading older than the plan, but not known to it, counts: what the plan knew decides, not the reading's time."""
    town = Town()
    town.due(*BINS)
    town.later()
    read_ms = town.now_ms
    town.later(0.5)
    town.plan("t1")
    town.plan("t2")
    town.plan("t3", *BINS, "f1")
    town.run()
    made_ms, town.now_ms = town.now_ms, read_ms
    town.due("b6", overflow_h=0.1)
    town.now_ms = made_ms
    assert town.reasons() == {"overflow_earlier"}


def test_an_overflow_the_plan_knew_of_is_no_news():
    """A bin nobody can reach in time is planned late; the same forecast, or a later one, does not ask again."""
    town = Town()
    town.due(*BINS)
    town.due("b6", overflow_h=0.1)
    known_ms = town.state.demand.due["b6"].overflow_ms
    town.plan("t1")
    town.plan("t2")
    plan = town.plan("t3", *BINS, "f1")
    late = [
        msgspec.structs.replace(one, why=f"overflow:{known_ms}" if one.stop_id == "b6" else None) for one in plan.visits
    ]
    town.take(msgspec.structs.replace(plan, plan_version=2, visits=tuple(late)))
    town.run()
    assert town.triggers() == []
    town.later()
    town.due("b6", overflow_h=0.2)
    assert town.triggers() == []


def test_a_truck_full_early_is_planned_alone(town):
    """What is on board leaves no room for the next stop: this truck, and no other, gets a new plan."""
    town.fix("t2", lon(250), load_kg=3_900)
    assert only(town, "truck_full").truck_ids == {"t2"}


def test_a_truck_that_says_full_is_full(town):
    """The terminal's word ``full`` counts, also without a weight."""
    town.fix("t2", lon(250), load_state="full")
    assert only(town, "truck_full").truck_ids == {"t2"}


def test_a_truck_with_room_is_not_full(town):
    """A load that leaves room for the next stop changes nothing."""
    town.fix("t2", lon(250), load_kg=3_600)
    assert town.triggers() == []


def test_a_skipped_stop_leaves_its_trucks_plan(town):
    """A driver skips a stop: only this truck is planned again, and the reason names the stop."""
    town.press("t2", "skipped", stop_id="b3", exception="blocked")
    found = only(town, "stop_skipped")
    assert found.truck_ids == {"t2"}
    assert found.params["name"] == "B3"


def test_a_collected_stop_changes_nothing(town):
    """A stop that is done as planned is no reason for a new plan."""
    town.press("t2", "collected", stop_id="b3")
    town.later(10)
    town.due("b3", due=False)
    assert town.triggers() == []


@pytest.mark.parametrize("kind", ["breakdown", "sos"])
def test_a_truck_that_is_down_gives_its_stops_to_all(town, kind):
    """A breakdown or an SOS has all trucks of the material planned, at once and before anything else."""
    town.take(asset("bin", "b9", lon(210), material="kitchen", volume_l=600))
    town.due("b9")
    town.press("t1", kind)
    found = only(town, kind)
    assert found.truck_ids is None
    assert found.reason_for("t1") is not None
    assert found.params["truck_id"] == "t1"


def test_a_truck_that_works_again_is_planned(town):
    """After the driver took the breakdown back, the truck gets work again."""
    action = town.press("t1", "breakdown")
    town.take(events.TruckPlan(
        tenant_id=TENANT, truck_id="t1", plan_version=2, made_ms=town.now_ms, reason="breakdown"
    ))  # fmt: skip
    town.run()
    town.later()
    town.press("t1", "corrected", corrects=action.action_id)
    found = next_round(town)
    assert found is not None
    assert "shift" in {one.reason for one in found.triggers}


def test_a_closed_facility_concerns_the_trucks_that_drive_there(town):
    """A dispatcher closes a facility: the trucks that were to tip there are hit, and all may have to help."""
    until = town.now_ms + 5 * HOUR_MS
    town.take(
        asset(
            "facility",
            "f1",
            lon(800),
            accepts=("kitchen",),
            version=2,
            valid_from_ms=town.now_ms,
            closed_until_ms=until,
        )
    )
    found = only(town, "facility_closed")
    assert {truck for one in found.triggers for truck in one.truck_ids} == {"t1", "t2", "t3"}
    assert found.params["facility_id"] == "f1"


def test_a_closure_that_is_over_is_not_the_reason(town):
    """A tip after the usual hours: the driver reads that the site is closed, not until when it once was."""
    town.take(
        asset("facility", "f1", lon(800), accepts=("kitchen",), unload_s=600, version=2, valid_from_ms=town.now_ms,
              windows=(("06:00", "07:10"),), closed_until_ms=town.now_ms - HOUR_MS)
    )  # fmt: skip
    found = only(town, "facility_closed")
    assert "closed_until_ms" not in found.params


def test_another_facility_closed_changes_nothing(town):
    """Closing a facility nobody drives to leaves all plans as they are."""
    until = town.now_ms + 5 * HOUR_MS
    town.take(
        asset(
            "facility",
            "f2",
            lon(-300),
            accepts=("kitchen",),
            version=2,
            valid_from_ms=town.now_ms,
            closed_until_ms=until,
        )
    )
    assert town.triggers() == []


def test_a_facility_that_fills_up(town):
    """The day's tonnage leaves less room than the running plans bring: they are planned again."""
    town.take(asset("facility", "f1", lon(800), accepts=("kitchen",), version=2, valid_from_ms=0, daily_kg=10_000))
    assert town.triggers() == []
    town.weigh("t9", "f1", 9_500)
    assert only(town, "facility_full").params["facility_id"] == "f1"


def test_a_facility_that_is_over_full_is_not_news_again(town):
    """Loads that were already on their way go in beyond the tonnage: no more room than none, so nobody is asked again."""
    town.take(asset("facility", "f1", lon(800), accepts=("kitchen",), version=2, valid_from_ms=0, daily_kg=10_000))
    town.weigh("t9", "f1", 10_000)
    full = {one.key for one in town.triggers()}
    assert full
    town.weigh("t8", "f1", 8_000)
    assert {one.key for one in town.triggers()} == full


def test_yesterdays_tonnage_does_not_count(town):
    """A facility's day begins anew at local midnight."""
    town.take(asset("facility", "f1", lon(800), accepts=("kitchen",), version=2, valid_from_ms=0, daily_kg=10_000))
    town.now_ms -= 10 * HOUR_MS
    town.weigh("t9", "f1", 9_500)
    town.now_ms += 10 * HOUR_MS
    assert town.triggers() == []


def test_more_than_fifteen_minutes_late(town):
    """A truck more than 15 min behind its plan is planned again; 15 min are allowed."""
    assert town.reasons({"t2": LATE_MS}) == set()
    found = next_round(town, {"t2": LATE_MS + MINUTE_MS})
    assert found is not None
    assert found.reason == "truck_late"
    assert found.params == {"truck_id": "t2", "minutes": 16, "count": 1}


def test_a_new_order_is_planned(town):
    """A booking is planned as soon as a truck that may carry it is on shift."""
    town.truck("t9", materials=("construction",))
    town.plan("t9", material="construction")
    town.run("construction")
    town.order()
    found = only(town, "new_order")
    assert found.material == "construction"


def test_a_cancelled_order_leaves_the_plan(town):
    """Nobody drives to an order that was cancelled."""
    town.truck("t9", materials=("construction",), payload_kg=20_000, volume_l=20_000)
    town.order()
    visit = events.PlanVisit(stop_id="o1/1", order_id="o1", arrive_ms=1, leave_ms=2, lon=lon(300), lat=LAT)
    town.take(events.TruckPlan(
        tenant_id=TENANT, truck_id="t9", plan_version=1, made_ms=town.now_ms, reason="first_plan",
        material="construction", visits=(visit,),
    ))  # fmt: skip
    town.run("construction")
    town.later()
    assert town.triggers() == []
    town.order(version=2, state="cancelled", source=False)
    assert {truck for one in only(town, "dispatcher").triggers for truck in one.truck_ids} == {"t9"}


def test_a_dispatcher_locks_a_stop_to_another_truck(town):
    """A lock that the running plan does not keep has both trucks planned."""
    town.overrule("b1", "lock", truck_id="t3")
    found = only(town, "dispatcher")
    assert found.truck_ids == {"t1", "t3"}


def test_a_dispatcher_excludes_and_includes(town):
    """An excluded place leaves the plan; included again, it is planned again."""
    town.overrule("b1", "exclude", reason="market day")
    assert only(town, "dispatcher").truck_ids == {"t1"}
    town.plan("t1", "b2", "f1", version=2)
    left = LeftOut(stop_id="b1", place_kind="bin", place_id="b1", code="excluded", reason="market day")
    town.run(left_out=(left,))
    town.later()
    assert town.triggers() == []
    town.overrule("b1", "include")
    assert only(town, "dispatcher").params["stop_id"] == "b1"


def test_a_dispatcher_asks_for_a_new_plan(town):
    """``replan`` of a material plans all its trucks again, once."""
    town.overrule("kitchen", "replan")
    assert only(town, "dispatcher").truck_ids is None
    town.later()
    town.run()
    assert town.triggers() == []


def test_routine_once_in_half_an_hour(town):
    """While stops wait, a material is planned again after half an hour without any other reason."""
    town.now_ms += ROUTINE_MS - MINUTE_MS
    assert town.reasons() == {"horizon"}


def test_urgent_reasons_do_not_wait_for_others(town):
    """A skipped stop is planned within the urgent gathering time; a new bin waits for company."""
    rounds = Rounds()
    town.press("t2", "skipped", stop_id="b3")
    now = town.now()
    assert rounds.next(town.triggers(), now, 0.0) is None
    assert rounds.next(town.triggers(), now, GATHER_URGENT_S) is not None
    town = Town()
    town.planned()
    town.take(asset("bin", "b9", lon(210), material="kitchen", volume_l=600))
    town.due("b9")
    now = town.now()
    assert rounds.next(town.triggers(), now, 20.0) is None
    assert rounds.next(town.triggers(), now, 20.0 + GATHER_S["new_due"] - 0.1) is None
    assert rounds.next(town.triggers(), now, 20.1 + GATHER_S["new_due"]) is not None


def test_ten_bins_make_one_round(town):
    """Bins that become due within the gathering time are planned together."""
    for number in range(10):
        town.take(asset("bin", f"n{number}", lon(50 * number), material="kitchen", volume_l=600))
        town.due(f"n{number}")
    found = only(town, "new_due")
    assert len(found.triggers) == 10


def test_stops_that_come_and_go_need_no_search(town):
    """A new bin or a skipped stop is an insertion or a gap; a breakdown is a new distribution."""
    town.press("t2", "skipped", stop_id="b3")
    found = next_round(town)
    assert found is not None
    assert found.only_inserts
    town.press("t1", "breakdown")
    found = next_round(town)
    assert found is not None
    assert not found.only_inserts


def test_what_could_not_be_mended_waits(town):
    """A trigger that outlives its round is not asked about again at once, but after a while."""
    rounds = Rounds()
    town.press("t2", "skipped", stop_id="b3")
    now = town.now()
    rounds.next(town.triggers(), now, 0.0)
    done = rounds.next(town.triggers(), now, 5.0)
    assert done is not None
    rounds.tried(done, town.now_ms)
    assert rounds.next(town.triggers(), town.now(), 60.0) is None
    town.now_ms += RETRY_MS
    rounds.next(town.triggers(), town.now(), 61.0)
    assert rounds.next(town.triggers(), town.now(), 66.0) is not None


def test_a_second_search_gives_way_to_what_is_urgent(town):
    """A round about new bins need not be searched again while an SOS waits; one that was tried does not wait."""
    rounds = Rounds()
    town.take(asset("bin", "b9", lon(210), material="kitchen", volume_l=600))
    town.due("b9")
    now = town.now()
    rounds.next(town.triggers(), now, 0.0)
    new_bins = rounds.next(town.triggers(), now, 60.0)
    assert new_bins is not None
    assert not rounds.urgent_waits(town.triggers(), new_bins)
    town.press("t1", "sos")
    assert rounds.urgent_waits(town.triggers(), new_bins)
    rounds.next(town.triggers(), town.now(), 61.0)
    sos = rounds.next(town.triggers(), town.now(), 62.0)
    assert sos is not None
    assert not rounds.urgent_waits(town.triggers(), sos)
    rounds.tried(sos, town.now_ms)
    assert not rounds.urgent_waits(town.triggers(), new_bins)


def test_the_most_urgent_material_goes_first(town):
    """An SOS in one material does not wait behind new bins of another."""
    town.truck("r1", materials=("residual",))
    town.take(asset("bin", "n1", lon(10), material="residual", volume_l=600))
    town.due("n1", material="residual")
    town.press("t1", "sos")
    found = next_round(town)
    assert found is not None
    assert found.material == "kitchen"


def test_every_bin_of_the_town_is_known():
    """The drawing of the town is what the tests believe: six bins, in order along the street."""
    assert sorted(BINS.values()) == list(BINS.values())


def test_a_trigger_is_known_by_what_it_is_about():
    """Two looks at one fact give one key, so it is gathered once."""
    one = Trigger(reason="sos", material="kitchen", subject_id="t1", fact=3)
    two = Trigger(reason="sos", material="kitchen", subject_id="t1", fact=3, params={"truck_id": "t1"})
    assert one.key == two.key
