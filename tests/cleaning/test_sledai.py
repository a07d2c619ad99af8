import pandas as pd

from lumier_analysis.cleaning.sledai import DOMAINS, WEIGHTS, descriptors, domain_scores, sledai_from_items


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


def test_an_unknown_item_leaves_the_total_unknown_between_two_bounds():
    row = sledai_from_items(visit(rash=pd.NA, arthritis=True)).iloc[0]
    assert pd.isna(row["total"]) and pd.isna(row["clinical"])
    assert (row["low"], row["high"]) == (4, 4 + 2)


def test_unknown_serology_leaves_clinical_sledai_known():
    row = sledai_from_items(visit(low_complement=pd.NA, rash=True)).iloc[0]
    assert pd.isna(row["total"])
    assert row["clinical"] == 2


def test_an_entered_total_without_room_for_the_unknown_item_makes_it_absent():
    items = visit(rash=pd.NA, arthritis=True)
    assert sledai_from_items(items, pd.Series([4])).iloc[0]["total"] == 4
    assert descriptors(items, pd.Series([4])).loc[0, "rash"] == False  # noqa: E712
    for entered in (6, pd.NA, 2):  # room for it, unknown, or in contradiction with the items
        assert pd.isna(sledai_from_items(items, pd.Series([entered], dtype="Int64")).iloc[0]["total"])


def test_each_item_belongs_to_one_domain_and_the_domains_add_up():
    assert sorted(name for names in DOMAINS.values() for name in names) == sorted(WEIGHTS)
    everything = visit(**dict.fromkeys(WEIGHTS, True))
    scores = domain_scores(everything).iloc[0]
    assert scores.to_dict() == {
        "cns": 7 * 8, "vascular": 8, "musculoskeletal": 2 * 4, "renal": 4 * 4, "skin": 3 * 2, "serosa": 2 * 2,
        "immunological": 2 * 2, "constitutional": 1, "haematological": 2 * 1,
    }  # fmt: skip
    assert scores.sum() == sledai_from_items(everything).iloc[0]["total"] == 105


def test_an_unknown_item_leaves_its_own_domain_unknown_alone():
    scores = domain_scores(visit(rash=pd.NA, arthritis=True)).iloc[0]
    assert pd.isna(scores["skin"])
    assert scores["musculoskeletal"] == 4
