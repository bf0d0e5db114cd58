"""The Faust worker on a real broker: killed, poisoned, restarted; nothing lost, nothing doubled."""

import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
import psutil
import pytest

from services import bus
from streams import codec, events, state
from streams import topics as catalogue
from streams.topics import Topic
from streams.worker.folding import partition_of
from tests import worker_process
from tests.unit.streams import town

pytestmark = pytest.mark.integration

TRUCKS = tuple(f"w{n:02}" for n in range(24))
HANDED = tuple(f"h{n:02}" for n in range(24))
HASTY = tuple(f"y{n:02}" for n in range(24))
"""Trucks whose reports no other test has put on the topic: a worker of a new name reads it from its beginning."""


@contextmanager
def running(bootstrap: str, app_id: str, log: Path, instance: str = "") -> Iterator[psutil.Popen]:
    """Run a worker with many small slices, so that there are many places to be killed at."""
    with worker_process.running(
        bootstrap, app_id, log, instance=instance, slice_records="20", session_s="6"
    ) as process:
        yield process


def wait_for(condition: Callable[[], bool], what: str, timeout_s: float = 40.0) -> None:
    """Wait until the condition holds."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            pytest.fail(f"waited {timeout_s:g} s for {what}")
        time.sleep(0.05)


class Reader:
    """Everything that is on some topics, read on demand."""

    def __init__(self, bootstrap: str, *of: Topic) -> None:
        self._follower = bus.Follower(bootstrap, of, client_id="test", otherwise="latest")
        self.records: list[bus.Record] = []

    def close(self) -> None:
        """Disconnect."""
        self._follower.close()

    def read(self) -> list[bus.Record]:
        """Return all records so far."""
        while fresh := self._follower.poll(0.2):
            self.records += fresh
        return self.records

    def alerts(self, trucks: tuple[str, ...] = TRUCKS) -> list[events.Alert]:
        """All revisions of alerts of this test's trucks, each once: a replay after a crash may repeat one."""
        revisions = {}
        for record in self.read():
            alert: events.Alert = codec.decode(catalogue.ALERTS, record.value)
            if alert.truck_id in trucks:
                revisions.setdefault((alert.alert_id, alert.revision), alert)
        return list(revisions.values())


def day(trucks: tuple[str, ...] = TRUCKS) -> list[events.TruckState]:
    """Two thousand fixes: every truck loads, every third dumps, the others drive uncovered or off the street."""
    fixes = [fix for drive in town.drives(trucks) for fix in drive.fixes]
    return sorted(fixes, key=lambda fix: fix.event_time_ms)


def expected(fixes: list[events.TruckState]) -> dict[str, state.Truck]:
    """The pure fold of the input, and what each truck's ledger says last."""
    from streams import truck  # noqa: PLC0415

    trucks = tuple(sorted({fix.truck_id for fix in fixes}))
    known = town.reference(truck_ids=trucks)
    states = {truck_id: state.Truck(truck_id=truck_id) for truck_id in trucks}
    for fix in fixes:
        truck.step(states[fix.truck_id], fix, known)
    return states


def told(states: dict[str, state.Truck]) -> Counter[tuple[str, int, str]]:
    """Last revision of each rule's alert of each truck: id, revision, state."""
    return Counter(
        (alert.alert_id, alert.revision, alert.state) for one in states.values() for alert in one.ledger.last.values()
    )


def last_revisions(alerts: list[events.Alert]) -> Counter[tuple[str, int, str]]:
    """Last revision of each alert."""
    last: dict[str, events.Alert] = {}
    for alert in alerts:
        if alert.alert_id not in last or alert.revision > last[alert.alert_id].revision:
            last[alert.alert_id] = alert
    return Counter((alert.alert_id, alert.revision, alert.state) for alert in last.values())


def stored(bootstrap: str, app_id: str) -> dict[str, state.Truck]:
    """State of each truck by the changelog: the last of its records that counts."""
    changelog = worker_process.changelog(app_id)
    found: dict[str, state.Truck] = {}
    with closing(bus.Follower(bootstrap, [changelog], client_id="test")) as follower:
        for name, value, _ in worker_process.states(follower.read_to_end()):
            if name.startswith("truck:"):
                found[name.removeprefix("truck:")] = state.decode("truck", value).state
    return found


def plain(states: dict[str, state.Truck]) -> dict[str, object]:
    """States as they compare."""
    return {name: msgspec.to_builtins(one) for name, one in states.items()}


def stored_if_any(bootstrap: str, app_id: str) -> dict[str, state.Truck]:
    """State of each truck; none before there is a changelog."""
    with suppress(bus.BusError):
        return stored(bootstrap, app_id)
    return {}


def changelog_records(bootstrap: str, app_id: str) -> int:
    """Number of states written so far."""
    changelog = worker_process.changelog(app_id)
    with closing(bus.Follower(bootstrap, [changelog], client_id="test")) as follower:
        return sum(1 for _ in follower.read_to_end())


def has_more(bootstrap: str, app_id: str, than: int) -> bool:
    """Tell whether the worker has written states since; no changelog yet = no."""
    with suppress(bus.BusError):
        return changelog_records(bootstrap, app_id) > than
    return False


def send(producer: bus.Producer, fixes: list[events.TruckState]) -> None:
    """Send and wait for the broker."""
    for fix in fixes:
        producer.send_event(fix)
    producer.flush()


@pytest.fixture
def producer(topics: str) -> Iterator[bus.Producer]:
    """A producer of this test."""
    with closing(bus.Producer(topics, client_id="test")) as sender:
        yield sender


@pytest.fixture
def alerts(topics: str) -> Iterator[Reader]:
    """Alerts from now on."""
    with closing(Reader(topics, catalogue.ALERTS)) as reader:
        yield reader


@pytest.fixture
def letters(topics: str) -> Iterator[Reader]:
    """Dead letters from now on."""
    with closing(Reader(topics, catalogue.DEAD_LETTERS)) as reader:
        yield reader


@pytest.fixture(scope="module")
def town_on_kafka(topics: str) -> str:
    """A broker that knows the test's town."""
    with closing(bus.Producer(topics, client_id="test")) as sender:
        for record in town.records((*TRUCKS, *HANDED, *HASTY)):
            sender.send_event(record)
        sender.flush()
    return topics


def test_a_worker_killed_in_the_middle_loses_and_doubles_nothing(
    town_on_kafka: str, producer: bus.Producer, alerts: Reader, tmp_path: Path
) -> None:
    """Killed with -9 three times mid-stream: alerts and states are those of the pure fold of the input."""
    fixes, log = day(), tmp_path / "worker.log"
    want = told(expected(fixes))
    quarter = len(fixes) // 4
    for n in range(3):
        with running(town_on_kafka, "killed", log, instance="slot-1") as worker:
            before = changelog_records(town_on_kafka, "killed") if n else 0
            send(producer, fixes[n * quarter : (n + 1) * quarter])
            wait_for(partial(has_more, town_on_kafka, "killed", before), "the first states of this life")
            worker.send_signal(signal.SIGKILL)
    with running(town_on_kafka, "killed", log, instance="slot-1") as worker:
        send(producer, fixes[3 * quarter :])
        wait_for(lambda: last_revisions(alerts.alerts()) == want, f"the {len(want)} alerts of the pure fold")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0, log.read_text()[-2_000:]
    assert len(want) >= len(TRUCKS) - 1
    assert plain(stored(town_on_kafka, "killed")) == plain(expected(fixes))


def test_partitions_that_come_right_after_a_start_come_with_their_states(
    town_on_kafka: str, producer: bus.Producer, alerts: Reader, tmp_path: Path
) -> None:
    """A worker that has only just restored its half is handed the other: it restores that too, before it judges."""
    fixes, first, second = day(HANDED), tmp_path / "first.log", tmp_path / "second.log"
    want, half = told(expected(fixes)), len(fixes) // 2
    with running(town_on_kafka, "handed", first) as leaving:
        send(producer, fixes[:half])
        wait_for(lambda: stored_if_any(town_on_kafka, "handed").keys() >= set(HANDED), "a state of each truck")
        with running(town_on_kafka, "handed", second) as staying:
            wait_for(lambda: "partitions assigned" in second.read_text(), "the second to have its half")
            leaving.send_signal(signal.SIGTERM)
            assert leaving.wait(timeout=20) == 0
            send(producer, fixes[half:])
            wait_for(lambda: last_revisions(alerts.alerts(HANDED)) == want, f"the {len(want)} alerts of the pure fold")
            staying.send_signal(signal.SIGTERM)
            assert staying.wait(timeout=20) == 0
    found = stored(town_on_kafka, "handed")
    assert plain({truck_id: found[truck_id] for truck_id in HANDED}) == plain(expected(fixes))


def test_a_worker_stopped_in_its_first_second_leaves_its_successor_no_half_of_an_assignment(
    town_on_kafka: str, producer: bus.Producer, alerts: Reader, tmp_path: Path
) -> None:
    """As a static member it would stay in the group: subscribed to the inputs alone, before its tables were there."""
    fixes, first, second = day(HASTY), tmp_path / "first.log", tmp_path / "second.log"
    alerts.read()  # from here on
    want, half = told(expected(fixes)), len(fixes) // 2
    with running(town_on_kafka, "hasty", first, instance="one") as staying:
        send(producer, fixes[:half])
        wait_for(lambda: stored_if_any(town_on_kafka, "hasty").keys() >= set(HASTY), "a state of each truck")
        with running(town_on_kafka, "hasty", second, instance="two") as hasty:
            wait_for(lambda: "ConsumerThread]: Starting" in second.read_text(), "the second to be about to join")
            time.sleep(0.35)  # not a wait: the moment of the harm, before its tables are there
            hasty.send_signal(signal.SIGTERM)
            assert hasty.wait(timeout=20) == 0
        with running(town_on_kafka, "hasty", second, instance="two") as successor:
            wait_for(lambda: "partitions assigned" in second.read_text(), "its successor to have a half")
            send(producer, fixes[half:])
            wait_for(lambda: last_revisions(alerts.alerts(HASTY)) == want, f"the {len(want)} alerts of the pure fold")
            for worker in (successor, staying):
                worker.send_signal(signal.SIGTERM)
                assert worker.wait(timeout=20) == 0
    found = stored(town_on_kafka, "hasty")
    assert plain({truck_id: found[truck_id] for truck_id in HASTY}) == plain(expected(fixes))


def test_a_poison_record_is_set_aside_and_the_next_is_judged(
    town_on_kafka: str, producer: bus.Producer, alerts: Reader, letters: Reader, tmp_path: Path
) -> None:
    """Bytes that are no record go to dead-letters with their reason, also where nothing follows; the worker goes on."""
    with running(town_on_kafka, "poisoned", tmp_path / "worker.log") as worker:
        name = TRUCKS[0]
        other = next(number for number in range(12) if number != partition_of(name))
        sos = events.DriverAction(action_id="p1", truck_id=name, kind="sos", event_time_ms=town.START_MS + 9_000_000)
        for poison in (b"\xff\x00", b"[1]", b'{"truck_id": "w00"}', b'{"truck_id": "", "event_time_ms": 1}'):
            producer.send("driver-actions", name, poison)
        producer.send("driver-actions", name, codec.encode(sos), [("schema", b"driver-action/9")])
        producer.send("driver-actions", "stray", codec.encode(sos), partition=other)
        producer.send("driver-actions", name, b"x" * 999_000)
        producer.send_event(sos)
        producer.flush()
        wait_for(
            lambda: any(alert.rule == "sos" for alert in alerts.alerts()), "the alert of the record after the poison"
        )
        wait_for(lambda: len(letters.read()) >= 7, "seven dead letters")
        bin_ = codec.encode(events.Asset(id="b9", kind="bin", valid_from_ms=0, lon=0.0, lat=0.0))
        producer.send("assets", "bin:b9@1", bin_, [("schema", b"asset/9"), ("trace", b"7")])
        producer.flush()
        wait_for(lambda: len(letters.read()) >= 8, "the letter of what exists, though no slice follows")
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(timeout=20) == 0
    reasons = [letter.headers["reason"].decode() for letter in letters.read()]
    assert any("kind" in reason or "action_id" in reason for reason in reasons)
    assert any("driver-action/9" in reason for reason in reasons)
    assert any("murmur2" in reason for reason in reasons)
    (of_assets,) = [letter.headers for letter in letters.read() if letter.headers["topic"] == b"assets"]
    assert (b"asset/9" in of_assets["reason"], of_assets["original-trace"]) == (True, b"7")
    assert {letter.headers["topic"] for letter in letters.read()} == {b"driver-actions", b"assets"}
    (long_one,) = [letter for letter in letters.read() if "cut" in letter.headers]
    assert (len(long_one.value or b""), long_one.headers["cut"]) == (900_000, b"value of 999000 bytes")


def test_a_flood_of_poison_stops_the_worker(town_on_kafka: str, producer: bus.Producer, tmp_path: Path) -> None:
    """More than a hundred dead letters in a row are a bad deploy: exit 70, nothing committed past them."""
    for _ in range(150):
        producer.send("weighings", TRUCKS[1], b"{}")
    producer.flush()
    log = tmp_path / "worker.log"
    with running(town_on_kafka, "flooded", log) as worker:
        assert worker.wait(timeout=40) == 70
    assert "TooMany" in log.read_text()
