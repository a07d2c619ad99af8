"""Tobit fits and imputation: against a general optimiser, against simulation, and at the edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import optimize, stats

from lumier_analysis.errors import AnalysisError
from lumier_analysis.qpcr import expected_below, fit_censored, impute_below


def censored_normal(mean: float, sd: float, n: int, limit: float, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a gene whose bound differs from sample to sample, as reference genes make it."""
    rng = np.random.default_rng(seed)
    truth, bound = rng.normal(mean, sd, n), limit + rng.normal(0, 0.5, n)
    below = truth < bound
    return pd.DataFrame({"G": np.where(below, bound, truth)}), pd.DataFrame({"G": below})


def test_it_is_the_maximum_of_the_likelihood() -> None:
    log2, below = censored_normal(-11.0, 1.5, 120, -11.5, 3)
    x, c = log2["G"].to_numpy(), below["G"].to_numpy()

    def loss(p: np.ndarray) -> float:
        inside = stats.norm.logpdf(x[~c], p[0], np.exp(p[1])).sum()
        return -inside - stats.norm.logcdf(x[c], p[0], np.exp(p[1])).sum()

    best = optimize.minimize(loss, [-11.0, 0.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12})
    row = fit_censored(log2, below).genes.loc["G"]
    # Nelder and Mead's simplex stops at 1e-9 in both parameters.
    assert (row["mean"], row["sd"]) == pytest.approx((best.x[0], np.exp(best.x[1])), abs=1e-7)
    assert (row["detected"], row["censored"]) == ((~c).sum(), c.sum())


def test_without_censoring_it_is_mean_and_sd() -> None:
    rng = np.random.default_rng(1)
    log2 = pd.DataFrame(rng.normal(3, 2, (50, 3)), columns=list("abc"))
    log2.iloc[0, 0] = np.nan
    fit = fit_censored(log2, pd.DataFrame(False, index=log2.index, columns=log2.columns)).genes
    assert fit["mean"].tolist() == pytest.approx(log2.mean().tolist())
    assert fit["sd"].tolist() == pytest.approx(log2.std(ddof=0).tolist())


def test_the_truth_is_found_where_most_is_censored() -> None:
    means = [
        fit_censored(*censored_normal(-11.0, 1.5, 400, -10.5, s)).genes.loc["G", ["mean", "sd"]] for s in range(40)
    ]
    average = np.mean(means, axis=0).astype(float)
    error = np.std(means, axis=0).astype(float) / np.sqrt(40)
    assert np.abs(average - [-11.0, 1.5]) == pytest.approx([0, 0], abs=float(4 * error.max()))


def test_genes_that_cannot_be_fitted_stay_as_they_are() -> None:
    log2 = pd.DataFrame({"none": [-14.0] * 8, "few": [-14.0] * 4 + [-9.0, -8.0, -7.0, -6.0], "flat": [1.0] * 8})
    below = log2.eq(-14.0)
    fit = fit_censored(log2, below)
    assert not fit.genes["fitted"].any()
    expected, variance = expected_below(log2, below, fit)
    pd.testing.assert_frame_equal(expected, log2)
    assert (variance == 0).all(axis=None)
    for drawn in impute_below(log2, below, fit, imputations=2, seed=1):
        pd.testing.assert_frame_equal(drawn, log2)
    with pytest.raises(AnalysisError, match="differ in samples or genes"):
        fit_censored(log2, below.iloc[1:])


def test_expected_value_and_variance_are_those_of_the_truncated_normal() -> None:
    log2, below = censored_normal(-11.0, 1.5, 200, -11.0, 4)
    fit = fit_censored(log2, below)
    expected, variance = expected_below(log2, below, fit)
    m, s = fit.genes.loc["G", ["mean", "sd"]].astype(float)
    at = below["G"].to_numpy()
    truncated = stats.truncnorm(-np.inf, (log2["G"][at] - m) / s, loc=m, scale=s)
    assert expected["G"][at].to_numpy() == pytest.approx(truncated.mean())
    assert variance["G"][at].to_numpy() == pytest.approx(truncated.var())
    assert expected["G"][~at].equals(log2["G"][~at])


def test_draws_lie_below_their_bound_and_have_the_right_mean() -> None:
    log2, below = censored_normal(-11.0, 1.5, 300, -11.0, 5)
    fit = fit_censored(log2, below)
    draws = np.stack([d["G"].to_numpy() for d in impute_below(log2, below, fit, imputations=400, seed=7)])
    at = below["G"].to_numpy()
    assert (draws[:, at] < log2["G"].to_numpy()[at]).all()
    assert (draws[:, ~at] == log2["G"].to_numpy()[~at]).all()
    expected = expected_below(log2, below, fit)[0]["G"].to_numpy()[at]
    # Draws of parameters add a little curvature; their spread, 400 of them, the rest.
    assert draws[:, at].mean(axis=0) == pytest.approx(expected, abs=0.35)
    assert draws[:, at].mean() == pytest.approx(expected.mean(), abs=0.05)
    again = np.stack([d["G"].to_numpy() for d in impute_below(log2, below, fit, imputations=2, seed=7)])
    assert (again == draws[:2]).all()


def test_parameters_are_drawn_with_their_own_uncertainty() -> None:
    """The spread of a completed mean over imputations is that of the fit: between-imputation variance is proper."""
    log2, below = censored_normal(0.0, 1.0, 60, 0.0, 6)
    fit = fit_censored(log2, below)
    means = [d["G"].mean() for d in impute_below(log2, below, fit, imputations=500, seed=2)]
    within = expected_below(log2, below, fit)[1]["G"].sum() / len(log2) ** 2
    assert np.var(means) > 1.3 * within
