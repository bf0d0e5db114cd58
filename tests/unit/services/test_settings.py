"""Settings are read once, typed, and a wrong one is named."""

import pytest

from services.clock import CityClock
from services.settings import SettingError, Settings


def test_defaults_need_no_environment() -> None:
    """An empty environment, and an empty variable, mean the default."""
    assert Settings.from_env({}) == Settings.from_env({"QINGYUN_CITY": ""}) == Settings()


def test_an_unknown_name_is_an_error() -> None:
    """A misspelt setting is refused, not ignored."""
    with pytest.raises(SettingError, match="QINGYUN_CTIY"):
        Settings.from_env({"QINGYUN_CTIY": "porto"})


def test_a_wrong_value_is_named() -> None:
    """A value of the wrong kind is refused with its name and what is expected."""
    with pytest.raises(SettingError, match="QINGYUN_GATEWAY_PORT is 'http', expected a whole number"):
        Settings.from_env({"QINGYUN_GATEWAY_PORT": "http"})


def test_secrets_are_not_described() -> None:
    """What is logged at start holds no password."""
    described = Settings.from_env({"DATABASE_URL": "postgresql+psycopg://u:secret@h/d"}).described()
    assert "secret" not in str(described)


def test_the_city_clock_runs_at_its_rate() -> None:
    """Ten seconds of wall time are a hundred seconds of city time at 10×."""
    clock = CityClock(origin_ms=1_000_000, wall_origin_ms=50_000, rate=10.0)
    assert clock.at_wall(60_000) == 1_000_000 + 100_000
    assert clock.wall_seconds(100_000) == 10.0
