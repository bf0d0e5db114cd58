"""Which Python the Makefile takes."""

import os
import subprocess

import pytest

from deploy.local.program import ROOT

OLD = "#!/bin/sh\nexit 1\n"
SHIM = '#!/bin/sh\necho "python3.13: command not found" >&2\nexit 127\n'
GOOD = "#!/bin/sh\nexit 0\n"


@pytest.fixture
def chosen(tmp_path):
    """Return the Python chosen when just these programs are on the path."""

    def _chosen(**programs):
        for name, text in programs.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(text)
            path.chmod(0o755)
        for tool in ("sh", "dirname", "cksum"):
            (tmp_path / tool).symlink_to(f"/usr/bin/{tool}")
        return subprocess.run(
            ["sh", ROOT / "deploy" / "environment.sh", "--which"],
            env={"PATH": str(tmp_path), "HOME": os.environ.get("HOME", "/")},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    return _chosen


def test_the_newest_that_runs_is_chosen(chosen):
    """All three run: the newest named one."""
    assert chosen(python3_13=GOOD, python3_12=GOOD, python3=GOOD) == "python3.13"


def test_a_shim_that_fails_is_passed_over(chosen):
    """A version manager's shim is on the path, but does not run."""
    assert chosen(python3_13=SHIM, python3_12=SHIM, python3=GOOD) == "python3"


def test_an_old_python_is_not_taken(chosen):
    """Nothing is better than something too old: the caller then says what is missing."""
    assert chosen(python3=OLD) == ""
