"""Many independent fits, some at a time, in order, with progress, and stopped by an exception."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from typing import Any, TypeVar

T = TypeVar("T")
#: Starting other processes costs about so many seconds, imports of the package included.
START_SECONDS = 2.0


def in_order(
    function: Callable[..., T],
    calls: Iterable[tuple[Any, ...]],
    *,
    n_jobs: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> list[T]:
    """Return ``function(*call)`` of each call, in their order; the same for any `n_jobs`.

    Threads are used, which cost no start: the solver's machine code lets others run.

    Parameters
    ----------
    function : callable
        Must not depend on what other calls do.
    calls : iterable of tuple
    n_jobs : int
        Calls at a time; -1 = as many as there are processors.
    progress : callable, optional
        Called as progress(done, in all) after each. An exception in it (or Ctrl-C) stops the work: what runs is
        finished, the rest is not begun.
    """
    waiting = list(calls)
    results: list[T] = []

    def take(result: T) -> None:
        results.append(result)
        if progress is not None:
            progress(len(results), len(waiting))

    if n_jobs == 1:
        for call in waiting:
            take(function(*call))
        return results
    from joblib import Parallel, delayed

    made = Parallel(n_jobs=n_jobs, prefer="threads", return_as="generator")(delayed(function)(*c) for c in waiting)
    with warnings.catch_warnings():
        # Closed before its end the generator warns that work was lost, which is what an interruption means.
        warnings.filterwarnings("ignore", message=".*tasks have been successfully executed", category=UserWarning)
        with closing(made):
            for result in made:
                take(result)
    return results


def in_processes(function: Callable[..., T], calls: Iterable[tuple[Any, ...]], *, n_jobs: int = 1) -> Iterator[T]:
    """Yield ``function(*call)`` of each call, in their order, from several processes where that is worth their start.

    Parameters
    ----------
    function : callable
        Must not depend on what other calls do.
    calls : iterable of tuple
    n_jobs : int
        Processes; -1 = as many as there are processors. The first two calls are made here, and all others too if they
        would be done before a process had started.
    """
    waiting = list(calls)
    if n_jobs == 1:
        yield from (function(*call) for call in waiting)
        return
    took = []
    for call in waiting[:2]:
        began = time.perf_counter()
        yield function(*call)
        took.append(time.perf_counter() - began)
    rest = waiting[2:]
    if not rest:
        return
    if min(took) * len(rest) < START_SECONDS:
        yield from (function(*call) for call in rest)
    else:
        from joblib import Parallel, delayed

        yield from Parallel(n_jobs=n_jobs, return_as="generator")(delayed(function)(*call) for call in rest)
