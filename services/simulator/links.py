"""The terminals' sockets: dial, read, write, hang up, dial again. What is said is `terminal`'s business."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Final

from services import metrics
from services.simulator import noise
from services.simulator.jt808 import Answer, Answers
from services.simulator.ledger import Ledger
from services.simulator.state import Report
from services.simulator.terminal import Terminal

logger = logging.getLogger(__name__)

FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 15.0
TICK_S: Final = 1.0
_READ_BYTES: Final = 4096


class Link:
    """Keeps one terminal connected. ``on_code`` is called when it was given a new authentication code."""

    def __init__(self, terminal: Terminal, host: str, port: int, on_code: Callable[[], None], ledger: Ledger) -> None:
        self.terminal = terminal
        self._host, self._port, self._on_code = host, port, on_code
        self._ledger = ledger
        self._writer: asyncio.StreamWriter | None = None

    def tell(self, report: Report) -> None:
        """Hand a report to the terminal."""
        metrics.SIMULATED.labels("jt808", "reported").inc()
        self._write(self.terminal.tell(report, time.monotonic()))

    async def run(self) -> None:
        """Stay connected until cancelled."""
        wait_s = FIRST_WAIT_S * (1 + noise.uniform(noise.key(self.terminal.phone)))
        tries = 0
        while True:
            was_online = await self._one_connection()
            tries = 0 if was_online else tries + 1
            jitter = 0.7 + 0.6 * noise.uniform(noise.key(self.terminal.phone), tries)
            if tries in (5, 50):
                logger.warning(
                    "terminal is not admitted; is its phone in the register, and reopened if its code was lost?",
                    extra={"phone": self.terminal.phone, "tries": tries},
                )
            await asyncio.sleep(min(LONGEST_WAIT_S, wait_s * 2 ** min(tries, 6)) * jitter)

    async def _one_connection(self) -> bool:
        """Connect, talk until the line ends; return whether the terminal was admitted."""
        try:
            reader, self._writer = await asyncio.open_connection(self._host, self._port)
        except OSError:
            metrics.SIMULATED.labels("jt808", "unreachable").inc()
            return False
        online = False
        ticking = asyncio.create_task(self._tick())
        try:
            self._write(self.terminal.connected(time.monotonic()))
            answers = Answers()
            while data := await reader.read(_READ_BYTES):
                for answer in answers.feed(data):
                    self._take(answer)
                online = online or self.terminal.phase == "online"
        except OSError:
            metrics.SIMULATED.labels("jt808", "broken").inc()
        finally:
            ticking.cancel()
            self.terminal.disconnected()
            self._writer.close()
            self._writer = None
        return online

    def _take(self, answer: Answer) -> None:
        code, acknowledged = self.terminal.code, self.terminal.acknowledged
        self._write(self.terminal.take(answer, time.monotonic()))
        if self.terminal.acknowledged > acknowledged:
            metrics.SIMULATED.labels("jt808", "acknowledged").inc(self.terminal.acknowledged - acknowledged)
        for data in self.terminal.newly_kept():
            self._ledger.note("jt808", self.terminal.phone, frame=data.hex())
        if self.terminal.code != code:
            self._on_code()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            now_s = time.monotonic()
            if self.terminal.is_dead(now_s):
                metrics.SIMULATED.labels("jt808", "hung_up").inc()
                if self._writer is not None:
                    self._writer.close()
                return
            self._write(self.terminal.tick(now_s))

    def _write(self, data: bytes) -> None:
        if data and self._writer is not None and not self._writer.is_closing():
            with contextlib.suppress(OSError):  # the reader sees the broken line and dials again
                self._writer.write(data)
