"""The live run, recorded, exported and replayed; dead letters, sent again. One worker, one broker, one database."""

import gzip
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from gateway_trial import FORGIVING, own_database, process, wait_for
from sqlalchemy import Engine, text
from typer.testing import CliRunner

from deploy.local import ports
from services import bus
from services.cli import dead_letters, export
from services.recorder.mappings import RECORDED
from services.recorder.recorder import Recorder
from services.store import days, letters, sink
from streams import codec, events, recorded, replay, topics
from streams.topics import Topic
from streams.units import DAY_MS
from streams.worker.folding import partition_of
from tests import worker_process
from tests.unit.streams import town

pytestmark = [pytest.mark.integration, FORGIVING]

TENANT = "town"
TRUCKS = ("t1", "t2", "t3", "t4")
PATIENCE_S = 120.0
UNKNOWN = {"tyre_kpa": [800, 810]}
"""A member this program does not know: kept all the same."""


class Live:
    """A worker that runs, and what it needs."""

    def __init__(self, bootstrap: str, metrics: httpx.Client, producer: bus.Producer) -> None:
        self.bootstrap = bootstrap
        self.producer = producer
        self._metrics = metrics
        self._sent = 0

    def send(self, topic: Topic, key: str, value: bytes, partition: int | None = None) -> None:
        """Send a record; `caught_up` waits for it."""
        self.producer.send(topic.name, key, value, codec.headers(topic), partition=partition)
        self._sent += 1

    def caught_up(self) -> None:
        """Wait until the worker has judged all that was sent."""
        self.producer.flush(PATIENCE_S)
        give_up_s = time.monotonic() + PATIENCE_S
        while self._judged() < self._sent:
            assert time.monotonic() < give_up_s, "the worker has not judged all that was sent"
            time.sleep(0.005)

    def _judged(self) -> int:
        try:
            lines = self._metrics.get("/metrics").text.splitlines()
        except httpx.TransportError:
            return -1
        return int(sum(float(line.split()[-1]) for line in lines if line.startswith("qingyun_worker_events_total{")))

    def said(self, topic: Topic) -> list[dict[str, Any]]:
        """Return all values on a topic."""
        with closing(bus.Follower(self.bootstrap, [topic], client_id="test")) as follower:
            return [json.loads(record.value or b"null") for record in follower.read_to_end()]

    def letters(self) -> list[bus.Record]:
        """Return all that was set aside on Kafka."""
        with closing(bus.Follower(self.bootstrap, [topics.DEAD_LETTERS], client_id="test")) as follower:
            return list(follower.read_to_end())


@pytest.fixture(scope="module")
def database(topics: str, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database that a recorder writes to."""
    with own_database(postgres) as url:
        surroundings = {"KAFKA_BOOTSTRAP": topics, "DATABASE_URL": url}
        with process("recorder", tmp_path_factory.mktemp("recorder") / "log", **surroundings):
            yield url


@pytest.fixture(scope="module")
def live(topics: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A worker that knows the town."""
    port = ports.free()
    log = tmp_path_factory.mktemp("worker") / "log"
    with closing(bus.Producer(topics, client_id="test", delivery_timeout_s=PATIENCE_S)) as producer:
        for record in town_records():
            producer.send_event(record)
        producer.flush(PATIENCE_S)
        worker = worker_process.start(topics, "lived", log, metrics_port=str(port))
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as metrics:
                yield Live(topics, metrics, producer)
        finally:
            worker.terminate()
            assert worker.wait(timeout=60) == 0, log.read_text()[-2_000:]


def recorded_until_now(live: Live, engine: Engine) -> None:
    """Wait until the recorder has taken everything that is on the topics."""
    with closing(bus.Follower(live.bootstrap, RECORDED, client_id="test", otherwise="latest")) as follower:
        ends = dict(follower.next_offsets)

    def taken() -> bool:
        stands = sink.offsets(engine, list(ends))  # what the worker says late may already be in there too
        return stands.keys() == ends.keys() and all(stands[one] >= end for one, end in ends.items())

    wait_for(taken, "the recorder to have taken everything", PATIENCE_S)


def town_records() -> list[events.Event]:
    """The town of the core's tests as a tenant of its own, with bins."""
    bins = [
        events.Asset(id=f"b{n}", kind="bin", material="residual", volume_l=1_000, valid_from_ms=0, lon=-8.6, lat=41.2)
        for n in range(3)
    ]
    place = {"tenant_id": TENANT, "time_zone": "Europe/Lisbon"}
    return [
        msgspec.structs.replace(record, **{name: value for name, value in place.items() if hasattr(record, name)})
        for record in [*town.records(TRUCKS), *bins]
    ]


def a_quarter_of_an_hour() -> list[events.Event]:
    """A dump, an open cover, a way off the street, an SOS, bins that fill; reports that come twice, late and too late."""
    chance = random.Random(5)
    drives = [town.loaded(truck_id, seed=n) for n, truck_id in enumerate(TRUCKS)]
    drives[0].go(1_000).go(1_000, 200).wait(60, falling_kg=14_000, bed="raised").wait(90, bed="level").go(2_000)
    drives[1].go(2_000, cover="open").go(3_500, cover="closed")
    drives[2].go(1_000, 300).go(2_500, 300).go(2_500, 0)
    drives[3].go(3_000)
    found: list[events.Event] = []
    for fix in (fix for drive in drives for fix in drive.fixes):
        luck = chance.random()
        wait_s = 0 if luck > 0.06 else 25 if luck > 0.02 else 100
        arrived = {"received_time_ms": (fix.received_time_ms or 0) + wait_s * 1_000, "resent": wait_s > 0}
        found += [msgspec.structs.replace(fix, tenant_id=TENANT, **arrived)] * (2 if luck > 0.98 else 1)
    times_ms = [town.START_MS + n * 60_000 for n in range(15)]
    found += [
        events.BinReading(tenant_id=TENANT, bin_id=f"b{n}", event_time_ms=at_ms, fill=min(1.0, 0.2 * n + 0.03 * step))
        for n in range(3)
        for step, at_ms in enumerate(times_ms)
    ]
    found.append(
        events.DriverAction(
            tenant_id=TENANT, action_id="a1", truck_id="t4", driver_id="dr4", kind="sos", event_time_ms=times_ms[9]
        )
    )
    rank = {topic.name: n for n, topic in enumerate(recorded.MERGED)}
    return sorted(found, key=lambda one: (recorded.merge_ms(one), rank[codec.topic_of(one).name]))


def live_through(live: Live, day: list[events.Event]) -> None:
    """Let the worker see records and ticks in the order of their times, as when they happen."""
    last_topic: Topic | None = None
    partitions = sorted({partition_of(codec.key_of(record)) for record in day})  # a tick says nothing to the others

    def send(topic: Topic, key: str, value: bytes, partition: int | None = None) -> None:
        nonlocal last_topic
        if topic is not last_topic:  # topics are read side by side: only what was judged is surely before
            live.caught_up()
            last_topic = topic
        live.send(topic, key, value, partition)

    def tick(at_ms: int) -> None:
        for partition in partitions:
            send(topics.TICKS, str(partition), codec.encode(events.Tick(at_ms=at_ms)), partition)

    tick_ms = recorded.merge_ms(day[0]) // replay.TICK_MS * replay.TICK_MS + replay.TICK_MS
    for n, record in enumerate(day):
        while tick_ms <= recorded.merge_ms(record):
            tick(tick_ms)
            tick_ms += replay.TICK_MS
        send(codec.topic_of(record), codec.key_of(record), strange(record) if n == 7 else codec.encode(record))
    for late_ms in range(tick_ms, tick_ms + 640_000, replay.TICK_MS):
        tick(late_ms)
    live.caught_up()


def strange(record: events.Event) -> bytes:
    """The record with members this program does not know, its known ones in another order, and nulls."""
    given = json.loads(codec.encode(record))
    return json.dumps(UNKNOWN | {"driver_id": None} | dict(reversed(given.items()))).encode()


def counted(documents: list[dict[str, Any]]) -> Counter[str]:
    """Contents but for when they left, each once: the worker may say a thing again after a crash."""
    kept = [{name: value for name, value in one.items() if name != "emitted_ms"} for one in documents]
    return Counter(json.dumps(one, sort_keys=True) for one in kept)


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    plain = folder / f"{name}.jsonl"
    raw = plain.read_bytes() if plain.exists() else gzip.decompress((folder / f"{name}.jsonl.gz").read_bytes())
    return [json.loads(line) for line in raw.splitlines()]


def called(app: Any, monkeypatch: pytest.MonkeyPatch, live: Live, database: str) -> Callable[..., str]:
    """Return what runs a tool against the test's broker and database, and gives what it prints."""
    monkeypatch.setenv("KAFKA_BOOTSTRAP", live.bootstrap)
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("QINGYUN_WORKER_APP_ID", "lived")

    def call(*arguments: str, fails: bool = False) -> str:
        result = CliRunner().invoke(app, list(arguments))
        assert result.exit_code == int(fails), result.output
        return result.output

    return call


def test_the_live_run_recorded_and_replayed_says_the_same(
    live: Live, database: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Alerts, visits and due bins of the replay are the worker's: ids, revisions, contents, but for ``emitted_ms``.

    The exported lines are the values that were sent, those of late and repeated reports too. The second half, exported
    with the state at its start, says what the whole says from there on.
    """
    day = a_quarter_of_an_hour()
    live_through(live, day)
    said = {topic: counted(live.said(topic)) for topic in (topics.ALERTS, topics.VISITS, topics.COLLECTIONS_DUE)}
    assert len(said[topics.ALERTS]) >= 5
    recorded_until_now(live, engine)
    tool = called(export.app, monkeypatch, live, database)
    span = ["--tenant", TENANT, "--from", "2026-06-16T06:00", "--to", "2026-06-16T06:20"]
    assert "2026-06-16T06:00:00+01:00" in tool(str(tmp_path / "day"), *span, "--warm-up-h", "0")
    span[3] = "2026-06-16T06:08"
    tool(str(tmp_path / "half"), *span, "--warm-up-h", "1")
    replay.run(tmp_path / "day", tmp_path / "out")
    for topic, documents in said.items():
        assert counted(lines(tmp_path / "out", topic.name)) == documents, topic.name
    assert counted(lines(tmp_path / "day", "alerts")) == said[topics.ALERTS]

    sent = {codec.encode(record) for record in day if isinstance(record, events.TruckState)}
    exported = lines(tmp_path / "day", "truck-states")
    assert {codec.encode(msgspec.convert(line, events.TruckState)) for line in exported} == sent
    assert len(exported) == len(sent)
    assert [UNKNOWN["tyre_kpa"]] == [line["tyre_kpa"] for line in exported if "tyre_kpa" in line]

    replay.run(tmp_path / "half", tmp_path / "half-out")
    half_ms = town.START_MS + 8 * 60_000
    whole = [one for one in lines(tmp_path / "out", "alerts") if one["emitted_ms"] >= half_ms]
    assert counted(lines(tmp_path / "half-out", "alerts")) == counted(whole)
    assert whole


def test_letters_are_listed_shown_and_sent_again_once(
    live: Live, database: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A record in the wrong partition is judged when sent again; one that is broken becomes a letter naming the first."""
    before = len(live.letters())
    sos = events.DriverAction(tenant_id=TENANT, action_id="a2", truck_id="t2", kind="sos", event_time_ms=town.START_MS)
    stray = next(number for number in range(12) if number != partition_of("t2"))
    live.send(topics.DRIVER_ACTIONS, "t2", codec.encode(sos), partition=stray)
    live.send(topics.DRIVER_ACTIONS, "t3", b'{"truck_id": "t3", "kind": \xff}')
    live.caught_up()
    wait_for(lambda: len(live.letters()) == before + 2, "two letters", PATIENCE_S)
    tool = called(dead_letters.app, monkeypatch, live, database)
    recorded_until_now(live, engine)
    found = {(one.topic, one.stage): one for one in letters.find(engine, letters.Wanted())}
    wrong, broken = found["driver-actions", "apply"], found["driver-actions", "decode"]
    assert broken.original_headers() == {"schema": b"driver-action/1"}

    listed = tool("list", "--topic", "driver-actions", "--since", "1h")
    assert "murmur2" in listed
    assert "3 letters of 3 kinds" in listed  # the recorder could not read the broken one either
    assert "b'" not in tool("show", wrong.letter_id[:12])
    shown = tool("show", broken.letter_id)
    assert "original-schema = driver-action/1" in shown
    assert "22 3a 20 ff 7d" in shown

    chosen = ["replay", "--topic", "driver-actions", "--rate", "1000", "--policy", "skip"]
    assert "2 would go to driver-actions" in tool(*chosen)
    assert "1 not sent: the same record as another letter" in tool(*chosen)
    assert "1 would go to driver-actions" in tool(*chosen, "--most", "1")
    assert len(live.letters()) == before + 2
    sent = tool(*chosen, "--yes")
    assert "2 sent to driver-actions" in sent
    assert "3 not sent: sent before" in tool(*chosen, "--yes")
    wait_for(
        lambda: any(one["truck_id"] == "t2" and one["rule"] == "sos" for one in live.said(topics.ALERTS)),
        "the SOS",
        PATIENCE_S,
    )
    wait_for(lambda: len(live.letters()) == before + 3, "the letter of the record that failed again", PATIENCE_S)

    recorded_until_now(live, engine)
    again = [one for one in letters.find(engine, letters.Wanted(stage="decode")) if one.attempts]
    assert [one.attempts for one in again] == [1]
    assert again[0].first_id in {broken.letter_id, found["driver-actions", "recorder"].letter_id}
    assert "not sent: failed again after a replay (--again)" in tool(*chosen, "--yes")
    assert f"{again[0].first_id}: sent again 1 times" in tool("show", again[0].letter_id)
    assert letters.claim(engine, again[0], 1)
    assert not letters.claim(engine, again[0], 2)
    unknown = tool(*chosen, "--again", "--yes")
    assert "whether it arrived is not known" in unknown
    assert "sent to" not in unknown
    assert "1 sent to driver-actions" in tool(*chosen, "--again", "--unconfirmed", "--yes")


def test_a_replay_stops_goes_on_or_drops_where_records_are_dead_again(
    live: Live, database: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits until each lot is judged: the first stops it; or it goes on; or it is noted, by whom and why, as given up."""
    before = len(live.letters())
    for number in range(5):
        live.send(topics.WEIGHINGS, "t1", b'{"truck_id": "t1", "weighing_id": %d}' % number)
    live.caught_up()
    wait_for(lambda: len(live.letters()) == before + 5, "five letters", PATIENCE_S)
    recorded_until_now(live, engine)
    tool = called(dead_letters.app, monkeypatch, live, database)
    chosen = ["replay", "--topic", "weighings", "--yes"]
    stopped = tool(*chosen)
    assert "1 sent to weighings" in stopped
    assert "1 dead again on weighings" in stopped
    assert "left: too many are dead again" in stopped
    skipped = tool(*chosen, "--policy", "skip", "--most", "2")
    assert "2 sent to weighings" in skipped
    assert "2 dead again on weighings" in skipped
    assert "--because" in tool(*chosen, "--policy", "drop", fails=True)
    given_up = tool(*chosen, "--policy", "drop", "--because", "the scale is gone", "--by", "ana")
    assert "2 sent to weighings" in given_up
    assert "2 dropped" in given_up
    again = tool(*chosen, "--policy", "skip", "--again")
    assert "3 sent to weighings" in again
    assert "not sent: dropped" in again

    wanted = letters.Wanted(topic="weighings")
    recorded_until_now(live, engine)
    dropped = [one for one in letters.find(engine, wanted) if one.dropped_ms]
    assert {(one.dropped_by, one.dropped_because) for one in dropped} == {("ana", "the scale is gone")}
    assert "by ana: the scale is gone" in tool("show", dropped[0].letter_id)
    left = next(one for one in letters.find(engine, wanted) if not one.dropped_ms)
    assert "is dropped" in tool("drop", left.letter_id, "--because", "tried", "--by", "otto")
    assert "as it was before" in tool("drop", left.letter_id, "--because", "again", "--by", "ana")


def test_a_replay_ends_below_the_limit_of_a_worker() -> None:
    """Never more on their way than may still come back; at half of what ends a worker it ends, whatever its policy."""
    run = dead_letters._Run(None, Counter(), dead_letters.Policy.skip, "", "ana")
    sizes = []
    for size in run.sizes():
        sizes.append(size)
        if len(sizes) > 4:
            run._dead_again |= {f"{len(sizes)}/{n}" for n in range(size)}
    assert sizes[:6] == [1, 2, 4, 8, 16, 32]
    assert len(run._dead_again) == dead_letters.MOST_DEAD_AGAIN == 50


def insert(engine: Engine, table: str, **row: Any) -> None:
    with engine.begin() as connection:
        names = ", ".join(f'"{name}"' for name in row)
        given = ", ".join(f"CAST(:{name} AS jsonb)" if name == "record" else f":{name}" for name in row)
        connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({given})"), row)  # noqa: S608


def test_one_odd_record_does_not_end_an_export(
    live: Live, database: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A word or thirty digits where another kind has a time are no hindrance; what cannot be written is said, the rest is there."""
    at_ms = town.START_MS + 60_000
    insert(
        engine, "assets", tenant_id="odd", kind="bin", id="b1", version=1, valid_from_ms=0,
        record='{"id": "b1", "kind": "bin", "valid_from_ms": 0, "time_zone": "UTC", "received_time_ms": 1'
        + "0" * 30
        + "}",
    )  # fmt: skip
    insert(
        engine, "plans", tenant_id="odd", truck_id="t1", plan_version=1, made_ms=at_ms, reason="shift",
        record=f'{{"truck_id": "t1", "plan_version": 1, "made_ms": {at_ms}, "received_time_ms": "soon"}}',
    )  # fmt: skip
    for number, more in enumerate(("1", "1e5000", "2")):
        insert(
            engine, "bin_readings", tenant_id="odd", bin_id=f"b{number}", event_time_ms=at_ms, reading_key="",
            record=f'{{"bin_id": "b{number}", "event_time_ms": {at_ms}, "more": {more}}}',
        )  # fmt: skip
    tool = called(export.app, monkeypatch, live, database)
    span = ["--tenant", "odd", "--from", "2026-06-16T00:00", "--to", "2026-06-17", "--warm-up-h", "0"]
    said = tool(str(tmp_path / "day"), *span, fails=True)
    assert "set aside: bin-readings tenant_id=odd bin_id=b1" in said
    assert "1 records could not be written" in said
    assert [one["bin_id"] for one in lines(tmp_path / "day", "bin-readings")] == ["b0", "b2"]
    assert len(lines(tmp_path / "day", "plans")) == len(lines(tmp_path / "day", "assets")) == 1


def test_an_export_says_what_is_missing_and_leaves_nothing_that_looks_whole(
    live: Live, database: str, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Days that were dropped, records not taken yet, an end to come: refused, unless wanted. Interrupted: no file of a day."""
    day = 1_700_000_000_000 // DAY_MS
    with engine.begin() as connection:
        connection.execute(
            text(
                f"CREATE TABLE thinned_positions_d{day} PARTITION OF thinned_positions "
                f"FOR VALUES FROM ({day * DAY_MS}) TO ({(day + 1) * DAY_MS})"
            )
        )
        connection.execute(text("CREATE TABLE positions_odd_d7 (LIKE positions INCLUDING ALL)"))
    insert(
        engine, "positions_odd_d7", tenant_id="gone", truck_id="t1", event_time_ms=7, received_time_ms=day * DAY_MS,
        fix_key="", fix=False, cover="open", bed="level", load_state="full", sensor_health="{}", power="main", alarms="[]",
    )  # fmt: skip
    tool = called(export.app, monkeypatch, live, database)
    span = ["--tenant", "gone", "--time-zone", "UTC", "--from", "2023-11-14", "--to", "2023-11-16", "--warm-up-h", "0"]
    refused = tool(str(tmp_path / "day"), *span, fails=True)
    assert f"missing: the fixes of day {day} since 1970 were dropped" in refused
    assert "missing: 1 fixes of clocks that were far off were set aside in positions_odd_d7" in refused
    assert not (tmp_path / "day").exists()
    assert "missing" in tool(str(tmp_path / "day"), *span, "--incomplete")

    span[5], span[7] = "2026-06-16", "2999-01-01"
    assert "its end is yet to come" in tool(str(tmp_path / "later"), *span, fails=True)

    span[1], span[7] = TENANT, "2026-06-17"
    monkeypatch.setattr(export, "_WAIT_S", 0.0)
    with monkeypatch.context() as patched:
        patched.setattr(sink, "known_offsets", lambda *_: {})
        assert "that the recorder has not taken" in tool(str(tmp_path / "behind"), *span, fails=True)
    recorded_until_now(live, engine)

    def interrupted(*_: Any, **__: Any) -> Iterator[bytes]:
        yield b"{}"
        raise KeyboardInterrupt

    monkeypatch.setattr(days, "values", interrupted)
    assert CliRunner().invoke(export.app, [str(tmp_path / "half"), *span]).exit_code != 0
    assert {path.suffix for path in (tmp_path / "half").iterdir()} == {export.UNFINISHED}


def test_fixes_of_one_moment_are_exported_as_they_came(engine: Engine) -> None:
    """A batch with its newest report first: the order on its topic is the order of its lines."""
    at_ms = town.START_MS
    fixes = [
        events.TruckState(
            tenant_id="batch", truck_id="t1", event_time_ms=at_ms - 1_000 * n, seq=9 - n, received_time_ms=at_ms
        )
        for n in (0, 2, 1)
    ]
    recorder = Recorder(engine)
    partition = (topics.TRUCK_STATES.name, 99)
    at = recorder.positions_from([partition])[partition]
    recorder.take(
        {
            partition: [
                bus.Record(*partition, at + n, b"t1", codec.encode(one), {}, at_ms) for n, one in enumerate(fixes)
            ]
        }
    )
    written = days.values(engine, "batch", topics.TRUCK_STATES, at_ms, at_ms + 1, aside=lambda *_: None)
    assert [msgspec.json.decode(one, type=events.TruckState) for one in written] == fixes


MANY = {
    topics.PLANS: "INSERT INTO plans (tenant_id, truck_id, plan_version, made_ms, reason, record) "
    "SELECT 'x', 't' || n % 50, n, n * 1000, 'shift', '{}' FROM generate_series(1, 20000) n",
    topics.DRIVER_ACTIONS: "INSERT INTO driver_actions (tenant_id, action_id, truck_id, kind, event_time_ms, "
    "received_time_ms, record) SELECT 'x', n, 't1', 'sos', n * 1000, n * 1000, '{}' FROM generate_series(1, 20000) n",
}


@pytest.mark.parametrize("topic", MANY, ids=lambda topic: topic.name)
def test_a_span_is_found_by_an_index(engine: Engine, topic: Topic) -> None:
    """Not by reading all that a tenant has for an hour of it."""
    query = days._query("x", days._BY_TOPIC[topic.name], 5_000_000, 5_100_000).compile(
        engine, compile_kwargs={"literal_binds": True}
    )
    with engine.connect() as connection:
        connection.execute(text(MANY[topic]))
        connection.execute(text(f"ANALYZE {days._BY_TOPIC[topic.name].table}"))
        plan = " ".join(connection.execute(text(f"EXPLAIN {query}".replace(":", "\\:"))).scalars())
        connection.rollback()
    assert {topics.PLANS: "ix_plans_tenant_id_made_ms", topics.DRIVER_ACTIONS: "received_time_ms >= "}[topic] in plan
    assert "Seq Scan" not in plan
    assert "Index Cond: ((tenant_id = 'x'::text) AND (received" in plan or topic is topics.PLANS
