from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning.window import NOT_OBSERVED
from lumier_analysis.errors import AnalysisError, UsageError
from lumier_analysis.pipeline.explain import explain_patient
from lumier_analysis.signature import LockContext, lock_module_score
from lumier_analysis.study import Study, load_plan, project_root

VISITS = ["M0", "M3", "M6", "M9", "M12", "flare"]


@pytest.fixture
def study(tmp_path):
    plan = load_plan(project_root() / "data/synthetic/plan.yml")
    made = Study(tmp_path / "data/synthetic", tmp_path / "raw", plan, tmp_path)
    people = {"patient_id": ["P1", "P2"], "centre": "C1", "reason": ["", "pregnant"], "end_day": [200, 10]}
    made.write("patients", "validation", pd.DataFrame(people).assign(end_reason=["lost", None]))
    days = [0, 90, 180, 270, 360, 140]
    visits = pd.DataFrame({"patient_id": "P1", "visit": VISITS, "day": days, "scheduled": [True] * 5 + [False]})
    made.write("visits", "validation", visits.astype({"day": "Int64"}))
    samples = pd.DataFrame({"patient_id": "P1", "visit": VISITS[:3], "day": days[:3], "sample_id": ["S0", "S1", "S2"]})
    made.write("samples", "validation", samples.assign(qc_pass=[True, True, False], qc_reason=["", "", "RIN below 6"]))
    flares = {"patient_id": ["P1"], "onset_day": [138], "detection_day": [140], "day": [138], "is_flare": True}
    made.write("flares", "validation", pd.DataFrame(flares))
    marks = pd.DataFrame(
        {
            "patient_id": "P1",
            "visit": VISITS[:4],
            "day": days[:4],
            "sample_id": ["S0", "S1", "S2", None],
            "included": [True, True, False, False],
            "reason": ["", "", "after a flare", NOT_OBSERVED],
            "event": [0, 1, None, None],
            "competing": False,
            "window_end_day": [90, 180, None, None],
            "flare_day": [None, 138, None, None],
        }
    ).astype(dict.fromkeys(("event", "window_end_day", "flare_day"), "Int64"))
    made.write("landmarks", "validation", marks)
    return made


def lock(study):
    genes = study.plan.panel.genes
    context = LockContext(
        study.plan.panel.modules, study.plan.panel.scores, study.plan.panel.reference_genes,
        pd.Series(0.0, genes), pd.Series(1.0, genes), "made up", None, 0.5, "0" * 64, "0" * 64,
    )  # fmt: skip
    lock_module_score(context, "interferon").save(study.signature_path)
    expression = pd.DataFrame(np.array([[0.0], [1.0]]).repeat(len(genes), axis=1), index=["S0", "S1"], columns=genes)
    study.write("expression", "validation", expression)


def test_every_visit_has_its_reason(study):
    lock(study)
    lines = explain_patient(study, " P1 ")
    text = "\n".join(lines)
    assert lines[0] == "Patient P1, validation cohort, centre C1: analysed"
    assert "Follow-up ends on day 200, lost" in text
    assert "Flare: onset day 138, detected day 140: a flare by the plan" in text
    assert "M0, day 0: in: window to day 90, no flare in it, a non-event; score 0.000, below the threshold" in text
    assert "M3, day 90: in: window to day 180, flare on day 138, an event; score 1.000, at or above the thresh" in text
    assert "M6, day 180: out: after a flare\n      sample S2, day 180: fails, RIN below 6" in text
    assert f"M9, day 270: out: {NOT_OBSERVED}\n      no sample" in text
    assert "M12, day 360: out: no landmark visit of the plan (M0, M3, M6, M9)" in text
    assert "flare, day 140: out: not a scheduled visit" in text
    # Visits in the order of their days, one line of fate and one of sample each.
    assert len(lines) == 4 + 2 * len(VISITS)


def test_without_a_signature_it_says_so(study):
    assert explain_patient(study, "P1")[-1] == "  No score: no signature is locked yet"
    study.signature_path.write_text("{}")
    assert "no locked signature this version can read" in explain_patient(study, "P1")[-1]


def test_a_patient_who_is_not_analysed(study):
    lines = explain_patient(study, "P2")
    assert lines[0].endswith("not analysed: pregnant") and lines[-1].strip() == "none"


def test_nothing_is_written(study):
    lock(study)
    before = {p: p.stat().st_mtime_ns for p in study.root.rglob("*")}
    explain_patient(study, "P1")
    assert {p: p.stat().st_mtime_ns for p in study.root.rglob("*")} == before


def test_a_wrong_code_shows_no_other(study):
    with pytest.raises(UsageError, match="no patient 'P9'") as refused:
        explain_patient(study, "P9")
    assert "P1" not in str(refused.value) and "2 patients" in str(refused.value)


def test_before_cleaning(tmp_path, study):
    empty = Study(tmp_path / "data/other", study.raw, study.plan, tmp_path)
    with pytest.raises(AnalysisError, match="no landmarks yet"):
        explain_patient(empty, "P1")
