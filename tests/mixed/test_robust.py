from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed import lmm
from lumier_analysis.mixed.robust import clusters_of, marginal_covariance, robust_coefficients

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture(scope="module")
def data():
    return pd.read_csv(REFERENCE / "cluster_robust_data.csv")


@pytest.fixture(scope="module")
def model(data):
    return lmm("score ~ month + arm + month:arm", data, groups="patient", random="1 + month")


def test_against_club_sandwich_with_its_own_fit(model):
    """Both fits have converged to their own optimum, so a little less agreement than at equal variances."""
    want = pd.read_csv(REFERENCE / "cluster_robust.csv")
    found = robust_coefficients(model)
    assert found.index.tolist() == ["Intercept", "month", "arm", "month:arm"]
    np.testing.assert_allclose(found["estimate"], want["estimate"], rtol=1e-4)
    np.testing.assert_allclose(found["se"], want["se"], rtol=1e-4)
    np.testing.assert_allclose(found["df"], want["df"], rtol=1e-4)


def test_contrasts_are_named(model):
    found = robust_coefficients(model, pd.DataFrame({"month": [1.0], "month:arm": [1.0]}, index=["month in arm 1"]))
    assert found.index.tolist() == ["month in arm 1"]
    assert found["estimate"].iloc[0] == pytest.approx(model.beta[1] + model.beta[3])


def test_the_marginal_covariance_is_that_of_the_model(model, data):
    rows = np.flatnonzero(data["patient"] == 4)
    z = np.column_stack([np.ones(rows.size), data["month"].to_numpy()[rows]])
    want = z @ model.random_covariance.to_numpy() @ z.T + model.residual_variance * np.eye(rows.size)
    np.testing.assert_allclose(marginal_covariance(model, rows), want, rtol=1e-9)
    apart = marginal_covariance(model, np.array([0, rows[0]]))
    assert apart[0, 1] == 0


def test_clusters_of_nested_factors_are_the_outer_ones(data):
    nested = data.assign(centre=data["patient"] % 3)
    model = lmm("score ~ month", nested, random={"centre": "1", "patient": "1"})
    found = clusters_of(model)
    assert pd.crosstab(found, nested["centre"]).gt(0).sum().tolist() == [1, 1, 1] and found.max() == 2


def test_crossed_factors_leave_no_cluster(data):
    crossed = data.assign(plate=np.arange(len(data)) % 4)
    model = lmm("score ~ month", crossed, random={"plate": "1", "patient": "1"})
    with pytest.raises(AnalysisError, match="two clusters or more"):
        robust_coefficients(model)
