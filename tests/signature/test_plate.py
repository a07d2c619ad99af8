from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.errors import AnalysisError, SignatureError
from lumier_analysis.signature import lock_module_score

GENES = ("a1", "a2", "a3", "a4", "b1", "b2", "b3", "c1", "c2")
LEVELS = {"r1": 12.0, "r2": 14.0}


@pytest.fixture
def signature(context):
    return lock_module_score(context, "ab")


def make_plate(expression: pd.DataFrame, shift=0.0, chip="plate_1", calibrator="IPC") -> pd.DataFrame:
    """Reactions that give this expression, read `shift` cycles late, with a calibrator and a no-template control."""
    rows = []
    for sample, line in expression.iterrows():
        rows += [(sample, g, LEVELS[g] + shift) for g in LEVELS]
        rows += [(sample, g, 13.0 + shift - v) for g, v in line.items()]
    rows += [(calibrator, g, 15.0 + shift) for g in [*LEVELS, *expression.columns]]
    table = pd.DataFrame(rows, columns=["sample", "assay", "ct"]).assign(state="detected")
    blank = pd.DataFrame({"sample": "NTC", "assay": expression.columns, "ct": np.nan, "state": "not detected"})
    return pd.concat([table, blank], ignore_index=True).assign(chip=chip)


@pytest.fixture
def expression(cohort):
    return cohort.features.iloc[:4]


def test_a_plate_scores_as_its_expression(signature, expression):
    scores = signature.score_plate(make_plate(expression))
    pd.testing.assert_frame_equal(scores.table, signature.score(expression), rtol=1e-12)
    pd.testing.assert_frame_equal(signature.score(make_plate(expression)), scores.table)
    assert scores.notes[0] == "Calibrated by IPC to the levels of the lock; median shift in cycles: plate_1 +0.00."
    assert scores.notes[1] == "Controls and standards, not scored: IPC, NTC."


def test_a_late_plate_is_brought_to_the_frozen_levels(signature, expression):
    """Late in one assay alone, which reference genes cannot mend."""
    plate = make_plate(expression, shift=0.4)
    plate.loc[plate["assay"] == "a1", "ct"] += 0.8
    pd.testing.assert_frame_equal(signature.score(plate), signature.score(expression), rtol=1e-9)
    off = signature.score_plate(plate, calibrated=False)
    assert (off.table["score"] < signature.score(expression)["score"]).all()
    assert off.notes[0] == "Inter-plate calibration by IPC was switched off: Ct values are used as measured."


def test_a_sample_scores_alike_alone_and_in_company(signature, expression):
    whole = signature.score(make_plate(expression))
    alone = signature.score(make_plate(expression.iloc[[2]]))
    pd.testing.assert_frame_equal(alone, whole.iloc[[2]], check_exact=True)


def test_reasons_of_samples_that_cannot_be_scored(signature, expression):
    plate = make_plate(expression)
    s0, s1, s2, s3 = expression.index

    def at(sample, *assays):
        return plate["sample"].eq(sample) & plate["assay"].isin(assays)

    plate.loc[at(s0, "r1", "r2"), "state"] = "untrusted"
    plate.loc[at(s1, "r1"), ["ct", "state"]] = [np.nan, "not detected"]  # one reference of two is enough
    plate.loc[at(s2, "a1", "c1"), "state"] = "untrusted"
    plate.loc[at(s3, "a1"), ["ct", "state"]] = [np.nan, "not detected"]
    table = signature.score(plate)
    assert table["scorable"].tolist() == [False, True, False, True]
    assert table["reason"].tolist() == [
        "0 of 2 reference genes usable",
        "",
        "22% of the panel's reactions untrusted",
        "",
    ]
    assert table.loc[s0, ["score", "risk"]].isna().all() and pd.isna(table.loc[s0, "flag"])
    # Not detected counts as the limit of detection, 25 cycles.
    bounded = expression.iloc[[3]].assign(a1=13.0 - 25.0)
    assert table.loc[s3, "score"] == pytest.approx(signature.score(bounded)["score"].item())


def test_genes_that_the_plate_lacks_are_said_and_follow_the_rule(signature, expression):
    few = signature.score_plate(make_plate(expression.drop(columns=["a1", "b1"])))
    assert few.notes[0] == "Genes of the signature that the plate does not measure: a1, b1."
    pd.testing.assert_frame_equal(few.table, signature.score(expression.drop(columns=["a1", "b1"])), rtol=1e-12)
    fewer = signature.score(make_plate(expression.drop(columns=["a1", "a2", "a3"])))
    assert not fewer["scorable"].any()
    assert set(fewer["reason"]) == {"fewer than 50% of the genes of A"}


def test_plates_that_cannot_be_scored_are_refused(signature, expression, context):
    plate = make_plate(expression)
    with pytest.raises(SignatureError, match=r"lacks reference genes.*no r2; its assays are a1, a2"):
        signature.score(plate[plate["assay"] != "r2"])
    with pytest.raises(SignatureError, match=r"measures no gene of the signature"):
        signature.score(plate[plate["assay"].isin(["r1", "r2", "c1", "c2"])])
    with pytest.raises(
        SignatureError, match=r"calibrator IPC, and it gave no Ct. Found: chip plate_1.*--no-calibrator"
    ):
        signature.score(plate[plate["sample"] != "IPC"])
    with pytest.raises(SignatureError, match=r"Found: chip plate_2"):
        other = make_plate(expression, chip="plate_2", calibrator="Pool")
        signature.score(pd.concat([plate, other]))
    with pytest.raises(SignatureError, match="no sample"):
        signature.score(plate[plate["sample"].isin(["IPC", "NTC"])])
    with pytest.raises(AnalysisError, match="unknown state"):
        signature.score(plate.assign(state="fine"))
    matrix = lock_module_score(replace(context, measurement=None), "ab")
    with pytest.raises(SignatureError, match="locked on an expression matrix"):
        matrix.score(plate)


def test_without_a_frozen_calibrator_that_is_said(context, expression):
    plain = replace(context.measurement, calibrator=None, calibrator_levels=pd.Series(dtype=float))
    signature = lock_module_score(replace(context, measurement=plain), "ab")
    scores = signature.score_plate(make_plate(expression))
    assert scores.notes[0] == "The signature carries no inter-plate calibrator: Ct values are used as measured."
    # The calibrator's name is then unknown: its wells are scored as any sample's.
    assert "IPC" in scores.table.index


def test_tasks_and_blank_inlets_are_not_scored(signature, expression):
    plate = make_plate(expression).assign(task="unknown")
    plate.loc[plate["sample"] == expression.index[0], "task"] = "standard"
    plate.loc[plate["sample"] == expression.index[1], "sample"] = ""
    scores = signature.score_plate(plate)
    assert scores.table.index.tolist() == expression.index[2:].tolist()
    assert expression.index[0] in scores.notes[1]


def test_efficiencies_and_imputation_are_those_of_the_lock(context, expression):
    frozen = replace(context.measurement, efficiencies=pd.Series({"a1": 1.8}), not_detected="impute")
    signature = lock_module_score(replace(context, measurement=frozen), "ab")
    scores = signature.score_plate(make_plate(expression))
    stretched = expression.assign(a1=13.0 - (13.0 - expression["a1"]) * np.log2(1.8))
    pd.testing.assert_series_equal(scores.table["score"], signature.score(stretched)["score"], rtol=1e-9)
    assert "the study imputed them" in scores.notes[-1]
