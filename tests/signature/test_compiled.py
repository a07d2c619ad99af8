from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from lumier_analysis.signature import compiled as module
from lumier_analysis.signature.compiled import compiled

ROOT = Path(__file__).parents[2]


def add(a, b):
    return a + b


def test_compiles_and_gives_the_same_number():
    quick = compiled(add)
    assert quick(1.5, 2.0) == 3.5
    np.testing.assert_array_equal(quick(np.arange(3.0), np.ones(3)), [1, 2, 3])


def test_works_where_no_cache_can_be_written(monkeypatch):
    calls = []

    def no_cache(**options):
        calls.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(module, "njit", no_cache)
    assert compiled(add)(1, 2) == 3
    assert [c.get("cache") for c in calls] == [True, None]


@pytest.mark.parametrize("code", ["import lumier_analysis.signature.solver"])
def test_importing_compiles_nothing(code, tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=ROOT)
    assert not list(tmp_path.rglob("*.nbc"))


def test_a_second_process_reads_the_machine_code_of_the_first(tmp_path):
    code = (
        "import numpy as np; from lumier_analysis.signature.solver import dot;"
        "dot(np.ones(3), np.ones(3)); print(sum(dot.stats.cache_hits.values()), sum(dot.stats.cache_misses.values()))"
    )
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    said = [
        subprocess.run(
            [sys.executable, "-c", code], check=True, env=environment, cwd=ROOT, capture_output=True, text=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["0", "1"], ["1", "0"]]
