"""The first records partitions ever have: nothing is committed there yet that a worker could go back to."""

import signal
import time
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from gateway_trial import wait_for

from services import bus
from streams import events, state
from streams.topics import BIN_READINGS, DRIVER_ACTIONS, JOINED_PARTITIONS, WEIGHINGS
from streams.worker.folding import partition_of
from tests import worker_process
from tests.benchmarks.group_watch import GroupWatch
from tests.unit.streams import town

pytestmark = pytest.mark.integration

APP = "firsts"
TOPICS = (WEIGHINGS, DRIVER_ACTIONS, BIN_READINGS)
NAMES = [next(name for name in map("v{}".format, count()) if partition_of(name) == n) for n in range(JOINED_PARTITIONS)]
"""One of each partition."""


def test_the_first_records_of_partitions_are_judged_though_they_come_in_a_rebalance(
    topics: str, tmp_path: Path
) -> None:
    """While a second worker joins they come one by one: each is in a state afterwards, and what was fetched early too."""
    first, second = tmp_path / "first.log", tmp_path / "second.log"
    with worker_process.running(topics, APP, first) as one:
        wait_for(lambda: "partitions assigned" in first.read_text(), "the first to have all", 40)
        sent = {at for at, end in bus.ends(topics, TOPICS, client_id="test").items() if end == 0}
        with worker_process.running(topics, APP, second) as two:
            wait_for(lambda: "ConsumerThread]: Starting" in second.read_text(), "the second to be about to join", 40)
            _send_first_records(topics, sent)
            wait_for(lambda: "partitions assigned" in second.read_text(), "the second to have its half", 40)
            for topic in TOPICS:
                with closing(GroupWatch(topics, APP, topic)) as group:
                    numbers = {number for name, number in sent if name == topic.name}
                    wait_for(lambda g=group, n=numbers: g.committed().keys() >= n, f"{topic.name} to be committed", 40)
            for worker in (one, two):
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(20) == 0
    assert len(sent) >= JOINED_PARTITIONS
    assert sent - _folded(topics) == set()


def _send_first_records(bootstrap: str, partitions: set[bus.Partition]) -> None:
    """Send one record to each, one after the other for as long as a rebalance takes."""
    with closing(bus.Producer(bootstrap, client_id="test")) as producer:
        for topic, number in sorted(partitions, key=lambda at: at[1]):
            producer.send_event(_record(topic, NAMES[number]))
            producer.flush()
            time.sleep(0.03)  # not a wait: the records come throughout the rebalance, not all before it


def _record(topic: str, name: str) -> events.Event:
    at_ms = town.START_MS
    if topic == BIN_READINGS.name:
        return events.BinReading(bin_id=name, event_time_ms=at_ms, fill=0.5)
    if topic == DRIVER_ACTIONS.name:
        return events.DriverAction(action_id=f"f{name}", truck_id=name, kind="sos", event_time_ms=at_ms)
    return events.Weighing(weighing_id=f"f{name}", truck_id=name, facility_id="f", event_time_ms=at_ms, net_kg=1_000.0)


def _folded(bootstrap: str) -> set[bus.Partition]:
    """Return the topics and partitions of which some state has folded in the first record."""
    found: set[bus.Partition] = set()
    with closing(bus.Follower(bootstrap, [worker_process.changelog(APP)], client_id="test")) as follower:
        for name, value, record in worker_process.states(follower.read_to_end()):
            if name.partition(":")[2] in NAMES:
                found |= {(topic, record.partition) for topic in state.stamp(value).offsets}
    return found
