"""Settings of the worker."""

import pytest

from streams.worker.settings import SettingError, Settings


def test_the_workers_own_name_goes_before_the_shared_one() -> None:
    """One start shares a metrics port and a log level; the worker may differ."""
    shared = {"QINGYUN_METRICS_PORT": "9001", "QINGYUN_LOG_LEVEL": "DEBUG", "KAFKA_BOOTSTRAP": "k:1"}
    settings = Settings.from_env(shared)
    assert (settings.metrics_port, settings.log_level, settings.kafka_bootstrap) == (9001, "DEBUG", "k:1")
    assert Settings.from_env(shared | {"QINGYUN_WORKER_METRICS_PORT": "9002"}).metrics_port == 9002


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"QINGYUN_WORKER_METRICS_PORT": "x"}, "QINGYUN_WORKER_METRICS_PORT is 'x', expected a whole number"),
        ({"QINGYUN_WORKER_METRIC_PORT": "1"}, "unknown setting QINGYUN_WORKER_METRIC_PORT"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(environment: dict[str, str], says: str) -> None:
    """Name, value, what was expected."""
    with pytest.raises(SettingError, match=says):
        Settings.from_env(environment)
