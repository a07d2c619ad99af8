from __future__ import annotations

from typing import Any

import pytest

from lumier_analysis.mixed import compiled as module
from lumier_analysis.mixed.compiled import compiled


def double(a: float) -> float:
    return 2 * a


def test_compiles_and_gives_the_same_number() -> None:
    assert compiled(double)(1.5) == 3.0


def test_works_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Any] = []

    def no_cache(**options: Any) -> Any:
        calls.append(options.get("cache"))
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return lambda function: function

    monkeypatch.setattr(module, "njit", no_cache)
    assert compiled(double)(1.0) == 2.0
    assert calls == [True, None]
