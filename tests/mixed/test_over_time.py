from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed import score_over_time
from lumier_analysis.mixed.random_intercept import profile_reml


def make_visits(seed=0, n=40, between=1.0, slope=0.0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {"patient_id": np.repeat([f"P{i:02d}" for i in range(n)], 5), "month": np.tile([0.0, 3, 6, 9, 12], n)}
    )
    level = np.repeat(between * rng.standard_normal(n), 5)
    trend = np.repeat(slope * rng.standard_normal(n), 5) * frame["month"]
    frame["score"] = level + 0.05 * frame["month"] + trend + 0.5 * rng.standard_normal(5 * n)
    frame["visit"] = frame["month"].map(lambda m: f"M{m:.0f}")
    return frame


@pytest.fixture
def frame():
    return make_visits()


def test_balanced_data_give_the_paired_contrast(frame):
    """With complete visits and a random intercept the visit contrast is the mean of paired differences."""
    r = score_over_time(frame, "score ~ C(visit)", "patient_id")
    wide = frame.pivot_table(index="patient_id", columns="visit", values="score")
    assert r.coefficients.loc["C(visit)[T.M12]", "estimate"] == pytest.approx(
        (wide["M12"] - wide["M0"]).mean(), rel=1e-6
    )
    # Residual variance: the two-way table without its margins.
    inside = wide.sub(wide.mean(axis=1), axis=0).sub(wide.mean() - wide.to_numpy().mean(), axis=1)
    expected = (inside**2).to_numpy().sum() / (39 * 4)
    assert r.residual_variance == pytest.approx(expected, rel=1e-4)
    assert r.coefficients.loc["C(visit)[T.M12]", "se"] == pytest.approx(np.sqrt(2 * expected / 40), rel=1e-4)


def test_random_slope_and_its_denominators():
    frame = make_visits(slope=0.15)
    frame.loc[[3, 17], "score"] = np.nan
    r = score_over_time(frame, "score ~ month", "patient_id", "1 + month")
    assert (r.n_rows, r.n_patients, r.n_dropped) == (198, 40, 2)
    assert list(r.random_covariance.columns) == ["Intercept", "month"] and not r.singular and r.note == ""
    assert r.random_covariance.loc["month", "month"] == pytest.approx(0.15**2, rel=0.6)
    row = r.coefficients.loc["month"]
    assert row["ci_low"] < 0.05 < row["ci_high"] and "Wald z (statsmodels MixedLM, REML)" in r.method


def test_fit_is_at_the_maximum_of_the_likelihood(frame):
    r = score_over_time(frame, "score ~ month", "patient_id")
    ratio = float(r.random_covariance.iloc[0, 0]) / r.residual_variance
    x, y = np.column_stack([np.ones(200), frame["month"]]), frame["score"].to_numpy()
    group = pd.factorize(frame["patient_id"])[0]
    best = profile_reml(y, x, group, ratio)
    assert best >= max(profile_reml(y, x, group, ratio * k) for k in (0.9, 0.99, 1.01, 1.1)) - 1e-9


def test_slope_at_the_boundary_is_dropped_and_said():
    frame = make_visits(seed=3)
    # Residual slopes are taken out within each patient: less variation of slopes than chance leaves.
    for _, rows in frame.groupby("patient_id").groups.items():
        fit = np.polyfit(frame.loc[rows, "month"], frame.loc[rows, "score"], 1)
        frame.loc[rows, "score"] -= (fit[0] - 0.05) * (frame.loc[rows, "month"] - 6)
    r = score_over_time(frame, "score ~ month", "patient_id", "1 + month")
    assert r.singular and r.random == "1" and "random intercept only" in r.note
    assert r.random_covariance.shape == (1, 1)


def test_zero_variance_between_patients_is_ordinary_least_squares():
    frame = make_visits(between=0.0, seed=1)
    frame["score"] -= frame.groupby("patient_id")["score"].transform("mean")
    r = score_over_time(frame, "score ~ month", "patient_id", "1 + month")
    assert r.singular and r.random == "none" and "estimated as zero" in r.note and "at the boundary" in r.note
    x = np.column_stack([np.ones(200), frame["month"]])
    np.testing.assert_allclose(
        r.coefficients["estimate"], np.linalg.lstsq(x, frame["score"], rcond=None)[0], atol=1e-10
    )
    assert (r.coefficients["se"] > 0).all() and r.random_covariance.empty


def test_unused_categories_and_pandas_types():
    frame = make_visits()
    frame["visit"] = pd.Categorical(frame["visit"], ["M0", "M3", "M6", "M9", "M12", "flare"])
    frame["patient_id"] = frame["patient_id"].astype("string")
    r = score_over_time(frame, "score ~ C(visit)", "patient_id")
    assert list(r.coefficients.index) == ["Intercept"] + [f"C(visit)[T.M{m}]" for m in (3, 6, 9, 12)]


@pytest.mark.parametrize(
    ("change", "formula", "words"),
    [
        ({}, "score ~ nothing", "without nothing"),
        ({}, "score ~ (", "cannot be built"),
        ({}, "score", "needs a response"),
        ({"copy": lambda f: 2 * f["month"]}, "score ~ month + copy", "collinear"),
        ({"score": 1.0}, "score ~ month", "constant"),
        ({"score": np.nan}, "score ~ month", "no row"),
        ({"patient_id": "P1"}, "score ~ month", "two patients"),
        ({"score": "high"}, "score ~ month", "not a number"),
    ],
)
def test_bad_input_is_refused_in_words(frame, change, formula, words):
    with pytest.raises(AnalysisError, match=words):
        score_over_time(frame.assign(**change), formula, "patient_id")


def test_as_many_coefficients_as_rows(frame):
    with pytest.raises(AnalysisError, match="as many coefficients"):
        score_over_time(frame.iloc[[0, 6]], "score ~ month", "patient_id")


def test_shows_itself(frame):
    html = score_over_time(frame, "score ~ month", "patient_id")._repr_html_()
    assert "40 patients, 200 rows" in html and "month" in html
