"""What `make status` makes of what processes say of themselves."""

import os

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from deploy.local import health, ports
from deploy.local.health import Health, Part, judge
from deploy.local.settings import Local
from deploy.local.supervised import ProcessState

NOW_S = 1_000_000.0


def _samples(*, lag=0.0, progress_s=NOW_S - 1, unhealthy=0.0):
    return {
        "qingyun_consumer_lag_records": [({"topic": "plans"}, lag), ({"topic": "ticks"}, 0.0)],
        "qingyun_last_progress_timestamp_seconds": [({}, progress_s)],
        "qingyun_unhealthy": [({"reason": "no database"}, unhealthy)],
    }


@pytest.mark.parametrize(
    ("samples", "reasons"),
    [
        pytest.param(_samples(), [], id="at work"),
        pytest.param(_samples(lag=50), [], id="busy"),
        pytest.param(_samples(progress_s=NOW_S - 600), [], id="idle: nothing to do is not stuck"),
        pytest.param(_samples(lag=7, progress_s=NOW_S - 90), ["no progress for 90 s with 7 records to do"], id="stuck"),
        pytest.param(_samples(unhealthy=1.0), ["no database"], id="says so itself"),
        pytest.param({}, ["has not finished its first round of work yet"], id="silence is not health"),
        pytest.param(_samples(progress_s=0.0), ["has not finished its first round of work yet"], id="just started"),
    ],
)
def test_a_process_is_judged_by_what_it_says(samples, reasons):
    """Behind is not sick; behind without progress is, and so is what a process says of itself."""
    behind, _, why = judge(samples, now_s=NOW_S)

    assert why == reasons
    assert set(behind) <= {"plans"}


def test_one_sick_part_makes_the_whole_sick_and_is_named():
    """The sentence names the part and the reason."""
    parts = (Part(name="kafka", state="running"), Part(name="planner", state="backoff", why=("exited",)))
    health = Health(parts=parts, address="http://here", runs=True)

    assert not health.is_healthy
    assert health.sentence == "Not healthy. planner: exited."


def test_nothing_running_is_not_healthy():
    """No process is not "all processes are well"."""
    health = Health(parts=(), address="http://here", runs=False)

    assert not health.is_healthy
    assert "make run" in health.sentence


def test_a_process_is_asked_where_it_listens():
    """With QINGYUN_HOST an address of the network, a process that works is not called sick."""
    host = "127.0.0.2"  # another than the one a process listens on by default, as the network's is
    registry, port = CollectorRegistry(), ports.free()
    Gauge("qingyun_last_progress_timestamp_seconds", "When", registry=registry).set_to_current_time()
    server, thread = start_http_server(port, addr=host, registry=registry)
    process = ProcessState(name="gateway", state="RUNNING", pid=os.getpid(), since_s=0.0, remark="")
    try:
        part = health._examine_one(process, None, port, Local.from_env({"QINGYUN_HOST": host}))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()

    assert part.why == ()
    assert part.progress_age_s is not None
