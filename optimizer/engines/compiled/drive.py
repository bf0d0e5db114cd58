"""When a route is where: windows, site hours, breaks, the limits of the day; and at which facility it really tips.

The earliest moment is always the best to go on from, so a route is driven once from its begin. Breaks that are owed are put
where the route is over first, by a programme over the set of breaks taken. A begin that can be later makes the day shorter.
"""

import numpy as np
from numpy.typing import NDArray

from optimizer.engines.compiled.jit import compiled
from optimizer.engines.compiled.tables import (
    BEGUN,
    BREAKS_FROM,
    BREAKS_UNTIL,
    CLASS,
    HEAD,
    KG_OF,
    KIND,
    LATEST,
    LOADED,
    LOADED_KG,
    LONGEST,
    MASK,
    NEVER,
    OVERTIME,
    PER_OVERTIME_S,
    PER_S,
    READY,
    SERVICE_S,
    TAIL,
    Numbers,
    Reals,
    Tables,
)


@compiled
def opens(window_from: Numbers, windows: Reals, hours: int, time: float) -> float:
    """Return the first moment from ``time`` on at which a visit or break may begin; NEVER if none is left."""
    begin, end = window_from[hours], window_from[hours + 1]
    if begin == end:
        return time
    for number in range(begin, end):
        if time <= windows[number, 1]:
            return max(time, windows[number, 0])
    return NEVER


@compiled
def closes(window_from: Numbers, windows: Reals, hours: int, time: float) -> float:
    """Return the last moment until ``time`` at which a visit or break may begin; -NEVER if there was none."""
    begin, end = window_from[hours], window_from[hours + 1]
    if begin == end:
        return time
    for number in range(end - 1, begin - 1, -1):
        if time >= windows[number, 0]:
            return min(time, windows[number, 1])
    return -NEVER


@compiled
def place_tips(t: Tables, number: int, visits: Numbers, count: int, given: Reals) -> bool:
    """Write a facility for each -1 in ``visits``: the cheapest on the way that is open and has room.

    ``given``: kg tipped at each facility by the other trucks; this one's are added. Returns whether each tip has one.
    """
    truck = t.truck[number]
    kind, stops = int(truck[KIND]), t.near.shape[0]
    here, now = int(truck[HEAD]), truck[READY]
    kg, load = truck[LOADED_KG], int(truck[LOADED])
    for place in range(count):
        node = visits[place]
        if node < 0:
            after = visits[place + 1] if place + 1 < count else int(truck[TAIL])
            best, found = NEVER, -1
            mask, facility = t.klass[load, MASK] if load >= 0 else 0, 0
            while mask:
                if mask & 1 and not (t.remaining.size and given[facility] + kg > t.remaining[facility]):
                    at = now + t.time[kind, here, stops + facility]
                    wait = opens(t.window_from, t.windows, stops + facility, at) - at
                    way = t.cost[kind, here, stops + facility] + wait * truck[PER_S]
                    if after >= 0:
                        way += t.cost[kind, stops + facility, after]
                    if wait < NEVER / 2 and way < best:
                        best, found = way, facility
                mask >>= 1
                facility += 1
            if found < 0:
                return False
            node = visits[place] = stops + found
            given[found] += kg
            kg, load = 0.0, -1
        else:
            kg += t.stop[node, KG_OF]
            load = int(t.stop[node, CLASS])
        now = opens(t.window_from, t.windows, node, now + t.time[kind, here, node])
        if now >= NEVER:
            return False
        now += t.stop[node, SERVICE_S]
        here = node
    return True


@compiled
def driven(t: Tables, number: int, visits: Numbers, count: int) -> float:
    """Cost of a route with its facilities written in; NEVER if some window, break or limit cannot be kept."""
    truck = t.truck[number]
    kind, tail = int(truck[KIND]), int(truck[TAIL])
    here, now = int(truck[HEAD]), truck[READY]
    chain = work = 0.0
    for place in range(count):
        node = visits[place]
        chain += t.cost[kind, here, node]
        leg = t.time[kind, here, node]
        now = opens(t.window_from, t.windows, node, now + leg)
        if now >= NEVER:
            return NEVER
        now += t.stop[node, SERVICE_S]
        work += leg + t.stop[node, SERVICE_S]
        here = node
    if tail >= 0:
        leg = t.time[kind, here, tail]
        chain += t.cost[kind, here, tail]
        now += leg
        work += leg
    begun = truck[BEGUN]
    pauses = int(truck[BREAKS_UNTIL] - truck[BREAKS_FROM])
    owed = False
    for bit in range(pauses):
        owed = owed or begun <= _last_begin(t, truck, bit) < now
    latest_end = truck[LATEST] + truck[OVERTIME]
    if now > latest_end:
        return NEVER
    day_counts = truck[PER_S] > 0 or truck[LONGEST] < NEVER
    if owed:
        now, begun = _with_breaks(t, truck, visits, count, day_counts)
        if now > latest_end:
            return NEVER
    elif day_counts and now - begun - work > 1e-6 and truck[READY] == begun:
        begun = max(begun, _latest_begin(t, truck, visits, count, now))
    overtime = max(0.0, now - truck[LATEST], now - begun - truck[LONGEST])
    if overtime > truck[OVERTIME]:
        return NEVER
    return chain + (now - begun - work) * truck[PER_S] + overtime * truck[PER_OVERTIME_S]


@compiled
def _hours(t: Tables, truck: Reals, bit: int) -> int:
    return t.stop.shape[0] + int(truck[BREAKS_FROM]) + bit


@compiled
def _last_begin(t: Tables, truck: Reals, bit: int) -> float:
    hours = _hours(t, truck, bit)
    begin, end = t.window_from[hours], t.window_from[hours + 1]
    return NEVER if begin == end else t.windows[end - 1, 1]


@compiled
def _latest_begin(t: Tables, truck: Reals, visits: Numbers, count: int, end: float) -> float:
    """Return the latest begin from which the route, without breaks, is still over at ``end``."""
    kind, tail = int(truck[KIND]), int(truck[TAIL])
    leave = end
    for place in range(count - (tail < 0), -1, -1):
        node = visits[place] if place < count else tail
        if place < count:
            leave = closes(t.window_from, t.windows, node, leave - t.stop[node, SERVICE_S])
        here = visits[place - 1] if place > 0 else int(truck[HEAD])
        leave -= t.time[kind, here, node]
    return leave


@compiled
def _with_breaks(t: Tables, truck: Reals, visits: Numbers, count: int, begin_later: bool) -> tuple[float, float]:
    """Return the earliest end with every owed break taken (NEVER if there is none), and the latest begin for it."""
    kind, tail = int(truck[KIND]), int(truck[TAIL])
    sets, steps = 1 << int(truck[BREAKS_UNTIL] - truck[BREAKS_FROM]), count + (tail >= 0)
    leave = np.full((steps + 1, sets), NEVER)
    came = np.full((steps + 1, sets), -1, dtype=np.int8)  # the break taken last at a place; -1: it was driven to
    leave[0, 0] = truck[READY]
    here = int(truck[HEAD])
    for place in range(steps):
        _rest(t, truck, leave[place], came[place])
        node = visits[place] if place < count else tail
        for taken in range(sets):
            if leave[place, taken] < NEVER:
                at = leave[place, taken] + t.time[kind, here, node]
                if place < count:
                    at = opens(t.window_from, t.windows, node, at) + t.stop[node, SERVICE_S]
                leave[place + 1, taken] = min(at, NEVER)
        here = node
    end, taken = _first_lawful(t, truck, leave[steps])
    if end >= NEVER or not begin_later or truck[READY] != truck[BEGUN]:
        return end, truck[BEGUN]
    return end, max(truck[BEGUN], _traced_back(t, truck, visits, count, came, end, taken))


@compiled
def _rest(t: Tables, truck: Reals, leave: Reals, came: NDArray[np.int8]) -> None:
    """Take breaks where the truck stands. ``leave``, ``came``: by set of breaks; a set comes after all it grew from."""
    first = int(truck[BREAKS_FROM])
    for taken in range(leave.size):
        for bit in range(int(truck[BREAKS_UNTIL]) - first):
            more = taken | 1 << bit
            if more != taken and leave[taken] < NEVER:
                over = opens(t.window_from, t.windows, _hours(t, truck, bit), leave[taken]) + t.break_s[first + bit]
                if over < leave[more]:
                    leave[more] = over
                    came[more] = bit


@compiled
def _first_lawful(t: Tables, truck: Reals, ends: Reals) -> tuple[float, int]:
    """Return the earliest end at which no break is owed that was not taken, and the set of those taken."""
    best, found = NEVER, 0
    for taken in range(ends.size):
        lawful = ends[taken] < best
        for bit in range(int(truck[BREAKS_UNTIL] - truck[BREAKS_FROM])):
            if not taken >> bit & 1 and truck[BEGUN] <= _last_begin(t, truck, bit) < ends[taken]:
                lawful = False
        if lawful:
            best, found = ends[taken], taken
    return best, found


@compiled
def _traced_back(
    t: Tables, truck: Reals, visits: Numbers, count: int, came: NDArray[np.int8], end: float, taken: int
) -> float:
    """Return the latest begin from which the route is still over at ``end`` with these breaks where they were taken."""
    kind, tail, first = int(truck[KIND]), int(truck[TAIL]), int(truck[BREAKS_FROM])
    at, place = end, came.shape[0] - 1
    while place > 0 or taken:
        bit = came[place, taken]
        if bit >= 0:
            at = closes(t.window_from, t.windows, _hours(t, truck, bit), at - t.break_s[first + bit])
            taken ^= 1 << bit
            continue
        node = visits[place - 1] if place <= count else tail
        here = visits[place - 2] if place > 1 else int(truck[HEAD])
        if place <= count:
            at = closes(t.window_from, t.windows, node, at - t.stop[node, SERVICE_S])
        at -= t.time[kind, here, node]
        place -= 1
    return at
