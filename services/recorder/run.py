"""The recorder process: Kafka into PostgreSQL.

Several may run: they share the partitions. Away database: it waits and goes on. Anything unexpected, and half a minute
in which records are there but none is taken, ends the process; its supervisor starts it again.
"""

import gc
import logging
import os
import threading
import time
from collections.abc import Container, Mapping
from functools import partial
from typing import Final

from services import bus, metrics, program, store
from services.patience import LOOK_EVERY_S, NO_PROGRESS_S, Patience, StalledError
from services.recorder import keeping
from services.recorder.mappings import RECORDED
from services.recorder.recorder import Recorder
from services.store.sink import OffsetConflictError

logger = logging.getLogger(__name__)

GROUP: Final = "qingyun-recorder"
GATHER_S: Final = 0.5
"""Records are gathered for so long: one transaction for all partitions. Live pages do not wait for it."""
A_LOT: Final = 5_000
"""Records after which no more are gathered: from a backlog, a transaction's own cost is small beside its rows'."""
STUCK_S: Final = 90.0
"""A round that does not come back for so long: the process ends without asking."""
_STUCK_EXIT: Final = 70
GARBAGE: Final = (100_000, 20, 50)
"""Thresholds of Python's collector: at its own 700 it looks through a transaction's rows again and again (a quarter of the
CPU a row, measured); what is garbage here hardly ever has cycles."""


def main() -> None:
    """Run until SIGTERM."""
    gc.set_threshold(*GARBAGE)
    with program.running("recorder") as settings:
        stop = program.told_to_stop()
        engine = store.connect(
            settings.database_url,
            pool=2,
            name="qingyun-recorder",
            timeout_s=settings.database_timeout_s,
            silent_s=settings.database_timeout_s,
        )
        keeping.start(settings, stop)
        recorder = Recorder(
            engine,
            kept_days=settings.positions_kept_days,
            any_number_aside=bool(settings.recorder_sets_aside_any),
        )
        run(settings.kafka_bootstrap, recorder, stop)
        engine.dispose()


def run(bootstrap: str, recorder: Recorder, stop: threading.Event) -> None:
    """Take records until ``stop``."""
    bus.wait_for_broker(bootstrap)
    alive = _Alive(stop)
    reader = bus.GroupReader(
        bootstrap,
        RECORDED,
        group=GROUP,
        client_id="recorder",
        on_assigned=lambda partitions: _assigned(partitions, recorder, alive),
        on_revoked=recorder.forget,
        gather_s=GATHER_S,
    )
    recorder.ask(partial(_beginnings, reader))
    try:
        _rounds(bootstrap, reader, recorder, stop, alive)
    finally:
        reader.close()


def _assigned(partitions: list[bus.Partition], recorder: Recorder, alive: "_Alive") -> Mapping[bus.Partition, int]:
    """Say where to read these from. Whether the broker's log still fits is looked at before anything is taken."""
    alive.look_now()
    return alive.ask(lambda: recorder.positions_from(partitions)) or {}


def _rounds(
    bootstrap: str, reader: bus.GroupReader, recorder: Recorder, stop: threading.Event, alive: "_Alive"
) -> None:
    while not stop.is_set():
        alive.tell()
        polled = _gather(reader, stop)
        try:
            if alive.look_is_due() and not stop.is_set():
                _watch(bootstrap, reader, recorder, alive, in_hand=polled)
            taken = alive.ask(partial(recorder.take, polled))
        except OffsetConflictError:
            metrics.OFFSET_CONFLICTS.inc()
            logger.warning("the tables do not stand where we left them: reading on from where they do")
            _reposition(reader, recorder, alive)
            continue
        if taken:
            alive.progress()


def _gather(reader: bus.GroupReader, stop: threading.Event) -> dict[bus.Partition, list[bus.Record]]:
    """Poll for `GATHER_S`, or until a lot is there."""
    until = time.monotonic() + GATHER_S
    polled: dict[bus.Partition, list[bus.Record]] = {}
    while not stop.is_set() and (left_s := until - time.monotonic()) > 0 and sum(map(len, polled.values())) < A_LOT:
        for partition, records in reader.poll(left_s).items():
            polled.setdefault(partition, []).extend(records)
    return polled


def _reposition(reader: bus.GroupReader, recorder: Recorder, alive: "_Alive") -> None:
    found = alive.ask(lambda: recorder.positions_from(reader.assignment())) or {}
    for partition, offset in found.items():
        reader.seek(partition, offset)


def _beginnings(reader: bus.GroupReader, partitions: list[bus.Partition]) -> Mapping[bus.Partition, int]:
    """Ask the broker what it still has. If it does not say, nothing is known of what is missing: it is read again."""
    try:
        return reader.beginnings(partitions)
    except bus.BusError as error:
        logger.warning("Kafka does not say where its logs begin: %s", error)
        raise OffsetConflictError from error


def _watch(
    bootstrap: str,
    reader: bus.GroupReader,
    recorder: Recorder,
    alive: "_Alive",
    *,
    in_hand: Container[bus.Partition],
) -> None:
    """Show how far behind the tables are; raise `StalledError` if that does not get less, `GoneError` if it cannot."""
    if not (answers := bus.answers(bootstrap)):
        logger.warning("Kafka is away: waiting")
        alive.progress()
    metrics.UNHEALTHY.labels("kafka away").set(not answers)
    found = _broker_state(bootstrap, reader, with_ids=alive.new_partitions) if answers else None
    if found is None:
        return
    topic_ids, ends = found
    alive.ask(partial(recorder.recognise, topic_ids))
    alive.new_partitions = False
    alive.ask(partial(recorder.compare, list(ends)))
    if any(recorder.behind(ends).values()):
        deleted = {one: first for one, first in _read_past(reader).items() if one not in in_hand}
        alive.ask(partial(recorder.pass_over, deleted))
    behind = recorder.behind(ends)
    for topic, records in behind.items():
        metrics.CONSUMER_LAG.labels(topic).set(records)
    if ends and not any(behind.values()):  # no partition at all is no progress: such a member hangs
        alive.progress()
    elif alive.since_progress_s() > NO_PROGRESS_S:
        raise StalledError(
            f"no record taken for {NO_PROGRESS_S:.0f} s, {sum(behind.values())} wait in {len(ends)} partitions"
        )


def _broker_state(
    bootstrap: str, reader: bus.GroupReader, *, with_ids: bool
) -> tuple[dict[str, str], dict[bus.Partition, int]] | None:
    """Return the topics' ids, if wanted, and ends; None = it went away meanwhile, which may have taken half a minute."""
    try:
        return bus.topic_ids(bootstrap, RECORDED) if with_ids else {}, reader.ends()
    except bus.BusError as error:
        logger.warning("Kafka does not answer: %s", error)
        return None


def _read_past(reader: bus.GroupReader) -> Mapping[bus.Partition, int]:
    """Return where the logs begin of which nothing older waits to be polled: what they had before is gone."""
    try:
        return reader.beginnings_reached()
    except bus.BusError as error:
        logger.warning("Kafka does not say where its logs begin: %s", error)
        return {}


class _Alive(Patience):
    """Knows when the last round was, too; a thread of its own ends a process that hangs."""

    def __init__(self, stop: threading.Event) -> None:
        super().__init__(stop)
        self._round_s = time.monotonic()
        self._next_look_s = 0.0
        self.new_partitions = True
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def tell(self) -> None:
        """A round begins."""
        self._round_s = time.monotonic()

    def look_now(self) -> None:
        """Partitions came: look at the broker before the next records are taken."""
        self._next_look_s = 0.0
        self.new_partitions = True

    def look_is_due(self) -> bool:
        """Whether `LOOK_EVERY_S` are over since this was last true."""
        now_s = time.monotonic()
        if now_s < self._next_look_s:
            return False
        self._next_look_s = now_s + LOOK_EVERY_S
        return True

    def waits(self) -> None:
        """A round that waits for the database does not hang."""
        self.tell()
        super().waits()

    def _watch(self) -> None:
        while not self._stop.wait(1.0):
            if time.monotonic() - self._round_s > STUCK_S:
                logger.critical("the round does not come back: ending")
                os._exit(_STUCK_EXIT)
