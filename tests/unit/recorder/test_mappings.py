"""What becomes of a record: complete, and the same for the same record."""

from typing import Any, get_args, get_type_hints

import msgspec
import pytest

from services import bus
from services.recorder import mappings
from services.store.schema import metadata
from services.store.sink import KEEP_FIRST, Keep, Write, _one_a_key
from streams import codec, events, topics
from streams.codec import Undecodable
from streams.topics import TOPICS

NOW_MS = 1_795_500_000_000


def record(event: events.Event, offset: int = 7) -> bus.Record:
    topic = codec.topic_of(event)
    return bus.Record(topic.name, 0, offset, b"k", codec.encode(event), dict(codec.headers(topic)), NOW_MS)


def test_every_topic_but_ticks_and_what_is_said_twice_is_recorded() -> None:
    """A topic that is added to the catalogue must get its table here. Dumps are alerts, said once more to places."""
    assert set(TOPICS) - set(mappings.RECORDED) == {topics.TICKS, topics.DUMPS}


def test_every_mapping_fills_every_required_column() -> None:
    """No column that must not be null is left to chance: members, or what the mapping adds, cover them."""
    samples: dict[str, events.Event] = {
        "truck-states": events.TruckState(truck_id="t", event_time_ms=1, seq=3, terminal_id="x", lon=1.0, lat=1.0),
        "bin-readings": events.BinReading(bin_id="b", event_time_ms=1),
    }
    for topic_name, event in samples.items():
        for write in mappings.writes_of(record(event)):
            table = metadata.tables[write.table]
            required = {c.name for c in table.columns if not c.nullable and c.server_default is None}
            assert {name for name in required if write.rows[0].get(name) is None} == set(), (topic_name, write.table)
    for mapping in mappings.MAPPINGS:
        assert mapping.topic.record is not None
        known = set(mapping.topic.record.__struct_fields__) | {
            "record",
            "district_id",
            "rank_ms",
            "fix_key",
            "reading_key",
        }
        required = {c.name for c in metadata.tables[mapping.table].columns if not c.nullable}
        assert required <= known, mapping.table


@pytest.mark.parametrize("kind", get_args(get_type_hints(events.DispatchAction)["kind"]))
def test_what_a_dispatcher_did_is_kept_whatever_it_was(kind: Any) -> None:
    """Who and why stand in the table: also of a facility that was closed or opened again."""
    done = events.DispatchAction(action_id="d1", subject_id="f1", actor="ana", kind=kind, at_ms=NOW_MS, reason="full")
    (write,) = mappings.writes_of(record(done))
    (row,) = write.rows
    assert (write.table, row["actor"], row["kind"], row["at_ms"]) == ("dispatch_actions", "ana", kind, NOW_MS)
    assert msgspec.json.decode(row["record"])["reason"] == "full"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ({"seq": 1}, {"seq": 1, "lon": 2.0}, True),
        ({"seq": 1}, {"seq": 2}, False),
        ({"seq": 1}, {"seq": 1, "terminal_id": "y"}, False),
        ({}, {}, True),
        ({}, {"lon": 2.0}, False),
    ],
)
def test_a_duplicate_fix_is_what_the_contract_says(first: dict, second: dict, *, same: bool) -> None:
    """Same truck, terminal, time and seq; without seq, also the same place."""
    given = {"truck_id": "t", "event_time_ms": 1, "terminal_id": "x", "lon": 1.0, "lat": 1.0}
    keys = [
        mappings.writes_of(record(events.TruckState(**(given | more))))[0].rows[0]["fix_key"]
        for more in (first, second)
    ]
    assert (keys[0] == keys[1]) is same


def test_a_record_of_another_schema_is_refused() -> None:
    """The header names a schema we do not know: a dead letter, not a guess."""
    given = record(events.TruckState(truck_id="t", event_time_ms=1))
    with pytest.raises(Undecodable, match="truck-state/2"):
        mappings.writes_of(given._replace(headers={"schema": b"truck-state/2"}))


def test_a_dead_letter_has_the_same_id_each_time() -> None:
    """Set aside twice, it is one row."""
    given = record(events.TruckState(truck_id="t", event_time_ms=1))
    one, two = (mappings.set_aside(given, "why").rows[0] for _ in range(2))
    assert one == two
    assert one["letter_id"] != mappings.set_aside(given._replace(offset=8), "why").rows[0]["letter_id"]


def test_raw_frames_keep_their_bytes() -> None:
    """Bytes, arrival, session and protocol as ingest wrote them."""
    headers = {"received_time_ms": b"1795500000123", "session": b"s1", "protocol": b"jt808"}
    given = bus.Record("raw-frames", 2, 9, b"0139", b"\x7e\x00\x7e", headers, NOW_MS)
    row = mappings.writes_of(given)[0].rows[0]
    assert (row["bytes"], row["received_time_ms"], row["session"], row["device_id"]) == (
        "\\x7e007e",
        1_795_500_000_123,
        "s1",
        "0139",
    )


def test_rows_of_one_key_fold_as_the_statement_would() -> None:
    """In one slice: the first is kept, or the newest with what it does not know carried over."""
    rows = [
        {"tenant_id": "p", "truck_id": "t", "rank_ms": 5, "lon": 1.0},
        {"tenant_id": "p", "truck_id": "t", "rank_ms": 9, "lon": None},
        {"tenant_id": "p", "truck_id": "t", "rank_ms": 7, "lon": 3.0},
        {"tenant_id": "p", "truck_id": "a", "rank_ms": 1, "lon": 4.0},
    ]
    table = metadata.tables["last_positions"]
    newest = _one_a_key(table, Write("last_positions", Keep("rank_ms", carry=("lon",)), rows))
    assert [(row["truck_id"], row["rank_ms"], row["lon"]) for row in newest] == [("a", 1, 4.0), ("t", 9, 1.0)]
    first = _one_a_key(table, Write("last_positions", KEEP_FIRST, rows))
    assert [row["rank_ms"] for row in first] == [1, 5]


def test_the_record_is_kept_as_it_came() -> None:
    """Members we do not know are in the table too: what a newer sender says is not lost."""
    given = record(events.TruckState(truck_id="t", event_time_ms=1))
    raw = b'{"truck_id":"t","event_time_ms":1,"colour":"red"}'
    last = mappings.writes_of(given._replace(value=raw))[1].rows[0]
    assert msgspec.json.decode(msgspec.json.encode(last["record"]))["colour"] == "red"


def test_members_without_a_column_are_kept_beside_them() -> None:
    """A fix that ingest wrote has none; known members in another order, or null, are no difference; unknown ones stay."""
    event = events.TruckState(truck_id="t", event_time_ms=1, seq=3)
    for value, rest in (
        (codec.encode(event), None),
        (b'{"seq": 3, "event_time_ms": 1, "load_kg": null, "truck_id": "t"}', None),
        (
            b'{"truck_id": "t", "event_time_ms": 1, "tyre_kpa": [1, 2], "axle": null}',
            {"tyre_kpa": [1, 2], "axle": None},
        ),
    ):
        position, last = mappings.writes_of(record(event)._replace(value=value))
        assert position.rows[0]["rest"] == rest
        assert "rest" not in last.rows[0]


def test_a_letter_keeps_the_headers_of_the_record_it_was() -> None:
    """Those on Kafka as they stand there; those of a record this process could not read, as the worker would say them."""
    known = record(events.TruckState(truck_id="t", event_time_ms=1))
    (letter,) = mappings.writes_of(known._replace(topic="dead-letters", headers={"stage": b"decode", "x": b"\xff"}))
    assert letter.rows[0]["headers"] == {"stage": "ZGVjb2Rl", "x": "/w=="}
    aside = mappings.set_aside(known, "why").rows[0]
    assert aside["headers"] == {"original-schema": "dHJ1Y2stc3RhdGUvMQ=="}
