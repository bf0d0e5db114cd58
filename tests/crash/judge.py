"""Judges a complete history: nothing acknowledged is missing, nothing is doubled, everything follows from the inputs.

Pure: `findings` takes a history and says what is wrong with it, a sentence each. What may stand on a topic twice is
what its readers take once: a record sent again says the same under the same identity.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

import msgspec

from services import bus
from services.recorder import mappings
from services.store.schema import metadata
from services.store.sink import Keep
from streams import codec, events, topics
from streams.topics import Topic
from tests.crash.claims import POISON, Claim, claims_of
from tests.crash.history import History, decoded
from tests.crash.refold import ARRIVAL, Conclusions, conclude, what

IDENTITY: Final[dict[Topic, tuple[str, ...]]] = {
    topics.TRUCK_STATES: ("truck_id", "terminal_id", "event_time_ms", "seq"),
    topics.BIN_READINGS: ("bin_id", "event_time_ms", "seq"),
    topics.WEIGHINGS: ("weighing_id",),
    topics.DRIVER_ACTIONS: ("action_id",),
    topics.ALERT_ACTIONS: ("action_id",),
    topics.DISPATCH_ACTIONS: ("action_id",),
    topics.PLANS: ("truck_id", "plan_version"),
    topics.PLANNING_RUNS: ("run_id",),
    topics.COLLECTIONS_DUE: ("place_kind", "place_id", "at_ms"),
    topics.VISITS: ("visit_id", "leave_ms"),
    topics.ALERTS: ("alert_id", "revision"),
    topics.TICKETS: ("ticket_id", "revision"),
    topics.DUMPS: ("cell", "alert_id", "revision"),
    topics.ORDERS: ("order_id", "version"),
}
"""What makes two records of a topic one and the same (contract: duplicates, derived ids, revisions)."""
_RESENT: Final = ARRIVAL | {"resent"}
"""Members in which a report that was sent again may differ."""
CONCLUDED: Final = (topics.ALERTS, topics.VISITS, topics.COLLECTIONS_DUE, topics.TICKETS, topics.DUMPS)


class Verdict(msgspec.Struct, frozen=True):
    """What was judged: how many of each, how many records stand on a topic twice, and every finding."""

    counts: dict[str, int]
    repeats: dict[str, int]
    findings: list[str]


def judge(history: History) -> Verdict:
    """Judge a history."""
    said = {topic: [_Said(record, event) for record, event in _events(history, topic)] for topic in IDENTITY}
    concluded = conclude(history)
    findings = [
        *_dead_letters(history),
        *_claims(history, said),
        *_repeats_differ(said),
        *_tables(history),
        *_conclusions(concluded, said),
        *_plans(said[topics.PLANS], said[topics.PLANNING_RUNS]),
    ]
    return Verdict(counts=_counts(history, said, concluded), repeats=_repeats(said), findings=findings)


class _Said(NamedTuple):
    """A record and what it says."""

    record: bus.Record
    event: Any

    @property
    def place(self) -> str:
        return f"{self.record.topic} {self.record.partition}@{self.record.offset}"

    def identity(self, topic: Topic) -> tuple[Any, ...]:
        return tuple(getattr(self.event, member) for member in IDENTITY[topic])


# --------------------------------------------------------------------------------------------- dead letters


Place = tuple[str, int | None, int | None]
"""Topic, partition, offset."""


def _dead_letters(history: History) -> Iterator[str]:
    """What nobody can use is set aside, with its bytes, once by each who reads it; nothing else is."""
    found: dict[Place, bus.Record] = {
        (record.topic, record.partition, record.offset): record
        for records in history.topics.values()
        for record in records
        if (record.topic, record.value) in history.poison
    }
    there = {(record.topic, record.value) for record in found.values()}
    for name, value in history.poison.keys() - there:
        yield f"{(value or b'')[:60]!r} was acknowledged and is not on {name}: lost"
    worker = {place: record for place, record in found.items() if history.poison[record.topic, record.value]}
    yield from _set_aside(worker, _letters(history), "the worker")
    yield from _set_aside(found, _aside(history), "the recorder")


class _Letter(NamedTuple):
    """What was set aside: where it stood, and its bytes as PostgreSQL writes them."""

    place: Place
    value: str
    says: str


def _letters(history: History) -> Iterator[_Letter]:
    """Dead letters on their topic. A place may come twice: who reads it again after a crash sets it aside again."""
    for record in history.of(topics.DEAD_LETTERS):
        said = {name: value.decode(errors="replace") for name, value in record.headers.items()}
        number, offset = (int(said[name]) if said.get(name) else None for name in ("partition", "offset"))
        says = f"a dead letter of {said['topic']} by {said['stage']}: {said['reason']}"
        yield _Letter((said["topic"], number, offset), f"\\x{(record.value or b'').hex()}", says)


def _aside(history: History) -> Iterator[_Letter]:
    """What the recorder set aside itself."""
    for row in map(_plain, history.tables.get("dead_letters", ())):
        if row["stage"] == "recorder":
            place = (row["topic"], row["partition"], row["offset"])
            says = f"the recorder set {row['topic']} {row['partition']}@{row['offset']} aside: {row['reason']}"
            yield _Letter(place, row["value"], says)


def _set_aside(poison: dict[Place, bus.Record], letters: Iterable[_Letter], who: str) -> Iterator[str]:
    missing = set(poison)
    for place, value, says in letters:
        missing.discard(place)
        if place not in poison:
            yield says
        elif value != f"\\x{(poison[place].value or b'').hex()}":
            yield f"{says}, with other bytes than stood there"
    for name, partition, offset in sorted(missing, key=str):
        yield f"{name} {partition}@{offset} cannot be used and was not set aside by {who}: lost"


# --------------------------------------------------------------------------------------------- acknowledged is kept


def _claims(history: History, said: dict[Topic, list[_Said]]) -> Iterator[str]:
    """Each acknowledged message is on its topic, and once in its table."""
    raw = {(record.key, record.value) for record in history.of(topics.RAW_FRAMES)}
    on_topic, in_table = _Index(lambda claim: said[claim.topic]), _Index(lambda claim: history.tables[claim.table])
    for entry in history.acknowledged:
        who = f"{entry.door} {entry.device}"
        if entry.door == "jt808" and (entry.device.encode(), bytes.fromhex(entry.message["frame"])) not in raw:
            yield f"{who}: frame {entry.message['frame'][:40]}… was acknowledged and is not on raw-frames: lost"
        for claim in claims_of(entry):
            which = ", ".join(f"{name} {value}" for name, value in claim.members)
            if not on_topic.count(claim):
                yield f"{who}: {which} was acknowledged and is not on {claim.topic.name}: lost"
            rows = in_table.count(claim)
            if not rows:
                yield f"{who}: {which} was acknowledged and is not in {claim.table}: lost"
            if rows > 1 and claim.topic is not topics.ORDERS:  # of a booking every version is a row
                yield f"{who}: {which} is {rows} times in {claim.table}: doubled"


class _Index:
    """Counts records or rows by the members a claim names."""

    def __init__(self, of: Callable[[Claim], Iterable[Any]]) -> None:
        self._of = of
        self._counts: dict[tuple[str, tuple[str, ...]], Counter[tuple[Any, ...]]] = {}

    def count(self, claim: Claim) -> int:
        names = tuple(name for name, _ in claim.members)
        key = (claim.table, names)
        if key not in self._counts:
            self._counts[key] = Counter(tuple(_member(one, name) for name in names) for one in self._of(claim))
        return self._counts[key][tuple(value for _, value in claim.members)]


def _member(one: Any, name: str) -> Any:
    if isinstance(one, _Said):
        return getattr(one.event, name)
    return one[name] if name in one else one["record"].get(name)


# --------------------------------------------------------------------------------------------- doubled


def _repeats_differ(said: dict[Topic, list[_Said]]) -> Iterator[str]:
    """What is on a topic twice says the same twice."""
    for topic, records in said.items():
        first: dict[tuple[Any, ...], _Said] = {}
        for one in records:
            identity = one.identity(topic)
            before = first.setdefault(identity, one)
            if before is not one and _content(before.event) != _content(one.event):
                named = " ".join(map(str, identity))
                yield f"{topic.name} {named}: {before.place} and {one.place} differ: doubled with other content"


def _content(event: events.Event) -> dict[str, Any]:
    return {name: value for name, value in msgspec.to_builtins(event).items() if name not in _RESENT}


def _repeats(said: dict[Topic, list[_Said]]) -> dict[str, int]:
    found = {
        topic.name: len(records) - len({one.identity(topic) for one in records}) for topic, records in said.items()
    }
    return {name: count for name, count in found.items() if count}


# --------------------------------------------------------------------------------------------- tables = topics


def _tables(history: History) -> Iterator[str]:
    """Each table is what its topic's records make of it, no row more or less."""
    expected: dict[str, dict[tuple[Any, ...], _Row]] = defaultdict(dict)
    for topic in mappings.RECORDED:
        for record in history.of(topic):
            for write in _writes(record) if (record.topic, record.value) not in history.poison else ():
                for row in write.rows:
                    _fold(expected[write.table], write.table, _plain(row), record, write.keep)
    for table, rows in history.tables.items():
        if table == "outbox":
            yield from (f"the outbox still holds a record of {row['topic']} for {row['key']}: not sent" for row in rows)
        else:
            yield from _compare(table, expected[table], rows)


class _Row(NamedTuple):
    values: dict[str, Any]
    record: bus.Record


def _writes(record: bus.Record) -> list[Any]:
    try:
        return mappings.writes_of(record)
    except codec.Undecodable:
        return []


def _fold(kept: dict[tuple[Any, ...], _Row], table: str, row: dict[str, Any], record: bus.Record, keep: Keep) -> None:
    """Keep of the rows of one key the one the table should have (`services.store.sink.Keep` says it in words)."""
    key = _key(table, row)
    old = kept.get(key)
    if old is None:
        kept[key] = _Row(row, record)
    elif keep.last or (keep.by and row[keep.by] >= old.values[keep.by]):
        carried = {name: old.values[name] for name in keep.carry if row[name] is None}
        kept[key] = _Row(row | carried, record)


def _compare(table: str, expected: dict[tuple[Any, ...], _Row], rows: list[dict[str, Any]]) -> Iterator[str]:
    found = {_key(table, row): _plain(row) for row in rows}
    for key, row in expected.items():
        place = f"{row.record.topic} {row.record.partition}@{row.record.offset}"
        if key not in found:
            yield f"{table}: the row {_named(key)} of {place} is missing"
            continue
        columns = set(metadata.tables[table].columns.keys()) - {"district_id"}  # looked up, not in the record
        differ = sorted(name for name in columns & row.values.keys() if row.values[name] != found[key].get(name))
        if differ:
            yield (
                f"{table}: the row {_named(key)} differs from {place} in {differ[0]}: "
                f"{str(found[key].get(differ[0]))[:80]}, expected {str(row.values[differ[0]])[:80]}"
            )
    for key in found.keys() - expected.keys():
        if not (table == "dead_letters" and found[key]["stage"] == "recorder"):  # judged with the dead letters
            yield f"{table}: the row {_named(key)} is of no record on a topic"


def _key(table: str, row: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(row[column.name] for column in metadata.tables[table].primary_key)


def _named(key: tuple[Any, ...]) -> str:
    return " ".join(map(str, key[1:]))  # without the tenant


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Return the row as JSON values, bytes as PostgreSQL writes them."""
    readable = {name: f"\\x{value.hex()}" if isinstance(value, bytes) else value for name, value in row.items()}
    plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(readable))
    return plain


# --------------------------------------------------------------------------------------------- conclusions


def _conclusions(concluded: Conclusions, said: dict[Topic, list[_Said]]) -> Iterator[str]:
    """Alerts, visits and what is due are what follows from the inputs: the same, in the same order of revisions."""
    yield from concluded.findings
    for topic in CONCLUDED:
        follows = {
            tuple(getattr(event, member) for member in IDENTITY[topic]): event
            for event in concluded.said
            if isinstance(event, topic.record or ())
        }
        found = {one.identity(topic): one for one in reversed(said[topic]) if _by_worker(one.event)}
        for identity, event in follows.items():
            named = f"{topic.name} {' '.join(map(str, identity))} ({_about(event)})"
            if identity not in found:
                yield f"{named} follows from the inputs and is not on the topic: lost"
            elif what(found[identity].event) != what(event):
                yield f"{named} at {found[identity].place} says something else than what follows from the inputs"
        for identity in found.keys() - follows.keys():
            one = found[identity]
            yield (
                f"{topic.name} {' '.join(map(str, identity))} ({_about(one.event)}) at {one.place} "
                "does not follow from the inputs: doubled or made up"
            )
    yield from _revisions(said[topics.ALERTS])


def _by_worker(event: events.Event) -> bool:
    return not (isinstance(event, events.CollectionDue) and event.place_kind != "bin")


def _about(event: Any) -> str:
    match event:
        case events.Alert():
            return f"{event.rule} {event.state} of {event.truck_id or event.bin_id or event.truck_ids}"
        case events.Ticket():
            return f"ticket {event.state} of {event.truck_id}"
        case events.DumpSeen():
            return f"a dump of {event.truck_id} told to {event.cell}"
        case events.Visit():
            return f"{event.truck_id} at {event.place_kind} {event.place_id}"
        case _:
            return f"{event.place_kind} {event.place_id}"


def _revisions(alerts: list[_Said]) -> Iterator[str]:
    """Revisions of one alert come in order, none left out; a repeat goes back to one that was there."""
    newest: dict[str, int] = {}
    for one in alerts:
        alert_id, revision = one.event.alert_id, one.event.revision
        if revision > newest.get(alert_id, 0) + 1:
            yield f"alert {alert_id}: revision {revision} at {one.place} comes after {newest.get(alert_id, 0)}"
        newest[alert_id] = max(newest.get(alert_id, 0), revision)


# --------------------------------------------------------------------------------------------- plans


def _plans(plans: list[_Said], runs: list[_Said]) -> Iterator[str]:
    """Versions of a truck's plans rise by one; what a run says it changed has its plan."""
    newest: dict[str, int] = {}
    for one in plans:
        truck_id, version = one.event.truck_id, one.event.plan_version
        before = newest.get(truck_id, 0)
        if version != before + 1:
            yield f"plan of {truck_id}: version {version} at {one.place} comes after version {before}"
        newest[truck_id] = max(before, version)
    made = {(one.event.run_id, one.event.truck_id) for one in plans}
    for one in runs:
        for truck_id in one.event.changed_truck_ids:
            if (one.event.run_id, truck_id) not in made:
                yield f"planning run {one.event.run_id} at {one.place} changed {truck_id}, whose plan is missing"


# --------------------------------------------------------------------------------------------- counts


def _counts(history: History, said: dict[Topic, list[_Said]], concluded: Conclusions) -> dict[str, int]:
    counts = {
        "events": sum(len(said[topic]) for topic in IDENTITY),
        "plans": len(said[topics.PLANS]),
        "alerts": len({one.event.alert_id for one in said[topics.ALERTS]}),
        "alert revisions": len(said[topics.ALERTS]),
        "visits": len(said[topics.VISITS]),
        "dues": len(said[topics.COLLECTIONS_DUE]),
        "rows": sum(map(len, history.tables.values())),
        "states": concluded.states,
        "acknowledged": sum(entry.door != POISON for entry in history.acknowledged),
    }
    for entry in history.acknowledged:
        counts[f"by {entry.door}"] = counts.get(f"by {entry.door}", 0) + 1
    return counts


def _events(history: History, topic: Topic) -> Iterator[tuple[bus.Record, Any]]:
    for record in history.of(topic):
        try:
            yield record, decoded(topic, record)
        except codec.Undecodable:
            continue  # the recorder makes it a dead letter
