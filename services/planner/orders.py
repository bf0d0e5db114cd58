"""What the planner says about bookings: a new version when all truckloads are in plans, and when all are collected."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from services.planner.demand import truckloads
from services.planner.situation import Situation
from streams import events


def progressed(now: Situation) -> list[events.Order]:
    """Return the next version of every order whose state is not what the plans and drivers say."""
    return list(_progressed(now))


def _progressed(now: Situation) -> Iterator[events.Order]:
    reference, span = now.state.reference, now.state.span(now.now_ms)
    for order in reference.orders.all(now.now_ms):
        if order.state not in ("open", "planned"):
            continue
        loads = truckloads(order, reference, span)
        if not loads:
            continue
        waiting = [load.stop_id for load in loads if not now.state.demand.collected(load.stop_id)]
        state: Literal["open", "planned", "collected"] = "open"
        if not waiting:
            state = "collected"
        elif all(stop_id in now.planned for stop_id in waiting):
            state = "planned"
        if state != order.state:
            yield msgspec.structs.replace(
                order,
                state=state,
                version=reference.orders.newest_version(order.order_id) + 1,
                valid_from_ms=now.now_ms,
                received_time_ms=now.now_ms,
            )
