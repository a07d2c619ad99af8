from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance.auc import auc
from lumier_analysis.performance.case_mix import case_mix_concordance, expected_concordance, membership, risk_spread


def by_pairs(p):
    top = bottom = 0.0
    for i, a in enumerate(p):
        for j, b in enumerate(p):
            if i != j:
                top += a * (1 - b) * (1.0 if a > b else 0.5 if a == b else 0.0)
                bottom += a * (1 - b)
    return top / bottom


def test_every_pair_by_hand():
    p = np.array([0.1, 0.3, 0.3, 0.8, 0.05, 0.3])
    assert expected_concordance(p) == pytest.approx(by_pairs(p), rel=1e-14)


def test_weights_are_copies_that_never_meet():
    p = np.array([0.1, 0.4, 0.7])
    # Row 2 twice: its copies make no pair with one another.
    top = 0.4 * 0.9 + 2 * (0.7 * 0.9 + 0.7 * 0.6)
    bottom = 0.1 * (0.6 + 2 * 0.3) + 0.4 * (0.9 + 2 * 0.3) + 2 * 0.7 * (0.9 + 0.6)
    assert expected_concordance(p, weights=[1, 1, 2]) == pytest.approx(top / bottom)


def test_it_is_the_auc_where_the_risks_are_right():
    rng = np.random.default_rng(5)
    p = expit(-1 + rng.standard_normal(200_000))
    y = rng.random(p.size) < p
    found = auc(y, p)
    assert abs(expected_concordance(p) - found.value) < 4 * found.se  # the outcomes are one draw of these risks


def test_constant_risk_is_a_coin_and_one_row_no_pair():
    assert expected_concordance([0.2] * 5) == pytest.approx(0.5)
    assert math.isnan(expected_concordance([0.2]))


def test_interval_holds_the_value_and_is_reproducible():
    rng = np.random.default_rng(8)
    p, patient = expit(rng.standard_normal(120)), np.arange(120) // 3
    found = case_mix_concordance(p, cluster=patient, n_boot=200)
    assert found.ci_low < found.value < found.ci_high and (found.n_patients, found.n_rows) == (40, 120)
    assert found == case_mix_concordance(p, cluster=patient, n_boot=200)


def test_spread():
    p = np.array([0.1, 0.2, 0.5])
    table = risk_spread({"test": p, "validation": [0.3]})
    assert table.at["test", "sd_lp"] == pytest.approx(np.std(logit(p), ddof=1))
    assert table.at["test", "median"] == 0.2 and table.at["test", "n"] == 3
    assert math.isnan(table.at["validation", "sd_lp"])
    with pytest.raises(AnalysisError, match="strictly between"):
        risk_spread({"test": [0.0, 0.5]})
    with pytest.raises(AnalysisError, match="between 0 and 1"):
        expected_concordance([0.5, 1.2])


def cohorts(shift):
    rng = np.random.default_rng(2)
    member = np.repeat([0, 1], 150)
    x = pd.DataFrame(rng.standard_normal((300, 4)), columns=list("abcd"))
    return x.assign(a=x["a"] + shift * member), member


def test_membership_of_like_and_unlike_cohorts():
    alike, apart = (membership(*cohorts(s), repeats=3) for s in (0.0, 1.5))
    # Overfitting shows in the apparent AUC alone; 0.034 is the standard error of an AUC of 0.5 with 150 and 150.
    assert abs(alike.value - 0.5) < 3 * 0.034
    assert float(alike.note.split()[-1]) > alike.value
    assert 0.80 < apart.value < 0.92  # true: Phi(1.5 / sqrt 2) = 0.86
    assert membership(*cohorts(1.5), repeats=3) == apart


def test_membership_that_cannot_be_modelled():
    x, member = cohorts(0.0)
    assert "separated" in membership(x.assign(a=100.0 * member), member).note
    few = membership(x.iloc[140:160], member[140:160])
    assert math.isnan(few.value) and "fewer than 20 patients" in few.note
    assert membership(x.assign(e=1.0), member, repeats=1).value == membership(x, member, repeats=1).value
    with pytest.raises(AnalysisError, match="missing values"):
        membership(x.mask(x > 2), member)
