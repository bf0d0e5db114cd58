"""The reference run (I4): what would have been said, had every report come at once, once, in order, with a right clock.

It knows what the trucks did, not what the log holds. It judges the trucks whose reports came within the bounds of
`streams.watermark.Bounds`, or were heard in order all the same, and counts the others by what kept them out (`rare.SHARES`
says how many may be).

Of those, late reports may only take away, and say so, or call for help. What was judged in order is folded here again,
alone: nothing else may have been said of the truck, but for alerts that are cancelled and name the late report that took
their ground, and calls that came late.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import msgspec
from msgspec.structs import replace

from streams import codec, events, state, topics, truck
from streams.watermark import Bounds, Released
from streams.worker.folding import Partition, partition_of
from tests.simulation import journeys, rare
from tests.simulation.devices import Terminal
from tests.simulation.invariants import Entry, Invariants, content
from tests.simulation.log import Log
from tests.simulation.world import Violation, World

_BOUNDS: Final = Bounds()
_MARGIN_MS: Final = 100
_TRUCK_TOPICS: Final = ("alerts", "visits", "tickets", "dumps")
_CALLS: Final = ("sos", "breakdown")
"""Rules whose alerts a late report may raise: help is called for, however late."""
_SILENCES: Final = ("silence of", "no report from", "no report has come")
"""In the conditions of alerts that rest on a silence of the terminal."""
_NEVER: Final = 1_000_000
Said = dict[tuple[object, ...], str]


def check(world: World, log: Log, terminals: list[Terminal], invariants: Invariants) -> None:
    """Compare what was said of each truck with its truth, or with what was judged of it in order."""
    said: dict[str, list[tuple[str, bytes]]] = defaultdict(list)
    for topic, value in invariants.said_of(lambda topic, _: topic in _TRUCK_TOPICS):
        truck_id = msgspec.json.decode(value).get("truck_id")
        if truck_id is not None:  # else of a place, which no truck alone can tell
            said[truck_id].append((topic, value))
    states = invariants.final_states()
    for one in terminals:
        world.sometimes[rare.TRUCKS] += 1
        entity = f"truck:{one.truck_id}".encode()
        found = dict(content(topic, value) for topic, value in said[one.truck_id])
        why = _left_out(one, log, invariants.ahead)
        judged = None if why is None else _in_order(one, invariants.heard(entity))
        if judged is None or (why in {rare.LATE, rare.AHEAD} and _is_in_order(one, judged)):
            world.sometimes[rare.COMPARED] += 1
            _check_all(one, found, states[entity])
            continue
        world.sometimes[str(why)] += 1
        if why == rare.FAST:
            _check_rules(one, found)
        if why in {rare.LATE, rare.AHEAD}:
            _check_grounds(world, one, found)
        _check_in_order(world, one, found, judged, states[entity])


def _left_out(one: Terminal, log: Log, ahead: set[int]) -> str | None:
    """Say what keeps a truck from being compared with its truth; None = nothing does."""
    if one.full:
        return rare.FULL
    if one.jump_ms:
        return rare.JUMPED
    if partition_of(one.truck_id) in ahead:
        return rare.AHEAD
    if not _within_bounds(one, log):
        return rare.LATE
    if one.clock_ms < 0:
        return rare.SLOW
    return rare.FAST if one.clock_ms else None


def _check_all(one: Terminal, found: Said, value: bytes) -> None:
    expected, judged = _truth(one.truth)
    without_gaps = one.heartbeats or one.rebooted_at is not None
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


def _check_rules(one: Terminal, found: Said) -> None:
    expected, _ = _truth(one.truth)
    want, have = _rules(expected), _rules(found)
    if want != have:
        raise Violation(f"I4: {one.truck_id} {one.kind} with a wrong clock: {dict(have)}, expected {dict(want)}")


def _rules(said: Said) -> Counter[str]:
    """How often each rule spoke. Spillage compares minutes of the clock: a shifted clock may divide them otherwise."""
    spoken = [msgspec.json.decode(what)["rule"] for identity, what in said.items() if identity[0] == "alerts"]
    return Counter(rule for rule in spoken if rule != "spillage")


class _InOrder(NamedTuple):
    """What was judged of a truck in order, and what came too late for that."""

    one: state.Truck
    said: Said
    late: dict[int, list[events.TruckState]]
    """By corrected time; there may be two of a second."""
    groundless: set[str]
    """Alerts that rest on a silence in which, as was heard later, the terminal did report."""


def _in_order(one: Terminal, heard: Iterable[Entry]) -> _InOrder:
    """Fold again what a truck's states heard, in their turn, and let late reports do nothing."""
    late, groundless, said = dict[int, list[events.TruckState]](), set[str](), Said()
    partition = Partition(partition_of(one.truck_id), {})

    def note(then: state.Truck, each: Released, _reference: object) -> list[events.Event]:
        late.setdefault(each.time_ms, []).append(each.fix)
        known = [msgspec.to_builtins(alert) for alert in then.ledger.last.values() if alert.state != "cancelled"]
        groundless.update(alert["alert_id"] for alert in known if _in_silence(alert, each.time_ms))
        return []

    with patch.object(truck, "_reconsider", note):
        for tp, records, committed in heard:
            folded = partition.fold(tp[0], records, journeys.reference(), truck.DEFAULT_SETTINGS, committed)
            said.update(content(output.topic, output.value) for output in folded.outputs)
    return _InOrder(partition.trucks[one.truck_id].state, said, late, groundless)


def _in_silence(alert: dict[str, Any], time_ms: int) -> bool:
    """Whether an alert rests on a silence of the terminal that a report of this time is in."""
    silent = any(word in condition["condition"] for condition in alert.get("because", ()) for word in _SILENCES)
    return silent and bool(alert["start_ms"] < time_ms < (alert.get("end_ms") or alert["raised_ms"]))


def _check_in_order(world: World, one: Terminal, found: Said, judged: _InOrder, value: bytes) -> None:
    """Nothing is said but what was judged in order; what late reports take away is cancelled, with the reason."""
    taken: dict[str, int] = {}
    more = {identity for identity, have in found.items() if judged.said.get(identity) != have}
    for alert in _alerts({identity: found[identity] for identity in more}):
        if alert["state"] == "cancelled":
            _check_cancelled(one, alert, judged.late)
            world.sometimes["a late report takes away an alert"] += 1
            taken[alert["alert_id"]] = alert["revision"]
        elif alert["rule"] not in _CALLS or not any(fix.alarms for fix in judged.late.get(alert["start_ms"], ())):
            raise Violation(f"I4: {one.truck_id} {one.kind}: {alert} was not judged in order, and is no call for help")
    for identity, want in judged.said.items():
        over = identity[0] == "alerts" and int(str(identity[2])) >= taken.get(str(identity[1]), _NEVER)
        if found.get(identity) != want and not over and not _was_never_said(identity, want, found, judged):
            raise Violation(f"I4: {one.truck_id} {one.kind}: {identity} is {found.get(identity)}; in order: {want}")
    _check_left(one, found, judged)
    if not more:
        now, then = _judged(state.decode("truck", value).state), _judged(judged.one)
        differ = [name for name in now if now[name] != then[name]]
        if differ:
            raise Violation(f"I4: {one.truck_id} {one.kind}: late reports changed the state's {differ}")


def _was_never_said(identity: tuple[object, ...], want: str, found: Said, judged: _InOrder) -> bool:
    """Whether it is an alert of a silence that a late report took the ground from before it was raised."""
    if identity[0] != "alerts" or identity in found:
        return False
    alert = msgspec.json.decode(want)
    return any(_in_silence(alert, time_ms) for time_ms in judged.late)


def _check_left(one: Terminal, found: Said, judged: _InOrder) -> None:
    said = {alert["alert_id"] for alert in _alerts(found)}
    cancelled = {alert["alert_id"] for alert in _alerts(found) if alert["state"] == "cancelled"}
    if left := judged.groundless & said - cancelled:
        raise Violation(f"I4: {one.truck_id} {one.kind}: {min(left)} stays, a late report took its ground")


def _check_cancelled(one: Terminal, alert: dict[str, Any], late: Mapping[int, list[events.TruckState]]) -> None:
    """An alert is taken away by a late report that its reason names, and that shows that its ground was none."""
    named = [time_ms for time_ms in late if f" {one.truck_id} {time_ms}:" in (alert.get("reason") or "")]
    if not named:
        raise Violation(f"I4: {one.truck_id} {one.kind}: {alert['alert_id']} is cancelled, no late report is named")
    if not _in_silence(alert, named[0]):
        raise Violation(f"I4: {one.truck_id} {one.kind}: {alert['alert_id']} is cancelled, and its ground stays")


def _alerts(said: Said) -> list[dict[str, Any]]:
    return [msgspec.json.decode(what) for identity, what in said.items() if identity[0] == "alerts"]


def _is_in_order(one: Terminal, judged: _InOrder) -> bool:
    """Whether all was heard in order though it came late. Two reports of one second may be numbered otherwise than in the truth."""
    distinct = len({fix.event_time_ms for fix in one.truth}) == len(one.truth)
    return distinct and not one.clock_ms and not judged.late


def _check_grounds(world: World, one: Terminal, found: Said) -> None:
    """An alert without a violation in the truth is cancelled, or says that reports were missing."""
    truth = _alerts(_truth(one.truth)[0])
    alerts = sorted(_alerts(found), key=lambda alert: int(alert["revision"]))
    admitted = {alert["alert_id"] for alert in alerts if any("missing" in gap for gap in alert.get("gaps", ()))}
    for alert in {alert["alert_id"]: alert for alert in alerts}.values():
        is_true = any(other["rule"] == alert["rule"] and _meet(alert, other) for other in truth)
        if alert["state"] == "cancelled":
            world.sometimes[rare.TAKEN] += is_true
        elif not is_true and alert["alert_id"] not in admitted:
            raise Violation(f"I4: {one.truck_id} {one.kind}: {alert} has no ground in the truth, and admits no gap")


def _meet(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two alerts have a time in common."""
    starts_ms, ends_ms = zip(*((a["start_ms"], a.get("end_ms") or a["raised_ms"]) for a in (one, other)), strict=True)
    return bool(max(starts_ms) <= min(ends_ms))


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
    """What was concluded of the truck: its state without the bookkeeping of arrival.

    Nor what a rule is about to say of a silence: a late report ends that.
    """
    kept: dict[str, Any] = msgspec.to_builtins(one)
    kept["memories"].pop("illegal_dump")
    for arrival in ("order", "newest_arrival_ms", "wake_ms", "plans"):
        kept.pop(arrival, None)
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
