"""Associations of reference genes: against statsmodels, by planted effects, and their level under the null."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from scipy import stats

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import associate, independent_score, reference_residuals


def study(patients: int = 60, visits: int = 4, seed: int = 1) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    rng = np.random.default_rng(seed)
    n = patients * visits
    index = pd.Index([f"s{i}" for i in range(n)])
    who = np.repeat(np.arange(patients), visits)
    own = rng.normal(0, 0.3, (patients, 2))[who]
    values = pd.DataFrame(own + rng.normal(0, 0.2, (n, 2)), index=index, columns=["HPRT1", "B2M"])
    covariates = pd.DataFrame(
        {
            "score": rng.normal(0, 1, patients)[who] + rng.normal(0, 0.3, n),
            "day": np.tile(91.0 * np.arange(visits), patients),
            "centre": np.array(["a", "b", "c"])[who % 3],
        },
        index=index,
    )
    return values, covariates, pd.Series(who, index=index)


def test_slopes_and_their_jackknife_are_those_of_repeated_fits() -> None:
    values, covariates, clusters = study(patients=12)
    table = associate(values, covariates, clusters, minimum_clusters=3).set_index(["gene", "covariate"])
    x = covariates["score"]
    y, z = values["B2M"].to_numpy(), ((x - x.mean()) / x.std()).to_numpy()
    dummies = pd.get_dummies(covariates["centre"], drop_first=True, dtype=float).to_numpy()

    def jackknife(design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        whole = sm.OLS(y, sm.add_constant(design)).fit().params[1:]
        parts = [sm.OLS(y[clusters != c], sm.add_constant(design[clusters != c])).fit().params[1:] for c in range(12)]
        change = np.array(parts) - whole
        return whole, 11 / 12 * change.T @ change

    slope, variance = jackknife(z)
    row = table.loc[("B2M", "score")]
    assert (row["effect"], row["se"]) == pytest.approx((slope[0], np.sqrt(variance[0, 0])))
    assert row["p_value"] == pytest.approx(2 * stats.t.sf(abs(row["effect"] / row["se"]), 11))
    means, variance = jackknife(dummies)
    by_centre = table.loc[("B2M", "centre")]
    assert by_centre["p_value"] == pytest.approx(stats.f.sf(means @ np.linalg.solve(variance, means) / 2, 2, 11))
    assert by_centre["effect"] == pytest.approx(np.ptp(values["B2M"].groupby(covariates["centre"]).mean()))
    assert table["samples"].eq(48).all()
    assert table["clusters"].eq(12).all()


def test_a_gene_that_follows_the_score_is_flagged_and_named() -> None:
    values, covariates, clusters = study()
    values["B2M"] += 0.4 * covariates["score"]
    table = associate(values, covariates, clusters)
    flagged = table[table["flagged"]]
    assert flagged[["gene", "covariate"]].to_numpy().tolist() == [["B2M", "score"]]
    assert flagged["effect"].item() == pytest.approx(0.4 * covariates["score"].std(), abs=0.1)
    assert table.loc[table["gene"] == "B2M", "caution"].str.startswith("interferon-inducible").all()
    assert table.loc[table["gene"] == "HPRT1", "caution"].eq("").all()


def test_a_small_effect_is_not_flagged_however_sure() -> None:
    values, covariates, _ = study(patients=2000)
    values["B2M"] = 0.05 * covariates["score"] + np.random.default_rng(1).normal(0, 0.1, len(values))
    row = associate(values, covariates[["score"]]).set_index("gene").loc["B2M"]
    assert row["q_value"] < 1e-6
    assert not row["flagged"]


def test_patients_not_samples_decide_under_the_null() -> None:
    """Repeated samples of a patient: with clusters the level holds, without it does not."""
    with_clusters, without = [], []
    for seed in range(300):
        values, covariates, clusters = study(seed=seed + 10)
        here = associate(values[["B2M"]], covariates[["score"]], clusters)
        there = associate(values[["B2M"]], covariates[["score"]])
        with_clusters.append(here["p_value"].item() < 0.05)
        without.append(there["p_value"].item() < 0.05)
    # Three binomial SD at 300 runs.
    assert np.mean(with_clusters) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 300)
    assert np.mean(without) > 0.15


def test_small_groups_and_constant_covariates() -> None:
    values, covariates, clusters = study()
    covariates.iloc[:8, 2] = "tiny"  # two patients
    covariates["same"] = 1.0
    covariates["nothing"] = np.nan
    covariates["one"] = "x"
    table = associate(values[["B2M"]], covariates, clusters).set_index("covariate")
    assert table.loc["centre", "note"] == "1 of 4 groups left out: fewer than 5 clusters"
    assert table.loc["centre", "kind"] == "largest difference between 3 groups"
    assert table.loc["centre", "samples"] == 232
    assert table.loc[["same", "nothing", "one"], "note"].tolist() == [
        "the same in all samples",
        "no values",
        "one group alone",
    ]
    assert table.loc[["same", "nothing", "one"], "p_value"].isna().all()
    assert not table["flagged"].loc[["same", "nothing", "one"]].any()
    with pytest.raises(AnalysisError, match="no sample in common"):
        associate(values, covariates.set_axis([f"x{i}" for i in range(len(covariates))]))
    with pytest.raises(AnalysisError, match="stands twice"):
        associate(pd.concat([values, values]), covariates)


def test_residuals_are_relative_to_the_other_genes() -> None:
    ct = pd.DataFrame({"A": [10.0, 11.0, 10.0], "B": [12.0, 13.0, 13.0], "C": [14.0, 15.0, 14.0]})
    residual = reference_residuals(ct)
    assert residual.loc[1].tolist() == pytest.approx(residual.loc[0].tolist())  # input of RNA cancels
    assert residual["B"].tolist() == pytest.approx([1.0, 1.0, 0.0])  # later by a cycle: less RNA by one log2
    ct.loc[2, "C"] = np.nan
    assert reference_residuals(ct).loc[2, "B"] == pytest.approx(0.0)
    alone = pd.DataFrame({"A": [10.0, 11.0]})
    assert reference_residuals(alone)["A"].isna().all()


def test_the_score_shares_no_measurement_with_the_reference_genes() -> None:
    rng = np.random.default_rng(4)
    log2 = pd.DataFrame(rng.normal(0, 1, (50, 7)), columns=["I1", "I2", "I3", "a", "b", "c", "d"])
    moved = log2.add(rng.normal(0, 5, 50), axis=0)  # other reference genes: the same shift in all genes of a sample
    here, there = independent_score(log2, ["I1", "I2", "I3"]), independent_score(moved, ["I1", "I2", "I3"])
    assert here.to_numpy() == pytest.approx(there.to_numpy())
    assert here.mean() == pytest.approx(0, abs=1e-12)
    assert independent_score(log2, ["I1", "I2", "I3", "a", "b"]).isna().all()
