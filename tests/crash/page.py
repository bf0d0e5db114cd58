"""A page that is open all the while: what its stream says of how old the data are."""

import json
import threading
from contextlib import suppress
from typing import Any, Final, Self

import httpx

from tests.whole_system import Running

SILENT_S: Final = 60.0
"""A stream says at least that it is alive, more often than this."""


class Page:
    """Follows the gateway's stream in a thread. Use as a context manager; entering logs in."""

    def __init__(self, running: Running) -> None:
        self._client = running.client("administrator")
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._read, name="page", daemon=True)
        self.stale_since_ms: int | None = None
        """City time since when the data shown are old, as the page was told last; None = they are not."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._client.close()

    def _read(self) -> None:
        left = suppress(httpx.HTTPError, RuntimeError, OSError)  # closed by us, or the gateway has ended
        with left, self._client.stream("GET", "/api/v1/live", timeout=SILENT_S) as answer:
            for line in answer.iter_lines():
                if self._closing.is_set():
                    return
                name, _, said = line.partition(": ")
                if name == "data":
                    body: dict[str, Any] = json.loads(said)
                    self.stale_since_ms = body["stale_since_ms"]
