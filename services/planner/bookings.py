"""Writes how far a booking is. Dispatchers write bookings too, so both take turns in the database: no version twice.

Without a database address there are no dispatchers, and a version goes straight to Kafka.
"""

import logging
from collections.abc import Callable
from typing import Any

from services import store
from services.store import commands
from streams.events import Order

logger = logging.getLogger(__name__)


class Bookings:
    """The way a booking's next version takes. ``send`` is taken where there is no database."""

    def __init__(self, engine: Any, send: Callable[[Order], None]) -> None:
        self._engine, self._send = engine, send

    def write(self, order: Order) -> None:
        """Give a booking its next version, unless somebody has given it another since ``order`` was thought of.

        May block up to the database's time-out. While that is away nothing is written: what is so now will be so then.
        """
        if self._engine is None:
            self._send(order)
            return

        def next_version(known: Order | None) -> Order | None:
            return order if known is not None and known.version + 1 == order.version else known

        try:
            commands.new_order_version(self._engine, order.tenant_id, order.order_id, next_version)
        except store.Away as error:
            logger.warning(
                "booking not written: the database is away",
                extra={"order_id": order.order_id, "reason": store.reason(error)},
            )
