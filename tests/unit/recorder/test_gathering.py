"""Many records into few writes: the tables end with what they would have got row by row."""

import random
from typing import Any

import pytest

from services import bus
from services.recorder import mappings
from services.recorder.gathering import Gathering
from services.store.schema import metadata
from services.store.sink import Write, _one_a_key
from streams import codec, events, topics
from streams.codec import Undecodable

NOW_MS = 1_795_500_000_000


def record(event: events.Event, offset: int = 7) -> bus.Record:
    topic = codec.topic_of(event)
    return bus.Record(topic.name, 0, offset, b"k", codec.encode(event), dict(codec.headers(topic)), NOW_MS)


def _some(chance: random.Random) -> list[bus.Record]:
    """Few trucks, bins and alerts, many reports out of order, some without a place or a fill."""
    told: list[events.Event] = []
    for number in range(60):
        at_ms = NOW_MS + 1_000 * chance.randrange(20)
        place = {"lon": chance.random(), "lat": chance.random()} if chance.random() < 0.7 else {}
        told += [
            events.TruckState(
                truck_id=chance.choice("ab"), event_time_ms=at_ms, seq=number, fix=chance.random() < 0.8,
                source=chance.choice(("jt808", "osmand")), **place,
            ),
            events.BinReading(
                bin_id=chance.choice("xy"), event_time_ms=at_ms, seq=number,
                fill=chance.choice((None, chance.random())), invalid=chance.choice((None, "echo")),
            ),
            events.TruckPlan(truck_id=chance.choice("ab"), plan_version=chance.randrange(5), made_ms=at_ms, reason="shift"),
            events.CollectionDue(place_kind="bin", place_id=chance.choice("xy"), material="residual", due=True, at_ms=at_ms),
        ]  # fmt: skip
    return [record(event, offset) for offset, event in enumerate(told)]


@pytest.mark.parametrize("seed", range(30))
def test_what_is_written_is_what_every_row_would_have_left(seed: int) -> None:
    """Also where an older record still counts for a column that the newest leaves empty."""
    records = _some(random.Random(seed))
    gathering = Gathering()
    for one in records:
        gathering.add(one)

    few = gathering.writes()
    all_ = mappings.gathered(write for one in records for write in mappings.writes_of(one))

    assert [write.table for write in few] == [write.table for write in all_]
    assert [_left(write) for write in few] == [_left(write) for write in all_]
    last = {write.table: len(write.rows) for write in few}
    assert last["last_positions"] < 30
    assert last["positions"] == 60


def _left(write: Write) -> list[dict[str, Any]]:
    return [
        {name: bytes(value) if name == "record" else value for name, value in row.items()}
        for row in _one_a_key(metadata.tables[write.table], write)
    ]


def test_of_a_record_that_cannot_be_used_nothing_is_taken() -> None:
    """Whoever sets it aside finds no half of it among the rows."""
    gathering = Gathering()
    broken = record(events.TruckState(truck_id="a", event_time_ms=NOW_MS))._replace(value=b'{"truck_id": 7}')
    with pytest.raises(Undecodable):
        gathering.add(broken)
    assert gathering.writes() == []


def test_opaque_records_and_letters_are_rows_too() -> None:
    """Raw frames and dead letters have tables, and no record of the contract."""
    gathering = Gathering()
    gathering.add(bus.Record(topics.RAW_FRAMES.name, 0, 3, b"0139", b"\x7e", {}, NOW_MS))
    gathering.write([mappings.set_aside(record(events.TruckState(truck_id="a", event_time_ms=1)), "broken")])
    assert {write.table: len(write.rows) for write in gathering.writes()} == {"raw_frames": 1, "dead_letters": 1}
