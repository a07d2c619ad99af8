"""The MIQE table: known, written, missing."""

from __future__ import annotations

import pytest

from lumier_analysis.errors import PlanError
from lumier_analysis.qpcr import miqe_table
from lumier_analysis.qpcr.miqe import ITEMS, MISSING


def test_every_item_has_a_row_and_a_place_to_write_it() -> None:
    table = miqe_table({"replicates": "single"}, {"dnase": " on column ", "replicates": "IPC in duplicate"})
    assert table.index.tolist() == list(ITEMS)
    assert table.loc["dnase", ["value", "source"]].tolist() == ["on column", "plan"]
    assert table.loc["replicates", ["value", "source"]].tolist() == ["IPC in duplicate; single", "plan and exports"]
    assert table.loc["sequences", ["value", "source", "where"]].tolist() == [
        MISSING,
        "missing",
        "qpcr.miqe.sequences",
    ]
    assert (table["source"] == "missing").sum() == len(ITEMS) - 2


def test_an_unknown_item_is_named_with_the_nearest() -> None:
    with pytest.raises(PlanError, match=r"qpcr\.miqe\.dnas is no item.*did you mean dnase\?.*sample_source"):
        miqe_table({}, {"dnas": "x"})
    with pytest.raises(KeyError):
        miqe_table({"x": "y"}, {})
