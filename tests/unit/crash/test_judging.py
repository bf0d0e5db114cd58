"""The judge of the crash suite can fail: an honest history has no finding, each planted fault has its sentence."""

import copy
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest

from services import bus
from services.recorder import mappings
from services.simulator import jt808
from services.simulator.ledger import Entry
from services.simulator.state import Report
from services.store.schema import metadata
from services.store.sink import _one_a_key
from streams import codec, events, state, topics, truck
from streams.worker.folding import Partition, partition_of
from tests.crash import inputs
from tests.crash.claims import POISON, frame_of
from tests.crash.history import CHANGELOG, TABLES, History
from tests.crash.judge import judge
from tests.unit.streams import town

PHONE = "13912345678"
NUMBER = partition_of("t1")


Headers = list[tuple[str, bytes]]


class Log:
    """Topics being written."""

    def __init__(self) -> None:
        self.topics: dict[str, list[bus.Record]] = {topic.name: [] for topic in topics.TOPICS}
        self.states: list[bus.Record] = []
        self._next: Counter[tuple[str, int]] = Counter()

    def put(
        self, name: str, key: bytes, value: bytes, partition: int = NUMBER, headers: Headers | None = None
    ) -> bus.Record:
        """Append a record."""
        if headers is None:
            headers = codec.headers(topics.BY_NAME[name]) if name in topics.BY_NAME else []
        record = bus.Record(name, partition, self._next[name, partition], key, value, dict(headers), 1)
        self._next[name, partition] += 1
        (self.states if name == CHANGELOG.name else self.topics[name]).append(record)
        return record

    def poison(self, sent: inputs.Poison) -> Entry:
        """Append what nobody can use; return what its sender writes down."""
        self.put(sent.topic.name, b"t1", sent.value, headers=sent.headers)
        return Entry(
            door=POISON, device=sent.topic.name, message={"value": sent.value.hex(), "by_worker": sent.by_worker}
        )

    def tell(self, event: events.Event) -> bus.Record:
        """Append an event to its own topic."""
        topic = codec.topic_of(event)
        key = codec.key_of(event)
        number = NUMBER if topic.partitions > 1 else 0
        return self.put(topic.name, key.encode(), codec.encode(event), number)


def _plan(version: int) -> events.TruckPlan:
    at_ms = town.START_MS + version * 60_000
    return events.TruckPlan(
        truck_id="t1", plan_version=version, made_ms=at_ms, reason="first_plan", run_id=f"r{version}"
    )


def _frame(fix: events.TruckState) -> str:
    """A terminal's frame that reports at the time of a fix; the judge reads serial and time from it."""
    report = Report(
        truck_id="t1", time_ms=fix.event_time_ms, lon=fix.lon or 0, lat=fix.lat or 0, fix=True, speed_mps=0,
        heading_deg=0, odometer_m=0, cover_open=False, bed_raised=False, loaded=True, full=False, load_kg=1.0,
        ignition=True,
    )  # fmt: skip
    return jt808.frame(jt808.LOCATION, jt808.location(report), phone=PHONE, serial=fix.seq or 0, header="2013").hex()


def honest() -> History:
    """A truck that loads, dumps and drives uncovered; plans, a driver, a desk; all of it recorded and acknowledged."""
    log, entries = Log(), []
    for record in town.records():
        log.tell(record)
    for version in (1, 2, 3):
        log.tell(_plan(version))
        log.tell(
            events.PlanningRun(
                run_id=f"r{version}",
                material="construction",
                made_ms=version,
                reason="shift",
                changed_truck_ids=("t1",),
            )
        )
    log.tell(events.DriverAction(action_id="a1", truck_id="t1", kind="sos", event_time_ms=town.START_MS))
    log.tell(events.DispatchAction(action_id="d1", subject_id="b1", actor="x", kind="exclude", at_ms=town.START_MS))
    entries.append(Entry(door="driver", device="t1", message={"action_id": "a1"}))
    entries.append(Entry(door="dispatch-actions", device="desk", message={"id": "d1"}))
    for make in (inputs._not_json, inputs._unknown_schema):
        entries += [log.poison(make(topics.TRUCK_STATES, "t1", "nobody can use this", Random(1)))]
    press = events.DriverAction(
        action_id="\0", truck_id="t1", kind="skipped", event_time_ms=town.START_MS, note="no table takes \0"
    )
    refused = inputs.Poison(
        topics.DRIVER_ACTIONS, "t1", codec.encode(press), codec.headers(topics.DRIVER_ACTIONS), False
    )
    entries.append(log.poison(refused))
    drive = town.loaded().go(2_000).go(2_000, 200).wait(60, falling_kg=14_000, bed="raised")
    for fix in drive.wait(70, bed="level").go(4_000, cover="open").fixes:
        named = msgspec.structs.replace(fix, terminal_id=PHONE)
        log.tell(named)
        log.put("raw-frames", PHONE.encode(), bytes.fromhex(_frame(named)))
        entries.append(Entry(door="jt808", device=PHONE, message={"frame": _frame(named)}))
    _work(log)
    return History(topics=log.topics, states=log.states, tables=_recorded(log), acknowledged=entries)


def _work(log: Log) -> None:
    """Do what workers do: slices of several topics, each state to the changelog, outputs to their topics."""
    _fold(log, NUMBER, topics.PLANS, topics.DRIVER_ACTIONS, topics.TRUCK_STATES)
    for number in range(topics.JOINED_PARTITIONS):
        _fold(log, number, topics.DUMPS)


def _fold(log: Log, number: int, *of: topics.Topic) -> None:
    partition, known = Partition(number, {}), town.reference()
    for topic in of:
        mine = [one for one in log.topics[topic.name] if one.partition == number]
        records: list[Any] = [one._replace(headers=list(one.headers.items())) for one in mine]  # type: ignore[arg-type]  # as aiokafka has them
        for start in range(0, len(records), 20):
            folded = partition.fold(topic.name, records[start : start + 20], known, truck.DEFAULT_SETTINGS)
            for key, stamped in folded.changed.items():
                log.put(CHANGELOG.name, key.encode(), state.encode(stamped), number)
            for output in folded.outputs:
                name = output.key or b""
                to = partition_of(name.decode()) if output.topic == topics.DUMPS.name else NUMBER
                log.put(output.topic, name, output.value, to, output.headers)


def _recorded(log: Log) -> dict[str, list[dict[str, Any]]]:
    """Do what the recorder does, as the tables would have it."""
    tables: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
    records = [record for topic in mappings.RECORDED for record in log.topics[topic.name]]
    for write in mappings.gathered([write for record in records for write in _writes(record)]):
        rows = _one_a_key(metadata.tables[write.table], write)
        tables[write.table] = [
            row | {"record": msgspec.json.decode(row["record"])} if "record" in row else row for row in rows
        ]
    return tables


def _writes(record: bus.Record) -> list[Any]:
    if b"no table takes" in (record.value or b""):
        return [mappings.set_aside(record, "the database refuses it")]
    try:
        return mappings.writes_of(record)
    except codec.Undecodable as error:
        return [mappings.set_aside(record, str(error))]


HONEST = honest()


def _alerts(history: History) -> list[bus.Record]:
    return history.topics["alerts"]


def _changed(record: bus.Record, **members: Any) -> bytes:
    event = codec.decode(topics.BY_NAME[record.topic], record.value)
    return codec.encode(msgspec.structs.replace(event, **members))


def _lose_a_row(history: History) -> None:
    del history.tables["positions"][3]


def _change_a_row(history: History) -> None:
    history.tables["positions"][3]["load_kg"] = 1.0


def _make_up_a_row(history: History) -> None:
    history.tables["plans"].append(history.tables["plans"][0] | {"plan_version": 9})


def _double_an_alert(history: History) -> None:
    last = _alerts(history)[-1]
    _alerts(history).append(last._replace(offset=last.offset + 1, value=_changed(last, alert_id="another", revision=1)))


def _say_an_alert_twice_differently(history: History) -> None:
    last = _alerts(history)[-1]
    _alerts(history).append(last._replace(offset=last.offset + 1, value=_changed(last, lost_kg=1.0)))


def _lose_an_alert(history: History) -> None:
    _alerts(history).pop()


def _change_an_alert(history: History) -> None:
    first = _alerts(history)[0]
    _alerts(history)[0] = first._replace(value=_changed(first, severity="low"))


def _plan_twice_differently(history: History) -> None:
    last = history.topics["plans"][-1]
    history.topics["plans"].append(last._replace(offset=3, value=_changed(last, reason="shift")))


def _lose_a_plan(history: History) -> None:
    del history.topics["plans"][1]


def _lose_an_acknowledged_report(history: History) -> None:
    del history.topics["truck-states"][5]


def _lose_an_acknowledged_frame(history: History) -> None:
    del history.topics["raw-frames"][5]


def _lose_a_command(history: History) -> None:
    del history.topics["dispatch-actions"][0]


def _forget_a_report(history: History) -> None:
    history.topics["truck-states"].append(history.topics["truck-states"][-1]._replace(offset=10_000))


def _last_truck(history: History) -> int:
    """Return where the last state of a truck stands; behind it are those of places."""
    return max(n for n, record in enumerate(history.states) if (record.key or b"").startswith(b"truck:"))


def _break_a_state(history: History) -> None:
    at = _last_truck(history)
    stamped = state.decode("truck", history.states[at].value or b"")
    stamped.state.order.late += 1
    history.states[at] = history.states[at]._replace(value=state.encode(stamped))


def _set_aside(history: History) -> None:
    letter = codec.DeadLetter(topic="weighings", stage="decode", reason="net_kg is missing", value=b"{}")
    headers = dict(letter.headers())
    history.topics["dead-letters"].append(bus.Record("dead-letters", 0, 0, b"t1", b"{}", headers, 1))


def _lose_a_dead_letter(history: History) -> None:
    history.topics["dead-letters"].pop()


def _set_another_aside(history: History) -> None:
    last = history.topics["dead-letters"][-1]
    elsewhere = last._replace(offset=9, headers=last.headers | {"offset": b"50"})
    history.topics["dead-letters"].append(elsewhere)


def _change_a_dead_letter(history: History) -> None:
    last = history.topics["dead-letters"][-1]
    history.topics["dead-letters"][-1] = last._replace(value=b"?")


def _lose_what_was_set_aside(history: History) -> None:
    rows = history.tables["dead_letters"]
    rows.remove(next(row for row in rows if row["topic"] == "driver-actions"))


def _set_aside_by_the_recorder(history: History) -> None:
    rows = history.tables["dead_letters"]
    first = next(row for row in rows if row["stage"] == "recorder")
    rows.append(first | {"letter_id": "another", "offset": 50})


def _lose_poison(history: History) -> None:
    del history.topics["truck-states"][0]


def _keep_a_command_back(history: History) -> None:
    history.tables["outbox"].append({"topic": "driver-actions", "key": "t1"})


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (_lose_a_row, "positions: the row t1"),
        (_change_a_row, "in load_kg: 1.0"),
        (_make_up_a_row, "plans: the row t1 9 is of no record"),
        (_double_an_alert, "does not follow from the inputs"),
        (_say_an_alert_twice_differently, "doubled with other content"),
        (_lose_an_alert, "follows from the inputs and is not on the topic"),
        (_change_an_alert, "says something else"),
        (_plan_twice_differently, "plan of t1: version 3"),
        (_plan_twice_differently, "plans t1 3"),
        (_lose_a_plan, "plan of t1: version 3 at"),
        (_lose_a_plan, "planning run r2"),
        (_lose_an_acknowledged_report, "was acknowledged and is not on truck-states"),
        (_lose_a_row, "was acknowledged and is not in positions"),
        (_lose_an_acknowledged_frame, "is not on raw-frames"),
        (_lose_a_command, "d1 was acknowledged and is not on dispatch-actions"),
        (_forget_a_report, "in no state of the worker"),
        (_break_a_state, "is not what follows from its inputs"),
        (_set_aside, "a dead letter of weighings by decode: net_kg is missing"),
        (_lose_a_dead_letter, "was not set aside by the worker: lost"),
        (_set_another_aside, "a dead letter of truck-states by decode: header schema"),
        (_change_a_dead_letter, "with other bytes than stood there"),
        (_lose_what_was_set_aside, "was not set aside by the recorder: lost"),
        (_set_aside_by_the_recorder, "the recorder set"),
        (_lose_poison, "was acknowledged and is not on truck-states: lost"),
        (_keep_a_command_back, "the outbox still holds"),
    ],
)
def test_a_planted_fault_is_found(plant: Callable[[History], None], sentence: str) -> None:
    """Each fault a crash could leave is found, by a sentence that names it."""
    history = copy.deepcopy(HONEST)
    plant(history)

    findings = judge(history).findings

    assert any(sentence in finding for finding in findings), findings


def test_an_honest_history_has_no_finding() -> None:
    """What the parts do undisturbed is in order, and it is something: alerts, plans, states, acknowledgements."""
    verdict = judge(HONEST)

    assert verdict.findings == []
    assert verdict.counts["alerts"] == 2
    assert verdict.counts["plans"] == 3
    assert verdict.counts["acknowledged"] == 94
    assert verdict.counts[f"by {POISON}"] == 3


def test_what_is_sent_again_with_the_same_content_is_counted_only() -> None:
    """A repeat that every reader takes once is no fault: an alert said again after a crash, a report sent again."""
    history = copy.deepcopy(HONEST)
    for name in ("alerts", "truck-states"):
        last = history.topics[name][-1]
        history.topics[name].append(last._replace(offset=last.offset + 1))
    written = history.states[_last_truck(history)]
    stamped = state.decode("truck", written.value or b"")
    stamped.take("truck-states", stamped.offsets["truck-states"], [])
    stamped.state.order.duplicates += 1
    history.states.append(written._replace(offset=10_000, value=state.encode(stamped)))

    verdict = judge(history)

    assert verdict.findings == []
    assert verdict.repeats == {"alerts": 1, "truck-states": 1}


@pytest.mark.parametrize("header", ["2013", "2019"])
def test_a_frame_is_read_as_the_terminal_wrote_it(header: Any) -> None:
    """Serial and times of both header kinds, one report or a batch, escapes undone."""
    reports = [
        Report(
            truck_id="t1", time_ms=1_795_462_332_000 + n * 1000, lon=-8.6, lat=41.1, fix=True, speed_mps=8,
            heading_deg=90, odometer_m=126_000, cover_open=False, bed_raised=False, loaded=True, full=False,
            load_kg=0x7E7D, ignition=True,
        )
        for n in range(3)
    ]  # fmt: skip
    times = tuple(report.time_ms for report in reports)
    one = jt808.frame(jt808.LOCATION, jt808.location(reports[0]), phone=PHONE, serial=0x7E7D, header=header)
    many = jt808.frame(jt808.LOCATIONS, jt808.locations(reports), phone=PHONE, serial=7, header=header)
    beat = jt808.frame(jt808.HEARTBEAT, b"", phone=PHONE, serial=8, header=header)

    assert frame_of(one) == (0x7E7D, times[:1])
    assert frame_of(many) == (7, times)
    assert frame_of(beat) == (8, ())
