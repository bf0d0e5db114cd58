"""Whether reports of trucks come at all. Where none does, our side hears nothing, or the recording ends; nobody is dark."""

from typing import Final

from msgspec import Struct

from streams.units import MINUTE_MS

BREAK_MS: Final = MINUTE_MS
"""A city's trucks are never all silent for so long."""


class Hearing(Struct, frozen=True):
    """Since when reports have come without a break."""

    since_ms: int = 0
    last_ms: int = 0
    """When the last one came; 0 = none has."""

    def heard(self, at_ms: int) -> "Hearing":
        """Return what it is when a report comes."""
        if at_ms <= self.last_ms:
            return self
        return Hearing(at_ms if at_ms - self.last_ms > BREAK_MS else self.since_ms, at_ms)

    def at(self, at_ms: int) -> int:
        """Return, as a tick has it, since when reports have come; ``at_ms`` itself if none comes now."""
        return at_ms if at_ms - self.last_ms > BREAK_MS else self.since_ms
