"""Ingest: what comes in is acknowledged when it is kept, on the broker or on disk. The spool is the real one.

A terminal is answered when the broker has confirmed its report; a sensor, which will not say it again, when its reading
is on the broker or synced to disk. A crash in the middle of a write leaves a torn tail.
"""

import shutil
import tempfile
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from services.ingest.intake import Outgoing, event_record
from services.ingest.spool import Spool
from streams import events
from streams.worker.folding import partition_of
from tests.simulation import journeys, shell
from tests.simulation.invariants import Invariants
from tests.simulation.log import TP, Log, Producer
from tests.simulation.world import Crashed, Process, World

_MEMORY: Final = Path("/dev/shm")  # noqa: S108  # a disk that syncs at once, where there is one
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Outgoing)


class Disk:
    """The spool's folder: it outlives the process."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="spool-", dir=_MEMORY if _MEMORY.is_dir() else None))

    def tear(self, tail: bytes) -> None:
        """Leave the first part of a write that nobody was told of."""
        segments = sorted(self.folder.glob("*.spool"))
        if segments:
            with segments[-1].open("ab") as file:
                file.write(tail)

    def remove(self) -> None:
        """Delete it."""
        shutil.rmtree(self.folder)


class Doors(Process):
    """One life of ingest."""

    def __init__(self, world: World, log: Log, invariants: Invariants, disk: Disk) -> None:
        super().__init__(world, "ingest")
        self.producer = Producer(self, log)
        self.invariants = invariants
        self.disk = disk
        self.spool = Spool(disk.folder, segment_bytes=600)
        self.on_death.append(self._tear)
        self.start(self._drain())

    def take(self, report: events.TruckState, acknowledge: Callable[[], None]) -> None:
        """A terminal's report comes in."""
        fix = shell.at_the_edge(replace(report, received_time_ms=int(self.world.now_ms)))
        record = event_record(fix)
        self._send(record, lambda _: shell.tell(self, record, acknowledge))
        shell.sent(self, record, acknowledge)

    def read(self, reading: events.BinReading) -> None:
        """A sensor's reading comes in."""
        record = event_record(replace(reading, received_time_ms=int(self.world.now_ms)))
        if self.connected and not self.spool.entries and not self.world.options.slow_uplinks:
            self._send(record, lambda _: self.invariants.acknowledged(record.topic, record.value))
            return
        self.world.sometimes["a reading goes to disk"] += 1
        self.spool.append([_encoder.encode(record)])
        self.invariants.on_disk(record.topic, record.value)

    def acknowledge(self, record: Outgoing, told: Callable[[], None]) -> None:
        """Answer a terminal."""
        self.invariants.acknowledged(record.topic, record.value)
        told()

    def _send(self, record: Outgoing, on_confirmed: Callable[[int], None]) -> None:
        tp: TP = (record.topic, partition_of(record.key.decode()))
        self.producer.send(tp, record.key, record.value, record.headers, on_confirmed)

    def _drain(self) -> Generator[float, None, None]:
        """Bring what waits on disk to the broker, oldest first."""
        while True:
            yield 500
            if not self.spool.entries or not self.connected:
                continue
            entries = self.spool.oldest()
            confirmed: list[int] = []
            for entry in entries:
                self._send(_decoder.decode(entry), confirmed.append)
            while len(confirmed) < len(entries) and not shell.may_drop(self):
                yield 50
            self.point("the spool is sent, not dropped")
            self.spool.drop_oldest()
            self.point("a segment is dropped")

    def _tear(self) -> None:
        if self.world.happens(self.world.options.torn_write):
            self.world.sometimes["a write is torn"] += 1
            self.disk.tear(self.world.chance.randbytes(self.world.chance.randint(1, 60)))


class Doorway:
    """Where devices knock, whoever is behind it now."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.doors: Doors | None = None

    def report(self, report: events.TruckState, acknowledge: Callable[[], None]) -> None:
        """A terminal's report arrives, or nobody is there."""
        doors = self.doors
        if doors is not None and doors.alive and self.world.now_ms >= doors.paused_until_ms:
            try:
                doors.take(report, acknowledge)
            except Crashed:
                doors.die()

    def reading(self, reading: events.BinReading) -> None:
        """A sensor's reading arrives, or nobody is there."""
        doors = self.doors
        if doors is not None and doors.alive and self.world.now_ms >= doors.paused_until_ms:
            doors.read(reading)


def sensors(world: World, doorway: Doorway, minutes: float) -> None:
    """Let the bins fill and be emptied: a reading each few minutes."""
    for name in journeys.BINS:
        fill, at_ms, seq = world.chance.uniform(0.1, 0.6), world.between(10_000, 100_000), 1
        while at_ms < minutes * 60_000:
            fill = 0.05 if fill > 0.9 else fill + world.chance.uniform(0.0, 0.12)
            now_ms = int(world.now_ms + at_ms)
            reading = events.BinReading(bin_id=name, event_time_ms=now_ms, seq=seq, fill=round(min(1.0, fill), 3))
            world.after(at_ms, doorway.reading, reading)
            at_ms, seq = at_ms + world.between(100_000, 200_000), seq + 1
