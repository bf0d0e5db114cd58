"""The contract's example and a small day to change for each rule."""

from pathlib import Path

from msgspec.structs import replace

from optimizer.plan import Plan, Route, Visit
from optimizer.problem import Break, Compartment, Facility, Problem, Profile, Stop, Vehicle

B2 = Path(__file__).parents[2] / "benchmarks" / "optimizer" / "b2.json.gz"
"""96 stops with tips in the middle of the day."""
EXAMPLE = b"""{
  "schema": "qingyun.problem/1",
  "meta": {"name": "monday kitchen"},
  "profiles": {"truck": {"duration_s": [[0, 60], [60, 0]], "distance_m": [[0, 500], [500, 0]]}},
  "facilities": [{"id": "kitchen-centre", "location": 1, "accepts": ["kitchen"], "windows": [[21600, 64800]],
                  "unload_s": 900, "remaining_kg": 80000, "docks": 2}],
  "vehicles": [{"id": "t1", "profile": "truck", "start": 0, "end": 0, "shift": [21600, 50400],
                "max_duration_s": 28800, "overtime_s": 3600,
                "compartments": [{"materials": ["kitchen"], "kg": 8000, "l": 12000}], "skills": ["narrow"],
                "breaks": [{"id": "lunch", "windows": [[39600, 46800]], "duration_s": 1800}],
                "tip_before_end": true, "day_kg": 24000, "day_stops": 120,
                "cost_fixed": 0, "cost_per_m": 1, "cost_per_s": 0, "cost_per_overtime_s": 0,
                "load": [{"compartment": 0, "material": "kitchen", "kg": 900, "l": 1500,
                          "facilities": ["kitchen-centre"]}],
                "used_s": 0, "used_kg": 0, "used_stops": 0,
                "committed": [{"stop": "s7"}, {"facility": "kitchen-centre"}]}],
  "stops": [{"id": "s7", "location": 1, "material": "kitchen", "kg": 120, "l": 240, "service_s": 90,
             "windows": [[25200, 36000]], "skills": [], "required": true, "prize": 0,
             "vehicles": ["t1"], "facilities": ["kitchen-centre"]},
            {"id": "s9", "location": 1, "material": "kitchen", "kg": 80, "l": 160, "service_s": 60,
             "windows": [[20000, 21000]]}],
  "previous": [{"vehicle": "t1", "stops": ["s7"]}],
  "cost_per_moved_stop": 0
}"""

LINE = [0, 100, 200, 300]
"""Four places on a line, one metre a second apart from another: depot, two stops, the site."""


def line_matrix() -> list[list[int | None]]:
    """Return the distances, and as well the seconds, between the places of the line."""
    return [[abs(a - b) for b in LINE] for a in LINE]


def stop(name: str, location: int, **more: object) -> Stop:
    """Return a stop of 10 kg and 20 l that takes 10 s."""
    return replace(Stop(id=name, location=location, material="kitchen", kg=10, l=20, service_s=10), **more)


def truck(name: str = "t1", **more: object) -> Vehicle:
    """Return a truck for 100 kg at the depot, on shift for 2,000 s."""
    plain = Vehicle(
        id=name,
        profile="truck",
        start=0,
        shift=(0, 2000),
        compartments=[Compartment(materials=["kitchen", "glass"], kg=100, l=500)],
    )
    return replace(plain, **more)


def site(name: str = "centre", **more: object) -> Facility:
    """Return a site at the end of the line that takes kitchen waste in 50 s."""
    return replace(Facility(id=name, location=3, accepts=["kitchen"], unload_s=50), **more)


def lunch(earliest_s: int, latest_s: int, duration_s: int = 60) -> Break:
    """Return a break."""
    return Break(id="lunch", windows=[(earliest_s, latest_s)], duration_s=duration_s)


def day(**more: object) -> Problem:
    """Return the whole small day: one truck, two stops, one site."""
    plain = Problem(
        profiles={"truck": Profile(duration_s=line_matrix(), distance_m=line_matrix())},
        facilities=[site()],
        vehicles=[truck()],
        stops=[stop("a", 1), stop("b", 2)],
    )
    return replace(plain, **more)


def with_visit(plan: Plan, number: int, **change: object) -> Plan:
    """Return ``plan`` with visit ``number`` of its first route changed."""
    visits = list(plan.routes[0].visits)
    visits[number] = replace(visits[number], **change)
    return with_visits(plan, visits)


def with_visits(plan: Plan, visits: list[Visit]) -> Plan:
    """Return ``plan`` with other visits in its first route."""
    first = Route(vehicle=plan.routes[0].vehicle, visits=visits)
    return replace(plan, routes=[first, *plan.routes[1:]])
