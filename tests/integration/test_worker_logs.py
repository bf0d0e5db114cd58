"""A worker whose logs are not what it left: topics emptied or made anew, a changelog to which another wrote. It ends and says so."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from gateway_trial import wait_for
from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, NewTopic

from services import bus
from streams import codec, events, state
from streams.topics import ALERTS, DRIVER_ACTIONS, JOINED_PARTITIONS, TICKS, TRUCK_STATES, WEIGHINGS, Topic
from streams.worker import restoring, topics_check
from streams.worker.folding import partition_of
from tests import worker_process
from tests.benchmarks.group_watch import GroupWatch
from tests.unit.streams import town

pytestmark = pytest.mark.integration

TRUCK = "w00"
NUMBER = partition_of(TRUCK)
CHANGELOG = worker_process.changelog("displaced")


def weighing(number: int) -> events.Weighing:
    """One of a truck's."""
    return events.Weighing(
        weighing_id=f"g{number}", truck_id=TRUCK, facility_id="f", event_time_ms=town.START_MS + number, net_kg=1_000.0
    )


def send(bootstrap: str, *records: events.Event) -> None:
    """Send and wait for the broker."""
    with closing(bus.Producer(bootstrap, client_id="test")) as producer:
        for record in records:
            producer.send_event(record)
        producer.flush()


def committed(bootstrap: str, app_id: str, topic: Topic) -> int:
    """How far a worker has committed the truck's partition of a topic; 0 = not at all."""
    with closing(GroupWatch(bootstrap, app_id, topic)) as group:
        return group.committed().get(NUMBER, 0)


def empty(bootstrap: str, topic: Topic) -> int:
    """Delete every record of the truck's partition, as retention does; return its end."""
    end = bus.ends(bootstrap, [topic], client_id="test")[topic.name, NUMBER]
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.delete_records({TopicPartition(topic.name, NUMBER): end})
    return end


def let_go(bootstrap: str, topic: Topic) -> None:
    """Empty a compacted topic: Kafka does so once its policy was set to delete as well."""
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.alter_configs([ConfigResource("TOPIC", topic.name, configs={"cleanup.policy": "compact,delete"})])
    empty(bootstrap, topic)


def delete(bootstrap: str, topic: Topic) -> None:
    """Delete a topic."""
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.delete_topics([topic.name])
    wait_for(lambda: not bus.topic_ids(bootstrap, [topic]), "the topic to go")


def make_anew(bootstrap: str, topic: Topic) -> None:
    """Delete a topic and make it again."""
    delete(bootstrap, topic)
    bus.provision(bootstrap)


def judge_all(bootstrap: str, app_id: str, log: Path, topic: Topic, *records: events.Event) -> None:
    """Let a worker judge records and end in order, all of it committed."""
    send(bootstrap, *records)
    end = bus.ends(bootstrap, [topic], client_id="test")[topic.name, NUMBER]
    with worker_process.running(bootstrap, app_id, log) as worker:
        wait_for(lambda: committed(bootstrap, app_id, topic) == end, "all to be committed", 40)
        worker.terminate()
        assert worker.wait(20) == 0


def ends_by_itself(bootstrap: str, app_id: str, log: Path, says: str) -> None:
    """A worker ends with the code of the unexpected, again at each start, and says what is wrong."""
    for _ in range(2):
        before = log.read_text().count(says)
        with worker_process.running(bootstrap, app_id, log) as worker:
            assert worker.wait(40) == 70
        assert log.read_text().count(says) > before


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """What workers say."""
    return tmp_path / "worker.log"


def test_a_topic_made_anew_stops_the_worker(topics: str, log: Path) -> None:
    """Its first records stand where judged ones stood: they would pass for repeats and lead to nothing."""
    judge_all(topics, "anew", log, WEIGHINGS, *map(weighing, range(20)))
    make_anew(topics, WEIGHINGS)
    send(topics, *map(weighing, range(20, 25)))
    ends_by_itself(topics, "anew", log, f"weighings {NUMBER} ends at offset 5, but its records up to 20 were judged")
    assert committed(topics, "anew", WEIGHINGS) == 0
    assert "set QINGYUN_WORKER_APP_ID" in log.read_text()


def test_records_deleted_unread_stop_the_worker_until_people_go_on_without(topics: str, log: Path) -> None:
    """Emptied up to the end while it was behind: it says how many it never judged; told to, it goes on after them."""
    judge_all(topics, "emptied", log, TRUCK_STATES, *_fixes(0, 10))
    send(topics, *_fixes(10, 40))
    end = empty(topics, TRUCK_STATES)
    begun = committed(topics, "emptied", TRUCK_STATES)
    says = f"truck-states {NUMBER} begins at offset {end}, but {begun} was to be read next: 30 records were deleted"
    ends_by_itself(topics, "emptied", log, says)
    assert committed(topics, "emptied", TRUCK_STATES) == begun
    send(topics, *_fixes(40, 50))
    with worker_process.running(topics, "emptied", log, go_on_without="truck-states"):
        wait_for(lambda: committed(topics, "emptied", TRUCK_STATES) == end + 10, "what is there to be judged", 40)


@pytest.mark.long
def test_records_that_were_judged_may_go(topics: str, log: Path) -> None:
    """Emptied when nothing was left to read, and ticks at any time: the worker goes on, for nothing is lost."""
    judge_all(topics, "judged", log, TRUCK_STATES, *_fixes(50, 60))
    end = empty(topics, TRUCK_STATES)
    with worker_process.running(topics, "judged", log):
        send(topics, *_fixes(60, 70))
        wait_for(lambda: committed(topics, "judged", TRUCK_STATES) == end + 10, "the next to be judged", 40)
    with closing(bus.Producer(topics, client_id="test")) as producer:
        tick = events.Tick(at_ms=town.START_MS)
        _send_ticks(producer, tick, 5)
        with worker_process.running(topics, "judged", log):
            wait_for(lambda: committed(topics, "judged", TICKS) == 5, "ticks to be judged", 40)
        _send_ticks(producer, tick, 5)
        assert empty(topics, TICKS) == 10
        _send_ticks(producer, tick, 1)
    with worker_process.running(topics, "judged", log):
        wait_for(lambda: committed(topics, "judged", TICKS) == 11, "the tick that is left", 40)


@pytest.mark.parametrize(
    ("lose", "says"),
    [(delete, "ends at offset 0, but reached"), (let_go, "records were deleted, by hand or by retention")],
    ids=["deleted", "emptied"],
)
def test_states_that_are_gone_stop_the_worker_until_people_go_on_without(
    topics: str, log: Path, lose: Callable[[str, Topic], object], says: str
) -> None:
    """Its inputs are committed, so nobody would read again what the states knew. Told to go on, it does, and asks no more."""
    app_id = f"states-{lose.__name__}".replace("_", "-")
    changelog = worker_process.changelog(app_id)
    judge_all(topics, app_id, log, WEIGHINGS, *map(weighing, range(200, 210)))
    begun = committed(topics, app_id, WEIGHINGS)
    lose(topics, changelog)
    send(topics, *map(weighing, range(210, 215)))
    ends_by_itself(topics, app_id, log, f"{changelog.name} {NUMBER} ")
    assert says in log.read_text()
    assert committed(topics, app_id, WEIGHINGS) == begun
    with worker_process.running(topics, app_id, log, go_on_without=changelog.name) as worker:
        wait_for(lambda: committed(topics, app_id, WEIGHINGS) == begun + 5, "what is there to be judged", 40)
        worker.terminate()
        assert worker.wait(20) == 0
    judge_all(topics, app_id, log, WEIGHINGS, *map(weighing, range(215, 220)))


def test_a_worker_that_meets_anothers_state_ends_before_it_speaks(topics: str, log: Path) -> None:
    """A process left for dead writes to the changelog: nothing is said on top of it, and it counts for nobody."""
    send(topics, *_fixes(70, 80))
    end = bus.ends(topics, [TRUCK_STATES], client_id="test")[TRUCK_STATES.name, NUMBER]
    call = events.DriverAction(action_id="met", truck_id=TRUCK, kind="sos", event_time_ms=town.START_MS + 900_000)
    before = _calls(topics)
    with worker_process.running(topics, "displaced", log) as worker:
        wait_for(lambda: committed(topics, "displaced", TRUCK_STATES) == end, "all to be committed", 40)
        with closing(bus.Producer(topics, client_id="test")) as dead:
            late = state.encode(state.new_truck(TRUCK))
            key = restoring.record_key(f"truck:{TRUCK}".encode(), 0, b"dead").decode()
            sent = dead.send(CHANGELOG.name, key, late, partition=NUMBER)
            assert sent.result(20) == (CHANGELOG.name, NUMBER)
        send(topics, call)
        called = bus.ends(topics, [DRIVER_ACTIONS], client_id="test")[DRIVER_ACTIONS.name, NUMBER]
        assert worker.wait(40) == 70
    assert f"another process wrote to {CHANGELOG.name} {NUMBER}" in log.read_text()
    assert _calls(topics) == before
    with worker_process.running(topics, "displaced", log) as worker:
        wait_for(lambda: committed(topics, "displaced", DRIVER_ACTIONS) == called, "the call to be judged", 40)
        worker.terminate()
        assert worker.wait(20) == 0
    assert _calls(topics) == before + 1
    with closing(bus.Follower(topics, [CHANGELOG], client_id="test")) as follower:
        records = [record for record in follower.read_to_end() if record.partition == NUMBER]
    states = [record for record in records if record.value is not None]
    displaced = {one.key for one in states if not restoring.is_in_place(one.offset, one.key or b"")}
    assert displaced == {one.key for one in states[-3:-1]}
    assert displaced <= {one.key for one in records if one.value is None}  # the next worker says that they may go
    folded = state.stamp(states[-1].value or b"").offsets
    assert (folded[TRUCK_STATES.name], folded[DRIVER_ACTIONS.name]) == (end, called)


def test_a_changelog_of_before_gets_todays_settings(topics: str, log: Path) -> None:
    """A worker sets it when it starts; what somebody else has set stays."""
    changelog = worker_process.changelog("before")
    resource = ConfigResource(
        "TOPIC", changelog.name, configs={"delete.retention.ms": "86400000", "max.message.bytes": "2000000"}
    )
    with closing(KafkaAdminClient(bootstrap_servers=topics)) as admin:
        admin.create_topics([NewTopic(changelog.name, JOINED_PARTITIONS, 1, topic_configs=resource.configs)])
        with worker_process.running(topics, "before", log):
            wait_for(lambda: "partitions assigned" in log.read_text(), "the worker to begin", 40)
        told = admin.describe_configs([ConfigResource("TOPIC", changelog.name)])["topic"][changelog.name]
    now = {name: told[name]["value"] for name in (*topics_check.CHANGELOG, "max.message.bytes")}
    assert now == topics_check.CHANGELOG | {"max.message.bytes": "2000000"}


@pytest.mark.long
def test_compaction_leaves_the_state_that_counts(topics: str, log: Path) -> None:
    """A process left for dead writes last, then no worker runs for as long as Kafka likes: the state of before is still there."""
    changelog = worker_process.changelog("compacted")
    for first in range(80, 110, 10):
        judge_all(topics, "compacted", log, TRUCK_STATES, *_fixes(first, first + 10))
    before = _states(topics, changelog)
    assert len(before) > 2  # that the first may go is said with the third
    with closing(bus.Producer(topics, client_id="test")) as dead:
        key = restoring.record_key(f"truck:{TRUCK}".encode(), before[-1].offset, b"dead").decode()
        dead.send(changelog.name, key, state.encode(state.new_truck(TRUCK)), partition=NUMBER).result(20)
        _compact_at_once(topics, changelog)
        # each record that follows closes a segment, and closed ones are compacted
        wait_for(
            lambda: _roll(dead, changelog) and _states(topics, changelog)[0].offset > before[0].offset,
            "compaction",
            240,
        )
    assert _begin(topics, changelog) == 0  # else it would count as cut
    left = [one for one in _states(topics, changelog) if restoring.is_in_place(one.offset, one.key or b"")]
    assert [one.offset for one in left if (one.key or b"").startswith(f"truck:{TRUCK}".encode())][-1] == before[
        -1
    ].offset
    send(topics, *_fixes(110, 120))
    end = bus.ends(topics, [TRUCK_STATES], client_id="test")[TRUCK_STATES.name, NUMBER]
    with worker_process.running(topics, "compacted", log) as worker:
        wait_for(lambda: committed(topics, "compacted", TRUCK_STATES) == end, "the rest to be judged", 40)
        worker.terminate()
        assert worker.wait(20) == 0
    last = state.decode("truck", _states(topics, changelog)[-1].value or b"").state
    earlier = state.decode("truck", before[-1].value or b"").state
    assert last.order.arrivals == earlier.order.arrivals + 10


def _states(bootstrap: str, changelog: Topic) -> list[bus.Record]:
    """Return the truck's states in its partition of the changelog, as far as they are still there."""
    with closing(bus.Follower(bootstrap, [changelog], client_id="test")) as follower:
        records = [record for record in follower.read_to_end() if record.partition == NUMBER]
    return [one for one in records if one.value is not None and (one.key or b"").startswith(f"truck:{TRUCK}".encode())]


def _begin(bootstrap: str, topic: Topic) -> int:
    """Return the first offset there is of the truck's partition."""
    at = TopicPartition(topic.name, NUMBER)
    with closing(KafkaConsumer(bootstrap_servers=bootstrap)) as consumer:
        return int(consumer.beginning_offsets([at])[at])


def _compact_at_once(bootstrap: str, changelog: Topic) -> None:
    """Have the broker compact whatever it may, as soon as it can."""
    soon = {
        "cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.0", "max.compaction.lag.ms": "100",
        "delete.retention.ms": "0",
    }  # fmt: skip
    with closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as admin:
        admin.alter_configs([ConfigResource("TOPIC", changelog.name, configs=soon)])


def _roll(producer: bus.Producer, changelog: Topic) -> bool:
    """Write what counts for nobody, so that what stands before is closed."""
    key = restoring.record_key(b"truck:nobody", 0, b"dead").decode()
    producer.send(changelog.name, key, state.encode(state.new_truck("nobody")), partition=NUMBER).result(20)
    return True


def _calls(bootstrap: str) -> int:
    """Return how many alerts there are for the truck's calls for help."""
    with closing(bus.Follower(bootstrap, [ALERTS], client_id="test")) as follower:
        alerts = [codec.decode(ALERTS, record.value) for record in follower.read_to_end()]
    return sum(alert.truck_id == TRUCK and alert.rule == "sos" for alert in alerts)


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "says"),
    [(empty, "records were deleted, by hand or by retention"), (make_anew, "its records up to")],
    ids=["emptied", "made anew"],
)
def test_a_log_that_goes_under_a_running_worker_stops_it(
    topics: str, log: Path, change: Callable[[str, Topic], object], says: str
) -> None:
    """Paused while it happens, so that it is behind; awake, it does not go on elsewhere, and its successor says why."""
    app_id = f"under-{change.__name__}".replace("_", "-")
    start = bus.ends(topics, [WEIGHINGS], client_id="test")[WEIGHINGS.name, NUMBER]
    send(topics, *map(weighing, range(start, start + 20)))
    with worker_process.running(topics, app_id, log, stall_s="10") as worker:
        wait_for(lambda: committed(topics, app_id, WEIGHINGS) == start + 20, "all to be committed", 40)
        worker.suspend()
        send(topics, *map(weighing, range(start + 20, start + 40)))
        change(topics, WEIGHINGS)
        send(topics, *map(weighing, range(100, 103)))
        worker.resume()
        assert worker.wait(60) == 70
    ends_by_itself(topics, app_id, log, says)


def test_keys_in_other_partitions_stop_the_worker_before_it_begins(topics: str, log: Path) -> None:
    """Whoever wrote them partitions otherwise than we count on. Told to go on, it sets them aside; judged once, they stop nobody."""
    elsewhere = [number for number in range(JOINED_PARTITIONS) if number != NUMBER][:3]
    with closing(bus.Producer(topics, client_id="test")) as stranger:
        for count in range(60):
            value = codec.encode(weighing(1_000 + count))
            stranger.send(WEIGHINGS.name, TRUCK, value, codec.headers(WEIGHINGS), partition=elsewhere[count % 3])
        stranger.flush()
    with worker_process.running(topics, "elsewhere", log) as worker:
        assert worker.wait(40) == 1
    assert f"records of {WEIGHINGS.name} are not in the partition of their key" in log.read_text()
    ends = bus.ends(topics, [WEIGHINGS], client_id="test")
    with worker_process.running(topics, "elsewhere", log, go_on_without=WEIGHINGS.name) as worker:
        with closing(GroupWatch(topics, "elsewhere", WEIGHINGS)) as group:
            wait_for(
                lambda: group.committed().get(elsewhere[0], 0) == ends[WEIGHINGS.name, elsewhere[0]], "letters", 40
            )
            wait_for(
                lambda: group.committed().get(elsewhere[2], 0) == ends[WEIGHINGS.name, elsewhere[2]], "letters", 40
            )
        worker.terminate()
        assert worker.wait(20) == 0
    judge_all(topics, "elsewhere", log, WEIGHINGS, weighing(2_000))


def _fixes(first: int, after: int) -> list[events.TruckState]:
    return [
        events.TruckState(
            truck_id=TRUCK, terminal_id="x", event_time_ms=town.START_MS + number * 1_000, seq=number, source="jt808",
            received_time_ms=town.START_MS + number * 1_000,
        )
        for number in range(first, after)
    ]  # fmt: skip


def _send_ticks(producer: bus.Producer, tick: events.Tick, count: int) -> None:
    for _ in range(count):
        producer.send(TICKS.name, str(NUMBER), codec.encode(tick), codec.headers(TICKS), partition=NUMBER)
    producer.flush()
