"""Robust principal components: planted outliers of both kinds are found, and few others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import principal_components


def data(n: int = 300, p: int = 40, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    loadings = np.zeros((2, p))
    loadings[0, :20], loadings[1, 20:32] = 2.0, 1.5
    x = rng.standard_normal((n, 2)) @ loadings + rng.standard_normal((n, p))
    return pd.DataFrame(x, index=[f"s{i}" for i in range(n)], columns=[f"g{j}" for j in range(p)])


def test_a_clean_cloud_has_few_outliers_and_its_axes_are_found() -> None:
    result = principal_components(data(), share=0.55)
    # At 0.999 for each of two distances, 0.6 of 300 samples are expected; 5 have probability below 1e-3.
    assert (result.samples["outlier"] != "").sum() < 5
    assert result.scores.columns.tolist() == ["PC1", "PC2"]
    assert result.explained.iloc[0] > result.explained.iloc[1]
    first = np.abs(np.corrcoef(result.scores["PC1"], data().iloc[:, :20].mean(axis=1))[0, 1])
    assert first > 0.99


def test_outliers_within_and_off_the_plane_are_told_apart() -> None:
    frame = data()
    frame.iloc[0, :20] += 20.0  # far out along the first axis
    frame.iloc[1] += np.where(np.arange(40) % 2, 6.0, -6.0)  # across all axes
    result = principal_components(frame, share=0.55)
    assert result.samples["outlier"].iloc[0] in ("within", "both")
    assert result.samples["outlier"].iloc[1] == "off"
    assert result.samples["score_distance"].iloc[0] > 2 * result.score_limit


def test_a_tenth_of_bad_samples_does_not_hide_itself() -> None:
    frame = data()
    frame.iloc[:30] += np.where(np.arange(40) % 2, 8.0, -8.0)
    verdict = principal_components(frame, share=0.55).samples["outlier"]
    assert (verdict.iloc[:30] != "").all()
    assert (verdict.iloc[30:] != "").mean() < 0.05


def test_missing_values_and_constant_genes_take_no_part() -> None:
    frame = data()
    frame.iloc[2, :30] = np.nan
    frame.iloc[3, 5] = np.nan
    frame["constant"] = 1.0
    frame["absent"] = np.nan
    result = principal_components(frame)
    assert result.genes == [f"g{j}" for j in range(40)]
    assert np.isnan(result.samples.loc["s2", "score_distance"])
    assert result.samples.loc["s2", "outlier"] == ""
    assert "s2" not in result.scores.index
    assert np.isfinite(result.samples.loc["s3", "score_distance"])
    assert len(result.samples) == len(frame)


def test_the_order_of_samples_and_genes_does_not_matter() -> None:
    frame = data()
    turned = frame.iloc[::-1, ::-1]
    here, there = principal_components(frame).samples, principal_components(turned).samples
    pd.testing.assert_frame_equal(here, there.loc[here.index], rtol=1e-8)


def test_too_little_is_refused() -> None:
    with pytest.raises(AnalysisError, match="5 samples and 40 genes"):
        principal_components(data().iloc[:5])
    with pytest.raises(AnalysisError, match="0 samples and 0 genes"):
        principal_components(data() * np.nan)
