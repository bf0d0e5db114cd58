"""When: the begins of a fixed sequence of visits that keep every window, break and limit of the day, at least cost.

Waiting is allowed anywhere, so the earliest arrival is always the best one to continue from. What is left to choose is
when to leave the start: later makes the day shorter, until some window is missed and the day grows again. `spans` walks
through those choices; between two of them nothing changes but the clock.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from optimizer.engines.instance import NO_LIMIT, Hours, Truck

Step = tuple[int, int, Hours, int]
"""Seconds to get there, seconds of service, hours of the begin, the visit code."""

MAX_SPANS = 60
"""Choices of the start looked at for one route; each window of a route adds at most one."""


def next_open(hours: Hours, time_s: int) -> int | None:
    """Return the first moment at or after ``time_s`` at which a visit may begin."""
    if hours is None:
        return time_s
    if len(hours) < 4:
        for earliest, latest in hours:
            if time_s <= latest:
                return max(time_s, earliest)
        return None
    place = bisect_left(hours, time_s, key=lambda window: window[1])
    return max(hours[place][0], time_s) if place < len(hours) else None


def last_open(hours: Hours, time_s: int) -> int | None:
    """Return the last moment at or before ``time_s`` at which a visit may begin."""
    if hours is None:
        return time_s
    place = bisect_right(hours, time_s, key=lambda window: window[0]) - 1
    return min(hours[place][1], time_s) if place >= 0 else None


def forward(steps: Sequence[Step], begin_s: int) -> list[int] | None:
    """Return the earliest begin of each step after leaving at ``begin_s``; None when a window is missed."""
    begins = []
    now_s = begin_s
    for leg_s, service_s, hours, _ in steps:
        now_s += leg_s
        if hours is not None:
            opens_s = next_open(hours, now_s)
            if opens_s is None:
                return None
            now_s = opens_s
        begins.append(now_s)
        now_s += service_s
    return begins


def latest_arrivals(steps: Sequence[Step], end_s: int) -> list[int] | None:
    """Return the latest arrival at each step that still lets the last one be left at ``end_s``."""
    arrivals = [0] * len(steps)
    leave_s = end_s
    for number in range(len(steps) - 1, -1, -1):
        leg_s, service_s, hours, _ = steps[number]
        begin_s = last_open(hours, leave_s - service_s)
        if begin_s is None:
            return None
        arrivals[number] = begin_s
        leave_s = begin_s - leg_s
    return arrivals


def end_of(steps: Sequence[Step], begins: Sequence[int], begin_s: int) -> int:
    """Return when the last step is left."""
    return begins[-1] + steps[-1][1] if steps else begin_s


class Span:
    """One lawful choice: when to leave, when each step begins, when the route is over, the overtime it needs."""

    __slots__ = ("begin_s", "begins", "end_s", "overtime_s", "steps")

    def __init__(self, steps: Sequence[Step], begin_s: int, begins: list[int], end_s: int, overtime_s: int) -> None:
        self.steps = steps
        self.begin_s = begin_s
        self.begins = begins
        self.end_s = end_s
        self.overtime_s = overtime_s


def best_span(truck: Truck, steps: Sequence[Step], *, forgiven: frozenset[str]) -> Span | None:
    """Return the cheapest lawful span, the earliest end among equals; None when there is none.

    Parameters
    ----------
    truck
        Whose shift, limits and costs hold.
    steps
        All visits but the breaks that are not committed; the way home, if there is one, is the last.
    forgiven
        Codes of a stranded truck: ``committed_impossible`` lifts shift and limits, ``break_impossible`` the breaks.
    """
    best: Span | None = None
    best_cost = 0
    for span in _spans(truck, steps, forgiven=forgiven):
        cost = (span.end_s - span.begin_s) * truck.cost_per_s + span.overtime_s * truck.cost_per_overtime_s
        if best is None or cost < best_cost:
            best, best_cost = span, cost
        if not truck.cost_per_s and not best_cost:
            break
    return best


def _spans(truck: Truck, steps: Sequence[Step], *, forgiven: frozenset[str]) -> Iterator[Span]:
    free = "committed_impossible" in forgiven
    taken = {code for _, _, _, code in steps if code < 0}
    owing = [
        (number, hours, duration_s)
        for number, (hours, duration_s) in enumerate(truck.breaks)
        if hours != () and -1 - number not in taken
    ]
    if "break_impossible" in forgiven:
        owing = []
    last_end_s = NO_LIMIT if free else truck.latest_s + truck.overtime_s
    starts = [truck.earliest_s]
    starts += sorted({hours[-1][1] + 1 for _, hours, _ in owing if hours and hours[-1][1] >= truck.earliest_s})
    for first_s in starts:
        begin_s: int | None = first_s
        for _ in range(MAX_SPANS):
            if begin_s is None:
                break
            whole = _with_breaks(steps, owing, begin_s)
            if whole is None:
                break
            end_s = end_of(whole, forward(whole, begin_s) or [], begin_s)
            if end_s > last_end_s:
                break
            begin_s = _latest_begin(whole, begin_s, end_s)
            begins = forward(whole, begin_s)
            if begins is None:
                break
            overtime_s = max(0, end_s - truck.latest_s, truck.used_s + end_s - begin_s - truck.max_duration_s)
            if free or overtime_s <= truck.overtime_s:
                yield Span(whole, begin_s, begins, end_s, overtime_s)
            begin_s = _next_begin(whole, begins, begin_s)


def _latest_begin(steps: Sequence[Step], begin_s: int, end_s: int) -> int:
    """Return the latest begin that is still over at ``end_s``; with no step at all, any will do."""
    if not steps:
        return begin_s
    arrivals = latest_arrivals(steps, end_s)
    return begin_s if arrivals is None else max(begin_s, arrivals[0] - steps[0][0])


def _next_begin(steps: Sequence[Step], begins: Sequence[int], begin_s: int) -> int | None:
    """Return the first later begin at which a step falls out of its window; None: leaving later changes nothing."""
    room_s = NO_LIMIT
    now_s = begin_s
    for (leg_s, service_s, hours, _), at_s in zip(steps, begins, strict=True):
        if hours is not None:
            last_s = hours[bisect_right(hours, at_s, key=lambda window: window[0]) - 1][1]
            room_s = min(room_s, last_s - at_s)
        if at_s > now_s + leg_s:
            break
        now_s = at_s + service_s
    return None if room_s == NO_LIMIT else begin_s + room_s + 1


_Owing = Sequence[tuple[int, Hours, int]]


def _is_owed(hours: Hours, begin_s: int, end_s: int) -> bool:
    return bool(hours) and hours is not None and begin_s <= hours[-1][1] < end_s


def _with_breaks(steps: Sequence[Step], owing: _Owing, begin_s: int) -> Sequence[Step] | None:
    """Return ``steps`` with every owed break at the place from which the route is over first; None: impossible."""
    begins = forward(steps, begin_s)
    if begins is None:
        return None
    end_s = end_of(steps, begins, begin_s)
    if not any(_is_owed(hours, begin_s, end_s) for _, hours, _ in owing):
        return steps
    return _place_breaks(steps, owing, begin_s)


def _place_breaks(steps: Sequence[Step], owing: _Owing, begin_s: int) -> Sequence[Step] | None:
    """Dynamic programme over (steps done, breaks taken): the earliest leave, and what it was reached by."""
    best: list[dict[int, int]] = [{} for _ in range(len(steps) + 1)]
    came: dict[tuple[int, int], int] = {}  # (steps done, taken) -> break taken last, -1 for a step
    best[0][0] = begin_s
    for done, (leg_s, service_s, hours, _) in enumerate(steps):
        _rest(done, owing, best[done], came)
        for taken, leave_s in best[done].items():
            at_s = next_open(hours, leave_s + leg_s)
            if at_s is not None:
                best[done + 1][taken] = at_s + service_s
                came[done + 1, taken] = -1
    ends = [
        (end_s, taken)
        for taken, end_s in best[-1].items()
        if not any(not taken >> bit & 1 and _is_owed(hours, begin_s, end_s) for bit, (_, hours, _) in enumerate(owing))
    ]
    if not ends:
        return None
    _, taken = min(ends)
    return _traced(steps, owing, came, taken)


def _rest(done: int, owing: _Owing, here: dict[int, int], came: dict[tuple[int, int], int]) -> None:
    """Add to ``here`` the leaves with one or more breaks taken now; a set of breaks comes after all it grew from."""
    for taken in range(1 << len(owing)):
        leave_s = here.get(taken)
        if leave_s is None:
            continue
        for bit, (_, hours, duration_s) in enumerate(owing):
            more = taken | 1 << bit
            at_s = None if more == taken else next_open(hours, leave_s)
            if at_s is not None and at_s + duration_s < here.get(more, NO_LIMIT):
                here[more] = at_s + duration_s
                came[done, more] = bit


def _traced(steps: Sequence[Step], owing: _Owing, came: dict[tuple[int, int], int], taken: int) -> Sequence[Step]:
    whole: list[Step] = []
    done = len(steps)
    while (done, taken) != (0, 0):
        bit = came[done, taken]
        if bit < 0:
            done -= 1
            whole.append(steps[done])
        else:
            number, hours, duration_s = owing[bit]
            whole.append((0, duration_s, hours, -1 - number))
            taken ^= 1 << bit
    return whole[::-1]
