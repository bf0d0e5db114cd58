"""A desk that commands all the time, and a ledger of what it was told is received (202)."""

import threading
import uuid
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple, Self

import httpx

from services.city import folder
from services.simulator.ledger import Ledger
from streams import events
from tests.browser import ROOT
from tests.whole_system import Running

EVERY_S: Final = 1.5
RETRY_S: Final = 0.5
BOOKED_KG: Final = 9_000.0


class Command(NamedTuple):
    """Something to be put; ``door`` names the topic it goes to."""

    door: str
    command_id: str
    body: dict[str, Any]


class Desk:
    """A thread that gives one command after the other, each again under its own id until it is answered, as pages do."""

    def __init__(self, running: Running, ledger: Path, random: Random) -> None:
        self._running, self._random = running, random
        self._ledger = Ledger(str(ledger))
        city = folder.read(ROOT / "deploy" / "cities" / "porto")
        self._bins = [row.bin_id for row in city.bins]
        self._sites = [place.id for place in city.of_kind("source") if place.material == "construction"]
        self._stop = threading.Event()
        self._client: httpx.Client | None = None
        self._thread = threading.Thread(target=self._run, name="desk", daemon=True)
        self.refused: list[str] = []
        """Commands that were neither received nor put off, with the answer."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(30)
        if self._client is not None:
            self._client.close()

    def _run(self) -> None:
        makers = cycle((self._leave_out, self._plan_anew, self._note, self._book))
        while not self._stop.wait(EVERY_S):
            for command in next(makers)():
                while not self._give(command) and not self._stop.wait(RETRY_S):
                    pass

    def _give(self, command: Command) -> bool:
        """Give a command once; return whether it is settled: received, or refused."""
        try:
            answer = self._seat().put(f"/api/v1/{command.door}/{command.command_id}", json=command.body)
        except httpx.HTTPError:
            return False
        if answer.status_code == httpx.codes.ACCEPTED:
            self._ledger.note(command.door, "desk", id=command.command_id)
            return True
        if answer.status_code >= 500 or answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
            return False
        self.refused.append(f"{command.door} {command.command_id}: {answer.status_code} {answer.text[:200]}")
        return True

    def _seat(self) -> httpx.Client:
        """Log in once: a session outlives the gateway's death."""
        if self._client is None:
            self._client = self._running.client("administrator")
        return self._client

    def _id(self) -> str:
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    # ------------------------------------------------------------------------------------- what is commanded

    def _leave_out(self) -> Iterator[Command]:
        kind = self._random.choice(("exclude", "include"))
        yield Command("dispatch-actions", self._id(), {"subject_id": self._random.choice(self._bins), "kind": kind})

    def _plan_anew(self) -> Iterator[Command]:
        material = self._random.choice(sorted(events.MATERIALS))
        yield Command("dispatch-actions", self._id(), {"subject_id": material, "kind": "replan"})

    def _note(self) -> Iterator[Command]:
        try:
            alerts = self._seat().get("/api/v1/alerts").raise_for_status().json()["alerts"]
        except httpx.HTTPError:
            return
        if alerts:
            alert_id = self._random.choice(alerts)["alert_id"]
            yield Command("alert-actions", self._id(), {"alert_id": alert_id, "kind": "note", "reason": "seen"})

    def _book(self) -> Iterator[Command]:
        body = {"source_id": self._random.choice(self._sites), "material": "construction", "kg": BOOKED_KG}
        yield Command("orders", f"desk-{self._id()[:8]}", body)
