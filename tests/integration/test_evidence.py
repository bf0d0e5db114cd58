"""Evidence on a real PostgreSQL and Kafka: sealed once, added to, never changed; killed in the middle, outliving retention."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from gateway_trial import FORGIVING, process, value, wait_for
from msgspec.structs import replace
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from typer.testing import CliRunner

from services import bus, seal
from services.cli import evidence_check
from services.evidence import document
from services.evidence.intake import Intake
from services.evidence.making import Maker
from services.ingest import intake as doors
from services.recorder import mappings
from services.store import evidence, partitions, retention, sink
from services.store.evidence import Version
from services.store.schema import PARTITIONED
from streams import codec, events
from streams.topics import ALERTS
from streams.units import DAY_MS, HOUR_MS, MINUTE_MS

pytestmark = [pytest.mark.integration, FORGIVING]

START_MS = 1_795_500_000_000
ALERT = events.Alert(
    tenant_id="porto",
    alert_id="a1",
    evidence_id=events.evidence_id("a1"),
    revision=1,
    rule="off-route",
    rule_version="3",
    state="raised",
    severity="medium",
    certainty="observed",
    start_ms=START_MS,
    raised_ms=START_MS + 90_000,
    emitted_ms=START_MS + 90_400,
    truck_id="t1",
    used={"permit": "p1@2"},
)
END_MS = document.end_ms(ALERT)


class Tables:
    """What recorder and evidence do, without their loops; ``at`` is the next offset of each topic."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.intake = Intake(engine)
        self.intake.positions_from([(ALERTS.name, 0)])
        self.at = 0
        permit = events.Permit(tenant_id="porto", permit_id="p1", version=2, valid_from_ms=0, truck_ids=("t1",))
        self.record(doors.event_record(permit))

    def record(self, *sent: doors.Outgoing) -> None:
        """Write records into the tables as the recorder does."""
        writes: list[sink.Write] = []
        for one in sent:
            self.at += 1
            writes += mappings.writes_of(bus.Record(one.topic, 0, self.at, one.key, one.value, dict(one.headers), 0))
        for write in mappings.gathered(writes):
            rows = [{"district_id": None, **row} for row in write.rows]
            if write.table in PARTITIONED:
                partitions.make(self.engine, write.table, {row[PARTITIONED[write.table]] for row in rows})
            with self.engine.begin() as connection:
                sink._write(connection, write._replace(rows=rows))

    def drive(self, *seconds: int, resent: bool = False) -> None:
        """Let the truck's terminal report: bytes and fix, stamped with one moment."""
        sent: list[doors.Outgoing] = []
        for second in seconds:
            at_ms = START_MS + second * 1_000
            arrival = doors.Arrival(
                protocol="jt808",
                source_id="013912345678",
                tenant_id="porto",
                session="s1",
                raw=f"~frame {second}~".encode(),
                received_time_ms=at_ms + 400,
            )
            fix = events.TruckState(
                tenant_id="porto",
                truck_id="t1",
                terminal_id="013912345678",
                source="jt808",
                event_time_ms=at_ms,
                received_time_ms=at_ms + 400,
                seq=second + 1_000,
                lon=-8.61,
                lat=41.15,
                accuracy_m=4.0,
                speed_mps=8.0,
                load_kg=9_000.0,
                cover="closed",
                sensor_health=events.SensorHealth(cover="ok", load="suspect"),
                resent=resent,
            )
            sent += doors.kept(arrival, [fix])
        self.record(*sent)

    def tell(self, *alerts: events.Alert) -> None:
        """Have evidence take revisions in."""
        at = self.intake._next[ALERTS.name, 0]
        records = [
            bus.Record(ALERTS.name, 0, at + n, alert.alert_id.encode(), codec.encode(alert), {}, 0)
            for n, alert in enumerate(alerts)
        ]
        self.intake.take({(ALERTS.name, 0): records})

    def versions(self, alert_id: str = "a1") -> list[Version]:
        """What is sealed of an alert."""
        return evidence.versions(self.engine, "porto", alert_id)

    def check(self, *arguments: str, url: str) -> tuple[int, str]:
        """Run the tool; return its exit code and all it said."""
        ran = CliRunner().invoke(evidence_check.app, list(arguments), env={"DATABASE_URL": url})
        return ran.exit_code, ran.output


@pytest.fixture
def tables(engine: Engine) -> Tables:
    return Tables(engine)


def said(version: Version) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(version.entry.document)
    return found


def test_the_minutes_around_an_alert_are_sealed_with_the_bytes_that_came(tables: Tables, database: str) -> None:
    """From a minute before to a minute after: fixes as they were, the bytes of each by hash, the permit whole, and it holds."""
    tables.drive(-70, -50, 0, 45, 90, 140, 160)
    tables.tell(ALERT)
    assert Maker(tables.engine).round(END_MS) == 1
    (made,) = tables.versions()
    whole = said(made)
    assert made.complete
    assert whole["missing"] == []
    assert [(one["record"]["event_time_ms"] - START_MS) // 1_000 for one in whole["measurements"]] == [
        -50,
        0,
        45,
        90,
        140,
    ]
    first = whole["measurements"][0]
    assert first["record"]["sensor_health"] == {"cover": "ok", "load": "suspect"}
    assert {name: first["record"][name] for name in ("accuracy_m", "speed_mps", "load_kg", "cover")} == {
        "accuracy_m": 4.0,
        "speed_mps": 8.0,
        "load_kg": 9_000.0,
        "cover": "closed",
    }
    assert first["frames"] == [seal.sha256(b"~frame -50~")]
    (used,) = whole["used"]
    assert (used["kind"], used["record"]["version"]) == ("permit", 2)
    assert whole["alert"]["evidence_id"] == whole["seal"]["evidence_id"] == ALERT.evidence_id
    code, output = tables.check(ALERT.alert_id, url=database)
    assert (code, "1 entries, none missing" in output) == (0, True), output


def test_a_later_revision_and_a_late_fix_add_a_version_and_change_none(tables: Tables, database: str) -> None:
    """What was sealed stays, byte for byte; a look that finds nothing new adds nothing."""
    tables.drive(-50, 0, 90, 160)
    tables.tell(ALERT)
    maker = Maker(tables.engine)
    maker.round(END_MS)
    (first,) = tables.versions()
    ended = replace(ALERT, revision=2, state="ended", end_ms=START_MS + 120_000, emitted_ms=START_MS + 130_000)
    tables.tell(ended)
    tables.drive(181)
    maker.round(document.end_ms(ended))
    assert [(one.version, one.alert_revision) for one in tables.versions()] == [(1, 1), (2, 2)]
    now_ms = document.settled_ms(ended) + HOUR_MS
    assert maker.round(now_ms) == 1
    assert len(tables.versions()) == 2
    tables.drive(30, resent=True)
    assert maker.round(document.settled_ms(ended) + DAY_MS) == 1
    assert [len(said(one)["measurements"]) for one in tables.versions()] == [3, 4, 5]
    assert tables.versions()[0] == first
    assert [one.entry.number for one in tables.versions()] == [1, 2, 3]
    assert tables.check(url=database)[0] == 0
    tables.tell(ended)  # a replay says it again
    assert maker.round(now_ms + 8 * DAY_MS) == 1
    assert len(tables.versions()) == 3


def test_what_the_tables_do_not_have_yet_is_waited_for_and_then_said_to_be_missing(tables: Tables) -> None:
    """Nothing is sealed while the recorder may be behind; after ten minutes what there is, as incomplete; later the rest."""
    tables.drive(-50, 0)
    tables.tell(ALERT)
    maker = Maker(tables.engine)
    assert maker.round(END_MS - 1) == 0
    assert maker.round(END_MS) == 1
    assert maker.round(END_MS) == 0  # asked again in some seconds, not at once
    assert maker.round(END_MS + 9 * MINUTE_MS) == 1
    assert tables.versions() == []
    maker.round(END_MS + 9 * MINUTE_MS + 10_000)
    maker.round(document.settled_ms(ALERT) + document.WAITS_MS)
    (early,) = tables.versions()
    assert (early.complete, said(early)["missing"]) == (
        False,
        ["nothing of t1 was recorded from after the end: more may come"],
    )
    tables.drive(90, 140, 700)
    maker.round(document.settled_ms(ALERT) + HOUR_MS)
    assert [one.complete for one in tables.versions()] == [False, True]


def test_of_a_long_alert_the_middle_is_a_sample(tables: Tables) -> None:
    """Two hours with a fix every 20 s: the ends whole, between one a minute, and the document says so."""
    tables.drive(*range(-60, 7_300, 20))
    long = replace(ALERT, state="ended", end_ms=START_MS + 7_200_000)
    tables.tell(long)
    Maker(tables.engine).round(document.end_ms(long))
    (made,) = tables.versions()
    whole = said(made)
    inside = [
        [one for one in whole["measurements"] if part["from_ms"] <= one["record"]["event_time_ms"] <= part["to_ms"]]
        for part in whole["parts"]
    ]
    assert [part["every_ms"] for part in whole["parts"]] == [0, MINUTE_MS, 0]
    assert [len(inside[0]), len(inside[2])] == [31, 31]
    assert 99 <= len(inside[1]) <= 102
    assert sum(map(len, inside)) == len(whole["measurements"])


def test_a_clock_that_is_wrong_does_not_hide_the_fixes(tables: Tables) -> None:
    """They lie an hour off by their own time; they are found by when they came."""
    ahead = [
        events.TruckState(
            tenant_id="porto",
            truck_id="t1",
            event_time_ms=START_MS + HOUR_MS + second * 1_000,
            received_time_ms=START_MS + second * 1_000,
            seq=second,
        )
        for second in (0, 90, 149, 500)
    ]
    tables.record(*map(doors.event_record, ahead))
    tables.tell(replace(ALERT, gaps=("the device clock was 3600 s ahead; times are corrected",)))
    Maker(tables.engine).round(END_MS)
    (made,) = tables.versions()
    assert [one["record"]["seq"] for one in said(made)["measurements"]] == [0, 90, 149]


def test_a_bins_readings_are_sealed_with_the_bytes_of_its_device(tables: Tables) -> None:
    """The reading names its bin; the register names the device the bytes are kept under."""
    with tables.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO devices VALUES ('chirpstack', 'eui1', 'porto', NULL, 'bin', 'b1', NULL, '{}')")
        )
    reading = events.BinReading(
        tenant_id="porto",
        bin_id="b1",
        event_time_ms=START_MS + 90_000,
        received_time_ms=START_MS + 90_700,
        source="chirpstack",
        fill=0.97,
    )
    arrival = doors.Arrival(
        protocol="chirpstack",
        source_id="eui1",
        tenant_id="porto",
        session="",
        raw=b"POST /",
        received_time_ms=START_MS + 90_700,
    )
    tables.record(*doors.kept(arrival, [reading]))
    full = replace(ALERT, rule="bin-overflow", truck_id=None, bin_id="b1", used={})
    tables.tell(full)
    Maker(tables.engine).round(END_MS)
    (made,) = tables.versions()
    assert made.complete
    assert [(one["record"]["fill"], one["frames"]) for one in said(made)["measurements"]] == [
        (0.97, [seal.sha256(b"POST /")])
    ]


def test_retention_takes_nothing_from_evidence(tables: Tables, database: str) -> None:
    """Positions and raw frames of that day are dropped; the document and the bytes it names are there, and hold."""
    tables.drive(-50, 0, 90, 160)
    tables.tell(ALERT)
    Maker(tables.engine).round(END_MS)
    before = tables.versions()
    dropped = retention.keep(
        tables.engine, START_MS + 90 * DAY_MS, positions_kept_days=60, thinned_positions_kept_days=365
    )
    assert dropped["positions"]
    assert value(tables.engine, "SELECT (SELECT count(*) FROM positions) + (SELECT count(*) FROM raw_frames)") == 0
    assert tables.versions() == before
    assert tables.check(url=database)[0] == 0
    assert value(tables.engine, "SELECT count(*) FROM evidence_frames") == 3
    # read again after that, it stays as it is; a revision then keeps what was sealed, and one without any says so
    tables.tell(ALERT)
    Maker(tables.engine).round(START_MS + 90 * DAY_MS)
    assert tables.versions() == before
    tables.tell(replace(ALERT, revision=2, state="cancelled", reason="a late record"))
    tables.tell(replace(ALERT, alert_id="a2", evidence_id=events.evidence_id("a2")))
    Maker(tables.engine).round(START_MS + 90 * DAY_MS)
    first, second = tables.versions()
    assert (first, said(second)["measurements"]) == (before[0], said(first)["measurements"])
    assert said(second)["alert"]["state"] == "cancelled"
    (too_late,) = tables.versions("a2")
    assert not too_late.complete
    assert any("were dropped" in one for one in said(too_late)["missing"])


@pytest.mark.parametrize("table", ["evidence", "evidence_frames"])
def test_the_database_itself_refuses_to_change_it(tables: Tables, table: str) -> None:
    """Whoever has the program's rights can neither change nor delete a row."""
    tables.drive(-50, 0, 90, 160)
    tables.tell(ALERT)
    Maker(tables.engine).round(END_MS)
    for statement in ("UPDATE {} SET sha256 = 'x'", "DELETE FROM {}", "TRUNCATE {}"):
        with pytest.raises(DBAPIError, match="never"), tables.engine.begin() as connection:
            connection.execute(text(statement.format(table)))


def as_owner(engine: Engine, statement: str, **parameters: Any) -> None:
    """What somebody can do who may switch the triggers off."""
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(statement), parameters)


def _other_load(engine: Engine) -> None:
    found = evidence.versions(engine, "porto", "a1")[0].entry.document
    forged = found.replace(b'"load_kg":9000.0', b'"load_kg":1000.0')
    assert forged != found
    as_owner(engine, "UPDATE evidence SET document = :said WHERE number = 1", said=forged)


def _other_load_and_hash(engine: Engine) -> None:
    _other_load(engine)
    as_owner(engine, "UPDATE evidence SET sha256 = encode(sha256(document), 'hex') WHERE number = 1")


@pytest.mark.parametrize(
    ("harm", "finding"),
    [
        (_other_load, "entry 1: its bytes are not those that were sealed"),
        (_other_load_and_hash, "entry 2: it was not sealed behind entry 1 as that is now"),
        (lambda engine: as_owner(engine, "DELETE FROM evidence WHERE number = 2"), "entry 2: it is gone"),
        (
            lambda engine: as_owner(engine, "UPDATE evidence SET complete = false, alert_id = 'a9' WHERE number = 1"),
            "entry 1: alert_id is 'a9' beside it, 'a1' in what was sealed",
        ),
        (lambda engine: as_owner(engine, "UPDATE evidence_frames SET bytes = 'x'"), "they are not those that came"),
        (lambda engine: as_owner(engine, "DELETE FROM evidence_frames"), "they are gone"),
    ],
)
def test_whatever_is_altered_is_found(
    tables: Tables, database: str, harm: Callable[[Engine], None], finding: str
) -> None:
    """Measurements, hashes, whole entries, what stands beside them, the bytes of devices: the tool names the entry."""
    _three_alerts(tables)
    assert tables.check(url=database)[0] == 0
    harm(tables.engine)
    code, output = tables.check(url=database)
    assert code == 1
    assert finding in output


def test_the_last_entry_is_held_by_a_hash_that_was_noted(tables: Tables, database: str) -> None:
    """Behind the newest nothing stands: without it the chain still holds, but the noted hash is nowhere."""
    _three_alerts(tables)
    noted = list(evidence.chain(tables.engine, "porto"))[-1].entry.sha256
    assert tables.check("--noted", noted, url=database)[0] == 0
    as_owner(tables.engine, "DELETE FROM evidence WHERE number = 3")
    assert tables.check(url=database)[0] == 0
    code, output = tables.check("--noted", noted, url=database)
    assert (code, "is the hash of no entry" in output) == (1, True)


def test_an_id_that_means_nothing_is_said(tables: Tables, database: str) -> None:
    """An alert or its evidence is asked for by its id."""
    _three_alerts(tables)
    assert tables.check(events.evidence_id("a2"), url=database)[0] == 0
    code, output = tables.check("nothing", url=database)
    assert (code, "there is no evidence of 'nothing'" in output) == (1, True)


def _three_alerts(tables: Tables) -> None:
    tables.drive(-50, 0, 90, 160)
    tables.tell(*(replace(ALERT, alert_id=one, evidence_id=events.evidence_id(one)) for one in ("a1", "a2", "a3")))
    Maker(tables.engine).round(END_MS)


def test_two_that_work_at_once_double_nothing(tables: Tables, database: str) -> None:
    """Three makers with the same sixty alerts: one version each, in one chain without a hole."""
    tables.drive(-50, 0, 90, 160)
    tables.tell(*(replace(ALERT, alert_id=f"b{n}", evidence_id=events.evidence_id(f"b{n}")) for n in range(60)))
    failures: list[BaseException] = []

    def work() -> None:
        maker = Maker(tables.engine)
        try:
            while maker.round(END_MS):
                pass
        except BaseException as error:  # noqa: BLE001  # told by the test
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(3)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert failures == []
    assert value(tables.engine, "SELECT count(*) FROM evidence") == 60
    assert value(tables.engine, "SELECT max(number) FROM evidence") == 60
    assert tables.check(url=database)[0] == 0


def test_an_alert_that_cannot_be_worked_on_keeps_no_other_from_its_evidence(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again in an hour."""
    tables.drive(-50, 0, 90, 160)
    bad = replace(ALERT, alert_id="a0", evidence_id=events.evidence_id("a0"))
    tables.tell(bad, ALERT)
    real = document.compose

    def compose(alert: events.Alert, *rest: Any) -> dict[str, Any]:
        if alert.alert_id == "a0":
            raise ArithmeticError("a number nobody has thought of")
        return real(alert, *rest)

    monkeypatch.setattr(document, "compose", compose)
    maker = Maker(tables.engine)
    maker.round(END_MS)
    assert (len(tables.versions("a0")), len(tables.versions("a1"))) == (0, 1)
    monkeypatch.undo()
    maker.round(END_MS + HOUR_MS)
    assert len(tables.versions("a0")) == 1


def test_a_record_that_nobody_can_keep_is_passed_over_alone(tables: Tables) -> None:
    """Bytes that are no alert, and one with a NUL in its id, between two good ones."""
    tables.drive(-50, 0, 90, 160)
    good = [codec.encode(ALERT), codec.encode(replace(ALERT, alert_id="a2", evidence_id=events.evidence_id("a2")))]
    values = [good[0], b"{", codec.encode(replace(ALERT, alert_id="a\0", evidence_id="e\0")), good[1]]
    records = [bus.Record(ALERTS.name, 0, n, b"k", one, {}, 0) for n, one in enumerate(values)]
    assert tables.intake.take({(ALERTS.name, 0): records}) == 4
    assert sink.offsets(tables.engine, [(ALERTS.name, 0)], of=evidence.OFFSETS) == {(ALERTS.name, 0): 4}
    Maker(tables.engine).round(END_MS)
    assert (len(tables.versions("a1")), len(tables.versions("a2"))) == (1, 1)


def test_killed_in_the_middle_nothing_is_doubled_and_nothing_lost(
    tables: Tables, database: str, topics: str, tmp_path: Path
) -> None:
    """The process is killed three times while two hundred alerts come; afterwards each has its evidence once, in one chain."""
    tables.drive(-50, 0, 90, 160)
    settings = {"KAFKA_BOOTSTRAP": topics, "DATABASE_URL": database, "QINGYUN_CLOCK_ORIGIN_MS": "0"}
    moments = random.Random(7)
    ids = [uuid4().hex for _ in range(200)]
    producer = bus.Producer(topics, client_id="trial")
    for lot in range(3):
        with process("evidence", tmp_path / "evidence.log", **settings) as running:
            for one in ids[lot * 60 : lot * 60 + 60 + 20 * (lot == 2)]:
                producer.send_event(replace(ALERT, alert_id=one, evidence_id=events.evidence_id(one)))
            producer.flush()
            aim = lot * 60 + moments.randint(1, 50)
            wait_for(lambda aim=aim: _sealed(tables.engine) >= aim, f"{aim} are sealed", 60.0)
            running.kill()
    with process("evidence", tmp_path / "evidence.log", **settings) as running:
        wait_for(lambda: _sealed(tables.engine) >= 200, "all are sealed", 60.0)
        assert running.end() == 0
    producer.close()
    assert value(tables.engine, "SELECT count(*) FROM evidence") == 200
    assert value(tables.engine, "SELECT count(DISTINCT alert_id) FROM evidence WHERE version = 1") == 200
    assert tables.check(url=database)[0] == 0


def _sealed(engine: Engine) -> int:
    return int(value(engine, "SELECT count(*) FROM evidence"))
