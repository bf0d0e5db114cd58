"""What the simulator keeps on disk: the play (``state.json.gz``), the terminals' codes, the truth. All below .data."""

import gzip
import json
import logging
from pathlib import Path
from typing import Final

import msgspec

from services.simulator.state import TownState, Truth
from services.simulator.terminal import Kept
from streams.events import DriverAction, Weighing

logger = logging.getLogger(__name__)

FORMAT: Final = 1
_PACKING: Final = 1
"""gzip's quickest level: the file is written every few seconds."""


class Saved(msgspec.Struct, kw_only=True):
    """The whole play, with what devices and drivers have not got rid of yet."""

    format: int = FORMAT
    city: str
    seed: int
    town: TownState
    terminals: dict[str, Kept] = {}
    actions: dict[str, list[DriverAction]] = {}
    tickets: dict[str, list[Weighing]] = {}


class Shelf:
    """The simulator's folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._state, self._codes, self._truth = (
            folder / "state.json.gz",
            folder / "terminals.json",
            folder / "truth.jsonl",
        )

    def read(self, city: str, seed: int, now_ms: int) -> Saved | None:
        """Return the kept play; None if there is none, or it is of another city, seed, format or of the future.

        A file that cannot be read is set aside under another name, and said so: a new play begins.
        """
        if not self._state.exists():
            return None
        try:
            saved = msgspec.json.decode(gzip.decompress(self._state.read_bytes()), type=Saved)
        except (OSError, EOFError, msgspec.DecodeError) as error:
            aside = self._state.with_suffix(".broken")
            self._state.replace(aside)
            logger.warning(
                "the kept play cannot be read, a new one begins", extra={"file": str(aside), "why": str(error)}
            )
            return None
        fits = (saved.format, saved.city, saved.seed) == (FORMAT, city, seed) and saved.town.now_ms <= now_ms + 60_000
        if not fits:
            logger.info("the kept play is of another city, seed or time: a new one begins")
        return saved if fits else None

    def write(self, packed: bytes) -> None:
        """Replace the kept play at once, never half of it."""
        _replace(self._state, packed)

    def codes(self) -> dict[str, str]:
        """Return the terminals' authentication codes, by phone."""
        return json.loads(self._codes.read_text(encoding="utf-8")) if self._codes.exists() else {}

    def write_codes(self, codes: dict[str, str]) -> None:
        """Keep the codes, readable by the owner only."""
        _replace(self._codes, json.dumps(codes, indent=1, sort_keys=True).encode())

    def tell_truth(self, truth: Truth) -> None:
        """Append to the log of what really happened."""
        with self._truth.open("ab") as log:
            log.write(msgspec.json.encode(truth) + b"\n")


def encode(saved: Saved) -> bytes:
    """Return the play as JSON (Porto: about 15 ms)."""
    return msgspec.json.encode(saved)


def pack(document: bytes) -> bytes:
    """Return the JSON as it is written (some 30 ms)."""
    return gzip.compress(document, _PACKING)


def _replace(file: Path, content: bytes) -> None:
    new = file.with_name(file.name + ".new")
    new.touch(mode=0o600)
    new.write_bytes(content)
    new.replace(file)
