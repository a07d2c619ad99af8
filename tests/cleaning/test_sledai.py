import pandas as pd

from lumier_analysis.cleaning.sledai import WEIGHTS, sledai_from_items


def visit(**present):
    return pd.DataFrame([{name: present.get(name, False) for name in WEIGHTS}]).astype("boolean")


def test_the_weights_sum_to_105():
    assert sum(WEIGHTS.values()) == 8 * 8 + 6 * 4 + 7 * 2 + 3 * 1 == 105


def test_serology_alone_reaches_four_points_and_no_clinical_point():
    row = sledai_from_items(visit(low_complement=True, increased_dna_binding=True)).iloc[0]
    assert row["total"] == 2 + 2
    assert row["clinical"] == 0


def test_the_weight_itself_counts_as_present():
    items = visit().astype("Int64").assign(arthritis=4, fever=1)
    assert sledai_from_items(items).iloc[0]["total"] == 4 + 1


def test_an_unknown_item_leaves_the_total_unknown():
    assert sledai_from_items(visit(rash=pd.NA)).isna().all(axis=None)
