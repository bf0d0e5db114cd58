"""The cached register: newest knowledge wins, strangers cost little, an absent database is not an answer."""

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from services import store
from services.ingest import register
from services.ingest.register import DatabaseRegister, RegisterAway
from services.store.register import Device, Terminal

NEW = Terminal(
    phone="013912345678", tenant_id="porto", truck_id="t1", terminal_id="QY00001", plate="QY-001", profile="standard"
)
PHONE = "13912345678"
PHONE_DEVICE = Device(protocol="osmand", device_id="ph1", tenant_id="porto", entity_kind="truck", entity_id="t2")


@dataclass
class Tables:
    """What the database holds, and how often it was asked for one row."""

    terminal: Terminal = NEW
    away: bool = False
    asked: int = 0
    read_whole: int = 0
    while_reading: Callable[[], Any] = field(default=lambda: None)

    def _answer(self) -> None:
        if self.away:
            raise store.Away[0]("select", {}, Exception("connection refused"))

    def fingerprint(self, _: Any) -> str:
        """Return what differs when the terminal does."""
        self._answer()
        return repr(self.terminal)

    def all_terminals(self, _: Any) -> list[Terminal]:
        """Return the terminals as they were when the reading began."""
        self._answer()
        self.read_whole += 1
        found = [self.terminal]
        self.while_reading()
        return found

    def all_devices(self, _: Any) -> list[Device]:
        """Return the devices."""
        self._answer()
        return [PHONE_DEVICE]

    def one_terminal(self, _: Any, phone: str) -> Terminal | None:
        """Return a terminal by the number as the table has it."""
        self.asked += 1
        self._answer()
        return self.terminal if phone == self.terminal.phone else None

    def one_device(self, *_: Any) -> Device | None:
        """Return no other device."""
        self.asked += 1
        self._answer()
        return None

    def set_auth(self, _: Any, __: str, auth_hash: str) -> bool:
        """Store a code."""
        self._answer()
        self.terminal = replace(self.terminal, auth_hash=auth_hash, reopened=False)
        return True


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    """Give a database in memory under the register."""
    held = Tables()
    for name, stand_in in {
        "fingerprint": held.fingerprint,
        "all_terminals": held.all_terminals,
        "all_devices": held.all_devices,
        "terminal": held.one_terminal,
        "device": held.one_device,
        "set_auth": held.set_auth,
    }.items():
        monkeypatch.setattr(register.stored, name, stand_in)
    return held


def opened() -> DatabaseRegister:
    """Return a register that has not read anything yet."""
    return DatabaseRegister("postgresql://nobody@127.0.0.1:1/none")


def test_a_code_stored_while_the_register_is_read_is_not_forgotten(tables: Tables) -> None:
    """The whole reading began before the code was stored: it must not bring back the terminal without one."""

    async def run() -> None:
        known, reading, stored = opened(), threading.Event(), threading.Event()
        tables.while_reading = lambda: (reading.set(), stored.wait(5))
        refresh = asyncio.create_task(known.refresh())
        await asyncio.to_thread(reading.wait, 5)
        assert await known.set_auth(NEW.phone, "hash")
        stored.set()
        await refresh
        tables.away = True
        found = await known.terminal(PHONE)
        assert found is not None
        assert found.auth_hash == "hash"

    asyncio.run(run())


def test_a_register_that_has_not_changed_is_not_read_again(tables: Tables) -> None:
    """Thousands of rows every few seconds would be a good part of what ingest costs; a change is read the next time."""

    async def run() -> None:
        known = opened()
        for _ in range(3):
            await known.refresh()
        assert tables.read_whole == 1
        tables.terminal = replace(NEW, plate="QY-002")
        await known.refresh()
        assert known.known_terminal(PHONE) == tables.terminal
        assert tables.read_whole == 2

    asyncio.run(run())


def test_a_terminal_is_found_by_its_number_without_leading_zeros(tables: Tables) -> None:
    """Directly too, before the first whole reading."""

    async def run() -> None:
        known = opened()
        assert await known.terminal(PHONE) == tables.terminal
        assert known.known_terminal(PHONE) == tables.terminal

    asyncio.run(run())


def test_a_stranger_is_looked_up_once_in_a_while(tables: Tables) -> None:
    """A hundred frames of one stranger are one question to the database."""

    async def run() -> None:
        known = opened()
        await known.refresh()
        for _ in range(100):
            assert await known.device("osmand", "nobody") is None
            assert await known.terminal("999") is None
        assert tables.asked == 3  # one device; one terminal, under both ways to write its number

    asyncio.run(run())


def test_an_absent_database_is_not_an_answer(tables: Tables) -> None:
    """Who is known stays known; of others, and of a terminal without a code, nothing is said."""

    async def run() -> None:
        known = opened()
        await known.refresh()
        tables.away = True
        assert await known.device("osmand", "ph1") == PHONE_DEVICE
        with pytest.raises(RegisterAway):
            await known.device("osmand", "nobody")
        with pytest.raises(RegisterAway):
            await known.terminal(PHONE)
        with pytest.raises(RegisterAway):
            await known.set_auth(NEW.phone, "hash")
        assert known.away

    asyncio.run(run())


def test_a_reopened_terminal_may_show_its_old_code_while_the_database_is_away(tables: Tables) -> None:
    """Reopening says "may register", not "may not report"."""
    tables.terminal = replace(NEW, auth_hash="old", reopened=True)

    async def run() -> None:
        known = opened()
        await known.refresh()
        tables.away = True
        assert await known.terminal(PHONE) == tables.terminal

    asyncio.run(run())
