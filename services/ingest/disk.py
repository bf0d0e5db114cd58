"""The spool as the event loop uses it: never blocked by the disk, one sync for all that come at the same moment."""

import asyncio
import logging
from collections.abc import Callable

from services import metrics
from services.ingest.spool import Spool, SpoolFull

logger = logging.getLogger(__name__)


class Disk:
    """A `Spool` for one event loop."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool
        self._lock = asyncio.Lock()
        self._new: list[tuple[bytes, asyncio.Future[None]]] = []

    @property
    def entries(self) -> int:
        """How many entries wait."""
        return self._spool.entries

    async def append(self, payload: bytes) -> None:
        """Return when the entry is safe; raises `SpoolFull`, also when the disk itself is full or refuses."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._new.append((payload, written))
        async with self._lock:
            if not written.done():
                await self._write_new()
        await written

    async def oldest(self) -> list[bytes]:
        """Return the entries of the oldest segment, as `Spool.oldest` does."""
        return await self._alone(self._spool.oldest)

    async def drop_oldest(self) -> None:
        """Delete the oldest segment: all of it is dealt with."""
        await self._alone(self._spool.drop_oldest)

    async def set_aside(self, payload: bytes, reason: str) -> None:
        """Return when the entry is safe in a file of its own; raises `SpoolFull` if the disk is full or refuses."""
        try:
            await self._alone(lambda: self._spool.set_aside(payload, reason))
        except OSError as error:
            logger.error("cannot be set aside", extra={"reason": reason, "error": str(error)})  # noqa: TRY400
            raise SpoolFull(str(error)) from error

    async def _alone[Result](self, call: Callable[[], Result]) -> Result:
        async with self._lock:
            return await asyncio.to_thread(call)

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
            for _, written in batch:
                written.set_result(None)
