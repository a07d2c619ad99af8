"""Compilation of loops over groups, whose sums the compiler may reorder to handle several groups at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit

# Neither NaN nor infinity is assumed away.
_FLAGS = {"reassoc", "contract", "nsz", "arcp"}


def quick(function: Callable[..., Any]) -> Any:
    """Return the function compiled by numba as by `compiled`, with sums in an order that the machine code fixes."""
    try:
        return njit(cache=True, nogil=True, fastmath=_FLAGS)(function)
    except RuntimeError:  # numba's word for a cache folder that it cannot write
        return njit(nogil=True, fastmath=_FLAGS)(function)
