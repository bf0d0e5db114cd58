"""From the optimiser's plan to the trucks' plans: who is told, what changed, why."""

import msgspec

from optimizer.plan import Cost, Plan, Route, Search, Stranded, Unassigned, Visit
from services.planner import build, translate
from services.planner.build import Case
from services.planner.horizon import Trigger
from services.planner.rounds import Round
from services.planner.translate import Outcome
from services.planner.turns import Driven
from streams import codec, events
from streams.units import HOUR_MS, MINUTE_MS
from tests.unit.planner.town import BINS, TENANT, Town

NO_COST = Cost(total=0, required_left_out=0, distance_m=7, duration_s=8, overtime_s=0, fixed=0, prizes=0, moved=0)


def answer(chosen: Case, routes: dict[str, list[str]], **more: object) -> Plan:
    """The plan an optimiser might give: the named places in order, a minute each, ten minutes apart."""
    given = {"unassigned": [], "search": Search(engine="test", seconds=0.5, iterations=1, seed=1), **more}
    made = [Route(vehicle=truck, visits=_visits(chosen, places)) for truck, places in routes.items()]
    return Plan(cost=NO_COST, routes=made, **given)


def _visits(chosen: Case, places: list[str]) -> list[Visit]:
    begin_s = chosen.second(chosen.now.now_ms)
    visits = [Visit(kind="start", location=0, arrive_s=begin_s, begin_s=begin_s, leave_s=begin_s, load_kg=0, load_l=0)]
    for number, place in enumerate(places, start=1):
        at_s = begin_s + 600 * number
        times = {
            "arrive_s": at_s,
            "begin_s": at_s,
            "leave_s": at_s + 60,
            "load_kg": 300 * number,
            "load_l": 600 * number,
        }
        if place in BINS:
            location = chosen.places.index((BINS[place], 41.15))
            visits.append(Visit(kind="collect", stop=place, location=location, **times))
        else:
            visits.append(Visit(kind="tip", facility=place, location=0, **times))
    at_s = begin_s + 600 * (len(places) + 1)
    return [*visits, Visit(kind="end", location=0, arrive_s=at_s, begin_s=at_s, leave_s=at_s, load_kg=0, load_l=0)]


def road(places: list[tuple[float, float]]) -> Driven:
    """A line from place to place, a leg each, no turns between."""
    turns = tuple(((n, "depart", -1), (n + 1, "arrive", -1)) for n in range(len(places) - 1))
    path = {"type": "LineString", "coordinates": [list(place) for place in places]}
    return Driven(path=path, guide=events.Guide(legs=turns))


def round_of(reason: str, *truck_ids: str, **params: str) -> Round:
    trigger = Trigger(reason=reason, material="kitchen", subject_id="x", truck_ids=frozenset(truck_ids), params=params)
    return Round(material="kitchen", reason=reason, params=params, triggers=(trigger,), truck_ids=None)


def outcome(
    town: Town, done: Round, routes: dict[str, list[str]], truck_ids: frozenset[str] | None = None, **more: object
) -> Outcome:
    chosen = build.case(town.now(), "kitchen", truck_ids)
    return translate.outcome(chosen, done, answer(chosen, routes, **more), town.now(), road)


SAME = {"t1": ["b1", "b2", "f1"], "t2": ["b3", "b4", "f1"], "t3": ["b5", "b6", "f1"]}


def test_the_first_plan():
    """Every truck gets its visits in city time with names and loads, the road, and a version."""
    town = Town()
    town.due("b1", overflow_h=2)
    said = outcome(town, round_of("first_plan", "t1"), {"t1": ["b1", "f1"]})
    plan = next(one for one in said.plans if one.truck_id == "t1")
    assert (plan.plan_version, plan.made_ms, plan.reason, plan.changed) == (1, town.now_ms, "first_plan", ())
    assert [visit.kind for visit in plan.visits] == ["start", "collect", "tip", "end"]
    collect = plan.visits[1]
    assert (collect.stop_id, collect.bin_ids, collect.name) == ("b1", ("b1",), "B1")
    assert collect.arrive_ms == town.now_ms + 10 * MINUTE_MS
    assert collect.why == f"overflow:{town.state.demand.due['b1'].overflow_ms}"
    assert plan.path is not None
    assert plan.guide is not None
    assert len(plan.guide.legs) == len(plan.visits) - 1
    assert said.run.changed_truck_ids == ("t1", "t2", "t3")


def test_a_truck_without_work_is_told_so_once():
    """A truck the optimiser does not need gets an empty plan the first time, and none again."""
    town = Town()
    town.due("b1")
    said = outcome(town, round_of("first_plan"), {"t1": ["b1", "f1"]})
    idle = [plan for plan in said.plans if plan.truck_id != "t1"]
    assert [plan.visits for plan in idle] == [(), ()]
    town.take(*said.plans, said.run)
    town.later()
    again = outcome(town, round_of("horizon"), {"t1": ["b1", "f1"]})
    assert again.plans == ()
    assert again.unchanged == 3


def test_unchanged_trucks_are_untouched():
    """Of three trucks the one whose visits changed is told, with the round's reason and what changed."""
    town = Town()
    town.planned()
    said = outcome(town, round_of("stop_skipped", "t2", name="B3"), {**SAME, "t2": ["b4", "f1"]})
    assert [plan.truck_id for plan in said.plans] == ["t2"]
    plan = said.plans[0]
    assert (plan.plan_version, plan.reason, plan.reason_params) == (2, "stop_skipped", {"name": "B3"})
    assert [(change.what, change.stop_id, change.why) for change in plan.changed] == [("removed", "b3", "stop_skipped")]


def test_a_stop_changes_hands():
    """A stop that moves to another truck is named in both plans, with where it came from and went."""
    town = Town()
    town.planned()
    said = outcome(
        town, round_of("truck_late", "t1", truck_id="t1"), {**SAME, "t1": ["b1", "f1"], "t2": ["b3", "b2", "b4", "f1"]}
    )
    changes = {plan.truck_id: plan.changed for plan in said.plans}
    assert [(c.what, c.stop_id, c.to_truck_id) for c in changes["t1"] if c.stop_id == "b2"] == [("removed", "b2", "t2")]
    added = next(change for change in changes["t2"] if change.what == "added")
    assert (added.stop_id, added.from_truck_id, added.position) == ("b2", "t1", 2)


def test_a_new_order_of_stops_is_a_move():
    """The stop that left its place in the sequence is named, not those it passed."""
    town = Town()
    town.due(*BINS)
    town.plan("t1", "b1", "b2", "b3", "b4", "f1")
    town.later()
    said = outcome(town, round_of("new_due"), {"t1": ["b2", "b3", "b4", "b1", "f1"]})
    moved = [change for change in said.plans[0].changed if change.what == "moved"]
    assert [(change.stop_id, change.position) for change in moved] == [("b1", 4)]


def test_another_facility_is_named():
    """A driver who is to tip somewhere else is told where."""
    town = Town()
    town.planned()
    said = outcome(town, round_of("facility_closed", "t1", facility_id="f1"), {**SAME, "t1": ["b1", "b2", "f2"]})
    change = next(one for one in said.plans[0].changed if one.what == "facility")
    assert (change.facility_id, change.name) == ("f2", "F2")


def test_one_more_tip_and_one_less_are_named():
    """Where the stops stay, a driver reads which tip is new, which is elsewhere in the round, which is not needed."""
    town = Town()
    town.due(*BINS)
    town.plan("t1", "b1", "b2", "b3", "f1")
    town.later()

    def changed(*places: str) -> list[tuple[str, str | None]]:
        said = outcome(town, round_of("new_due"), {"t1": list(places)}, frozenset({"t1"}))
        return [(one.what, one.facility_id) for plan in said.plans for one in plan.changed if one.facility_id]

    assert changed("b1", "f2", "b2", "b3", "f1") == [("facility", "f2")]
    assert changed("b1", "f1", "b2", "b3", "f1") == [("facility", "f1")]
    assert changed("b1", "b2", "f1", "b3") == [("moved", "f1")]
    assert changed("b1", "b2", "b3") == [("removed", "f1")]
    assert changed("b1", "b2", "b3", "f2") == [("facility", "f2")]
    assert changed("b1", "b2", "b3", "f1") == []


def test_a_break_between_other_stops_is_no_news():
    """A break at nearly its time is where the driver finds it best; one that moves far, or is new, is told."""
    town = Town()
    town.due(*BINS)
    given = town.shift("t1", version=2, breaks=(events.ShiftBreak(town.now_ms, town.now_ms + HOUR_MS, 1800),))
    town.take(given)
    town.plan("t1", "b1", "break", "b2", "f1")
    town.later()
    left = town.now().crews["t1"].left
    (pause,) = (visit for visit in left if visit.kind == "break")

    def told(*visits: events.PlanVisit) -> bool:
        return translate._differs(town.now().crews["t1"], visits, round_of("new_due"))

    assert not told(left[0], left[2], msgspec.structs.replace(pause, arrive_ms=left[2].arrive_ms), *left[3:])
    later = msgspec.structs.replace(pause, arrive_ms=pause.arrive_ms + 16 * MINUTE_MS)
    assert told(left[0], left[2], later, *left[3:])
    town.plan("t1", "b1", "b2", "f1", version=2)
    assert told(*left)


def test_a_truck_that_is_down_gets_an_empty_plan():
    """The truck that broke down is told whose its stops are now; those who take them, whose they were."""
    town = Town()
    town.planned()
    town.press("t1", "breakdown")
    routes = {"t2": ["b3", "b4", "b1", "f1"], "t3": ["b5", "b6", "b2", "f1"]}
    said = outcome(town, round_of("breakdown", "t1", truck_id="t1"), routes)
    down = next(plan for plan in said.plans if plan.truck_id == "t1")
    assert (down.visits, down.reason) == ((), "breakdown")
    assert {change.stop_id: change.to_truck_id for change in down.changed} == {"b1": "t2", "b2": "t3"}
    taken = {
        change.stop_id: change.from_truck_id for plan in said.plans for change in plan.changed if change.what == "added"
    }
    assert taken == {"b1": "t1", "b2": "t1"}
    town.take(*said.plans, said.run)
    town.later()
    assert town.triggers() == []


def test_what_was_collected_during_the_search_is_not_planned_again():
    """A stop that is done when the search is over is left out of the new plan."""
    town = Town()
    town.planned()
    chosen = build.case(town.now(), "kitchen")
    plan = answer(chosen, {**SAME, "t1": ["b1", "b2", "f2"]})
    town.later()
    town.press("t1", "collected", stop_id="b1")
    said = translate.outcome(chosen, round_of("facility_closed", "t1"), plan, town.now(), road)
    assert [visit.stop_id for visit in said.plans[0].visits if visit.kind == "collect"] == ["b2"]


def test_a_tip_that_is_over_when_the_search_is_does_not_come_again():
    """A truck that tipped meanwhile is not sent to tip once more; nothing else new, it is told nothing."""
    town = Town()
    town.planned()
    for stop in ("b1", "b2"):
        town.press("t1", "collected", stop_id=stop)
    chosen = build.case(town.now(), "kitchen")
    plan = answer(chosen, {**SAME, "t1": ["f1"]})
    town.later()
    town.press("t1", "tipped", facility_id="f1")
    said = translate.outcome(chosen, round_of("breakdown", "t2"), plan, town.now(), road)
    assert "t1" not in {made.truck_id for made in said.plans}


def test_a_late_truck_gets_new_times():
    """A late truck whose visits stay the same is told its new times, so that it is late no more."""
    town = Town()
    town.planned()
    town.later(30)
    said = outcome(town, round_of("truck_late", "t1", truck_id="t1"), {"t1": SAME["t1"]}, frozenset({"t1"}))
    assert [(change.what, change.why) for change in said.plans[0].changed] == [("later", "truck_late")]


def test_each_truck_reads_its_own_reason():
    """One round, several reasons: who is full, who gets the new bin, who has to help because a colleague is late."""
    full = Trigger(reason="truck_full", material="kitchen", subject_id="t1", truck_ids=frozenset({"t1"}), alone=True)
    new = Trigger(reason="new_due", material="kitchen", subject_id="b9", stop_id="b9", params={"stop_id": "b9"})
    late = Trigger(reason="truck_late", material="kitchen", subject_id="t9", truck_ids=frozenset({"t9"}))

    def reasons(*triggers: Trigger) -> dict[str, str]:
        done = Round(material="kitchen", reason="truck_full", params={}, triggers=triggers, truck_ids=None)
        added = {"t1": (), "t2": ("b9",), "t3": ()}
        return {truck_id: done.reason_why(truck_id, stops)[0] for truck_id, stops in added.items()}

    assert reasons(full, new) == {"t1": "truck_full", "t2": "new_due", "t3": "new_due"}
    assert reasons(full, new, late) == {"t1": "truck_full", "t2": "truck_late", "t3": "truck_late"}
    assert reasons(full) == {"t1": "truck_full", "t2": "truck_full", "t3": "truck_full"}


def test_versions_go_on():
    """A plan's version is one more than the last, and it is made later, whatever the clock says."""
    town = Town()
    town.planned()
    town.now_ms -= 5 * MINUTE_MS
    said = outcome(town, round_of("stop_skipped", "t2"), {**SAME, "t2": ["b4", "f1"]})
    assert said.plans[0].plan_version == 2
    assert said.plans[0].made_ms > town.now_ms


def test_every_left_out_stop_has_its_reason():
    """The run names what the optimiser left out, what rests, and who is stranded."""
    town = Town()
    town.planned()
    town.press("t2", "skipped", stop_id="b3", exception="blocked")
    left = Unassigned(stop="b4", code="capacity", reason="It weighs too much.")
    stranded = Stranded(vehicle="t1", code="cannot_tip", reason="F1 is closed.")
    said = outcome(town, round_of("stop_skipped", "t2"), {**SAME, "t2": ["f1"]}, unassigned=[left], stranded=[stranded])
    assert {one.stop_id: one.code for one in said.run.left_out} == {"b3": "skipped", "b4": "capacity"}
    assert [(one.truck_id, one.code) for one in said.run.stranded] == [("t1", "cannot_tip")]
    assert (said.run.engine, said.run.stops, said.run.distance_m) == ("test", 5, 7)


def test_a_run_of_some_trucks_remembers_the_others():
    """What an earlier run left out stays named when a later run did not ask about it."""
    town = Town()
    town.planned()
    left = events.LeftOut(stop_id="b9", place_kind="bin", place_id="b9", code="shift", reason="Too late.")
    town.due("b9")
    town.run(left_out=(left,))
    town.take(events.Asset(tenant_id=TENANT, id="b9", kind="bin", lon=0.0, lat=0.0, valid_from_ms=0, volume_l=1.0))
    chosen = build.case(town.now(), "kitchen")
    said = translate.rejected(chosen, round_of("horizon"), ["t1 is at two places at once"])
    assert said.rejected == ("t1 is at two places at once",)
    assert [one.stop_id for one in said.left_out] == ["b9"]
    assert said.changed_truck_ids == ()


def test_left_out_because_of_a_deadline():
    """A bin that is left out though it has a deadline is named, so that it is tried without; no other is."""
    town = Town()
    town.due("b1", overflow_h=2)
    town.due("b2", overflow_h=8)
    chosen = build.case(town.now(), "kitchen")
    left = [Unassigned(stop=stop, code="window", reason="…") for stop in ("b1", "b2")]
    assert translate.too_late(chosen, answer(chosen, {}, unassigned=left)) == {"b1"}


def test_a_search_that_was_too_short():
    """A plan that lost a stop of the running plans for want of time is not good enough; a new stop may wait."""
    town = Town()
    town.planned()
    town.take(events.Asset(tenant_id=TENANT, id="b9", kind="bin", lon=0.0, lat=0.0, valid_from_ms=0, volume_l=1.0))
    town.due("b9")
    chosen = build.case(town.now(), "kitchen")
    for stop, code, too_short in (
        ("b1", "no_time_to_search", True),
        ("b9", "no_time_to_search", False),
        ("b1", "shift", False),
    ):
        left = [Unassigned(stop=stop, code=code, reason="…")]
        assert translate.forgotten(chosen, answer(chosen, {}, unassigned=left)) is too_short


def test_plans_survive_the_wire():
    """What is sent is what the contract's reader gets."""
    town = Town()
    town.planned()
    said = outcome(town, round_of("stop_skipped", "t2"), {**SAME, "t2": ["b4", "f1"]})
    for record in (*said.plans, said.run):
        topic = codec.topic_of(record)
        assert codec.decode(topic, codec.encode(record)) == record


def test_the_same_round_twice_is_the_same_run():
    """Ids are derived from what caused them: tried again after a crash, the run has the same id."""
    town = Town()
    town.planned()
    done = round_of("stop_skipped", "t2")
    first, second = (outcome(town, done, {**SAME, "t2": ["b4", "f1"]}) for _ in range(2))
    assert first == second
