import pandas as pd
import pytest

from lumier_analysis.cleaning.prednisone import FACTORS, NAMES, prednisone_equivalent, with_prednisone


@pytest.mark.parametrize(
    ("drug", "dose"),
    [("prednisone", 5), ("prednisolone", 5), ("methylprednisolone", 4), ("triamcinolone", 4), ("dexamethasone", 0.75),
     ("betamethasone", 0.75), ("hydrocortisone", 20), ("cortisone", 25)],
)  # fmt: skip
def test_each_dose_stands_for_5_mg_of_prednisone(drug, dose):
    equivalent, _ = prednisone_equivalent(pd.Series([drug]), pd.Series([dose]))
    # 6.7 is the rounded 5 / 0.75.
    assert equivalent.item() == pytest.approx(5, abs=0.03)


def test_every_drug_has_its_factor_and_no_name_means_two():
    assert set(NAMES) == set(FACTORS)
    names = [n for own in NAMES.values() for n in own]
    assert len(names) == len(set(names))


def visits(**columns):
    return pd.DataFrame(columns)


def test_two_steroids_add_up():
    table = visits(steroid=["Cortancyl"], steroid_dose=[5.0], steroid_2=["Hydrocortisone"], steroid_2_dose=[20.0])
    assert with_prednisone(table)[0]["prednisone"].item() == 10


def test_an_empty_second_steroid_is_none_but_an_empty_first_is_unknown():
    table = visits(
        steroid=["Cortancyl", None], steroid_dose=[5.0, None], steroid_2=pd.array([None, None], dtype="string"),
        steroid_2_dose=[None, None],
    )  # fmt: skip
    found, unknown = with_prednisone(table)
    assert found["prednisone"].iloc[0] == 5
    assert pd.isna(found["prednisone"].iloc[1])
    assert not unknown.any()


def test_the_recorded_prednisone_stands_and_an_unknown_drug_is_told():
    table = visits(prednisone=[7.5, None], steroid=["Cortancyl", "Plaquenil"], steroid_dose=[5.0, 400.0])
    found, unknown = with_prednisone(table)
    assert found["prednisone"].iloc[0] == 7.5
    assert pd.isna(found["prednisone"].iloc[1])
    assert unknown.tolist() == [False, True]


def test_a_study_without_these_columns_is_left_alone():
    table = visits(prednisone=[5.0])
    found, unknown = with_prednisone(table)
    assert found is table
    assert not unknown.any()
