"""geNorm and NormFinder: by hand, against what they should find, and what they refuse.

Reference values from R (NormqPCR) are checked by the acceptance cases.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import genorm, normfinder


def simulated(seed: int, sds: dict[str, float], n: int = 400) -> pd.DataFrame:
    """Genes with a common shift per sample (input of RNA) and their own SD."""
    rng = np.random.default_rng(seed)
    shift = rng.normal(0, 2, n)
    return pd.DataFrame({g: 5 + shift + rng.normal(0, sd, n) for g, sd in sds.items()})


def test_genorm_by_hand() -> None:
    # Differences: a-b is 0, 0, 0 (SD 0); a-c and b-c are 0, 1, 2 (SD 1).
    data = pd.DataFrame({"a": [1.0, 2, 3], "b": [2.0, 3, 4], "c": [1.0, 1, 1]})
    result = genorm(data)
    assert result.m.to_dict() == pytest.approx({"a": 0.5, "b": 0.5, "c": 1.0})
    assert result.ranking == ["a", "b", "c"]
    # Factor of two genes: mean of a and b; of three: mean of all. Difference 1/6, 1/2, 5/6 + constant: SD 1/3.
    assert result.pairwise_variation.to_dict() == pytest.approx({"2/3": 1 / 3})
    assert result.mean_m.to_dict() == pytest.approx({3: 2 / 3, 2: 0.0})


def test_genorm_ranks_by_noise() -> None:
    result = genorm(simulated(1, {"e": 1.6, "a": 0.1, "d": 0.8, "b": 0.2, "c": 0.4}))
    assert set(result.ranking[:2]) == {"a", "b"}
    assert result.ranking[2:] == ["c", "d", "e"]
    assert list(result.pairwise_variation.index) == ["2/3", "3/4", "4/5"]


def test_normfinder_recovers_each_genes_sd() -> None:
    sds = {"a": 0.2, "b": 0.4, "c": 0.6, "d": 0.8, "e": 1.0}
    estimated = normfinder(simulated(2, sds, n=20000))
    # SE of an SD from 20,000 samples is 0.5 %, here inflated by the shared shift: 3 % is six times that.
    assert estimated.to_dict() == pytest.approx(sds, rel=0.03)


def test_normfinder_by_hand() -> None:
    # Residuals after row and column means are ±(1/3, 1/3, -2/3)·t with t = -1, 0, 1: s2 = 1/9, 1/9, 4/9, sum 2/3.
    data = pd.DataFrame({"a": [0.0, 1, 2], "b": [0.0, 1, 2], "c": [0.0, 0, 0]})
    # (s2 - (2/3) / 6) / (1 - 2/3): 0, 0, 1.
    assert normfinder(data).tolist() == pytest.approx([0.0, 0.0, 1.0], abs=1e-7)


def test_normfinder_sees_a_difference_between_groups() -> None:
    data = simulated(3, dict.fromkeys("abcdef", 0.3))
    groups = pd.Series(["case", "control"] * 200)
    data["f"] += np.where(groups == "case", 1.0, 0.0)
    found = normfinder(data, groups=groups)
    assert found.idxmax() == "f"
    assert found["f"] > 2 * found.drop("f").max()
    assert normfinder(data).idxmax() == "f"


def test_normfinder_of_noiseless_data_is_zero() -> None:
    data = pd.DataFrame({g: np.arange(6.0) for g in "abc"})
    assert normfinder(data, groups=list("xxxyyy")).tolist() == [0.0, 0.0, 0.0]


def test_input_of_rna_does_not_matter() -> None:
    data = simulated(4, {"a": 0.1, "b": 0.5, "c": 0.9, "d": 0.3}, n=30)
    shifted = data.add(np.linspace(-3, 3, 30), axis=0)
    pd.testing.assert_series_equal(genorm(data).m, genorm(shifted).m)
    pd.testing.assert_series_equal(normfinder(data), normfinder(shifted))


def test_groups_follow_the_index_of_the_samples() -> None:
    data = simulated(5, {"a": 0.1, "b": 0.5, "c": 0.9}, n=20)
    groups = pd.Series(["x"] * 10 + ["y"] * 10)
    pd.testing.assert_series_equal(normfinder(data, groups), normfinder(data, groups.sample(frac=1, random_state=1)))


def test_what_is_refused() -> None:
    data = simulated(6, {"a": 0.1, "b": 0.5, "c": 0.9}, n=6)
    with pytest.raises(AnalysisError, match=r"at least 3 genes.*2 genes and 6 samples"):
        genorm(data[["a", "b"]])
    with pytest.raises(AnalysisError, match="1 of 6 samples with a missing value"):
        normfinder(data.mask(data == data.iloc[2, 1]))
    with pytest.raises(AnalysisError, match=r"two groups or more.*x: 5, y: 1"):
        normfinder(data, groups=list("xxxxxy"))
    with pytest.raises(AnalysisError, match="two groups"):
        normfinder(data, groups=["x"] * 6)
    with pytest.raises(AnalysisError, match=r"group for every sample.*5 for 6"):
        normfinder(data, groups=[*list("xxxyy"), None])
