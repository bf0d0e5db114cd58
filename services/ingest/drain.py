"""The way out of a spool: entries leave in their order, and one that never can does not block those behind it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final

from services import metrics
from services.ingest.disk import Disk
from services.ingest.keep import NotKept
from services.ingest.register import RegisterAway
from services.ingest.spool import SpoolFull

logger = logging.getLogger(__name__)

POLL_S: Final = 0.5
AT_ONCE: Final = 200
"""Entries dealt with together."""

Deal = Callable[[Sequence[bytes]], AsyncIterator[str | None]]
"""Brings entries where they belong. Yields for each, in order: None = it is there, or why it never can be.

Raises `NotKept`, `RegisterAway` or `SpoolFull` at the first that cannot leave now; it and those behind it come again.
"""


class Drain:
    """Empties one disk, oldest first. ``tell`` is called when the number of entries may have changed."""

    def __init__(self, disk: Disk, deal: Deal, tell: Callable[[], None]) -> None:
        self._disk = disk
        self._deal = deal
        self._tell = tell
        self._gone = 0
        """Entries of the oldest segment that are dealt with."""

    async def run(self) -> None:
        """Deal with what waits, until cancelled."""
        while True:
            if self._disk.entries:
                await self._segment()
            else:
                await asyncio.sleep(POLL_S)
            self._tell()

    async def _segment(self) -> None:
        entries = await self._disk.oldest()
        try:
            while self._gone < len(entries):
                async for why_never in self._deal(entries[self._gone : self._gone + AT_ONCE]):
                    if why_never is not None:
                        await self._set_aside(entries[self._gone], why_never)
                    self._gone += 1
        except (NotKept, RegisterAway, SpoolFull):
            await asyncio.sleep(POLL_S)
            return
        await self._disk.drop_oldest()
        self._gone = 0
        logger.info("what waited on disk has left it", extra={"entries": len(entries)})

    async def _set_aside(self, entry: bytes, reason: str) -> None:
        await self._disk.set_aside(entry, reason)
        metrics.SPOOL_SET_ASIDE.inc()
        logger.error("a spooled uplink was set aside", extra={"reason": reason, "bytes": len(entry)})


def unreadable(error: ValueError) -> str:
    """Say why an entry will never be read: its bytes are whole, so another version of this program wrote it."""
    return f"it cannot be read: {error}"
