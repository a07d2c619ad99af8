"""Compilation of the numerical kernels: once on a machine, then read from disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any]) -> Any:
    """Return the function compiled by numba at its first call, in float64; it uses one thread and lets others run.

    The machine code is kept as that of `lumier_analysis.signature.compiled`: beside the module, else in the user's
    cache folder (or where NUMBA_CACHE_DIR points); where neither can be written, every process compiles anew.
    """
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba's word for a cache folder that it cannot write
        return njit(nogil=True)(function)
