"""Days whose sites have hardly room for the loads."""

import math
import random
import time

from msgspec.structs import replace

from optimizer.engines.allotment import allot
from optimizer.engines.baseline import insert
from optimizer.engines.beginning import begin
from optimizer.engines.instance import compile_problem
from optimizer.engines.interface import Budget
from optimizer.engines.route import Judge
from optimizer.problem import Committed, Compartment, Facility, Load, Problem, Profile, Stop, Vehicle
from optimizer.solve import solve

YARDS, LOADS, MOST_KG = 12, 3, 12_000


def yards(slack: float = 1.01) -> Problem:
    """Return a day of construction waste: three loads fill a yard but for ``slack``, and not any three do."""
    dice = random.Random(1)
    count = YARDS * LOADS
    places = [(dice.uniform(0, 20_000), dice.uniform(0, 20_000)) for _ in range(1 + YARDS + count)]
    metres = [[round(1.3 * math.dist(a, b)) for b in places] for a in places]
    kg = [100 * dice.randint(70, 120) for _ in range(count)]
    shuffled = dice.sample(range(count), count)
    room_kg = [
        round(slack * sum(kg[i] for i in shuffled[LOADS * yard : LOADS * yard + LOADS])) for yard in range(YARDS)
    ]
    return Problem(
        profiles={"truck": Profile(duration_s=[[m // 10 for m in row] for row in metres], distance_m=metres)},
        facilities=[
            Facility(id=f"yard{n}", location=1 + n, accepts=["construction"], unload_s=600, remaining_kg=room_kg[n])
            for n in range(YARDS)
        ],
        vehicles=[
            Vehicle(
                id=f"t{n}",
                profile="truck",
                start=0,
                end=0,
                shift=(0, 36_000),
                compartments=[Compartment(materials=["construction"], kg=MOST_KG, l=1_000_000)],
                tip_before_end=True,
            )
            for n in range(count // 4)
        ],
        stops=[
            Stop(id=f"s{n}", location=1 + YARDS + n, material="construction", kg=kg[n], l=1, service_s=600)
            for n in range(count)
        ],
    )


def test_everybody_is_served_where_three_loads_fill_a_yard() -> None:
    """The default engine packs first, and serves every stop."""
    plan = solve(yards(), iterations=8_000)
    assert plan.search.engine == "allotted"
    assert plan.cost.required_left_out == 0


def test_where_there_is_room_nothing_is_packed() -> None:
    """With a tenth of the tonnage to spare the day is searched as it is."""
    assert solve(yards(1.1), iterations=100).search.engine == "compiled"


def test_without_room_for_all_the_plan_says_who_is_left_out() -> None:
    """Where a yard takes less than any load, packing finds no more than the search, and the plan is lawful."""
    full = yards()
    full = replace(full, facilities=[replace(full.facilities[0], remaining_kg=5_000), *full.facilities[1:]])
    plan = solve(full, iterations=3_000)
    assert plan.search.engine == "allotted"
    assert {one.code for one in plan.unassigned} == {"facility_full"}


def test_what_a_truck_has_on_board_takes_its_room() -> None:
    """A load that has to be tipped anyway is in the yard before any stop's."""
    day = yards()
    load = Load(compartment=0, material="construction", kg=11_000, l=1, facilities=["yard0"])
    first = replace(day.vehicles[0], load=[load], committed=[Committed(facility="yard0")])
    judge = Judge(compile_problem(replace(day, vehicles=[first, *day.vehicles[1:]])))
    nobody = begin(judge)
    greedy = insert(judge, nobody, sorted(nobody.left_out), budget=Budget())
    sites = allot(judge, greedy, Budget(), seed=1)
    assert sites is not None
    taken_kg = sum(judge.instance.kg[stop] for stop, yard in sites.items() if yard == 0)
    assert taken_kg + 11_000 <= judge.instance.remaining_kg[0]


def test_a_stop_that_nobody_may_serve_takes_no_room() -> None:
    """Packing is for those that some truck may serve; and any seed will do."""
    day = yards()
    odd = replace(day.stops[0], skills=["nobody has it"])
    judge = Judge(compile_problem(replace(day, stops=[odd, *day.stops[1:]])))
    sites = allot(judge, begin(judge), Budget(), seed=3_000_000_000)
    assert sites is not None
    assert 0 not in sites


def test_packing_hears_that_it_is_to_stop() -> None:
    """Whoever says stop waits for no packing."""
    judge = Judge(compile_problem(yards(1.0)))
    begun = time.process_time()
    allot(judge, begin(judge), Budget(deadline=time.monotonic() + 600, stopped=lambda: True), seed=1)
    assert time.process_time() - begun < 60  # of the 180 s and more it may take


def test_an_empty_site_for_another_material_makes_no_room() -> None:
    """What is tight is looked at for each set of sites that loads may go to."""
    day = yards()
    glass = Facility(id="glass", location=0, accepts=["glass"], unload_s=60, remaining_kg=1_000_000)
    assert solve(replace(day, facilities=[*day.facilities, glass]), iterations=10).search.engine == "allotted"
