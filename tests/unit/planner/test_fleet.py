"""What is known of a truck: load, tips, breaks, whether it can work."""

from services.planner.fleet import FRESH_LOAD_MS
from streams import events
from streams.units import HOUR_MS
from tests.unit.planner.town import TENANT, Town, asset, lon


def load_kg(town: Town, truck_id: str = "t1") -> float:
    return town.now().crews[truck_id].load_kg


def collected(town: Town, truck_id: str, *stop_ids: str) -> None:
    for stop_id in stop_ids:
        town.due(stop_id)
        town.later()
        town.press(truck_id, "collected", stop_id=stop_id)


def test_load_is_what_was_collected():
    """Without a load sensor, the load is the sum of what was collected since the last tip."""
    town = Town()
    collected(town, "t1", "b1", "b2")
    assert load_kg(town) == 600
    town.later()
    town.press("t1", "tipped", facility_id="f1")
    assert load_kg(town) == 0


def test_the_load_sensor_goes_first():
    """A healthy load sensor counts more than the sum of estimates; its median, so that braking does not."""
    town = Town()
    collected(town, "t1", "b1")
    for kg in (900, 4_000, 910, 905):
        town.later(0.2)
        town.fix("t1", lon(50), load_kg=kg)
    assert 900 <= load_kg(town) <= 1_000


def test_an_old_or_sick_sensor_does_not_count():
    """A sensor that is silent, or not healthy, leaves the word to the drivers."""
    town = Town()
    collected(town, "t1", "b1")
    town.fix("t1", lon(50), load_kg=2_000)
    town.now_ms += FRESH_LOAD_MS + 1
    assert load_kg(town) == 300
    town.take(events.TruckState(tenant_id=TENANT, truck_id="t1", event_time_ms=town.now_ms, load_kg=3_500,
                                sensor_health=events.SensorHealth(load="short")))  # fmt: skip
    assert load_kg(town) == 300


def test_noise_is_not_a_load():
    """A few kilograms on an empty truck are noise, not something to tip."""
    town = Town()
    town.fix("t1", lon(50), load_kg=100)
    assert load_kg(town) == 0


def test_full_without_a_weight_is_the_whole_payload():
    """A truck that only says ``full`` carries its payload, as far as we know."""
    town = Town()
    town.fix("t1", lon(50), load_state="full")
    assert load_kg(town) == 4_000


def test_button_and_weighbridge_are_one_tip():
    """The driver's ``tipped`` and the ticket of the same tip, in whatever order, count once."""
    for first in ("button", "ticket"):
        town = Town()
        for what in (first, "ticket" if first == "button" else "button"):
            town.later(5)
            if what == "button":
                town.press("t1", "tipped", facility_id="f1")
            else:
                town.weigh("t1", "f1", 3_000)
        assert len(town.state.truck("t1").tips) == 1


def test_two_tips_an_hour_apart_are_two():
    """A second tip at the same facility later in the day is another tip."""
    town = Town()
    town.weigh("t1", "f1", 3_000)
    town.later(60)
    town.press("t1", "tipped", facility_id="f1")
    assert len(town.state.truck("t1").tips) == 2


def test_a_refused_load_is_still_on_board():
    """A weighing the facility refused empties no truck and takes no tonnage."""
    town = Town()
    collected(town, "t1", "b1")
    town.later()
    town.weigh("t1", "f1", 3_000, accepted=False)
    assert load_kg(town) == 300
    assert town.state.weighed_today_kg("f1", town.now_ms) == 0


def test_down_until_corrected():
    """A truck is down from the button on, until the driver takes this very action back."""
    town = Town()
    action = town.press("t1", "breakdown")
    assert town.now().crews["t1"].out == "breakdown"
    town.press("t1", "corrected", corrects="another")
    assert town.now().crews["t1"].out == "breakdown"
    town.press("t1", "corrected", corrects=action.action_id, corrected_time_ms=town.now_ms)
    assert town.now().crews["t1"].works


def test_down_until_the_next_shift():
    """The next shift begins with a truck that works: the workshop has had the night."""
    town = Town()
    town.press("t1", "breakdown")
    town.take(town.shift("t1", version=2, valid_from_ms=town.now_ms, end_ms=town.now_ms))
    town.now_ms += 24 * HOUR_MS
    begin_ms = town.now_ms
    town.take(events.Shift(tenant_id=TENANT, shift_id="next", truck_id="t1", valid_from_ms=0, start_ms=begin_ms,
                           end_ms=begin_ms + 8 * HOUR_MS))  # fmt: skip
    assert town.now().crews["t1"].works


def test_the_terminals_alarm_counts_too():
    """An SOS raised by a terminal takes the truck out until the alert ends; with the button pressed, the button rules."""
    town = Town()
    alert = events.Alert(tenant_id=TENANT, alert_id="x", revision=1, rule="sos", rule_version="1", state="raised",
                         severity="critical", certainty="observed", start_ms=town.now_ms, raised_ms=town.now_ms,
                         emitted_ms=town.now_ms, truck_id="t1")  # fmt: skip
    town.take(alert)
    assert town.now().crews["t1"].out == "sos"
    town.take(
        events.Alert(**{f: getattr(alert, f) for f in alert.__struct_fields__} | {"state": "ended", "revision": 2})
    )
    assert town.now().crews["t1"].works
    action = town.press("t2", "sos")
    town.take(events.Alert(**{f: getattr(alert, f) for f in alert.__struct_fields__} | {"truck_id": "t2"}))
    town.press("t2", "corrected", corrects=action.action_id)
    assert town.now().crews["t2"].works


def test_off_duty_until_the_next_shift():
    """A driver who has gone home gets no plan."""
    town = Town()
    town.press("t1", "off_duty")
    assert town.now().crews["t1"].out == "off_duty"


def test_a_truck_serves_the_material_it_carries():
    """A truck that may carry two materials serves that of its load, else that of its plan."""
    town = Town()
    town.truck("m1", materials=("residual", "kitchen"))
    assert town.now().crews["m1"].material == "residual"
    collected(town, "m1", "b1")
    assert town.now().crews["m1"].material == "kitchen"


def test_a_tip_taken_back_is_on_board_again():
    """A driver who pressed "tipped" by mistake still carries the load; what was taken back before stays off it."""
    town = Town()
    collected(town, "t1", "b1", "b2")
    town.later()
    tip = town.press("t1", "tipped", facility_id="f1")
    town.press("t1", "corrected", corrects=tip.action_id)
    assert load_kg(town) == 600
    assert town.state.truck("t1").tips == []


def test_a_tip_the_weighbridge_saw_stays():
    """The driver takes the button back, but the weighbridge has weighed the truck empty."""
    town = Town()
    collected(town, "t1", "b1")
    town.later()
    tip = town.press("t1", "tipped", facility_id="f1")
    town.weigh("t1", "f1", 300)
    town.press("t1", "corrected", corrects=tip.action_id)
    assert load_kg(town) == 0
    assert len(town.state.truck("t1").tips) == 1


def test_what_was_taken_back_was_not_pressed():
    """Off duty, a break's begin or end, an arrival: after "undo" the truck is as before."""
    town = Town()
    home = town.press("t1", "off_duty")
    assert not town.now().crews["t1"].works
    town.press("t1", "corrected", corrects=home.action_id)
    assert town.now().crews["t1"].works
    begin = town.press("t1", "break_start")
    end = town.press("t1", "break_end")
    town.press("t1", "corrected", corrects=end.action_id)
    assert town.state.truck("t1").on_break_since_ms() == begin.event_time_ms
    town.press("t1", "corrected", corrects=begin.action_id)
    assert town.state.truck("t1").breaks == []
    arrived = town.press("t1", "arrived", stop_id="b1")
    town.press("t1", "corrected", corrects=arrived.action_id)
    assert town.state.truck("t1").arrived is None


def test_a_breakdown_that_is_over_stays_on_record():
    """The button "runs again" says when it ended: the truck works, and the action was no mistake."""
    town = Town()
    call = town.press("t1", "breakdown")
    town.press("t1", "corrected", corrects=call.action_id, corrected_time_ms=town.now_ms)
    assert town.now().crews["t1"].works
    assert call.action_id not in town.state.truck("t1").corrected


def test_the_same_action_twice_counts_once():
    """A record delivered again changes nothing."""
    town = Town()
    town.due("b1")
    action = town.press("t1", "collected", stop_id="b1")
    town.take(action)
    assert load_kg(town) == 300


def test_a_closed_facility_version_holds_from_its_time():
    """A new version of a facility holds from its own time on, not before."""
    town = Town()
    town.take(asset("facility", "f1", lon(800), accepts=("kitchen",), version=2, valid_from_ms=town.now_ms + HOUR_MS,
                    closed_until_ms=town.now_ms + 9 * HOUR_MS))  # fmt: skip
    site = town.state.reference.facilities.get("f1", town.now_ms)
    assert site is not None
    assert site.version == 1
    town.now_ms += HOUR_MS
    site = town.state.reference.facilities.get("f1", town.now_ms)
    assert site is not None
    assert site.version == 2
