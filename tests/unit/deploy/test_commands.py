"""Commands of the preparation."""

import sys
import threading

import psutil
import pytest

from deploy.local.commands import Commands
from deploy.local.failure import LocalStartError


def _python(body):
    return [sys.executable, "-c", body]


def test_a_failure_is_one_sentence_with_the_last_word_and_advice(tmp_path):
    """The sentence says what failed, why, and what to do; the log has the rest."""
    complain = "import sys; print('first', file=sys.stderr); sys.exit('no route to host.')"

    with (
        Commands(tmp_path / "setup.log", tmp_path / "records") as commands,
        pytest.raises(LocalStartError, match=r"^fetching failed: no route to host; try again$"),
    ):
        commands.run(_python(complain), what="fetching", environment={}, advice="try again")

    assert "first" in (tmp_path / "setup.log").read_text()


def test_an_answer_with_passwords_is_not_kept_in_the_log(tmp_path):
    """The demo log-ins are shown on the terminal, not written into a log."""
    users = """print('[{"password": "' + 7 * 'x' + '"}]')"""

    with Commands(tmp_path / "setup.log", tmp_path / "records") as commands:
        answer = commands.run(_python(users), what="users", environment={})

    assert "xxxxxxx" in answer
    assert "xxxxxxx" not in (tmp_path / "setup.log").read_text()


def test_what_still_runs_at_the_end_is_killed_with_its_children(tmp_path):
    """Ctrl-C during a long build leaves neither the build nor what it started."""
    pids = tmp_path / "pids"
    body = (
        "import os, subprocess, sys, signal\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        f"open({str(pids)!r} + '.new', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        f"os.rename({str(pids)!r} + '.new', {str(pids)!r})\n"
        "signal.pause()"
    )
    failed = threading.Event()

    def work():
        with pytest.raises(LocalStartError):
            commands.run(_python(body), what="building", environment={})
        failed.set()

    with Commands(tmp_path / "setup.log", tmp_path / "records") as commands:
        thread = threading.Thread(target=work)
        thread.start()
        while not pids.exists():
            assert thread.is_alive()
    thread.join(10)

    assert failed.is_set()
    started = [int(pid) for pid in pids.read_text().split()]
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in started if psutil.pid_exists(pid)], timeout=5)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
