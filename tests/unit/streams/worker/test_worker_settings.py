"""Settings of the worker."""

from pathlib import Path

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


def test_thresholds_are_read_from_their_file(tmp_path: Path) -> None:
    """The city's, and those of some; a file that cannot be used is a sentence."""
    path = tmp_path / "thresholds.json"
    path.write_text('{"dark_s": 600, "for": [{"truck_class": "van", "spill_kg": 100}]}')
    settings = Settings.from_env({"QINGYUN_WORKER_THRESHOLDS": str(path)})
    found = settings.core().thresholds
    assert found.at(tenant_id="porto", truck_class="van").limits.spill_kg == 100
    assert (found.everywhere.limits.spill_kg, found.everywhere.limits.dark_s) == (400, 600)
    path.write_text('{"for": [{"truck_class": "van", "overflow_fill": 0.9}]}')
    with pytest.raises(ValueError, match=r"for\[0\]: threshold overflow_fill cannot differ by truck_class"):
        settings.core()
