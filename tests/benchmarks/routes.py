"""The optimiser beside its peers: gap to the best known plan at equal CPU seconds, every plan judged. ``make bench-optimizer``.

One thread each. Ours are asked for so many seconds, start-up and judging included, and are run again where they were given
less than 95 % of a processor. PyVRP gets as many seconds of search alone: its start is not counted.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from deploy.local.program import ROOT
from optimizer.check import check
from optimizer.engines.instance import compile_problem
from optimizer.engines.route import Judge
from optimizer.engines.solution import Solution
from optimizer.engines.written import cost_of, routes_of
from optimizer.plan import Plan
from optimizer.problem import Problem, parse
from optimizer.solve import solve
from tests.benchmarks.programs import INSTALLED, PEERS, install_peers

FOLDER: Final = ROOT / "tests" / "benchmarks" / "optimizer"
OURS: Final = ("auto", "routing")
PYVRP: Final = "PyVRP 0.14.1"
BUSY: Final = 0.95
TRIES: Final = 3


def main() -> None:
    """Print a line for each problem, time and solver: median cost of the seeds, gap, ratio to PyVRP."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", nargs="?", type=Path, default=FOLDER, help="with NAME.json.gz in it")
    arguments.add_argument("--seconds", type=float, nargs="*", default=[2.0, 10.0])
    arguments.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3])
    arguments.add_argument("--only", nargs="*", help="names of problems")
    given = arguments.parse_args()
    install_peers()
    print(
        f"{'problem':<18} {'s':>4} {'solver':<14} {'cost':>10} {'gap':>8} {'to PyVRP':>9}  each seed; CPU s", flush=True
    )
    for path in sorted(given.folder.glob("*.json.gz")):
        name = path.name.removesuffix(".json.gz")
        if given.only and name not in given.only:
            continue
        for seconds in given.seconds:
            peer = _row(path, PYVRP, seconds, given.seeds, None)
            for engine in OURS:
                _row(path, engine, seconds, given.seeds, peer)


def _row(path: Path, solver: str, seconds: float, seeds: list[int], peer: float | None) -> float | None:
    """Print a line; return the median cost, None if there is no plan."""
    problem, name = parse(path.read_bytes()), path.name.removesuffix(".json.gz")
    runs = [_run(problem, path, solver, seconds, seed) for seed in seeds]
    costs = [plan.cost.total / problem.meta.get("scale", 1) for plan, _ in runs if plan]
    line = f"{name:<18} {seconds:>4g} {solver:<14}"
    if not costs:
        print(f"{line} {'cannot':>10}", flush=True)
        return None
    cost, best = statistics.median(costs), problem.meta.get("best_known")
    gap = f"{100 * (cost / best - 1):+.2f} %" if best else ""
    ratio = f"{cost / peer:.3f}" if peer else ""
    left_out = sum(plan.cost.required_left_out for plan, _ in runs if plan)
    each = " ".join(f"{one:.1f}" for one in costs) + "; " + " ".join(f"{cpu_s:.1f}" for _, cpu_s in runs)
    print(f"{line} {cost:>10.2f} {gap:>8} {ratio:>9}  {each}{f'; {left_out} left out' if left_out else ''}", flush=True)
    return cost


def _run(problem: Problem, path: Path, solver: str, seconds: float, seed: int) -> tuple[Plan | None, float]:
    if solver == PYVRP:
        return _pyvrp(problem, path, seconds, seed)
    for _ in range(TRIES):
        wall_s, cpu_s = time.monotonic(), time.process_time()
        plan = solve(problem, seconds=seconds, seed=seed, engine=solver)
        wall_s, cpu_s = time.monotonic() - wall_s, time.process_time() - cpu_s
        if cpu_s >= BUSY * wall_s:
            break
    return plan, cpu_s


def _pyvrp(problem: Problem, path: Path, seconds: float, seed: int) -> tuple[Plan | None, float]:
    argv = [str(INSTALLED / "bin" / "python"), str(PEERS / "pyvrp_routes.py"), str(path), str(seconds), str(seed)]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    if ran.returncode == 3:
        return None, 0.0
    if ran.returncode:
        sys.exit(ran.stderr)
    said = json.loads(ran.stdout)
    return _judged(problem, said["routes"]), said["cpu_s"]


def _judged(problem: Problem, routes: list[list[tuple[str, int]]]) -> Plan | None:
    """Return a peer's routes as a plan that has passed check; None if it made none."""
    if not routes:
        return None
    instance = compile_problem(problem)
    judge = Judge(instance)
    solution = Solution(instance, tuple(None for _ in instance.trucks), frozenset(range(instance.stops)))
    for number, visits in enumerate(routes):
        codes = tuple(place if kind == "stop" else instance.stops + place for kind, place in visits)
        route = judge.judge(number, codes)
        if route is None:
            sys.exit(f"a peer's route breaks a rule: {codes}")
        solution = solution.with_route(number, route)
    plan = Plan(cost=cost_of(solution), routes=routes_of(solution), unassigned=[])
    broken = [one for one in check(problem, plan).broken if "unassigned" not in one]
    return plan if not broken else sys.exit(broken[0])


if __name__ == "__main__":
    main()
