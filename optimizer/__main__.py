"""``python -m optimizer``: solve a problem, check, explain and draw a plan, measure the engines."""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

ENTERED: Final = time.monotonic() - time.process_time()
"""When the process began, near enough: all it did before was work on the processor."""
EXIT_S: Final = 0.06
"""Writing the plan and leaving Python."""

from rich.console import Console  # noqa: E402  # the clock starts first
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn  # noqa: E402

from optimizer import plan as plans  # noqa: E402
from optimizer import problem as problems  # noqa: E402
from optimizer import solve as solving  # noqa: E402
from optimizer.alternatives import alternatives  # noqa: E402
from optimizer.check import check  # noqa: E402
from optimizer.difference import difference  # noqa: E402
from optimizer.engines.compiled import built  # noqa: E402
from optimizer.engines.registry import ENGINES  # noqa: E402
from optimizer.picture import picture  # noqa: E402

DONE, UNLAWFUL, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

EPILOG: Final = """
PROBLEM and PLAN may be gzip; "-" is standard input or output. Exit status: 0 done; 1 the plan breaks a rule (check);
2 bad input, with one line that names the member; 130 after Ctrl-C, which writes the best plan found so far.

  python -m optimizer solve monday.json --seconds 10 -o plan.json
  python -m optimizer check monday.json plan.json
  python -m optimizer plot monday.json plan.json -o plan.html
  python -m optimizer explain monday.json plan.json s17
  gzip -dc monday.json.gz | python -m optimizer solve - --iterations 200 > plan.json
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except problems.ProblemError as error:
        return _fail(str(error))
    except (OSError, ValueError) as error:
        return _fail(f"/: {error}")
    except MemoryError:
        return _fail("/: the problem does not fit into memory, split it")
    except KeyboardInterrupt:
        return INTERRUPTED


def _fail(line: str) -> int:
    print(" ".join(line.split()), file=sys.stderr)
    return BAD_INPUT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m optimizer", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    solve = commands.add_parser("solve", help="make a plan", formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    solve.add_argument("problem", metavar="PROBLEM.json", help="the problem; - for standard input")
    solve.add_argument(
        "--seconds", type=_seconds, help="wall seconds, start and exit included (10 without --iterations)"
    )
    solve.add_argument("--iterations", type=_count, help="steps of the engine; same steps and seed: same plan")
    solve.add_argument("--seed", type=_count, default=1, help="of the engine's chance")
    solve.add_argument("--threads", type=_threads, default=1, help="at most so many")
    solve.add_argument("--engine", choices=["auto", *ENGINES], default="auto", help="what searches")
    solve.add_argument("-o", "--output", default="-", metavar="PLAN.json", help="the plan; - for standard output")
    solve.set_defaults(run=_solve)

    both = argparse.ArgumentParser(add_help=False)
    both.add_argument("problem", metavar="PROBLEM.json")
    both.add_argument("plan", metavar="PLAN.json")

    judge = commands.add_parser("check", parents=[both], help="name every rule a plan breaks")
    judge.set_defaults(run=_check)

    draws = "draw a plan: a map if the problem has coordinates, and each truck's day"
    plot = commands.add_parser("plot", parents=[both], help=draws)
    plot.add_argument("-o", "--output", required=True, metavar="plan.svg|plan.html", help="the picture")
    plot.set_defaults(run=_plot)

    compare = commands.add_parser("compare", help="what differs between two plans of one day")
    compare.add_argument("before", metavar="A.json")
    compare.add_argument("after", metavar="B.json")
    compare.set_defaults(run=_compare)

    asks = "why a stop has this truck, and what the others would cost"
    explain = commands.add_parser("explain", parents=[both], help=asks)
    explain.add_argument("stop", metavar="STOP", help="id of a stop")
    explain.set_defaults(run=_explain)

    build = commands.add_parser("build", help="compile the search, once a machine: some seconds")
    build.set_defaults(run=_build)

    bench = commands.add_parser("bench", help="cost and time of the engines on the problems of a folder")
    bench.add_argument("folder", nargs="?", default="tests/benchmarks/optimizer", help="with NAME.json.gz in it")
    bench.add_argument("--seconds", type=_seconds, default=2.0, help="for each problem and engine")
    bench.add_argument("--engine", choices=["auto", *ENGINES], action="append", help="may be repeated; all without it")
    bench.set_defaults(run=_bench)
    return parser


def _seconds(text: str) -> float:
    value = _number(text, float)
    if not 0 < value < 1e7:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds above 0")
    return value


def _count(text: str) -> int:
    value = _number(text, int)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is below 0")
    return value


def _threads(text: str) -> int:
    value = _number(text, int)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a number of threads")
    return value


def _number[N: (int, float)](text: str, kind: type[N]) -> N:
    try:
        return kind(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text} is not a number") from error


def _read(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _write(name: str, data: bytes) -> None:
    """Write a plan whole or not at all: next to its place first, then moved there."""
    if name == "-":
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    place = Path(name)
    if not place.is_file() and place.exists():  # a pipe, a device: nothing to move
        place.write_bytes(data)
        return
    half = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        half.write_bytes(data)
        half.replace(place)
    finally:
        half.unlink(missing_ok=True)


def _solve(chosen: argparse.Namespace) -> int:
    if chosen.output != "-":
        _check_writable(Path(chosen.output))
    problem = problems.parse(_read(chosen.problem))
    if chosen.engine in {"auto", "compiled"} and not built.is_built():
        print(f"Searching with a slower engine: `{built.HOW}` compiles the search, once a machine.", file=sys.stderr)
    seconds = chosen.seconds
    if seconds is None and chosen.iterations is None:
        seconds = solving.DEFAULT_SECONDS
    if seconds is not None:
        seconds = max(0.001, seconds - (time.monotonic() - ENTERED) - EXIT_S)
    with _interrupts() as interrupted, _shown(seconds) as on_progress:
        plan = solving.solve(
            problem,
            seconds=seconds,
            iterations=chosen.iterations,
            seed=chosen.seed,
            threads=chosen.threads,
            engine=chosen.engine,
            on_progress=on_progress,
            stopped=lambda: bool(interrupted),
        )
    _write(chosen.output, plans.encode(plan))
    return INTERRUPTED if interrupted else DONE


def _check_writable(place: Path) -> None:
    """Say before the search, not after it, that the plan cannot be written."""
    if place.is_dir():
        raise OSError(f"cannot write {place}: it is a folder")
    if not place.parent.is_dir():
        raise OSError(f"cannot write {place}: there is no folder {place.parent}")
    if not os.access(place if place.exists() else place.parent, os.W_OK):
        raise OSError(f"cannot write {place}: no permission")


@contextlib.contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Gather Ctrl-C instead of being ended by it; a second one ends at once."""
    seen: list[int] = []

    def note(number: int, _frame: object) -> None:
        if seen:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            signal.raise_signal(signal.SIGINT)
        seen.append(number)

    before = signal.signal(signal.SIGINT, note)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def _shown(seconds: float | None) -> Iterator[solving.OnProgress | None]:
    """Show time and the best cost on a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("building", total=seconds)

        def show(state: solving.Progress) -> None:
            left_out = f", {state.cost.required_left_out} left out" if state.cost.required_left_out else ""
            text = f"{state.engine}: cost {state.cost.total:,}{left_out}"
            progress.update(task, completed=state.seconds, description=text)

        yield show


def _read_two(first: str, second: str) -> tuple[bytes, bytes]:
    if first == second == "-":
        raise ValueError("only one of the two can be standard input")
    return _read(first), _read(second)


def _problem_and_plan(chosen: argparse.Namespace) -> tuple[problems.Problem, plans.Plan]:
    problem, plan = _read_two(chosen.problem, chosen.plan)
    return problems.parse(problem), plans.parse(plan)


def _check(chosen: argparse.Namespace) -> int:
    problem, plan = _problem_and_plan(chosen)
    verdict = check(problem, plan)
    for sentence in verdict.broken:
        print(sentence)
    if verdict.lawful:
        cost = verdict.cost
        print(
            f"Lawful. cost {cost.total}, required left out {cost.required_left_out}, {cost.distance_m} m, "
            f"{cost.duration_s} s, overtime {cost.overtime_s} s, moved {cost.moved}"
        )
    return DONE if verdict.lawful else UNLAWFUL


def _plot(chosen: argparse.Namespace) -> int:
    _check_writable(Path(chosen.output))
    problem, plan = _problem_and_plan(chosen)
    verdict = check(problem, plan)
    if not verdict.lawful:
        raise problems.ProblemError("", f"this is no lawful plan of this problem: {verdict.broken[0]}")
    _write(chosen.output, picture(problem, plan, chosen.output).encode())
    return DONE


def _compare(chosen: argparse.Namespace) -> int:
    before, after = _read_two(chosen.before, chosen.after)
    lines = difference(plans.parse(before), plans.parse(after))
    print("\n".join(lines) or "No difference.")
    return DONE


def _explain(chosen: argparse.Namespace) -> int:
    problem, plan = _problem_and_plan(chosen)
    for one in alternatives(problem, plan, chosen.stop):
        adds = "cannot" if one.adds is None else f"adds {one.adds:,}"
        print(f"{one.vehicle:<16} {adds:>16}  {'as planned' if one.chosen else one.reason}".rstrip())
    return DONE


def _build(_: argparse.Namespace) -> int:
    """Compile, unless that was done."""
    with Console(stderr=True).status("compiling the search, some seconds"):
        try:
            built.build()
        except (subprocess.CalledProcessError, OSError) as error:
            return _fail(f"/: the search could not be compiled, and solves go on without it: {error}")
    return DONE


def _bench(chosen: argparse.Namespace) -> int:
    folder = Path(chosen.folder)
    names = sorted(folder.glob("*.json.gz"))
    if not names:
        raise OSError(f"no NAME.json.gz in {folder}")
    print(
        f"{'problem':<16} {'engine':<14} {'left out':>8} {'cost':>12} {'wall s':>7} {'CPU s':>6} {'iterations':>10}  judged"
    )
    for name in names:
        problem = problems.parse(name.read_bytes())
        scale = problem.meta.get("scale", 1)
        for engine in chosen.engine or list(ENGINES):
            wall, cpu = time.monotonic(), time.process_time()
            plan = solving.solve(problem, seconds=chosen.seconds, engine=engine)
            wall, cpu = time.monotonic() - wall, time.process_time() - cpu
            verdict = check(problem, plan)
            print(
                f"{name.name.removesuffix('.json.gz'):<16} {engine:<14} {verdict.cost.required_left_out:>8} "
                f"{verdict.cost.total / scale:>12.2f} {wall:>7.2f} {cpu:>6.2f} {plan.search.iterations if plan.search else 0:>10}  "
                f"{'lawful' if verdict.lawful else verdict.broken[0]}",
                flush=True,
            )
    return DONE


if __name__ == "__main__":
    sys.exit(main())
