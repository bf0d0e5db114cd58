"""The command line, as people and scripts use it: real processes, real files."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from kitchen import B2, EXAMPLE

from optimizer import plan as plans
from optimizer.check import check
from optimizer.problem import parse

ROOT = Path(__file__).parents[3]


def run(*arguments: str | Path, data: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run ``python -m optimizer`` and return how it went."""
    command = [sys.executable, "-m", "optimizer", *map(str, arguments)]
    return subprocess.run(command, input=data, capture_output=True, cwd=ROOT, check=False, timeout=120)


@pytest.fixture
def monday(tmp_path: Path) -> Path:
    """The contract's example as a file."""
    place = tmp_path / "monday.json"
    place.write_bytes(EXAMPLE)
    return place


def test_solve_then_check(monday: Path, tmp_path: Path) -> None:
    """A plan that was solved and written passes check; both exit with 0."""
    out = tmp_path / "plan.json"
    assert run("solve", monday, "--seconds", "1", "-o", out).returncode == 0
    judged = run("check", monday, out)
    assert (judged.returncode, judged.stderr) == (0, b"")
    assert check(parse(EXAMPLE), plans.parse(out.read_bytes())).lawful


def test_a_broken_plan_exits_with_one(monday: Path, tmp_path: Path) -> None:
    """A plan that breaks a rule: exit 1, a line for each broken rule."""
    plan = json.loads(run("solve", monday, "--iterations", "5").stdout)
    plan["routes"][0]["visits"][1]["load_kg"] += 1
    broken = tmp_path / "broken.json"
    broken.write_text(json.dumps(plan))
    judged = run("check", monday, broken)
    assert judged.returncode == 1
    assert b"the plan says 1021" in judged.stdout


def test_standard_input_and_output() -> None:
    """``-`` reads the problem from standard input, gzipped too; the plan goes to standard output by default."""
    solved = run("solve", "-", "--iterations", "5", data=gzip.compress(EXAMPLE))
    assert solved.returncode == 0
    assert plans.parse(solved.stdout).cost.total == 1000


@pytest.mark.parametrize(
    ("arguments", "data", "line"),
    [
        (("solve", "-"), b"{", b"/: not JSON"),
        (("solve", "-"), EXAMPLE.replace(b"[21600, 50400]", b"[200, 100]"), b"/vehicles/0/shift: latest 100 is before earliest 200"),
        (("solve", "/does/not/exist.json"), b"", b"/: "),
        (("solve", "-", "-o", "/does/not/exist/plan.json"), EXAMPLE, b"/: cannot write"),
        (("check", "-", "/dev/null"), EXAMPLE, b"/: not JSON"),
    ],
)  # fmt: skip
def test_bad_input_exits_with_two(arguments: tuple[str, ...], data: bytes, line: bytes) -> None:
    """Bad input, unreadable files and unwritable outputs: exit 2, one line, no traceback."""
    failed = run(*arguments, data=data)
    assert failed.returncode == 2
    assert failed.stderr.startswith(line)
    assert failed.stderr.count(b"\n") == 1
    assert failed.stdout == b""


@pytest.mark.parametrize("engine", ["baseline", "ruin_recreate", "routing", "compiled"])
def test_same_iterations_same_plan(engine: str) -> None:
    """Same problem, seed and iterations with one thread: the same plan, whatever the machine does meanwhile."""
    first, second = (
        json.loads(run("solve", B2, "--iterations", "20", "--engine", engine, "--seed", "3").stdout) for _ in range(2)
    )
    first["search"].pop("seconds")
    second["search"].pop("seconds")
    assert first == second


def test_interrupt_writes_the_best_plan(tmp_path: Path) -> None:
    """Ctrl-C ends the search; the best plan is written, it is lawful, and the exit status is 130."""
    out = tmp_path / "plan.json"
    command = [sys.executable, "-m", "optimizer", "solve", str(B2), "--seconds", "100", "-o", str(out)]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE)
    try:
        _wait_for_search(process.pid)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 130
    assert check(parse(B2.read_bytes()), plans.parse(out.read_bytes())).lawful


def _wait_for_search(pid: int) -> None:
    """Wait until the process has worked for a second: starting takes less, so it is searching."""
    ticks_per_s = os.sysconf("SC_CLK_TCK")
    deadline = time.monotonic() + 100
    while time.monotonic() < deadline:
        user_ticks = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[11])
        if user_ticks > ticks_per_s:
            return
        time.sleep(0.05)
    raise AssertionError("the search never began")


def test_help_teaches() -> None:
    """The help shows commands to copy."""
    helped = run("--help")
    assert helped.returncode == 0
    assert b"python -m optimizer solve monday.json" in helped.stdout
