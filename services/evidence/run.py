"""The evidence process: alerts in, sealed documents out. Beside the path of alerts: nobody waits for it.

Several may run: they share the partitions, and what is due. Away database: it waits and goes on. Anything unexpected, and
half a minute in which alerts are there but none is taken, ends the process; its supervisor starts it again.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from services import bus, clock, metrics, program, store
from services.evidence.intake import Intake
from services.evidence.making import AT_ONCE, Maker
from services.patience import LOOK_EVERY_S, NO_PROGRESS_S, Patience, StalledError
from services.store import evidence
from services.store.sink import OffsetConflictError
from streams.topics import ALERTS

logger = logging.getLogger(__name__)

GROUP: Final = "qingyun-evidence"
POLL_S: Final = 1.0
"""Nobody waits for evidence: a round a second is soon enough."""
AWAY_WAIT_S: Final = 2.0


def main() -> None:
    """Run until SIGTERM."""
    with program.running("evidence") as settings:
        stop = program.told_to_stop()
        engine = store.connect(
            settings.database_url,
            pool=2,
            name="qingyun-evidence",
            timeout_s=settings.database_timeout_s,
            silent_s=settings.database_timeout_s,
        )
        _Evidence(settings.kafka_bootstrap, engine, stop).run()
        engine.dispose()


class _Evidence:
    """The loop, and what it knows of itself."""

    def __init__(self, bootstrap: str, engine: Any, stop: threading.Event) -> None:
        self._bootstrap = bootstrap
        self._engine = engine
        self._stop = stop
        self._intake = Intake(engine)
        self._maker = Maker(engine)
        self._alive = Patience(stop, first_wait_s=AWAY_WAIT_S, longest_wait_s=AWAY_WAIT_S)
        self._looked_s = 0.0

    def run(self) -> None:
        """Take and make until it is told to stop."""
        bus.wait_for_broker(self._bootstrap)
        reader = bus.GroupReader(
            self._bootstrap,
            [ALERTS],
            group=GROUP,
            client_id="evidence",
            on_assigned=self._positions_from,
            on_revoked=self._intake.forget,
            gather_s=POLL_S / 2,
        )
        try:
            while not self._stop.is_set():
                polled = reader.poll(POLL_S)
                try:
                    self._alive.ask(partial(self._round, reader, polled))
                except OffsetConflictError:
                    self._reposition(reader)
        finally:
            reader.close()

    def _round(self, reader: bus.GroupReader, polled: Mapping[bus.Partition, Sequence[bus.Record]]) -> None:
        if self._intake.take(polled):
            self._alive.progress()
        while self._maker.round(clock.city_now_ms()) == AT_ONCE and not self._stop.is_set():
            self._alive.progress()
        if time.monotonic() - self._looked_s >= LOOK_EVERY_S:
            self._looked_s = time.monotonic()
            self._look(reader)

    def _look(self, reader: bus.GroupReader) -> None:
        """Show how far behind it is; raise `StalledError` if that does not get less, `GoneError` if it cannot."""
        metrics.EVIDENCE_WAITING.set(evidence.without_evidence(self._engine))
        answers = bus.answers(self._bootstrap)
        metrics.UNHEALTHY.labels("kafka away").set(not answers)
        try:
            ends = reader.ends() if answers else None
        except bus.BusError as error:
            logger.warning("Kafka does not answer: %s", error)
            ends = None
        if ends is None:
            self._alive.progress()
            return
        behind = self._intake.behind(ends)
        metrics.CONSUMER_LAG.labels(ALERTS.name).set(behind)
        if ends and not behind:  # no partition at all is no progress: such a member hangs
            self._alive.progress()
        elif self._alive.since_progress_s() > NO_PROGRESS_S:
            raise StalledError(f"no alert taken for {NO_PROGRESS_S:.0f} s, {behind} wait in {len(ends)} partitions")

    def _positions_from(self, partitions: list[bus.Partition]) -> Mapping[bus.Partition, int]:
        return self._alive.ask(partial(self._intake.positions_from, partitions)) or {}

    def _reposition(self, reader: bus.GroupReader) -> None:
        logger.warning("the table does not stand where we left it: reading on from where it does")
        for partition, offset in self._positions_from(reader.assignment()).items():
            reader.seek(partition, offset)
