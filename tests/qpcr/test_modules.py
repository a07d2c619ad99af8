"""Module scores against a frozen reference, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import composite, fit_scaling, module_scores, z_scores

REFERENCE = pd.DataFrame(
    {
        "A": [1.0, 2.0, 3.0],
        "B": [0.0, 10.0, 20.0],
        "C": [5.0, 5.0, 5.0],
        "D": [1.0, np.nan, 2.0],
        "E": [-14.0, -15.0, 0.0],
    },
    index=["r1", "r2", "r3"],
)
CENSORED = pd.DataFrame(False, index=REFERENCE.index, columns=REFERENCE.columns)
CENSORED.loc[["r1", "r2"], "E"] = True


def test_scaling_and_what_is_dropped() -> None:
    scaling = fit_scaling(REFERENCE, source="healthy", censored=CENSORED)
    assert scaling.genes == ["A", "B"]
    assert scaling.mean.to_dict() == {"A": 2.0, "B": 10.0}
    assert scaling.sd.to_dict() == {"A": 1.0, "B": 10.0}
    assert (scaling.n, scaling.source) == (3, "healthy")
    assert scaling.dropped == {
        "C": "constant in the reference samples",
        "D": "measured in 2 reference samples, 3 are needed",
        "E": "below detection in 67 % of reference samples",
    }
    assert "E" in fit_scaling(REFERENCE).genes
    assert "E" in fit_scaling(REFERENCE, censored=CENSORED, maximum_censored_fraction=0.7).genes


def test_no_gene_can_be_scaled() -> None:
    with pytest.raises(AnalysisError, match=r"constant.*scaling\.reference"):
        fit_scaling(REFERENCE[["C"]])
    with pytest.raises(AnalysisError, match="1 samples; measured in 1"):
        fit_scaling(REFERENCE.iloc[:1])


def test_z_scores_use_the_frozen_reference() -> None:
    scaling = fit_scaling(REFERENCE)
    new = pd.DataFrame({"B": [30.0], "A": [1.0], "other": [0.0]}, index=["s"])
    assert z_scores(new, scaling).loc["s"].to_dict() == {"A": -1.0, "B": 2.0}


def test_module_scores_and_the_rule_of_half() -> None:
    scaling = fit_scaling(REFERENCE[["A", "B"]].assign(F=[0.0, 1.0, 2.0]))
    new = pd.DataFrame(
        {"A": [3.0, np.nan, np.nan], "B": [30.0, 20.0, np.nan], "F": [1.0, 1.0, 3.0]}, index=["s1", "s2", "s3"]
    )
    scores = module_scores(new, {"M1": ["A", "B", "F", "X"], "M2": ["F"]}, scaling)
    # s1: z 1, 2, 0. s2: two of four genes, z 1, 0. s3: one of four.
    assert scores["M1"].tolist() == pytest.approx([1.0, 0.5, np.nan], nan_ok=True)
    assert scores["M2"].tolist() == [0.0, 0.0, 2.0]
    assert scores.index.tolist() == ["s1", "s2", "s3"]


def test_a_module_that_cannot_be_scored_is_refused() -> None:
    scaling = fit_scaling(REFERENCE)
    with pytest.raises(
        AnalysisError, match=r"Module M9 has 1 of 3 genes.*C \(constant.*X \(not in the data\).*panel\.modules\.M9"
    ):
        module_scores(REFERENCE, {"M9": ["A", "C", "X"]}, scaling)


def test_the_reference_has_mean_zero() -> None:
    rng = np.random.default_rng(3)
    frame = pd.DataFrame(rng.normal(5, 2, (40, 6)), columns=list("abcdef"))
    scores = module_scores(frame, {"M": list("abcdef")}, fit_scaling(frame))
    assert scores["M"].mean() == pytest.approx(0, abs=1e-12)


def test_composite_needs_every_module() -> None:
    scores = pd.DataFrame({"M1": [1.0, 1.0], "M2": [3.0, np.nan], "M3": [5.0, 5.0]})
    made = composite(scores, {"interferon": ["M1", "M2"], "other": ["M3"]})
    assert made["interferon"].tolist() == pytest.approx([2.0, np.nan], nan_ok=True)
    assert made["other"].tolist() == [5.0, 5.0]
    with pytest.raises(AnalysisError, match=r"Score interferon.*no module M9.*panel\.scores\.interferon"):
        composite(scores, {"interferon": ["M1", "M9"]})
    with pytest.raises(AnalysisError, match="no module named"):
        composite(scores, {"interferon": []})
