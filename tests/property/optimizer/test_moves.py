"""What moves come to, on random problems: plans that `check` passes, at the figures that are named."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from random_problems import problems

from optimizer.check import check
from optimizer.moves import Outlook, quote
from optimizer.problem import Problem

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def free(problem: Problem) -> Problem:
    """No truck is committed to anything: what is moved is in nobody's hand."""
    return replace(problem, vehicles=[replace(vehicle, committed=None) for vehicle in problem.vehicles])


def judged(problem: Problem, outlook: Outlook) -> None:
    verdict = check(problem, outlook.written())
    assert verdict.broken == []
    assert verdict.cost == outlook.cost


@settings(max_examples=150, suppress_health_check=SLOW)
@given(problems(), st.data())
def test_every_price_is_the_difference_of_two_judged_plans(problem: Problem, data: st.DataObject) -> None:
    """Before, with the draft, with each truck that can, shared out: each is a lawful plan whose cost the judge names too."""
    problem = free(problem)
    stops, vehicles = [one.id for one in problem.stops], [one.id for one in problem.vehicles]
    if not stops:
        return
    decided = data.draw(st.dictionaries(st.sampled_from(stops), st.sampled_from(vehicles), max_size=2))
    asked = data.draw(st.lists(st.sampled_from(stops), min_size=1, max_size=2, unique=True))
    asked = [one for one in asked if one not in decided]
    found = quote(problem, decided, asked)
    for outlook in (found.before, found.drafted):
        judged(problem, outlook)
    for stop, vehicle in decided.items():
        assert (found.drafted.holders.get(stop) == vehicle) or stop in found.refused
    for offer in found.offers:
        if offer.hindrance is None:
            assert offer.outlook is not None
            judged(problem, offer.outlook)
            assert all(offer.outlook.holders[stop] == offer.vehicle for stop in asked)
        else:
            assert offer.hindrance.reason
    spread = quote(problem, decided, asked, keep_off=frozenset(vehicles[:1]), spread=True).spread
    if spread is not None:
        judged(problem, spread)
        others = {stop: truck for stop, truck in spread.holders.items() if stop in asked}
        assert all(truck != vehicles[0] or found.drafted.holders.get(stop) == truck for stop, truck in others.items())
