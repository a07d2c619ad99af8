"""Table 1: one row is one patient, its denominators are patients, and no small cell can be read from it."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.reporting import Variable, table_one
from lumier_analysis.reporting.disclosure import WITHHELD
from lumier_analysis.reporting.table_one_result import SMD


def make_patients(n_test=40, n_validation=30):
    """Patients with an age, a sex, a flag and a marker that some lack."""
    n = n_test + n_validation
    return pd.DataFrame(
        {
            "patient_id": [f"P{i:03d}" for i in range(n)],
            "cohort": ["test"] * n_test + ["validation"] * n_validation,
            "age": np.arange(n, dtype=float) + 20,
            "sex": ["female", "female", "male"] * (n // 3) + ["female"] * (n % 3),
            "nephritis": pd.array([i % 2 == 0 for i in range(n)], dtype="boolean"),
        }
    )


AGE, SEX, NEPHRITIS = (
    Variable("age", "Age, years"),
    Variable("sex", "Sex", "category"),
    Variable("nephritis", "Past nephritis", "category"),
)


def test_numbers_are_those_of_the_patients():
    patients = make_patients()
    table = table_one(patients, [AGE, SEX, NEPHRITIS])
    test = patients[patients["cohort"] == "test"]
    quartiles = test["age"].quantile([0.5, 0.25, 0.75])
    assert table.frame.loc[("Age, years", ""), "test"] == "{:.1f} ({:.1f}, {:.1f})".format(*quartiles)
    females = int((test["sex"] == "female").sum())
    assert table.frame.loc[("Sex", "female"), "test"] == f"{females} ({100 * females / 40:.0f} %)"
    assert table.frame.loc[("Past nephritis", ""), "test"] == "20 (50 %)"
    assert table.sizes == {"test": "40", "validation": "30"}


def test_levels_and_missing_add_up_to_the_cohort():
    patients = make_patients()
    patients.loc[patients.index[:9], "sex"] = None
    table = table_one(patients, [SEX])
    for cohort, size in (("test", 40), ("validation", 30)):
        cells = [c for c in table.cells if c.cohort == cohort and c.name == "sex"]
        assert sum(c.value for c in cells) == size
        assert all(c.n == size for c in cells)
    assert table.frame.loc[("Sex", "missing"), "test"] == "9 (22 %)"


def test_visits_in_place_of_patients_are_refused():
    visits = pd.concat([make_patients(), make_patients()], ignore_index=True)
    with pytest.raises(AnalysisError, match="140 rows of 70 patients"):
        table_one(visits, [AGE])


def test_a_row_without_a_patient_or_a_cohort_is_refused():
    patients = make_patients()
    patients.loc[3, "patient_id"] = None
    with pytest.raises(AnalysisError, match="one row a patient"):
        table_one(patients, [AGE])
    patients = make_patients()
    patients.loc[3, "cohort"] = None
    with pytest.raises(AnalysisError, match="missing for 1 patients"):
        table_one(patients, [AGE])
    with pytest.raises(AnalysisError, match="no patients"):
        table_one(make_patients().iloc[:0], [AGE])


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        (Variable("weight", "Weight"), "no weight"),
        (Variable("sex", "Sex", "median"), "no number"),
        (Variable("sex", "Sex", "share"), "Unknown kind"),
        (Variable("sex", "Sex", "category", levels=("female",)), "does not list.*male"),
    ],
)
def test_a_variable_that_does_not_fit_is_refused(variable, message):
    with pytest.raises(UsageError, match=message):
        table_one(make_patients(), [variable])


def test_levels_stand_in_the_order_given():
    table = table_one(make_patients(), [Variable("sex", "Sex", "category", levels=("male", "female"))])
    assert [level for _, level in table.frame.index] == ["male", "female"]


@pytest.mark.parametrize("values", [[True, False], [1, 0]])
def test_yes_and_no_take_one_row_however_they_are_coded(values):
    patients = make_patients().assign(hcq=values * 35)
    table = table_one(patients, [Variable("hcq", "Hydroxychloroquine", "category")])
    assert table.frame.index.tolist() == [("Hydroxychloroquine", "")]
    assert table.frame["test"].tolist() == ["20 (50 %)"]


def test_one_and_two_are_levels():
    table = table_one(make_patients().assign(arm=[1, 2] * 35), [Variable("arm", "Arm", "category")])
    assert [level for _, level in table.frame.index] == ["1", "2"]


def test_a_small_level_hides_another_and_the_difference():
    patients = make_patients().assign(sex=["male"] * 3 + ["female"] * 67)
    frame = table_one(patients, [SEX]).frame
    assert frame.loc[("Sex", "male"), "test"] == "<5"
    assert frame.loc[("Sex", "female"), "test"] == WITHHELD
    # The other cohort's figures and the difference together would give it back.
    assert frame.loc[("Sex", "female"), SMD] == WITHHELD


@pytest.mark.parametrize("n_yes", [3, 37])
def test_a_flag_of_three_or_of_all_but_three_is_hidden(n_yes):
    patients = make_patients().assign(nephritis=[i < n_yes for i in range(40)] + [True, False] * 15)
    frame = table_one(patients, [NEPHRITIS]).frame
    assert frame.loc[("Past nephritis", ""), "test"] in {"<5", WITHHELD}
    assert frame.loc[("Past nephritis", ""), "validation"] == "15 (50 %)"


def test_no_more_is_hidden_than_must_be():
    # The "no" is not printed: with it unknown, two missing do not call for hiding the "yes".
    nephritis = pd.array([None] * 2 + [True] * 15 + [False] * 23 + [True, False] * 15, dtype="boolean")
    frame = table_one(make_patients().assign(nephritis=nephritis), [NEPHRITIS]).frame
    assert frame.loc[("Past nephritis", "missing"), "test"] == "<5"
    assert frame.loc[("Past nephritis", ""), "test"] == "15 (38 %)"


def test_few_missing_are_hidden_and_a_median_of_few_is_withheld():
    patients = make_patients()
    patients.loc[:2, "age"] = np.nan
    frame = table_one(patients, [AGE]).frame
    assert frame.loc[("Age, years", "missing"), "test"] == "<5"
    assert frame.loc[("Age, years", "missing"), "validation"] == "0"
    patients.loc[patients.index[4:40], "age"] = np.nan  # one known value in the test cohort
    frame = table_one(patients, [AGE]).frame
    assert frame.loc[("Age, years", ""), "test"] == WITHHELD
    assert frame.loc[("Age, years", "missing"), "test"] == WITHHELD, "40 minus it is the number of known values"


def test_a_cohort_of_four_shows_nothing_small():
    table = table_one(make_patients(4, 30), [AGE, SEX, NEPHRITIS])
    assert table.sizes["test"] == "<5"
    column = " ".join(table.frame["test"])
    assert not re.search(r"\b[1-4] \(|\b[1-4]\b(?! ?%)", column.replace("<5", "").replace(WITHHELD, ""))


def test_decimals_are_the_same_within_a_cell():
    patients = make_patients().assign(c3=np.linspace(60, 125, 70))
    text = table_one(patients, [Variable("c3", "C3", digits=2)]).frame.loc[("C3", ""), "validation"]
    assert len({len(number.split(".")[1]) for number in re.findall(r"\d+\.\d+", text)}) == 1


def test_means_and_their_note():
    table = table_one(make_patients(), [AGE, Variable("age", "Age again", "mean", digits=2)])
    test = make_patients()["age"][:40]
    assert table.frame.loc[("Age again", ""), "test"] == f"{test.mean():.2f} ({test.std(ddof=1):.2f})"
    assert "but mean (SD) for Age again" in table.note
    assert "[c]" not in table.note, "the markers are explained where they stand"


def test_one_cohort_has_no_difference():
    table = table_one(make_patients(40, 0), [AGE, SEX])
    assert list(table.frame.columns) == ["test"]
    assert "SMD" not in table.note
