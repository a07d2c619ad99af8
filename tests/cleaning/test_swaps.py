import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.swaps import (
    FAILED,
    called_sex,
    levels_from_probes,
    levels_from_reactions,
    query_swaps,
    sex_score,
)
from lumier_analysis.errors import PlanError
from lumier_analysis.study.sections import SexGenes

GENES = SexGenes(female=["XIST"], male=["RPS4Y1", "KDM5D"])


def test_levels_of_reactions():
    reactions = pd.DataFrame(
        [("a", "XIST", 10.0, "detected"), ("a", "XIST", 12.0, "detected"), ("a", "RPS4Y1", 999.0, "not detected"),
         ("a", "KDM5D", 9.0, "untrusted"), ("a", "IFI44", 9.0, "detected"), ("", "XIST", 9.0, "detected")],
        columns=["sample", "assay", "ct", "state"],
    )  # fmt: skip
    levels = levels_from_reactions(reactions, ["XIST", "RPS4Y1", "KDM5D"], 25.0)
    assert levels.loc["a"].to_dict() == {"RPS4Y1": -25.0, "XIST": -11.0}
    assert levels.index.tolist() == ["a"]


def test_levels_of_probes():
    log2 = pd.DataFrame({"s": [8.0, 10.0, 3.0]}, index=["p1", "p2", "p3"])
    annotation = pd.DataFrame({"probe": ["p1", "p2", "p3", "p4"], "gene": ["XIST", "XIST", "IFI44", "KDM5D"]})
    assert levels_from_probes(log2, annotation, ["XIST", "KDM5D"]).loc["s"].to_dict() == {"XIST": 9.0}


def test_the_score_is_female_less_male_and_references_stand_in():
    levels = pd.DataFrame({"XIST": [9.0, 3.0], "RPS4Y1": [3.0, 11.0], "GUSB": [7.0, 7.0]}, index=["f", "m"])
    assert sex_score(levels, GENES, []).tolist() == [6.0, -8.0]
    assert sex_score(levels, SexGenes(female=["XIST"]), ["GUSB"]).tolist() == [2.0, -4.0]
    assert sex_score(levels, SexGenes(male=["RPS4Y1"]), ["GUSB"]).tolist() == [4.0, -4.0]


def test_genes_that_no_one_measured():
    with pytest.raises(PlanError, match=r"none of the genes of panel\.sex_genes.*no XIST, RPS4Y1, KDM5D"):
        sex_score(pd.DataFrame({"GUSB": [1.0]}), GENES, ["GUSB"])


def samples(swap=(), men=6, women=20, visits=3, seed=1):
    """Return samples, patients and scores; `swap` names samples whose tubes hold the other sex."""
    rng = np.random.default_rng(seed)
    patients = pd.DataFrame(
        {"patient_id": [f"p{i:02d}" for i in range(men + women)], "sex": ["male"] * men + ["female"] * women}
    )
    table = pd.DataFrame(
        [(f"{p}-{v}", p, f"M{3 * v}", True, "") for p in patients["patient_id"] for v in range(visits)],
        columns=["sample_id", "patient_id", "visit", "qc_pass", "qc_reason"],
    )
    sex = table["patient_id"].map(patients.set_index("patient_id")["sex"])
    female = (sex == "female") ^ table["sample_id"].isin(swap)
    score = pd.Series(np.where(female, 6.0, -6.0) + rng.normal(0, 0.8, len(table)), index=table["sample_id"])
    return table, patients, score


def test_a_clean_study_accuses_no_one():
    queries = Queries()
    judged = query_swaps(*samples(), GENES, queries)
    assert len(queries.frame()) == 0
    assert judged["qc_pass"].all()


def test_two_exchanged_tubes_are_found():
    queries = Queries()
    judged = query_swaps(*samples(swap=["p00-1", "p10-2"]), GENES, queries)
    found = queries.frame()
    assert sorted(found["sample_id"]) == ["p00-1", "p10-2"]
    assert found.set_index("sample_id").loc["p00-1", ["value", "expected"]].tolist() == [
        "sex genes say female",
        "male, as recorded",
    ]
    assert set(found["action"]) == {"sample used until this is answered"}
    assert judged["qc_pass"].all()


def test_the_plan_may_keep_them_out_meanwhile():
    judged = query_swaps(*samples(swap=["p00-1"]), GENES.model_copy(update={"mismatch": "exclude"}), Queries())
    assert judged.loc[~judged["qc_pass"], ["sample_id", "qc_reason"]].to_numpy().tolist() == [["p00-1", FAILED]]


def test_where_all_samples_of_a_patient_contradict_the_record_is_in_doubt():
    queries = Queries()
    strict = GENES.model_copy(update={"mismatch": "exclude"})
    judged = query_swaps(*samples(swap=["p00-0", "p00-1", "p00-2"]), strict, queries)
    assert set(queries.frame()["field"]) == {"sex"}
    assert judged["qc_pass"].all()


def test_genes_that_do_not_part_the_sexes_accuse_no_one():
    table, patients, _ = samples()
    noise = pd.Series(np.random.default_rng(3).normal(0, 1, len(table)), index=table["sample_id"])
    queries = Queries()
    query_swaps(table, patients, noise, GENES, queries)
    assert len(queries.frame()) == 0


def test_few_men_are_judged_where_both_kinds_of_genes_are_measured_and_only_there():
    table, patients, score = samples(swap=["p05-0"], men=1)
    recorded = table["patient_id"].map(patients.set_index("patient_id")["sex"])
    own = table["sample_id"].map(score)
    called = called_sex(own, recorded, both_kinds=True)
    assert called[table["sample_id"] == "p05-0"].tolist() == ["male"]
    assert (called_sex(own, recorded, both_kinds=False) == "").all()


def test_a_sample_in_between_is_unclear():
    table, patients, score = samples()
    score["p00-0"] = 0.5
    recorded = table["patient_id"].map(patients.set_index("patient_id")["sex"])
    called = called_sex(table["sample_id"].map(score), recorded, both_kinds=True)
    assert called[0] == ""
    assert (called[1:] == recorded[1:]).all()
