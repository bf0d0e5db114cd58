"""Uplinks of senders that do not send again: to Kafka if it confirms, else to the spool, from there in order."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import msgspec

from services import metrics
from services.ingest.intake import Outgoing
from services.ingest.keep import DELIVERY_S, Keeper, NotKept
from services.ingest.spool import Spool, SpoolFull

logger = logging.getLogger(__name__)

POLL_S: Final = 0.5
UPLINK_WAIT_S: Final = 2.0
"""Then an uplink goes to disk: ChirpStack waits a few seconds for an answer and does not send again."""
PATIENCE_S: Final = 2 * DELIVERY_S
"""What leaves the disk waits until the producer itself gives up: handing it over again would only double it."""
BATCH: Final = 200
"""Entries handed to Kafka at once while draining."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Outgoing, ...])


class UplinkKeeper:
    """Keeps records on Kafka or, while it is away, on disk. While entries wait on disk, new ones go behind them."""

    def __init__(self, keeper: Keeper, spool: Spool) -> None:
        self._keeper = keeper
        self._spool = spool
        self._disk = asyncio.Lock()
        self._new: list[tuple[bytes, asyncio.Future[None]]] = []
        metrics.SPOOL_RECORDS.set(spool.entries)

    @property
    def waiting(self) -> int:
        """Entries on disk."""
        return self._spool.entries

    async def keep(self, records: Sequence[Outgoing]) -> None:
        """Return when the records are safe, on Kafka or on disk; raises `SpoolFull`."""
        if not self._keeper.away and not self._spool.entries:
            try:
                return await self._keeper.keep(records, wait_s=UPLINK_WAIT_S)
            except NotKept as error:
                logger.warning("uplink goes to the spool", extra={"error": str(error)})
        await self._to_disk(_encoder.encode(tuple(records)))
        return None

    async def run(self) -> None:
        """Bring what waits on disk to Kafka, oldest first, until cancelled."""
        while True:
            if self._spool.entries:
                await self._drain_segment()
            else:
                await asyncio.sleep(POLL_S)
            metrics.SPOOL_RECORDS.set(self._spool.entries)
            metrics.UNHEALTHY.labels("spool").set(self._spool.entries > 0)

    async def _to_disk(self, payload: bytes) -> None:
        """Write with all others that wait for the disk at this moment: one sync for many."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._new.append((payload, written))
        async with self._disk:
            if not written.done():
                await self._write_new()
        await written

    async def _write_new(self) -> None:
        batch, self._new = self._new, []
        try:
            await asyncio.to_thread(self._spool.append, [payload for payload, _ in batch])
        except (SpoolFull, OSError) as error:  # OSError: the disk itself is full or refuses
            metrics.SPOOL_REFUSED.inc(len(batch))
            logger.error("uplinks refused", extra={"uplinks": len(batch), "error": str(error)})  # noqa: TRY400
            for _, written in batch:
                written.set_exception(SpoolFull(str(error)))
        else:
            metrics.SPOOL_RECORDS.set(self._spool.entries)
            for _, written in batch:
                written.set_result(None)

    async def _drain_segment(self) -> None:
        async with self._disk:
            entries = await asyncio.to_thread(self._spool.oldest)
        try:
            for start in range(0, len(entries), BATCH):
                await self._keep_batch(entries[start : start + BATCH])
        except NotKept:
            await asyncio.sleep(POLL_S)
            return
        async with self._disk:
            await asyncio.to_thread(self._spool.drop_oldest)

    async def _keep_batch(self, entries: Sequence[bytes]) -> None:
        records = [record for entry in entries for record in _decoder.decode(entry)]
        await self._keeper.keep(records, wait_s=PATIENCE_S)
