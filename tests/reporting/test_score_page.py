from __future__ import annotations

import pandas as pd
import pytest

from lumier_analysis.qpcr import FrozenMeasurement
from lumier_analysis.reporting.score_page import score_page
from lumier_analysis.signature import LockContext, PlateScores, lock_module_score


@pytest.fixture
def signature():
    context = LockContext(
        modules={"M1.2": ["IFI44"]}, scores={"plasma_cell": ["M1.2"]}, reference_genes=["TBP"],
        mean=pd.Series({"IFI44": 1.0}), sd=pd.Series({"IFI44": 0.5}), scaling_reference="controls", calibration=None,
        threshold=None, plan_hash="p" * 64, data_hash="d" * 64,
        measurement=FrozenMeasurement(25.0, pd.Series({"TBP": 14.0})),
    )  # fmt: skip
    return lock_module_score(context, "plasma_cell")


def test_markup_in_names_is_text_and_absent_risk_is_said(signature):
    table = signature.score(pd.DataFrame({"IFI44": [1.5, float("nan")]}, index=["<b>one</b>", "two"]))
    page = score_page(signature, PlateScores(table, ("A <note>.",)), plate="<x>.csv", plate_hash="f" * 64)
    assert "<b>" not in page and "&lt;b&gt;one" in page and "A &lt;note&gt;." in page and "&lt;x&gt;.csv" in page
    assert "1 of 2 samples scored by the locked signature plasma cell" in page
    assert "the signature has no calibration" in page and "f" * 64 in page and "1.000" in page
    assert "fewer than 50% of the genes of M1.2" in page
    assert "no ground for the care of a patient" in page


def test_without_unscored_samples_there_is_no_table_of_them(signature):
    table = signature.score(pd.DataFrame({"IFI44": [1.5]}, index=["one"]))
    assert "Not scorable" not in score_page(signature, PlateScores(table, ()), plate="x", plate_hash="f" * 64)
    none = signature.score(pd.DataFrame({"IFI44": [float("nan")]}, index=["one"]))
    page = score_page(signature, PlateScores(none, ()), plate="x", plate_hash="f" * 64)
    assert "<caption>Scores</caption>" not in page and "Not scorable" in page
