"""What the local start needs to know: the services' settings, its own few, and where things lie."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from deploy.local.failure import LocalStartError
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.program import ROOT
from deploy.local.supervised import Supervisor
from services.settings import HIGHEST_PORT, SettingError, Settings

DEFAULT_RATE: Final = 10.0
_RATES: Final = (1.0, 60.0)
_MAKE: Final = {"QINGYUN_CLOCK_RATE": "RATE", "QINGYUN_GATEWAY_PORT": "PORT", "QINGYUN_CITY": "CITY"}
"""How the Makefile's settings are called there."""
_IMPOSSIBLE: Final = '%:",\n'
"""The supervisor's configuration, Java's classpath, Kafka's list of folders."""


@dataclass(frozen=True, kw_only=True)
class Local:
    """One local system. Paths are absolute. ``kafka_is_given`` and ``database_is_given``: used, not started by us."""

    services: Settings
    data: Path
    build: Path
    kafka_port: int
    metrics_port: int
    kafka_is_given: bool
    database_is_given: bool
    time_zone: str

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Read the settings: those of the services, ``QINGYUN_LOCAL_KAFKA_PORT`` and ``QINGYUN_LOCAL_METRICS_PORT``.

        Raises
        ------
        LocalStartError
            For a setting that cannot be used, or a city that has no folder.
        """
        try:
            services = Settings.from_env(environment)
        except SettingError as error:
            raise LocalStartError(_as_typed(str(error))) from error
        header = _header(services.city)
        if not environment.get("QINGYUN_TENANT_ID"):
            services = replace(services, tenant_id=str(header.get("tenant_id", services.city)))
        if not environment.get("QINGYUN_CLOCK_RATE"):
            services = replace(services, clock_rate=DEFAULT_RATE)
        if not _RATES[0] <= services.clock_rate <= _RATES[1]:
            raise LocalStartError(f"RATE is {services.clock_rate:g}, expected 1 to 60 (city seconds a second)")
        data, build = _folder(services.data_dir, "QINGYUN_DATA_DIR"), _folder(services.build_dir, "QINGYUN_BUILD_DIR")
        return cls(
            services=replace(services, data_dir=str(data), build_dir=str(build)),
            data=data,
            build=build,
            kafka_port=_port(environment, "QINGYUN_LOCAL_KAFKA_PORT", 9092),
            metrics_port=_port(environment, "QINGYUN_LOCAL_METRICS_PORT", 9101),
            kafka_is_given=bool(environment.get("KAFKA_BOOTSTRAP")),
            database_is_given=bool(environment.get("DATABASE_URL")),
            time_zone=str(header["time_zone"]),
        )

    @property
    def run(self) -> Path:
        """Folder of what is true only while we run, and the city clock."""
        return self.data / "run"

    @property
    def logs(self) -> Path:
        """Folder with one log a program."""
        return self.data / "log"

    @property
    def commands(self) -> Path:
        """Folder of the records of the preparation's commands."""
        return self.run / "commands"

    @property
    def address(self) -> str:
        """Where the pages are."""
        return f"http://{self.services.reachable_host}:{self.services.gateway_port}"

    @property
    def kafka(self) -> Kafka:
        """The embedded broker (also when it is not used)."""
        return Kafka(data=self.data / "kafka", build=self.build / "kafka", port=self.kafka_port)

    @property
    def postgres(self) -> Postgres:
        """The embedded database (also when it is not used)."""
        return Postgres(data=self.data / "postgres", specs=self.run / "specs")

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor of this system."""
        return Supervisor(run=self.run, logs=self.logs)

    @property
    def kafka_bootstrap(self) -> str:
        """The broker all processes use."""
        return self.services.kafka_bootstrap if self.kafka_is_given else self.kafka.bootstrap

    @property
    def database_url(self) -> str:
        """The database all processes use."""
        return self.services.database_url if self.database_is_given else self.postgres.url


def city_folder(city: str) -> Path:
    """Return the folder of a city's data."""
    return ROOT / "deploy" / "cities" / city


def _header(city: str) -> dict[str, Any]:
    path = city_folder(city) / "city.json"
    try:
        header: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        cities = sorted(found.parent.name for found in (ROOT / "deploy" / "cities").glob("*/city.json"))
        raise LocalStartError(
            f"CITY is {city!r}, but there is no {path.relative_to(ROOT)}; "
            f"there are: {', '.join(cities) or 'none'} (`python -m services city init` makes one)"
        ) from error
    except ValueError as error:
        raise LocalStartError(f"{path} is not JSON: {error}") from error
    if "time_zone" not in header:
        raise LocalStartError(f"{path} has no time_zone, expected a name such as Europe/Lisbon")
    return header


def _as_typed(sentence: str) -> str:
    """Call a setting what the person typed after `make`."""
    name, _, rest = sentence.partition(" is ")
    return f"{_MAKE[name]} ({name}) is {rest}" if name in _MAKE else sentence


def _folder(path: str, setting: str) -> Path:
    """Return the absolute path; refuse what the supervisor's configuration or Java's classpath cannot express."""
    folder = (ROOT / path).resolve()
    if found := next((sign for sign in _IMPOSSIBLE if sign in str(folder)), None):
        raise LocalStartError(
            f"the path {folder} has a {found!r} in it; choose another with {setting}, or move the clone"
        )
    return folder


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= HIGHEST_PORT:
        raise LocalStartError(f"{name} is {text!r}, expected a port, 1 to {HIGHEST_PORT}")
    return int(text)


def current() -> Local:
    """Return the local system the environment describes."""
    return Local.from_env(os.environ)
