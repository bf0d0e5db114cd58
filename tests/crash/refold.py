"""What follows from the inputs: the worker's fold done again, by the pure core alone, in the order the worker chose.

Inputs of one truck come from several topics, and in which order a worker met them is its own affair: each order is
right. The worker wrote it down: every state in its changelog says which inputs it has folded in since the one before, and
in which order. So the states are followed one by one, and each must be what the core makes of the one before and the
records between.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from services import bus
from streams import bins, codec, events, filling, geo, misplaced, sites, state, topics, truck
from streams.assets import BadReference, Reference
from streams.rules.scoped import CITY
from streams.state import Stamped
from streams.worker.role import BIN_TOPICS, TRUCK_TOPICS
from tests import worker_process
from tests.crash.history import History, decoded

ARRIVAL: Final = frozenset({"emitted_ms", "newest_arrival_ms", "received_time_ms"})
"""Members that say when, not what: a tick that says nothing leaves no trace in the changelog but moves them."""

Key = tuple[str, str]
"""Kind (truck, bin or site) and id."""


class Conclusions(NamedTuple):
    """What follows: events in order for each truck and bin; sentences on states that are not what follows."""

    said: list[events.Event]
    findings: list[str]
    states: int
    """States that were compared."""


def conclude(history: History) -> Conclusions:
    """Follow the worker's states from the first to the last."""
    inputs = _Inputs(history)
    reference = _reference(history)
    lives: dict[Key, _Life] = {}
    for name, _, record in worker_process.states(history.states):  # what does not count recovery passes over too
        kind, _, entity_id = name.partition(":")
        life = lives.setdefault((kind, entity_id), _Life(kind, entity_id, reference))
        life.follow(record, inputs)
    findings = [sentence for life in lives.values() for sentence in life.findings]
    for key in sorted(inputs.keys()):
        known = lives[key].stamped.offsets if key in lives else {}
        findings += inputs.left(key, known)
    return Conclusions(
        [event for life in lives.values() for event in life.said],
        findings,
        sum(one.value is not None for one in history.states),
    )


_BY: Final = {topics.BIN_READINGS.name: ("bin", "bin_id"), topics.DUMPS.name: ("site", "cell")}
_NEW: Final = {"truck": state.new_truck, "bin": state.new_bin, "site": state.new_site}


class _Inputs:
    """The inputs of each truck, bin and site, by topic; ticks by partition."""

    def __init__(self, history: History) -> None:
        self._of: dict[Key, dict[str, list[tuple[int, Any]]]] = defaultdict(lambda: defaultdict(list))
        self._ticks: dict[int, list[tuple[int, Any]]] = defaultdict(list)
        for topic in (*TRUCK_TOPICS, *BIN_TOPICS, topics.DUMPS):
            kind, member = _BY.get(topic.name, ("truck", "truck_id"))
            for offset, event, _ in _decoded(history.of(topic), topic):
                self._of[kind, getattr(event, member)][topic.name].append((offset, event))
        for offset, event, partition in _decoded(history.of(topics.TICKS), topics.TICKS):
            self._ticks[partition].append((offset, event))

    def keys(self) -> Iterable[Key]:
        return self._of.keys()

    def between(self, key: Key, topic: str, partition: int, first: int, after: int) -> Iterator[Any]:
        """Yield the records of a truck or bin with an offset from ``first`` up to ``after``, without that."""
        records = self._ticks[partition] if topic == topics.TICKS.name else self._of[key][topic]
        return (event for offset, event in records if first <= offset < after)

    def left(self, key: Key, folded: dict[str, int]) -> Iterator[str]:
        """Say which records no state has folded in."""
        for topic, records in self._of[key].items():
            missed = [offset for offset, _ in records if offset >= folded.get(topic, 0)]
            if missed:
                yield (
                    f"{key[0]} {key[1]}: {len(missed)} records of {topic} from offset {missed[0]} on "
                    "are in no state of the worker: lost"
                )


class _Life:
    """One truck or bin, from state to state."""

    def __init__(self, kind: str, entity_id: str, reference: Reference) -> None:
        self.key: Key = (kind, entity_id)
        self.stamped: Stamped[Any] = _NEW[kind](entity_id)
        self.said: list[events.Event] = []
        self.findings: list[str] = []
        self._reference = reference

    def follow(self, record: bus.Record, inputs: _Inputs) -> None:
        """Go on to the state the worker wrote next."""
        found = state.decode(self.key[0], record.value)  # type: ignore[arg-type]  # the worker writes no other kinds
        for topic, after in found.steps:
            first = self.stamped.offsets.get(topic, 0)
            for event in inputs.between(self.key, topic, record.partition, first, after):
                self._step(event)
            self.stamped.offsets[topic] = max(first, after)
        if self.stamped.offsets != found.offsets:
            self.findings.append(
                f"{self.key[0]} {self.key[1]}: the state at changelog {record.partition}@{record.offset} has folded in "
                f"{found.offsets}, but its steps lead to {self.stamped.offsets}"
            )
        self.stamped.offsets = dict(found.offsets)
        if self.stamped.state != found.state and _what(self.stamped.state) != _what(found.state):
            self.findings.append(
                f"{self.key[0]} {self.key[1]}: the state at changelog {record.partition}@{record.offset} is not what "
                f"follows from its inputs: {_difference(_what(self.stamped.state), _what(found.state))}"
            )
        self.stamped.state = found.state  # go on from what the worker had: one fault is one finding

    def _step(self, event: Any) -> None:
        try:
            said: Sequence[events.Event]
            if self.key[0] == "truck":
                event, _ = misplaced.set_right(event, self._reference)
                self.stamped.state, said = truck.step(self.stamped.state, event, self._reference)
            elif self.key[0] == "site":
                self.stamped.state, said = sites.step(self.stamped.state, event, CITY)
            else:
                self.stamped.state, said = bins.step(self.stamped.state, event, self._reference)
        except geo.BadGeometry:
            return  # a dead letter, and judged as one
        self.said.extend(said)


def what(event: events.Event) -> dict[str, Any]:
    """Return what an event says, without when it left."""
    return {name: value for name, value in msgspec.to_builtins(event).items() if name not in ARRIVAL}


def _what(value: Any) -> Any:
    plain = msgspec.to_builtins(value)
    if isinstance(value, bins.Bin):
        return _without_arrival(plain) | {"filling": _filling(value.filling)}
    return _without_arrival(plain)


def _filling(value: filling.Filling) -> dict[str, Any]:
    """Return a bin's state. When to look again follows from its forecast; without one, from the last tick it heard."""
    left_out = ARRIVAL if filling.forecast(value).p50_ms is not None else ARRIVAL | {"check_ms"}
    return {name: getattr(value, name) for name in value.__struct_fields__ if name not in left_out}


def _without_arrival(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_arrival(member) for name, member in value.items() if name not in ARRIVAL}
    return [_without_arrival(member) for member in value] if isinstance(value, list | tuple) else value


def _difference(expected: Any, found: Any, at: str = "") -> str:
    if isinstance(expected, dict) and isinstance(found, dict):
        for name in expected.keys() | found.keys():
            if expected.get(name) != found.get(name):
                return _difference(expected.get(name), found.get(name), f"{at}.{name}" if at else str(name))
    return f"{at} is {str(found)[:80]}, expected {str(expected)[:80]}"


def _reference(history: History) -> Reference:
    known = Reference()
    exists = [event for topic in topics.REFERENCE for _, event, _ in _decoded(history.of(topic), topic)]
    known.learn(exists)
    for event in exists:
        try:
            known.apply(event)
        except BadReference:
            continue  # a dead letter, and judged as one
    return known


def _decoded(records: Iterable[bus.Record], topic: topics.Topic) -> Iterator[tuple[int, Any, int]]:
    for record in records:
        try:
            yield record.offset, decoded(topic, record), record.partition
        except codec.Undecodable:
            continue  # a dead letter, and judged as one
