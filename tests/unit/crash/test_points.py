"""The exact points of a crash are there, and a program is gone at the passing that was asked for, not before or after."""

import subprocess
import sys
from random import Random

import pytest

from tests.browser import ROOT
from tests.crash import harm, points

PASSES = """
from tests.crash import points
passing = points.Passing(3)
for number in range(1, 9):
    print(number, flush=True)
    passing()
"""
ARMS = """
from tests.crash import points
for point in points.{}:
    point.arm(points.Passing(1_000_000))
"""


def _run(program: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_process_is_gone_at_the_passing_that_was_asked_for() -> None:
    """With a code of its own, so that another death is not taken for it."""
    done = _run(PASSES)
    assert (done.returncode, done.stdout.split()) == (points.DIED, ["1", "2", "3"])


@pytest.mark.parametrize("of", ["OF_WORKER", "OF_RECORDER"])
def test_every_point_finds_its_moment_in_the_program(of: str) -> None:
    """Where a function is renamed or gone, arming fails: a point cannot silently be none."""
    done = _run(ARMS.format(of))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_seed_chooses_from_all_points_and_kinds() -> None:
    """In a thousand plans each point, each server's full disk and each kind is there; one kind alone if asked for."""
    planned = [one for seed in range(1_000) for one in harm.planned(Random(seed))]
    assert {one.point for one in planned if one.point} == {p.name for p in (*points.OF_WORKER, *points.OF_RECORDER)}
    assert {one.subject for one in planned if one.kind == harm.DISK_FULL} == {"kafka", "postgres"}
    assert {one.kind for one in harm.planned(Random(1), among="crash point of")} == {"crash point of the recorder"}


def test_a_short_plan_is_the_beginning_of_a_long_one() -> None:
    """So a test plays the first harms of what the build plays whole."""
    short, whole = harm.planned(Random(4), 10.0), harm.planned(Random(4), 60.0)
    assert whole[: len(short)] == short
