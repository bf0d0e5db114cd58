"""What a dispatcher's move would come to, in the small town: figures, the first rule in the way, the draft as a whole."""

import pytest

from optimizer.check import check
from optimizer.moves import quote
from services.planner import pricing
from services.planner.pricing import Answer, Move, Question
from streams.units import HOUR_MS, MINUTE_MS
from tests.unit.planner.town import MIDNIGHT_MS, Town, lon, straight


@pytest.fixture
def town() -> Town:
    """Six due bins in three plans, every truck at the depot."""
    made = Town()
    for truck_id in ("t1", "t2", "t3"):
        made.fix(truck_id, lon(0))
    made.planned()
    return made


def asked(town: Town, *stop_ids: str, give_away: str | None = None, **moves: str) -> Answer:
    """Ask the planner as it is now."""
    draft = tuple(Move(stop_id=stop, truck_id=truck) for stop, truck in moves.items())
    return pricing.answer(Question(moves=draft, stop_ids=stop_ids, give_away=give_away), town.now(), straight)


def shorter(town: Town, minutes: int) -> None:
    """The shift of t3 ends so soon, without overtime."""
    town.take(town.shift("t3", end_ms=town.now_ms + minutes * MINUTE_MS, overtime_s=0, version=2))


def test_a_price_is_the_difference_of_two_judged_plans(town):
    """Each truck's metres, seconds and cost are what `optimizer.check` says of the plan after, less what it says before."""
    answer = asked(town, "b1")
    assert answer.asked[0].truck_id == "t1"
    free = frozenset({"b1"})
    chosen = pricing.what_if(town.now(), "kitchen", free)
    problem = pricing.problem(chosen, free, straight(chosen.places))
    found = quote(problem, {}, ["b1"])
    before = check(problem, found.before.written())
    assert before.lawful
    for offer in answer.offers:
        plan = next(one.outlook for one in found.offers if one.vehicle == offer.truck_id)
        after = check(problem, plan.written())
        assert after.lawful
        assert offer.price.distance_m == after.cost.distance_m - before.cost.distance_m
        assert offer.price.duration_s == after.cost.duration_s - before.cost.duration_s
        assert offer.price.cost == after.cost.total - before.cost.total
    assert [one.truck_id for one in answer.offers] == ["t2", "t3"]  # t1 has it


def test_overflow_is_what_bins_stand_over(town):
    """A bin nobody comes to overflows until the last shift ends; one that is given to a truck, until it comes."""
    town.due("b1", overflow_h=-0.5)
    town.plan("t1", "b2", "f1", version=2)
    offer = next(one for one in asked(town, "b1").offers if one.truck_id == "t1")
    assert offer.price.overflow_s == (offer.at_ms - (MIDNIGHT_MS + 14 * HOUR_MS)) // 1000


@pytest.mark.parametrize(
    ("change", "code", "says"),
    [
        (lambda town: town.truck("t3", payload_kg=200), "capacity", "300 kg"),
        (lambda town: shorter(town, 42), "shift", "With it, t3 would be back at 07:55; its shift ends at 07:43."),
        (lambda town: shorter(town, 5), "committed_impossible", "its shift ends at 07:06"),
        (lambda town: town.press("t3", "breakdown"), "no_vehicle", "t3 has broken down."),
        (lambda town: town.press("t3", "off_duty"), "no_vehicle", "t3 has gone home."),
    ],
)
def test_the_first_rule_in_the_way_is_named(town, change, code, says):
    """A truck that cannot is there all the same, with the rule that forbids it and its numbers."""
    change(town)
    offer = next(one for one in asked(town, "b1").offers if one.truck_id == "t3")
    assert offer.rule.code == code
    assert says in offer.rule.reason


def test_a_draft_is_priced_as_a_whole(town):
    """Moves are reckoned one after the other; the price is theirs together, and names the versions of the plans they change."""
    answer = asked(town, b1="t2", b3="t3")
    assert [(one.stop_id, one.from_truck_id, one.rule) for one in answer.moves] == [
        ("b1", "t1", None),
        ("b3", "t2", None),
    ]
    assert answer.plan_versions == {"t1": 1, "t2": 1, "t3": 1}
    back = asked(town, "b1", b3="t3")
    one = next(offer for offer in back.offers if offer.truck_id == "t2")
    assert answer.price.distance_m == back.price.distance_m + one.price.distance_m


def test_what_holds_a_stop_is_no_rule_against_moving_it(town):
    """Locked to a truck, left out, or next on somebody's way: a dispatcher decides that anew by moving it."""
    town.overrule("b1", "lock", truck_id="t1")
    town.overrule("b6", "exclude", reason="road works")
    town.later(5)
    answer = asked(town, "b1")
    assert answer.asked[0].locked_to == "t1"
    assert all(offer.rule is None for offer in answer.offers)
    drafted = asked(town, b6="t1").moves[0]
    assert drafted.rule is None
    assert (drafted.resting.code, drafted.resting.subject_id) == ("excluded", "b6")
    assert drafted.after == drafted.resting.after is not None


def test_the_rest_of_a_truck_is_given_away(town):
    """All it still has to collect goes to the others, and nothing stays with it."""
    answer = asked(town, give_away="t1")
    assert {one.stop_id for one in answer.shared} == {"b1", "b2"}
    assert {one.truck_id for one in answer.shared} <= {"t2", "t3"}
    assert answer.left == ()
    assert answer.shared_price.distance_m != 0


def test_what_nobody_waits_for_is_named(town):
    """A stop that was collected meanwhile is in no price."""
    town.press("t1", "collected", stop_id="b1")
    answer = asked(town, "b1", b1="t2")
    assert answer.gone == ("b1",)
    assert answer.moves == answer.offers == ()
    assert answer.price == pricing.NOTHING


def test_a_lock_of_a_shift_ends_with_it(town):
    """A lock that says until when holds so long; a move of today says nothing of tomorrow."""
    town.overrule("b1", "lock", truck_id="t3", until_ms=town.now_ms + 30 * MINUTE_MS)
    stop = town.now().stops["b1"]
    assert town.state.demand.lock_of(stop, town.now_ms) == "t3"
    assert town.state.demand.lock_of(stop, town.now_ms + 30 * MINUTE_MS) is None
