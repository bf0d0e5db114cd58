"""Repeatable chance without a generator to keep: a number is a hash of the seed and of what it is for.

So a run that was stopped and started again draws the same numbers as one that was not.
"""

import math
import zlib
from typing import Final

_MASK: Final = (1 << 64) - 1
_GOLDEN: Final = 0x9E3779B97F4A7C15
"""2^64 / golden ratio, the step of SplitMix64 (Steele, Lea, Flood 2014); the two multipliers below are its too."""


def key(text: str) -> int:
    """Return a number for a name."""
    return zlib.crc32(text.encode())


def uniform(*keys: int) -> float:
    """Return a number in [0, 1) that depends on all keys."""
    state = 0
    for one in keys:
        state = (state + one + _GOLDEN) & _MASK
        state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & _MASK
        state ^= state >> 31
    return (state >> 11) / (1 << 53)


def between(low: float, high: float, *keys: int) -> float:
    """Return a number between two bounds."""
    return low + (high - low) * uniform(*keys)


def gauss(*keys: int) -> float:
    """Return a normally distributed number, mean 0, deviation 1 (Box-Muller)."""
    one, two = uniform(*keys, 1), uniform(*keys, 2)
    return math.sqrt(-2.0 * math.log(1.0 - one)) * math.cos(2.0 * math.pi * two)
