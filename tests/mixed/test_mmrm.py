from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, multivariate_normal, ttest_ind
from scipy.stats import f as fisher

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.mmrm import mmrm
from lumier_analysis.mixed.visit_covariance import STRUCTURES, parameters_near, visit_covariance

#: Two ways to the same maximum.
SAME = 1e-6
#: nlme's search ends this near the maximum, relative to the value.
NLME = 2e-4
#: Second differences of a log-likelihood of some hundreds, step 1e-4.
DIFFERENCE = 1e-4


def visits(n, m, seed=0, missing=0.0, rho=0.6, effect=0.0):
    """Patients in two arms, variances that rise, correlations that fall with distance."""
    rng = np.random.default_rng(seed)
    sd = np.linspace(1, 2, m)
    sigma = np.outer(sd, sd) * rho ** np.abs(np.subtract.outer(range(m), range(m)))
    arm = np.repeat(np.arange(n) % 2, m)
    score = rng.multivariate_normal(np.arange(m), sigma, n).ravel() + effect * arm
    data = pd.DataFrame({"patient": np.repeat(np.arange(n), m), "visit": np.tile(np.arange(m), n), "arm": arm})
    return data.assign(score=score)[rng.random(n * m) >= missing].reset_index(drop=True)


def fit(data, formula="score ~ C(visit) * arm", **options):
    return mmrm(formula, data, subject="patient", visit="visit", **options)


@pytest.fixture(scope="module")
def gls():
    folder = Path(__file__).parents[1] / "reference"
    values = pd.read_csv(folder / "mmrm_gls.csv", keep_default_na=False).query("method != ''")
    values["value"] = values["value"].astype(float)
    return pd.read_csv(folder / "mmrm_gls_data.csv"), values


@pytest.mark.parametrize("method", ["REML", "ML"])
@pytest.mark.parametrize("structure", [s for s in STRUCTURES if not s.endswith("toeplitz")])
def test_estimates_are_those_of_nlme(gls, structure, method):
    data, values = gls
    want = values[(values["covariance"] == structure) & (values["method"] == method)].set_index("what")["value"]
    m = mmrm(
        "score ~ C(month) * arm + age", data, subject="patient", visit="month", covariance=structure,
        reml=method == "REML",
    )  # fmt: skip
    assert m.converged
    assert m.log_likelihood == pytest.approx(want["log_likelihood"], abs=1e-7)
    np.testing.assert_allclose(m.coefficients["estimate"], want[want.index.str.startswith("estimate")], rtol=NLME)
    # Under ML nlme's standard errors carry n / (n - p); R's mmrm and ours do not.
    larger = 1.0 if method == "REML" else np.sqrt(m.n_rows / (m.n_rows - len(m.terms)))
    np.testing.assert_allclose(m.coefficients["se"] * larger, want[want.index.str.startswith("se")], rtol=NLME)
    row, column = np.triu_indices(4)  # R goes down the columns of the lower triangle
    np.testing.assert_allclose(
        m.visit_covariance.to_numpy()[row, column], want[want.index.str.startswith("v")], rtol=NLME
    )
    assert m.visit_covariance.index.tolist() == m.visit_correlation.columns.tolist() == [0, 3, 6, 12]
    np.testing.assert_allclose(np.diag(m.visit_correlation), 1.0)


def test_structures_are_nested():
    data = visits(60, 4, missing=0.2)
    by = {s: fit(data, covariance=s).log_likelihood for s in STRUCTURES}
    for small, large in (
        ("ar1", "toeplitz"), ("compound symmetry", "toeplitz"), ("toeplitz", "heterogeneous toeplitz"),
        ("ar1", "heterogeneous ar1"), ("heterogeneous ar1", "heterogeneous toeplitz"),
        ("heterogeneous compound symmetry", "heterogeneous toeplitz"), ("heterogeneous toeplitz", "unstructured"),
    ):  # fmt: skip
        assert by[small] < by[large]


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger-linear"])
def test_two_visits_have_one_structure(df):
    data = visits(40, 2, missing=0.1)
    for varies in (False, True):
        same = [s for s in STRUCTURES if (s.startswith("het") or s == "unstructured") == varies]
        first, *others = [fit(data, covariance=s, df=df).coefficients.drop(columns="p_value") for s in same]
        for other in others:
            np.testing.assert_allclose(other, first, rtol=1e-5, atol=1e-9)


def test_compound_symmetry_is_the_random_intercept():
    data = visits(40, 4, missing=0.2)
    m = fit(data, covariance="compound symmetry")
    want = lmm("score ~ C(visit) * arm", data, groups="patient")
    assert m.visit_correlation.iloc[0, 1] > 0
    assert m.log_likelihood == pytest.approx(want.log_likelihood, abs=1e-8)
    np.testing.assert_allclose(m.coefficients, want.coefficients, rtol=1e-4, atol=1e-12)
    assert m.visit_covariance.iloc[0, 1] == pytest.approx(float(want.random_covariance.iloc[0, 0]), rel=1e-5)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger-linear"])
def test_complete_visits_are_compared_by_t_tests(df):
    data = visits(30, 3)
    m = fit(data, "score ~ 0 + C(visit) + C(visit):arm", df=df)
    table = m.coefficients.filter(like="arm", axis=0)
    for k, (_, row) in enumerate(table.iterrows()):
        at = data[data["visit"] == k]
        want = ttest_ind(at.loc[at["arm"] == 1, "score"], at.loc[at["arm"] == 0, "score"])
        assert row["df"] == pytest.approx(28, rel=SAME)
        assert row["t"] == pytest.approx(want.statistic, rel=SAME)
        assert row["p_value"] == pytest.approx(want.pvalue, rel=1e-5)


def test_complete_visits_are_compared_jointly_by_hotelling():
    """Kenward and Roger's F is exact there (1997, section 4)."""
    n, k = 30, 3
    data = visits(n, k, effect=0.3)
    m = fit(data, "score ~ 0 + C(visit) + C(visit):arm", df="kenward-roger-linear")
    found = m.f_test(np.eye(2 * k)[k:])
    wide = data.pivot_table(index=["arm", "patient"], columns="visit", values="score")
    one, two = wide.loc[1].to_numpy(), wide.loc[0].to_numpy()
    pooled = (np.cov(one.T) * (len(one) - 1) + np.cov(two.T) * (len(two) - 1)) / (n - 2)
    gap = one.mean(axis=0) - two.mean(axis=0)
    t2 = gap @ np.linalg.solve(pooled, gap) / (1 / len(one) + 1 / len(two))
    statistic = t2 * (n - k - 1) / ((n - 2) * k)
    assert (found.df_num, found.df_den) == (k, pytest.approx(n - k - 1, rel=SAME))
    assert found.statistic == pytest.approx(statistic, rel=SAME)
    assert found.p_value == pytest.approx(fisher.sf(statistic, k, n - k - 1), rel=1e-5)


@pytest.mark.parametrize("structure", ["unstructured", "heterogeneous toeplitz", "compound symmetry"])
def test_kenward_roger_and_satterthwaite_from_matrices_of_all_rows(structure):
    """Everything by differences of the density and of V, none of it shared but the parameters."""
    data = visits(12, 3, seed=5, missing=0.15)
    formula = "score ~ visit + arm"
    x = np.column_stack([np.ones(len(data)), data["visit"], data["arm"]]).astype(float)
    y, place = data["score"].to_numpy(), data["visit"].to_numpy()
    same = data["patient"].to_numpy()[:, None] == data["patient"].to_numpy()
    fits = {df: fit(data, formula, covariance=structure, df=df) for df in ("kenward-roger", "kenward-roger-linear")}
    theta = parameters_near(structure, fits["kenward-roger"].visit_covariance.to_numpy())
    r, step = len(theta), 1e-4

    def v(at):
        return visit_covariance(structure, at, 3)[np.ix_(place, place)] * same

    def log_likelihood(at):
        vx = np.linalg.solve(v(at), x)
        beta = np.linalg.solve(x.T @ vx, vx.T @ y)
        return multivariate_normal.logpdf(y, x @ beta, v(at)) - np.linalg.slogdet(x.T @ vx)[1] / 2

    def second(f):
        e = step * np.eye(r)
        return [
            [(f(theta + a + b) - f(theta + a - b) - f(theta - a + b) + f(theta - a - b)) / (4 * step**2) for b in e]
            for a in e
        ]

    np.testing.assert_allclose(visit_covariance(structure, theta, 3), fits["kenward-roger"].visit_covariance)
    w = np.linalg.inv(-np.array(second(log_likelihood)))
    by2 = second(v)
    by = [(v(theta + a) - v(theta - a)) / (2 * step) for a in step * np.eye(r)]
    inverse = np.linalg.inv(v(theta))
    phi = np.linalg.inv(x.T @ inverse @ x)
    p = [-x.T @ inverse @ a @ inverse @ x for a in by]
    for df, share in (("kenward-roger", 0.25), ("kenward-roger-linear", 0.0)):
        middle = np.zeros((3, 3))
        for i in range(r):
            for j in range(r):
                q = x.T @ inverse @ by[i] @ inverse @ by[j] @ inverse @ x
                bend = x.T @ inverse @ by2[i][j] @ inverse @ x
                middle += w[i, j] * (q - p[i] @ phi @ p[j] - share * bend)
        table = fits[df].coefficients
        np.testing.assert_allclose(table["se"], np.sqrt(np.diag(phi + 2 * phi @ middle @ phi)), rtol=DIFFERENCE)
        slopes = np.array([-np.diag(phi @ a @ phi) for a in p])
        want = 2 * np.diag(phi) ** 2 / np.einsum("ik,ij,jk->k", slopes, w, slopes)
        np.testing.assert_allclose(table["df"], want, rtol=10 * DIFFERENCE)
    assert not np.allclose(*(m.coefficients["se"] for m in fits.values()), rtol=10 * DIFFERENCE)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
def test_units_order_and_labels_do_not_matter(df):
    data = visits(30, 3, missing=0.2)
    want = fit(data, df=df)
    moved = data.sample(frac=1, random_state=3).assign(score=lambda d: 1e6 * d["score"] - 3e6)
    moved["patient"] = "P" + moved["patient"].astype(str)
    m = fit(moved, df=df)
    np.testing.assert_allclose(m.coefficients["se"], 1e6 * want.coefficients["se"], rtol=SAME)
    np.testing.assert_allclose(m.coefficients["df"], want.coefficients["df"], rtol=SAME)
    np.testing.assert_allclose(
        m.coefficients["estimate"].iloc[1:], 1e6 * want.coefficients["estimate"].iloc[1:], rtol=SAME
    )
    np.testing.assert_allclose(m.visit_covariance, 1e12 * want.visit_covariance, rtol=1e-5)
    # The likelihood of REML counts n - p observations.
    shift = (want.n_rows - len(want.terms)) * np.log(1e6)
    assert m.log_likelihood == pytest.approx(want.log_likelihood - shift, abs=1e-7)


def test_columns_of_any_size_and_place_give_the_same_fit_or_none():
    data = visits(30, 3, missing=0.2).assign(age=lambda d: 40 + d["patient"] % 7)
    want = fit(data, "score ~ C(visit) + age", df="kenward-roger")
    m = fit(data.assign(age=lambda d: 1e6 + 1e2 * d["age"]), "score ~ C(visit) + age", df="kenward-roger")
    row, other = m.coefficients.loc["age"], want.coefficients.loc["age"]
    np.testing.assert_allclose(row[["df", "t"]], other[["df", "t"]], rtol=1e-6)
    # log|X'V^-1X| of REML moves with the size of the column.
    assert m.log_likelihood == pytest.approx(want.log_likelihood - np.log(1e2), abs=1e-6)
    with pytest.raises(AnalysisError, match=r"nearly collinear.*condition number 1\..*centre"):
        fit(data.assign(age=lambda d: 1e6 + 1e-2 * d["age"]), "score ~ C(visit) + age", df="kenward-roger")


def test_standard_errors_that_the_second_derivatives_shrink_are_told():
    data = visits(16, 4, missing=0.1)
    by = {df: fit(data, df=df) for df in ("satterthwaite", "kenward-roger", "kenward-roger-linear")}
    se = {df: m.coefficients["se"] for df, m in by.items()}
    assert (se["kenward-roger"] < se["satterthwaite"]).any() and "linear" in by["kenward-roger"].note
    assert (se["kenward-roger-linear"] >= se["satterthwaite"] * (1 - 1e-9)).all()
    assert not by["kenward-roger-linear"].note and not by["satterthwaite"].note


def test_rows_and_visits_that_are_left_out_are_told():
    data = visits(20, 4, seed=3)
    data.loc[[0, 5, 9], "score"] = np.nan
    data.loc[7, "visit"] = np.nan
    data.loc[data["visit"] == 2, "score"] = np.nan
    m = fit(data, covariance="ar1")
    assert m.n_rows + m.n_dropped == 80 and m.n_groups == 20
    assert m.visits == (0, 1, 3) and "left out: 2" in m.note
    assert "AR1".lower() in m._repr_html_() and "left out" in m._repr_html_()


def test_visits_go_in_the_order_of_their_categories():
    data = visits(20, 3).assign(visit=lambda d: d["visit"].map({0: "M0", 1: "M3", 2: "M12"}))
    order = pd.Categorical(data["visit"], categories=["M0", "M3", "M12"], ordered=True)
    right, wrong = fit(data.assign(visit=order), covariance="ar1"), fit(data, covariance="ar1")
    assert right.visits == ("M0", "M3", "M12") and wrong.visits == ("M0", "M12", "M3")
    assert right.log_likelihood > wrong.log_likelihood


def test_patients_with_one_row_and_two_patients_are_enough_where_they_are():
    data = visits(20, 3)
    few = data[(data["patient"] > 5) | (data["visit"] == data["patient"] % 3)]
    assert fit(few).converged
    two = fit(data[data["patient"] < 2], "score ~ visit", covariance="compound symmetry")
    assert two.n_groups == 2 and np.isfinite(two.coefficients.to_numpy()).all()


def test_criteria_count_covariance_parameters_under_reml():
    data = visits(30, 3, missing=0.1)
    m, full = fit(data), fit(data, reml=False)
    assert m.aic == pytest.approx(-2 * m.log_likelihood + 2 * 6)
    assert m.bic == pytest.approx(-2 * m.log_likelihood + 6 * np.log(30))
    assert full.aic == pytest.approx(-2 * full.log_likelihood + 2 * 12)


def test_what_cannot_be_fitted_is_refused_with_a_way_out():
    data = visits(20, 3)
    with pytest.raises(AnalysisError, match=r"several rows at one visit.*2 such pairs, 4 rows.*keep one row"):
        fit(pd.concat([data, data.iloc[:2]]))
    with pytest.raises(AnalysisError, match="two visits or more"):
        fit(data[data["visit"] == 1], "score ~ arm")
    with pytest.raises(AnalysisError, match="needs more patients than visits"):
        fit(data[data["patient"] < 3], "score ~ visit")
    with pytest.raises(AnalysisError, match="two levels of patient"):
        fit(data[data["patient"] < 1], "score ~ visit")
    with pytest.raises(AnalysisError, match=r"collinear.*arm2"):
        fit(data.assign(arm2=data["arm"] * 2), "score ~ arm + arm2")
    with pytest.raises(AnalysisError, match="fits every observation"):
        fit(data.assign(score=data["visit"] + 1.0), "score ~ C(visit)")
    with pytest.raises(AnalysisError, match="without hour"):
        mmrm("score ~ arm", data, subject="patient", visit="hour")
    with pytest.raises(UsageError, match="no response"):
        fit(data, "~ arm")
    with pytest.raises(UsageError, match="needs REML"):
        fit(data, df="kenward-roger", reml=False)
    with pytest.raises(UsageError, match=r"unknown degrees of freedom.*'normal'"):
        fit(data, df="normal")
    with pytest.raises(UsageError, match="between 0 and 1"):
        fit(data, level=95)


def test_a_search_that_is_cut_short_says_so(monkeypatch):
    monkeypatch.setattr("lumier_analysis.mixed.mmrm_fit._MAX_ITERATIONS", 1)
    m = fit(visits(40, 3, missing=0.2))
    assert not m.converged and "did not converge" in m.note


def rejections(runs, n=16, m=4):
    """Return how often a joint test of no effect of the arm at any visit rejects at 5 %, by Kenward-Roger and by z."""
    rows = np.eye(2 * m)[m:]
    small = large = 0
    for seed in range(runs):
        data = visits(n, m, seed=seed, missing=0.1)
        model = fit(data, "score ~ 0 + C(visit) + C(visit):arm", df="kenward-roger-linear")
        small += model.f_test(rows).p_value < 0.05
        b = rows @ model.beta
        large += chi2.sf(b @ np.linalg.solve(rows @ model.spread.phi @ rows.T, b), m) < 0.05
    return small / runs, large / runs


def test_type_one_error_holds_in_a_small_trial():
    small, large = rejections(120)
    assert small < 0.12 < large


@pytest.mark.proof
def test_type_one_error_holds_in_small_trials():
    """A standard error of 0.5 % at 2,000 trials of 16 patients, four visits, a tenth of them missing."""
    small, large = rejections(2000)
    assert 0.035 < small < 0.065 and large > 0.15
