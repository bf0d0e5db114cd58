"""The load of the moment: kilograms on board from a sensor that slopes, brakes, drops out and sticks.

Readings of a truck on the road swing by some percent with slope and braking, for seconds to half a minute; a median of
a few is what rules may use. Readings with the engine off are left out: air suspension sinks then, and comes back.
"""

from collections.abc import Callable
from operator import itemgetter
from typing import Final

from msgspec import Struct, field

from streams import events
from streams.units import SECOND_MS

KEPT: Final = 16
_OF_THE_MOMENT: Final = 5
"""Readings in the median: an odd number that outvotes two outliers."""
_FRESH_MS: Final = 180 * SECOND_MS
"""Older readings say nothing about now."""
_STUCK_READINGS: Final = 12
"""Equal readings of a moving, loaded truck after which the sensor is called stuck (noise alone is several resolutions)."""
MOVING_MPS: Final = 2.0
"""Faster, its readings are those of a truck on the road."""

Sample = tuple[int, float]
"""Event time, kg."""
KG: Final[Callable[[Sample], float]] = itemgetter(1)
"""Of a sample."""


class Load(Struct, array_like=True):
    """State of one truck's load reading."""

    samples: list[Sample] = field(default_factory=list)
    kg: float | None = None
    """Median of the last fresh readings; None = not known."""
    equal: int = 0
    """Readings in a row, made while moving, that are exactly equal."""
    stuck: bool = False


def read(load: Load, fix: events.TruckState, time_ms: int) -> None:
    """Take one fix's reading in, if it can be believed."""
    kg = fix.load_kg
    if kg is None or fix.sensor_health.load != "ok" or fix.ignition is False:
        if load.samples and time_ms - load.samples[-1][0] > _FRESH_MS:
            load.kg = None
        return
    samples = load.samples
    if samples and kg != samples[-1][1]:
        if load.equal:
            load.equal, load.stuck = 0, False
    elif kg > 0 and (fix.speed_mps or 0.0) > MOVING_MPS:
        load.equal += 1
        load.stuck = load.equal >= _STUCK_READINGS
    samples.append((time_ms, kg))
    if len(samples) > KEPT:
        del samples[0]
    last = samples[-_OF_THE_MOMENT:]
    if time_ms - last[0][0] > _FRESH_MS:  # they are in order: where the first is fresh, all are
        last = [sample for sample in last if time_ms - sample[0] <= _FRESH_MS]
    ordered = sorted(map(KG, last))
    load.kg = ordered[len(ordered) // 2]


def level(samples: list[Sample], since_ms: int, until_ms: int) -> tuple[float, int] | None:
    """Median of the readings in ``[since_ms, until_ms)`` and their number; None if there is none."""
    within = [kg for at_ms, kg in samples if since_ms <= at_ms < until_ms]
    return (median(within), len(within)) if within else None


def median(values: list[float]) -> float:
    """Middle of one or more values, or the mean of the two there. `statistics.median` says the same, much slower."""
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
