"""Conversions into SI, once, at the edge. Inside, every number is in the unit its name ends with."""

from typing import Final

KNOT_MPS: Final = 1852 / 3600
"""One knot in metres per second (the international nautical mile is 1,852 m by definition)."""

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60 * SECOND_MS
HOUR_MS: Final = 60 * MINUTE_MS
DAY_MS: Final = 24 * HOUR_MS


def kmh_to_mps(speed_kmh: float) -> float:
    """Kilometres per hour to metres per second."""
    return speed_kmh / 3.6


def knots_to_mps(speed_knots: float) -> float:
    """Knots to metres per second."""
    return speed_knots * KNOT_MPS
