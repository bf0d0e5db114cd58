"""Uplinks of senders that do not send again: to Kafka if it confirms, else to the spool, from there in order."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from services import metrics
from services.ingest.disk import Disk
from services.ingest.intake import Outgoing
from services.ingest.keep import DELIVERY_S, Keeper, NotKept, Refused
from services.ingest.spool import Spool

logger = logging.getLogger(__name__)

POLL_S: Final = 0.5
UPLINK_WAIT_S: Final = 2.0
"""Then an uplink goes to disk: ChirpStack waits a few seconds for an answer and does not send again."""
PATIENCE_S: Final = 2 * DELIVERY_S
"""What leaves the disk waits until the producer itself gives up: handing it over again would only double it."""
BATCH: Final = 200
"""Entries handed to Kafka at once while draining."""
TRIES_ALONE: Final = 3
"""So often an entry that Kafka refused among others is sent alone, before it is set aside: a neighbour may be to blame."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Outgoing, ...])


class UplinkKeeper:
    """Keeps records on Kafka or, while it is away, on disk. While entries wait on disk, new ones go behind them."""

    def __init__(self, keeper: Keeper, spool: Spool) -> None:
        self._keeper = keeper
        self._disk = Disk(spool)
        self._gone = 0
        """Entries of the oldest segment that need not be sent any more: confirmed, or set aside."""
        metrics.SPOOL_RECORDS.set(spool.entries)

    @property
    def waiting(self) -> int:
        """Entries on disk."""
        return self._disk.entries

    async def keep(self, records: Sequence[Outgoing]) -> None:
        """Return when the records are safe, on Kafka or on disk; raises `SpoolFull`."""
        if not self._keeper.away and not self._disk.entries:
            try:
                return await self._keeper.keep(records, wait_s=UPLINK_WAIT_S)
            except NotKept as error:
                logger.warning("uplink goes to the spool", extra={"error": str(error)})
        await self._disk.append(_encoder.encode(tuple(records)))
        metrics.SPOOL_RECORDS.set(self._disk.entries)
        return None

    async def run(self) -> None:
        """Bring what waits on disk to Kafka, oldest first, until cancelled."""
        while True:
            if self._disk.entries:
                await self._drain_segment()
            else:
                await asyncio.sleep(POLL_S)
            metrics.SPOOL_RECORDS.set(self._disk.entries)
            metrics.UNHEALTHY.labels("spool").set(self._disk.entries > 0)

    async def _drain_segment(self) -> None:
        entries = await self._disk.oldest()
        try:
            while self._gone < len(entries):
                await self._send(entries[self._gone : self._gone + BATCH])
        except NotKept:
            await asyncio.sleep(POLL_S)
            return
        await self._disk.drop_oldest()
        self._gone = 0

    async def _send(self, entries: Sequence[bytes]) -> None:
        """Bring entries to Kafka, in order; raises `NotKept` at the first it does not confirm: those before it are gone."""
        sent = [self._keeper.start(_decoder.decode(entry), wait_s=PATIENCE_S) for entry in entries]
        results = await asyncio.gather(*sent, return_exceptions=True)
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, Refused):
                await self._send_alone(entry)
            elif isinstance(result, BaseException):
                raise result
            self._gone += 1

    async def _send_alone(self, entry: bytes) -> None:
        """Try again what Kafka refused, then set it aside with the reason: it must not block those behind it."""
        reason = ""
        for _ in range(TRIES_ALONE):
            try:
                return await self._keeper.keep(_decoder.decode(entry), wait_s=PATIENCE_S)
            except Refused as refused:
                reason = str(refused)
            await asyncio.sleep(POLL_S)
        try:
            await self._disk.set_aside(entry, reason)
        except OSError as error:
            raise NotKept(f"{reason}; and it cannot be set aside: {error}") from error
        metrics.SPOOL_SET_ASIDE.inc()
        logger.error("a spooled uplink was set aside", extra={"reason": reason, "bytes": len(entry)})
        return None
