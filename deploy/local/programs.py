"""What runs, and what is done before it: `PROCESSES` and `STEPS` are the whole lists."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from deploy.local import kafka
from deploy.local.failure import LocalStartError
from deploy.local.program import Program
from deploy.local.settings import Local
from services.clock import CityClock
from services.settings import HIGHEST_PORT

PROCESSES: Final = {
    "ingest": ("services", "ingest"),
    "worker": ("streams", "worker"),
    "recorder": ("services", "recorder"),
    "planner": ("services", "planner"),
    "gateway": ("services", "gateway"),
    "metronome": ("services", "metronome"),
    "simulator": ("services", "simulator"),
    "evidence": ("services", "evidence"),
}
"""Our processes: ``python -m <package> <program>``. Each has the next port for its metrics, in this order."""

_OWN: Final = {
    # a stable name in its group: after a kill its successor takes over at once instead of after the session's 10 s;
    # one machine runs everything, and 50 ms more are not seen on a page: so it gathers
    "worker": {"QINGYUN_WORKER_INSTANCE": "local", "QINGYUN_WORKER_GATHER_MS": "100"},
}
"""Settings of one process alone."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """Something done once at each start, before our processes run: ``python -m services …``."""

    title: str
    arguments: tuple[str, ...]
    lists_users: bool = False
    """True if it answers with the demo users, as JSON."""


def steps(local: Local) -> tuple[tuple[Step, ...], ...]:
    """Return what must be done when broker and database answer: rounds, whose steps are done side by side."""
    return (
        (
            Step(title="topics", arguments=("topics", "provision")),
            Step(title="database tables", arguments=("database", "migrate")),
        ),
        (
            Step(title=f"city {local.services.city}", arguments=("city", "load", local.services.city)),
            Step(title="demo users", arguments=("users", "demo", "--json"), lists_users=True),
        ),
    )


def stores(local: Local) -> list[Program]:
    """Return the embedded parts this system needs; those given by the environment are left out."""
    parts = []
    if not local.kafka_is_given:
        parts.append(local.kafka.program())
    if not local.database_is_given:
        parts.append(local.postgres.program())
    return parts


def processes(local: Local, clock: CityClock) -> list[Program]:
    """Return our processes with their environment."""
    shared = environment(local, clock)
    return [
        Program(
            name=name,
            argv=(sys.executable, "-m", package, program),
            environment=shared | {"QINGYUN_METRICS_PORT": str(port)} | _OWN.get(name, {}),
            metrics_port=port,
        )
        for port, (name, (package, program)) in zip(_metrics_ports(local), PROCESSES.items(), strict=True)
    ]


def metrics_ports(local: Local) -> dict[str, int]:
    """Return the port of each process's metrics."""
    return dict(zip(PROCESSES, _metrics_ports(local), strict=True))


def environment(local: Local, clock: CityClock) -> dict[str, str]:
    """Return the settings every process gets."""
    settings = local.services
    return {
        "KAFKA_BOOTSTRAP": local.kafka_bootstrap,
        "DATABASE_URL": local.database_url,
        "QINGYUN_DATA_DIR": str(local.data),
        "QINGYUN_BUILD_DIR": str(local.build),
        "QINGYUN_CITY": settings.city,
        "QINGYUN_TENANT_ID": settings.tenant_id,
        "QINGYUN_HOST": settings.host,
        "QINGYUN_GATEWAY_PORT": str(settings.gateway_port),
        "QINGYUN_INGEST_PORT": str(settings.ingest_port),
        "QINGYUN_JT808_PORT": str(settings.jt808_port),
        "QINGYUN_CLOCK_ORIGIN_MS": str(clock.origin_ms),
        "QINGYUN_CLOCK_WALL_ORIGIN_MS": str(clock.wall_origin_ms),
        "QINGYUN_CLOCK_RATE": f"{clock.rate:g}",
        "QINGYUN_LOG_LEVEL": settings.log_level,
        "PYTHONUNBUFFERED": "1",
    }


@dataclass(frozen=True, kw_only=True)
class WantedPort:
    """A TCP port this system listens on, what for, and the setting that changes it."""

    number: int
    host: str
    purpose: str
    setting: str

    @property
    def wish(self) -> str:
        """What for, and how to choose another."""
        return f"{self.purpose} (change it with {self.setting}=…)"


def wanted_ports(local: Local) -> dict[int, WantedPort]:
    """Return every TCP port this system listens on.

    Raises
    ------
    LocalStartError
        If two parts want the same one, or one lies beyond the last port there is.
    """
    wanted: dict[int, WantedPort] = {}
    for port in _listed_ports(local):
        if port.number > HIGHEST_PORT:
            raise LocalStartError(f"{port.purpose} would be at port {port.number}: choose a lower {port.setting}")
        if other := wanted.get(port.number):
            raise LocalStartError(
                f"port {port.number} is wanted for {other.purpose} ({other.setting}) and for {port.purpose} "
                f"({port.setting}): choose another for one of them"
            )
        wanted[port.number] = port
    return wanted


def _listed_ports(local: Local) -> Iterator[WantedPort]:
    settings = local.services
    ours = (
        (settings.gateway_port, "the pages", "PORT"),
        (settings.ingest_port, "devices' HTTP", "QINGYUN_INGEST_PORT"),
        (settings.jt808_port, "JT/T 808 terminals", "QINGYUN_JT808_PORT"),
        *((port, f"metrics of {name}", "QINGYUN_LOCAL_METRICS_PORT") for name, port in metrics_ports(local).items()),
    )
    for number, purpose, setting in ours:
        yield WantedPort(number=number, host=settings.host, purpose=purpose, setting=setting)
    if not local.kafka_is_given:
        for number in local.kafka.ports:
            yield WantedPort(number=number, host=kafka.HOST, purpose="Kafka", setting="QINGYUN_LOCAL_KAFKA_PORT")


def _metrics_ports(local: Local) -> range:
    return range(local.metrics_port, local.metrics_port + len(PROCESSES))
