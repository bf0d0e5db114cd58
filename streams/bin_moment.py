"""What rules of bins see: one reading of one bin, with what was known of it before."""

from msgspec import Struct

from streams import events
from streams.filling import Filling


class BinMoment(Struct, kw_only=True, gc=False):
    """One reading in order. Lives for one step; nothing of it is kept."""

    reading: events.BinReading
    time_ms: int
    """Its own time, but not after it came."""
    filling: Filling
    """How the bin fills, this reading taken in."""
    asset: events.Asset | None
    """The bin as it was then, if it is known."""

    @property
    def fill(self) -> float | None:
        """Fill by this reading; None = it cannot be used."""
        return None if self.reading.invalid is not None else self.reading.fill
