"""What must be in the tables, by the log alone: a row for each thing that was said, as it was said, and no other row.

The recorder's own mappings have no part in it: which record of a thing a table shows is said here again, from the contract.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable
from operator import attrgetter
from typing import Any, Final, NamedTuple

from services.newest import rank_ms, reading_rank_ms
from services.store.schema import metadata
from services.store.sink import Row, bytea
from streams import codec, events, topics
from streams.topics import BY_NAME, JOINED_PARTITIONS, Topic
from tests.simulation.log import TP, Log, Record
from tests.simulation.tables import _TOPICS, Tables
from tests.simulation.world import Violation

_LETTERS: Final = "dead_letters"
_PLACE: Final = ("topic", "partition", "offset", "stage")


class Told(NamedTuple):
    """A record that can be used."""

    event: Any
    record: Record


def _first(told: list[Told]) -> Told:
    return told[0]


def _last(told: list[Told]) -> Told:
    return told[-1]


def _newest(rank: Callable[[Any], Any]) -> Callable[[list[Told]], Told]:
    """Of the newest the one that came last."""
    return lambda told: max(told, key=lambda one: (rank(one.event), one.record.offset))


def _report(fix: events.TruckState) -> Hashable:
    """A terminal's report by its number, or, where it has none, by its place."""
    return fix.truck_id, fix.event_time_ms, fix.terminal_id, (fix.lon, fix.lat) if fix.seq is None else fix.seq


class Letter(NamedTuple):
    """What a dead letter says. ``reason`` None = whatever the recorder found."""

    key: bytes | None
    value: bytes
    reason: str | None


class Shown(NamedTuple):
    """A table that shows one record of each thing."""

    topic: Topic
    table: str
    thing: Callable[[Any], Hashable]
    which: Callable[[list[Told]], Told]


def _members(topic: Topic) -> tuple[str, ...]:
    return topic.record.__struct_fields__ if topic.record else ()


SHOWN: Final = (
    Shown(topics.TRUCK_STATES, "positions", _report, _first),
    Shown(topics.TRUCK_STATES, "last_positions", attrgetter("truck_id"), _newest(rank_ms)),
    Shown(topics.BIN_READINGS, "bin_readings", attrgetter("bin_id", "event_time_ms", "seq"), _first),
    Shown(topics.BIN_READINGS, "last_bins", attrgetter("bin_id"), _newest(reading_rank_ms)),
    Shown(topics.WEIGHINGS, "weighings", attrgetter("weighing_id"), _first),
    Shown(topics.DRIVER_ACTIONS, "driver_actions", attrgetter("action_id"), _first),
    Shown(topics.PLANS, "plans", attrgetter("truck_id", "plan_version"), _first),
    Shown(topics.PLANS, "last_plans", attrgetter("truck_id"), _newest(attrgetter("plan_version"))),
    Shown(topics.COLLECTIONS_DUE, "collections_due", attrgetter("place_kind", "place_id", "at_ms"), _last),
    Shown(topics.COLLECTIONS_DUE, "last_due", attrgetter("place_kind", "place_id"), _newest(attrgetter("at_ms"))),
    Shown(topics.VISITS, "visits", attrgetter("visit_id"), _last),
    Shown(topics.TICKETS, "tickets", attrgetter("ticket_id"), _newest(attrgetter("revision"))),
    Shown(topics.ALERTS, "alert_revisions", attrgetter("alert_id", "revision"), _first),
    Shown(topics.ALERTS, "alerts", attrgetter("alert_id"), _newest(attrgetter("revision"))),
)
"""Every table that the records of a run make rows in, but for the dead letters."""
_MEMBERS: Final = {
    shown.table: [
        column.name for column in metadata.tables[shown.table].columns if column.name in _members(shown.topic)
    ]
    for shown in SHOWN
}


def check(log: Log, tables: Tables) -> None:
    """Compare all that the tables have taken with their rows (I1, I2 of the tables); raise `Violation`."""
    told: dict[str, dict[int, list[Told]]] = defaultdict(lambda: defaultdict(list))
    letters: dict[Hashable, Letter] = {}
    for tp in ((topic, number) for topic in _TOPICS for number in range(JOINED_PARTITIONS)):
        for record in log.partitions[tp][: tables.next[tp]]:
            if tp[0] == topics.DEAD_LETTERS.name:
                letters.setdefault(*_letter(record))
            elif (event := _event(tp, record)) is not None:
                told[tp[0]][tp[1]].append(Told(event, record))
            else:
                letters[*tp, record.offset, "recorder"] = Letter(record.key, record.value or b"", None)
    for shown in SHOWN:
        _check_table(shown, told[shown.topic.name].values(), tables.rows[shown.table].values())
    _check_letters(letters, tables.rows[_LETTERS].values())
    strange = {name for name, rows in tables.rows.items() if rows} - {shown.table for shown in SHOWN} - {_LETTERS}
    if strange:
        raise Violation(f"I2: the tables {sorted(strange)} have rows of nothing")


def _event(tp: TP, record: Record) -> Any:
    """Return what a record says; None = it cannot be used."""
    try:
        codec.check_schema(BY_NAME[tp[0]], dict(record.headers))
        return codec.decode(BY_NAME[tp[0]], record.value)
    except codec.Undecodable:
        return None


def _check_table(shown: Shown, told: Iterable[list[Told]], rows: Iterable[Row]) -> None:
    """Each thing has one row, that of the record to be shown: of several partitions' records either may have come first."""
    wanted: dict[Hashable, dict[bytes | None, Any]] = defaultdict(dict)
    for of_partition in told:
        by_thing: dict[Hashable, list[Told]] = defaultdict(list)
        for one in of_partition:
            by_thing[shown.thing(one.event)].append(one)
        for thing, records in by_thing.items():
            chosen = shown.which(records)
            wanted[thing][chosen.record.value] = chosen.event
    names, have = _MEMBERS[shown.table], Counter[Hashable]()
    for row in rows:
        record = bytes(row["record"])
        thing = shown.thing(codec.decode(shown.topic, record))
        have[thing] += 1
        if record not in wanted[thing]:
            raise Violation(
                f"I2: the table {shown.table} shows of {thing} {record[:200]!r}, not {list(wanted[thing])[:1]}"
            )
        event = wanted[thing][record]
        wrong = [name for name in names if row.get(name) != getattr(event, name)]
        if wrong:
            raise Violation(f"I2: the table {shown.table} says of {thing} another {wrong} than its record")
    _check_count(shown.table, wanted, have)


def _check_count(table: str, wanted: Iterable[Hashable], have: Counter[Hashable]) -> None:
    lacking = [thing for thing in wanted if not have[thing]]
    if lacking:
        raise Violation(f"I1: the table {table} lacks {lacking[:3]}, {len(lacking)} in all")
    twice = [thing for thing, count in have.items() if count > 1]
    if twice:
        raise Violation(f"I2: the table {table} has {twice[0]} {have[twice[0]]} times")


def _letter(record: Record) -> tuple[Hashable, Letter]:
    """Return what a dead letter is of, and what it says."""
    given = {name: value.decode() for name, value in record.headers if name in {*_PLACE, "reason"}}
    place = (given["topic"], int(given["partition"]), int(given["offset"]), given["stage"])
    return place, Letter(record.key, record.value or b"", given["reason"])


def _check_letters(wanted: dict[Hashable, Letter], rows: Iterable[Row]) -> None:
    """Each record that was set aside has one row, with its bytes, its key and the reason."""
    have = Counter[Hashable]()
    for row in rows:
        place = tuple(row[name] for name in _PLACE)
        have[place] += 1
        if place not in wanted:
            raise Violation(f"I2: the table {_LETTERS} has {place}, which nobody set aside")
        key, value, reason = wanted[place]
        said = (None if key is None else bytea(key), bytea(value), reason or row["reason"])
        if said != (row["key"], row["value"], row["reason"]):
            raise Violation(f"I2: the table {_LETTERS} says of {place} another key, value or reason")
    _check_count(_LETTERS, wanted, have)
