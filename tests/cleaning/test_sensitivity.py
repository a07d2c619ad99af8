"""Landmark rules, one at a time, on the simulated study."""

import shutil

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning import (
    aucs_under_rules,
    expression_of,
    landmark_rows,
    landmarks_by_rule,
    landmarks_under,
)
from lumier_analysis.cleaning.clean import clean_study
from lumier_analysis.performance import auc
from lumier_analysis.study import open_study


@pytest.fixture(scope="module")
def study(simulated, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rules") / "synthetic"
    shutil.copytree(simulated, folder)
    made = open_study(folder)
    for name, frame in clean_study(made).tables["test"].items():
        made.write(name, "test", frame)
    return made


@pytest.fixture(scope="module")
def marks(study):
    return landmarks_by_rule(study, "test")


def score(expression):
    return expression.mean(axis=1)


def test_the_plan_comes_first_and_is_the_table_of_the_study(study, marks):
    assert list(marks) == ["plan", *(c.id for c in study.plan.sensitivity)]
    stored, anew = study.read("landmarks", "test"), marks["plan"][1]
    keys = ["patient_id", "visit", "event"]
    assert anew.loc[anew["included"], keys].values.tolist() == stored.loc[stored["included"], keys].values.tolist()


def test_recurrent_flares_have_students_t_and_the_others_the_normal(study, marks):
    found = aucs_under_rules(study, "test", score, marks)
    assert {k for k, (_, e) in found.items() if "logit t" in e.method} == {"recurrent"}
    rows = landmark_rows(study, "test", marks["recurrent"][1])
    values = score(expression_of(study, "test", rows))
    want = auc(rows["event"], values, cluster=rows["patient_id"], interval="logit t")
    assert (found["recurrent"][1].ci_low, found["recurrent"][1].ci_high) == (want.ci_low, want.ci_high)
    given = aucs_under_rules(study, "test", score, marks, interval="logit")["recurrent"][1]
    assert given.ci_high - given.ci_low < want.ci_high - want.ci_low


def test_rules_at_hand_give_what_rules_computed_anew_do(study, marks):
    some = {k: marks[k] for k in ("plan", "gap_14")}
    found = aucs_under_rules(study, "test", score, some)
    assert list(found) == ["plan", "gap_14"]
    assert found["plan"][1].n_rows == int(marks["plan"][1]["included"].sum())


def test_rows_that_cannot_be_scored_are_left_out_and_none_is_no_result(study, marks):
    some = {"plan": marks["plan"]}
    half = aucs_under_rules(study, "test", lambda e: score(e).where(np.arange(len(e)) % 2 == 0), some)["plan"][1]
    whole = aucs_under_rules(study, "test", score, some)["plan"][1]
    assert half.n_rows == -(-whole.n_rows // 2)
    nothing = aucs_under_rules(study, "test", lambda e: score(e) * np.nan, some)["plan"][1]
    assert np.isnan(nothing.value) and "no landmark" in nothing.note


def test_every_rule_is_that_of_its_own_and_the_tables_are_read_once(study, marks, monkeypatch):
    read, names = type(study).read, []
    monkeypatch.setattr(type(study), "read", lambda self, *which: (names.append(which), read(self, *which))[1])
    together = landmarks_by_rule(study, "test")
    assert sorted(names) == [(name, "test") for name in ("flares", "patients", "samples", "visits")]
    for change in study.plan.sensitivity:
        own = landmarks_under(study, "test", change.set)
        pd.testing.assert_frame_equal(together[change.id][1], own)
