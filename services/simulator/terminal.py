"""One JT/T 808 terminal: what it sends and keeps until the platform has acknowledged it. Pure; `links` has the socket.

- It registers when it has no code, authenticates with it, then reports. A code is kept until a new one comes.
- A report is acknowledged by its serial, or sent again as the very same bytes; after a lost connection too.
- What could not be sent (no signal, no connection, too much unacknowledged) waits and goes as 0x0704, type 1.

Times are wall seconds of the caller's: time-outs are the terminal's own business, whatever the city's clock says.
"""

from typing import Final, Literal

import msgspec

from services.simulator import jt808
from services.simulator.jt808 import Answer, Header
from services.simulator.state import Report

RESEND_S: Final = 15.0
GIVE_UP_S: Final = 60.0
"""Nothing acknowledged for so long: the connection is dead, whatever TCP says."""
IDENTIFY_S: Final = 12.0
HEARTBEAT_S: Final = 60.0
WINDOW: Final = 32
"""Messages under way without an acknowledgement."""
KEEPS: Final = 20_000
"""Reports a terminal's memory holds while there is no signal (about two days of driving)."""
FAILURES_BEFORE_REGISTERING: Final = 3

Phase = Literal["off", "registering", "authenticating", "online"]


class Sent(msgspec.Struct):
    """A message under way."""

    data: bytes
    at_s: float


class Kept(msgspec.Struct):
    """What a terminal keeps when it is switched off: its code, where its serials are, what it has not told."""

    code: str | None = None
    serial: int = 0
    waiting: list[Report] = []
    unacknowledged: dict[int, bytes] = {}


class Terminal:
    """The terminal of one truck. Methods return bytes to be sent now."""

    def __init__(self, *, phone: str, terminal_id: str, plate: str, header: Header, kept: Kept) -> None:
        self.phone, self.terminal_id, self.plate, self.header = phone, terminal_id, plate, header
        self.code, self._serial = kept.code, kept.serial
        self._waiting = list(kept.waiting)
        self._sent = {serial: Sent(data, 0.0) for serial, data in kept.unacknowledged.items()}
        self.phase: Phase = "off"
        self.lost = 0
        """Reports that memory had no room for."""
        self.acknowledged = 0
        self._kept: list[bytes] = []
        self._failures = 0
        self._since_s = 0.0
        self._heard_s = 0.0
        self._wrote_s = 0.0

    def kept(self) -> Kept:
        """Return what outlives a restart."""
        unacknowledged = {serial: sent.data for serial, sent in self._sent.items()}
        return Kept(self.code, self._serial, list(self._waiting), unacknowledged)

    def newly_kept(self) -> list[bytes]:
        """Return the messages the platform has acknowledged as kept since the last call."""
        kept, self._kept = self._kept, []
        return kept

    @property
    def waiting(self) -> int:
        """Reports not yet sent and messages not yet acknowledged."""
        return len(self._waiting) + len(self._sent)

    # ------------------------------------------------------------------------------------- the connection

    def connected(self, now_s: float) -> bytes:
        """Begin: ask for a code, or show the one there is."""
        self._since_s = self._heard_s = self._wrote_s = now_s
        if self.code is None or self._failures >= FAILURES_BEFORE_REGISTERING:
            self._failures = 0
            self.phase = "registering"
            return self._frame(jt808.REGISTER, jt808.registration(self.terminal_id, self.plate, self.header))
        return self._authenticate()

    def disconnected(self) -> None:
        """Note that the line is gone; what was under way stays to be sent again."""
        if self.phase in ("registering", "authenticating"):
            self._failures += 1
        self.phase = "off"

    def is_dead(self, now_s: float) -> bool:
        """Whether to hang up and dial again: no answer to who we are, or no acknowledgement for long."""
        if self.phase in ("registering", "authenticating"):
            return now_s - self._since_s > IDENTIFY_S
        return self.phase == "online" and bool(self._sent) and now_s - self._heard_s > GIVE_UP_S

    # ------------------------------------------------------------------------------------- what happens

    def take(self, answer: Answer, now_s: float) -> bytes:
        """Take a frame of the platform."""
        self._heard_s = now_s
        if answer.message_id == jt808.REGISTERED and len(answer.body) > 3 and answer.body[2] == 0:
            self.code = answer.body[3:].decode("gbk")
            return self._authenticate()
        if answer.message_id != jt808.ACKNOWLEDGED or len(answer.body) < 5:
            return b""
        serial, message_id = int.from_bytes(answer.body[:2]), int.from_bytes(answer.body[2:4])
        if message_id == jt808.AUTHENTICATE:
            return self._admitted(now_s) if answer.body[4] == 0 else b""
        sent = self._sent.pop(serial, None)
        if sent is not None:
            self.acknowledged += 1
            if answer.body[4] == 0:
                self._kept.append(sent.data)
        return self._catch_up(now_s)

    def tell(self, report: Report, now_s: float) -> bytes:
        """Report, or keep the report for when there is signal, connection and room again."""
        if self.phase != "online" or not report.reachable or self._waiting or len(self._sent) >= WINDOW:
            self._waiting.append(report)
            if len(self._waiting) > KEEPS:
                del self._waiting[0]
                self.lost += 1
            return self._catch_up(now_s) if report.reachable else b""
        return self._message(jt808.LOCATION, jt808.location(report), now_s)

    def tick(self, now_s: float) -> bytes:
        """Send again what was not acknowledged in time; keep the line alive."""
        if self.phase != "online":
            return b""
        late = [sent for sent in self._sent.values() if now_s - sent.at_s > RESEND_S]
        for sent in late:
            sent.at_s = now_s
        if late:
            self._wrote_s = now_s
            return b"".join(sent.data for sent in late)
        if now_s - self._wrote_s > HEARTBEAT_S:
            return self._message(jt808.HEARTBEAT, b"", now_s)
        return b""

    # ------------------------------------------------------------------------------------- bytes

    def _authenticate(self) -> bytes:
        self.phase = "authenticating"
        return self._frame(jt808.AUTHENTICATE, jt808.authentication(self.code or "", self.header))

    def _admitted(self, now_s: float) -> bytes:
        """Go on where the last connection ended: first what was under way, as it was."""
        self.phase, self._failures = "online", 0
        for sent in self._sent.values():
            sent.at_s = now_s
        return b"".join(sent.data for sent in self._sent.values()) + self._catch_up(now_s)

    def _catch_up(self, now_s: float) -> bytes:
        """Send what waits, oldest first, as batches, while there is room for messages under way."""
        data = b""
        while self.phase == "online" and self._waiting and self._waiting[-1].reachable and len(self._sent) < WINDOW:
            batch, self._waiting = self._waiting[: jt808.BATCH_REPORTS], self._waiting[jt808.BATCH_REPORTS :]
            data += self._message(jt808.LOCATIONS, jt808.locations(batch), now_s)
        return data

    def _message(self, message_id: int, body: bytes, now_s: float) -> bytes:
        self._wrote_s = now_s
        data = self._frame(message_id, body)
        self._sent[self._serial] = Sent(data, now_s)
        return data

    def _frame(self, message_id: int, body: bytes) -> bytes:
        self._serial = (self._serial + 1) % 65_536
        return jt808.frame(message_id, body, phone=self.phone, serial=self._serial, header=self.header)
