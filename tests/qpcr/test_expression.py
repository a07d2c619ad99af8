"""Expression from reactions, with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import expression_from_reactions

LOD = 25.0
REFERENCES = ["R1", "R2"]


def table(values: dict[str, dict[str, float | str]], chip: str = "c1") -> pd.DataFrame:
    """Write reactions: a number is a detected Ct, "nd" not detected, "?" untrusted."""
    rows = []
    for sample, assays in values.items():
        for assay, value in assays.items():
            state = {"nd": "not detected", "?": "untrusted"}.get(str(value), "detected")
            ct = {"nd": np.nan, "?": 18.0}.get(str(value), value)
            rows.append((chip, sample, assay, ct, state))
    return pd.DataFrame(rows, columns=["chip", "sample", "assay", "ct", "state"]).astype({"ct": "float64"})


def express(values: dict[str, dict[str, float | str]], **options):
    return expression_from_reactions(table(values), reference_genes=REFERENCES, limit_of_detection=LOD, **options)


def test_expression_is_minus_delta_ct() -> None:
    result = express({"s1": {"G": 15.0, "R1": 10.0, "R2": 12.0}, "s2": {"G": 9.0, "R1": 11.0, "R2": 11.0}})
    assert result.log2["G"].to_dict() == {"s1": -4.0, "s2": 2.0}
    assert result.reference_ct.to_dict() == {"s1": 11.0, "s2": 11.0}
    assert result.reason.tolist() == ["", ""]
    assert not result.censored.any(axis=None)
    assert result.missing_fraction.tolist() == [0.0, 0.0]


def test_not_detected_and_late_are_bounds_at_the_limit() -> None:
    result = express({s: {"G": v, "R1": 10.0, "R2": 12.0} for s, v in (("nd", "nd"), ("late", 27.0), ("at", 25.0))})
    assert result.log2["G"].tolist() == [-14.0, -14.0, -14.0]
    assert result.censored["G"].tolist() == [True, True, False]


def test_untrusted_is_missing() -> None:
    result = express({"s1": {"G": "?", "H": 14.0, "R1": 10.0, "R2": 12.0}}, genes=["G", "H"])
    assert np.isnan(result.log2.loc["s1", "G"])
    assert not result.censored.loc["s1", "G"]
    assert result.missing_fraction["s1"] == 0.5


def test_replicates_are_averaged_and_untrusted_ones_left_out() -> None:
    parts = [{"G": 14.0, "R1": 10.0, "R2": 12.0}, {"G": 16.0}, {"G": "?"}]
    frame = pd.concat([table({"s1": p}) for p in parts])
    result = expression_from_reactions(frame, reference_genes=REFERENCES, limit_of_detection=LOD)
    assert result.log2.loc["s1", "G"] == -4.0
    with_bound = pd.concat([frame, table({"s1": {"G": "nd"}})])
    result = expression_from_reactions(with_bound, reference_genes=REFERENCES, limit_of_detection=LOD)
    assert result.log2.loc["s1", "G"] == pytest.approx(11 - (14 + 16 + 25) / 3)
    assert result.censored.loc["s1", "G"]


@pytest.mark.parametrize("lost", ["?", "nd", 26.0])
def test_a_lost_reference_does_not_move_the_sample(lost: float | str) -> None:
    # R1 is four cycles earlier than R2 everywhere; s4 has lost R1 and reads one cycle late in all.
    values: dict[str, dict[str, float | str]] = {s: {"G": 15.0, "R1": 8.0, "R2": 12.0} for s in ("s1", "s2", "s3")}
    values["s4"] = {"G": 16.0, "R1": lost, "R2": 13.0}
    result = express(values)
    assert result.reference_ct.tolist() == [10.0, 10.0, 10.0, 11.0]
    assert result.log2["G"].tolist() == [-5.0] * 4
    assert result.reference_levels.to_dict() == {"R1": 8.0, "R2": 12.0}
    assert result.reason["s4"] == ""


def test_frozen_levels_score_a_sample_alone_as_in_its_batch() -> None:
    values: dict[str, dict[str, float | str]] = {s: {"G": 15.0, "R1": 8.0, "R2": 12.0} for s in ("s1", "s2", "s3")}
    values["s4"] = {"G": 16.5, "R1": "?", "R2": 13.0}
    together = express(values)
    alone = express({"s4": values["s4"]}, reference_levels=together.reference_levels)
    assert alone.log2.loc["s4", "G"] == together.log2.loc["s4", "G"]


def test_fewer_than_half_of_the_references_leave_a_sample_without_score() -> None:
    names = ["R1", "R2", "R3"]
    values = {
        "s1": {"G": 15.0, "R1": 10.0, "R2": "?", "R3": "nd"},
        "s2": {"G": 15.0, "R1": 10.0, "R2": 11.0, "R3": "?"},
    }
    result = expression_from_reactions(table(values), reference_genes=names, limit_of_detection=LOD)
    assert result.reason.tolist() == ["1 of 3 reference genes usable", ""]
    assert result.log2.loc["s1"].isna().all()
    assert not result.censored.loc["s1"].any()
    assert result.log2.loc["s2", ["G", "R1", "R2"]].notna().all()
    assert result.missing_fraction["s1"] == pytest.approx(0.25)


def test_genes_that_are_asked_for() -> None:
    result = express(
        {"s1": {"G": 15.0, "R1": 10.0, "R2": 12.0}, "": {"G": 1.0, "R1": 1.0, "R2": 1.0}}, genes=["X", "G"]
    )
    assert result.log2.columns.tolist() == ["G"]
    assert result.log2.index.tolist() == ["s1"]
    assert result.absent == ("X",)
    with pytest.raises(AnalysisError, match=r"lack reference genes.*no R2.*panel.reference_genes"):
        express({"s1": {"G": 15.0, "R1": 10.0}})
    with pytest.raises(AnalysisError, match="limit of detection"):
        expression_from_reactions(table({"s1": {"R1": 1.0}}), reference_genes=["R1"], limit_of_detection=0)


@settings(max_examples=30, deadline=None)
@given(st.floats(-3, 3), st.lists(st.floats(5, 20), min_size=3, max_size=3))
def test_input_of_rna_cancels(shift: float, cts: list[float]) -> None:
    names = ["G", *REFERENCES]
    here = express({"s": dict(zip(names, cts, strict=True))})
    there = express({"s": dict(zip(names, [c + shift for c in cts], strict=True))})
    assert there.log2.loc["s", "G"] == pytest.approx(here.log2.loc["s", "G"], abs=1e-9)
