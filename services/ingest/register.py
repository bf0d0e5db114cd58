"""Who may speak: the database's register, kept in memory so that the doors work while the database is away.

Looked at every few seconds and read whole when it has changed; an id that is not there is looked up once, directly (a truck registered a moment ago may
speak at once), and a stranger's id is remembered for a while so that strangers cannot keep the database busy.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final, Protocol

from services import metrics, store
from services.store import register as stored
from services.store.register import Device, Terminal

logger = logging.getLogger(__name__)

REFRESH_S: Final = 3.0
STRANGER_S: Final = 3.0
"""An unknown id is looked up directly at most so often."""
MAX_STRANGERS: Final = 10_000
DIRECT_AT_ONCE: Final = 2


class RegisterAway(Exception):  # noqa: N818  # an answer to the sender, not a failure of ours
    """It is not known whether this device may speak: the database does not answer."""


class Register(Protocol):
    """What the doors ask. Phone numbers come without leading zeros."""

    def known_terminal(self, phone: str) -> Terminal | None:
        """Return the terminal as last read, or None if it was not there."""

    async def terminal(self, phone: str) -> Terminal | None:
        """Return the terminal, or None for a stranger; raises `RegisterAway`."""

    async def device(self, protocol: stored.Protocol, device_id: str) -> Device | None:
        """Return the device, or None for a stranger; raises `RegisterAway`."""

    async def set_auth(self, phone: str, auth_hash: str) -> bool:
        """Store a terminal's new code if it may have one; raises `RegisterAway`."""


class DatabaseRegister:
    """The register of PostgreSQL, cached."""

    def __init__(self, database_url: str) -> None:
        self._engine = store.connect(database_url, pool=DIRECT_AT_ONCE + 1, name="ingest")
        self._terminals: dict[str, Terminal] = {}
        self._devices: dict[tuple[str, str], Device] = {}
        self._read_meanwhile: dict[str, Terminal] = {}
        """Terminals read directly since the last whole reading began: newer than what that reading brings."""
        self._strangers: dict[tuple[str, str], float] = {}
        self._fingerprint = ""
        """Of the register as last read whole."""
        self._direct = asyncio.Semaphore(DIRECT_AT_ONCE)
        self.away = True

    async def run(self) -> None:
        """Refresh until cancelled. A database that is away is waited for."""
        while True:
            try:
                await self.refresh()
            except store.Away as error:
                if not self.away:
                    logger.warning("database does not answer; going on with the register as it was", exc_info=error)
                self.away = True
            metrics.UNHEALTHY.labels("database").set(self.away)
            await asyncio.sleep(REFRESH_S)

    async def refresh(self) -> None:
        """Read the whole register if it has changed."""
        fingerprint = await asyncio.to_thread(stored.fingerprint, self._engine)
        if fingerprint != self._fingerprint:
            await self._read_whole()
            self._fingerprint = fingerprint  # of before the reading: what changed meanwhile is read the next time
        self.away = False

    async def _read_whole(self) -> None:
        """Read all of it. A code stored while it is being read is not forgotten."""
        self._read_meanwhile.clear()
        terminals = await asyncio.to_thread(stored.all_terminals, self._engine)
        devices = await asyncio.to_thread(stored.all_devices, self._engine)
        self._terminals = {_plain(terminal.phone): terminal for terminal in terminals} | self._read_meanwhile
        self._devices = {(device.protocol, device.device_id): device for device in devices}

    def known_terminal(self, phone: str) -> Terminal | None:
        """Return the terminal as last read."""
        return self._terminals.get(phone)

    async def terminal(self, phone: str) -> Terminal | None:
        """Return the terminal; one without a code, or reopened, is read anew: its state is about to matter.

        While the database is away a reopened one may still show its old code; a new one cannot be stored then.
        """
        found = self._terminals.get(phone)
        if found is not None and found.auth_hash is not None and not found.reopened:
            return found
        if found is None and self._is_stranger("jt808", phone):
            return None
        try:
            read = await self._ask(lambda: self._read_terminal(phone))
        except RegisterAway:
            if found is None or found.auth_hash is None:
                raise
            return found
        if read is None:
            self._remember_stranger("jt808", phone)
        else:
            self._learn(read)
        return read

    async def device(self, protocol: stored.Protocol, device_id: str) -> Device | None:
        """Return the device."""
        found = self._devices.get((protocol, device_id))
        if found is not None or self._is_stranger(protocol, device_id):
            return found
        read = await self._ask(lambda: stored.device(self._engine, protocol, device_id))
        if read is None:
            self._remember_stranger(protocol, device_id)
        else:
            self._devices[protocol, device_id] = read
        return read

    async def set_auth(self, phone: str, auth_hash: str) -> bool:
        """Store a terminal's new code."""
        done = await self._ask(lambda: stored.set_auth(self._engine, phone, auth_hash))
        read = await self._ask(lambda: stored.terminal(self._engine, phone))
        if read is not None:
            self._learn(read)
        return done

    def _learn(self, read: Terminal) -> None:
        self._terminals[_plain(read.phone)] = self._read_meanwhile[_plain(read.phone)] = read

    def _read_terminal(self, phone: str) -> Terminal | None:
        """Registers keep phone numbers with 12 digits, as 2013 headers carry them, or without leading zeros."""
        return stored.terminal(self._engine, phone.zfill(12)) or stored.terminal(self._engine, phone)

    async def _ask[Found](self, look_up: Callable[[], Found]) -> Found:
        try:
            async with self._direct:
                return await asyncio.to_thread(look_up)
        except store.Away as error:
            self.away = True
            raise RegisterAway("the database does not answer") from error

    def _is_stranger(self, protocol: str, device_id: str) -> bool:
        return self._strangers.get((protocol, device_id), 0.0) > time.monotonic()

    def _remember_stranger(self, protocol: str, device_id: str) -> None:
        if len(self._strangers) >= MAX_STRANGERS:
            self._strangers.clear()
        self._strangers[protocol, device_id] = time.monotonic() + STRANGER_S


def _plain(phone: str) -> str:
    return phone.lstrip("0")
