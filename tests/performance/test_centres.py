from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import logit
from scipy.stats import t

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.auc import auc
from lumier_analysis.performance.centres import (
    OTHERS,
    UNKNOWN,
    centre_aucs,
    merge_centres,
    pool_random_effects,
    reml_tau2,
)

#: metafor 3.8-1 with its convergence threshold at 1e-14; see centres.R.
REFERENCE = pd.read_csv(Path(__file__).parents[1] / "reference" / "centres.csv", index_col="set")
SETS = {
    "spread": ([0.2, 1.1, 0.7, 1.9, -0.3], [0.09, 0.16, 0.06, 0.25, 0.12]),
    "alike": ([0.81, 0.80, 0.84, 0.79], [0.05, 0.11, 0.20, 0.08]),
    "three": ([0.1, 0.9, 1.4], [0.10, 0.20, 0.05]),
}


@pytest.mark.parametrize("name", SETS)
def test_metafor(name):
    y, v = SETS[name]
    pool, want = pool_random_effects(y, v), REFERENCE.loc[name]
    assert pool.tau2 == pytest.approx(want["tau2"], abs=1e-9)
    assert pool.mean == pytest.approx(want["mean"], abs=1e-9)
    se = max(want["se_hartung_knapp"], want["se_fixed"])
    assert pool.se == pytest.approx(se, abs=1e-9)
    k = len(y)
    assert pool.ci_high == pytest.approx(want["mean"] + t.ppf(0.975, k - 1) * se, abs=1e-8)
    ahead = t.ppf(0.975, k - 2) * math.sqrt(want["tau2"] + se**2)
    assert (pool.prediction_low, pool.prediction_df) == (pytest.approx(want["mean"] - ahead, abs=1e-8), k - 2)


def test_the_variance_is_not_below_the_fixed_effect_one():
    assert REFERENCE.at["alike", "se_hartung_knapp"] < REFERENCE.at["alike", "se_fixed"]
    pool = pool_random_effects(*SETS["alike"])
    assert pool.se == pytest.approx(1 / math.sqrt(sum(1 / v for v in SETS["alike"][1])), rel=1e-14)
    assert pool.tau2 == 0


def test_equal_variances_have_a_closed_form():
    y = np.array([0.0, 1.0, 3.0, 4.0])
    assert reml_tau2(y, np.full(4, 0.5)) == pytest.approx(np.var(y, ddof=1) - 0.5, rel=1e-10)


def test_small_centres_become_one_group():
    centre = ["A"] * 6 + ["B"] * 3 + ["C"] * 2 + ["D"] * 9
    assert set(merge_centres([1] * 20, centre)) == {"A", "D", OTHERS}
    # Together below the minimum: the smallest of the others joins them.
    assert merge_centres([1] * 6 + [1] * 3 + [0] * 2 + [1] * 9, centre).tolist() == [OTHERS] * 11 + ["D"] * 9
    assert merge_centres([1] * 6, pd.Series([None] * 6, index=range(5, 11))).eq(UNKNOWN).all()


def test_merging_keeps_every_row_and_the_index():
    centre = pd.Series(["A", "B", "A"], index=[7, 3, 9])
    merged = merge_centres([1, 0, 1], centre)
    assert list(merged.index) == [7, 3, 9] and merged.tolist() == [OTHERS] * 3


def test_lengths_must_agree():
    with pytest.raises(AnalysisError, match="differ in length"):
        merge_centres([1, 0], ["A"])


def four_centres(rng):
    n = 400
    y = (rng.random(n) < 0.25).astype(int)
    return y, rng.standard_normal(n) + 0.8 * y, np.repeat(["A", "B", "C", "D"], 100), np.arange(n) // 2


def test_pool_is_that_of_the_logit_aucs():
    y, s, c, patient = four_centres(np.random.default_rng(3))
    found = centre_aucs(y, s, c, cluster=patient)
    each = [auc(y[c == k], s[c == k], cluster=patient[c == k]) for k in "ABCD"]
    a = np.array([e.value for e in each])
    pool = pool_random_effects(logit(a), [(e.se / (e.value * (1 - e.value))) ** 2 for e in each])
    assert [found.centres[k] for k in "ABCD"] == each
    assert logit(found.pooled.value) == pytest.approx(pool.mean)
    assert logit(found.prediction[0]) == pytest.approx(pool.prediction_low)
    assert found.pooled.df == 3 and "2 df" in found.pooled.method
    assert (found.pooled.n_rows, found.pooled.n_patients) == (400, 200)
    assert list(found.table().index) == ["A", "B", "C", "D", "average centre"]


def test_two_centres_are_shown_and_not_pooled():
    y, s, c, _ = four_centres(np.random.default_rng(3))
    two = centre_aucs(y[:200], s[:200], c[:200])
    assert len(two.centres) == 2 and math.isnan(two.pooled.value)
    assert "2 centres can be pooled, 3 are needed" in two.pooled.note


def test_a_centre_without_standard_error_is_left_out_and_counted():
    y, s, c, _ = four_centres(np.random.default_rng(3))
    s = np.where((c == "D") & (y == 1), 99, s)
    found = centre_aucs(y, s, c)
    assert found.centres["D"].value == 1 and "1 of 4 centres" in found.pooled.note
    assert found.pooled.df == 2


def test_a_patient_of_two_centres_is_refused():
    y, s, c, _ = four_centres(np.random.default_rng(3))
    with pytest.raises(AnalysisError, match="1 patients in two centres"):
        centre_aucs(y, s, c, cluster=np.r_[0, np.arange(398), 0])


@pytest.mark.parametrize(
    ("y", "v", "message"),
    [([1, 2], [1, 1], "3 estimates"), ([1, 2, 3], [1, 0, 1], "positive"), ([1, 2, math.nan], [1, 1, 1], "finite")],
)
def test_refusals(y, v, message):
    with pytest.raises(AnalysisError, match=message):
        pool_random_effects(y, v)
