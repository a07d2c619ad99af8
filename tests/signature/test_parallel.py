from __future__ import annotations

import os
import threading
import time

import pytest

from lumier_analysis.signature import parallel
from lumier_analysis.signature.parallel import in_order, in_processes


def slow_square(i):
    # The first calls take longest: results that came as they were ready would be in another order.
    time.sleep(0.02 if i < 2 else 0.001)
    return i * i


@pytest.mark.parametrize("n_jobs", [1, 2, -1])
def test_results_and_progress_come_in_order(n_jobs):
    done = []
    results = in_order(slow_square, [(i,) for i in range(12)], n_jobs=n_jobs, progress=lambda *now: done.append(now))
    assert results == [i * i for i in range(12)]
    assert done == [(i, 12) for i in range(1, 13)]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_an_exception_in_progress_stops_the_rest(n_jobs, error):
    begun, lock = [], threading.Lock()

    def work(i):
        with lock:
            begun.append(i)
        time.sleep(0.002)

    def stop(done, total):
        if done == 2:
            raise error("enough")

    with pytest.raises(error, match="enough"):
        in_order(work, [(i,) for i in range(200)], n_jobs=n_jobs, progress=stop)
    after = len(begun)
    time.sleep(0.05)
    assert len(begun) == after < 50


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_exception_of_a_call_is_raised(n_jobs):
    with pytest.raises(ZeroDivisionError):
        in_order(lambda i: 1 / i, [(1,), (0,), (2,)], n_jobs=n_jobs)


def test_nothing_to_do():
    assert in_order(slow_square, [], n_jobs=2) == []


def process(i):
    return i, os.getpid()


def test_long_work_goes_to_other_processes_and_short_work_does_not(monkeypatch):
    calls = [(i,) for i in range(6)]
    here = list(in_processes(process, calls, n_jobs=2))
    assert here == [(i, os.getpid()) for i in range(6)] == list(in_processes(process, calls))
    monkeypatch.setattr(parallel, "START_SECONDS", 0.0)
    shared = list(in_processes(process, calls, n_jobs=2))
    assert [i for i, _ in shared] == list(range(6))
    assert os.getpid() not in {number for _, number in shared[2:]}
    assert list(in_processes(process, calls[:1], n_jobs=2)) == here[:1]
