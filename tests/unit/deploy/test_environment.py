"""Which Python the Makefile takes, and the making of `.venv`."""

import os
import shutil
import subprocess
import sys

import pytest

from deploy import reasons
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
        for tool in ("sh", "dirname"):
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


def test_only_an_old_python_is_one_sentence(tmp_path):
    """It names what was looked for and what is there instead; nothing is made."""
    clone = _clone(tmp_path)
    old = tmp_path / "bin" / "python3"
    old.parent.mkdir()
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.9.1" || exit 1\n')
    old.chmod(0o755)
    for tool in ("sh", "dirname"):
        (old.parent / tool).symlink_to(f"/usr/bin/{tool}")

    ended = _run(["sh", clone / "deploy" / "environment.sh"], PATH=str(old.parent))

    assert ended.returncode == 1
    assert ended.stdout + ended.stderr == (
        "× No Python 3.12 or newer runs here (looked for python3.13, python3.12, python3; there is Python 3.9.1): "
        "install one, then try again.\n"
    )
    assert not (clone / ".venv").exists()


def test_what_cannot_be_fetched_leaves_nothing_half_made(tmp_path):
    """No index within reach: one sentence that asks for the network, the tools' words in a log, no `.venv`."""
    clone = _clone(tmp_path)
    nowhere = {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull, "PIP_FIND_LINKS": ""}

    ended = _run([sys.executable, "-m", "deploy.environment"], cwd=clone, PIP_NO_CACHE_DIR="1", **nowhere)

    assert ended.returncode == 1
    assert ended.stderr == (
        "× The Python packages are not there: the first start needs the network, try again when it is there "
        "(the tools' own words: .build/environment.log).\n"
    )
    assert "uv" in (clone / ".build" / "environment.log").read_text()
    assert not (clone / ".venv").exists()


def _clone(folder):
    """A clone with what the making of `.venv` needs."""
    clone = folder / "clone 清运"
    (clone / "deploy").mkdir(parents=True)
    for name in (
        "requirements.lock",
        "deploy/__init__.py",
        "deploy/environment.py",
        "deploy/environment.sh",
        "deploy/reasons.py",
    ):
        shutil.copy(ROOT / name, clone / name)
    return clone


def _run(argv, cwd=None, **environment):
    return subprocess.run(
        argv, cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.mark.parametrize(
    ("words", "meaning"),
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("npm error code ENOSPC\nnpm error syscall write", "the disk is full"),
        ("error: Failed to fetch: `http://x/`\n  Caused by: dns error: failed to lookup address", "needs the network"),
        ("npm error code EAI_AGAIN\nnpm error network request to http://x failed", "needs the network"),
        ("ERROR: No matching distribution found for uv==1", "needs the network"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the pinned one"),
        ("error: failed to create directory: Permission denied (os error 13)", "may not be written"),
        ("The virtual environment was not created successfully because ensurepip is not available.", "python3-venv"),
        ("src/app.ts(3,1): error TS2304: Cannot find name 'x'.", ""),
    ],
)
def test_what_tools_say_becomes_what_to_do(words, meaning):
    """The disk goes before the network: a download that fills the disk fails as a download too."""
    assert meaning in reasons.advice(words)
    assert bool(reasons.advice(words)) == bool(meaning)
