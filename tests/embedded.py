"""The embedded broker and database as fixtures, one of each a file: what another test wrote would be in the way."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local import embedded
from services import bus
from services.store import connect
from services.store.migrate import migrate


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give ``host:port`` of a real, empty broker; topics are made by `topics` or by the test itself."""
    with embedded.running_kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker.bootstrap


@pytest.fixture(scope="module")
def topics(kafka: str) -> str:
    """Give ``host:port`` of the broker with every topic of the catalogue."""
    bus.provision(kafka)
    return kafka


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a real, empty database."""
    with embedded.running_postgres(_short(tmp_path_factory)) as server:
        yield server.url


@pytest.fixture(scope="module")
def database_url(postgres: str) -> str:
    """Give the address of the database with all tables."""
    engine = connect(postgres)
    migrate(engine)
    engine.dispose()
    return postgres


def _short(factory: pytest.TempPathFactory) -> Path:
    return factory.mktemp("pg")
