"""Uplinks whose sensor nobody could look up: on disk until the register answers, then decoded and kept as all others.

ChirpStack does not send again, and a sensor that is not in the register's memory while the database is away may well be
one of ours. They have a spool of their own: sensors that are known do not wait behind them. When the register answers
again, an uplink that comes just then may overtake those that waited; consumers go by the reading's own time.
"""

import dataclasses
import logging
from collections.abc import AsyncIterator, Sequence

import msgspec

from services import metrics
from services.ingest import chirpstack, intake
from services.ingest.chirpstack import Uplink
from services.ingest.disk import Disk
from services.ingest.drain import Drain, unreadable
from services.ingest.intake import Arrival, Outgoing
from services.ingest.register import Register
from services.ingest.spool import Spool
from services.ingest.uplinks import UplinkKeeper
from services.store.register import Device

logger = logging.getLogger(__name__)


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
        self._drain = Drain(self._disk, self._decode, self._tell)
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
        await self._drain.run()

    def _tell(self) -> None:
        metrics.SPOOL_DEFERRED.set(self._disk.entries)
        metrics.UNHEALTHY.labels("uplinks of unknown sensors").set(self._disk.entries > 0)

    async def _decode(self, entries: Sequence[bytes]) -> AsyncIterator[str | None]:
        """Decode entries one after the other and keep what they say (`drain.Deal`)."""
        for entry in entries:
            try:
                waited = _decoder.decode(entry)
            except ValueError as error:
                yield unreadable(error)
                continue
            device = await self._register.device(chirpstack.PROTOCOL, waited.uplink.dev_eui)
            try:
                records = _records(waited, device)
            except Exception as error:  # as at the doors: one sender's bytes must not close them for all
                logger.exception("an uplink that waited met a mistake of ours")
                yield f"a mistake of ours: {error!r}"
                continue
            await self._uplinks.keep(records)
            yield None


def _records(waited: _Deferred, device: Device | None) -> tuple[Outgoing, ...]:
    """Return what the uplink says, or a dead letter if its sensor is a stranger after all."""
    arrival, uplink = waited.arrival, waited.uplink
    if not chirpstack.is_sensor(device, arrival.tenant_id):
        return (intake.dead_letter(arrival, intake.not_in_register(chirpstack.PROTOCOL, uplink.dev_eui)),)
    reading = chirpstack.decode(uplink, device, arrival.received_time_ms)
    return intake.kept(dataclasses.replace(arrival, source_id=device.device_id), [reading])
