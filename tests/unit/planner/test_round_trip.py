"""Situation to problem to plan and back into the fold, with the real optimiser: what was broken holds again."""

import msgspec
import pytest

from services.planner import build, translate
from services.planner.rounds import Round, Rounds
from services.planner.solver import Answer, Request, answer
from services.planner.translate import Outcome
from streams.events import LeftOut
from streams.units import HOUR_MS
from tests.unit.planner.town import BINS, TRUCKS, Town, asset, lon, straight


def plan_again(town: Town) -> Outcome:
    """One round as the planner makes it, and its records folded."""
    rounds, now = Rounds(), town.now()
    rounds.next(town.triggers(), now, 0.0)
    done = rounds.next(town.triggers(), now, 60.0)
    assert done is not None, "nothing to plan"
    said = _searched(town, done, frozenset())
    town.take(*said.plans, said.run)
    town.later()
    return said


def _searched(town: Town, done: Round, late: frozenset[str]) -> Outcome:
    chosen = build.case(town.now(), done.material, done.truck_ids, late)
    found: Answer = answer(
        Request(
            problem=msgspec.Raw(msgspec.json.encode(build.problem(chosen, straight(chosen.places)))),
            seconds=0.5,
            seed=1,
        )
    )
    assert found.plan is not None, found.broken
    assert found.broken == []
    missed = translate.too_late(chosen, found.plan)
    if missed and not late:
        return _searched(town, done, missed)
    return translate.outcome(chosen, done, found.plan, town.now(), lambda _: None)


def holders(town: Town) -> dict[str, str]:
    return dict(town.now().planned)


def left_out(town: Town) -> dict[str, LeftOut]:
    return {one.stop_id: one for one in town.state.runs["kitchen"].left_out}


@pytest.fixture
def town() -> Town:
    """All six bins due, all three trucks planned."""
    made = Town()
    for truck_id in TRUCKS:
        made.fix(truck_id, lon(0))
    made.due(*BINS)
    plan_again(made)
    return made


def test_a_morning_is_planned_whole(town):
    """Every due bin is in one plan, every truck that collects tips, and nothing is left to be mended."""
    assert set(holders(town)) == set(BINS)
    for plan in town.state.plans.values():
        kinds = [visit.kind for visit in plan.visits]
        assert ("collect" in kinds) == ("tip" in kinds)
    assert town.triggers() == []


def test_a_breakdown_loses_no_stop(town):
    """The stops of a truck that broke down are in other plans, or named with a reason."""
    broken = holders(town)["b1"]
    given_up = [stop for stop, truck in holders(town).items() if truck == broken]
    town.press(broken, "breakdown")
    plan_again(town)
    for stop in given_up:
        assert holders(town).get(stop, broken) != broken or stop in left_out(town)
    assert town.state.plans[broken].visits == ()
    assert town.triggers() == []


def test_a_closed_facility_is_driven_around(town):
    """When the facility closes, the loads go to the other one."""
    sites = {visit.facility_id for plan in town.state.plans.values() for visit in plan.visits if visit.kind == "tip"}
    for number, site in enumerate(sorted(filter(None, sites))[:1]):
        at = {"f1": lon(800), "f2": lon(-300)}[site]
        town.take(asset("facility", site, at, accepts=("kitchen",), unload_s=600, version=2 + number,
                        valid_from_ms=town.now_ms, closed_until_ms=town.now_ms + 20 * HOUR_MS))  # fmt: skip
        plan_again(town)
        tips = [visit.facility_id for plan in town.state.plans.values() for visit in plan.visits if visit.kind == "tip"]
        assert tips
        assert site not in tips
    assert town.triggers() == []


def test_nowhere_to_tip_strands_who_is_loaded(town):
    """With every facility closed, a loaded truck is stranded and said to be, and no bin is collected for nothing."""
    town.fix("t1", lon(50), load_kg=2_000)
    for site, at in (("f1", lon(800)), ("f2", lon(-300))):
        town.take(asset("facility", site, at, accepts=("kitchen",), unload_s=600, version=2,
                        valid_from_ms=town.now_ms, closed_until_ms=town.now_ms + 20 * HOUR_MS))  # fmt: skip
    town.overrule("kitchen", "replan")
    plan_again(town)
    run = town.state.runs["kitchen"]
    assert "t1" in {one.truck_id for one in run.stranded}
    assert set(left_out(town)) | set(holders(town)) == set(BINS)


def test_a_full_truck_tips_first(town):
    """A truck that is full early goes to tip before it collects again, or gives its stops away."""
    truck_id = holders(town)["b1"]
    town.fix(truck_id, lon(50), load_kg=3_950)
    said = plan_again(town)
    assert {plan.truck_id for plan in said.plans} == {truck_id}
    visits = [visit.kind for visit in town.state.plans[truck_id].visits if visit.kind in ("tip", "collect")]
    assert visits[0] == "tip"


def test_a_new_bin_joins_and_the_rest_stays(town):
    """A new due bin is taken up; trucks it does not concern keep their version."""
    before = dict(town.state.plans)
    town.take(asset("bin", "b9", lon(150), material="kitchen", volume_l=600, density_kg_per_l=0.5))
    town.due("b9", overflow_h=3.0)
    said = plan_again(town)
    assert holders(town)["b9"] in {plan.truck_id for plan in said.plans}
    untouched = set(TRUCKS) - {plan.truck_id for plan in said.plans}
    assert all(town.state.plans[truck] is before[truck] for truck in untouched)
    assert untouched
    assert town.triggers() == []


def test_late_is_better_than_never():
    """A bin that no truck can reach before it overflows is emptied all the same."""
    town = Town()
    town.take(asset("bin", "far", lon(3_000), material="kitchen", volume_l=600, density_kg_per_l=0.5))
    town.due("far", overflow_h=0.5)
    plan_again(town)
    assert "far" in holders(town)
    assert town.now().visits["far"].arrive_ms > (town.state.demand.due["far"].overflow_ms or 0)


def test_a_bin_that_overflows_earlier_is_emptied_earlier():
    """News that a planned bin overflows long before its truck comes bring it a truck in time, not only a new round."""
    town = Town()
    town.due(*BINS)
    for truck_id in TRUCKS:
        town.fix(truck_id, lon(0))
    town.plan("t1")
    town.plan("t2")
    town.plan("t3", *BINS, "f1", pace_min=15)
    town.run()
    town.later()
    town.due("b6", overflow_h=0.5)
    overflow_ms = town.state.demand.due["b6"].overflow_ms or 0
    assert town.now().visits["b6"].arrive_ms > overflow_ms
    plan_again(town)
    assert town.now().visits["b6"].arrive_ms <= overflow_ms


def test_a_skipped_stop_comes_back(town):
    """A skipped stop leaves the plan with its reason, and is planned again when its rest is over."""
    truck_id = holders(town)["b2"]
    town.press(truck_id, "skipped", stop_id="b2", exception="blocked")
    plan_again(town)
    assert left_out(town)["b2"].code == "skipped"
    assert town.triggers() == []
    for bin_id in BINS:
        if bin_id != "b2":
            town.press(truck_id, "collected", stop_id=bin_id)
    town.later(125)
    plan_again(town)
    assert "b2" in holders(town)
