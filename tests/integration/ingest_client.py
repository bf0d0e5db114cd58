"""What ingest's tests need outside ingest: a JT/T 808 terminal written from the standard alone, and the process itself.

The terminal shares no code with the server, so the two check each other.
"""

import contextlib
import datetime as dt
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.local import ports

ROOT = Path(__file__).parent.parent.parent
GMT8 = dt.timezone(dt.timedelta(hours=8))


def location(
    time_ms: int, lon: float, lat: float, *, speed_kmh: float = 30.0, status: int = 0x3, items: bytes = b""
) -> bytes:
    """Body of 0x0200 with a fix; west and south go into the status word."""
    status |= (8 if lon < 0 else 0) | (4 if lat < 0 else 0)
    bcd = dt.datetime.fromtimestamp(time_ms / 1000, GMT8).strftime("%y%m%d%H%M%S")
    words = [0, status, round(abs(lat) * 1e6), round(abs(lon) * 1e6)]
    halves = [12, round(speed_kmh * 10), 90]
    return (
        b"".join([*(word.to_bytes(4, "big") for word in words), *(half.to_bytes(2, "big") for half in halves)])
        + bytes.fromhex(bcd)
        + items
    )


@dataclass
class TerminalClient:
    """One terminal on one connection. ``v2019`` chooses the header."""

    port: int
    phone: str
    v2019: bool = False
    serial: int = 0
    connection: socket.socket = field(init=False)
    held: bytes = b""

    def __post_init__(self) -> None:
        """Connect."""
        self.connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)

    def send(self, message_id: int, body: bytes = b"", *, phone: str | None = None, serial: int | None = None) -> int:
        """Send one frame; return its serial."""
        if serial is None:
            serial, self.serial = self.serial, (self.serial + 1) & 0xFFFF
        digits = (phone or self.phone).zfill(20 if self.v2019 else 12)
        attributes = len(body) | (0x4000 if self.v2019 else 0)
        content = (
            message_id.to_bytes(2, "big")
            + attributes.to_bytes(2, "big")
            + (b"\x01" if self.v2019 else b"")
            + bytes.fromhex(digits)
            + serial.to_bytes(2, "big")
            + body
        )
        check = 0
        for byte in content:
            check ^= byte
        escaped = b"".join({0x7D: b"\x7d\x01", 0x7E: b"\x7d\x02"}.get(b, bytes([b])) for b in [*content, check])
        self.connection.sendall(b"\x7e" + escaped + b"\x7e")
        return serial

    def receive(self, timeout_s: float = 10.0) -> tuple[int, bytes] | None:
        """Return message id and body of the next frame; None if the server closed or nothing came in time."""
        self.connection.settimeout(timeout_s)
        while self.held.count(b"\x7e") < 2:
            try:
                data = self.connection.recv(4096)
            except (TimeoutError, ConnectionError):
                return None
            if not data:
                return None
            self.held += data
        _, frame, self.held = self.held.split(b"\x7e", 2)
        plain = frame.replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
        return int.from_bytes(plain[:2], "big"), plain[17 if self.v2019 else 12 : -1]

    def acknowledged(self, timeout_s: float = 10.0) -> tuple[int, int] | None:
        """Return (serial, result) of the next 0x8001; None if none came."""
        answer = self.receive(timeout_s)
        if answer is None:
            return None
        assert answer[0] == 0x8001
        return int.from_bytes(answer[1][:2], "big"), answer[1][4]

    def register(self, terminal_id: str, plate: str, timeout_s: float = 10.0) -> str | None:
        """Send 0x0100; return the code of 0x8100, or None if there was no answer."""
        maker, model, wide = (11, 30, 30) if self.v2019 else (5, 20, 7)
        fixed = b"\x00\x0c\x00\x01" + b"QY".ljust(maker, b"\x00") + b"M1".ljust(model, b"\x00")
        self.send(0x0100, fixed + terminal_id.encode().ljust(wide, b"\x00") + b"\x02" + plate.encode("gbk"))
        answer = self.receive(timeout_s)
        return None if answer is None else answer[1][3:].decode()

    def authenticate(self, code: str) -> int | None:
        """Send 0x0102; return the result of 0x8001, or None if there was no answer."""
        body = code.encode()
        if self.v2019:
            body = bytes([len(body)]) + body + b"860000000000001" + b"V1".ljust(20, b"\x00")
        self.send(0x0102, body)
        answer = self.acknowledged()
        return None if answer is None else answer[1]

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


@dataclass(frozen=True)
class Ingest:
    """A running ingest process and its doors."""

    process: subprocess.Popen[bytes]
    jt808_port: int
    http: httpx.Client


@contextlib.contextmanager
def ingest(kafka: str, database_url: str, folder: Path) -> Iterator[Ingest]:
    """Run ``python -m services ingest`` until the end of the block; it must end cleanly at SIGTERM, unless killed."""
    jt808_port, http_port = ports.free(), ports.free()
    environment = os.environ | {
        "KAFKA_BOOTSTRAP": kafka,
        "DATABASE_URL": database_url,
        "QINGYUN_JT808_PORT": str(jt808_port),
        "QINGYUN_INGEST_PORT": str(http_port),
        "QINGYUN_DATA_DIR": str(folder),
    }
    with (folder / "ingest.log").open("ab") as log:
        process = subprocess.Popen([sys.executable, "-m", "services", "ingest"], cwd=ROOT, env=environment, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{http_port}", timeout=30) as http:
            _wait_until_open(process, http)
            yield Ingest(process, jt808_port, http)
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=10) == 0
        assert process.returncode in (0, -signal.SIGKILL)
    finally:
        process.kill()
        process.wait()


def _wait_until_open(process: subprocess.Popen[bytes], http: httpx.Client, timeout_s: float = 30.0) -> None:
    give_up = time.monotonic() + timeout_s
    while True:
        assert process.poll() is None, "ingest ended"
        with contextlib.suppress(httpx.TransportError):
            http.get("/health")
            return
        assert time.monotonic() < give_up, "ingest opened no door"
        time.sleep(0.05)
