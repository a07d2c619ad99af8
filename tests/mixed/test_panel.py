from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.mixed import lmm, lmm_panel

#: lme4's restricted log-likelihood at its best optimum may be this much above ours.
LIKELIHOOD = 1e-6
#: lmerTest differentiates numerically, and its optimisers stop at 1e-9 of the deviance.
AGAINST_R = 1e-5


@pytest.fixture(scope="module")
def reference():
    folder = Path(__file__).parents[1] / "reference"
    data, terms, fits = (pd.read_csv(folder / f"panel_{name}.csv") for name in ("data", "terms", "fits"))
    terms["term"] = terms["term"].replace("(Intercept)", "Intercept")
    return data, terms, fits


def split(data):
    genes = [c for c in data.columns if c.startswith("g")]
    return data[genes], data.drop(columns=genes)


def kind(gene):
    return "modules" if int(gene[1:]) <= 20 else "genes"


@pytest.fixture(scope="module", params=["1", "1 + month"])
def fitted(request, reference):
    data, terms, fits = reference
    responses, rest = split(data)
    table = lmm_panel(
        responses, "month * arm", rest, groups="patient", random=request.param,
        families={g: kind(g) for g in responses},
    )  # fmt: skip
    return table, terms[terms["random"] == request.param], fits[fits["random"] == request.param], request.param


def test_no_likelihood_is_below_lme4s(fitted):
    table, _, fits, _ = fitted
    own = table.drop_duplicates("response").set_index("response")
    theirs = fits.set_index("gene").loc[own.index]
    assert (own["log_likelihood"] - theirs["log_likelihood"]).min() > -LIKELIHOOD
    assert own["converged"].all()
    np.testing.assert_array_equal(own["singular"], theirs["theta_min"] < 1e-4)
    assert 5 < own["singular"].sum() < 40


def test_every_number_is_lmertests_and_p_adjusts(fitted):
    table, terms, fits, random = fitted
    both = table.merge(terms, left_on=["response", "term"], right_on=["gene", "term"], suffixes=("", "_r"))
    assert len(both) == 240
    # Where lme4 stopped short of the optimum its numbers are not the reference: one gene.
    short = fits.set_index("gene")["log_likelihood"] < table.drop_duplicates("response").set_index("response")[
        "log_likelihood"
    ] - 2e-8  # fmt: skip
    assert short.sum() <= (random != "1")
    both = both[~both["gene"].map(short)]
    np.testing.assert_array_less(np.abs(both["estimate"] - both["estimate_r"]), AGAINST_R * both["se_r"])
    np.testing.assert_allclose(both["se"], both["se_r"], rtol=AGAINST_R)
    np.testing.assert_allclose(both["df"], both["df_r"], rtol=10 * AGAINST_R)
    shown = both["p_value_r"] > 1e-12
    np.testing.assert_allclose(both["p_value"][shown], both["p_value_r"][shown], rtol=1e-3)
    np.testing.assert_allclose(both["q_value"][shown], both["q_value_r"][shown], rtol=1e-3)


def test_q_values_alone_are_p_adjusts(reference):
    from lumier_analysis.mixed.q_values import q_values

    _, terms, _ = reference
    own = q_values(terms["p_value"], terms["random"], terms["term"], terms["gene"].map(kind))
    np.testing.assert_allclose(own, terms["q_value"], rtol=1e-10)


@pytest.mark.parametrize("random", ["1", "0 + month", "1 + month"])
@pytest.mark.parametrize(("formula", "reml"), [("month * arm", True), ("month * arm", False), ("1", True)])
def test_gene_by_gene_it_is_lmm(reference, random, formula, reml):
    responses, rest = split(reference[0])
    responses = responses.iloc[:, :12].copy()
    responses.iloc[3:9, 1] = np.nan
    responses.iloc[[0, 40, 100], 2] = np.nan
    table = lmm_panel(responses, formula, rest, groups="patient", random=random, reml=reml)
    for gene in responses:
        one = lmm(
            f"{gene} ~ {formula}", rest.assign(**{gene: responses[gene]}), groups="patient", random=random, reml=reml
        )
        own = table[table["response"] == gene].set_index("term")
        want = one.coefficients
        for column in ("estimate", "se", "df", "t", "p_value", "ci_low", "ci_high"):
            scale = np.maximum(np.abs(want[column]), want["se"] if column in ("estimate", "ci_low", "ci_high") else 0)
            tight = 2e-4 if column in ("df", "p_value") and one.singular else 1e-5
            assert (np.abs(own[column] - want[column]) <= tight * scale).all(), (gene, column)
        row = own.iloc[0]
        assert row["n"] == one.n_rows
        assert ("rows without a value left out" in row["note"]) == (one.n_rows < len(rest))
        np.testing.assert_allclose(row["log_likelihood"], one.log_likelihood, atol=1e-7)
        np.testing.assert_allclose(row["residual_variance"], one.residual_variance, rtol=1e-5)


@pytest.mark.parametrize("df", ["kenward-roger", "normal"])
def test_other_degrees_of_freedom(reference, df):
    responses, rest = split(reference[0])
    responses = responses.iloc[:, :2]
    table = lmm_panel(responses, "month", rest, groups="patient", df=df)
    for gene in responses:
        one = lmm(f"{gene} ~ month", rest.assign(**{gene: responses[gene]}), groups="patient", df=df).coefficients
        own = table[table["response"] == gene].set_index("term")[list(one.columns)]
        np.testing.assert_allclose(own, one, rtol=1e-5)


def test_other_random_effects_are_fitted_by_lmm(reference):
    responses, rest = split(reference[0])
    rest = rest.assign(centre=rest["patient"] % 4)
    responses = responses.iloc[:, :2].assign(flat=1.0, empty=np.nan)
    seen = []
    random = {"centre": "1", "patient": "1"}
    table = lmm_panel(responses, "month", rest, random=random, progress=lambda *at: seen.append(at))
    one = lmm("g01 ~ month", rest.assign(g01=responses["g01"]), random=random).coefficients
    np.testing.assert_allclose(table.iloc[:2][list(one.columns)], one, rtol=1e-8)
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert table["note"].str.contains("not fitted: .*constant").tolist()[4:6] == [True, True]
    assert table["note"].str.startswith("not fitted: no value").tolist()[6:] == [True, True]


def test_what_cannot_be_fitted_keeps_its_rows_and_a_reason(reference):
    responses, rest = split(reference[0])
    patient = rest["patient"].to_numpy()
    odd = responses.iloc[:, :2].assign(
        flat=7.1, line=2 + 0.3 * rest["month"], steps=np.sqrt(patient) + 0.3 * rest["month"], empty=np.nan,
        few=responses["g01"].where(np.arange(len(rest)) < 3),
        single=responses["g02"].where(~rest["patient"].duplicated()),
    )  # fmt: skip
    for random in ("1", "1 + month"):
        table = lmm_panel(odd, "month", rest, groups="patient", random=random).set_index("response")
        assert len(table) == 16
        assert table.loc[["g01", "g02"], "estimate"].notna().all()
        for gene in ("flat", "line", "steps", "empty", "few", "single"):
            rows = table.loc[gene]
            assert rows[["estimate", "se", "df", "p_value", "q_value"]].isna().all(axis=None), gene
            assert rows["note"].str.startswith("not fitted: ").all(), gene
            assert not rows["converged"].any()
        assert table.loc["empty", "n"].tolist() == [0, 0]
        # The two that are left are one family of two.
        alone = lmm_panel(odd[["g01", "g02"]], "month", rest, groups="patient", random=random)
        # Not to the last bit: a product of another width may add up in another order, by processor, and the search
        # for the maximum end a step apart.
        np.testing.assert_allclose(table.loc[["g01", "g02"], "q_value"], alone["q_value"], rtol=1e-6)


def test_rows_without_a_covariate_are_counted(reference):
    responses, rest = split(reference[0])
    rest.loc[[2, 5, 9], "arm"] = np.nan
    responses = responses.iloc[:, :2].copy()
    responses.iloc[2:4, 0] = np.nan  # one of them on a row that is left out anyway
    table = lmm_panel(responses, "month + arm", rest, groups="patient").drop_duplicates("response")
    n = len(rest)
    assert table["n"].tolist() == [n - 4, n - 3]
    assert table["note"].tolist() == [
        "1 rows without a value left out, 3 rows without a variable of the model left out",
        "3 rows without a variable of the model left out",
    ]


def test_neither_threads_nor_company_change_a_gene(reference):
    responses, rest = split(reference[0])
    wide = pd.concat([responses.add_suffix(f"_{i}") for i in range(9)], axis=1)
    many = lmm_panel(wide, "month", rest, groups="patient", random="1 + month", n_jobs=2)
    seen = []
    one = lmm_panel(wide, "month", rest, groups="patient", random="1 + month", progress=lambda *at: seen.append(at))
    pd.testing.assert_frame_equal(many, one)
    assert seen[-1] == (540, 540)
    first = lmm_panel(responses, "month", rest, groups="patient", random="1 + month")
    for column in ("estimate", "se", "df", "log_likelihood"):
        np.testing.assert_allclose(one[column].to_numpy().reshape(9, -1), np.tile(first[column], (9, 1)), rtol=1e-6)


def test_rows_are_matched_by_label_or_place(reference):
    responses, rest = split(reference[0])
    responses = responses.iloc[:, :3]
    want = lmm_panel(responses, "month", rest, groups="patient")
    shuffled = responses.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(lmm_panel(shuffled, "month", rest, groups="patient"), want)
    named = rest.set_axis([f"v{i}" for i in range(len(rest))])
    pd.testing.assert_frame_equal(lmm_panel(responses, "month", named, groups="patient"), want)
    with pytest.raises(AnalysisError, match="same rows"):
        lmm_panel(responses.iloc[1:], "month", rest, groups="patient")
    with pytest.raises(AnalysisError, match="0 labels of the index in common"):
        lmm_panel(responses.set_axis([f"w{i}" for i in range(len(rest))]), "month", named, groups="patient")


def test_refusals(reference):
    responses, rest = split(reference[0])
    responses = responses.iloc[:, :2]

    def refuse(error, match, table=responses, formula="month", **more):
        with pytest.raises(error, match=match):
            lmm_panel(table, formula, rest, **({"groups": "patient"} | more))

    refuse(AnalysisError, "infinite", responses.assign(bad=np.where(rest["month"] > 3, np.inf, 0.0)))
    refuse(AnalysisError, "not numbers", responses.assign(bad="x"))
    refuse(AnalysisError, "stands twice", pd.concat([responses, responses], axis=1))
    refuse(AnalysisError, "without a family", families={"g01": "genes"})
    refuse(AnalysisError, "lacks columns", formula="week")
    refuse(AnalysisError, "collinear", formula="month + I(2 * month)")
    refuse(UsageError, "right-hand side", formula="g01 ~ month")
    refuse(UsageError, "degrees of freedom", df="kenward")
    refuse(UsageError, "REML", df="kenward-roger", reml=False)
    refuse(UsageError, "level", level=95)
    refuse(UsageError, "n_jobs", n_jobs=0)
    refuse(UsageError, "groups", groups=None)
    refuse(UsageError, "not both", random={"patient": "1", "arm": "1"})
    refuse(UsageError, "one column a gene", responses["g01"])
    rest["row"] = np.arange(len(rest))
    refuse(AnalysisError, "cannot be told apart", groups="row")
