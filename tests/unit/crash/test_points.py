"""The exact points of a crash are there, and a program is gone at the passing that was asked for, not before or after."""

import subprocess
import sys

import pytest

from tests.browser import ROOT
from tests.crash import points

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
