"""No-template controls and the genomic DNA assay, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import control_summary, genomic_dna_rule, no_template_rule


def test_controls(reactions: pd.DataFrame) -> None:
    summary = control_summary(reactions, genomic_dna_assay="G2")
    assert summary["ntc_reactions"].tolist() == [2, 2]
    assert summary["ntc_detected"].tolist() == [1, 0]
    assert summary["ntc_minimum_ct"].tolist() == pytest.approx([22.0, np.nan], nan_ok=True)
    assert summary["ntc_worst_assay"].tolist() == ["G1", ""]
    assert summary["gdna_detected"].tolist() == [1, 0]
    assert summary["gdna_worst_sample"].tolist() == ["IPC", ""]
    with pytest.raises(AnalysisError, match="genomic DNA assay gDNA"):
        control_summary(reactions, genomic_dna_assay="gDNA")


def table(rows: list[tuple[str, str, str, float, str]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["chip", "sample", "assay", "ct", "state"])
    return frame.astype({"ct": "float64"} | dict.fromkeys(("chip", "sample", "assay", "state"), "str"))


@pytest.mark.parametrize(
    ("control", "state", "margin", "passes"),
    [
        (np.nan, "not detected", np.nan, True),
        (23.0, "detected", 5.0, True),
        (22.9, "detected", 4.9, False),
        (23.0, "untrusted", np.nan, pd.NA),
    ],
)
def test_the_no_template_rule(control: float, state: str, margin: float, passes: object) -> None:
    # The latest sample is at 18; the calibrator, later, is none; what is not trusted does not count.
    rows = [
        ("c1", "S1", "G", 12.0, "detected"),
        ("c1", "S2", "G", 18.0, "detected"),
        ("c1", "S3", "G", 24.0, "untrusted"),
        ("c1", "IPC", "G", 20.0, "detected"),
        ("c1", "NTC", "G", control, state),
        ("c2", "S4", "G", 21.0, "detected"),
    ]
    result = no_template_rule(table(rows), ignore={"IPC"})
    assert len(result) == 1  # c2 has no control
    row = result.iloc[0]
    assert (row["chip"], row["assay"], row["latest_sample"]) == ("c1", "G", 18.0)
    assert row["margin"] == pytest.approx(margin, nan_ok=True)
    assert (row["passes"] is pd.NA) if passes is pd.NA else row["passes"] == passes


def test_a_control_that_is_detected_where_no_sample_is_fails() -> None:
    rows = [("c1", "S1", "G", np.nan, "not detected"), ("c1", "NTC", "G", 24.0, "detected")]
    assert no_template_rule(table(rows))["passes"].tolist() == [False]


def test_genomic_dna_is_seen_and_what_it_reaches() -> None:
    rows = [
        ("c1", "S1", "gDNA", 22.0, "detected"),
        ("c1", "S1", "A", 17.0, "detected"),  # five cycles earlier: at most 3 % of its signal
        ("c1", "S1", "B", 17.1, "detected"),
        ("c1", "S1", "C", 24.0, "untrusted"),
        ("c1", "S2", "gDNA", np.nan, "not detected"),
        ("c1", "S2", "A", 24.0, "detected"),
        ("c1", "S3", "gDNA", 25.5, "detected"),  # beyond the limit
        ("c1", "S3", "A", 24.0, "detected"),
        ("c1", "S4", "gDNA", 22.0, "detected"),
        ("c1", "S4", "A", 10.0, "detected"),
        ("c1", "NTC", "gDNA", 20.0, "detected"),
    ]
    options = {"limit_of_detection": 25.0, "ignore": {"NTC"}}
    result = genomic_dna_rule(table(rows), genomic_dna_assay="gDNA", **options)
    assert result.index.tolist() == ["S1", "S2", "S3", "S4"]
    assert result["gdna_ct"].tolist() == pytest.approx([22.0, np.nan, np.nan, 22.0], nan_ok=True)
    assert result["assays_at_risk"].tolist() == [1, 0, 0, 0]
    assert result["flagged"].tolist() == [True, False, False, False]
    with pytest.raises(AnalysisError, match=r"genomic DNA assay X.*qpcr\.genomic_dna_assay"):
        genomic_dna_rule(table(rows), genomic_dna_assay="X", **options)
