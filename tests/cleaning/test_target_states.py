"""What the drawn patients of docs/definitions/lldas.md and doris.md do not show: other sets of columns."""

import pandas as pd
import pytest

from lumier_analysis.cleaning.sledai import DOMAINS, WEIGHTS, sledai_from_items
from lumier_analysis.cleaning.target_states import (
    MAJOR_ORGAN,
    doris_criteria,
    lldas_criteria,
    state,
    with_target_states,
)


def visit(n=1, **columns):
    items = dict.fromkeys(WEIGHTS, False) | {k: v for k, v in columns.items() if k in WEIGHTS}
    table = pd.DataFrame([items] * n).astype("boolean")
    table = table.assign(patient_id="P", day=pd.array([91 * i for i in range(n)], dtype="Int64"))
    table["sledai"] = sledai_from_items(table)["total"]
    rest = {"pga": 0.2, "prednisone": 5.0, "clinical_flare": False} | {
        k: v for k, v in columns.items() if k not in WEIGHTS
    }
    return table.assign(**rest)


@pytest.mark.parametrize("item", MAJOR_ORGAN)
def test_no_descriptor_of_a_major_organ_may_be_present(item):
    assert with_target_states(visit(**{item: True}))["lldas"].item() == False  # noqa: E712


def test_major_organs_are_renal_cns_serosa_vessels_and_fever():
    assert len(MAJOR_ORGAN) == 4 + 7 + 2 + 1 + 1
    assert not set(MAJOR_ORGAN) & {*DOMAINS["skin"], *DOMAINS["musculoskeletal"], *DOMAINS["haematological"]}


def test_what_the_study_does_not_record_may_be_left_unjudged():
    judged = with_target_states(visit(), unrecorded_met=False)
    assert judged["lldas"].isna().item()
    assert judged["lldas_unjudged"].item() == "activity, treatment"
    assert judged["doris_unjudged"].item() == "stable treatment"


def test_steroids_as_yes_or_no_are_no_dose():
    judged = with_target_states(visit(prednisone=1), dose_in_mg=False)
    assert judged["lldas_unjudged"].item() == judged["doris_unjudged"].item() == "prednisone"


def test_a_study_without_pga_cannot_reach_either_state_but_can_fail_it():
    quiet = with_target_states(visit().drop(columns="pga"))
    assert quiet["lldas"].isna().item() and quiet["lldas_unjudged"].item() == "PGA"
    active = with_target_states(visit(vasculitis=True).drop(columns="pga"))
    assert active["lldas"].item() == active["doris"].item() == False  # noqa: E712


@pytest.mark.parametrize(("total", "lldas", "doris"), [(0, True, True), (2, None, None), (6, False, False)])
def test_without_descriptors_the_total_says_what_it_can(total, lldas, doris):
    table = visit().drop(columns=list(WEIGHTS)).assign(sledai=pd.array([total], dtype="Float64"))
    judged = with_target_states(table)
    for name, expected in (("lldas", lldas), ("doris", doris)):
        value = judged[name].item()
        assert pd.isna(value) if expected is None else value == expected


def test_the_entered_total_may_settle_a_descriptor_not_filled_in():
    table = visit(proteinuria=pd.NA).assign(sledai=pd.array([0], dtype="Float64"))
    assert with_target_states(table)["lldas"].isna().item()
    assert with_target_states(table.assign(sledai_entered=0))["lldas"].item()


def test_the_order_of_the_rows_does_not_matter():
    table = visit(3).assign(rash=pd.array([False, True, True], dtype="boolean"))
    table["sledai"] = sledai_from_items(table)["total"]
    table = pd.concat([table, table.assign(patient_id="Q", rash=False)], ignore_index=True)
    expected = with_target_states(table).set_index(["patient_id", "day"])["lldas"]
    mixed = with_target_states(table.sample(frac=1, random_state=3)).set_index(["patient_id", "day"])["lldas"]
    assert mixed.reindex(expected.index).tolist() == expected.tolist() == [True, False, True, True, True, True]


def test_a_visit_without_day_has_no_visit_before():
    table = visit(2).assign(day=pd.array([0, None], dtype="Int64"))
    assert lldas_criteria(table)["no new features"].isna().tolist() == [False, True]


def test_one_failed_criterion_settles_the_state():
    criteria = pd.DataFrame({"a": [True, True, False], "b": [True, None, None]}, dtype="boolean")
    reached, unjudged = state(criteria)
    assert reached.tolist() == [True, pd.NA, False]
    assert unjudged.tolist() == ["", "b", ""]


def test_doris_asks_pga_below_a_half():
    assert doris_criteria(visit(pga=0.49))["PGA"].item()
    assert not doris_criteria(visit(pga=0.5))["PGA"].item()
