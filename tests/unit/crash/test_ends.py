"""Whose end was not ours is noted with its code and what was done meanwhile; who had to end is told apart."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from streams.worker.ending import UNEXPECTED
from tests.crash import parts, points
from tests.crash.parts import Parts

WAITS = "import time; print('there', flush=True); time.sleep(60)"
HEARS = f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(int(sys.argv[1]))); {WAITS}"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Parts]:
    """The small system without its servers: only processes are looked at."""
    nobody: Any = SimpleNamespace(url="postgresql+psycopg://nobody@/nobody")
    made = Parts(tmp_path, nobody, nobody, {})
    yield made
    made.kill_all()


def _ends(code: int) -> psutil.Popen:
    process = psutil.Popen([sys.executable, "-c", f"import os; os._exit({code})"])
    process.wait()
    return process


def _lives(program: str = WAITS, *arguments: str) -> psutil.Popen:
    process = psutil.Popen([sys.executable, "-c", program, *arguments], stdout=-1)
    assert process.stdout.readline() == b"there\n"
    process.stdout.close()
    return process


def test_an_end_in_quiet_time_is_a_finding(small: Parts) -> None:
    """Whoever it is, whatever its code."""
    small.watch("w1", _ends(UNEXPECTED))
    with small.during("kill -9: w2", lambda _: False):
        small.watch("recorder", _ends(1))
    assert small.findings == [
        f"w1 ended by itself with {UNEXPECTED} in quiet time",
        "recorder ended by itself with 1 in kill -9: w2",
    ]


def test_who_must_end_may_with_the_code_for_it(small: Parts) -> None:
    """Another code, a signal that is not ours, another program: a finding."""
    killed = _lives()
    with small.during("a twin of w1", lambda name: name == "w1"):
        small.watch("w1", _ends(UNEXPECTED))
        small.watch("w1", _ends(1))
        small.watch("w2", _ends(UNEXPECTED))
        small.watch("w1", killed)
        killed.kill()
        killed.wait()
    assert small.ended == [f"w1 ended by itself with {UNEXPECTED} in a twin of w1"]
    assert [finding.split(" in ")[0] for finding in small.findings] == [
        "w1 ended by itself with 1",
        f"w2 ended by itself with {UNEXPECTED}",
        "w1 ended by itself with -9",
    ]


def test_what_we_end_is_ours(small: Parts) -> None:
    """Killed by us, or doomed to end at its point; a second time there is nobody to kill."""
    process = _lives()
    small.watch("w1", process)
    small.watch("w2", _ends(points.DIED), doomed=True)
    assert small.kill(process)
    assert not small.kill(process)
    assert not small.kill(None)
    assert small.findings == []
    small.watch("w2", _ends(points.DIED))
    assert small.end([("w2", process)]) == []
    assert len(small.findings) == 1


def test_only_who_was_just_started_may_be_ended_by_sigterm(small: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody else hears it and ends with 0."""
    for code, said in ((0, []), (3, ["w1 ended with 3 after SIGTERM, 0 s after its start"])):
        process = _lives(HEARS, str(code))
        small.watch("w1", process)
        assert small.end([("w1", process)]) == said
    for young_s, found in ((parts.YOUNG_S, 0), (0.0, 1)):
        monkeypatch.setattr(parts, "YOUNG_S", young_s)
        deaf = _lives()
        small.watch("w1", deaf)
        wrong = small.end([("w1", deaf)])
        assert len(wrong) == found
        assert not found or f"ended with {-signal.SIGTERM} after SIGTERM" in wrong[0]
