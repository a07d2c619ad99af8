import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from lumier_analysis.errors import UsageError
from lumier_analysis.mixed.fit_lmm import arrange
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.profile_intervals import profile_intervals

# lme4 interpolates its profile by splines and stops its search a little early.
INTERPOLATED = 2e-4
MODELS = {"fit": ("score ~ arm * visit + sex + age", "1"), "slope": ("score ~ arm * month + sex + age", "1 + month")}
NAMES = {
    "sd Intercept | id": "sd_(Intercept)|id", "sd month | id": "sd_month|id", "sd residual": "sigma",
    "cor Intercept, month | id": "cor_month.(Intercept)|id", "Intercept": "(Intercept)",
}  # fmt: skip


@pytest.mark.parametrize("name", ["fit", "slope"])
def test_they_agree_with_lme4(fitted_data, r_says, name):
    formula, random = MODELS[name]
    table = profile_intervals(lmm(formula, fitted_data, groups="id", random=random))
    want = r_says(f"profile {name}")
    rows = [NAMES.get(i, i.replace("[T.", "").replace("]", "")) for i in table.index]
    assert sorted(rows) == sorted(want.index)
    np.testing.assert_allclose(table[["ci_low", "ci_high"]], want.loc[rows, ["ci_low", "ci_high"]], atol=INTERPOLATED)


def test_a_limit_is_where_a_refit_lies_a_quantile_above_the_least(fitted_data):
    model = lmm("score ~ month + age", fitted_data, groups="id", random="1 + month", reml=False)
    limits = profile_intervals(model, ["month"]).loc["month"]
    a, j = model.fit.problem.arrays, model.terms.index("month")
    others = np.delete(model.design.x, j, axis=1)
    z = [part * width for part, width in zip(a.z, a.widths, strict=True)]
    for limit in (limits["ci_low"], limits["ci_high"]):
        y = model.design.y - limit * model.design.x[:, j]
        held = arrange(others, z, a.codes).problem(y, reml=False).fit()
        assert 2 * (model.log_likelihood - held.log_likelihood) == pytest.approx(chi2.ppf(0.95, 1), abs=1e-3)


def test_units_do_not_matter(fitted_data):
    other = fitted_data.assign(score=fitted_data["score"] * 1000, month=fitted_data["month"] * 30)
    limits, scaled = (
        profile_intervals(lmm("score ~ month", d, groups="id", random="1 + month")) for d in (fitted_data, other)
    )
    unit = pd.Series(1000.0, index=limits.index)
    unit[["sd month | id", "month"]] = 1000 / 30
    unit["cor Intercept, month | id"] = 1
    np.testing.assert_allclose(scaled, limits.mul(unit, axis=0), rtol=1e-4)


def test_a_variance_of_zero_has_an_interval_from_zero():
    rng = np.random.default_rng(1)
    data = pd.DataFrame({"id": np.repeat(np.arange(20), 3), "y": rng.standard_normal(60)})
    data["y"] -= 0.9 * data.groupby("id")["y"].transform("mean")
    model = lmm("y ~ 1", data, groups="id")
    row = profile_intervals(model, "variance").loc["sd Intercept | id"]
    assert model.singular and row["ml_estimate"] == row["ci_low"] == 0 and 0 < row["ci_high"] < 1
    # Along the profile the residual variance is the best one: that of the compiled deviance
    theta = np.linspace(0, 1, 400)
    ml = lmm("y ~ 1", data, groups="id", reml=False).fit.problem
    inside = [
        t * np.sqrt(ml.parts(np.array([t])).r2 / ml.nu) * ml.unit
        for t in theta
        if ml.deviance([t]) - ml.deviance([0.0]) < chi2.ppf(0.95, 1)
    ]
    assert row["ci_high"] == pytest.approx(max(inside), rel=0.05)


@pytest.mark.parametrize(
    ("random", "correlated", "n"), [("1 + month + age", True, 9), ("1 + month", False, 5), ("1", True, 4)]
)
def test_other_structures(fitted_data, random, correlated, n):
    rng = np.random.default_rng(3)
    data = fitted_data.assign(age=rng.standard_normal(len(fitted_data)))
    model = lmm("score ~ month", data, groups="id", random=random, correlated=correlated)
    table = profile_intervals(model)
    assert len(table) == n and np.isfinite(table).all(axis=None)
    assert (table["ci_low"] <= table["ml_estimate"]).all() and (table["ml_estimate"] <= table["ci_high"]).all()
    correlations = table.filter(like="cor ", axis=0)
    assert ((correlations >= -1) & (correlations <= 1)).all(axis=None)


def test_several_factors(fitted_data):
    table = profile_intervals(lmm("score ~ month", fitted_data, random={"centre": "1", "id": "1 + month"}), "variance")
    assert table.index.tolist() == [
        "sd Intercept | centre", "sd Intercept | id", "cor Intercept, month | id", "sd month | id", "sd residual"
    ]  # fmt: skip
    assert table.loc["sd Intercept | centre", "ci_low"] == 0


def test_a_wider_level_is_wider(fitted_data):
    model = lmm("score ~ month", fitted_data, groups="id")
    narrow, wide = (profile_intervals(model, level=level) for level in (0.8, 0.99))
    assert (wide["ci_low"] < narrow["ci_low"]).all() and (narrow["ci_high"] < wide["ci_high"]).all()


def test_bad_requests_are_refused(fitted_data, least_squares):
    model = lmm("score ~ month", fitted_data, groups="id")
    for call, said in [
        (lambda: profile_intervals(model, "arm"), "unknown parameters.*sd residual"),
        (lambda: profile_intervals(model, level=95), "level"),
        (lambda: profile_intervals(least_squares("score ~ month", fitted_data)), "lmm"),
    ]:
        with pytest.raises(UsageError, match=said):
            call()
