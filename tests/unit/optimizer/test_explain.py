"""Why a stop was left out: each code, and the numbers in its sentence; lifting exactly that limit serves the stop."""

import pytest
from kitchen import day, site, stop, truck

from optimizer.problem import Compartment, Problem, Profile
from optimizer.solve import solve

BIG = [Compartment(materials=["kitchen"], kg=1000)]

REASONS: list[tuple[str, str, Problem, Problem]] = [
    ("no_vehicle", "No truck is free: there is none in the problem.", day(vehicles=[]), day()),
    ("material", "No truck has a compartment for glass (trucks: 1).", day(vehicles=[truck(compartments=BIG)], stops=[stop("a", 1, material="glass")], facilities=[site(accepts=["glass", "kitchen"])]), day()),
    ("material", "No facility accepts kitchen.", day(facilities=[site(accepts=["glass"])]), day()),
    ("skill", "It needs narrow; of the 1 trucks for kitchen, t1 comes closest and lacks narrow.", day(stops=[stop("a", 1, skills=["narrow"])]), day(stops=[stop("a", 1)])),
    ("locked_vehicle", "It is locked to no truck at all; t1 could serve it.", day(stops=[stop("a", 1, vehicles=[])]), day(stops=[stop("a", 1)])),
    ("capacity", "It is 101 kg and 20 l; the largest compartment for it, of t1, holds 100 kg and 500 l.", day(stops=[stop("a", 1, kg=101)]), day(stops=[stop("a", 1, kg=100)])),
    ("window", "It must begin by 00:01; the first truck for kitchen, t1, can be there at 00:01", day(stops=[stop("a", 1, windows=[(0, 99)])]), day(stops=[stop("a", 1, windows=[(0, 100)])])),
    ("shift", "With it, t1 would be back at 00:11; its shift ends at 00:10.", day(vehicles=[truck(shift=(0, 650))], stops=[stop("a", 1)]), day(vehicles=[truck(shift=(0, 660))], stops=[stop("a", 1)])),
    ("shift", "With it, t1 would be out for 00:11 h; at most 00:10 h.", day(vehicles=[truck(max_duration_s=650)], stops=[stop("a", 1)]), day(vehicles=[truck(max_duration_s=660)], stops=[stop("a", 1)])),
    ("facility_closed", "centre, where it would be tipped, lets trucks in 00:00-00:05; t1 would need it at 00:05.", day(facilities=[site(windows=[(0, 309)])], stops=[stop("a", 1)]), day(facilities=[site(windows=[(0, 310)])], stops=[stop("a", 1)])),
    ("facility_closed", "Its load may be tipped only at none; kitchen is accepted by centre.", day(stops=[stop("a", 1, facilities=[])]), day(stops=[stop("a", 1)])),
    ("facility_full", "centre can take 9 kg more beside the others' loads; this is 10 kg for t1.", day(facilities=[site(remaining_kg=9)], stops=[stop("a", 1)]), day(facilities=[site(remaining_kg=10)], stops=[stop("a", 1)])),
    ("facility_full", "All 0 docks of centre are taken whenever t1 could unload.", day(facilities=[site(docks=0)], stops=[stop("a", 1)]), day(facilities=[site(docks=1)], stops=[stop("a", 1)])),
    ("daily_cap", "t1 collects 95 kg of at most 100 kg in the day; this is 10 kg more.", day(vehicles=[truck(day_kg=100, used_kg=95)], stops=[stop("a", 1)]), day(vehicles=[truck(day_kg=105, used_kg=95)], stops=[stop("a", 1)])),
    ("daily_cap", "t1 collects 3 stops of at most 3 in the day.", day(vehicles=[truck(day_stops=3, used_stops=3)], stops=[stop("a", 1)]), day(vehicles=[truck(day_stops=4, used_stops=3)], stops=[stop("a", 1)])),
    ("not_worth_it", "Serving it costs at least 600 with t1, leaving it out 599.", day(stops=[stop("a", 1, required=False, prize=599)]), day(stops=[stop("a", 1, required=False, prize=601)])),
    ("unreachable", "No truck for kitchen has a way to location 1 and away again.", day(stops=[stop("a", 1)], profiles={"truck": Profile(duration_s=[[0, None, 2, 3], [1, 0, 1, 2], [2, None, 0, 1], [3, None, 1, 0]], distance_m=[[0] * 4] * 4)}), day(stops=[stop("a", 1)])),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "sentence", "problem", "lifted"), REASONS, ids=[f"{c}: {s}" for c, s, _, _ in REASONS]
)
def test_each_reason_is_true(code: str, sentence: str, problem: Problem, lifted: Problem) -> None:
    """A stop left out names the limit that decided; with that limit lifted by just enough it is served."""
    plan = solve(problem, seconds=5, engine="baseline")
    assert plan.unassigned[0].code == code
    assert plan.unassigned[0].reason.startswith(sentence)
    assert solve(lifted, seconds=5, engine="baseline").unassigned == []


def test_an_overfull_day_still_has_reasons() -> None:
    """Where no single limit is enough, there is a reason all the same."""
    tight = day(
        vehicles=[truck(shift=(0, 100), compartments=[Compartment(materials=["kitchen"], kg=10)])],
        facilities=[site(windows=[(0, 5)])],
    )
    plan = solve(tight, seconds=5, engine="baseline")
    assert {one.stop for one in plan.unassigned} == {"a", "b"}
    assert all(one.reason for one in plan.unassigned)
