"""Follows Kafka for the live state, in a thread of its own: from the database's picture on, record by record."""

import asyncio
import logging
import threading
import time
from typing import Any, Final

from services import bus, clock, metrics, store
from services.gateway.hub import Hub
from services.store.live import picture
from streams import codec, topics
from streams.codec import Undecodable

logger = logging.getLogger(__name__)

FOLLOWED: Final = (
    *topics.REFERENCE,
    topics.TRUCK_STATES,
    topics.BIN_READINGS,
    topics.COLLECTIONS_DUE,
    topics.PLANS,
    topics.PLANNING_RUNS,
    topics.ALERTS,
    topics.ALERT_ACTIONS,
    topics.DRIVER_ACTIONS,
    topics.WEIGHINGS,
)
"""Topics whose records a page shows."""
GATHER_S: Final = 0.25
"""Records are gathered for so long, at the broker: pages get at most some four batches a second."""
PROBE_EVERY_S: Final = 2.0
LAG_EVERY_S: Final = 5.0
FIRST_WAIT_S: Final = 0.2
LONGEST_WAIT_S: Final = 5.0


class Follow:
    """The thread. ``failed`` is set when something unexpected ended it: the process should end too."""

    def __init__(self, hub: Hub, engine: Any, bootstrap: str, loop: asyncio.AbstractEventLoop) -> None:
        self._hub = hub
        self._engine = engine
        self._bootstrap = bootstrap
        self._loop = loop
        self._stop = threading.Event()
        self._heard_ms = clock.city_now_ms()
        self.failed = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, within about a second; a broker that hangs is not waited for."""
        self._stop.set()

    def _run(self) -> None:
        try:
            start = self._begin()
            while not self._stop.is_set():
                follower = self._connect(start)
                if follower is not None:
                    self._follow(follower)
        except Exception:
            if not self._stop.is_set():
                logger.critical("the live state cannot go on", exc_info=True)
                self._loop.call_soon_threadsafe(self.failed.set)

    def _begin(self) -> dict[bus.Partition, int]:
        """Take the database's picture; wait for the database if it is away."""
        wait_s = FIRST_WAIT_S
        while not self._stop.is_set():
            try:
                start = picture(self._engine, clock.city_now_ms())
            except store.Away as error:
                logger.warning("no live state yet: the database is away: %s", str(error).splitlines()[0])
                self._stop.wait(wait_s)
                wait_s = min(2 * wait_s, LONGEST_WAIT_S)
            else:
                self._in_loop(self._hub.take_picture, start, clock.city_now_ms())
                logger.info("live state begins", extra={"partitions": len(start.offsets)})
                return start.offsets
        return {}

    def _connect(self, start: dict[bus.Partition, int]) -> bus.Follower | None:
        """Return a follower; None = not yet, after a pause."""
        if not bus.answers(self._bootstrap):  # asking kafka-python would take half a minute
            self._tell(heard=False)
            self._stop.wait(1.0)
            return None
        try:
            return bus.Follower(self._bootstrap, FOLLOWED, client_id="gateway", start=start, gather_s=GATHER_S)
        except (bus.BusError, OSError) as error:
            logger.warning("Kafka is away: %s", error)
            self._tell(heard=False)
            self._stop.wait(1.0)
            return None

    def _follow(self, follower: bus.Follower) -> None:
        next_probe_s = next_lag_s = time.monotonic()
        while not self._stop.is_set():
            records = follower.poll(GATHER_S)
            if records:
                self._in_loop(
                    self._hub.show, [e for r in records if (e := _decoded(r)) is not None], clock.city_now_ms()
                )
            metrics.LAST_PROGRESS.set_to_current_time()
            if time.monotonic() >= next_probe_s:
                next_probe_s = time.monotonic() + PROBE_EVERY_S
                self._tell(heard=bool(records) or bus.answers(self._bootstrap))
            if time.monotonic() >= next_lag_s and self._hub.stale_since_ms is None:
                self._tell_lag(follower)
                next_lag_s = time.monotonic() + LAG_EVERY_S
        follower.close()

    def _tell_lag(self, follower: bus.Follower) -> None:
        lag = follower.lag()
        for topic, records in lag.items():
            metrics.CONSUMER_LAG.labels(topic).set(records)
        self._tell(heard=True, lag=lag)

    def _tell(self, *, heard: bool, lag: dict[str, int] | None = None) -> None:
        if heard:
            self._heard_ms = clock.city_now_ms()
        metrics.UNHEALTHY.labels("kafka away").set(not heard)
        self._in_loop(self._hub.take_health, None if heard else self._heard_ms, lag)

    def _in_loop(self, call: Any, *arguments: Any) -> None:
        """Run in the event loop and wait: the thread never gets ahead of it."""

        async def run() -> None:
            call(*arguments)

        asyncio.run_coroutine_threadsafe(run(), self._loop).result()


def _decoded(record: bus.Record) -> Any:
    """Return the event; None = not one (the recorder keeps it as a dead letter)."""
    topic = topics.BY_NAME[record.topic]
    try:
        codec.check_schema(topic, record.headers)
        return codec.decode(topic, record.value)
    except Undecodable as error:
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        logger.warning("passed over: %s", error, extra=place)
        return None
