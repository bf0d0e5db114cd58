"""From the situation to a problem the optimiser takes."""

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from optimizer.problem import ProblemError, parse
from services.planner import build
from streams.events import Compartment, Permit, ShiftBreak
from streams.units import HOUR_MS, MINUTE_MS
from tests.unit.planner.town import BINS, MIDNIGHT_MS, TENANT, Town, asset, lon, straight

SEVEN_S = 7 * 3600


def problem(town: Town, truck_ids: frozenset[str] | None = None, material: str = "kitchen") -> dict[str, Any]:
    """The problem of a situation; none of them may be one that the optimiser refuses."""
    chosen = build.case(town.now(), material, truck_ids)
    found: dict[str, Any] = build.problem(chosen, straight(chosen.places))
    assert refusal(found) is None
    return found


def refusal(found: dict[str, Any]) -> str | None:
    """What the optimiser says against a problem; None = it takes it."""
    try:
        parse(msgspec.json.encode(found))
    except ProblemError as error:
        return str(error)
    return None


def of(things: list[dict[str, Any]], id_: str) -> dict[str, Any]:
    return next(one for one in things if one["id"] == id_)


def test_a_morning():
    """Bins, trucks and facilities of the material take part, in seconds since midnight and whole kilograms."""
    town = Town()
    town.due("b1", "b2", kg=100.4)
    town.truck("r1", materials=("residual",))
    found = problem(town)
    assert [stop["id"] for stop in found["stops"]] == ["b1", "b2"]
    assert of(found["stops"], "b1")["kg"] == 101  # never less than it weighs
    assert [vehicle["id"] for vehicle in found["vehicles"]] == ["t1", "t2", "t3"]
    assert of(found["vehicles"], "t1")["shift"] == [SEVEN_S, 14 * 3600]
    assert [site["id"] for site in found["facilities"]] == ["f1", "f2"]


def test_required_is_what_overflows_soon():
    """A bin that overflows within four hours must be emptied; the others have a price that grows with urgency."""
    town = Town()
    town.due("b1", overflow_h=3.9)
    town.due("b2", overflow_h=6)
    town.due("b3", overflow_h=20)
    town.due("b4", overflow_h=None)
    stops = problem(town)["stops"]
    assert [stop["required"] for stop in stops] == [True, False, False, False]
    assert of(stops, "b2")["prize"] > of(stops, "b4")["prize"] > of(stops, "b3")["prize"] > 0


def test_before_it_overflows():
    """A bin that must be emptied has its overflow as deadline; not so when it is too late anyway, or knowingly planned late."""
    town = Town()
    town.due("b1", overflow_h=2)
    town.due("b2", overflow_h=8)
    town.due("b3", overflow_h=0.1)
    town.due("b4", overflow_h=0.4)
    plan = town.plan("t1", "b4", pace_min=40)
    windows = {stop["id"]: stop["windows"] for stop in problem(town)["stops"]}
    news = [[SEVEN_S, SEVEN_S + 1440]]
    assert windows == {"b1": [[SEVEN_S, SEVEN_S + 7200]], "b2": None, "b3": None, "b4": news}
    known = f"overflow:{town.state.demand.due['b4'].overflow_ms}"
    visits = tuple(msgspec.structs.replace(one, why=known if one.stop_id else None) for one in plan.visits)
    town.take(msgspec.structs.replace(plan, plan_version=2, visits=visits))
    assert of(problem(town)["stops"], "b4")["windows"] is None
    chosen = build.case(town.now(), "kitchen", too_late=frozenset({"b1"}))
    assert chosen.deadlines_ms == {}


def test_a_full_bin_is_required_whatever_its_forecast():
    """A bin that is full now must be emptied, even with no forecast."""
    town = Town()
    town.due("b1", overflow_h=None, fill_now=1.0)
    assert problem(town)["stops"][0]["required"]


def test_the_visit_in_hand_stays():
    """A truck that is out keeps the visit it drives to; one that has not left its depot has none."""
    town = Town()
    town.planned()
    town.take(town.shift("t3", version=2, start_ms=town.now_ms + HOUR_MS))
    vehicles = problem(town)["vehicles"]
    assert of(vehicles, "t1")["committed"] == [{"stop": "b1"}]
    town.press("t1", "collected", stop_id="b1")
    town.press("t1", "skipped", stop_id="b2")
    assert of(problem(town)["vehicles"], "t1")["committed"] == []  # the tip, with next to nothing on board
    assert of(problem(town)["vehicles"], "t3")["committed"] == []


def test_a_tip_in_hand_stays():
    """A truck on its way to tip goes on, unless the facility has been closed."""
    town = Town()
    town.planned()
    for stop_id in ("b1", "b2"):
        town.press("t1", "collected", stop_id=stop_id)
    assert of(problem(town)["vehicles"], "t1")["committed"] == [{"facility": "f1"}]
    town.take(asset("facility", "f1", lon(800), accepts=("kitchen",), version=2, valid_from_ms=town.now_ms,
                    closed_until_ms=town.now_ms + HOUR_MS))  # fmt: skip
    assert of(problem(town)["vehicles"], "t1")["committed"] == []


def test_a_truck_that_is_tipping_goes_on_tipping():
    """Its load sensor says empty before anybody says that it tipped: until it has left, the tip is in hand."""
    town = Town()
    town.planned()
    for stop_id in ("b1", "b2"):
        town.press("t1", "collected", stop_id=stop_id)
    town.fix("t1", lon(799), load_kg=20)
    assert of(problem(town)["vehicles"], "t1")["committed"] == [{"facility": "f1"}]
    town.later()
    town.fix("t1", lon(700), load_kg=20)
    assert of(problem(town)["vehicles"], "t1")["committed"] == []


def test_what_does_not_fit_is_not_in_hand():
    """A truck that is full is not bound to its next collection."""
    town = Town()
    town.planned()
    town.fix("t1", lon(50), load_kg=3_900)
    vehicle = of(problem(town)["vehicles"], "t1")
    assert vehicle["committed"] == []
    assert vehicle["load"][0]["kg"] == vehicle["compartments"][0]["kg"] == 3_880  # 97 % of 4,000


def test_the_running_plan_is_the_previous_one():
    """The stops still to be made are handed over, so that they stay with their trucks."""
    town = Town()
    town.planned()
    town.press("t1", "collected", stop_id="b1")
    previous = problem(town)["previous"]
    assert previous[0] == {"vehicle": "t1", "stops": ["b2"]}
    assert problem(town)["cost_per_moved_stop"] > 0


def test_a_problem_of_some_trucks():
    """Trucks outside the problem keep their stops and their share of a facility's tonnage."""
    town = Town()
    town.planned()
    town.take(asset("facility", "f1", lon(800), accepts=("kitchen",), version=2, valid_from_ms=0, daily_kg=10_000))
    town.weigh("t9", "f1", 1_000)
    found = problem(town, frozenset({"t1"}))
    assert [stop["id"] for stop in found["stops"]] == ["b1", "b2"]
    assert of(found["facilities"], "f1")["remaining_kg"] == 10_000 - 1_000 - 2 * 600


def test_a_closed_facility_opens_at_its_time():
    """A closed facility has no hours before it opens again, and never an empty list."""
    town = Town()
    until_ms = MIDNIGHT_MS + 12 * HOUR_MS
    for number, until in ((2, until_ms), (3, until_ms + 99 * HOUR_MS)):
        town.take(asset("facility", "f1", lon(800), accepts=("kitchen",), version=number, valid_from_ms=0,
                        windows=(("06:00", "20:00"),), closed_until_ms=until))  # fmt: skip
        windows = of(problem(town)["facilities"], "f1")["windows"]
        if number == 2:
            assert windows[0] == [12 * 3600, 20 * 3600]
        else:
            assert windows[0][0] >= 24 * 3600


def test_permits_bind_stops():
    """A stop goes by the trucks and to the facilities its permits name."""
    town = Town()
    town.take(
        Permit(
            tenant_id=TENANT,
            permit_id="p",
            valid_from_ms=0,
            material="kitchen",
            truck_ids=("t2",),
            facility_ids=("f2",),
        )
    )
    town.due("b1")
    stop = problem(town)["stops"][0]
    assert (stop["vehicles"], stop["facilities"]) == (["t2"], ["f2"])


def test_a_round_of_some_trucks_leaves_alone_what_only_others_may_take():
    """It could only say that no truck may; with nobody else at work that is true, and it is said."""
    town = Town()
    town.due("b1", "b2")
    permit = {"truck_ids": ("t2",), "facility_ids": ("f1",), "material": "kitchen", "valid_from_ms": 0}
    town.take(Permit(tenant_id=TENANT, permit_id="p", **permit))
    assert problem(town, frozenset({"t1", "t3"}))["stops"] == []
    assert [stop["id"] for stop in problem(town, frozenset({"t1", "t2"}))["stops"]] == ["b1", "b2"]
    town.press("t2", "off_duty")
    assert [stop["vehicles"] for stop in problem(town, frozenset({"t1", "t3"}))["stops"]] == [[], []]


def test_a_lock_binds_a_stop():
    """A stop a dispatcher locked to a truck is offered to no other."""
    town = Town()
    town.due("b1")
    town.overrule("b1", "lock", truck_id="t3")
    assert problem(town)["stops"][0]["vehicles"] == ["t3"]
    town.later()
    town.overrule("b1", "unlock")
    assert problem(town)["stops"][0]["vehicles"] is None


def test_whom_a_dispatcher_names_is_to_come():
    """A stop that could wait must be collected once it is locked to a truck at work; a truck at home binds nobody."""
    town = Town()
    town.due("b1")
    assert not of(problem(town)["stops"], "b1")["required"]
    town.overrule("b1", "lock", truck_id="t3", until_ms=town.now_ms + HOUR_MS)
    assert of(problem(town)["stops"], "b1")["required"]
    town.press("t3", "off_duty")
    assert not of(problem(town)["stops"], "b1")["required"]


def test_the_load_may_be_tipped_where_its_permit_says():
    """What is on board remembers where it may go."""
    town = Town()
    town.take(
        Permit(
            tenant_id=TENANT,
            permit_id="p",
            valid_from_ms=0,
            material="kitchen",
            truck_ids=("t1",),
            facility_ids=("f2",),
        )
    )
    town.due("b1")
    town.press("t1", "collected", stop_id="b1")
    load = of(problem(town)["vehicles"], "t1")["load"][0]
    assert load == {"compartment": 0, "material": "kitchen", "kg": 300, "l": 600, "facilities": ["f2"]}


def test_breaks_owed_and_taken():
    """A break is owed until it is begun; one that goes on is the visit in hand, for what is left of it."""
    town = Town()
    pause = ShiftBreak(earliest_ms=town.now_ms + HOUR_MS, latest_ms=town.now_ms + 2 * HOUR_MS, duration_s=1800)
    town.take(town.shift("t1", version=2, breaks=(pause,)))
    owed = of(problem(town)["vehicles"], "t1")["breaks"]
    assert owed == [{"id": "t1-day/break/0", "windows": [[SEVEN_S + 3600, SEVEN_S + 7200]], "duration_s": 1800}]
    town.later(70)
    town.press("t1", "break_start")
    town.later(10)
    vehicle = of(problem(town)["vehicles"], "t1")
    assert vehicle["committed"] == [{"break": "t1-day/break/0"}]
    assert vehicle["breaks"][0]["duration_s"] == 1200
    town.later(20)
    town.press("t1", "break_end")
    assert of(problem(town)["vehicles"], "t1")["breaks"] == []


def test_in_overtime_only_the_rest_of_it_is_left():
    """After the shift's end a truck has what is left of its overtime, no more."""
    town = Town()
    town.now_ms = MIDNIGHT_MS + 14 * HOUR_MS + 20 * MINUTE_MS
    town.due("b1")
    vehicle = of(problem(town)["vehicles"], "t1")
    assert vehicle["shift"] == [14 * 3600 + 1200] * 2
    assert vehicle["overtime_s"] == 2400


def test_compartments_of_other_materials_stay_out():
    """Of a truck with two compartments only those of the material take part."""
    town = Town()
    parts = (Compartment(materials=("residual",), kg=2_000.0), Compartment(materials=("kitchen",), kg=1_500.5))
    town.truck("m1", materials=("kitchen", "residual"), compartments=parts)
    assert of(problem(town)["vehicles"], "m1")["compartments"] == [{"materials": ["kitchen"], "kg": 1455, "l": None}]


def test_a_night_shift_passes_midnight():
    """Seconds go on after midnight."""
    town = Town(now_ms=MIDNIGHT_MS + 23 * HOUR_MS)
    town.take(town.shift("t1", version=2, start_ms=MIDNIGHT_MS + 22 * HOUR_MS, end_ms=MIDNIGHT_MS + 30 * HOUR_MS))
    assert of(problem(town)["vehicles"], "t1")["shift"] == [23 * 3600, 30 * 3600]


def test_places_are_asked_once():
    """Bins at one corner share a location."""
    town = Town()
    town.take(asset("bin", "twin", BINS["b1"], material="kitchen", volume_l=600))
    town.due("b1", "twin")
    stops = problem(town)["stops"]
    assert stops[0]["location"] == stops[1]["location"]


@given(data=st.data())
def test_whatever_happened_the_optimiser_takes_it(data):
    """Any order of buttons, fixes and overrulings leaves a problem that the optimiser accepts."""
    town = Town()
    town.planned()
    steps = st.sampled_from(
        ["due", "collected", "skipped", "tipped", "break_start", "break_end", "fix", "lock", "close", "breakdown"]
    )
    for step in data.draw(st.lists(steps, max_size=12)):
        truck_id, bin_id = data.draw(st.sampled_from(["t1", "t2"])), data.draw(st.sampled_from(list(BINS)))
        town.later(data.draw(st.integers(0, 90)))
        match step:
            case "due":
                town.due(bin_id, overflow_h=data.draw(st.floats(-5, 20)))
            case "fix":
                town.fix(truck_id, lon(data.draw(st.integers(-500, 900))), load_kg=data.draw(st.floats(0, 9_000)))
            case "lock":
                town.overrule(bin_id, "lock", truck_id=truck_id)
            case "close":
                town.take(asset("facility", "f1", lon(800), accepts=("kitchen",), version=data.draw(st.integers(2, 9)),
                                valid_from_ms=town.now_ms, closed_until_ms=town.now_ms + data.draw(st.integers(0, 10**8))))  # fmt: skip
            case _:
                town.press(truck_id, step, stop_id=bin_id, facility_id="f1")
    problem(town, data.draw(st.sampled_from([None, frozenset({"t1"})])))
