"""Every setting of the services, read once from the environment, typed, with unit and default."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

from streams.environment import SettingError, read

__all__ = ["SettingError", "Settings"]

PREFIX: Final = "QINGYUN_"
_OWN_NAMES: Final = {"kafka_bootstrap": ("KAFKA_BOOTSTRAP",), "database_url": ("DATABASE_URL",)}
_OTHER_PREFIXES: Final = ("QINGYUN_WORKER_", "QINGYUN_LOCAL_", "QINGYUN_TEST_")
"""Read by the stream worker, the local start and the tests themselves."""
_SECRET: Final = frozenset({"database_url"})


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the services need to know of their surroundings. Environment: ``QINGYUN_<NAME>``, unless said otherwise."""

    kafka_bootstrap: str = "127.0.0.1:9092"
    """``host:port[,host:port]`` of Kafka. Environment: ``KAFKA_BOOTSTRAP``."""
    database_url: str = ""
    """SQLAlchemy address of PostgreSQL (``postgresql+psycopg://…``). Environment: ``DATABASE_URL``."""
    data_dir: str = ".data"
    """Folder of run data: ingest's spool, secrets of the local start, photos."""
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
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR."""

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises
        ------
        SettingError
            For an unknown ``QINGYUN_`` name or a value of the wrong kind.
        """
        return read(cls, environment, prefix=PREFIX, names=_OWN_NAMES, others=_OTHER_PREFIXES)

    def described(self) -> dict[str, str]:
        """Return all settings as text, secrets hidden, to be logged once at start."""
        return {
            field.name: "***" if field.name in _SECRET else str(getattr(self, field.name)) for field in fields(self)
        }
