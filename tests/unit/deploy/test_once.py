"""One launcher at a time."""

import os
import signal
import subprocess
import sys

import pytest

from deploy.local import once
from deploy.local.failure import LocalStartError
from deploy.local.program import ROOT

HOLD = """
import sys, signal
from pathlib import Path
from deploy.local import once
with once.alone(Path(sys.argv[1]), address='http://here'):
    print('held', flush=True)
    signal.pause()
"""


@pytest.fixture
def other(tmp_path):
    """Another process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path / "lock"], cwd=ROOT, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_start_is_refused_in_one_sentence(other, tmp_path):
    """It names the process and the address of the first, and what to do."""
    with (
        pytest.raises(LocalStartError, match=rf"process {other.pid}, http://here.*make stop"),
        once.alone(tmp_path / "lock", address="http://there"),
    ):
        pass

    assert once.holder(tmp_path / "lock") == other.pid


def test_a_killed_launcher_holds_nothing(other, tmp_path):
    """With kill -9 the lock is free at once: the kernel does it, not a file that stays."""
    other.send_signal(signal.SIGKILL)
    other.wait()

    assert once.holder(tmp_path / "lock") is None
    with once.alone(tmp_path / "lock", address="http://there"):
        assert once.holder(tmp_path / "lock") == os.getpid()


def test_a_launcher_is_asked_to_end(other, tmp_path):
    """Ending it returns when the lock is free, and says so."""
    assert once.end_holder(tmp_path / "lock", other.pid, within_s=10)

    assert once.holder(tmp_path / "lock") is None
