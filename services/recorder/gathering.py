"""Many records into few writes: one a table. Rows that a later record of the same batch replaces are never made.

Of a truck's thousand positions in a backlog one is its last: the table of last positions needs that one row. What is
left here the tables' own statements would have left too (`services.store.sink.Keep`); they go on deciding.
"""

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import Any, Final, NamedTuple

import msgspec

from services import bus
from services.recorder import mappings
from services.recorder.mappings import MAPPINGS, Mapping
from services.store.schema import metadata
from services.store.sink import Row, Write

Key = tuple[Any, ...]


class _Told(NamedTuple):
    """A record that may make a row of a table that keeps the newest."""

    event: Any
    raw: msgspec.Raw
    offset: int


class _Newest:
    """Of one such table: by key the newest record, and those before it that still count for a column it leaves empty."""

    def __init__(self, mapping: Mapping) -> None:
        key: Any = attrgetter(*_key_of(mapping))
        self._mapping = mapping
        self._key: Callable[[Any], Key] = key
        self._found: dict[Key, tuple[Any, list[_Told]]] = {}

    def ranked(self, told: _Told) -> tuple[Key, Any, bool]:
        """Return whose row a record may make, how new it is, and whether it leaves no column to an older one."""
        keep, said = self._mapping.keep, self._mapping.rest(told.event)
        rank = said[keep.by] if keep.by in said else getattr(told.event, keep.by)
        return self._key(told.event), rank, all(said.get(name) is not None for name in keep.carry)

    def add(self, told: _Told, key: Key, rank: Any, *, whole: bool) -> None:
        known = self._found.get(key)
        if known is None:
            self._found[key] = (rank, [told])
        elif rank >= known[0]:
            self._found[key] = (rank, [told] if whole else [*known[1], told])

    def rows(self) -> list[Row]:
        return [
            mappings.row_of(self._mapping, told.event, told.raw, told.offset)
            for _, each in self._found.values()
            for told in each
        ]


def _key_of(mapping: Mapping) -> list[str]:
    return [column.name for column in metadata.tables[mapping.table].primary_key]


_KEEPING_NEWEST: Final = tuple(mapping for mapping in MAPPINGS if mapping.keep.by)


class Gathering:
    """What some records become, before it is written."""

    def __init__(self) -> None:
        self._writes: dict[str, Write] = {}
        self._newest = {mapping.table: _Newest(mapping) for mapping in _KEEPING_NEWEST}

    def add(self, record: bus.Record) -> None:
        """Take a record in; whatever is raised, nothing of it was taken.

        Raises
        ------
        codec.Undecodable
            If these bytes are not what the topic promises.
        """
        of_topic = mappings.BY_TOPIC[record.topic]
        if not of_topic:
            self.write(mappings.writes_of(record))
            return
        told = _Told(*mappings.decoded(record), record.offset)
        made = [
            (mapping, mappings.row_of(mapping, told.event, told.raw, record.offset))
            for mapping in of_topic
            if mapping.table not in self._newest
        ]
        ranked = [
            (mapping, self._newest[mapping.table].ranked(told)) for mapping in of_topic if mapping.table in self._newest
        ]
        for mapping, row in made:
            self._rows(mapping).append(row)
        for mapping, (key, rank, whole) in ranked:
            self._newest[mapping.table].add(told, key, rank, whole=whole)

    def write(self, writes: Iterable[Write]) -> None:
        """Take rows in that are made already."""
        for write in writes:
            known = self._writes.setdefault(write.table, write._replace(rows=[]))
            known.rows.extend(write.rows)

    def writes(self) -> list[Write]:
        """Return all rows, one write a table, in the order of `MAPPINGS`."""
        newest = (Write(m.table, m.keep, self._newest[m.table].rows()) for m in _KEEPING_NEWEST)
        return mappings.gathered([*self._writes.values(), *(write for write in newest if write.rows)])

    def _rows(self, mapping: Mapping) -> list[Row]:
        if mapping.table not in self._writes:
            self._writes[mapping.table] = Write(mapping.table, mapping.keep, [])
        return self._writes[mapping.table].rows
