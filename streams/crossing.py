"""When a level is reached by what only rises, in jumps: the gamma process, and quantiles of its first passage.

What is gained in a time ``t`` has the mean ``rate * t`` and the variance ``jump * rate * t``: a sum of jumps of which the
larger count most (``jump`` is their size, weighted by itself). It never falls, so it is above a level at ``t`` exactly if it
reached it before: the chance of that is the upper tail ``Q(rate * t / jump, level / jump)`` of the gamma distribution. Solved
for its first argument at a tenth, a half and nine tenths, it is three functions of ``level / jump`` alone, tabulated here.
"""

import bisect
import math
from typing import Final

_LOG_STEP: Final = 0.5
_LOG_FIRST: Final = -5.0
_LEVELS: Final = tuple(math.exp(_LOG_FIRST + _LOG_STEP * number) for number in range(21))
"""Levels in jumps, from a hundredth and a half to 148, at which the quantiles are tabulated."""
_P10: Final = (
    0.02368, 0.02664, 0.03041, 0.03535, 0.04208, 0.05163, 0.06591, 0.08868, 0.1278, 0.2005, 0.3456,
    0.6443, 1.247, 2.405, 4.536, 8.335, 14.96, 26.36, 45.74, 78.47, 133.9,
)  # fmt: skip
_P50: Final = (
    0.1525, 0.1706, 0.1934, 0.2227, 0.2612, 0.3137, 0.3874, 0.4949, 0.6572, 0.9102, 1.314,
    1.970, 3.044, 4.811, 7.720, 12.51, 20.42, 33.45, 54.93, 90.35, 148.7,
)  # fmt: skip
_P90: Final = (
    0.4843, 0.5372, 0.6020, 0.6828, 0.7853, 0.9184, 1.095, 1.334, 1.668, 2.142, 2.832,
    3.856, 5.402, 7.773, 11.46, 17.24, 26.42, 41.09, 64.67, 102.8, 165.1,
)  # fmt: skip
_LOGS: Final = tuple(tuple(math.log(gain) for gain in row) for row in (_P10, _P50, _P90))
Z90: Final = 1.2816
"""Standard normal quantile of 0.9."""


def gains_until(level: float, jump: float) -> tuple[float, float, float]:
    """Return the mean gain after which a level is reached with a chance of 0.1, of 0.5, of 0.9.

    Good to 1.5 % (`tests/unit/streams/test_crossing.py`). Divided by a rate it is a time.
    """
    jumps = level / jump
    if jumps >= _LEVELS[-1]:
        return _many(jumps, -Z90) * jump, _many(jumps, 0.0) * jump, _many(jumps, Z90) * jump
    if jumps <= _LEVELS[0]:  # any jump reaches it: only the next one is waited for
        return _P10[0] * jump, _P50[0] * jump, _P90[0] * jump
    number = bisect.bisect_right(_LEVELS, jumps) - 1
    share = (math.log(jumps) - _LOG_FIRST) / _LOG_STEP - number
    low, middle, high = (math.exp(row[number] + share * (row[number + 1] - row[number])) * jump for row in _LOGS)
    return low, middle, high


def _many(jumps: float, z: float) -> float:
    """Many jumps are normal: ``gain - z sqrt(gain) = jumps``, and a third for their skewness."""
    half = z / 2.0
    root = half + math.sqrt(half * half + jumps)
    return root * root + 1.0 / 3.0
