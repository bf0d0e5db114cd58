"""``python -m tests.simulation``: run seeds, or look for planted bugs. ``--help`` says how."""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import msgspec

from tests.simulation import truth
from tests.simulation.bugs import BUGS
from tests.simulation.options import of_seed
from tests.simulation.rare import OPEN, missing
from tests.simulation.run import Outcome, run


def main(arguments: list[str]) -> int:
    """Run; return 0 if all holds, or every planted bug was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", nargs="?", default="1-200", help="a seed, or first-last")
    parser.add_argument("--bug", help="with this bug planted: stop at the first seed that finds it")
    parser.add_argument("--bugs", action="store_true", help="each planted bug in turn, up to the last seed")
    parser.add_argument("-o", "--out", type=Path, help="append one JSON line a seed to this file")
    given = parser.parse_args(arguments)
    first, _, last = given.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    if given.bugs or given.bug:
        names = [given.bug] if given.bug else list(BUGS)
        found = [name for name in names if _hunt(name, seeds) is not None]
        in_model = sum(BUGS[name].in_model for name in names)
        print(
            f"{len(found)} of {len(names)} planted bugs found; {len(names) - in_model} are in the product's own code, "
            f"{in_model} in the model of its shell"
        )
        return int(len(found) < len(names))
    return _run(seeds, given.out)


def _run(seeds: range, out: Path | None) -> int:
    sometimes: Counter[str] = Counter()
    failed, cpu_s = 0, 0.0
    for outcome in _outcomes(seeds):
        sometimes += outcome.sometimes
        cpu_s += outcome.cpu_s
        if len(seeds) == 1 or outcome.violation:
            print(f"seed {outcome.options.seed}: {_options(outcome)}")
        if outcome.violation:
            failed += 1
            print(f"  VIOLATION {outcome.violation}\n  again: make simulate SEEDS={outcome.options.seed}", flush=True)
        if out is not None:
            line = {"seed": outcome.options.seed, "violation": outcome.violation, "cpu_s": round(outcome.cpu_s, 3)}
            with out.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
    for name, count in sorted(sometimes.items()):
        print(f"{count:10,} {name}")
    for name in OPEN:
        if sometimes[name]:
            print(f"OPEN: {name}: {sometimes[name]} times")
    never = missing(sometimes, len(seeds))
    if never:
        print(f"NOT REACHED, OR NOT KEPT: {'; '.join(never)}")
    print(
        f"{len(seeds)} seeds, {failed} violations, {cpu_s:.0f} s CPU: {3600 * len(seeds) / max(cpu_s, 0.01):,.0f} an hour"
    )
    return int(bool(failed or never))


def _outcomes(seeds: range) -> Iterator[Outcome]:
    began_s = time.monotonic()
    for done, seed in enumerate(seeds):
        yield run(of_seed(seed))
        if sys.stderr.isatty():
            print(f"\r{done + 1} of {len(seeds)}, {time.monotonic() - began_s:.0f} s", end="", file=sys.stderr)


def _options(outcome: Outcome) -> str:
    default = of_seed(0)
    members = {name: getattr(outcome.options, name) for name in outcome.options.__struct_fields__ if name != "seed"}
    del default
    return ", ".join(f"{name} {value}" for name, value in members.items() if value)


def _hunt(name: str, seeds: range) -> int | None:
    """Return the first seed that finds a planted bug; None = none does."""
    found = None
    for seed in seeds:
        truth.forget()
        with BUGS[name].planted() if name in BUGS else nullcontext():
            violation = run(of_seed(seed)).violation
        truth.forget()
        if violation:
            found = seed
            print(f"{name}: seed {seed}: {violation[:160]}", flush=True)
            break
    else:
        print(f"{name}: NOT FOUND in {seeds.start}-{seeds.stop - 1}", flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
