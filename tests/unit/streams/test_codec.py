"""What the contract's bytes mean, and what is refused with which sentence."""

import re

import msgspec
import pytest

from streams import codec, events, topics

FIX = b'{"truck_id":"t1","event_time_ms":1795462332000,"lon":-8.61,"lat":41.15,"cover":"closed"}'


def test_unknown_stays_unknown() -> None:
    """A member that is null or missing is not measured; it never turns into closed, empty or 0."""
    fix = codec.decode(
        topics.TRUCK_STATES, b'{"truck_id":"t1","event_time_ms":1,"cover":null,"load_kg":null,"bed":null}'
    )
    assert (fix.cover, fix.bed, fix.load_state, fix.load_kg, fix.speed_mps) == (
        "unknown",
        "unknown",
        "unknown",
        None,
        None,
    )


def test_unknown_members_are_ignored() -> None:
    """Fields may be added by others: a member we do not know changes nothing."""
    assert codec.decode(topics.TRUCK_STATES, FIX) == codec.decode(topics.TRUCK_STATES, FIX[:-1] + b',"colour":"red"}')


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, "no value"),
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"{", "not JSON"),
        (b'{"truck_id":"t1","event_time_ms":NaN}', "not JSON"),
        (b"[" * 200_000, "recursion"),
        (b"[]", "Expected `object`"),
        (b'{"truck_id":"t1"}', "event_time_ms"),
        (b'{"truck_id":"","event_time_ms":1}', "$.truck_id"),
        (b'{"truck_id":7,"event_time_ms":1', "truncated"),
        (b'{"truck_id":"t1","event_time_ms":"soon"}', "$.event_time_ms"),
        (b'{"truck_id":"t1","event_time_ms":1,"lon":200}', "$.lon"),
        (b'{"truck_id":"t1","event_time_ms":1,"cover":"ajar"}', "$.cover"),
        (b"x" * (codec.MAX_RECORD_BYTES + 1), "at most"),
    ],
)
def test_undecodable_says_why(value: bytes | None, expected: str) -> None:
    """Whatever the bytes, the verdict is one typed error whose sentence names what is wrong."""
    with pytest.raises(codec.Undecodable, match=re.escape(expected)):
        codec.decode(topics.TRUCK_STATES, value)


def test_round_trip() -> None:
    """A record that is encoded and decoded is the same record, and defaults cost no bytes."""
    fix = codec.decode(topics.TRUCK_STATES, FIX)
    assert codec.decode(topics.TRUCK_STATES, codec.encode(fix)) == fix
    assert b"maintenance" not in codec.encode(fix)


def test_keys_carry_the_version() -> None:
    """What exists is keyed by id and version, so compaction keeps every version."""
    asset = events.Asset(id="t1", kind="truck", version=3, valid_from_ms=0)
    permit = events.Permit(permit_id="p3", version=2, valid_from_ms=0)
    assert (codec.key_of(asset), codec.key_of(permit)) == ("truck:t1@3", "p3@2")
    assert codec.key_of(codec.decode(topics.TRUCK_STATES, FIX)) == "t1"


def test_the_contract_calls_it_class() -> None:
    """A truck's class is ``class`` on the wire, whatever Python calls it."""
    truck = events.Asset(id="t1", kind="truck", valid_from_ms=0, truck_class="tipper")
    assert msgspec.json.decode(codec.encode(truck))["class"] == "tipper"


def test_schema_header() -> None:
    """Another schema is refused; no header means version 1."""
    codec.check_schema(topics.TRUCK_STATES, {})
    codec.check_schema(topics.TRUCK_STATES, {"schema": b"truck-state/1"})
    with pytest.raises(codec.Undecodable, match="truck-state/2"):
        codec.check_schema(topics.TRUCK_STATES, {"schema": b"truck-state/2"})


def test_every_topic_has_a_record_and_a_key() -> None:
    """The catalogue is complete: each typed topic's records know their topic, and joined topics share one count."""
    for topic in topics.TOPICS:
        if topic.record is not None:
            assert codec.BY_NAME[topic.name] is topic
        assert topic.partitions in (1, topics.JOINED_PARTITIONS)


def test_ids_are_derived() -> None:
    """The same cause gives the same id in every process, so a replay cannot alert twice."""
    assert events.alert_id("spillage", "t1", 5) == events.alert_id("spillage", "t1", 5)
    assert events.alert_id("spillage", "t1", 5) != events.alert_id("spillage", "t1", 6)
