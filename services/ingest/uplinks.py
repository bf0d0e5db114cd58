"""Uplinks of senders that do not send again: to Kafka if it confirms, else to the spool, from there in order."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from typing import Final

import msgspec

from services import metrics
from services.ingest.disk import Disk
from services.ingest.drain import POLL_S, Drain, unreadable
from services.ingest.intake import Outgoing
from services.ingest.keep import DELIVERY_S, Keeper, NotKept, Refused
from services.ingest.spool import Spool

logger = logging.getLogger(__name__)

UPLINK_WAIT_S: Final = 2.0
"""Then an uplink goes to disk: ChirpStack waits a few seconds for an answer and does not send again."""
PATIENCE_S: Final = 2 * DELIVERY_S
"""What leaves the disk waits until the producer itself gives up: handing it over again would only double it."""
TRIES_ALONE: Final = 3
"""So often an entry that Kafka refused among others is sent alone, before it is set aside: a neighbour may be to blame."""

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Outgoing, ...])


class UplinkKeeper:
    """Keeps records on Kafka or, while it is away, on disk. While entries wait on disk, new ones go behind them."""

    def __init__(self, keeper: Keeper, spool: Spool) -> None:
        self._keeper = keeper
        self._disk = Disk(spool)
        self._drain = Drain(self._disk, self._send, self._tell)
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
        await self._drain.run()

    def _tell(self) -> None:
        metrics.SPOOL_RECORDS.set(self._disk.entries)
        metrics.UNHEALTHY.labels("spool").set(self._disk.entries > 0)

    async def _send(self, entries: Sequence[bytes]) -> AsyncIterator[str | None]:
        """Bring entries to Kafka (`drain.Deal`): they are handed over together and in order, then waited for."""
        results = await asyncio.gather(*map(self._hand_over, entries), return_exceptions=True)
        for entry, result in zip(entries, results, strict=True):
            if isinstance(result, Refused):
                yield await self._send_alone(entry)
            elif isinstance(result, ValueError):
                yield unreadable(result)
            elif isinstance(result, BaseException):
                raise result
            else:
                yield None

    async def _hand_over(self, entry: bytes) -> None:
        await self._keeper.keep(_decoder.decode(entry), wait_s=PATIENCE_S)

    async def _send_alone(self, entry: bytes) -> str | None:
        """Try again what Kafka refused; return why it does so for ever: then it must not block those behind it."""
        reason = ""
        for _ in range(TRIES_ALONE):
            try:
                await self._hand_over(entry)
            except Refused as refused:
                reason = str(refused)
            else:
                return None
            await asyncio.sleep(POLL_S)
        return reason
