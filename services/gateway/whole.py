"""Records as pages get them: every member is there, also those at their default, which Kafka leaves out."""

from functools import cache
from typing import Any, Final

import msgspec

from streams import codec
from streams.topics import Topic

_PLAIN: Final = frozenset({str, int, float, bool, type(None)})
"""Most members are one of these; a thousand plans have half a million, so nothing is called for them."""


def whole(value: Any) -> Any:
    """Return a record as JSON values, no member left out."""
    if isinstance(value, msgspec.Struct):
        return {
            name: member if type(member := getattr(value, field)) in _PLAIN else whole(member)
            for field, name in _fields(type(value))
        }
    if isinstance(value, list | tuple):
        return [one if type(one) in _PLAIN else whole(one) for one in value]
    return value


@cache
def _fields(kind: type[msgspec.Struct]) -> tuple[tuple[str, str], ...]:
    return tuple((field.name, field.encode_name) for field in msgspec.structs.fields(kind))


def as_event(topic: Topic, raw: dict[str, Any]) -> Any:
    """Return the record of a topic that the tables keep as JSON."""
    return codec.decode(topic, msgspec.json.encode(raw))
