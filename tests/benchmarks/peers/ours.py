"""The worker as it runs, but for its core: a fix is counted and says nothing."""

import sys

from streams import events, truck
from streams.state import Truck
from streams.worker import run
from tests.benchmarks.peers import harm


def count(state: Truck, *_: object) -> tuple[Truck, list[events.Event]]:
    """Count a fix."""
    harm.meet(state.truck_id)
    state.order.arrivals += 1
    state.tenant_id = harm.PADDING or state.tenant_id
    return state, []


truck.step = count

if __name__ == "__main__":
    sys.exit(run.main())
