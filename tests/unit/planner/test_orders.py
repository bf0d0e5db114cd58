"""What the planner says about bookings."""

from services.planner.orders import progressed
from streams import events
from streams.units import HOUR_MS
from tests.unit.planner.town import LAT, TENANT, Town, lon


def with_tipper() -> Town:
    town = Town()
    town.truck("k1", materials=("construction",), payload_kg=6_000, volume_l=1e6)
    return town


def planned(town: Town, *stop_ids: str) -> None:
    visits = tuple(
        events.PlanVisit(
            stop_id=stop_id, order_id="o1", arrive_ms=town.now_ms, leave_ms=town.now_ms, lon=lon(300), lat=LAT
        )
        for stop_id in stop_ids
    )
    town.take(events.TruckPlan(tenant_id=TENANT, truck_id="k1", plan_version=1, made_ms=town.now_ms, reason="first_plan",
                               material="construction", visits=visits))  # fmt: skip


def test_planned_when_every_load_is_in_a_plan():
    """A booking counts as planned when all its loads are in running plans, and as open again when one falls out."""
    town = with_tipper()
    town.order()
    planned(town, "o1/1")
    assert progressed(town.now()) == []
    planned(town, "o1/1", "o1/2")
    town.state.plans.clear()
    planned(town, "o1/1", "o1/2")
    (said,) = progressed(town.now())
    assert (said.state, said.version, said.kg) == ("planned", 2, 10_000.0)
    town.take(said)
    assert progressed(town.now()) == []
    town.press("k1", "breakdown")
    (said,) = progressed(town.now())
    assert (said.state, said.version) == ("open", 3)


def test_collected_when_every_load_is():
    """A booking is collected when drivers have collected all its loads, not one sooner."""
    town = with_tipper()
    town.order()
    town.press("k1", "collected", stop_id="o1/1")
    assert [one.state for one in progressed(town.now())] == []
    town.press("k1", "collected", stop_id="o1/2")
    (said,) = progressed(town.now())
    assert said.state == "collected"
    town.take(said)
    assert not town.now().stops


def test_a_booking_for_tomorrow_stays_open():
    """A booking that is not ready yet is neither planned nor collected."""
    town = with_tipper()
    town.order(ready_ms=town.now_ms + 30 * HOUR_MS)
    assert progressed(town.now()) == []
    assert not town.now().stops


def test_loads_collected_days_ago_stay_collected():
    """A booking that takes many days remembers its first loads, also after a restart."""
    town = with_tipper()
    town.now_ms -= 72 * HOUR_MS
    action = town.press("k1", "collected", stop_id="o1/1")
    later = with_tipper()
    later.order()
    later.take(action)
    assert set(later.now().stops) == {"o1/2"}
