"""The judge: each rule of the contract, kept and broken."""

from collections.abc import Callable

import pytest
from kitchen import EXAMPLE, day, lunch, site, stop, truck, with_visit, with_visits
from msgspec.structs import replace

from optimizer.check import check
from optimizer.plan import Plan, Route, Stranded, Unassigned
from optimizer.problem import Committed, Compartment, Load, PreviousRoute, Problem, parse
from optimizer.solve import solve


def _plan(problem: Problem) -> Plan:
    return solve(problem, seconds=5, engine="baseline")


RULES: list[tuple[str, Problem, str]] = [
    ("a stop's window", day(stops=[stop("a", 1, windows=[(900, 950)]), stop("b", 2)]), "Truck t1 begins collect a at"),
    ("any of a stop's windows", day(stops=[stop("a", 1, windows=[(0, 5), (500, 600)]), stop("b", 2)]), "collect a at"),
    ("site hours", day(facilities=[site(windows=[(1500, 1600)])]), "Truck t1 begins tip centre at"),
    ("what a site can still take", day(facilities=[site(remaining_kg=15)]), "gets 20 kg, it can take 15."),
    ("docks", day(facilities=[site(docks=0)]), "has 1 trucks unloading"),
    ("what a site accepts", day(facilities=[site(accepts=["glass"])]), "is not empty when its route is over"),
    ("a permit", day(stops=[stop("a", 1, facilities=[]), stop("b", 2)]), "is not empty when its route is over"),
    ("kg of a compartment", day(vehicles=[truck(compartments=[Compartment(materials=["kitchen"], kg=15)])]), "has 20 kg in compartment 0 after"),
    ("l of a compartment", day(vehicles=[truck(compartments=[Compartment(materials=["kitchen"], l=30)])]), "has 40 l in compartment 0 after"),
    ("materials of a compartment", day(vehicles=[truck(compartments=[Compartment(materials=["glass"])])]), "which does not take it"),
    ("one material at a time", day(stops=[stop("a", 1, material="glass"), stop("b", 2)], facilities=[site(accepts=["kitchen", "glass"])]), "mixes"),
    ("a skill", day(stops=[stop("a", 1, skills=["narrow"]), stop("b", 2)]), "without the skill narrow"),
    ("a lock", day(stops=[stop("a", 1, vehicles=[]), stop("b", 2)]), "which is locked to no truck"),
    ("the shift's begin", day(vehicles=[truck(shift=(100, 2000))]), "before its shift begins"),
    ("the shift's end", day(vehicles=[truck(shift=(0, 600))]), "needs 70 s of overtime, at most 0"),
    ("the longest duration", day(vehicles=[truck(max_duration_s=600)]), "needs 70 s of overtime, at most 0"),
    ("the duration used already", day(vehicles=[truck(max_duration_s=700, used_s=100)]), "needs 70 s of overtime"),
    ("the allowance of overtime", day(vehicles=[truck(shift=(0, 600), overtime_s=60)]), "needs 70 s of overtime, at most 60"),
    ("an owed break", day(vehicles=[truck(breaks=[lunch(0, 300)])]), "owes break lunch"),
    ("kg of the day", day(vehicles=[truck(day_kg=25, used_kg=10)]), "collects 30 kg in the day, at most 25"),
    ("stops of the day", day(vehicles=[truck(day_stops=2, used_stops=1)]), "collects 3 stops in the day, at most 2"),
    ("the committed head", day(vehicles=[truck(committed=[Committed(stop="b"), Committed(facility="centre")])]), "does not go to its committed visit 1, b"),
    ("a load on board", day(vehicles=[truck(load=[Load(compartment=0, material="kitchen", kg=90)])]), "has 110 kg in compartment 0"),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "problem", "sentence"), RULES, ids=[rule for rule, _, _ in RULES])
def test_each_rule_is_seen(rule: str, problem: Problem, sentence: str) -> None:
    """A plan made without the rule breaks it and is told so; one made with it passes."""
    careless = _plan(day())
    assert check(day(), careless).broken == []
    assert any(sentence in broken for broken in check(problem, careless).broken), rule
    assert check(problem, _plan(problem)).broken == []


FALSEHOODS: list[tuple[str, Callable[[Plan], Plan], str]] = [
    ("arrival", lambda p: with_visit(p, 1, arrive_s=p.routes[0].visits[1].arrive_s + 1), "arrives at collect"),
    ("begin", lambda p: with_visit(p, 1, begin_s=p.routes[0].visits[1].arrive_s - 1), "before it arrives"),
    ("leave", lambda p: with_visit(p, 1, leave_s=p.routes[0].visits[1].leave_s + 5), "leaves collect"),
    ("load", lambda p: with_visit(p, 1, load_kg=11), "with 10 kg and 20 l, the plan says 11 and 20"),
    ("compartment", lambda p: with_visit(p, 1, compartment=1), "into compartment 1, it has 1"),
    ("location", lambda p: with_visit(p, 1, location=3), "at location 3, it is at"),
    ("stop", lambda p: with_visit(p, 1, stop="z"), "collects a stop z that does not exist"),
    ("facility", lambda p: with_visit(p, 3, facility="z"), "tips at a facility z that does not exist"),
    ("no end", lambda p: with_visits(p, p.routes[0].visits[:-1]), "must end with kind end at location 0"),
    ("no start", lambda p: with_visits(p, p.routes[0].visits[1:]), "must begin with kind start"),
    ("no visits", lambda p: with_visits(p, []), "has a route without visits"),
    ("twice", lambda p: replace(p, routes=[*p.routes, *p.routes]), "has more than one route"),
    ("nobody", lambda p: replace(p, routes=[Route(vehicle="x", visits=[])]), "There is no truck x."),
    ("nowhere", lambda p: replace(p, routes=[]), "Stop a is served 0 times and unassigned 0 times"),
    ("served and not", lambda p: replace(p, unassigned=[Unassigned(stop="a", code="shift", reason="?")]), "Stop a is served 1 times and unassigned 1 times"),
    ("no reason", lambda p: replace(p, unassigned=[Unassigned(stop="a", code="shift", reason=" ")]), "Unassigned stop a has no reason."),
    ("not worth a required one", lambda p: replace(p, unassigned=[Unassigned(stop="a", code="not_worth_it", reason="?")]), "is required, so it cannot be left out as not worth it"),
    ("cost", lambda p: replace(p, cost=replace(p.cost, total=1)), "The plan says cost.total is 1, it is 600."),
    ("stranded", lambda p: replace(p, stranded=[Stranded(vehicle="t1", code="cannot_tip", reason="?")]), "but there is a lawful way for it"),
]  # fmt: skip


@pytest.mark.parametrize(("what", "lie", "sentence"), FALSEHOODS, ids=[what for what, _, _ in FALSEHOODS])
def test_nothing_the_plan_says_is_believed(what: str, lie: Callable[[Plan], Plan], sentence: str) -> None:
    """Every figure and name of a plan is recomputed; a false one is told."""
    plan = _plan(day())
    assert check(day(), plan).broken == []
    assert any(sentence in broken for broken in check(day(), lie(plan)).broken), what


def test_the_contracts_example() -> None:
    """The example of the contract is solved with exactly the visits and the cost printed there."""
    problem = parse(EXAMPLE)
    plan = _plan(problem)
    visits = plan.routes[0].visits
    assert [(v.kind, v.begin_s, v.leave_s, v.load_kg) for v in visits] == [
        ("start", 25140, 25140, 900),
        ("collect", 25200, 25290, 1020),
        ("tip", 25290, 26190, 0),
        ("end", 26250, 26250, 0),
    ]
    assert (plan.cost.total, plan.cost.required_left_out, plan.cost.duration_s) == (1000, 1, 1110)
    assert [(one.stop, one.code) for one in plan.unassigned] == [("s9", "window")]
    assert plan.unassigned[0].reason.startswith(
        "It must begin by 05:50; the first truck for kitchen, t1, can be there at"
    )
    assert check(problem, plan).broken == []


def test_docks_are_counted_across_trucks() -> None:
    """Two trucks at the one dock at the same moment are one too many; [begin, leave) lets them follow at once."""
    two = [truck("t1", day_stops=1), truck("t2", day_stops=1)]
    crowded = _plan(day(vehicles=two, stops=[stop("a", 3), stop("b", 3)]))
    narrow = day(vehicles=two, stops=[stop("a", 3), stop("b", 3)], facilities=[site(docks=1)])
    assert any("has 2 trucks unloading" in broken for broken in check(narrow, crowded).broken)
    plan = _plan(narrow)
    assert plan.cost.required_left_out == 0
    begins = sorted(v.begin_s for route in plan.routes for v in route.visits if v.kind == "tip")
    assert begins[1] - begins[0] == 50


def test_a_committed_visit_that_is_late_by_itself_is_forgiven() -> None:
    """A window nobody can keep any more is not held against the plan; one that could be kept is."""
    too_late = day(
        vehicles=[truck(committed=[Committed(stop="a")])], stops=[stop("a", 1, windows=[(0, 50)]), stop("b", 2)]
    )
    assert check(too_late, _plan(too_late)).broken == []
    in_time = day(
        vehicles=[truck(committed=[Committed(stop="a")])], stops=[stop("a", 1, windows=[(0, 150)]), stop("b", 2)]
    )
    dawdling = _plan(in_time)
    assert check(in_time, dawdling).broken == []
    late = with_visit(dawdling, 1, begin_s=400, leave_s=410)
    assert any("begins collect a at" in broken for broken in check(in_time, late).broken)


def test_a_stranded_truck_is_forgiven_one_rule() -> None:
    """A loaded truck whose only site is closed goes home full, and only because there is no lawful way."""
    loaded = truck(load=[Load(compartment=0, material="kitchen", kg=50)])
    closed = day(vehicles=[loaded], facilities=[site(windows=[])])
    plan = _plan(closed)
    assert [(one.vehicle, one.code) for one in plan.stranded] == [("t1", "cannot_tip")]
    assert check(closed, plan).broken == []
    silent = replace(plan, stranded=[])
    assert any("is not empty" in broken for broken in check(closed, silent).broken)
    open_again = day(vehicles=[loaded])
    assert any("there is a lawful way" in broken for broken in check(open_again, plan).broken)


def test_moved_stops_are_counted_and_priced() -> None:
    """A stop another truck serves than in the running plan costs its price; unknown ids cost nothing."""
    problem = day(
        previous=[PreviousRoute(vehicle="t2", stops=["a", "gone"]), PreviousRoute(vehicle="sold", stops=["b"])],
        vehicles=[truck("t1"), truck("t2")],
        cost_per_moved_stop=7,
    )
    plan = _plan(day())
    plan = replace(plan, cost=replace(plan.cost, moved=1, total=607))
    assert check(problem, plan).broken == []
