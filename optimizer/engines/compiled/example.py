"""A small problem with something of everything, so that a search on it compiles all there is."""

from optimizer.engines.beginning import begin
from optimizer.engines.instance import compile_problem
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.problem import Break, Compartment, Facility, Problem, Profile, Stop, Vehicle

PLACES = 8


def example() -> tuple[Judge, Solution]:
    """Return a judge of six stops, one facility and two trucks, and the plan in which nobody does anything."""
    metres: list[list[int | None]] = [[100 * abs(a - b) for a in range(PLACES)] for b in range(PLACES)]
    problem = Problem(
        profiles={"truck": Profile(duration_s=metres, distance_m=metres)},
        facilities=[Facility(id="yard", location=7, accepts=["residual"], windows=[(0, 90_000)], remaining_kg=9_000)],
        vehicles=[
            Vehicle(
                id=name,
                profile="truck",
                start=0,
                shift=(0, 40_000),
                compartments=[Compartment(materials=["residual"], kg=300)],
                breaks=[Break(id="lunch", windows=[(1_000, 2_000)], duration_s=600)],
            )
            for name in ("a", "b")
        ],
        stops=[
            Stop(id=f"s{number}", location=number, material="residual", kg=100, windows=[(0, 50_000)])
            for number in range(1, 7)
        ],
    )
    judge = Judge(compile_problem(problem))
    return judge, begin(judge)
