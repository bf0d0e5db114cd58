"""Integration tests run on a real broker and a real database, one of each a file."""

from collections.abc import Iterator

import pytest
from gateway_trial import own_database
from sqlalchemy import Engine

from services import store
from tests.embedded import database_url, kafka, postgres, topics

__all__ = ["database_url", "kafka", "postgres", "topics"]


@pytest.fixture
def database(postgres: str) -> Iterator[str]:  # a fixture is asked for by its name
    """Give the address of a database with all tables that no other test has."""
    with own_database(postgres) as url:
        yield url


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """Connect to the test's database."""
    made = store.connect(database)
    yield made
    made.dispose()
