"""The simulator's ledger: what was acknowledged as kept, and nothing else."""

import asyncio
from pathlib import Path

import httpx
import pytest

from services.ingest.jt808 import frame, messages
from services.simulator import couriers, jt808, ledger
from services.simulator.couriers import Courier
from services.simulator.jt808 import Answer
from services.simulator.ledger import Entry, Ledger
from tests.unit.simulator.test_terminal import Platform, a_report, a_terminal


def test_a_frame_is_kept_only_if_the_platform_says_so() -> None:
    """Acknowledged with 0: kept; with "cannot be used": not sent again, and not kept either."""
    terminal, platform = a_terminal(), Platform()
    platform.hear(terminal.connected(0.0))
    platform.answer(terminal, 0.0)
    kept, unusable = terminal.tell(a_report(1), 1.0), terminal.tell(a_report(2), 2.0)
    for data, result in ((kept, messages.Result.DONE), (unusable, messages.Result.WRONG)):
        found = next(iter(frame.Framer().feed(data)))
        assert isinstance(found, frame.Frame)
        body = messages.acknowledgement(found.serial, found.message_id, result)
        terminal.take(Answer(jt808.ACKNOWLEDGED, body), 3.0)

    assert terminal.newly_kept() == [kept]
    assert terminal.newly_kept() == []
    assert terminal.waiting == 0


def test_a_message_is_noted_when_it_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once, after the tries that found nobody; a refused one is not noted."""
    monkeypatch.setattr(couriers, "FIRST_WAIT_S", 0.001)
    answers = iter((503, 202, 422))
    noted: list[tuple[str, int]] = []
    last = asyncio.Event()

    async def send(_: str, message: int) -> httpx.Response:
        if message == 2:
            last.set()
        return httpx.Response(next(answers))

    async def play() -> None:
        courier: Courier[int] = Courier("driver", send, lambda sender, message: noted.append((sender, message)))
        courier.add("a", 1)
        courier.add("a", 2)
        async with asyncio.timeout(10):
            await last.wait()
        await asyncio.sleep(0)
        assert courier.waiting() == {}

    asyncio.run(play())
    assert noted == [("a", 1)]


def test_a_ledger_is_read_as_it_was_written(tmp_path: Path) -> None:
    """A line a message, appended by each life; without a file nothing is written."""
    file = tmp_path / "simulator" / "ledger.jsonl"
    for counter in (7, 8):
        Ledger(str(file)).note("chirpstack", "b1", time_ms=5, counter=counter)
    Ledger("").note("driver", "t1", action_id="a1")

    assert ledger.read(file) == [
        Entry(door="chirpstack", device="b1", message={"time_ms": 5, "counter": 7}),
        Entry(door="chirpstack", device="b1", message={"time_ms": 5, "counter": 8}),
    ]
    assert ledger.read(tmp_path / "none") == []
