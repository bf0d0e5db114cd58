"""The TCP door's bounds, and that an acknowledgement waits for Kafka: the real server, a keeper that says when."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from services.ingest.intake import Outgoing
from services.ingest.jt808 import server
from services.ingest.jt808.frame import FLAG, Frame, Framer, check_of, encode, escape
from services.ingest.jt808.server import MAX_UNCONFIRMED, Limits, TerminalServer
from services.ingest.keep import NotKept
from services.ingest.register import RegisterAway
from services.store.register import Device, Terminal, secret_hash

PHONE = "013912345678"
TERMINAL = Terminal(
    phone=PHONE,
    tenant_id="porto",
    truck_id="t1",
    terminal_id="QY00001",
    plate="QY-001",
    profile="standard",
    auth_hash=secret_hash("code"),
)
HEARTBEAT, AUTHENTICATE = 0x0002, 0x0102


@dataclass
class SlowKafka:
    """Confirms when the test says so."""

    asked: list[tuple[Sequence[Outgoing], "asyncio.Future[None]"]] = field(default_factory=list)

    def start(self, records: Sequence[Outgoing]) -> "asyncio.Future[None]":
        """Take a job."""
        self.asked.append((records, asyncio.get_running_loop().create_future()))
        return self.asked[-1][1]

    def give_up(self) -> None:
        """Refuse what was not confirmed, as the real keeper does after a while."""
        for _, done in self.asked:
            if not done.done():
                done.set_exception(NotKept("Kafka is away"))


@dataclass
class Book:
    """A register of one terminal."""

    terminal_known: Terminal | None = TERMINAL
    away: bool = False

    def known_terminal(self, _: str) -> Terminal | None:
        """Return the terminal."""
        return self.terminal_known

    async def terminal(self, phone: str) -> Terminal | None:
        """Return the terminal, if it is this phone's."""
        if self.away:
            raise RegisterAway("the database does not answer")
        known = self.terminal_known
        return known if known is not None and known.phone.lstrip("0") == phone else None

    async def device(self, *_: object) -> Device | None:
        """Return nothing: no other device speaks JT/T 808."""
        return None

    async def set_auth(self, _: str, auth_hash: str) -> bool:
        """Store the code."""
        assert self.terminal_known is not None
        self.terminal_known = replace(self.terminal_known, auth_hash=auth_hash)
        return True


@dataclass
class Door:
    """A server under test and what is behind it."""

    port: int
    kafka: SlowKafka
    book: Book
    server: TerminalServer

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection."""
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def admitted(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection and authenticate."""
        reader, writer = await self.connect()
        writer.write(frame(AUTHENTICATE, b"code"))
        assert (await answer(reader)).body[-1] == 0
        return reader, writer


@contextlib.asynccontextmanager
async def door(limits: Limits | None = None, book: Book | None = None) -> AsyncIterator[Door]:
    """Run a server on a free port."""
    kafka, known = SlowKafka(), book or Book()
    terminals = TerminalServer(kafka, known, limits)  # type: ignore[arg-type]
    listener = socket.create_server(("127.0.0.1", 0))
    listening = await terminals.start(listener)
    yield Door(listener.getsockname()[1], kafka, known, terminals)
    listening.close()
    terminals.close_all()
    await eventually(lambda: kafka.give_up() or not terminals._connections)  # type: ignore[func-returns-value]


def frame(message_id: int, body: bytes = b"", serial: int = 1) -> bytes:
    """Return a frame of the terminal."""
    return encode(message_id=message_id, phone=bytes.fromhex(PHONE), serial=serial, body=body)


def part(phone: str, index: int, body: bytes) -> bytes:
    """Return the given of two sub-packages of a location report."""
    attributes = (1 << 13) | len(body)
    numbers = (6 + index).to_bytes(2) + (2).to_bytes(2) + index.to_bytes(2)
    content = (0x0200).to_bytes(2) + attributes.to_bytes(2) + bytes.fromhex(phone) + numbers + body
    return FLAG + escape(content + check_of(content).to_bytes(1)) + FLAG


async def answer(reader: asyncio.StreamReader) -> Frame:
    """Return the next frame."""
    await reader.readuntil(b"\x7e")
    [found] = Framer().feed(b"\x7e" + await asyncio.wait_for(reader.readuntil(b"\x7e"), 5))
    assert isinstance(found, Frame)
    return found


async def eventually(condition: Any) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  # the condition is the state of a real server
            await asyncio.sleep(0.005)


async def closed(reader: asyncio.StreamReader) -> bool:
    """Wait until the server hangs up."""
    with contextlib.suppress(ConnectionError):
        assert await asyncio.wait_for(reader.read(), 5) == b""
    return True


def test_an_acknowledgement_waits_for_kafka() -> None:
    """Nothing is written before the records are confirmed, and then at once."""

    async def run() -> None:
        async with door() as it:
            reader, writer = await it.admitted()
            writer.write(frame(HEARTBEAT, serial=9))
            await eventually(lambda: it.kafka.asked)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(reader.read(1), 0.05)
            it.kafka.asked[0][1].set_result(None)
            assert (await answer(reader)).body == b"\x00\x09\x00\x02\x00"
            writer.close()

    asyncio.run(run())


def test_what_is_not_kept_is_not_acknowledged() -> None:
    """The terminal hears nothing and sends it again; the connection goes on."""

    async def run() -> None:
        async with door() as it:
            reader, writer = await it.admitted()
            writer.write(frame(HEARTBEAT, serial=9) + frame(HEARTBEAT, serial=10))
            await eventually(lambda: len(it.kafka.asked) == 2)
            it.kafka.asked[0][1].set_exception(NotKept("Kafka is away"))
            it.kafka.asked[1][1].set_result(None)
            assert (await answer(reader)).body[:2] == b"\x00\x0a"
            writer.close()

    asyncio.run(run())


def test_a_part_under_another_phone_is_joined_with_nothing() -> None:
    """Each sub-package shows whose it is: one of another phone is set aside with its reason, and the message waits."""

    async def run() -> None:
        async with door() as it:
            _, writer = await it.admitted()
            writer.write(part(PHONE, 1, bytes(14)) + part("013900000000", 2, bytes(14)))
            await eventually(lambda: it.kafka.asked)
            [[letter]] = [records for records, _ in it.kafka.asked]
            assert letter.topic == "dead-letters"
            assert b"phone of a sub-package is 13900000000" in dict(letter.headers)["reason"]
            writer.close()

    asyncio.run(run())


def test_a_terminal_that_sends_faster_than_kafka_confirms_is_not_read() -> None:
    """At most 64 messages of one terminal are on their way; TCP holds the others back."""

    async def run() -> None:
        async with door() as it:
            _, writer = await it.admitted()
            writer.write(b"".join(frame(HEARTBEAT, serial=n) for n in range(MAX_UNCONFIRMED + 20)))
            await eventually(lambda: len(it.kafka.asked) == MAX_UNCONFIRMED)
            await asyncio.sleep(0)
            assert len(it.kafka.asked) == MAX_UNCONFIRMED
            it.kafka.asked[0][1].set_result(None)
            await eventually(lambda: len(it.kafka.asked) == MAX_UNCONFIRMED + 1)
            writer.close()

    asyncio.run(run())


@pytest.mark.parametrize(
    "limits",
    [Limits(first_frame_s=0.1), Limits(authentication_s=0.1), Limits(idle_s=0.1)],
    ids=["no first frame", "no authentication", "silence"],
)
def test_a_connection_that_brings_nothing_is_closed(limits: Limits) -> None:
    """Bytes are not enough: a valid frame within the first limit, a code within the second, reports after."""

    async def run() -> None:
        async with door(limits) as it:
            reader, writer = await (it.admitted() if limits.idle_s == 0.1 else it.connect())
            if limits.authentication_s == 0.1:
                writer.write(frame(HEARTBEAT))
            elif limits.first_frame_s == 0.1:
                writer.write(b"\x7e half a frame")
            assert await closed(reader)
            writer.close()

    asyncio.run(run())


def test_one_address_gets_so_many_strangers_and_no_more() -> None:
    """The third unauthenticated connection is refused; an authenticated one does not count."""

    async def run() -> None:
        async with door(Limits(strangers_per_address=2)) as it:
            first, second = await it.connect(), await it.connect()
            await eventually(lambda: len(it.server._connections) == 2)
            third = await it.connect()
            assert await closed(third[0])
            second[1].write(frame(AUTHENTICATE, b"code"))
            assert (await answer(second[0])).body[-1] == 0
            fourth = await it.connect()
            await eventually(lambda: len(it.server._connections) == 3)
            for _, writer in (first, second, third, fourth):
                writer.close()
            await eventually(lambda: not it.server._strangers)

    asyncio.run(run())


def test_there_is_a_last_connection() -> None:
    """The global cap holds for everyone."""

    async def run() -> None:
        async with door(Limits(connections=1)) as it:
            _, writer = await it.admitted()
            reader, late = await it.connect()
            assert await closed(reader)
            writer.close()
            late.close()

    asyncio.run(run())


def test_a_terminal_that_does_not_read_its_answers_is_disconnected(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits to be written is bounded."""
    monkeypatch.setattr(server, "MAX_UNSENT_BYTES", -1)

    async def run() -> None:
        async with door() as it:
            reader, writer = await it.connect()
            writer.write(frame(AUTHENTICATE, b"code"))
            await eventually(lambda: it.server._connections)
            with contextlib.suppress(ConnectionError):
                await asyncio.wait_for(reader.read(), 5)
            await eventually(lambda: not it.server._connections)
            writer.close()

    asyncio.run(run())


def test_a_silent_session_is_closed_when_its_terminal_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """After 30 s of silence (here: 0) the new session takes over and the old connection ends."""
    monkeypatch.setattr("services.ingest.jt808.session.RIVAL_S", 0.0)

    async def run() -> None:
        async with door() as it:
            old, old_writer = await it.admitted()
            _, new_writer = await it.admitted()
            assert await closed(old)
            await eventually(lambda: len(it.server._connections) == 1)
            new_writer.write(frame(HEARTBEAT))
            await eventually(lambda: it.kafka.asked)
            old_writer.close()
            new_writer.close()

    asyncio.run(run())


def test_while_the_register_is_away_nobody_is_judged() -> None:
    """No "wrong code" from ignorance: the connection ends, the terminal tries again."""

    async def run() -> None:
        async with door(book=Book(away=True)) as it:
            reader, writer = await it.connect()
            writer.write(frame(AUTHENTICATE, b"code"))
            assert await closed(reader)
            writer.close()

    asyncio.run(run())


def test_a_code_given_on_one_connection_is_good_on_the_next() -> None:
    """A terminal that lost the connection after 0x8100 authenticates with what it was given."""

    async def run() -> None:
        async with door(book=Book(replace(TERMINAL, auth_hash=None))) as it:
            reader, writer = await it.connect()
            fixed = bytes(29) + b"QY00001" + b"\x02"
            writer.write(frame(0x0100, fixed + b"QY-001"))
            code = (await answer(reader)).body[3:]
            writer.close()
            reader, writer = await it.connect()
            writer.write(frame(AUTHENTICATE, code))
            assert (await answer(reader)).body[-1] == 0
            assert it.book.terminal_known is not None
            assert it.book.terminal_known.auth_hash == secret_hash(code.decode())
            writer.close()

    asyncio.run(run())
