"""What rules of time see: a truck that was not heard of for a while."""

from typing import Final

from msgspec import Struct

from streams.assets import Reference

_LEAST_M: Final = 60.0
_DRIVES_ON_S: Final = 30.0
"""A terminal reports at least so often while it drives; for so long it may have gone on at its speed, unheard."""


class Silence(Struct, kw_only=True, gc=False):
    """Nothing was heard of one truck. Lives for one step; nothing of it is kept."""

    since_ms: int
    """Corrected event time of the last report."""
    lasted_s: float
    """Arrival time since it came."""
    tenant_id: str
    reference: Reference


def drove_on_m(speed_mps: float) -> float:
    """How far from its last place a truck may be when its next report is due."""
    return max(_LEAST_M, speed_mps * _DRIVES_ON_S)
