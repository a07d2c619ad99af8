"""Compilation of the numerical kernels: once on a machine, then read from disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit


def compiled(function: Callable[..., Any], *, fast_sums: bool = False) -> Any:
    """Return the function compiled by numba at its first call, in float64; it uses one thread and lets others run.

    The machine code is kept in ``__pycache__`` beside the module, else in the user's cache folder (or where
    NUMBA_CACHE_DIR points); where neither can be written, every process compiles anew, which takes some seconds.

    Parameters
    ----------
    function : callable
    fast_sums : bool
        Let the compiler reorder sums, for functions that are one sum: several times quicker, and still the same
        number at every call, since the order is fixed by the machine code.
    """
    flags: Any = {"reassoc", "contract", "nsz"} if fast_sums else False
    try:
        return njit(cache=True, nogil=True, fastmath=flags)(function)
    except RuntimeError:  # numba's word for a cache folder that it cannot write
        return njit(nogil=True, fastmath=flags)(function)
