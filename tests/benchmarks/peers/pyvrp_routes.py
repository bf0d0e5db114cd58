"""PyVRP on a problem of the contract, as far as it can express one: ``pyvrp_routes.py PROBLEM SECONDS SEED < /dev/null``.

Prints JSON: a list of routes, each the vehicle's number and its visits, ``["stop", number]`` or ``["facility", number]``. The
way home by a facility, where a truck must be empty at its end, is folded into the last leg, since PyVRP has no such rule.
Exit 3: the problem has rules that PyVRP cannot express.
"""

import gzip
import json
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
from pyvrp import Client, Depot, Location, ProblemData, VehicleType, solve
from pyvrp.stop import MaxRuntime

CANNOT = 3
FOREVER = np.iinfo(np.int64).max


def main() -> int:
    """Solve, and print the routes."""
    name, seconds, seed = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    problem = json.loads(gzip.decompress(Path(name).read_bytes()))
    if not can(problem):
        return CANNOT
    data, homes = model(problem)
    used_s = resource.getrusage(resource.RUSAGE_SELF)
    begun_s = used_s.ru_utime + used_s.ru_stime
    found = solve(data, MaxRuntime(seconds), seed=seed, collect_stats=False, display=False)
    used_s = resource.getrusage(resource.RUSAGE_SELF)
    routes = []
    if found.best.is_feasible():
        sites = len(problem["facilities"])
        for route in found.best.routes():
            there = list(route)[1:-1]
            visits = [("stop", one.idx) if one.is_client() else ("facility", one.idx - 2) for one in there]
            if problem["vehicles"][0].get("tip_before_end", True) and sites and visits:
                last = problem["stops"][visits[-1][1]]["location"] if visits[-1][0] == "stop" else None
                if last is not None:
                    visits.append(("facility", int(homes[last])))
            routes.append(visits)
    print(json.dumps({"routes": routes, "cpu_s": used_s.ru_utime + used_s.ru_stime - begun_s}))
    return 0


def can(problem: dict[str, Any]) -> bool:
    """Whether PyVRP can express the problem: one kind of truck and load, no breaks, caps, locks, docks or tonnage."""
    trucks, stops, sites = problem["vehicles"], problem["stops"], problem["facilities"]
    alike = {json.dumps({k: v for k, v in truck.items() if k != "id"}, sort_keys=True) for truck in trucks}
    plain = {"breaks", "day_kg", "day_stops", "load", "committed", "cost_per_s", "cost_fixed", "overtime_s", "used_s"}
    return (
        len(alike) == 1
        and not any(trucks[0].get(name) for name in plain)
        and trucks[0].get("end", trucks[0]["start"]) == trucks[0]["start"]
        and not any(stop.get("vehicles") or stop.get("facilities") or stop.get("skills") for stop in stops)
        and all(len(stop.get("windows") or [[0, 0]]) == 1 for stop in stops)
        and not any(site.get("docks") or site.get("remaining_kg") or site.get("windows") for site in sites)
        and not problem.get("previous")
    )


def model(problem: dict[str, Any]) -> tuple[ProblemData, Any]:
    """Return the problem for PyVRP, and for each location the facility that the way home leads over.

    Its depots are the start, the end, then the facilities; its locations those of the problem, and one for the end.
    """
    truck, sites = problem["vehicles"][0], problem["facilities"]
    legs = problem["profiles"][truck["profile"]]
    metres, seconds = np.array(legs["distance_m"], dtype=np.int64), np.array(legs["duration_s"], dtype=np.int64)
    size, start = len(metres), truck["start"]
    home_m, home_s, homes = metres[:, start].copy(), seconds[:, start].copy(), np.zeros(size, dtype=np.int64)
    if truck.get("tip_before_end", True) and sites:
        at = [site["location"] for site in sites]
        ways = metres[:, at] + metres[at, start]
        homes = ways.argmin(axis=1)
        times = seconds[:, at] + seconds[at, start] + np.array([site.get("unload_s", 0) for site in sites])
        home_m, home_s = ways.min(axis=1), times[np.arange(size), homes]
        home_m[start] = home_s[start] = 0
        for site in sites:  # already empty there
            home_m[site["location"]], home_s[site["location"]] = (
                metres[site["location"], start],
                seconds[site["location"], start],
            )

    def with_end(matrix: Any, home: Any) -> Any:
        whole = np.full((size + 1, size + 1), 1 << 40, dtype=np.int64)
        whole[:size, :size], whole[:size, size], whole[size, size] = matrix, home, 0
        return whole

    clients = []
    for stop in problem["stops"]:
        windows = (stop.get("windows") or [[0, FOREVER]])[0]
        clients.append(
            Client(
                location=stop["location"], delivery=[0], pickup=[stop.get("kg", 0)],
                service_duration=stop.get("service_s", 0), tw_early=windows[0], tw_late=windows[1],
                required=stop.get("required", True), prize=stop.get("prize", 0),
            )
        )  # fmt: skip
    depots = [Depot(location=start), Depot(location=size)]
    depots += [Depot(location=site["location"], service_duration=site.get("unload_s", 0)) for site in sites]
    fleet = VehicleType(
        num_available=len(problem["vehicles"]), capacity=[truck["compartments"][0].get("kg", 1 << 40)],
        start_depot=0, end_depot=1, tw_early=truck["shift"][0], tw_late=truck["shift"][1],
        shift_duration=truck.get("max_duration_s") or FOREVER, unit_distance_cost=truck.get("cost_per_m", 1),
        reload_depots=list(range(2, len(depots))), max_reloads=30 if sites else 0,
    )  # fmt: skip
    places = [Location(x=0, y=0) for _ in range(size + 1)]
    return ProblemData(places, clients, depots, [fleet], [with_end(metres, home_m)], [with_end(seconds, home_s)]), homes


if __name__ == "__main__":
    sys.exit(main())
