"""Faults of records: bytes that are none, another partition than their key's, records that are gone before they are read."""

from contextlib import closing
from typing import Final

from kafka import TopicPartition

from services import bus
from streams import codec, topics
from streams.worker.folding import partition_of
from tests.benchmarks.faults.trial import MORE, Trial
from tests.benchmarks.traffic import NOW_MS, TRUCKS, ends, fix

BAD: Final = 5


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


def deleted_unread(trial: Trial) -> int:
    """Delete fixes that came while it was stopped, before it reads them; nobody is told if it goes on behind them."""
    process = trial.start()
    trial.until_committed(1.0)
    trial.stop(process)
    trial.put_more(MORE)
    name = topics.TRUCK_STATES.name
    with trial.admin() as admin:
        admin.delete_records({TopicPartition(name, at): end for at, end in ends(trial.ways.bootstrap).items()})
    trial.put_more(MORE)
    trial.start()
    return 1 if trial.until_read() else 0
