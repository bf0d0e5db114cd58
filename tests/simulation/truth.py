"""The reference run (I4): what would have been said, had every report come at once, once, in order, with a right clock.

It knows what the trucks did, not what the log holds. It judges the trucks whose reports came within the bounds of
`streams.watermark.Bounds`; of the others some report was late, and late reports may only take away.
"""

from collections import Counter, defaultdict
from functools import cache
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from streams import codec, events, state, topics, truck
from streams.watermark import Bounds
from streams.worker.folding import partition_of
from tests.simulation import journeys
from tests.simulation.devices import Terminal
from tests.simulation.invariants import Invariants, content
from tests.simulation.log import Log
from tests.simulation.world import Violation, World

_BOUNDS: Final = Bounds()
_MARGIN_MS: Final = 100
_TRUCK_TOPICS: Final = ("alerts", "visits")
Said = dict[tuple[object, ...], str]


def check(world: World, log: Log, terminals: list[Terminal], invariants: Invariants) -> None:
    """Compare what was said of each truck with its truth."""
    said: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for topic, value in invariants.said_of(lambda topic, _: topic in _TRUCK_TOPICS):
        said[msgspec.json.decode(value)["truck_id"]].append((topic, value))
    states = invariants.final_states()
    for one in terminals:
        if one.full or not _within_bounds(one, log):
            world.sometimes["a truck had late reports or other records"] += 1
        elif one.clock_ms > 0:
            world.sometimes["a wrong clock is judged"] += 1
            _check_rules(one, said[one.truck_id])
        elif one.clock_ms == 0:
            world.sometimes["a truck is compared with its truth"] += 1
            _check_all(one, said[one.truck_id], states[f"truck:{one.truck_id}".encode()])


def _check_all(one: Terminal, said: list[tuple[str, bytes]], value: bytes) -> None:
    expected, judged = _truth(one.truth)
    without_gaps = one.heartbeats or one.rebooted_at is not None
    found = dict(content(topic, value) for topic, value in said)
    for identity in expected.keys() | found.keys():
        want, have = expected.get(identity), found.get(identity)
        if want is None or have is None:
            raise Violation(f"I4: {one.truck_id} {one.kind}: {identity} is {have}, expected {want}")
        if _plain(want, without_gaps=without_gaps) != _plain(have, without_gaps=without_gaps):
            raise Violation(f"I4: {one.truck_id} {one.kind}: {have}, expected {want}")
    now = _judged(state.decode("truck", value).state)
    if not without_gaps and now != judged:
        differ = [name for name in now if now[name] != judged[name]]
        raise Violation(f"I4: {one.truck_id} {one.kind}: the state's {differ} differ from the reference run's")


def _plain(said: str, *, without_gaps: bool) -> dict[str, Any]:
    members: dict[str, Any] = msgspec.json.decode(said)
    if without_gaps:
        members.pop("gaps", None)
    return members


def _check_rules(one: Terminal, said: list[tuple[str, bytes]]) -> None:
    expected, _ = _truth(one.truth)
    want, have = _rules(expected), _rules(dict(content(topic, value) for topic, value in said))
    if want != have:
        raise Violation(f"I4: {one.truck_id} {one.kind} with a wrong clock: {dict(have)}, expected {dict(want)}")


def _rules(said: Said) -> Counter[str]:
    """How often each rule spoke. Spillage compares minutes of the clock: a shifted clock may divide them otherwise."""
    spoken = [msgspec.json.decode(what)["rule"] for identity, what in said.items() if identity[0] == "alerts"]
    return Counter(rule for rule in spoken if rule != "spillage")


def forget() -> None:
    """Judge anew: the core may be another."""
    _truth.cache_clear()


@cache
def _truth(fixes: tuple[events.TruckState, ...]) -> tuple[Said, dict[str, Any]]:
    one = state.Truck(truck_id=fixes[0].truck_id)
    outputs: list[events.Event] = []
    for n, fix in enumerate(fixes):
        perfect = replace(fix, received_time_ms=fix.event_time_ms + 300, seq=100 + n)
        one, told = truck.step(one, perfect, journeys.reference())
        outputs += told
    one, told = truck.step(one, events.Tick(at_ms=fixes[-1].event_time_ms + 120_000), journeys.reference())
    outputs += told
    said = dict(content(codec.topic_of(output).name, codec.encode(output)) for output in outputs)
    return said, _judged(one)


def _judged(one: state.Truck) -> dict[str, Any]:
    """What was concluded of the truck: its state without the bookkeeping of arrival."""
    kept: dict[str, Any] = msgspec.to_builtins(one)
    for arrival in ("order", "newest_arrival_ms", "plans"):
        del kept[arrival]
    for alert in one.ledger.last:
        kept["ledger"][0][alert].pop("emitted_ms", None)
    return kept


def _within_bounds(one: Terminal, log: Log) -> bool:
    """True if no report came after a later one had waited for it as long as it may. By the log, not by the core."""
    places = {report.event_time_ms: n for n, report in enumerate(one.reports)}
    arrived: dict[int, int] = {}
    for record in log.partitions[topics.TRUCK_STATES.name, partition_of(one.truck_id)]:
        if record.key != one.truck_id.encode():
            continue
        try:
            fix: events.TruckState = codec.decode(topics.TRUCK_STATES, record.value)
        except codec.Undecodable:
            continue
        n = places[fix.event_time_ms]
        if n in arrived:
            continue
        later = [(received_ms, j) for j, received_ms in arrived.items() if j > n]
        if later and (
            record.timestamp_ms - min(later)[0] > _bound_ms(one, n, arrived) - _MARGIN_MS or len(later) > 100
        ):
            return False
        arrived[n] = fix.received_time_ms or 0
    return len(arrived) == len(one.reports)


def _bound_ms(one: Terminal, n: int, arrived: dict[int, int]) -> int:
    first = one.rebooted_at if one.rebooted_at is not None and n >= one.rebooted_at else 0
    before_reboot = one.rebooted_at is not None and n < one.rebooted_at and max(arrived) >= one.rebooted_at
    known = first in arrived and not any(j > first for j in list(arrived)[: list(arrived).index(first)])
    numbered = one.numbered and n != first and known and not before_reboot
    return _BOUNDS.gap_ms if numbered else _BOUNDS.unnumbered_ms
