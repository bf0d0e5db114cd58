"""The only door to numba."""

from collections.abc import Callable
from typing import cast

import numba

from optimizer.engines.compiled import built

numba.config.CACHE_DIR = str(built.folder())


def compiled[**P, R](function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function when it is first called with these types, or take it from `built.folder`.

    Indices are not checked, a division by zero gives infinity, other threads go on meanwhile.
    """
    return cast("Callable[P, R]", numba.njit(cache=True, error_model="numpy", nogil=True)(function))
