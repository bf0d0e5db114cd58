"""Every setting of the services, read once from the environment, typed, with unit and default."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self

from streams.environment import SettingError, read

__all__ = ["SettingError", "Settings"]

PREFIX: Final = "QINGYUN_"
_OWN_NAMES: Final = {"kafka_bootstrap": ("KAFKA_BOOTSTRAP",), "database_url": ("DATABASE_URL",)}
_OTHER_PREFIXES: Final = ("QINGYUN_WORKER_", "QINGYUN_LOCAL_", "QINGYUN_TEST_")
"""Read by the stream worker, the local start and the tests themselves."""
_SECRET: Final = frozenset({"database_url"})
_LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")
HIGHEST_PORT: Final = 65535
MOST_MISDEEDS: Final = 1000.0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the services need to know of their surroundings. Environment: ``QINGYUN_<NAME>``, unless said otherwise."""

    kafka_bootstrap: str = "127.0.0.1:9092"
    """``host:port[,host:port]`` of Kafka. Environment: ``KAFKA_BOOTSTRAP``."""
    database_url: str = ""
    """SQLAlchemy address of PostgreSQL (``postgresql+psycopg://…``). Environment: ``DATABASE_URL``."""
    database_timeout_s: float = 15.0
    """Wall seconds after which the recorder gives up a statement, and a transaction it is silent in; then it tries again."""
    positions_kept_days: int = 60
    """Days of city time for which every fix and every raw frame is kept; 0 = for ever."""
    thinned_positions_kept_days: int = 365
    """Days for which a fix a minute is kept where the others are gone; 0 = for ever."""
    recorder_sets_aside_any: int = 0
    """1 = the recorder sets aside any number of records; 0 = it stops above 100 in a row of a partition, or 1 % in all."""
    data_dir: str = ".data"
    """Folder of run data: ingest's spool, the simulator's state, secrets of the local start."""
    build_dir: str = ".build"
    """Folder of what is built once and kept: road graphs, base maps."""
    city: str = "porto"
    """The city: a folder of ``deploy/cities/``."""
    tenant_id: str = "porto"
    """The tenant whose trucks the planner plans and the simulator drives."""
    host: str = "127.0.0.1"
    """Address the HTTP and TCP servers listen on."""
    gateway_port: int = 8080
    """TCP port of the pages and the API."""
    ingest_port: int = 8081
    """TCP port of ingest's HTTP doors (OsmAnd, ChirpStack, weighbridges)."""
    jt808_port: int = 8808
    """TCP port of JT/T 808 terminals."""
    metrics_port: int = 0
    """TCP port of this process's Prometheus metrics and health; 0 = none."""
    clock_origin_ms: int = 0
    """City clock: UTC ms of city time at ``clock_wall_origin_ms``; 0 = city time is wall time."""
    clock_wall_origin_ms: int = 0
    """City clock: UTC ms of wall time at which it showed ``clock_origin_ms``."""
    clock_rate: float = 1.0
    """City clock: city seconds a wall second, 1–60."""
    simulator_misdeeds: float = 1.0
    """How many times as often as the city's ``town.json`` says the simulator's trucks misbehave; 0 = only as planned."""
    simulator_ledger: str = ""
    """File the simulator appends to: what was acknowledged to which device; empty = none."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises
        ------
        SettingError
            For an unknown ``QINGYUN_`` name, a value of the wrong kind, or one outside what is possible.
        """
        return read(cls, environment, prefix=PREFIX, names=_OWN_NAMES, others=_OTHER_PREFIXES, check=_check)

    @property
    def reachable_host(self) -> str:
        """Where this machine's own programs knock: servers that listen on every address are met on the loopback."""
        return "127.0.0.1" if self.host in {"0.0.0.0", "::", ""} else self.host  # noqa: S104  # compared, not bound

    def described(self) -> dict[str, str]:
        """Return all settings as text, secrets hidden, to be logged once at start."""
        return {
            field.name: "***" if field.name in _SECRET else str(getattr(self, field.name)) for field in fields(self)
        }


def variable(name: str) -> str:
    """Return the environment variable of a setting."""
    return _OWN_NAMES.get(name, (PREFIX + name.upper(),))[0]


def _check(name: str, value: Any) -> None:
    """Raise `SettingError` if no process could use the value."""
    if name.endswith("_PORT") and not 1 <= value <= HIGHEST_PORT and (value, name) != (0, f"{PREFIX}METRICS_PORT"):
        raise SettingError(f"{name} is {value}, expected a port, 1 to {HIGHEST_PORT}")
    if name == f"{PREFIX}SIMULATOR_MISDEEDS" and not 0 <= value <= MOST_MISDEEDS:
        raise SettingError(f"{name} is {value:g}, expected a factor, 0 to {MOST_MISDEEDS:g}")
    if name == f"{PREFIX}LOG_LEVEL" and value not in _LOG_LEVELS:
        raise SettingError(f"{name} is {value!r}, expected one of {', '.join(_LOG_LEVELS)}")
    if name in _OWN_NAMES["kafka_bootstrap"] and not all(map(_is_address, value.split(","))):
        raise SettingError(f"{name} is {value!r}, expected host:port, or several with commas between")


def _is_address(text: str) -> bool:
    host, colon, port = text.rpartition(":")
    return bool(host and colon) and port.isdecimal() and 1 <= int(port) <= HIGHEST_PORT
