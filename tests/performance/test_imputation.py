from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.performance import auc, impute_visits, pooled_auc

KEYS = {"patient": "patient", "visit": "visit"}
ALL = KEYS | {"outcome": "flare", "measured": ["a", "b"], "constant": ["sex"]}


def study(seed=0, patients=60, lost=0.25):
    rng = np.random.default_rng(seed)
    lines = []
    for i in range(patients):
        level, sex = rng.standard_normal(), float(rng.random() < 0.9)
        for visit in ("M0", "M3", "M6"):
            x = level + rng.standard_normal()
            flare = int(rng.random() < 1 / (1 + np.exp(2 - x)))
            lines.append((f"P{i:03d}", visit, flare, x + 0.5 * rng.standard_normal(), level, sex, "kept"))
            if flare:
                break
    rows = pd.DataFrame(lines, columns=["patient", "visit", "flare", "a", "b", "sex", "other"])
    whole = rows.copy()
    for name in ("a", "b"):
        rows.loc[rng.random(len(rows)) < lost, name] = np.nan
    rows.loc[rows["patient"].isin(["P001", "P002"]), "sex"] = np.nan
    return rows, whole


def test_only_what_is_missing_of_the_named_columns_changes():
    rows, _ = study()
    rows = rows.sample(frac=1, random_state=3)  # any order, any index
    before = rows.copy()
    found = impute_visits(rows, **ALL, m=3)
    pd.testing.assert_frame_equal(rows, before)
    assert len(found) == 3
    for done in found:
        pd.testing.assert_frame_equal(
            done[["patient", "visit", "flare", "other"]], rows[["patient", "visit", "flare", "other"]]
        )
        assert done.notna().all(axis=None)
        for name in ("a", "b", "sex"):
            seen = rows[name].notna()
            pd.testing.assert_series_equal(done.loc[seen, name], rows.loc[seen, name])
        assert (done.groupby("patient")["sex"].std().fillna(0) == 0).all()
    gone = rows["a"].isna()
    assert not np.allclose(found[0].loc[gone, "a"], found[1].loc[gone, "a"])


def test_the_seed_decides_and_the_order_of_rows_does_not():
    rows, _ = study()
    first, again, other = (impute_visits(rows, **ALL, m=2, seed=s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first[1], again[1])
    assert not first[1].equals(other[1])
    turned = impute_visits(rows.iloc[::-1], **ALL, m=2, seed=1)
    pd.testing.assert_frame_equal(turned[1].iloc[::-1], first[1], rtol=1e-9)


def test_a_value_known_at_one_visit_is_used_at_the_others():
    rows, _ = study()
    first = rows["patient"] == "P000"
    rows.loc[first & (rows["visit"] != "M0"), "sex"] = np.nan
    want = rows.loc[first, "sex"].iloc[0]
    assert (impute_visits(rows, **ALL, m=2)[0].loc[first, "sex"] == want).all()


def test_nothing_missing_gives_copies():
    _, whole = study()
    for done in impute_visits(whole, **ALL, m=2):
        pd.testing.assert_frame_equal(done, whole)


def test_a_constant_column_is_filled_with_its_constant():
    rows, _ = study()
    rows["b"] = rows["b"].where(rows["b"].isna(), 7.0)
    assert (impute_visits(rows, **ALL, m=2)[0]["b"] == 7).all()


def test_other_visits_tell_the_value():
    rows, whole = study(patients=150)
    gone = rows["b"].isna()  # b is the same at every visit of a patient
    drawn = np.mean([f.loc[gone, "b"] for f in impute_visits(rows, **ALL, m=10)], axis=0)
    assert np.corrcoef(drawn, whole.loc[gone, "b"])[0, 1] > 0.8


def test_the_flare_indicator_keeps_the_relation_with_the_outcome():
    """Half of a marker lost at random: without the outcome in the model its AUC is drawn towards 1/2."""
    with_it, without, truth = [], [], []
    for seed in range(8):
        rng = np.random.default_rng(seed)
        flare = (np.arange(200) % 4 == 0).astype(int)
        marker = 1.2 * flare + rng.standard_normal(200)
        truth.append(auc(flare, marker).value)
        lost = np.where(rng.random(200) < 0.5, np.nan, marker)
        rows = pd.DataFrame({"patient": np.arange(200), "visit": "M0", "flare": flare, "a": lost, "c": rng.random(200)})
        part = KEYS | {"measured": ["a"], "constant": ["c"], "m": 5, "seed": seed}
        for outcome, where in (("flare", with_it), (None, without)):
            done = impute_visits(rows, **part, outcome=outcome)
            where.append(pooled_auc(flare, [d["a"] for d in done], cluster=rows["patient"]).value)
    assert abs(np.mean(with_it) - np.mean(truth)) < 0.03
    assert np.mean(truth) - np.mean(without) > 0.08


def test_the_pooled_interval_covers():
    """Single-visit marker with true AUC Phi(0.8 / sqrt 2) = 0.714, 40 % missing depending on a covariate."""
    hits = []
    for seed in range(120):
        rng = np.random.default_rng(1000 + seed)
        flare = (rng.random(120) < 0.3).astype(int)
        marker = 0.8 * flare + rng.standard_normal(120)
        c = marker + rng.standard_normal(120)
        lost = np.where(rng.random(120) < 1 / (1 + np.exp(0.5 - c)), np.nan, marker)
        rows = pd.DataFrame({"patient": np.arange(120), "visit": "M0", "flare": flare, "a": lost, "c": c})
        done = impute_visits(
            rows, **KEYS, outcome="flare", measured=["a"], predictors=["c"], m=5, seed=seed, max_iter=2
        )
        e = pooled_auc(flare, [d["a"] for d in done], cluster=rows["patient"])
        hits.append(e.ci_low <= 0.7142 <= e.ci_high)
    assert 0.90 <= np.mean(hits) <= 0.99  # 0.95 with a Monte-Carlo standard error of 0.02


def test_pooled_auc():
    _, whole = study()
    once = auc(whole["flare"], whole["a"], cluster=whole["patient"])
    e = pooled_auc(whole["flare"], [whole["a"]] * 3, cluster=whole["patient"])
    assert (e.value, e.se) == pytest.approx((once.value, once.se))
    assert (e.n_patients, e.n_rows, e.n_events) == (once.n_patients, once.n_rows, once.n_events)
    assert e.df == pytest.approx(60 / 62 * 59) and 0 < e.fmi < 0.05 and 0 < e.p_value < 1


def test_pooled_auc_says_what_it_cannot():
    y, who = [0, 0, 1, 1], [1, 2, 3, 4]
    perfect = pooled_auc(y, [[1, 2, 3, 4], [1, 3, 2, 4]], cluster=who)
    assert np.isnan(perfect.value) and "1 of 2 imputations cannot be pooled" in perfect.note
    none = pooled_auc([0] * 4, [[1, 2, 3, 4]] * 2, cluster=who)
    assert np.isnan(none.value) and "2 of 2" in none.note
    with pytest.raises(AnalysisError, match="two imputations"):
        pooled_auc(y, [[1, 2, 3, 4]], cluster=who)
    with pytest.raises(AnalysisError, match="missing"):
        pooled_auc(y, [[1, 2, 3, np.nan]] * 2, cluster=who)


def spoil(name, value):
    def change(rows):
        rows[name] = rows[name].astype(object) if isinstance(value, str) else rows[name].astype(float)
        rows.loc[3, name] = value
        return rows

    return change


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (spoil("flare", np.nan), "flare has missing values, and is not to be imputed"),
        (spoil("a", np.inf), "a has infinite"),
        (spoil("a", "high"), "a is not a column of numbers"),
        (lambda d: d.drop(columns="b"), "not there.*b"),
        (lambda d: pd.concat([d, d.iloc[:2]]), "2 rows named twice"),
        (lambda d: d.assign(visit=d["visit"].where(d.index > 0)), "has missing values"),
        (lambda d: d.iloc[:0], "no row"),
        (lambda d: d.assign(sex=np.arange(len(d)) % 2), "one value a patient"),
        (lambda d: d.assign(a=d["a"].where(d["visit"] != "M6")), "a at M6 cannot be imputed.*0 patients"),
        (lambda d: d.assign(sex=np.nan), "sex cannot be imputed.*0 patients"),
    ],
)
def test_bad_input(change, why):
    with pytest.raises(AnalysisError, match=why):
        impute_visits(change(study()[0]), **ALL)


def test_bad_use():
    rows, _ = study()
    with pytest.raises(UsageError, match="flare twice"):
        impute_visits(rows, **(ALL | {"measured": ["a", "flare"]}))
    with pytest.raises(UsageError, match="m must be 2"):
        impute_visits(rows, **ALL, m=1)
    with pytest.raises(UsageError, match="nothing is named"):
        impute_visits(rows, **KEYS, outcome="flare", measured=[])


def test_twenty_patients_with_three_flares():
    rows, _ = study(patients=20, seed=5)
    rows["flare"] = 0
    rows.loc[[1, 8, 15], "flare"] = 1
    done = impute_visits(rows, **ALL)
    assert len(done) == 20 and all(d.notna().all(axis=None) for d in done)


def test_no_value_is_drawn_out_of_all_bounds_where_patients_are_fewer_than_columns():
    rng = np.random.default_rng(3)
    patients, visits = 9, ["M0", "M3", "M6", "M9"]
    names = ["a", "b", "c", "d"]
    rows = pd.DataFrame([(f"P{i}", v) for i in range(patients) for v in visits], columns=["patient", "visit"])
    values = rng.standard_normal((len(rows), len(names)))
    values[rng.random(values.shape) < 0.15] = np.nan
    rows[names] = values
    drawn = impute_visits(rows, patient="patient", visit="visit", outcome=None, measured=names, m=40, seed=1)
    for name in names:
        by_visit = rows.groupby("visit")[name]
        mean, spread = by_visit.transform("mean"), by_visit.transform(lambda x: x.std(ddof=0))
        away = np.abs(np.array([(copy[name] - mean) / spread for copy in drawn]))
        assert np.isfinite(away).all() and away.max() <= 10 + 1e-9
