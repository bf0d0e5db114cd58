"""A broker or database that the environment names must answer before anything is begun."""

import pytest

from deploy.local import given, ports
from deploy.local.settings import Local


def test_a_broker_that_does_not_answer_is_one_sentence():
    """Where it was looked for, and what to do."""
    address = f"127.0.0.1:{ports.free()}"

    trouble = given.kafka_trouble(Local.from_env({"KAFKA_BOOTSTRAP": address}))

    assert trouble == f"no Kafka answers at {address}: start it, or correct KAFKA_BOOTSTRAP"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgresql://who:geheim@127.0.0.1:{port}/city", "Connection refused): start it, or correct DATABASE_URL"),
        ("mysql://who:geheim@127.0.0.1:{port}/city", "DATABASE_URL is no address of PostgreSQL; expected one such as"),
        ("who:geheim@127.0.0.1", "DATABASE_URL is no address of PostgreSQL; expected one such as"),
    ],
)
def test_a_database_that_cannot_be_used_is_one_sentence_without_its_password(url, says):
    """Away, or none of PostgreSQL at all."""
    trouble = given.database_trouble(Local.from_env({"DATABASE_URL": url.format(port=ports.free())}))

    assert says in trouble
    assert "geheim" not in trouble
    assert "\n" not in trouble
