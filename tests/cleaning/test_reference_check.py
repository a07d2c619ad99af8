"""Reference genes against the clinic: planted associations are found, and the simulated study has none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lumier_analysis.cleaning import clean_study
from lumier_analysis.cleaning.measure_qpcr import measure_qpcr
from lumier_analysis.cleaning.queries import Queries
from lumier_analysis.cleaning.reference_check import reference_associations
from lumier_analysis.errors import AnalysisError
from lumier_analysis.study import open_study

TEST = {f"S{chip}.{i:02d}" for chip in (0, 1) for i in range(20)}


def tables(samples: list[str]) -> dict[str, dict[str, pd.DataFrame]]:
    """Two visits a patient; the dose falls from visit to visit."""
    who = [f"P{s[1]}{int(s[3:]) // 2:02d}" for s in samples]
    visit = ["M0" if int(s[3:]) % 2 == 0 else "M3" for s in samples]
    frame = pd.DataFrame({"sample_id": samples, "patient_id": who, "visit": visit})
    frame["day"] = np.where(frame["visit"] == "M0", 0, 91)
    rng = np.random.default_rng(2)
    visits = frame[["patient_id", "visit"]].assign(prednisone=rng.uniform(0, 20, len(frame)))
    patients = frame[["patient_id"]].drop_duplicates().assign(centre=lambda f: np.where(f.index % 4, "a", "b"))
    return {"samples": frame, "visits": visits, "patients": patients}


def test_a_gene_that_follows_the_dose_is_flagged(qpcr_run) -> None:
    make, plan = qpcr_run
    frame = make()
    names = [s for s in frame["sample"].unique() if s.startswith("S")]
    own = tables(names)
    dose = own["samples"].merge(own["visits"], on=["patient_id", "visit"]).set_index("sample_id")["prednisone"]
    moved = frame["assay"].eq("R2") & frame["sample"].str.startswith("S")
    frame.loc[moved, "ct"] -= 0.05 * frame.loc[moved, "sample"].map(dose)
    measured = measure_qpcr(frame, None, TEST, plan, Queries())
    table = reference_associations(measured, {"test": own, "controls": {"samples": own["samples"]}}, plan)
    flagged = table[table["flagged"] & table["gene"].eq("R2")]
    assert flagged["covariate"].tolist() == ["prednisone"]
    # R2 against the mean of the three others: its whole rise of 0.05 log2 a milligram.
    assert flagged["effect"].item() == pytest.approx(0.05 * dose.std(), abs=0.05)
    assert table["covariate"].unique().tolist() == ["interferon score", "prednisone", "day", "centre", "cohort"]
    assert table.set_index("covariate").loc["day", "clusters"].eq(40).all()
    # One cohort alone is no comparison; on four chips there would be too few in any case.
    cohort = table[table["covariate"] == "cohort"]
    assert cohort["p_value"].isna().all()
    assert (cohort["note"] != "").all()


def test_one_reference_gene_cannot_be_judged(qpcr_run) -> None:
    make, plan = qpcr_run
    plan = plan.model_copy(update={"panel": plan.panel.model_copy(update={"reference_genes": ["R1"]})})
    measured = measure_qpcr(make(), None, TEST, plan, Queries())
    with pytest.raises(AnalysisError, match="two are needed"):
        reference_associations(measured, {}, plan)


def test_the_simulated_study_has_stable_reference_genes(simulated) -> None:
    study = open_study(simulated)
    cleaned = clean_study(study)
    table = reference_associations(cleaned.measured, cleaned.tables, study.plan)
    assert not table["flagged"].any()
    assert len(table) == 6 * 5
    assert table.loc[table["covariate"] == "cohort", "clusters"].between(10, 25).all()
    assert table.loc[table["covariate"] != "cohort", "clusters"].gt(200).all()
