"""Every function of the room meets every awkward study: a stated result or a clear error, never a silent NaN."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pandas as pd
import pytest

from lumier_analysis import performance as p
from lumier_analysis.errors import AnalysisError
from lumier_analysis.estimate import Estimate


def study(n, events, patients=None):
    """Outcome, score and patient of n rows, the first `events` of a shuffled order being events."""
    rng = np.random.default_rng(n + events)
    outcome = np.zeros(n, dtype=int)
    outcome[rng.permutation(n)[:events]] = 1
    return outcome, rng.uniform(0.05, 0.6, n).round(3), np.arange(n) if patients is None else np.asarray(patients)


def of_score(change):
    outcome, score, patient = study(60, 12, np.repeat(range(20), 3))
    return outcome, change(score), patient


def holed(value):
    def change(score):
        score = score.copy()
        score[7] = value
        return score

    return change


STUDIES = {
    "one event": study(40, 1),
    "one event patient": (np.r_[1, 1, np.zeros(8, int)], study(10, 2)[1], np.r_[0, 0, np.arange(1, 9)]),
    "no event": study(40, 0),
    "every row an event": study(40, 40),
    "constant score": of_score(lambda s: np.full(s.size, 0.2)),
    "ties everywhere": of_score(lambda s: np.where(s > 0.3, 0.4, 0.2)),
    "perfect separation": (np.repeat([0, 1], 20), np.linspace(0.1, 0.9, 40), np.arange(40)),
    "single patient": (np.array([0, 1, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4]), np.zeros(4)),
    "one row": (np.array([1]), np.array([0.3]), np.array([0])),
    "20 patients, 3 flares": study(20, 3),
}
REFUSED = {
    "missing": (of_score(holed(np.nan)), "missing"),
    "infinite": (of_score(holed(np.inf)), "infinite"),
    "0 patients": ((np.array([]), np.array([]), np.array([])), "no row"),
}


def other_score(y, s):
    return s + 0.05 * np.cos(np.arange(len(s))) if len(s) else s


FUNCTIONS = {
    "auc": lambda y, s, c: p.auc(y, s, cluster=c),
    "auc, t": lambda y, s, c: p.auc(y, s, cluster=c, interval="logit t"),
    "auc, DeLong": lambda y, s, c: p.auc(y, s),
    "auc, jackknife": lambda y, s, c: p.auc(y, s, cluster=c, method="jackknife"),
    "auc, percentile": lambda y, s, c: p.auc(y, s, cluster=c, interval="percentile", n_boot=100),
    "partial": lambda y, s, c: p.partial_auc(y, s, cluster=c, n_boot=100),
    "partial, jackknife": lambda y, s, c: p.partial_auc(y, s, cluster=c, method="jackknife"),
    "within": lambda y, s, c: p.within_patient_auc(y, s, np.arange(len(s)), cluster=c),
    "control": lambda y, s, c: p.last_versus_earlier_auc(y, s, np.arange(len(s)), cluster=c),
    "between": lambda y, s, c: p.between_patient_auc(y, s, cluster=c),
    "stratified": lambda y, s, c: p.stratified_auc(y, s, np.arange(len(s)) % 2, cluster=c),
    "compare": lambda y, s, c: p.compare_auc(y, s, other_score(y, s), cluster=c),
    "compare, t": lambda y, s, c: p.compare_auc(y, s, other_score(y, s), cluster=c, reference="t"),
    "several": lambda y, s, c: p.compare_several(y, s, {"other": other_score(y, s)}, cluster=c),
    "independent": lambda y, s, c: p.compare_independent(p.auc(y, s, cluster=c), p.auc(y, s)),
    "opinion": lambda y, s, c: p.second_opinion(y, s, c, n_boot=100),
    "calibration": lambda y, s, c: p.calibration(y, s, cluster=c),
    "band": lambda y, s, c: p.calibration_band(y, s, cluster=c, n_boot=100),
    "band, spline": lambda y, s, c: p.calibration_band(y, s, cluster=c, n_boot=100, curve="spline"),
    "classification": lambda y, s, c: p.classification(y, s, 0.3, cluster=c),
    "net benefit": lambda y, s, c: p.net_benefit(y, s, [0.1, 0.3], cluster=c),
    "time-dependent": lambda y, s, c: p.time_dependent_auc(1.0 + np.arange(len(s)), y, s, [5, 30]),
    "cox": lambda y, s, c: p.cox(1.0 + np.arange(len(s)), y, pd.DataFrame({"score": s}), cluster=c),
}
# No interval is promised for these measures.
POINT_ONLY = ("ICI", "E50", "E90")


def estimates(result):
    """Every estimate in a result."""
    if isinstance(result, Estimate):
        return [result]
    if dataclasses.is_dataclass(result):
        return [e for f in dataclasses.fields(result) for e in estimates(getattr(result, f.name))]
    return []


def silent(result):
    """Return what is NaN in a result without a note that says why."""
    found = []
    for e in estimates(result):
        numbers = (e.value,) if e.method.startswith(POINT_ONLY) else (e.value, e.ci_low, e.ci_high)
        if any(math.isnan(x) for x in numbers) and not e.note:
            found.append(e.method)
    if hasattr(result, "columns"):
        lacking = (
            result.filter(regex="^(auc|coef|value|model|treat_all|difference|observed|.*ci_low|.*ci_high)$")
            .isna()
            .any(axis=1)
        )
        if "note" in result.columns:
            found += list(result.index[lacking & (result["note"] == "")])
        elif lacking.any() and not result.attrs.get("note"):
            found.append("table")
    return found


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", STUDIES)
def test_awkward_studies_are_stated(function, name):
    try:
        result = FUNCTIONS[function](*STUDIES[name])
    except AnalysisError as error:
        assert len(str(error)) > 20
        return
    assert silent(result) == []


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("name", REFUSED)
def test_bad_columns_are_refused(function, name):
    rows, words = REFUSED[name]
    with pytest.raises(AnalysisError, match=words):
        FUNCTIONS[function](*rows)


def test_the_check_sees_a_silent_nan():
    assert silent(Estimate(math.nan, method="x")) == ["x"]
    assert silent(Estimate(0.7, method="x")) == ["x"]
    assert silent(Estimate(math.nan, method="x", note="why")) == []
