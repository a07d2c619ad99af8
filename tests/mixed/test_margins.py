import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed.lmm import lmm
from lumier_analysis.mixed.margins import estimated_means, estimated_slopes

CELLS = "score ~ arm * visit + sex + age"
LINE = "score ~ arm * month + I(month**2) + sex + age"
# A difference quotient of step 1e-6 in R, the derivative here.
QUOTIENT = 1e-5
# The optimisers stop at different places: lme4 moves theta by 1e-6 or so.
MIXED = 2e-4
JOINT = "satterthwaite arm by visit joint"
# Quadrature of the studentised range differs between R and scipy by about 1e-8.
TUKEY = 1e-6


def _close(table, want, rtol=1e-8):
    """Compare the columns that R gives, row by row, by name."""
    if isinstance(table.index, pd.MultiIndex):
        # emmeans writes the contrast first
        names = sorted(table.index.names, key=lambda n: n != "contrast")
        labels = ["|".join(str(v).replace(" ", "") for v in key) for key in table.index.reorder_levels(names)]
    else:
        labels = [str(v).replace(" ", "") for v in table.index]
    want = want.loc[labels]
    for column in want.columns:
        np.testing.assert_allclose(table[column], want[column], rtol=rtol, atol=1e-10, err_msg=column)


def test_means_and_contrasts_agree_with_emmeans(fitted_data, r_says, least_squares):
    model = least_squares(CELLS, fitted_data)
    _close(estimated_means(model, ["arm", "visit"]).table, r_says("ols cells"))
    visit = estimated_means(model, "visit")
    _close(visit.table, r_says("ols visit"))
    for adjust in ("none", "holm", "tukey"):
        _close(visit.contrasts(adjust=adjust), r_says(f"ols visit pairs {adjust}"), TUKEY)
    by = estimated_means(model, ["arm", "visit"]).contrasts(by="visit", adjust="tukey")
    _close(by, r_says("ols arm pairs by visit tukey"), TUKEY)
    at = estimated_means(model, "arm", at={"age": 60, "visit": ["M06", "M12"]})
    _close(at.table, r_says("ols arm at"))


def test_observed_weights_average_the_rows_of_the_data(fitted_data, r_says, least_squares):
    table = estimated_means(least_squares(CELLS, fitted_data), "arm", weights="observed").table
    _close(table, r_says("ols observed"))
    assert table["n_rows"].tolist() == fitted_data["arm"].value_counts().sort_index().tolist()


def test_slopes_agree_with_emtrends(fitted_data, r_says, least_squares):
    model = least_squares(LINE, fitted_data)
    _close(
        estimated_slopes(model, "month", "arm").table, r_says("line slopes").drop(columns=["t", "p_value"]), QUOTIENT
    )
    slopes = estimated_slopes(model, "month", "arm", at={"month": 3})
    _close(slopes.table, r_says("line slopes at 3").drop(columns=["t", "p_value"]), QUOTIENT)
    pairs = estimated_slopes(model, "month", "arm").contrasts(adjust="tukey")
    _close(pairs, r_says("line slope pairs tukey"), QUOTIENT)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger"])
def test_means_of_a_mixed_model_agree_with_emmeans(fitted_data, r_says, df):
    model = lmm(CELLS, fitted_data, groups="id", df=df)
    cells = estimated_means(model, ["arm", "visit"])
    _close(cells.table, r_says(f"{df} cells"), MIXED)
    visit = estimated_means(model, "visit")
    for adjust in ("none", "holm", "tukey"):
        _close(visit.contrasts(adjust=adjust), r_says(f"{df} visit pairs {adjust}"), MIXED)
    _close(cells.contrasts(by="visit", adjust="tukey"), r_says(f"{df} arm pairs by visit tukey"), MIXED)
    slope = lmm("score ~ arm * month + sex + age", fitted_data, groups="id", random="1 + month", df=df)
    _close(estimated_slopes(slope, "month", "arm").table, r_says(f"slopes {df}").drop(columns=["t", "p_value"]), MIXED)


def test_joint_tests_of_a_mixed_model_agree_with_emmeans(fitted_data, r_says):
    model = lmm(CELLS, fitted_data, groups="id")
    table, want = estimated_means(model, ["arm", "visit"]).joint_tests(by="visit"), r_says(JOINT)
    # joint_tests prints F to three decimals and takes the least df; one digit of df is what it shows.
    np.testing.assert_allclose(table["f"], want.loc[table.index, "f"], atol=6e-4)


def test_means_of_a_balanced_design_are_its_cell_means(least_squares):
    rng = np.random.default_rng(4)
    data = pd.DataFrame({"a": np.repeat([1, 2, 3], 20), "b": np.tile(["x", "y"], 30), "y": rng.standard_normal(60)})
    model = least_squares("y ~ C(a) * b", data)
    np.testing.assert_allclose(
        estimated_means(model, ["a", "b"]).table["estimate"], data.groupby(["a", "b"])["y"].mean(), rtol=1e-10
    )
    np.testing.assert_allclose(estimated_means(model, "a").table["estimate"], data.groupby("a")["y"].mean())


def test_a_contrast_of_means_is_a_difference_of_coefficients(fitted_data, least_squares):
    model = least_squares("score ~ arm + visit + age", fitted_data)
    b = model.coefficients
    wanted = {"c - b": {"c": 1, "b": -1}, "b": [-1, 1, 0]}
    table = estimated_means(model, "arm").contrasts(wanted)
    assert table.loc["c - b", "estimate"] == pytest.approx(
        b.loc["arm[T.c]", "estimate"] - b.loc["arm[T.b]", "estimate"]
    )
    np.testing.assert_allclose(table.loc["b"], b.loc["arm[T.b]"], rtol=1e-8)


def test_contrast_sets_have_their_direction(fitted_data, least_squares):
    means = estimated_means(least_squares("score ~ visit", fitted_data), "visit")
    m = means.table["estimate"]
    for wanted, names in {
        "reference": ["M03 - M00", "M06 - M00", "M12 - M00"],
        "consecutive": ["M03 - M00", "M06 - M03", "M12 - M06"],
    }.items():
        table = means.contrasts(wanted)
        assert table.index.tolist() == names
        assert table["estimate"].tolist() == pytest.approx([m[n[:3]] - m[n[6:]] for n in names])
    assert means.contrasts()["estimate"].iloc[0] == pytest.approx(m["M00"] - m["M03"])


def test_tukey_with_two_levels_is_the_t_test(fitted_data, least_squares):
    model = least_squares("score ~ sex + age", fitted_data)
    means = estimated_means(model, "sex")
    pd.testing.assert_frame_equal(means.contrasts(adjust="tukey"), means.contrasts())
    assert means.contrasts()["p_value"].iloc[0] == pytest.approx(model.coefficients.loc["sex[T.m]", "p_value"])


def test_simultaneous_intervals_agree_with_their_tests(fitted_data, least_squares):
    means = estimated_means(least_squares("score ~ visit", fitted_data), "visit")
    plain, tukey, holm = (means.contrasts(adjust=a) for a in ("none", "tukey", "holm"))
    widths = [t["ci_high"] - t["ci_low"] for t in (plain, tukey, holm)]
    assert (widths[0] < widths[1]).all() and (widths[1] < widths[2]).all()
    assert (holm["p_value"] >= plain["p_value"]).all()
    level = 1 - tukey["p_value"].iloc[0]
    edge = estimated_means(least_squares("score ~ visit", fitted_data, level=level), "visit").contrasts(adjust="tukey")
    assert min(abs(edge["ci_low"].iloc[0]), abs(edge["ci_high"].iloc[0])) < 1e-6


def test_joint_tests_are_the_f_test_of_the_differences(fitted_data, least_squares):
    model = least_squares("score ~ arm + visit", fitted_data)
    test = estimated_means(model, "arm").joint_tests().iloc[0]
    rows = np.zeros((2, len(model.terms)))
    rows[[0, 1], [model.terms.index("arm[T.b]"), model.terms.index("arm[T.c]")]] = 1
    want = model.f_test(rows)
    assert (test["f"], test["p_value"]) == pytest.approx((want.statistic, want.p_value))
    by = estimated_means(least_squares(CELLS, fitted_data), ["arm", "visit"]).joint_tests(by="visit")
    assert by.index.tolist() == ["M00", "M03", "M06", "M12"] and (by["df_num"] == 2).all()


def test_a_covariate_has_means_at_chosen_values(fitted_data, least_squares):
    model = least_squares("score ~ month + age", fitted_data)
    table = estimated_means(model, "month", at={"month": [0, 12]}).table
    slope = model.coefficients.loc["month", "estimate"]
    assert table.loc[12, "estimate"] - table.loc[0, "estimate"] == pytest.approx(12 * slope)
    assert estimated_slopes(model, "month").table.loc["overall", "estimate"] == pytest.approx(slope)


def test_factors_are_text_categories_truth_values_and_numbers_in_c(fitted_data, least_squares):
    data = fitted_data.assign(arm=pd.Categorical(fitted_data["arm"], ["c", "a", "b"]), old=fitted_data["age"] > 40)
    model = least_squares("score ~ C(month) + arm + old", data)
    assert estimated_means(model, "arm").table.index.tolist() == ["c", "a", "b"]
    assert estimated_means(model, "month").table.index.tolist() == [0, 3, 6, 12]
    old = estimated_means(model, "old")
    assert old.table.index.tolist() == [False, True]
    assert old.contrasts("reference")["estimate"].iloc[0] == pytest.approx(
        model.coefficients.filter(like="old", axis=0)["estimate"].iloc[0]
    )


def test_the_level_of_the_model_is_the_level_of_the_intervals(fitted_data, least_squares):
    row = estimated_means(least_squares("score ~ arm", fitted_data, level=0.9), "arm").table.iloc[0]
    assert row["ci_high"] - row["estimate"] == pytest.approx(student.ppf(0.95, row["df"]) * row["se"])


def test_an_empty_cell_is_said_or_refused(fitted_data, least_squares):
    gone = fitted_data[~((fitted_data["arm"] == "c") & (fitted_data["visit"] == "M12"))]
    additive = estimated_means(least_squares("score ~ arm + visit", gone), ["arm", "visit"])
    assert "no rows at arm=c, visit=M12" in additive.note and additive.note in additive._repr_html_()
    assert additive.table.loc[("c", "M12"), "n_rows"] == 0
    with pytest.raises(AnalysisError, match="collinear"):
        least_squares("score ~ arm * visit", gone)
    full = least_squares("score ~ arm * visit", fitted_data)
    kept = (gone.index.to_numpy(),)
    unidentified = dataclasses.replace(full, design=dataclasses.replace(full.design, x=full.design.x[kept]))
    with pytest.raises(AnalysisError, match=r"not estimable.*arm=c, visit=M12"):
        estimated_means(unidentified, ["arm", "visit"])
    assert len(estimated_means(unidentified, ["arm", "visit"], at={"visit": ["M00", "M03"]}).table) == 6


def test_bad_requests_are_refused_by_name(fitted_data, least_squares):
    model = least_squares("score ~ arm + visit + age", fitted_data.assign(one="x"))
    means = estimated_means(model, "arm")
    for call, error, said in [
        (lambda: estimated_means(model, "month"), AnalysisError, r"month is no variable.*age, arm, visit"),
        (lambda: estimated_means(model, "age"), UsageError, "covariate"),
        (lambda: estimated_means(model, "arm", at={"month": 3}), AnalysisError, "month is no variable"),
        (lambda: estimated_means(model, "arm", at={"visit": "M99"}), AnalysisError, "no such level.*M99"),
        (lambda: estimated_means(model, "arm", at={"age": "old"}), UsageError, "numbers"),
        (lambda: estimated_means(model, "arm", at={"age": []}), UsageError, "empty"),
        (lambda: estimated_means(model, "arm", weights="cells"), UsageError, "weights"),
        (lambda: estimated_means(model, ["arm", "arm"]), UsageError, "twice"),
        (lambda: estimated_slopes(model, "arm"), UsageError, "factor"),
        (lambda: estimated_slopes(model, "month"), AnalysisError, "no variable"),
        (lambda: means.contrasts("all"), UsageError, "unknown contrasts"),
        (lambda: means.contrasts(adjust="scheffe"), UsageError, "adjustment"),
        (lambda: means.contrasts("reference", adjust="tukey"), UsageError, "pairwise"),
        (lambda: means.contrasts({"x": {"d": 1}}), AnalysisError, "not there.*a, b, c"),
        (lambda: means.contrasts({"x": [1, -1]}), UsageError, "one weight a mean"),
        (lambda: means.contrasts({"x": {"a": 0}}), UsageError, "not all zero"),
        (lambda: means.contrasts({}), UsageError, "no contrast"),
        (lambda: means.contrasts(3), UsageError, "no contrast"),
        (lambda: means.contrasts({"x": {"a": "one"}}), UsageError, "are numbers"),
        (lambda: means.contrasts({"x": "abc"}), UsageError, "one weight a mean"),
        (lambda: means.contrasts(by="visit"), AnalysisError, "not split by visit"),
        (lambda: means.contrasts(by="arm"), AnalysisError, "one mean alone"),
    ]:
        with pytest.raises(error, match=said):
            call()


def test_a_factor_with_one_level_is_refused(fitted_data, least_squares):
    model = least_squares("score ~ 0 + one + age", fitted_data.assign(one="x"))
    with pytest.raises(AnalysisError, match="one has one level"):
        estimated_means(model, "one")


def test_values_outside_the_formula_are_refused(fitted_data, least_squares):
    spline = least_squares("score ~ arm + bs(age, df=4)", fitted_data)
    with pytest.raises(AnalysisError, match="cannot be evaluated"):
        estimated_means(spline, "arm", at={"age": 200})
    logarithm = least_squares("score ~ arm + np.log(age)", fitted_data)
    with pytest.warns(RuntimeWarning), pytest.raises(AnalysisError, match="not finite"):
        estimated_means(logarithm, "arm", at={"age": 0})
