import math

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from lumier_analysis.errors import AnalysisError
from lumier_analysis.mixed import heteroscedastic_lmm, lmm, mmrm
from lumier_analysis.mixed.design import build_design
from lumier_analysis.mixed.model import FittedModel, Spread


@pytest.fixture
def fitted():
    """Least squares as a model of one variance parameter, and the same from statsmodels."""
    rng = np.random.default_rng(9)
    data = pd.DataFrame({"month": rng.uniform(0, 12, 40), "arm": rng.choice(["x", "y", "z"], 40)})
    data["score"] = 0.3 * data["month"] + rng.standard_normal(40)
    d = build_design("score ~ month + C(arm)", data)
    want = sm.OLS(d.y, d.x).fit()
    cross, s2, df = d.x.T @ d.x, want.scale, want.df_resid

    def model(method="satterthwaite"):
        spread = Spread(
            s2 * np.linalg.inv(cross), -cross[None] / s2**2, np.array([[2 * s2**2 / df]]), cross[None, None] / s2**3
        )
        return FittedModel(
            d,
            np.asarray(want.params),
            spread,
            method,
            want.llf,
            False,
            True,
            False,
            40,
            1,
            s2,
            "least squares",
            "",
            0.95,
        )

    return model, want


@pytest.mark.parametrize("method", ["satterthwaite", "kenward-roger"])
def test_the_table_is_that_of_least_squares(fitted, method):
    model, want = fitted
    table = model(method).coefficients
    assert table.index.tolist() == ["Intercept", "month", "C(arm)[T.y]", "C(arm)[T.z]"]
    np.testing.assert_allclose(table["estimate"], want.params)
    np.testing.assert_allclose(table["se"], want.bse, rtol=1e-8)
    np.testing.assert_allclose(table["df"], want.df_resid, rtol=1e-7)
    np.testing.assert_allclose(table["p_value"], want.pvalues, rtol=1e-6)
    np.testing.assert_allclose(table[["ci_low", "ci_high"]], want.conf_int(), rtol=1e-6)


def test_normal_is_the_z_test(fitted):
    model, want = fitted
    row = model("normal").coefficients.loc["month"]
    assert math.isinf(row["df"])
    assert row["ci_high"] - row["estimate"] == pytest.approx(1.959963984540054 * want.bse[1], rel=1e-8)


def test_contrasts_by_array_or_by_name(fitted):
    m = fitted[0]()
    by_array = m.contrast([[0, 0, 1, -1]])
    by_name = m.contrast(pd.DataFrame({"C(arm)[T.z]": [-1.0], "C(arm)[T.y]": [1.0]}, index=["y - z"]))
    assert by_name.index.tolist() == ["y - z"]
    np.testing.assert_allclose(by_array.to_numpy(), by_name.to_numpy())
    assert by_name.loc["y - z", "estimate"] == pytest.approx(m.beta[2] - m.beta[3])


def test_f_tests_are_those_of_least_squares(fitted):
    model, want = fitted
    rows = pd.DataFrame({"C(arm)[T.y]": [1.0, np.nan], "C(arm)[T.z]": [np.nan, 1.0]})
    f = want.f_test(np.eye(4)[2:])
    for method in ("satterthwaite", "kenward-roger"):
        found = model(method).f_test(rows)
        assert (found.df_num, found.df_den) == (2, pytest.approx(36, rel=1e-7))
        assert found.statistic == pytest.approx(float(f.fvalue), rel=1e-7)
        assert found.p_value == pytest.approx(float(f.pvalue), rel=1e-6)


def test_what_cannot_be_tested_is_said(fitted):
    m = fitted[0]()
    with pytest.raises(AnalysisError, match=r"does not have.*year.*terms are Intercept"):
        m.f_test(pd.DataFrame({"year": [1.0]}))
    with pytest.raises(AnalysisError, match="one finite weight a coefficient"):
        m.contrast([[1, 0]])
    with pytest.raises(AnalysisError, match="nothing to test"):
        m.f_test(np.zeros((1, 4)))


def test_a_contrast_of_nothing_has_no_test(fitted):
    row = fitted[0]().contrast(np.zeros((1, 4))).iloc[0]
    assert (row["estimate"], row["se"]) == (0, 0) and math.isnan(row["p_value"]) and math.isnan(row["df"])


def test_it_shows_itself(fitted):
    m = fitted[0]()
    for shown in (m._repr_html_(), repr(m)):
        assert "least squares; 40 patients, 40 rows" in shown and "C(arm)[T.z]" in shown


def test_what_it_shows_names_no_patient():
    names = [f"01-{i:03d}" for i in range(12)]
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"patient": np.repeat(names, 4), "month": np.tile([0.0, 3, 6, 9], 12)})
    data["score"] = rng.standard_normal(12)[np.repeat(range(12), 4)] + rng.standard_normal(48)
    visit = data["month"].astype(int).astype(str)
    models = (
        lmm("score ~ month", data, groups="patient"),
        mmrm("score ~ month", data.assign(visit=visit), subject="patient", visit="visit", covariance="ar1"),
        heteroscedastic_lmm("score ~ month", data.assign(half=visit < "5"), groups="patient", by="half"),
    )
    for m in models:
        assert not any(name in repr(m) + m._repr_html_() for name in names)
