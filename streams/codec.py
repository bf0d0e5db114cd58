"""Bytes to records and back. What cannot be decoded is a `DeadLetter`, never an exception in an agent."""

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import msgspec
from msgspec.structs import force_setattr

from streams import events
from streams.topics import BY_NAME, Topic

SCHEMA_HEADER: Final = "schema"
ORIGINAL_HEADER: Final = "original-"
"""On a dead letter: prefix of the headers the record itself had."""
MAX_RECORD_BYTES: Final = 900_000
"""A larger value is a dead letter, and cut; Kafka's own default limit is 1,048,588 bytes a batch."""
CUT_HEADER: Final = "cut"
"""On a dead letter: what of it was too long for a record of its own, and how long that was."""
_LONGEST_VALUE: Final = MAX_RECORD_BYTES
_LONGEST_KEY: Final = 2_000
_LONGEST_REASON: Final = 2_000
_LONGEST_HEADERS: Final = 40_000
"""Bytes; together they fit a record, whatever was set aside."""
_A_HEADER: Final = len(ORIGINAL_HEADER) + 10
"""Bytes that a header costs beside its name and value: our prefix, and two lengths."""

_encoder = msgspec.json.Encoder()


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """Bytes that could not be used, where they stood and why. ``reason`` names field, value and what was expected.

    A letter fits a record: what is longer is cut, and ``cut`` says so. The whole then stands only where it was found.
    """

    topic: str
    stage: str
    reason: str
    value: bytes
    key: bytes | None = None
    partition: int | None = None
    offset: int | None = None
    original: tuple[tuple[str, bytes], ...] = ()
    """The record's own headers: without them it could not be read again."""
    cut: str = ""
    """What was cut, and how long it was; empty = nothing."""

    @classmethod
    def of(cls, record: Any, topic: Topic, partition: int, *, stage: str, reason: str) -> "DeadLetter":
        """Return the letter of a record as Kafka's client gives it: with its place, key and headers."""
        return cls(
            topic=topic.name,
            stage=stage,
            reason=reason,
            value=record.value or b"",
            key=record.key,
            partition=partition,
            offset=record.offset,
            original=tuple(record.headers),
        )

    def __post_init__(self) -> None:
        """Cut what is too long."""
        cut = [self.cut] if self.cut else []
        for name, longest in (("value", _LONGEST_VALUE), ("key", _LONGEST_KEY)):
            given = getattr(self, name)
            if given is not None and len(given) > longest:
                cut.append(f"{name} of {len(given)} bytes")
                force_setattr(self, name, given[:longest])
        if len(self.reason) > _LONGEST_REASON:
            force_setattr(self, "reason", f"{self.reason[: _LONGEST_REASON - 1]}…")
        size = sum(_A_HEADER + len(name.encode()) + len(value or b"") for name, value in self.original)
        if size > _LONGEST_HEADERS:
            cut.append(f"{len(self.original)} headers of {size} bytes")
            force_setattr(self, "original", ())
        force_setattr(self, "cut", ", ".join(cut))

    def headers(self) -> list[tuple[str, bytes]]:
        """Headers of the record on ``dead-letters``: the contract's, and the record's own with `ORIGINAL_HEADER` before."""
        return [
            ("topic", self.topic.encode()),
            ("partition", b"" if self.partition is None else str(self.partition).encode()),
            ("offset", b"" if self.offset is None else str(self.offset).encode()),
            ("stage", self.stage.encode()),
            ("reason", self.reason.encode()),
            *([(CUT_HEADER, self.cut.encode())] if self.cut else []),
            *((f"{ORIGINAL_HEADER}{name}", value) for name, value in self.original),
        ]


class Undecodable(ValueError):  # noqa: N818  # a verdict on a record, not a failure of ours
    """These bytes are not the record the topic promises; the message says what is wrong, for people."""


@cache
def _decoder(record: type[events.Event]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(record)


def decode(topic: Topic, value: bytes | None) -> Any:
    """Return the record of ``topic`` in ``value``.

    A member that is null where the struct has a plain default is read as missing (contract: both mean "not measured").

    Raises
    ------
    Undecodable
        With a sentence that names the member and what was expected.
    """
    if topic.record is None:
        raise Undecodable(f"records of {topic.name} are opaque bytes")
    if value is None:
        raise Undecodable("the record has no value")
    if len(value) > MAX_RECORD_BYTES:
        raise Undecodable(f"the value has {len(value)} bytes, at most {MAX_RECORD_BYTES} are allowed")
    try:
        return _decoder(topic.record).decode(value)
    except msgspec.ValidationError:
        return _decode_without_nulls(topic.record, value)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Undecodable(f"not JSON: {error}") from error


def _decode_without_nulls(record: type[events.Event], value: bytes) -> Any:
    try:
        return msgspec.convert(_drop_nulls(msgspec.json.decode(value)), record)
    except (msgspec.ValidationError, RecursionError) as error:
        raise Undecodable(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Undecodable(f"not JSON: {error}") from error


def _drop_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _drop_nulls(member) for name, member in value.items() if member is not None}
    return value


def encode(record: events.Event) -> bytes:
    """Return the record as one JSON object; members at their default are left out."""
    return _encoder.encode(record)


def headers(topic: Topic) -> list[tuple[str, bytes]]:
    """Headers of a record of ``topic``."""
    return [(SCHEMA_HEADER, topic.schema.encode())]


def check_schema(topic: Topic, given: Mapping[str, bytes]) -> None:
    """Raise `Undecodable` if the header names another schema; no header means version 1."""
    schema = given.get(SCHEMA_HEADER)
    if schema is not None and schema.decode(errors="replace") != topic.schema:
        raise Undecodable(f"header schema is {schema.decode(errors='replace')!r}, expected {topic.schema!r}")


def key_of(record: events.Event) -> str:
    """Return the record's key on its topic.

    Raises
    ------
    TypeError
        If no topic carries such records.
    """
    if isinstance(record, events.Asset):
        return f"{record.kind}:{record.id}@{record.version}"
    key = _KEY_FIELD.get(type(record))
    if key is None:
        raise TypeError(f"no topic carries {type(record).__name__}")
    value = str(getattr(record, key))
    return f"{value}@{record.version}" if isinstance(record, events.Versioned) else value


def topic_of(record: events.Event) -> Topic:
    """Return the topic that carries such records."""
    return _TOPIC_OF[type(record)]


_TOPIC_OF: Final = {topic.record: topic for topic in BY_NAME.values() if topic.record is not None}
_KEY_FIELD: Final[dict[type[events.Event], str]] = {
    topic.record: topic.key.removesuffix("@version")
    for topic in BY_NAME.values()
    if topic.record is not None and topic.key.removesuffix("@version") in topic.record.__struct_fields__
}
