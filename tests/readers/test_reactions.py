"""Plates, and the table that all readers return."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lumier_analysis.errors import RawDataError
from lumier_analysis.readers.reactions import Source, full_plate, position, reaction_table


def test_plates() -> None:
    assert position("A1") == (1, 1) and position("P24") == (16, 24) and position("AF48") == (32, 48)
    assert position("17") is None
    whole = [f"{chr(65 + r)}{c:02d}" for r in range(16) for c in range(1, 25)]
    assert full_plate(whole) and full_plate([str(i) for i in range(1, 97)])
    assert not full_plate(whole[:-1]) and not full_plate(whole[:96])


def test_the_table() -> None:
    def table(source: Source, **changes: Any) -> Any:
        columns: dict[str, Any] = {"lines": [3, 4], "well": ["A1", "A2"], "sample": ["S", "T"], "assay": ["G", "G"]}
        columns |= {"ct": np.array([20.0, np.nan]), "state": ["detected", "not detected"], "sample_type": ["x", "y"]}
        columns |= {"task": ["standard", "unknown"], "quantity": np.array([8.0, 9.0])}
        return reaction_table(source, **(columns | changes))

    frame = table(Source("a.txt", "a"), unproven="why")
    assert frame["quantity"].tolist()[0] == 8.0 and np.isnan(frame["quantity"][1])
    assert frame.attrs == {"length_unproven": {"a.txt": "why"}}
    assert table(Source("a.txt", "a", whole=True), unproven="why").attrs == {}
    assert table(Source("a.txt", "a", rows=2), unproven="why").attrs == {}
    with pytest.raises(RawDataError, match="2 reactions instead of 3"):
        table(Source("a.txt", "a", rows=3))
    with pytest.raises(RawDataError, match=r"holds a reaction twice.*well A1 again on line 4"):
        table(Source("a.txt", "a"), well=["A1", "A1"])
