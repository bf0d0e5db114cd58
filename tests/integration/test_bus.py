"""The door to Kafka on a real broker: what one record meets does not befall the others."""

import random
from contextlib import closing

import pytest
from gateway_trial import wait_for
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from services import bus
from streams.topics import DEAD_LETTERS, WEIGHINGS

pytestmark = pytest.mark.integration

LARGE = random.Random(7).randbytes(5_000)
"""Packing makes it no smaller."""


def test_a_record_that_the_broker_refuses_ends_nothing_but_itself(topics: str) -> None:
    """Too large for its topic, it fails; what the same producer sends afterwards, there and elsewhere, is taken."""
    with closing(KafkaAdminClient(bootstrap_servers=topics)) as admin:
        admin.alter_configs([ConfigResource("TOPIC", DEAD_LETTERS.name, configs={"max.message.bytes": "1000"})])
    with closing(bus.Producer(topics, client_id="test")) as producer:

        def is_refused() -> bool:
            return isinstance(producer.send(DEAD_LETTERS.name, "k", LARGE).exception(30), bus.RecordRefused)

        wait_for(is_refused, "the smaller limit to hold")
        for topic in (DEAD_LETTERS, WEIGHINGS, DEAD_LETTERS):
            assert producer.send(topic.name, "k", b"small").result(30)[0] == topic.name
