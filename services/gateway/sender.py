"""The outbox's sender, in a thread of its own: commands in the database to Kafka, in order, confirmed."""

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import Any, Final

from services import bus, metrics, store
from services.store.outbox import Outbox, Waiting
from streams import codec
from streams.topics import BY_NAME

logger = logging.getLogger(__name__)

LISTEN_S: Final = 1.0
"""A command is sent when the database says so; this often it is looked for anyway."""
CONFIRM_S: Final = 15.0
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 5.0


class Sender:
    """The thread. Kafka or the database away: it waits and goes on; what it has not deleted it sends again."""

    def __init__(self, engine: Any, bootstrap: str, failed: Callable[[], None]) -> None:
        self._engine = engine
        self._bootstrap = bootstrap
        self._failed = failed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the batch at hand."""
        self._stop.set()
        self._thread.join(CONFIRM_S / 3)

    def _run(self) -> None:
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            try:
                with contextlib.closing(Outbox(self._engine)) as outbox, _producer(self._bootstrap) as producer:
                    self._take_turn(outbox, producer)
                    wait_s = FIRST_WAIT_S
            except (*store.Away, bus.BusError, TimeoutError) as error:
                logger.warning(
                    "the outbox waits: %s", str(error).splitlines()[0] if str(error) else type(error).__name__
                )
                self._stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            except Exception:
                logger.critical("the outbox cannot go on", exc_info=True)
                self._failed()
                return

    def _take_turn(self, outbox: Outbox, producer: bus.Producer) -> None:
        while not outbox.my_turn():
            if self._stop.wait(1.0):
                return
        while not self._stop.is_set():
            waiting = outbox.waiting()
            metrics.OUTBOX_WAITING.set(len(waiting))
            if waiting:
                send(producer, waiting)
                outbox.sent([command.outbox_id for command in waiting])
            else:
                outbox.wait(LISTEN_S)


def send(producer: bus.Producer, waiting: list[Waiting]) -> None:
    """Send commands of different keys and wait until all are confirmed; raises `bus.BusError` or TimeoutError."""
    sent = [
        producer.send(command.topic, command.key, command.value, codec.headers(BY_NAME[command.topic]))
        for command in waiting
    ]
    for future in sent:
        future.result(timeout=CONFIRM_S)


@contextlib.contextmanager
def _producer(bootstrap: str) -> Any:
    producer = bus.Producer(bootstrap, client_id="gateway", delivery_timeout_s=CONFIRM_S - 1)
    try:
        yield producer
    finally:
        producer.close(1.0)
