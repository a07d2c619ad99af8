from __future__ import annotations

import math

import numpy as np
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.performance import auc, stratified_auc


def test_one_stratum_is_the_jackknife_auc(visits):
    a = stratified_auc(visits.event, visits.score, np.zeros(visits.event.size), cluster=visits.patient)
    b = auc(visits.event, visits.score, cluster=visits.patient, method="jackknife")
    assert (a.value, a.se, a.ci_low) == pytest.approx((b.value, b.se, b.ci_low), rel=1e-12)


def test_shifts_between_strata_do_not_matter(visits):
    stratum = np.random.default_rng(2).integers(0, 4, visits.event.size)
    shifted = visits.score + 100.0 * stratum
    a = stratified_auc(visits.event, visits.score, stratum, cluster=visits.patient)
    b = stratified_auc(visits.event, shifted, stratum, cluster=visits.patient)
    assert a.value == b.value and a.se == b.se
    assert auc(visits.event, shifted).value != auc(visits.event, visits.score).value


def test_by_hand():
    # stratum 1: event 2 against 1 and 3 -> 1 of 2; stratum 2: event 5 against 4 -> 1 of 1; stratum 3 holds no pair
    e = stratified_auc([1, 0, 0, 1, 0, 0], [2, 1, 3, 5, 4, 9], [1, 1, 1, 2, 2, 3])
    assert e.value == 2 / 3 and "1 of 3 strata" in e.note


def test_no_pair_is_a_stated_result():
    e = stratified_auc([1, 0], [2.0, 1.0], ["a", "b"])
    assert math.isnan(e.value) and "no stratum" in e.note


def test_missing_stratum_is_refused():
    with pytest.raises(AnalysisError, match="stratum"):
        stratified_auc([1, 0], [2.0, 1.0], ["a", None])
