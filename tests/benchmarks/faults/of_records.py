"""Faults of what stands on topics: no record, another partition than its key's, a changelog made for other partitions."""

import time
from contextlib import closing
from typing import Final

from kafka import KafkaAdminClient
from kafka.admin import NewTopic

from services import bus
from streams import codec, topics
from streams.worker.folding import partition_of
from tests.benchmarks.faults.trial import Trial
from tests.benchmarks.traffic import NOW_MS, TRUCKS, fix

BAD: Final = 5
CHANGELOG_PARTITIONS: Final = 24


def put_poison(bootstrap: str) -> None:
    """Put some records on the fixes' topic that are none."""
    with closing(bus.Producer(bootstrap, client_id="bench")) as producer:
        for number in range(BAD):
            producer.send(topics.TRUCK_STATES.name, f"t{number:03}", b"\xff\x00")
        producer.flush()


def put_astray(bootstrap: str) -> None:
    """Put fixes of further trucks into the partition after their own, as a client with another partitioner does."""
    with closing(bus.Producer(bootstrap, client_id="bench")) as producer:
        for number in range(TRUCKS, TRUCKS + BAD):
            one = fix(number, 1, NOW_MS)
            astray = (partition_of(one.truck_id) + 1) % topics.TRUCK_STATES.partitions
            producer.send(topics.TRUCK_STATES.name, one.truck_id, codec.encode(one), partition=astray)
        producer.flush()


def set_aside(trial: Trial) -> int:
    """Let it read; return how many of the bad records are no dead letter."""
    trial.start()
    trial.until_read()
    with closing(bus.Follower(trial.ways.bootstrap, [topics.DEAD_LETTERS], client_id="bench")) as letters:
        return BAD - sum(1 for _ in letters.read_to_end())


def other_changelog(trial: Trial) -> int:
    """Make the changelog with more partitions than the fixes have; nobody is told if the program does not end."""
    with closing(KafkaAdminClient(bootstrap_servers=trial.ways.bootstrap)) as admin:
        admin.create_topics([NewTopic(trial.changelog.name, CHANGELOG_PARTITIONS, 1)])
    trial.start()
    give_up_s = time.monotonic() + 20
    trial.until(
        lambda: trial.restarts > 0 or trial.committed() >= trial.fixes or time.monotonic() > give_up_s, "an end"
    )
    return 0 if trial.restarts and trial.committed() == 0 else 1
