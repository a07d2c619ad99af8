from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed import lmm
from lumier_analysis.mixed.influence import influence

REFERENCE = Path(__file__).parents[1] / "reference"
FORMULA, OPTIONS = "score ~ month + arm", {"groups": "patient", "random": "1 + month"}


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(REFERENCE / "cluster_robust_data.csv")


def test_it_is_the_model_without_the_patient(data):
    model = lmm(FORMULA, data, **OPTIONS)
    found = influence(model)
    assert found.index.tolist() == [str(p) for p in data["patient"].unique()] and (found["note"] == "").all()
    se = model.coefficients["se"].to_numpy()
    for patient in (3, 17):
        without = lmm(FORMULA, data[data["patient"] != patient], **OPTIONS)
        moved = model.beta - without.beta
        row = found.loc[str(patient)]
        np.testing.assert_allclose(row[list(model.terms)].astype(float), moved / se, atol=1e-5)
        assert row["residual_variance"] == pytest.approx(without.residual_variance, rel=1e-5)
        want = moved @ np.linalg.solve(model.covariance, moved) / 3
        assert row["cooks_distance"] == pytest.approx(want, rel=1e-3)


def test_a_patient_far_out_stands_first(data):
    far = data.assign(score=data["score"] + 6.0 * (data["patient"] == 10))
    found = influence(lmm(FORMULA, far, **OPTIONS))
    assert found["cooks_distance"].idxmax() == "10"


def test_independent_random_effects_stay_independent(data):
    model = lmm(FORMULA, data, correlated=False, **OPTIONS)
    without = lmm(FORMULA, data[data["patient"] != 5], correlated=False, **OPTIONS)
    found = influence(model).loc["5"]
    assert found["residual_variance"] == pytest.approx(without.residual_variance, rel=1e-5)


def test_where_the_rest_has_no_fit_it_says_so():
    data = pd.DataFrame(
        {"patient": list("aabbccdd"), "score": [1, 2.1, 0.3, 4, 2, 1.2, 0, 1.9], "arm": [0, 0, 0, 0, 1, 1, 0, 0]}
    )
    found = influence(lmm("score ~ arm", data, groups="patient"))
    assert "collinear" in found.loc["c", "note"] and np.isnan(found.loc["c", "cooks_distance"])
    assert found.loc["a", "note"] == ""


def test_it_can_be_stopped_and_asks_for_a_factor_it_has(data):
    model = lmm(FORMULA, data, **OPTIONS)

    def stop(done, total):
        assert total == 24
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        influence(model, progress=stop)
    with pytest.raises(AnalysisError, match=r"no such grouping factor.*patient"):
        influence(model, factor="centre")
