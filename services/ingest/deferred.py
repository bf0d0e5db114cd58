"""Uplinks whose sensor nobody could look up: on disk until the register answers, then decoded and kept as all others.

ChirpStack does not send again, and a sensor that is not in the register's memory while the database is away may well be
one of ours. They have a spool of their own: sensors that are known do not wait behind them. When the register answers
again, an uplink that comes just then may overtake those that waited; consumers go by the reading's own time.
"""

import asyncio
import dataclasses
import logging
from typing import Final

import msgspec

from services import metrics
from services.ingest import chirpstack, intake
from services.ingest.chirpstack import Uplink
from services.ingest.disk import Disk
from services.ingest.intake import Arrival, Outgoing
from services.ingest.register import Register, RegisterAway
from services.ingest.spool import Spool, SpoolFull
from services.ingest.uplinks import UplinkKeeper

logger = logging.getLogger(__name__)

POLL_S: Final = 1.0


class _Deferred(msgspec.Struct, frozen=True, array_like=True):
    """One entry of the spool. ``arrival`` is the source's: it has shown its secret."""

    arrival: Arrival
    uplink: Uplink


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Deferred)


class DeferredUplinks:
    """Keeps uplinks until their sensor can be looked up, oldest first."""

    def __init__(self, register: Register, uplinks: UplinkKeeper, spool: Spool) -> None:
        self._register = register
        self._uplinks = uplinks
        self._disk = Disk(spool)
        self._kept = 0
        """Entries of the oldest segment that are kept as records."""
        metrics.SPOOL_DEFERRED.set(spool.entries)

    @property
    def waiting(self) -> int:
        """Entries on disk."""
        return self._disk.entries

    async def keep(self, arrival: Arrival, uplink: Uplink) -> None:
        """Return when the uplink is safe on disk; raises `SpoolFull`. ``arrival``: as its source sent it."""
        await self._disk.append(_encoder.encode(_Deferred(arrival, uplink)))
        metrics.SPOOL_DEFERRED.set(self._disk.entries)

    async def run(self) -> None:
        """Decode what waits as soon as the register answers, until cancelled."""
        while True:
            if self._disk.entries:
                await self._drain_segment()
            else:
                await asyncio.sleep(POLL_S)
            metrics.SPOOL_DEFERRED.set(self._disk.entries)
            metrics.UNHEALTHY.labels("uplinks of unknown sensors").set(self._disk.entries > 0)

    async def _drain_segment(self) -> None:
        entries = await self._disk.oldest()
        try:
            for entry in entries[self._kept :]:
                await self._uplinks.keep(await self._records(_decoder.decode(entry)))
                self._kept += 1
        except (RegisterAway, SpoolFull):
            await asyncio.sleep(POLL_S)
            return
        await self._disk.drop_oldest()
        self._kept = 0
        logger.info("uplinks that waited for the register are kept", extra={"uplinks": len(entries)})

    async def _records(self, waited: _Deferred) -> tuple[Outgoing, ...]:
        """Return what the uplink says, or a dead letter if its sensor is a stranger after all."""
        arrival, uplink = waited.arrival, waited.uplink
        device = await self._register.device(chirpstack.PROTOCOL, uplink.dev_eui)
        if not chirpstack.is_sensor(device, arrival.tenant_id):
            return (intake.dead_letter(arrival, intake.not_in_register(chirpstack.PROTOCOL, uplink.dev_eui)),)
        reading = chirpstack.decode(uplink, device, arrival.received_time_ms)
        return intake.kept(dataclasses.replace(arrival, source_id=device.device_id), [reading])
