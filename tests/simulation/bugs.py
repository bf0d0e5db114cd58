"""Planted bugs: each is a mistake somebody could make, put into what runs for as long as `Bug.planted` lasts.

They prove the simulator. The invariants run with the bug in place: nothing is compared with a copy that is right, but
with what the devices did, what the log holds and what was promised. A bug in the product's own code shows that this code
is watched. One that replaces a step of the modelled shell (`tests.simulation.shell`) shows only that the invariants
would see such a mistake: whether the product makes it, its own tests and `make crash-streams` must say.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from msgspec.structs import replace

from services.ingest import spool
from services.recorder import mappings, recorder
from services.store import sink
from streams import alerts, codec, events, load, state, truck, watermark
from streams.rules import explain, illegal_dump
from streams.worker import folding, restoring
from streams.worker.in_flight import InFlight
from tests.simulation import shell

Patch = tuple[object, str, object]


class Bug(NamedTuple):
    """One mistake: what is wrong, and what it puts in the place of what."""

    what: str
    patches: tuple[Patch, ...]

    @property
    def in_model(self) -> bool:
        """Whether it is in the model of the shell, and not in the product's own code."""
        return any(where is shell for where, _, _ in self.patches)

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Run with the mistake."""
        with ExitStack() as stack:
            for where, name, instead in self.patches:
                stack.enter_context(patch.object(where, name, instead))
            yield


def _no_wait(worker: Any, kept: Any = None) -> Generator[float, None, None]:  # noqa: ARG001
    return
    yield


def _ack_at_once(doors: Any, record: Any, acknowledge: Callable[[], None]) -> None:
    doors.invariants.acked.append((record.topic, record.value))
    acknowledge()
    doors.point("ingest has sent, not acknowledged")


def _take_without_outbox(self: Any, topic: str, offset: int, said: Any) -> None:  # noqa: ARG001
    self.offsets[topic] = offset + 1


def _forget_all(self: Any, topic: str, committed: int) -> None:  # noqa: ARG001
    self.said = []


def _handed_out_last(self: Any, tp: Any) -> int | None:
    waiting, done = self._waiting[tp], self._done
    offset: int | None = waiting[-1].offset + 1 if waiting else done.get(tp)
    return offset


_committable: Final = InFlight.committable
_decode: Final = state.decode
_is_duplicate: Final = watermark._is_duplicate
_release_one: Final = watermark._release_one


def _one_too_far(self: Any, tp: Any) -> int | None:
    done = _committable(self, tp)
    return None if done is None else done + 1


def _without(change: Callable[[state.Truck], None]) -> Callable[..., Any]:
    def decode(kind: Any, value: bytes) -> Any:
        stamped = _decode(kind, value)
        if kind == "truck":
            change(stamped.state)
        return stamped

    return decode


def _forget_window(one: state.Truck) -> None:
    for terminal in one.order.terminals.values():
        terminal.seen = []


def _forget_waiting(one: state.Truck) -> None:
    one.order.waiting = []


def _forget_alerts(one: state.Truck) -> None:
    one.ledger.last = {}


def _smaller_is_older(terminal: Any, fix: events.TruckState) -> bool:
    released = terminal.released_seq
    return _is_duplicate(terminal, fix) or (fix.seq is not None and released is not None and fix.seq < released)


def _never_late(order: Any, *given: Any) -> Any:
    order.released_ms = 0
    return _release_one(order, *given)


def _closed(fix: events.TruckState) -> events.TruckState:
    return replace(fix, cover="closed") if fix.cover == "unknown" else fix


def _uncut(path: Any) -> Any:
    data = path.read_bytes()
    return spool._Segment(path, len(list(spool._entries(data))), len(data))


def _by_place(record: Any) -> str:
    return events.derived_id(record.topic, record.partition, record.offset)


def _whole_counts(condition: str, measured: float, limit: float, unit: str) -> events.Condition:
    return events.Condition(
        condition=condition, measured=round(measured, 1), limit=round(limit, 1), unit=unit, met=measured >= limit
    )


def _resends_teach(terminal: Any, fix: events.TruckState, now_ms: int, bounds: Any) -> None:
    """`watermark._watch_clock` as it was before this simulator."""
    lag_ms = (now_ms if fix.received_time_ms is None else fix.received_time_ms) - fix.event_time_ms
    if fix.resent and lag_ms >= -bounds.clock_ms:
        return
    if -bounds.clock_ms <= lag_ms <= bounds.clock_ms:
        terminal.offset_ms = 0
        terminal.lags_ms = []
        return
    terminal.lags_ms = [*terminal.lags_ms[-2:], lag_ms]
    if terminal.offset_ms and abs(lag_ms - terminal.offset_ms) <= bounds.clock_ms:
        return
    steady = len(terminal.lags_ms) == 3 and max(terminal.lags_ms) - min(terminal.lags_ms) <= bounds.clock_spread_ms
    if lag_ms < -bounds.clock_ms or steady:
        terminal.offset_ms = lag_ms


def _undecodable(record: Any) -> bool:
    try:
        mappings.writes_of(record)
    except codec.Undecodable:
        return True
    return False


_gathered: Final = recorder.Recorder._gathered


def _only_of_its_topic(self: Any, records: Any) -> Any:
    spoilt = {record.topic for record in records if _undecodable(record)}
    return _gathered(self, [record for record in records if not spoilt or record.topic in spoilt])


def _only_decodable(self: Any, records: Any) -> Any:
    return _gathered(self, [record for record in records if not _undecodable(record)])


def _kept_first(topic: str, table: str) -> dict[str, Any]:
    kept = [one._replace(keep=sink.KEEP_FIRST) if one.table == table else one for one in mappings.BY_TOPIC[topic]]
    return {**mappings.BY_TOPIC, topic: tuple(kept)}


def _takes_any_dump(_: Any, alert: events.Alert | None, fix: events.TruckState, time_ms: int) -> Any:
    if alert is None:
        return None
    reason = f"truck-states {fix.truck_id} {time_ms}: a fix came late"
    return alerts.Finding(kind="withdraw", start_ms=alert.start_ms, at_ms=time_ms, end_ms=alert.end_ms, reason=reason)


_reconsider: Final = truck._reconsider


def _forgets_in_silence(one: state.Truck, late: Any, reference: Any) -> list[Any]:
    said: list[Any] = _reconsider(one, late, reference)
    for alert in said:
        one.ledger.last.pop(alert.rule, None)
    return [alert for alert in said if alert.state != "cancelled"]


def _reads_late_loads(one: state.Truck, late: Any, reference: Any) -> list[Any]:
    load.read(one.load, late.fix, late.time_ms)
    return _reconsider(one, late, reference)


_READ: Final = restoring.Line.read


def _takes_what_came_last(line: Any, records: Any) -> Any:
    there = list(records)
    _READ(line, there)
    return {restoring.state_key(one.key): one.value for one in there if one.value is not None}


def _gone_too_soon(line: Any, encoded: Any) -> Any:
    return [*line.take_what_may_go(100), *(line._counts[name][1] for name, _ in encoded if name in line._counts)]


def _without_writer(key: bytes, offset: int, _writer: bytes) -> bytes:
    return b"%s\0%d\0" % (key, offset)


_STAMPED: Final = state.Stamped
_WORK: Final = folding._Work

BUGS: Final[dict[str, Bug]] = {
    "ack-before-append": Bug("a report is acknowledged before the broker has it", ((shell, "sent", _ack_at_once),)),
    "spool-dropped-early": Bug("a segment is deleted when it is sent", ((shell, "may_drop", lambda _: True),)),
    "torn-tail-kept": Bug("a torn tail stays, and entries go behind it", ((spool, "_recover", _uncut),)),
    "unknown-is-closed": Bug("ingest reads unknown as closed", ((shell, "at_the_edge", _closed),)),
    "no-offset-cas": Bug("the tables' offset moves without compare", ((shell, "offsets_match", lambda *_: True),)),
    "conflict-ignored": Bug(
        "after a conflict the recorder goes on as before", ((shell, "reads_again", lambda _: False),)
    ),
    "beside-poison-dropped": Bug(
        "the recorder drops what came on other topics beside a record that it cannot use",
        ((recorder.Recorder, "_gathered", _only_of_its_topic),),
    ),
    "poison-not-recorded": Bug(
        "the recorder passes over what it cannot use", ((recorder.Recorder, "_gathered", _only_decodable),)
    ),
    "visit-never-ends": Bug(
        "the table of visits keeps the first record of each", ((mappings, "BY_TOPIC", _kept_first("visits", "visits")),)
    ),
    "letter-of-its-place": Bug("a dead letter written again is another", ((mappings, "_letter_id", _by_place),)),
    "said-before-kept": Bug("outputs are sent before their states are confirmed", ((shell, "keep", _no_wait),)),
    "changes-not-saved": Bug("a commit does not save the states that changed", ((shell, "save", _no_wait),)),
    "commit-before-said": Bug("a commit does not wait for outputs that wait", ((shell, "is_reached", lambda _: True),)),
    "taken-and-not-counted": Bug(
        "a flush does not wait for states that are taken out and not sent",
        ((shell, "another_writes", lambda *_: False),),
    ),
    "overtaken-commit": Bug(
        "a commit goes on though its partitions were forgotten", ((shell, "was_overtaken", lambda *_: False),)
    ),
    "overtaken-slice-speaks": Bug(
        "a slice speaks though its partition was forgotten since", ((shell, "was_forgotten", lambda *_: False),)
    ),
    "changelog-not-looked-at": Bug(
        "a worker goes on where the changelog lacks what it had", ((shell, "is_whole", lambda _: True),)
    ),
    "commit-before-confirm": Bug("offsets are committed before all is confirmed", ((shell, "confirm", _no_wait),)),
    "commit-handed-out": Bug("what is handed out counts as done", ((InFlight, "committable", _handed_out_last),)),
    "commit-one-too-far": Bug("the offset after the next is committed", ((InFlight, "committable", _one_too_far),)),
    "hand-out-in-rebalance": Bug(
        "slices are handed out in a rebalance, and no hole is noticed",
        ((shell, "hands_out_before_clearing", lambda _: True), (InFlight, "hole", lambda *_, **__: None)),
    ),
    "decoded-states-kept": Bug(
        "states decoded before a rebalance go on", ((shell, "forget_partitions", lambda _: None),)
    ),
    "restored-too-little": Bug(
        "the last record of the changelog is left out", ((shell, "restore_until", lambda n: n - 1),)
    ),
    "late-state-wins": Bug("restoring takes what came last", ((restoring.Line, "read", _takes_what_came_last),)),
    "speaks-out-of-place": Bug(
        "who finds that another wrote to its changelog goes on", ((shell, "is_out_of_place", lambda *_: False),)
    ),
    "gone-too-soon": Bug(
        "a state may go before the next one of its truck is in its place", ((shell, "may_go", _gone_too_soon),)
    ),
    "nothing-goes": Bug("nothing is said to go from the changelog", ((shell, "may_go", lambda *_: []),)),
    "two-under-one-key": Bug(
        "two states meant for one offset have one key: compaction keeps the later",
        ((restoring, "record_key", _without_writer),),
    ),
    "outbox-not-kept": Bug("what was said is not in the state", ((_STAMPED, "take", _take_without_outbox),)),
    "outbox-emptied-early": Bug(
        "what was said is forgotten before the commit", ((_STAMPED, "forget_said", _forget_all),)
    ),
    "stamp-not-read": Bug("a record offered again is folded again", ((_STAMPED, "has", lambda *_: False),)),
    "poison-dropped": Bug("what cannot be used is dropped", ((_WORK, "_set_aside", lambda *_: None),)),
    "stray-accepted": Bug("a record in a wrong partition is folded", ((_WORK, "_check_partition", lambda *_: None),)),
    "window-forgotten": Bug("a restart forgets which reports came", ((state, "decode", _without(_forget_window)),)),
    "waiting-forgotten": Bug("a restart forgets reports that wait", ((state, "decode", _without(_forget_waiting)),)),
    "alerts-forgotten": Bug(
        "a restart forgets what was said of a rule", ((state, "decode", _without(_forget_alerts)),)
    ),
    "repeats-judged": Bug("repeated reports are judged", ((watermark, "_is_duplicate", lambda *_: False),)),
    "wrap-is-old": Bug("a number below the last is old", ((watermark, "_is_duplicate", _smaller_is_older),)),
    "gap-not-waited-for": Bug("a gap is not waited for", ((watermark, "_wait_ms", lambda *_: 0),)),
    "never-late": Bug("a late report is judged as if in order", ((watermark, "_release_one", _never_late),)),
    "late-takes-any": Bug(
        "a late report takes away any dump, seen in a silence or not", ((illegal_dump, "reconsider", _takes_any_dump),)
    ),
    "late-takes-in-silence": Bug(
        "what a late report takes away is forgotten, not cancelled", ((truck, "_reconsider", _forgets_in_silence),)
    ),
    "late-load-counts": Bug("a late report's load is read", ((truck, "_reconsider", _reads_late_loads),)),
    "ticks-unheard": Bug("passing time releases nothing", ((truck, "heeds", lambda *_: False),)),
    "resends-teach-the-clock": Bug(
        "a resend changes the clock's error", ((watermark, "_watch_clock", _resends_teach),)
    ),
    "counts-change-kind": Bug("a count is another number after a restart", ((explain, "at_least", _whole_counts),)),
}
