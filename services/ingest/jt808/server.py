"""The TCP door of JT/T 808 terminals: connections in, frames to `session`, its outputs done."""

import asyncio
import logging
import secrets
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from services import clock, metrics
from services.ingest.jt808 import session as steps
from services.ingest.jt808.frame import BadFrame, Frame, Framer
from services.ingest.jt808.messages import Up
from services.ingest.jt808.parts import Message, Reassembler
from services.ingest.jt808.session import PROTOCOL, Admit, Bind, Close, Issue, Keep, Known, Note, Output, Send, Session
from services.ingest.keep import Keeper
from services.ingest.register import Register, RegisterAway

logger = logging.getLogger(__name__)

READ_BYTES: Final = 4096
BACKLOG: Final = 1024
MAX_UNCONFIRMED: Final = 64
"""Messages of one terminal on their way to Kafka; then its connection is not read until some are confirmed."""
MAX_UNSENT_BYTES: Final = 64 * 1024
"""A terminal that does not read its acknowledgements is disconnected."""
CODE_BYTES: Final = 16
"""128 random bits as 32 hex digits: ASCII, and short enough for the length byte of 2019 terminals."""


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds against connections that cost and do not bring. Wall seconds."""

    first_frame_s: float = 10.0
    """From connecting to the first valid frame."""
    authentication_s: float = 30.0
    """From connecting to being authenticated."""
    idle_s: float = 300.0
    """From one valid frame to the next."""
    connections: int = 20_000
    strangers_per_address: int = 1024
    """Connections from one address that are not authenticated. Carriers put many trucks behind one address, and after
    an outage all of them come back at once."""
    pending_code_s: float = 600.0
    """A code given at registration and not used within this time is forgotten."""


@dataclass(eq=False)
class _Connection:
    writer: asyncio.StreamWriter
    address: str
    session: Session
    opened_s: float
    heard_s: float | None = None
    framer: Framer = field(default_factory=Framer)
    parts: Reassembler = field(default_factory=Reassembler)
    unconfirmed: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MAX_UNCONFIRMED))
    closing: str | None = None
    """Why this connection ends; None = it goes on."""

    def ends(self) -> bool:
        """Whether nothing more is to be read."""
        return self.closing is not None

    def deadline_s(self, limits: Limits) -> float:
        """Until when something valid must come."""
        if self.heard_s is None:
            return self.opened_s + limits.first_frame_s
        idle = self.heard_s + limits.idle_s
        return idle if self.session.terminal is not None else min(idle, self.opened_s + limits.authentication_s)


@dataclass(frozen=True)
class _Pending:
    code_hash: str
    until_s: float


class TerminalServer:
    """Serves terminals on one TCP port. One task a connection; no state outlives its connection but codes given."""

    def __init__(self, keeper: Keeper, register: Register, limits: Limits | None = None) -> None:
        self._keeper = keeper
        self._register = register
        self._limits = limits or Limits()
        self._connections: set[_Connection] = set()
        self._strangers: Counter[str] = Counter()
        self._speakers: dict[str, _Connection] = {}
        self._pending: dict[str, _Pending] = {}

    async def start(self, listener: socket.socket) -> asyncio.Server:
        """Serve a listening socket; the caller closes the server."""
        return await asyncio.start_server(self._serve, sock=listener, limit=READ_BYTES, backlog=BACKLOG)

    def close_all(self) -> None:
        """End every connection: what was not acknowledged will be sent again."""
        for connection in self._connections:
            connection.writer.close()

    # -------------------------------------------------------------------------- one connection

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = str((writer.get_extra_info("peername") or ("unknown",))[0])
        if not self._has_room(address):
            metrics.FRAMES.labels(PROTOCOL, "too_many_connections").inc()
            writer.close()
            return
        connection = _Connection(writer, address, Session(secrets.token_hex(8)), time.monotonic())
        self._open(connection)
        try:
            await self._listen(connection, reader)
        except TimeoutError:
            self._log(connection, "connection ended: nothing valid came in time")
        except (ConnectionError, RegisterAway) as error:
            self._log(connection, f"connection ended: {error}")
        except Exception:
            # a mistake of ours; it costs this connection its acknowledgement, not the other trucks theirs
            metrics.FRAMES.labels(PROTOCOL, "crashed").inc()
            logger.exception("connection ended", extra={"session": connection.session.session_id})
        finally:
            self._forget(connection)
            writer.close()

    def _has_room(self, address: str) -> bool:
        few_strangers = self._strangers[address] < self._limits.strangers_per_address
        return len(self._connections) < self._limits.connections and few_strangers

    def _open(self, connection: _Connection) -> None:
        self._connections.add(connection)
        self._strangers[connection.address] += 1
        metrics.SESSIONS.labels(PROTOCOL).set(len(self._connections))

    def _forget(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        terminal = connection.session.terminal
        if terminal is None:
            self._no_stranger_any_more(connection)
        elif self._speakers.get(connection.session.phone) is connection:
            del self._speakers[connection.session.phone]
        metrics.SESSIONS.labels(PROTOCOL).set(len(self._connections))

    def _no_stranger_any_more(self, connection: _Connection) -> None:
        self._strangers[connection.address] -= 1
        if not self._strangers[connection.address]:
            del self._strangers[connection.address]

    async def _listen(self, connection: _Connection, reader: asyncio.StreamReader) -> None:
        while not connection.ends():
            wait_s = connection.deadline_s(self._limits) - time.monotonic()
            async with asyncio.timeout(wait_s):
                data = await reader.read(READ_BYTES)
            if not data:
                break
            received_time_ms = clock.city_now_ms()
            for found in connection.framer.feed(data):
                await self._take(connection, found, received_time_ms)
                if connection.ends():
                    break
        for bad in connection.parts.expire(float("inf")):
            await self._step(connection, bad, clock.city_now_ms())
        if connection.ends():
            self._log(connection, f"connection closed: {connection.closing}")

    async def _take(self, connection: _Connection, found: Frame | BadFrame, received_time_ms: int) -> None:
        now_s = time.monotonic()
        if isinstance(found, BadFrame):
            await self._step(connection, found, received_time_ms)
            return
        connection.heard_s = now_s
        for bad in connection.parts.expire(now_s):
            await self._step(connection, bad, received_time_ms)
        if found.part is not None and (refusal := _no_part_from(found, connection.session)) is not None:
            await self._step(connection, BadFrame(refusal, found.raw), received_time_ms)
            return
        message = connection.parts.add(found, now_s)
        if message is not None:
            await self._step(connection, message, received_time_ms)

    async def _step(self, connection: _Connection, message: Message | BadFrame, received_time_ms: int) -> None:
        known = await self._known(connection, message, received_time_ms)
        connection.session, outputs = steps.heard(connection.session, message, known)
        await self._do(connection, outputs, known)

    async def _known(self, connection: _Connection, message: Message | BadFrame, received_time_ms: int) -> Known:
        """Gather what the state machine may need. Only identification asks the database."""
        if isinstance(message, BadFrame):
            return Known(received_time_ms)
        phone = message.first.phone_number
        if message.first.message_id not in (Up.REGISTER, Up.AUTHENTICATE):
            return Known(received_time_ms, self._register.known_terminal(phone))
        pending = self._pending.get(phone)
        rival = self._speakers.get(phone)
        return Known(
            received_time_ms,
            await self._register.terminal(phone),
            None if pending is None or pending.until_s < time.monotonic() else pending.code_hash,
            secrets.token_hex(CODE_BYTES),
            None if rival is None or rival is connection else time.monotonic() - (rival.heard_s or rival.opened_s),
        )

    # -------------------------------------------------------------------------- outputs

    async def _do(self, connection: _Connection, outputs: list[Output], known: Known) -> None:
        for output in outputs:
            match output:
                case Send(data):
                    self._write(connection, data)
                case Keep():
                    await self._keep(connection, output)
                case Issue(phone, code_hash):
                    self._remember_code(phone, code_hash)
                case Bind():
                    await self._bind(connection, output, known)
                case Admit():
                    self._admit(connection)
                case Note(outcome, reason):
                    metrics.FRAMES.labels(PROTOCOL, outcome).inc()
                    if reason is not None:
                        self._log(connection, reason)
                case Close(reason):
                    connection.closing = reason

    async def _keep(self, connection: _Connection, keep: Keep) -> None:
        await connection.unconfirmed.acquire()
        began_s = time.monotonic()
        done = self._keeper.start(keep.records)
        done.add_done_callback(lambda kept: self._acknowledge(connection, keep.reply, began_s, kept))

    def _acknowledge(self, connection: _Connection, reply: bytes, began_s: float, kept: "asyncio.Future[None]") -> None:
        connection.unconfirmed.release()
        if kept.cancelled() or kept.exception() is not None:
            metrics.FRAMES.labels(PROTOCOL, "not_kept").inc()
            return
        if reply:
            metrics.ACK_SECONDS.labels(PROTOCOL).observe(time.monotonic() - began_s)
            self._write(connection, reply)

    async def _bind(self, connection: _Connection, bind: Bind, known: Known) -> None:
        stored = await self._register.set_auth(bind.terminal.phone, bind.code_hash)
        self._pending.pop(bind.frame.phone_number, None)
        connection.session, outputs = steps.bound(connection.session, bind, known, stored=stored)
        await self._do(connection, outputs, known)

    def _remember_code(self, phone: str, code_hash: str) -> None:
        until_s = time.monotonic() + self._limits.pending_code_s
        self._pending[phone.lstrip("0")] = _Pending(code_hash, until_s)

    def _admit(self, connection: _Connection) -> None:
        phone = connection.session.phone
        rival = self._speakers.get(phone)
        if rival is connection:
            return
        if rival is not None:
            rival.closing = "another session of this phone took over"
            rival.writer.close()
        self._speakers[phone] = connection
        self._no_stranger_any_more(connection)

    def _write(self, connection: _Connection, data: bytes) -> None:
        if connection.writer.is_closing():
            return
        connection.writer.write(data)
        if connection.writer.transport.get_write_buffer_size() > MAX_UNSENT_BYTES:
            connection.closing = "the terminal does not read its acknowledgements"
            connection.writer.transport.abort()

    def _log(self, connection: _Connection, reason: str) -> None:
        terminal = connection.session.terminal
        logger.warning(
            reason,
            extra={
                "session": connection.session.session_id,
                "address": connection.address,
                "truck_id": None if terminal is None else terminal.truck_id,
            },
        )


def _no_part_from(part: Frame, session: Session) -> str | None:
    """Why a sub-package is not put together with others; None = it may be. Each part shows whose it is, as a whole does."""
    if session.terminal is None:
        return "sub-packages are taken from authenticated terminals only"
    if part.phone_number != session.phone:
        return f"phone of a sub-package is {part.phone_number}, expected {session.phone} as authenticated"
    return None
