"""Every setting of the worker, read once from the environment, typed, with unit and default."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from streams import truck
from streams.environment import SettingError, read
from streams.rules import scoped
from streams.topics import TICKS
from streams.units import SECOND_MS
from streams.watermark import Bounds
from streams.worker.role import LIVE, Role

__all__ = ["SettingError", "Settings"]

TABLE: Final = "state"
"""Name of the table of states."""
PREFIX: Final = "QINGYUN_WORKER_"
_NAMES: Final = {
    "kafka_bootstrap": ("KAFKA_BOOTSTRAP",),
    "metrics_port": (f"{PREFIX}METRICS_PORT", "QINGYUN_METRICS_PORT"),
    "log_level": (f"{PREFIX}LOG_LEVEL", "QINGYUN_LOG_LEVEL"),
    "host": (f"{PREFIX}HOST", "QINGYUN_HOST"),
}
"""What all processes of one start share; the worker's own name goes first."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the worker needs to know of its surroundings. Environment: ``QINGYUN_WORKER_<NAME>``, unless said otherwise."""

    kafka_bootstrap: str = "127.0.0.1:9092"
    """``host:port[,host:port]`` of Kafka. Environment: ``KAFKA_BOOTSTRAP``."""
    app_id: str = "qingyun-worker"
    """Consumer group and prefix of the changelog. Another id = another state, from the beginning of the topics."""
    trial: str = ""
    """Name of a trial (`streams.worker.role`): this worker stands beside the live one and only tries its rules and thresholds. Its
    group is ``<app_id>-trial-<name>``; it says its alerts on ``trial-<name>-alerts``, and nothing else. Empty = the live worker."""
    instance: str = ""
    """Stable name of this process slot (static membership): a killed worker's successor resumes in seconds."""
    host: str = "127.0.0.1"
    """Address metrics are served at. Also ``QINGYUN_HOST``."""
    metrics_port: int = 0
    """TCP port of the Prometheus metrics; 0 = none. Also ``QINGYUN_METRICS_PORT``."""
    log_level: str = "INFO"
    """DEBUG, INFO, WARNING or ERROR. Also ``QINGYUN_LOG_LEVEL``."""
    thresholds: str = ""
    """JSON file of thresholds that differ from the defaults, or for some (`streams.rules.scoped`)."""
    gap_s: float = 30.0
    """Longest wait, in arrival time, for reports that are missing by their terminal's numbers (`streams.watermark`)."""
    unnumbered_s: float = 5.0
    """Wait where numbers cannot tell whether something is missing."""
    replication: int = 1
    """Copies of the changelog: 1 on one broker, 3 on many."""
    gather_ms: int = 0
    """The broker gathers records up to this long before it hands them over; 0 = each at once. A fetch names all
    partitions, however few records it brings: 100 saves CPU where little happens, and adds 50 ms to the usual delay."""
    slice_records: int = 500
    """Most records of one partition that are judged and kept in one step."""
    session_s: float = 10.0
    """A killed worker's partitions wait this long for another (a static member's successor does not wait)."""
    heartbeat_s: float = 1.0
    """How often the worker tells the group it is there: joins and leaves pause others about this long."""
    commit_s: float = 0.5
    """Time between two commits; what was read since the last is read again after a crash."""
    flush_s: float = 20.0
    """The broker must confirm what was sent within this, or the process ends."""
    stall_s: float = 30.0
    """Records to read but no progress for this long: the process ends."""
    start_s: float = 60.0
    """How long to wait at start for the broker and its topics."""
    go_on_without: str = ""
    """Topics, with commas between, whose records may be deleted unread: elsewhere that ends the worker, until people have
    decided. Ticks always may: the next one says what time it is."""

    def core(self) -> truck.Settings:
        """Return what the core judges by.

        Raises
        ------
        OSError, ValueError
            If the file of thresholds cannot be read, or used.
        """
        bounds = Bounds(gap_ms=round(self.gap_s * SECOND_MS), unnumbered_ms=round(self.unnumbered_s * SECOND_MS))
        limits = scoped.read(Path(self.thresholds).read_bytes()) if self.thresholds else scoped.CITY
        return truck.Settings(bounds=bounds, thresholds=limits)

    @property
    def goes_on_without(self) -> frozenset[str]:
        """Their names."""
        return frozenset(self.go_on_without.split(",")) | {TICKS.name}

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings.

        Raises
        ------
        SettingError
            For an unknown ``QINGYUN_WORKER_`` name or a value of the wrong kind.
        """
        settings = read(cls, environment, prefix=PREFIX, names=_NAMES, check=_check)
        return replace(settings, app_id=f"{settings.app_id}-trial-{settings.trial}") if settings.trial else settings

    @property
    def changelog(self) -> str:
        """Topic of the states."""
        return f"{self.app_id}-{TABLE}-changelog"

    @property
    def role(self) -> Role:
        """What it reads and says."""
        return Role.trial(self.trial) if self.trial else LIVE


def _check(variable: str, value: Any) -> None:
    if variable == f"{PREFIX}TRIAL":
        try:
            Role.trial(value)
        except ValueError as error:
            raise SettingError(f"{variable}: {error}") from error
