"""What waits to be collected, and what no longer does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.planner.demand import SETTLE_MS, SKIP_REST_MS
from services.planner.reference import USABLE_SHARE
from streams.events import Permit
from streams.units import HOUR_MS, MINUTE_MS
from tests.unit.planner.town import MIDNIGHT_MS, TENANT, Town, asset, lon


def permit(**more: object) -> Permit:
    given = {"permit_id": "p1", "truck_ids": ("k1",), "facility_ids": ("y1",), "material": "construction", **more}
    return Permit(tenant_id=TENANT, valid_from_ms=0, **given)


def with_tippers(*payloads_kg: float) -> Town:
    town = Town()
    for number, payload_kg in enumerate(payloads_kg, start=1):
        town.truck(f"k{number}", materials=("construction",), payload_kg=payload_kg, volume_l=1e6)
    return town


def test_a_due_bin_waits():
    """A bin that is due is a stop with its place, load and service time."""
    town = Town()
    town.due("b1")
    stop = town.now().stops["b1"]
    assert (stop.kg, stop.l, stop.service_s, stop.place) == (300.0, 600.0, 60, (lon(100), 41.15))


def test_a_bin_without_a_known_fill_counts_as_full():
    """Unknown is not empty: a due bin that says nothing takes its whole volume."""
    town = Town()
    town.due("b1", kg=None, l=None, fill_now=None)
    stop = town.now().stops["b1"]
    assert (stop.kg, stop.l) == (300.0, 600.0)


def test_collected_until_due_again():
    """A collected bin waits no more; a stale word on its way changes nothing, a later one makes it due again."""
    town = Town()
    town.due("b1")
    town.later()
    town.press("t1", "collected", stop_id="b1")
    assert "b1" not in town.now().stops
    town.later()
    town.due("b1")
    assert "b1" not in town.now().stops
    town.now_ms += SETTLE_MS
    town.due("b1")
    assert "b1" in town.now().stops


def test_emptied_without_a_button():
    """A sensor that says empty ends the wait, whoever emptied the bin."""
    town = Town()
    town.due("b1")
    town.later()
    town.due("b1", due=False)
    assert "b1" not in town.now().stops


def test_an_older_word_changes_nothing():
    """Of two records about a bin the later one holds, in whatever order they come."""
    town = Town()
    town.due("b1", due=False)
    town.now_ms -= MINUTE_MS
    town.due("b1")
    town.now_ms += MINUTE_MS
    assert "b1" not in town.now().stops


@pytest.mark.parametrize(("exception", "comes_back"), [("blocked", True), ("contaminated", False)])
def test_a_skipped_bin_rests(exception, comes_back):
    """A skipped bin rests for two hours with its reason; a contaminated one until a dispatcher includes it."""
    town = Town()
    town.due("b1")
    town.press("t1", "skipped", stop_id="b1", exception=exception)
    assert town.now().resting["b1"].code == "skipped"
    town.now_ms += SKIP_REST_MS
    assert ("b1" not in town.now().resting) is comes_back
    town.overrule("b1", "include")
    assert "b1" not in town.now().resting


def test_a_closing_that_was_taken_back():
    """A driver who pressed by mistake and corrects it has the stop again."""
    town = Town()
    town.due("b1")
    action = town.press("t1", "collected", stop_id="b1")
    town.press("t1", "corrected", corrects=action.action_id)
    assert "b1" in town.now().stops


def test_excluded_until():
    """A dispatcher's exclusion holds until its time, with the dispatcher's reason."""
    town = Town()
    town.due("b1")
    town.overrule("b1", "exclude", until_ms=town.now_ms + HOUR_MS, reason="market day")
    assert "market day" in town.now().resting["b1"].reason
    town.now_ms += HOUR_MS
    assert "b1" not in town.now().resting


def test_who_closed_a_facility_and_why_plans_nothing():
    """The facility's new version closes it: the action beside it is no wish of the dispatcher's to plan again."""
    town = Town()
    town.due("b1")
    before = town.now()
    for kind in ("close", "reopen"):
        town.overrule("kitchen", kind, until_ms=town.now_ms + HOUR_MS, reason="full")
    demand = town.now().state.demand
    assert (demand.replan, demand.locks, demand.excluded, demand.included) == ({}, {}, {}, {})
    assert town.now().resting == before.resting


def test_another_tenants_records_change_nothing():
    """The planner plans one tenant; the records of others are not its business."""
    town = Town()
    town.due("b1", tenant_id="elsewhere")
    assert town.now().stops == {}


@given(kg=st.floats(1, 200_000), litres=st.floats(1, 200_000), payload_kg=st.floats(900, 30_000))
def test_truckloads_sum_up(kg, litres, payload_kg):
    """An order is cut into loads that sum up to it exactly, each fits the smallest truck, and none is to spare."""
    town = with_tippers(payload_kg, 2 * payload_kg)
    town.order(kg=kg, l=litres)
    loads = [stop for stop in town.now().stops.values() if stop.place_id == "o1"]
    assert sum(load.kg for load in loads) == pytest.approx(kg)
    assert sum(load.l for load in loads) == pytest.approx(litres)
    assert {load.stop_id for load in loads} == {f"o1/{n}" for n in range(1, len(loads) + 1)}
    assert all(load.kg <= payload_kg * USABLE_SHARE * (1 + 1e-9) for load in loads)
    fewest = max(kg / (payload_kg * USABLE_SHARE), litres / 1e6)
    assert len(loads) < fewest + 1


def test_a_load_keeps_its_id_when_others_are_done():
    """Loads that were collected are gone, the others keep their names."""
    town = with_tippers(4_000)
    town.order(kg=10_000)
    town.press("k1", "collected", stop_id="o1/2")
    assert {s for s in town.now().stops if s.startswith("o1")} == {"o1/1", "o1/3"}


def test_a_permit_binds_trucks_facilities_and_hours():
    """A load goes only by the permit's trucks, to its facilities, in its hours, in the order's and the site's."""
    town = with_tippers(4_000, 4_000)
    town.take(permit(hours=(("09:00", "21:00"),), permit_id="p1", source_id="s1"))
    town.take(permit(permit_id="p2", source_id="s2", truck_ids=("k2",)))
    town.order(kg=3_000, permit_id="p1", facility_ids=("y1", "y2"), windows=(("06:00", "16:00"),))
    stop = town.now().stops["o1/1"]
    assert stop.truck_ids == {"k1"}
    assert stop.facility_ids == {"y1"}
    assert stop.windows[0] == (MIDNIGHT_MS + 9 * HOUR_MS, MIDNIGHT_MS + 16 * HOUR_MS)


def test_without_any_permit_none_is_needed():
    """Where no permit is on record for a material, every truck of it may go anywhere."""
    town = Town()
    town.due("b1")
    stop = town.now().stops["b1"]
    assert (stop.truck_ids, stop.facility_ids) == (None, None)


def test_an_expired_permit_leaves_no_window():
    """A load whose permit has run out has no hour left in which it may be taken."""
    town = with_tippers(4_000)
    town.take(permit(valid_to_ms=MIDNIGHT_MS))
    town.order(kg=3_000)
    assert town.now().stops["o1/1"].windows == ()


def test_a_booking_at_an_unknown_place_waits_for_its_place():
    """Without its source an order has no stop; with it, it has."""
    town = with_tippers(4_000)
    town.order(source=False)
    assert not town.now().stops
    town.take(asset("source", "s1", lon(300)))
    assert town.now().stops
