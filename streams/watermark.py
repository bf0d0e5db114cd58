"""The order of one truck's reports: duplicates out, gaps waited for, wrong clocks corrected, late ones marked.

A fix is judged on arrival, unless its terminal's ``seq`` says that one before it is missing: then it waits for that, up
to `Bounds.gap_ms` of arrival time. Where nothing can be said (no ``seq``, first report, restart of the terminal) it
waits `Bounds.unnumbered_ms`. Fixes are released by event time. One that comes after a later one was released is late.

Arrival time is ``received_time_ms`` of records and ``at_ms`` of ticks: nothing here reads a clock.
"""

from bisect import insort
from typing import Final

from msgspec import Struct, field

from streams import events
from streams.units import SECOND_MS

_SEQ_MODULUS: Final = 65_536
"""JT/T 808 serial numbers have 16 bits."""
_REMEMBERED: Final = 128
"""Reports a terminal's duplicate window holds; what is older than all of them is late anyway."""
_MOST_TERMINALS: Final = 8
"""Devices remembered of one truck: more than are built in, exchanged and carried by drivers within any lateness."""
_GOES_ON: Final = 100
"""Numbers a terminal may have used unheard (heartbeats) while it was the same one."""
_LAGS: Final = 3
"""Reports whose delays must agree before a slow clock is believed."""


class Bounds(Struct, frozen=True, kw_only=True):
    """How long to wait, in arrival time, and when a clock is called wrong. Proposals of this project."""

    gap_ms: int = 30 * SECOND_MS
    """Longest wait for reports missing by ``seq``."""
    unnumbered_ms: int = 5 * SECOND_MS
    """Wait where ``seq`` cannot tell whether something is missing."""
    clock_ms: int = 120 * SECOND_MS
    """Event and arrival time of a live report differ by more than this: the device's clock is wrong."""
    clock_spread_ms: int = 10 * SECOND_MS
    """Delays of a clock that is merely wrong differ by no more than this (a backlog's delays shrink)."""
    phone_fills_ms: int = events.PHONE_WAITS_MS
    """A phone's fix counts only if the terminal was silent for longer than this (contract)."""
    buffer_records: int = 120
    """A truck's waiting room; beyond it the oldest are released unwaited for. Kept small: it is part of the state."""


class Waiting(Struct, array_like=True, order=True):
    """A fix not yet released. Sorts by corrected event time, then serial number, then place of arrival."""

    time_ms: int
    seq: int
    arrival: int
    terminal_id: str
    arrived_ms: int
    fix: events.TruckState


class Terminal(Struct, array_like=True):
    """What is remembered of one device of the truck."""

    released_seq: int | None = None
    released_ms: int | None = None
    interval_ms: int = 0
    """Usual time between two reports that follow each other."""
    newest_ms: int = 0
    """Largest raw event time seen."""
    offset_ms: int = 0
    """Added to its event times; 0 = its clock is right."""
    lags_ms: list[int] = field(default_factory=list)
    seen: list[tuple[int, int]] = field(default_factory=list)
    """Raw event time and ``seq`` (-1 = none) of the last reports."""


class Released(Struct, frozen=True, gc=False):
    """A fix in order. ``time_ms`` is corrected; ``late``: a later one was released before it."""

    fix: events.TruckState
    time_ms: int
    late: bool
    clock_offset_ms: int
    after_gap: bool
    """Reports are missing between this and the one before it (by ``seq``)."""


class Order(Struct, array_like=True):
    """State of one truck's order."""

    terminals: dict[str, Terminal] = field(default_factory=dict)
    waiting: list[Waiting] = field(default_factory=list)
    released_ms: int = 0
    """Event time up to which fixes were released: the truck's watermark."""
    terminal_ms: int = 0
    """Event time of the last released fix that was not a phone's."""
    arrivals: int = 0
    duplicates: int = 0
    late: int = 0
    unneeded: int = 0
    """Phone fixes not used because the terminal was not silent."""


def arrive(order: Order, fix: events.TruckState, now_ms: int, bounds: Bounds) -> list[Released]:
    """Take a fix in; return what is released now, in order. ``now_ms``: newest arrival time read for this truck."""
    terminal_id = _device(fix)
    terminal = order.terminals.get(terminal_id)
    if terminal is None:
        _make_room(order)
        terminal = order.terminals[terminal_id] = Terminal()
    if _is_duplicate(terminal, fix):
        order.duplicates += 1
        return release(order, now_ms, bounds) if order.waiting else []
    _watch_clock(terminal, fix, now_ms, bounds)
    time_ms = fix.event_time_ms + terminal.offset_ms
    order.arrivals += 1
    seq = -1 if fix.seq is None else fix.seq
    if not order.waiting and not fix.by_phone and _follows(terminal, seq, time_ms):
        return _release_one(order, terminal, fix, seq, time_ms)
    arrived_ms = now_ms if fix.received_time_ms is None else fix.received_time_ms
    insort(order.waiting, Waiting(time_ms, seq, order.arrivals, terminal_id, arrived_ms, fix))
    return release(order, now_ms, bounds)


def _device(fix: events.TruckState) -> str:
    return fix.terminal_id or fix.source or ""


def goes_on(order: Order, fix: events.TruckState) -> bool:
    """True if the fix has one of the next numbers of a terminal that is known."""
    terminal = order.terminals.get(_device(fix))
    return terminal is not None and fix.seq is not None and 0 < _step(terminal, fix.seq) <= _GOES_ON


def _make_room(order: Order) -> None:
    """Forget the device heard of longest ago, if there are many and none of its reports waits."""
    waiting = {one.terminal_id for one in order.waiting}
    idle = [terminal_id for terminal_id in order.terminals if terminal_id not in waiting]
    if idle and len(order.terminals) >= _MOST_TERMINALS:
        del order.terminals[min(idle, key=lambda terminal_id: (order.terminals[terminal_id].newest_ms, terminal_id))]


def release(order: Order, now_ms: int, bounds: Bounds) -> list[Released]:
    """Return the fixes that need not wait any longer at arrival time ``now_ms``, in order."""
    released: list[Released] = []
    waiting = order.waiting
    while waiting:
        head = waiting[0]
        terminal = order.terminals[head.terminal_id]
        known = not head.fix.by_phone and _follows(terminal, head.seq, head.time_ms)
        if not (known or head.time_ms < order.released_ms or _is_overdue(order, terminal, head, now_ms, bounds)):
            break
        del waiting[0]
        if head.fix.by_phone and order.terminal_ms > 0 and head.time_ms - order.terminal_ms <= bounds.phone_fills_ms:
            order.unneeded += 1
            continue
        released += _release_one(order, terminal, head.fix, head.seq, head.time_ms)
    return released


def _is_overdue(order: Order, terminal: Terminal, head: Waiting, now_ms: int, bounds: Bounds) -> bool:
    """Whether the first that waits has waited enough, or the waiting room is full.

    It counts from when the device's gap opened: no fix waits longer than the bound for all that is missing before it.
    """
    if len(order.waiting) > bounds.buffer_records:
        return True
    open_since_ms = min(one.arrived_ms for one in order.waiting if one.terminal_id == head.terminal_id)
    return now_ms - open_since_ms >= _wait_ms(terminal, head.seq, head.time_ms, bounds)


def _release_one(order: Order, terminal: Terminal, fix: events.TruckState, seq: int, time_ms: int) -> list[Released]:
    before_ms = terminal.released_ms
    if time_ms < order.released_ms or (time_ms == before_ms and _goes_back(terminal, seq)):
        order.late += 1
        return [Released(fix, time_ms, True, terminal.offset_ms, False)]  # late, not after a gap
    order.released_ms = time_ms
    if not fix.by_phone:
        order.terminal_ms = time_ms
    after_gap = _step(terminal, seq) > 1
    if before_ms is not None and not after_gap and time_ms > before_ms:
        terminal.interval_ms = time_ms - before_ms
    terminal.released_ms = time_ms
    terminal.released_seq = seq if seq >= 0 else None
    return [Released(fix, time_ms, False, terminal.offset_ms, after_gap)]  # not late


def _goes_back(terminal: Terminal, seq: int) -> bool:
    """True if a report of the same time with a higher number was released already (contract: time, then number)."""
    if seq < 0 or terminal.released_seq is None:
        return False
    return 0 < (terminal.released_seq - seq) % _SEQ_MODULUS < _SEQ_MODULUS // 2


def _is_duplicate(terminal: Terminal, fix: events.TruckState) -> bool:
    key = (fix.event_time_ms, fix.seq if fix.seq is not None else _place_key(fix))
    seen = terminal.seen
    if fix.event_time_ms > terminal.newest_ms:
        terminal.newest_ms = fix.event_time_ms
    elif key in seen:
        return True
    seen.append(key)
    if len(seen) > _REMEMBERED:
        del seen[0]
    return False


def _place_key(fix: events.TruckState) -> int:
    """Contract: without ``seq`` a duplicate has the same place too. Negative, so that no ``seq`` equals it."""
    if fix.lon is None or fix.lat is None:
        return -1
    return -2 - round((fix.lon + 180) * 1e6) * 1_000_000_000 - round((fix.lat + 90) * 1e6)


def _step(terminal: Terminal, seq: int) -> int:
    """How far ``seq`` is after the last released one, with wrap; 0 = cannot be told (none, first, restart)."""
    released_seq = terminal.released_seq
    if seq < 0 or released_seq is None:
        return 0
    step = (seq - released_seq) % _SEQ_MODULUS
    return step if step < _SEQ_MODULUS // 2 else 0


def _follows(terminal: Terminal, seq: int, time_ms: int) -> bool:
    """True if nothing can be missing before this report: the next ``seq``, or another fix of the same frame."""
    released_ms, released_seq = terminal.released_ms, terminal.released_seq
    if released_ms is None or seq < 0 or released_seq is None or time_ms < released_ms:
        return False
    return (seq - released_seq) % _SEQ_MODULUS <= 1


def _wait_ms(terminal: Terminal, seq: int, time_ms: int, bounds: Bounds) -> int:
    """How long a report that does not follow waits for what may be missing before it."""
    step = _step(terminal, seq)
    if step == 0:
        return bounds.unnumbered_ms
    # One number is missing but no time: most likely the number of a heartbeat, which carries no fix.
    silence_ms = time_ms - (terminal.released_ms or time_ms)
    heartbeat = step == 2 and 0 < silence_ms <= 1.2 * terminal.interval_ms
    return bounds.unnumbered_ms if heartbeat else bounds.gap_ms


def _watch_clock(terminal: Terminal, fix: events.TruckState, now_ms: int, bounds: Bounds) -> None:
    """Learn the device clock's error from its reports, by what the error known so far does not explain.

    A time still in the future is an error at once. One in the past may be a delay: of a resend it is, of another report
    unless the delay is steady, or the clock is right as it stands.
    """
    lag_ms = (now_ms if fix.received_time_ms is None else fix.received_time_ms) - fix.event_time_ms
    unexplained_ms = lag_ms - terminal.offset_ms
    if -bounds.clock_ms <= unexplained_ms <= bounds.clock_ms:
        if terminal.lags_ms:
            terminal.lags_ms.clear()
        return
    if unexplained_ms > 0 and fix.resent:
        return
    right = -bounds.clock_ms <= lag_ms <= bounds.clock_ms
    if right or unexplained_ms < 0:
        terminal.offset_ms = 0 if right else lag_ms
        terminal.lags_ms.clear()
        return
    terminal.lags_ms = [*terminal.lags_ms[1 - _LAGS :], lag_ms]
    if len(terminal.lags_ms) == _LAGS and max(terminal.lags_ms) - min(terminal.lags_ms) <= bounds.clock_spread_ms:
        terminal.offset_ms = lag_ms
