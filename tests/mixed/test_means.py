from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed import contrasts, marginal_means, score_over_time


@pytest.fixture
def frame():
    rng = np.random.default_rng(2)
    n = 30
    frame = pd.DataFrame({"patient_id": np.repeat(np.arange(n), 3), "visit": np.tile(["pre", "flare", "post"], n)})
    frame["visit"] = pd.Categorical(frame["visit"], ["pre", "flare", "post"])
    frame["dose"] = rng.integers(0, 4, 3 * n) * 5.0
    frame["score"] = (
        np.repeat(rng.standard_normal(n), 3)
        + frame["visit"].cat.codes
        + 0.1 * frame["dose"]
        + rng.standard_normal(3 * n)
    )
    return frame


def test_without_covariates_they_are_the_means(frame):
    t = marginal_means(score_over_time(frame, "score ~ C(visit)", "patient_id"), "visit")
    assert list(t.index) == ["pre", "flare", "post"]
    np.testing.assert_allclose(t["estimate"], frame.groupby("visit", observed=True)["score"].mean(), rtol=1e-6)
    assert (t["n_rows"] == 30).all() and (t["ci_low"] < t["estimate"]).all()


def test_covariates_stay_as_observed(frame):
    r = score_over_time(frame, "score ~ C(visit) + dose", "patient_id")
    t, b = marginal_means(r, "visit"), r.coefficients["estimate"]
    assert t.loc["pre", "estimate"] == pytest.approx(b["Intercept"] + b["dose"] * frame["dose"].mean())


def test_contrast_of_means_is_the_coefficient(frame):
    r = score_over_time(frame, "score ~ C(visit) + dose", "patient_id")
    c = contrasts(r, "visit", {"flare - pre": {"flare": 1, "pre": -1}, "post - flare": {"post": 1, "flare": -1}})
    columns = ["estimate", "se", "z", "p_value", "ci_low", "ci_high"]
    expected = r.coefficients.loc["C(visit)[T.flare]", columns].to_numpy(float)
    np.testing.assert_allclose(c.loc["flare - pre", columns].to_numpy(float), expected, rtol=1e-10)
    b = r.coefficients["estimate"]
    assert c.loc["post - flare", "estimate"] == pytest.approx(b["C(visit)[T.post]"] - b["C(visit)[T.flare]"])


def test_unknown_variable_or_level_is_refused(frame):
    r = score_over_time(frame, "score ~ C(visit)", "patient_id")
    with pytest.raises(AnalysisError, match="dose is no variable"):
        marginal_means(r, "dose")
    with pytest.raises(AnalysisError, match="M12"):
        contrasts(r, "visit", {"late": {"M12": 1, "pre": -1}})
