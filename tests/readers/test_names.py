"""Names of columns, folded."""

from __future__ import annotations

import pytest

from lumier_analysis.readers.names import fold_name


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("C\u0442", "ct"),  # Cyrillic te
        ("С\u0442 Mean", "ct mean"),  # Cyrillic es and te
        ("\ufeffWell", "well"),
        ("  Well \u00a0 Position ", "well position"),
        ("\u2206Ct", "\u2206ct"),  # a difference of Ct is no Ct
        ("Cq Std. Dev", "cq std. dev"),
        ("Ｃｔ", "ct"),
    ],
)
def test_names(written: str, folded: str) -> None:
    assert fold_name(written) == folded
