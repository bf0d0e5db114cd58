"""What is different between two plans of one day, for people: cost, trucks, who moved, who is in or out now."""

from collections.abc import Iterator
from itertools import pairwise

from optimizer.plan import Cost, Plan, Route


def difference(before: Plan, after: Plan) -> list[str]:
    """Return a line for each thing that differs; none if nothing does."""
    return [
        *_costs(before.cost, after.cost),
        *_trucks(before, after),
        *_stops(before, after),
        *_left_out(before, after),
    ]


def _costs(before: Cost, after: Cost) -> Iterator[str]:
    for name in Cost.__struct_fields__:
        a, b = getattr(before, name), getattr(after, name)
        if a != b:
            share = f" ({100 * (b - a) / a:+.1f} %)" if a else ""
            yield f"{name:<18} {a:>14,} → {b:>14,}  {b - a:+,}{share}"


def _trucks(before: Plan, after: Plan) -> Iterator[str]:
    old, new = ({route.vehicle for route in plan.routes} for plan in (before, after))
    for truck in sorted(new - old):
        yield f"{truck}: has a route now"
    for truck in sorted(old - new):
        yield f"{truck}: has no route any more"


def _collected(route: Route) -> list[str]:
    return [visit.stop for visit in route.visits if visit.kind == "collect" and visit.stop]


def _served(plan: Plan) -> dict[str, str]:
    return {stop: route.vehicle for route in plan.routes for stop in _collected(route)}


def _stops(before: Plan, after: Plan) -> Iterator[str]:
    old, new = _served(before), _served(after)
    for stop in sorted(old.keys() & new.keys()):
        if old[stop] != new[stop]:
            yield f"{stop}: {old[stop]} → {new[stop]}"
    order, orders = _followers(before), _followers(after)
    for truck in sorted(order.keys() & orders.keys()):
        changed = sum(orders[truck].get(stop, follower) != follower for stop, follower in order[truck].items())
        if changed:
            yield f"{truck}: {changed} stops are followed by another one"


def _followers(plan: Plan) -> dict[str, dict[str, str]]:
    return {route.vehicle: dict(pairwise(_collected(route))) for route in plan.routes}


def _left_out(before: Plan, after: Plan) -> Iterator[str]:
    old, new = ({one.stop: one for one in plan.unassigned} for plan in (before, after))
    for stop in sorted(new.keys() - old.keys()):
        yield f"{stop}: left out now ({new[stop].code}): {new[stop].reason}"
    for stop in sorted(old.keys() - new.keys()):
        yield f"{stop}: served now, was left out ({old[stop].code})"
