"""Records of processes, and ending what outlived its start."""

import json
import subprocess
import sys

import psutil
import pytest

from deploy.local import leftovers

SLEEPER = """import signal, sys, time
{}
print('up', flush=True)
while True:
    time.sleep(0.05)"""
"""Not `signal.pause`: a signal that comes just before it is heard only when the next one ends it."""


@pytest.fixture
def start(tmp_path):
    """Start a program that waits for ever and record it, optionally with a start time that is off by some seconds."""
    started = []

    def _start(name, *, body="", off_by_s=0.0):
        process = subprocess.Popen([sys.executable, "-c", SLEEPER.format(body)], stdout=subprocess.PIPE)
        started.append(process)
        assert process.stdout.readline() == b"up\n"
        record = {
            "pid": process.pid,
            "started_s": psutil.Process(process.pid).create_time() + off_by_s,
            "stop_signal": "SIGTERM",
            "starts": 1,
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(record))
        return process

    yield _start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_recorded_process_that_still_runs_is_ended_as_it_wishes(start, tmp_path):
    """It gets its own stop signal, and the call returns when it is gone."""
    asked = tmp_path / "asked"
    body = f"signal.signal(signal.SIGTERM, lambda *_: (open({str(asked)!r}, 'w').close(), sys.exit()));"
    process = start("worker", body=body)

    assert leftovers.end(tmp_path, within_s=5) == ["worker"]

    assert asked.exists()
    assert not psutil.pid_exists(process.pid)


def test_a_process_that_does_not_listen_is_killed(start, tmp_path):
    """After the time it had, it is killed."""
    process = start("worker", body="signal.signal(signal.SIGTERM, signal.SIG_IGN);")

    leftovers.end(tmp_path, within_s=0.1)

    assert not psutil.pid_exists(process.pid)


def test_a_stranger_with_the_same_number_is_left_alone(start, tmp_path):
    """A process number that belongs to a process with another start time is not ours."""
    process = start("worker", off_by_s=-60)

    assert leftovers.end(tmp_path, within_s=1) == []

    assert process.poll() is None


def test_a_record_cut_off_by_a_crash_is_nobody(tmp_path):
    """Half a record names no process and is no error."""
    (tmp_path / "worker.json").write_text('{"pid": 1')

    assert leftovers.alive(tmp_path) == {}


def test_each_start_is_counted(tmp_path):
    """Recording again counts the starts, so that restarts can be shown; forgetting begins anew."""
    path = tmp_path / "worker.json"

    leftovers.record(path, stop_signal="SIGTERM")
    leftovers.record(path, stop_signal="SIGTERM")

    assert leftovers.recorded(tmp_path)["worker"].starts == 2
    leftovers.forget(tmp_path)
    assert leftovers.recorded(tmp_path) == {}
