"""Make labelled days, or judge the rules by many: `python -m tests.labelled --help`."""

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory

from streams import replay
from tests.labelled import day
from tests.labelled.score import Score, score, table
from tests.labelled.truth import HARD, NORMAL, Hardness

PROFILES = {"normal": NORMAL, "hard": HARD}


def main() -> int:
    """Make one day into a folder, or make, replay and score many; exit code 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.labelled", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seeds", help="from-to: judge the rules by each, print a table a rule")
    parser.add_argument("--profile", choices=PROFILES, help="default: normal for one day, both for many")
    parser.add_argument("--size", type=float, default=1.0, help="share of a full day (36 violations and traps a kind)")
    parser.add_argument("--slower", type=float, default=1.0, help="factor on all reporting intervals")
    parser.add_argument("--list", action="store_true", help="each miss and each false alarm")
    parser.add_argument("-o", "--out", type=Path, help="folder for one day")
    given = parser.parse_args()
    if given.seeds is None:
        if given.out is None:
            parser.error("give -o FOLDER for one day, or --seeds 1-10")
        truth = day.make(
            given.out, given.seed, PROFILES[given.profile or "normal"], size=given.size, slower=given.slower
        )
        print(f"{given.out}: {len(truth['violations'])} violations, {len(truth['traps'])} traps")
        return 0
    first, _, last = given.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    short = [_judge(profile, seeds, given) for profile in ([given.profile] if given.profile else PROFILES)]
    return int(any(short))


def _judge(profile: str, seeds: range, given: argparse.Namespace) -> list[str]:
    total = Score()
    for seed in seeds:
        one = judged(seed, PROFILES[profile], size=given.size, slower=given.slower)
        for lines in (one.missed, one.in_vain, one.doubled):
            lines[:] = [f"of seed {seed}: {line}" for line in lines]
        total.add(one)
    short = total.shortcomings(profile)
    print(f"{profile}, seeds {seeds.start} to {seeds.stop - 1}, intervals × {given.slower:g}\n{table(total)}")
    for what, lines in (("missed", total.missed), ("in vain", total.in_vain), ("twice", total.doubled)):
        for line in lines if given.list else ():
            print(f"  {what} {line}")
    print("\n".join(f"× {line}" for line in short) or "√ all bars", flush=True)
    return short


def judged(seed: int, hard: Hardness, *, size: float = 1.0, slower: float = 1.0) -> Score:
    """Make a day, replay it, score what was said."""
    with TemporaryDirectory() as scratch:
        folder, out = Path(scratch) / "day", Path(scratch) / "out"
        truth = day.make(folder, seed, hard, size=size, slower=slower)
        replay.run(folder, out)
        return score(truth, out / "alerts.jsonl")


if __name__ == "__main__":
    raise SystemExit(main())
