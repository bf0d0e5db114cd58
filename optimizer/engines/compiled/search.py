"""Ruin and recreate on `Tables`: strings of neighbouring stops out, each stop back in where it costs least, luck kept.

After J. Christiaens and G. Vanden Berghe, *Slack Induction by String Removals for Vehicle Routing Problems*, Transportation
Science 54 (2020). What is ours: a place for a stop is judged with all tips of the route placed anew (`trips`), and only
places beside near neighbours, behind the head and before the end are looked at.
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from optimizer.engines.compiled.drive import driven, place_tips
from optimizer.engines.compiled.jit import compiled
from optimizer.engines.compiled.tables import (
    ALIKE,
    CLASS,
    FIXED,
    HEAD,
    KG_OF,
    KIND,
    LOADED_KG,
    NEVER,
    OBLIGED,
    PRICE,
    ROOM_KG,
    ROOM_STOPS,
    TIMED,
    USABLE,
    Numbers,
    Reals,
    Tables,
)
from optimizer.engines.compiled.trips import KG, LINES, backwards, class_at, forwards, with_one_more, write

OVERLOOKED: Final = 0.01
"""Of the places for a stop, so many are overlooked by chance."""
SPLIT: Final = 0.5
"""Of the strings, so many keep a piece in their middle."""
KEPT_LONGER: Final = 0.01
"""Chance that such a piece does not grow by one more stop."""
BESIDE: Final = 20
"""Neighbours beside which a stop is tried."""
MOST_TRIES: Final = 12
"""Places whose times are worked out before a stop is left out: it will be its turn again."""
MOST_TODO: Final = 40
"""Stops put in at most in one step: where much has to stay out, some of it is tried each time."""


SHUFFLED, HEAVY_FIRST, FAR_FIRST = 4 / 11, 8 / 11, 10 / 11
"""Chances of the orders in which stops are put back, added up; what is left is near first. As in the source."""

LEFT_OUT: Final = -1
ELSEWHERE: Final = -2
"""No truck of a stop: one it is committed to has it, or none may."""


# Lines of `State.lines` and `State.trial`.
ROW, FIRST, VISITS = range(3)
# Of `State.energy`: the plan that counts, the best one.
CURRENT, BEST = range(2)
# Columns of `State.where`, and of the places found for a stop; what is known of its cost there.
TRUCK, PLACE, KNOWN = range(3)
ROUGHLY, BUT_FOR_TIMES = range(2)
# Columns of `State.use`: which of the truck's two rows counts, whether it was changed in this step.
NOW, TOUCHED = range(2)
# Of `State.ticks`.
LOOKS, IMPROVED = range(2)


class State(NamedTuple):
    """What the search changes. Each truck has two routes: the one that counts, and what it was before this step."""

    lines: Numbers  # truck, which, line, place
    numbers: Reals  # truck, which, line of `trips`, place
    length: Numbers  # truck, which
    cost: Reals  # truck, which: 0 if not used
    given: Reals  # truck, which, facility: kg tipped there
    use: Numbers  # truck, column
    where: Numbers  # stop, column; truck is `LEFT_OUT` or `ELSEWHERE` if none has it
    best: Numbers  # truck, then: how many stops, and they
    energy: Reals
    ticks: Numbers
    random: NDArray[np.uint64]
    looked: Numbers  # truck, place: the last time this place was looked at
    trial: Numbers  # line, place
    trial_numbers: Reals
    trial_given: Reals
    given_all: Reals


def new_state(t: Tables, seed: int) -> State:
    """Return an empty plan."""
    k, n, m = len(t.truck), len(t.near), t.stop.shape[0] - len(t.near)
    width = n + 2

    def numbers(*shape: int, value: int = 0) -> Numbers:
        return np.full(shape, value, dtype=np.int64)

    return State(
        lines=numbers(k, 2, 2, width), numbers=np.zeros((k, 2, LINES, width)), length=numbers(k, 2),
        cost=np.zeros((k, 2)), given=np.zeros((k, 2, m)), use=numbers(k, 2), where=numbers(n, 2, value=LEFT_OUT),
        best=numbers(k, width), energy=np.full(2, NEVER), ticks=numbers(2),
        random=np.array([(seed * 0x9E3779B97F4A7C15 + 0x1234567) % (1 << 64) or 1], dtype=np.uint64),
        looked=numbers(k, width), trial=numbers(3, 2 * width + 2), trial_numbers=np.zeros((LINES, width)),
        trial_given=np.zeros(m), given_all=np.zeros(m),
    )  # fmt: skip


@compiled
def chance(random: NDArray[np.uint64]) -> float:
    """Return a number in [0, 1): xorshift64*, G. Marsaglia 2003, S. Vigna 2016."""
    x = random[0]
    x ^= x >> np.uint64(12)
    x ^= x << np.uint64(25)
    x ^= x >> np.uint64(27)
    random[0] = x
    return float((x * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@compiled
def _below(random: NDArray[np.uint64], count: int) -> int:
    return min(int(chance(random) * count), count - 1)


# --------------------------------------------------------------------------------------------- routes


@compiled
def _judge_trial(t: Tables, s: State, k: int, length: int) -> float:
    """Cost of truck k with the row in ``trial``; NEVER if it breaks a rule. What it tips is in ``trial_given``."""
    truck, stops = t.truck[k], t.near.shape[0]
    cost = forwards(
        t.cost, t.over, t.stop, truck, t.klass, stops, s.trial[ROW], length, s.trial_numbers, s.trial[FIRST]
    )
    if length == 0 and truck[OBLIGED] == 0:
        return 0.0
    if cost >= NEVER:
        return NEVER
    if truck[TIMED] != 0:
        count = write(t.stop, truck, s.trial[ROW], length, s.trial[FIRST], s.trial[VISITS])
        if t.remaining.size:
            s.trial_given[:] = s.given_all - s.given[k, s.use[k, NOW]]
        if not place_tips(t, k, s.trial[VISITS], count, s.trial_given):
            return NEVER
        cost = driven(t, k, s.trial[VISITS], count)
    return cost + truck[FIXED]


@compiled
def _take_trial(t: Tables, s: State, k: int, length: int, cost: float) -> None:
    """Make the row in ``trial`` the route of truck k that counts."""
    truck, now = t.truck[k], s.use[k, NOW]
    used = length > 0 or truck[OBLIGED] != 0
    if t.remaining.size:
        for facility in range(t.remaining.size):
            others = s.given_all[facility] - s.given[k, now, facility]
            s.given[k, now, facility] = s.trial_given[facility] - others if used else 0.0
            s.given_all[facility] = others + s.given[k, now, facility]
    lines, numbers = s.lines[k, now], s.numbers[k, now]
    for place in range(length + 1):
        lines[ROW, place], lines[FIRST, place] = s.trial[ROW, place], s.trial[FIRST, place]
        for line in range(LINES):
            numbers[line, place] = s.trial_numbers[line, place]
    backwards(t.cost, t.over, t.stop, truck, t.klass, t.near.shape[0], lines[ROW], length, numbers)
    s.length[k, now] = length
    s.cost[k, now] = cost
    for place in range(1, length + 1):
        s.where[lines[ROW, place], TRUCK], s.where[lines[ROW, place], PLACE] = k, place


@compiled
def _touch(s: State, k: int) -> None:
    """Keep what a truck's route was, once in a step."""
    if s.use[k, TOUCHED]:
        return
    old = s.use[k, NOW]
    new = 1 - old
    for place in range(s.length[k, old] + 1):
        for line in range(2):
            s.lines[k, new, line, place] = s.lines[k, old, line, place]
        for line in range(LINES):
            s.numbers[k, new, line, place] = s.numbers[k, old, line, place]
    s.length[k, new], s.cost[k, new] = s.length[k, old], s.cost[k, old]
    for facility in range(s.given_all.size):
        s.given[k, new, facility] = s.given[k, old, facility]
    s.use[k, NOW], s.use[k, TOUCHED] = new, 1


@compiled
def _undo(s: State) -> None:
    """Put back the routes of before this step."""
    for k in range(s.use.shape[0]):
        if s.use[k, TOUCHED]:
            now = s.use[k, NOW]
            for place in range(1, s.length[k, now] + 1):
                s.where[s.lines[k, now, ROW, place], TRUCK] = LEFT_OUT
            for facility in range(s.given_all.size):
                s.given_all[facility] += s.given[k, 1 - now, facility] - s.given[k, now, facility]
            s.use[k, NOW] = 1 - now
    for k in range(s.use.shape[0]):
        if s.use[k, TOUCHED]:
            now = s.use[k, NOW]
            for place in range(1, s.length[k, now] + 1):
                stop = s.lines[k, now, ROW, place]
                s.where[stop, TRUCK], s.where[stop, PLACE] = k, place


@compiled
def _energy(t: Tables, s: State) -> float:
    total = 0.0
    for k in range(s.use.shape[0]):
        total += s.cost[k, s.use[k, NOW]]
    for stop in range(s.where.shape[0]):
        if s.where[stop, TRUCK] == LEFT_OUT:
            total += t.stop[stop, PRICE]
        elif s.where[stop, TRUCK] >= 0:
            total += t.serve[s.where[stop, TRUCK], stop]
    return total


# --------------------------------------------------------------------------------------------- ruin


@compiled
def _remove(t: Tables, s: State, k: int, gone_from: int, gone_until: int, kept_from: int, kept_until: int) -> bool:
    """Take places gone_from … gone_until-1 but kept_from … kept_until-1 out of a route. Returns whether it still holds."""
    _touch(s, k)
    now = s.use[k, NOW]
    row = s.lines[k, now, ROW]
    count = 0
    s.trial[ROW, 0] = row[0]
    for place in range(1, s.length[k, now] + 1):
        if gone_from <= place < gone_until and not kept_from <= place < kept_until:
            s.where[row[place], TRUCK] = LEFT_OUT
        else:
            count += 1
            s.trial[ROW, count] = row[place]
    cost = _judge_trial(t, s, k, count)
    if cost >= NEVER:
        return False
    _take_trial(t, s, k, count, cost)
    return True


@compiled
def _ruin(t: Tables, s: State, removed: float, longest: float) -> bool:
    """Take strings of stops near a random one out. Returns whether all routes still hold."""
    used = assigned = 0
    for k in range(s.use.shape[0]):
        s.use[k, TOUCHED] = 0
        length = s.length[k, s.use[k, NOW]]
        assigned += length
        used += length > 0
    most = min(float(longest), max(1.0, assigned / max(1, used)))
    strings = 1 + int(chance(s.random) * max(0.0, 4.0 * removed / (1.0 + most) - 1.0))
    centre = _below(s.random, s.where.shape[0])
    while s.where[centre, TRUCK] == ELSEWHERE:
        centre = _below(s.random, s.where.shape[0])
    stop, number = centre, 0
    while True:
        k = s.where[stop, TRUCK]
        if k >= 0 and not s.use[k, TOUCHED]:
            if not _remove_string(t, s, k, s.where[stop, PLACE], most):
                return False
            strings -= 1
        if strings == 0 or number == t.near.shape[1] or t.near[centre, number] < 0:
            return True
        stop = t.near[centre, number]
        number += 1


@compiled
def _remove_string(t: Tables, s: State, k: int, place: int, most: float) -> bool:
    """Take a random string with ``place`` in it out of a route, or one in two pieces."""
    length = s.length[k, s.use[k, NOW]]
    size = min(int(1.0 + chance(s.random) * min(float(length), most)), length)
    kept = 0
    if 1 < size < length and chance(s.random) < SPLIT:
        kept = 1
        while size + kept < length and chance(s.random) > KEPT_LONGER:
            kept += 1
    whole = size + kept
    low, high = max(1, place - whole + 1), min(place, length - whole + 1)
    begin = low + _below(s.random, high - low + 1)
    kept_from = begin + 1 + _below(s.random, size - 1) if kept else begin
    return _remove(t, s, k, begin, begin + whole, kept_from, kept_from + kept)


# --------------------------------------------------------------------------------------------- recreate


@compiled
def _who_may(t: Tables, s: State, stop: int, may: NDArray[np.bool_]) -> None:
    """Write of each truck whether it could take the stop, as far as no other stop's place matters."""
    kg = t.stop[stop, KG_OF]
    for k in range(may.size):
        truck, now = t.truck[k], s.use[k, NOW]
        length = s.length[k, now]
        may[k] = (
            truck[USABLE] != 0
            and t.serve[k, stop] < NEVER
            and length < truck[ROOM_STOPS]
            and s.numbers[k, now, KG, length] - truck[LOADED_KG] + kg <= truck[ROOM_KG]
        )


@compiled
def _candidates(t: Tables, s: State, stop: int, may: NDArray[np.bool_], found: Numbers) -> int:
    """Write (truck, place) of all places worth a look, each once: beside neighbours, behind heads, before ends."""
    s.ticks[LOOKS] += 1
    look, count = s.ticks[LOOKS], 0
    where, looked, near = s.where, s.looked, t.near
    _who_may(t, s, stop, may)
    for number in range(min(BESIDE, near.shape[1])):
        other = near[stop, number]
        if other < 0:
            break
        k = where[other, TRUCK]
        if k >= 0 and may[k]:
            for place in range(where[other, PLACE], where[other, PLACE] - 2, -1):
                if looked[k, place] != look:
                    looked[k, place] = look
                    found[count, TRUCK], found[count, PLACE] = k, place
                    count += 1
    for k in range(may.size):
        length = s.length[k, s.use[k, NOW]]
        if not may[k] or (length == 0 and _has_idle_twin(t.truck, s.use, s.length, k)):
            continue
        for place in range(0, length + 1, max(length, 1)):
            if looked[k, place] != look:
                looked[k, place] = look
                found[count, TRUCK], found[count, PLACE] = k, place
                count += 1
    return count


@compiled
def _has_idle_twin(trucks: Reals, use: Numbers, length: Numbers, k: int) -> bool:
    """Whether an unused truck before this one differs in nothing but its name."""
    alike = trucks[k, ALIKE]
    for other in range(int(alike), k):  # noqa: SIM110  # the compiler knows no generators
        if trucks[other, ALIKE] == alike and length[other, use[other, NOW]] == 0:
            return True
    return False


@compiled
def _with(s: State, k: int, place: int, stop: int) -> int:
    """Write truck k's row with a stop behind a place into ``trial``; return its length."""
    now = s.use[k, NOW]
    length = s.length[k, now]
    row = s.lines[k, now, ROW]
    for number in range(place + 1):
        s.trial[ROW, number] = row[number]
    s.trial[ROW, place + 1] = stop
    for number in range(place + 1, length + 1):
        s.trial[ROW, number + 1] = row[number]
    return length + 1


@compiled
def _least(
    cost: Reals, over: Reals, kind: int, before: int, new: int, behind: int, load: int, load_before: int
) -> float:
    """What a stop between two others adds at least, tips between them or not, where ways round are no shorter."""
    direct = cost[kind, before, new] + cost[kind, new, behind] - cost[kind, before, behind]
    if load_before < 0:
        return direct
    tipped = over[kind, load_before, before, behind]
    late = cost[kind, before, new] + over[kind, load, new, behind] - tipped
    early = over[kind, load_before, before, new] + cost[kind, new, behind] - tipped
    return min(direct, late, early)


@compiled
def _bounds(t: Tables, s: State, stop: int, found: Numbers, count: int, bounds: Reals) -> None:
    """Write what the stop adds at least at each place."""
    cost, over, stops, trucks, lines, use = t.cost, t.over, t.stop, t.truck, s.lines, s.use
    load = int(stops[stop, CLASS])
    for number in range(count):
        k, place = found[number, TRUCK], found[number, PLACE]
        now = use[k, NOW]
        bounds[number] = t.serve[k, stop]
        if place < s.length[k, now]:
            before, behind = lines[k, now, ROW, place], lines[k, now, ROW, place + 1]
            load_before = class_at(stops, trucks[k], lines[k, now, ROW], place)
            bounds[number] += _least(cost, over, int(trucks[k, KIND]), before, stop, behind, load, load_before)
        found[number, KNOWN] = ROUGHLY


@compiled
def _insert(t: Tables, s: State, stop: int, may: NDArray[np.bool_], found: Numbers, bounds: Reals) -> None:
    """Put a stop where it costs least, if it is worth that.

    The place with the lowest bound is looked at first and gets a better one, until the lowest is a cost that holds.
    """
    best_cost, best = t.stop[stop, PRICE], -1
    count = _candidates(t, s, stop, may, found)
    _bounds(t, s, stop, found, count, bounds)
    best_length, tried, tries = 0, -1, 0
    while count > 0 and tries < MOST_TRIES:
        number = 0
        for other in range(1, count):
            if bounds[other] < bounds[number]:
                number = other
        if bounds[number] >= best_cost:
            break
        k, place = found[number, TRUCK], found[number, PLACE]
        truck, now = t.truck[k], s.use[k, NOW]
        extra = t.serve[k, stop] + truck[FIXED] - s.cost[k, now]
        if found[number, KNOWN] == ROUGHLY:
            found[number, KNOWN] = BUT_FOR_TIMES
            bounds[number] = NEVER
            if chance(s.random) >= OVERLOOKED:
                bounds[number] = extra + with_one_more(
                    t.cost, t.over, t.stop, truck, t.klass, t.near.shape[0],
                    s.lines[k, now, ROW], s.length[k, now], s.numbers[k, now], place, stop,
                )  # fmt: skip
        else:
            length, tried, tries = _with(s, k, place, stop), number, tries + 1
            cost = _judge_trial(t, s, k, length)
            if cost + extra - truck[FIXED] < best_cost:
                best_cost, best, best_length = cost + extra - truck[FIXED], number, length
            bounds[number] = NEVER
    if best >= 0:
        k = found[best, TRUCK]
        _touch(s, k)
        cost = best_cost - t.serve[k, stop] + s.cost[k, s.use[k, NOW]]
        if tried != best:
            _with(s, k, found[best, PLACE], stop)
            cost = _judge_trial(t, s, k, best_length)
        _take_trial(t, s, k, best_length, cost)


@compiled
def _in_some_order(t: Tables, s: State, todo: Numbers, count: int, dice: float) -> None:
    depot = int(t.truck[0, HEAD])
    order = np.empty(count)
    for number in range(count):
        stop = todo[number]
        if dice < SHUFFLED:
            order[number] = chance(s.random)
        elif dice < HEAVY_FIRST:
            order[number] = -t.stop[stop, KG_OF]
        elif dice < FAR_FIRST:
            order[number] = -t.cost[0, depot, stop]
        else:
            order[number] = t.cost[0, depot, stop]
    for i in range(1, count):  # few: insertion sort
        key, stop = order[i], todo[i]
        j = i - 1
        while j >= 0 and order[j] > key:
            order[j + 1], todo[j + 1] = order[j], todo[j]
            j -= 1
        order[j + 1], todo[j + 1] = key, stop


@compiled
def _recreate(t: Tables, s: State, most: int, dice: float) -> None:
    """Put stops that are left out back in, at most so many."""
    todo = np.empty(s.where.shape[0], dtype=np.int64)
    count = 0
    for stop in range(s.where.shape[0]):
        if s.where[stop, TRUCK] == LEFT_OUT:
            todo[count] = stop
            count += 1
    if count > most:
        for number in range(most):
            other = number + _below(s.random, count - number)
            todo[number], todo[other] = todo[other], todo[number]
        count = most
    _in_some_order(t, s, todo, count, dice)
    found = np.empty((2 * BESIDE + 2 * s.use.shape[0], 3), dtype=np.int64)
    may = np.zeros(s.use.shape[0], dtype=np.bool_)
    bounds = np.empty(len(found))
    for number in range(count):
        _insert(t, s, todo[number], may, found, bounds)


# --------------------------------------------------------------------------------------------- the search


@compiled
def start(t: Tables, s: State, elsewhere: NDArray[np.bool_], rows: Numbers, lengths: Numbers) -> None:
    """Set the plan to rows of stops; a route that does not hold is emptied. What is left out is put in."""
    for stop in range(s.where.shape[0]):
        s.where[stop, TRUCK] = ELSEWHERE if elsewhere[stop] else LEFT_OUT
    for k in range(s.use.shape[0]):
        s.use[k, TOUCHED] = 1
        length, cost = lengths[k], NEVER
        s.trial[ROW, 0] = int(t.truck[k, HEAD])
        for place in range(length):
            s.trial[ROW, place + 1] = rows[k, place]
        if t.truck[k, USABLE] != 0:
            cost = _judge_trial(t, s, k, length)
        if cost >= NEVER:
            length = 0
            cost = _judge_trial(t, s, k, 0)
        _take_trial(t, s, k, length, cost if cost < NEVER else 0.0)
    _recreate(t, s, s.where.shape[0], HEAVY_FIRST)  # far first: `HEAVY_FIRST` is where that begins
    s.energy[CURRENT] = _energy(t, s)
    _keep(s)


@compiled
def _keep(s: State) -> None:
    s.energy[BEST] = s.energy[CURRENT]
    s.ticks[IMPROVED] += 1
    for k in range(s.use.shape[0]):
        now = s.use[k, NOW]
        s.best[k, 0] = s.length[k, now]
        for place in range(1, s.length[k, now] + 1):
            s.best[k, place] = s.lines[k, now, ROW, place]


@compiled
def search(t: Tables, s: State, steps: int, temperature: float, removed: float, longest: float) -> None:
    """Go so many steps at one temperature."""
    for _ in range(steps):
        energy = NEVER
        if _ruin(t, s, removed, longest):
            _recreate(t, s, MOST_TODO, chance(s.random))
            energy = _energy(t, s)
        if energy < s.energy[CURRENT] - temperature * np.log(max(chance(s.random), 1e-300)):
            s.energy[CURRENT] = energy
            if energy < s.energy[BEST] - 1e-6:
                _keep(s)
        else:
            _undo(s)


@compiled
def best_visits(t: Tables, s: State, k: int, visits: Numbers) -> int:
    """Write a truck's route in the best plan, facilities in; return how many visits, -1 if it has none."""
    length = s.best[k, 0]
    s.trial[ROW, 0] = int(t.truck[k, HEAD])
    for place in range(1, length + 1):
        s.trial[ROW, place] = s.best[k, place]
    forwards(
        t.cost, t.over, t.stop, t.truck[k], t.klass, t.near.shape[0],
        s.trial[ROW], length, s.trial_numbers, s.trial[FIRST],
    )  # fmt: skip
    count = write(t.stop, t.truck[k], s.trial[ROW], length, s.trial[FIRST], visits)
    return count if place_tips(t, k, visits, count, s.trial_given) else -1
