"""What exists, as the worker reads it: all that is read together is learnt before any of it is applied."""

from typing import NamedTuple

from streams import codec, events
from streams.assets import Reference
from streams.worker.reference_reader import ReferenceReader
from tests.unit.streams import town


class Given(NamedTuple):
    """A record as the broker gives it."""

    topic: str
    offset: int
    value: bytes
    partition: int = 0
    key: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()


def test_a_misplaced_record_is_set_aside_whatever_is_read_before_it() -> None:
    """First or last: a named letter at stage ``apply``, and the place is not there; one that is no record is one as before."""
    wrong = events.Asset(id="f0", kind="facility", lon=41.16, lat=-8.62, valid_from_ms=0)
    for records in ([wrong, *town.records()], [*town.records(), wrong]):
        known = Reference()
        reader = ReferenceReader("nowhere:9092", known)
        for offset, record in enumerate(records):
            reader._decode(Given(codec.topic_of(record).name, offset, codec.encode(record)))
        reader._decode(Given("assets", 99, b"{"))
        reader._apply()
        assert [(letter.stage, letter.offset) for letter in reader._letters] == [
            ("decode", 99), ("apply", records.index(wrong))
        ]  # fmt: skip
        assert "facility f0: place lon 41.16, lat -8.62" in reader._letters[1].reason
        assert known.place("facility", "f0", 1) is None
        assert known.place("facility", "f1", 1) is not None
