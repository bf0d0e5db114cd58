"""What `make status` makes of what processes say of themselves."""

import pytest

from deploy.local.health import Health, Part, judge

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
