"""Trips of one route: where its fixed order of stops is cut by tips at least cost, and what one more stop would cost.

A route is a row of nodes: place 0 is behind the truck's head, then come its stops. A *trip* is a run of stops between two
tips; place 0, with what is on board, belongs to the first one. For each place i of the row there is

    CHAIN   cost of the legs from 0 to i without any tip
    FRESH   least cost of being at i right after a tip
    GOING   least of FRESH[a] - CHAIN[a] over all trips a … i that fit: GOING[i] + CHAIN[i] is the cost of being at i
    AFTER   least cost of all that follows when a trip ends at i
    REST    least of CHAIN[b] + AFTER[b] over all trips i … b that fit: REST[i] - CHAIN[i] follows a tip right before i
    KG, LITRES   collected from 0 to i, what was on board included

and, in a row of its own, the place where the trip of GOING begins.
"""

import numpy as np

from optimizer.engines.compiled.jit import compiled
from optimizer.engines.compiled.tables import (
    CLASS,
    EMPTIES,
    KG_OF,
    KIND,
    LITRES_OF,
    LOADED,
    LOADED_KG,
    LOADED_L,
    MASK,
    MATERIAL,
    MOST_KG,
    MOST_L,
    NEVER,
    TAIL,
    Numbers,
    Reals,
)

CHAIN, FRESH, GOING, AFTER, REST, KG, LITRES = range(7)
LINES = 7


@compiled
def class_at(stop: Reals, truck: Reals, row: Numbers, place: int) -> int:
    """Class of what was collected last at a place; -1: nothing."""
    return int(truck[LOADED]) if place == 0 else int(stop[row[place], CLASS])


@compiled
def joins(stop: Reals, truck: Reals, klass: Numbers, row: Numbers, place: int, load: int) -> bool:
    """Whether a load of a class may lie beside what was collected at a place."""
    if place > 0:
        return int(stop[row[place], CLASS]) == load
    on_board = int(truck[LOADED])
    return (
        on_board < 0
        or on_board == load
        or (
            klass[on_board, MATERIAL] == klass[load, MATERIAL]
            and (klass[on_board, MASK] & klass[load, MASK]) == klass[load, MASK]
        )
    )


@compiled
def to_end(cost: Reals, over: Reals, truck: Reals, klass: Numbers, facilities_from: int, load: int, node: int) -> float:
    """Cost from a node to the route's end, with a tip before it where there must be one."""
    kind, tail = int(truck[KIND]), int(truck[TAIL])
    if load < 0 or truck[EMPTIES] == 0:
        return 0.0 if tail < 0 else cost[kind, node, tail]
    if tail >= 0:
        return over[kind, load, node, tail]
    best, mask, number = NEVER, klass[load, MASK], facilities_from
    while mask:
        if mask & 1:
            best = min(best, cost[kind, node, number])
        mask >>= 1
        number += 1
    return best


@compiled
def forwards(
    cost: Reals,
    over: Reals,
    stop: Reals,
    truck: Reals,
    klass: Numbers,
    facilities_from: int,
    row: Numbers,
    length: int,
    numbers: Reals,
    first: Numbers,
) -> float:
    """Fill all lines but AFTER and REST; return the cost of the whole route, NEVER or more if it cannot be."""
    kind = int(truck[KIND])
    most_kg, most_l = truck[MOST_KG], truck[MOST_L]
    numbers[CHAIN, 0] = numbers[FRESH, 0] = numbers[GOING, 0] = 0.0
    numbers[KG, 0], numbers[LITRES, 0] = truck[LOADED_KG], truck[LOADED_L]
    first[0] = 0
    queue = np.empty(length + 1, dtype=np.int64)  # places a, cheapest first: each later one is dearer, but fits longer
    head, tail, begin = 0, 1, 0
    queue[0] = 0
    load = int(truck[LOADED])
    for i in range(1, length + 1):
        before, here = row[i - 1], row[i]
        chain = numbers[CHAIN, i - 1] + cost[kind, before, here]
        kg, litres = numbers[KG, i - 1] + stop[here, KG_OF], numbers[LITRES, i - 1] + stop[here, LITRES_OF]
        tipped = NEVER if load < 0 else over[kind, load, before, here]
        fresh = numbers[GOING, i - 1] + numbers[CHAIN, i - 1] + tipped
        numbers[CHAIN, i], numbers[KG, i], numbers[LITRES, i], numbers[FRESH, i] = chain, kg, litres, fresh
        load = int(stop[here, CLASS])
        if not joins(stop, truck, klass, row, i - 1, load):
            begin = i
        while begin < i:
            kg_before = numbers[KG, begin - 1] if begin > 0 else 0.0
            litres_before = numbers[LITRES, begin - 1] if begin > 0 else 0.0
            if kg - kg_before <= most_kg and litres - litres_before <= most_l:
                break
            begin += 1
        while head < tail and queue[head] < begin:
            head += 1
        while head < tail and numbers[FRESH, queue[tail - 1]] - numbers[CHAIN, queue[tail - 1]] >= fresh - chain:
            tail -= 1
        queue[tail] = i
        tail += 1
        first[i] = queue[head]
        numbers[GOING, i] = numbers[FRESH, queue[head]] - numbers[CHAIN, queue[head]]
    end = to_end(cost, over, truck, klass, facilities_from, load, row[length])
    return numbers[GOING, length] + numbers[CHAIN, length] + end


@compiled
def backwards(
    cost: Reals,
    over: Reals,
    stop: Reals,
    truck: Reals,
    klass: Numbers,
    facilities_from: int,
    row: Numbers,
    length: int,
    numbers: Reals,
) -> None:
    """Fill AFTER and REST, behind `forwards`."""
    kind = int(truck[KIND])
    most_kg, most_l = truck[MOST_KG], truck[MOST_L]
    load = class_at(stop, truck, row, length)
    numbers[AFTER, length] = to_end(cost, over, truck, klass, facilities_from, load, row[length])
    numbers[REST, length] = numbers[CHAIN, length] + numbers[AFTER, length]
    queue = np.empty(length + 1, dtype=np.int64)
    head, tail, until = 0, 1, length
    queue[0] = length
    for i in range(length - 1, -1, -1):
        load_behind = load
        load = class_at(stop, truck, row, i)
        tipped = NEVER if load < 0 else over[kind, load, row[i], row[i + 1]]
        after = tipped + numbers[REST, i + 1] - numbers[CHAIN, i + 1]
        numbers[AFTER, i] = after
        if not joins(stop, truck, klass, row, i, load_behind):
            until = i
        kg_before = numbers[KG, i - 1] if i > 0 else 0.0
        litres_before = numbers[LITRES, i - 1] if i > 0 else 0.0
        while until > i and (
            numbers[KG, until] - kg_before > most_kg or numbers[LITRES, until] - litres_before > most_l
        ):
            until -= 1
        value = numbers[CHAIN, i] + after
        while head < tail and queue[head] > until:
            head += 1
        while head < tail and numbers[CHAIN, queue[tail - 1]] + numbers[AFTER, queue[tail - 1]] >= value:
            tail -= 1
        queue[tail] = i
        tail += 1
        numbers[REST, i] = numbers[CHAIN, queue[head]] + numbers[AFTER, queue[head]]


@compiled
def with_one_more(
    cost: Reals,
    over: Reals,
    stop: Reals,
    truck: Reals,
    klass: Numbers,
    facilities_from: int,
    row: Numbers,
    length: int,
    numbers: Reals,
    place: int,
    new: int,
) -> float:
    """Least cost of the route with the stop ``new`` behind ``place``, its tips placed anew."""
    kind, load = int(truck[KIND]), int(stop[new, CLASS])
    most_kg, most_l = truck[MOST_KG], truck[MOST_L]
    before = row[place]
    into = cost[kind, before, new]
    out = 0.0
    if place == length:  # a tip, or the end, is next
        right = to_end(cost, over, truck, klass, facilities_from, load, new)
    else:
        behind = row[place + 1]
        out = cost[kind, new, behind] - numbers[CHAIN, place + 1]
        right = over[kind, load, new, behind] + numbers[REST, place + 1] - numbers[CHAIN, place + 1]
    load_before = class_at(stop, truck, row, place)
    alone = NEVER  # a tip right before it
    if load_before >= 0:
        alone = numbers[GOING, place] + numbers[CHAIN, place] + over[kind, load_before, before, new]
    # The trip a … place, new, place+1 … b: the longer it is on the left, the shorter on the right.
    a = place + 1
    kg, litres = stop[new, KG_OF], stop[new, LITRES_OF]
    while a > 0 and joins(stop, truck, klass, row, a - 1, load):
        more_kg = stop[row[a - 1], KG_OF] if a > 1 else truck[LOADED_KG]
        more_l = stop[row[a - 1], LITRES_OF] if a > 1 else truck[LOADED_L]
        if kg + more_kg > most_kg or litres + more_l > most_l:
            break
        kg += more_kg
        litres += more_l
        a -= 1
    best, b = NEVER, place
    while True:
        while b < length and int(stop[row[b + 1], CLASS]) == load:
            if kg + numbers[KG, b + 1] - numbers[KG, place] > most_kg:
                break
            if litres + numbers[LITRES, b + 1] - numbers[LITRES, place] > most_l:
                break
            b += 1
            right = min(right, out + numbers[CHAIN, b] + numbers[AFTER, b])
        if a > place:
            return min(best, alone + right)
        best = min(best, numbers[FRESH, a] - numbers[CHAIN, a] + numbers[CHAIN, place] + into + right)
        kg -= stop[row[a], KG_OF] if a > 0 else truck[LOADED_KG]
        litres -= stop[row[a], LITRES_OF] if a > 0 else truck[LOADED_L]
        a += 1


@compiled
def write(stop: Reals, truck: Reals, row: Numbers, length: int, first: Numbers, visits: Numbers) -> int:
    """Write the route's nodes, -1 for each tip; return how many."""
    count, end = 0, length
    if class_at(stop, truck, row, length) >= 0 and truck[EMPTIES] != 0:
        visits[0] = -1
        count = 1
    while True:
        begin = first[end]
        for place in range(end, max(begin, 1) - 1, -1):
            visits[count] = row[place]
            count += 1
        if begin == 0:
            break
        visits[count] = -1
        count += 1
        end = begin - 1
    for i in range(count // 2):
        visits[i], visits[count - 1 - i] = visits[count - 1 - i], visits[i]
    return count
