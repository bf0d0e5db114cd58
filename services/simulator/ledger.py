"""What was acknowledged to the town's devices and drivers, a JSON line each: the other side of "acknowledged means kept".

Written only where the setting ``simulator_ledger`` names a file. A line is in the operating system's hands before the
device goes on, so a kill of this process loses none. Who was refused or not answered has no line.
"""

from pathlib import Path
from typing import Any

import msgspec


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One message that was taken. ``door``: jt808, osmand, chirpstack, weighbridge or driver.

    ``device``: phone number, device, bin, facility or truck. ``message``: the frame as hexadecimal digits, else
    what identifies it (``time_ms`` of a phone's fix; ``time_ms`` and ``counter`` of an uplink; the id of the rest).
    """

    door: str
    device: str
    message: dict[str, Any]


class Ledger:
    """Appends to a file; without one it does nothing."""

    def __init__(self, file: str) -> None:
        self._file = Path(file) if file else None
        if self._file is not None:
            self._file.parent.mkdir(parents=True, exist_ok=True)

    def note(self, door: str, device: str, **message: Any) -> None:
        """Write down that a message was taken."""
        if self._file is not None:
            with self._file.open("ab") as out:
                out.write(msgspec.json.encode(Entry(door=door, device=device, message=message)) + b"\n")


def read(path: Path) -> list[Entry]:
    """Return what a ledger says."""
    lines = path.read_bytes().splitlines() if path.exists() else []
    return [msgspec.json.decode(line, type=Entry) for line in lines]
